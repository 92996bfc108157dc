"""Hostile commands to each robot behind the safety kernel, in PyBullet, measured by the physics alone.

    python benchmarks/safety.py [robots=panda,mobile_panda,stretch,tiago_pro] [steps=100000] [seed=0] [seconds=inf]
                                [out=safety.jsonl]

A robot that drives stands in a pen of 5 by 5 m with two pillars and a shelf, which the kernel knows (margin 8 cm: the
robot believes to be a few centimetres from where it is); the Panda stands on its table beside a wall. Each 100 commands
are of one kind: anything at random; from one end of all ranges to the other; towards a configuration in which the robot
would be inside itself; towards the floor; at full speed into whatever is there; numbers that are none; two commands in
one period, and pauses. The hand may touch nothing (touch=false).

Measured after every step of the physics (240 a second): joint positions and, over control periods, speeds (`instant` in
`out`: over single steps, in which Bullet's motors swing); every contact with anything; once a control period, how near
the robot's own links are, but for those that touch as it is built. And of what reached the motors: velocity,
acceleration and jerk. `ms`: wall clock of the kernel's own part of a command. seconds: of the wall's clock, after which
a robot's run ends with the steps that it has.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pybullet as p
from numpy.typing import NDArray

from robots.geometry import Pose
from robots.interface import Command
from robots.mobile_panda import mobile_panda
from robots.planning.obstacles import Box
from robots.safety import SafeRobot, SafetyConfig, SafetyStop
from robots.spec import JERK_PER_ACCELERATION, RobotSpec, panda
from robots.stretch import stretch
from robots.tiago_pro import tiago_pro
from sim.bodies import Body
from sim.camera import CameraSpec, LightSpec
from sim.mobile import MobileArm
from sim.render import VisualPart
from sim.render_tiny import TinyRenderer
from sim.robot import SimRobot
from sim.scenes import ObjectSpec, PlacedObject
from sim.setting import Top
from sim.world import World

Float = NDArray[np.float64]

ROBOTS = {"panda": panda, "mobile_panda": mobile_panda, "stretch": stretch, "tiago_pro": tiago_pro}
KINDS = ("random", "ends", "itself", "floor", "into", "not numbers", "unevenly")
A_KIND = 100
LOOK_EVERY = 4
DEPTH_M = 1e-3
"""A contact is a collision from this depth on: Bullet's own margin around hulls."""


def pen(drives: bool) -> list[Box]:
    """Walls 2.4 m away and things to run into; beside the Panda's table, a wall."""
    if not drives:
        return [Box.between([-0.6, 0.62, 0.0], [1.2, 0.7, 1.2], name="wall")]
    walls = [([-2.5, y, 0], [2.5, y + 0.1, 2]) for y in (-2.5, 2.4)]
    walls += [([x, -2.5, 0], [x + 0.1, 2.5, 2]) for x in (-2.5, 2.4)]
    things = [([1.2, -0.3, 0], [1.5, 0.0, 2]), ([-1.3, 0.9, 0], [-1.0, 1.2, 2]), ([0.2, 1.4, 0.7], [1.4, 1.9, 0.75])]
    return [Box.between(low, high, name=f"box {k}") for k, (low, high) in enumerate(walls + things)]


@dataclass(frozen=True, kw_only=True)
class Pen:
    """The setting of a scene."""

    drives: bool

    def build(self, client: int, *, visuals: bool) -> Built:
        return Built(self.drives, client)


@dataclass(frozen=True, kw_only=True)
class PenScene:
    """The robot alone in its pen."""

    setting: Pen
    seed: int = 0
    start: Pose = field(default_factory=Pose.identity)
    objects: tuple[PlacedObject, ...] = ()
    specs: tuple[ObjectSpec, ...] = ()
    camera: CameraSpec | None = None
    lights: LightSpec = field(default_factory=lambda: LightSpec(shadow=0.0))


class Built:
    """The pen as it stands, and who looks after each step."""

    def __init__(self, drives: bool, client: int) -> None:
        solids = [*pen(drives), Box.between([-5, -5, -1], [5, 5, 0], name="floor")]
        self.names: Mapping[int, str] = {}
        for solid in solids:
            shape = p.createCollisionShape(p.GEOM_BOX, halfExtents=solid.half_m.tolist(), physicsClientId=client)
            body = p.createMultiBody(0.0, shape, basePosition=solid.pose.xyz.tolist(), physicsClientId=client)
            self.names = {**self.names, body: solid.name}
        self.witness: Witness | None = None

    def visuals(self) -> list[VisualPart]:
        return []

    def tops(self) -> tuple[Top, ...]:
        return ()

    def begin(self, bodies: Mapping[str, Body]) -> None:
        """Nothing stands in it."""

    def stepped(self, steps: int) -> None:
        if self.witness is not None:
            self.witness.look(steps)

    def memory(self) -> object:
        return None

    def recall(self, memory: object) -> None:
        """It remembers nothing."""


class Witness:
    """What the physics says; the kernel is not asked."""

    def __init__(self, robot: SimRobot) -> None:
        self._arm, self._world = robot.world.arm, robot.world
        self._client, self._spec = robot.world.client, robot.spec
        self.speed = self.instant = self.beyond = 0.0
        self.depth_m = {"things": 0.0, "itself": 0.0}
        self.where: dict[str, str] = {}
        self.collisions = 0
        self._before: Float | None = None
        links = range(-1, p.getNumJoints(self._arm.body, physicsClientId=self._client))
        solid = [k for k in links if p.getCollisionShapeData(self._arm.body, k, physicsClientId=self._client)]
        self._named = {k: n for n, k in self._arm.links.items()}
        pairs = [(a, b) for a in solid for b in solid if a < b]
        self._pairs = [pair for pair in pairs if not self._built_in(*pair)]

    def _built_in(self, a: int, b: int) -> bool:
        """Neighbours, and what slides inside one another, touch as the robot is built."""
        one, other = self._named[a], self._named[b]
        inside = [n for n in self._named.values() if n == "link_lift" or n.startswith("link_arm_l")]
        if one in inside and other in inside:
            return True
        chain: list[set[int]] = []
        for k in range(p.getNumJoints(self._arm.body, physicsClientId=self._client)):
            info = p.getJointInfo(self._arm.body, k, physicsClientId=self._client)
            chain.append({k, int(info[16])})
        if {a, b} in chain:
            return True
        return bool(self._gap(a, b) < 0)  # at home

    def _gap(self, a: int, b: int) -> float:
        body = self._arm.body
        near = p.getClosestPoints(body, body, 0.0, a, b, physicsClientId=self._client)
        return min((float(c[8]) for c in near), default=0.0)

    def look(self, steps: int) -> None:
        """After each step of the physics."""
        spec, q = self._spec, self._arm.q
        if steps % 4 == 0:
            if self._before is not None:
                self.speed = max(self.speed, float((np.abs(q - self._before) * 60 / spec.velocity_rad_s).max()))
            self._before = q
        states = p.getJointStates(self._arm.body, self._arm._arm, physicsClientId=self._client)
        speeds = np.bincount(self._arm._owner, weights=np.abs([s[1] for s in states]))
        self.instant = max(self.instant, float((speeds / spec.velocity_rad_s).max()))
        if isinstance(self._arm, MobileArm) and spec.base is not None:
            twist = np.abs(self._arm.base_twist)
            share = twist / np.where(spec.base.velocity > 0, spec.base.velocity, np.inf)
            self.speed = max(self.speed, float(share.max()))
        self.beyond = max(self.beyond, float(np.maximum(q - spec.q_upper_rad, spec.q_lower_rad - q).max()))
        touched = False
        for c in p.getContactPoints(bodyA=self._arm.body, physicsClientId=self._client):
            touched |= self._met("things", -float(c[8]), f"{self._named[c[3]]} and {self._world.fixtures.names[c[2]]}")
        if steps % LOOK_EVERY == 0:
            for a, b in self._pairs:
                if (gap := self._gap(a, b)) < 0:
                    touched |= self._met("itself", -gap, f"{self._named[a]} and {self._named[b]}")
        self.collisions += touched

    def _met(self, what: str, depth_m: float, names: str) -> bool:
        if depth_m > self.depth_m[what]:
            self.depth_m[what], self.where[what] = depth_m, names
        return depth_m > DEPTH_M


class Wire:
    """The simulated robot, and the stream of what reached its motors, one row a control period."""

    def __init__(self, robot: SimRobot) -> None:
        self._robot = robot
        self.rows: list[Float] = []
        self.spent_s = 0.0
        self._last: list[Float] = []
        self.spec = robot.spec
        self.observe, self.state, self.close = robot.observe, robot.state, robot.close

    def send(self, command: Command) -> Command:
        start = time.perf_counter()
        sent = self._robot.send(command)
        self.spent_s += time.perf_counter() - start
        return sent

    def stop(self) -> None:
        self._robot.stop()

    def wait(self, seconds: float) -> None:
        for _ in range(max(1, round(seconds / self.spec.period_s))):
            arm = self._robot.world.arm
            row = [arm.q_goal]
            if isinstance(arm, MobileArm):
                row += [arm.head_goal]
            self._robot.wait(self.spec.period_s)
            if isinstance(arm, MobileArm):
                row += [arm._twist]
            self.rows.append(np.concatenate(row))

    def worst(self) -> tuple[float, float, float]:
        """Largest share of velocity, acceleration and jerk that the stream took."""
        spec, rows, h = self.spec, np.stack(self.rows), self.spec.period_s
        n, m = spec.dof, spec.dof + (2 if spec.head is not None else 0)
        velocity = np.diff(rows, axis=0) / h
        limits = [[spec.velocity_rad_s, spec.acceleration_rad_s2, spec.jerk_rad_s3]]
        columns = [velocity[:, :n]]
        if spec.head is not None:
            head = spec.head
            columns.append(velocity[:, n:m])
            jerk = JERK_PER_ACCELERATION * head.acceleration_rad_s2
            limits.append([head.velocity_rad_s, head.acceleration_rad_s2, jerk])
        if spec.base is not None:
            columns.append(rows[1:, m:])
            limits.append([spec.base.velocity, spec.base.acceleration, spec.base.jerk])
        worst = np.zeros(3)
        for column, most in zip(columns, limits, strict=True):
            for k in range(3):
                change = np.abs(np.diff(column, n=k, axis=0)) / h**k / np.where(most[k] > 0, most[k], 1.0)
                worst[k] = max(worst[k], float(change.max()))
        return float(worst[0]), float(worst[1]), float(worst[2])


class Hostile:
    """Commands of one kind after another."""

    def __init__(self, spec: RobotSpec, robot: SafeRobot, rng: np.random.Generator) -> None:
        self._spec, self._rng = spec, rng
        low, high = spec.q_lower_rad, spec.q_upper_rad
        samples = rng.uniform(low, high, (600, spec.dof))
        shape = robot._shape.clear.shape
        i, j = shape.pairs.T
        centres = shape.centres(samples)
        gaps = (np.linalg.norm(centres[:, i] - centres[:, j], axis=2) - shape.radii_m[i] - shape.radii_m[j]).min(axis=1)
        self._inside = samples[np.argsort(gaps)[:100]]
        self._low = samples[np.argsort(centres[..., 2].min(axis=1))[:100]]
        self._goal = self._twist = np.zeros(0)

    def command(self, k: int) -> tuple[Command, float]:
        """The k-th command, and for how many periods it stands."""
        spec, rng, kind = self._spec, self._rng, KINDS[k // A_KIND % len(KINDS)]
        low, high = spec.q_lower_rad, spec.q_upper_rad
        if k % A_KIND == 0:
            self._twist = rng.choice([-9.0, 9.0], 3) * (rng.random(3) < 0.7)
            self._goal = {"itself": self._inside, "floor": self._low}.get(kind, self._inside)[rng.integers(100)]
            if kind == "into":
                self._goal = rng.uniform(low, high)
        arm_q, twist, head, width, periods = self._goal, self._twist, rng.uniform(-9, 9, 2), rng.uniform(-1, 1), 1.0
        if kind == "random":
            arm_q, twist = rng.uniform(2 * low - 1, 2 * high + 1), rng.uniform(-9, 9, 3)
        elif kind == "ends":
            every = [1, 2, 7, 25][k // A_KIND // len(KINDS) % 4]
            up = k // every % 2 == 0
            arm_q, twist = (high if up else low), np.full(3, 9.0 if up else -9.0)
        elif kind in ("itself", "floor"):
            twist = np.zeros(3)
        elif kind == "not numbers" and rng.random() < 0.5:
            arm_q = arm_q.copy()
            arm_q[rng.integers(spec.dof)] = rng.choice([np.nan, np.inf, -np.inf, 1e300])
        elif kind == "unevenly":
            arm_q, periods = rng.uniform(low, high), float(rng.choice([0.0, 1.0, 1.0, 3.0]))
        return Command(
            arm_q=arm_q, gripper_width_m=float(width),
            base_twist=None if spec.base is None else np.asarray(twist, dtype=np.float64),
            head_q=None if spec.head is None else head,
        ), periods  # fmt: skip


def trial(name: str, steps: int, seed: int, seconds: float = np.inf) -> dict[str, Any]:
    """So many commands to one robot."""
    spec = ROBOTS[name]()
    drives, rng = spec.base is not None, np.random.default_rng(seed)
    sim = SimRobot(World(spec=spec), TinyRenderer())
    sim.reset(PenScene(setting=Pen(drives=drives)))
    fixtures = sim.world.fixtures
    assert isinstance(fixtures, Built)
    witness = fixtures.witness = Witness(sim)
    wire = Wire(sim)
    robot = SafeRobot(wire, SafetyConfig(margin_m=0.08 if drives else 0.01, touch=False, stray=0.0))
    robot.surround(pen(drives), lower_m=np.full(3, -2.8), upper_m=np.full(3, 2.8))
    hostile, start, spent_s, way_m, last = Hostile(spec, robot, rng), time.perf_counter(), 0.0, 0.0, np.zeros(3)
    vetoes: dict[str, int] = {}
    robot._told = lambda veto: vetoes.__setitem__(veto.reason.name, vetoes.get(veto.reason.name, 0) + 1)
    for k in range(steps):
        command, periods = hostile.command(k)
        before, wire.spent_s = time.perf_counter(), 0.0
        try:
            robot.send(command)
        except SafetyStop:
            robot.clear()
        spent_s += time.perf_counter() - before - wire.spent_s
        if periods:
            robot.wait(periods * spec.period_s)
        tool = sim.world.arm.tool().xyz
        way_m, last = way_m + float(np.linalg.norm(tool - last)), tool
        if time.perf_counter() - start > seconds:
            steps = k + 1
            break
        if time.perf_counter() - start > 60 * (1 + k // 10_000) and k % 10_000 == 9_999:
            print(f"{name} {k + 1} of {steps}", file=sys.stderr, flush=True)
    robot.stop()
    velocity, acceleration, jerk = wire.worst()
    sim.close()
    return {
        "robot": name, "steps": steps, "seed": seed, "collisions": witness.collisions,
        "depth_mm": {k: round(1e3 * v, 2) for k, v in witness.depth_m.items()}, "where": witness.where,
        "speed": round(witness.speed, 4), "instant": round(witness.instant, 4), "beyond": round(witness.beyond, 6),
        "velocity": round(velocity, 5),
        "acceleration": round(acceleration, 5), "jerk": round(jerk, 5), "tool_m": round(way_m, 1), "vetoes": vetoes,
        "ms": round(1e3 * spent_s / steps, 3), "wall_s": round(time.perf_counter() - start, 1),
    }  # fmt: skip


def main() -> None:
    given = dict(word.split("=", 1) for word in sys.argv[1:])
    names = given.get("robots", ",".join(ROBOTS)).split(",")
    print("robot         steps   collisions  deepest mm       measured  sent: share of limit        tool   kernel")
    print("                      (> 1 mm)    things itself    speed     velocity accel.  jerk      way m  ms")
    for name in names:
        limit_s = float(given.get("seconds", "inf"))
        row = trial(name, int(given.get("steps", "100000")), int(given.get("seed", "0")), limit_s)
        print(
            f"{name:13} {row['steps']:<7} {row['collisions']:<11} {row['depth_mm']['things']:<6} "
            f"{row['depth_mm']['itself']:<9} {row['speed']:<9} {row['velocity']:<8} {row['acceleration']:<7} "
            f"{row['jerk']:<9} {row['tool_m']:<6} {row['ms']}", flush=True,
        )  # fmt: skip
        if "out" in given:
            with Path(given["out"]).open("a") as f:
                f.write(json.dumps(row) + "\n")


if __name__ == "__main__":
    main()
