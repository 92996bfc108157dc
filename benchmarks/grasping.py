"""How often a robot that drives takes hold of each kind of thing in the kitchen, by friction alone.

    python benchmarks/grasping.py robot=mobile_panda poses=20 out=grasping.jsonl [kinds=mug,can] [first=1000]

In each trial one thing stands on the counter or the table of sim.kitchen.nook, drawn from its seed. The robot stands a
metre away, sees it, drives to it and picks it. It counts if the thing was lifted by 15 cm, was held for 2 s, and is
still held after half a metre of driving. Trials that are in `out` already are not done again. Trials 0 to 19 are the
test: develop on others (first=1000).
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from robots.geometry import Pose
from robots.interface import Status
from robots.mobile import navigate_to, pick
from robots.mobile.drive import drive_to
from robots.mobile.planar import flat
from robots.mobile_panda import mobile_panda
from robots.primitives.base import Body, Outcome, Target
from robots.spec import RobotSpec
from robots.stretch import stretch
from robots.tiago_pro import tiago_pro
from sim import bullet  # noqa: F401, before whatever imports pybullet
from sim.kitchen.nook import NOOK_MAP, NookScene
from sim.kitchen.things import KINDS
from sim.points import points
from sim.render import open_renderer
from sim.robot import SimRobot
from sim.scenes import ObjectSpec, PlacedObject
from sim.stats import rate_of
from sim.world import World

ROBOTS: dict[str, Callable[[], RobotSpec]] = {
    "mobile_panda": mobile_panda, "stretch": stretch, "tiago_pro": tiago_pro,
}  # fmt: skip
LIFT_M, HOLD_S, DRIVE_M = 0.15, 2.0, 0.5
PLACES = {"counter": ((-0.9, 1.32), (0.5, 1.62), 0.90), "table": ((0.75, -1.2), (1.5, -0.78), 0.75)}
"""From where to where the middle of a thing may be, x and y, and the height."""


def scene(kind: str, number: int) -> NookScene:
    """The thing of trial `number`, and the robot a metre in front of it."""
    rng = np.random.default_rng([number, sorted(KINDS).index(kind)])
    sizes = KINDS[kind].sizes
    low, high, z = PLACES["table" if number % 2 else "counter"]
    xy = rng.uniform(low, high)
    spec = ObjectSpec(name=kind, kind=kind, colour="", size=str(sizes[int(rng.integers(len(sizes)))]))
    thing = PlacedObject(
        spec=spec, xy_m=(float(xy[0]), float(xy[1])), yaw_rad=float(rng.uniform(-np.pi, np.pi)), z_m=z, stands=True
    )
    towards = 1.0 if z > 0.8 else -1.0
    start = np.array([xy[0] + rng.uniform(-0.3, 0.3), xy[1] - towards * rng.uniform(0.95, 1.1), 0.0])
    way = xy - start[:2]
    yaw = float(np.arctan2(way[1], way[0]) + rng.uniform(-0.15, 0.15))
    return NookScene(seed=number, objects=(thing,), start=Pose.from_xyz_yaw(start, yaw))


class Watched(SimRobot):
    """Remembers how high a thing has been. Measures, and tells the robot nothing."""

    highest_m = -np.inf

    def wait(self, seconds: float) -> None:
        super().wait(seconds)
        for name in self.world.names:
            self.highest_m = max(self.highest_m, float(self.world.pose(name).xyz[2]))


def trial(robot: Watched, kind: str, number: int) -> dict[str, object]:
    """One trial, as a line of `out`."""
    drawn = scene(kind, number)
    robot.reset(drawn)
    robot.highest_m = -np.inf
    robot.wait(0.2)
    body = Body(robot, map=NOOK_MAP)
    began = time.perf_counter()
    outcome, step = attempt(robot, body, kind)
    lifted = robot.highest_m - drawn.objects[0].z_m
    held = robot.world.held() == kind
    if outcome.status is Status.SUCCEEDED and not (held and lifted > LIFT_M):
        step, outcome = "held" if not held else "lifted", Outcome(status=Status.GRASP_FAILED, detail=f"{lifted:.2f} m")
    return {
        "kind": kind, "number": number, "ok": outcome.status is Status.SUCCEEDED, "step": step,
        "status": outcome.status.value, "detail": outcome.detail, "sim_s": round(robot.world.time_s, 1),
        "wall_s": round(time.perf_counter() - began, 1),
    }  # fmt: skip


def attempt(robot: SimRobot, body: Body, kind: str) -> tuple[Outcome, str]:
    """Drive there, pick, hold, drive back; the last outcome and which step it was."""
    target = pointed(robot, kind)
    if target is None:
        return Outcome(status=Status.TARGET_NOT_FOUND, detail="not in the picture"), "see"
    outcome = navigate_to(body, target)
    if outcome.status is not Status.SUCCEEDED:
        return outcome, "navigate"
    target = pointed(robot, kind)
    if target is None:
        return Outcome(status=Status.TARGET_NOT_FOUND, detail="not in the picture from there"), "see again"
    outcome = pick(body, target)
    if outcome.status is not Status.SUCCEEDED:
        return outcome, "pick"
    robot.wait(HOLD_S)
    here = flat(robot.state().world_T_base)
    around = np.radians(np.arange(0.0, 360.0, 30.0))
    goals = here + DRIVE_M * np.stack([np.cos(around), np.sin(around), np.zeros(12)], axis=1)
    return drive_to(body, goals, deadline_s=robot.world.time_s + 30.0), "drive"


def pointed(robot: SimRobot, kind: str) -> Target | None:
    """What a planner that sees the thing would say."""
    seen = robot.observe()
    point = points(robot.world, robot.main_picture(), seen.main)[kind]
    if point is None:
        return None
    depth, k = float(seen.main.depth_m[point]), seen.main.intrinsics
    ray = np.array([(point[1] - k[0, 2]) / k[0, 0], (point[0] - k[1, 2]) / k[1, 1], 1.0])
    return Target(words=kind, xyz_m=seen.main.world_T_camera.apply(depth * ray), camera=seen.camera)


def table(lines: list[dict[str, object]]) -> str:
    """One row a kind."""
    rows = ["| kind | picked | 95 % interval | what failed |", "| --- | --- | --- | --- |"]
    every = {k: [x for x in lines if x["kind"] == k] for k in sorted({str(x["kind"]) for x in lines})}
    for kind, trials in (*every.items(), ("all", lines)):
        rate = rate_of(bool(x["ok"]) for x in trials)
        low, high = rate.wilson_95
        failed = sorted({f"{x['step']}: {x['status']}" for x in trials if not x["ok"]}) if kind != "all" else []
        rows.append(
            f"| {kind} | {rate.successes} / {rate.n} | {100 * low:.0f} to {100 * high:.0f} % | {', '.join(failed)} |"
        )
    return "\n".join(rows)


def main(words: list[str]) -> None:
    """Runs what is missing, then prints the table."""
    options = {"robot": "mobile_panda", "poses": "20", "out": "grasping.jsonl", "kinds": ",".join(KINDS), "first": "0"}
    options |= dict(word.split("=", 1) for word in words)
    out, first = Path(options["out"]), int(options["first"])
    lines = [json.loads(line) for line in out.read_text().splitlines()] if out.exists() else []
    done = {(x["kind"], x["number"]) for x in lines}
    robot = Watched(World(spec=ROBOTS[options["robot"]]()), open_renderer("auto").renderer)
    with out.open("a") as file:
        for kind in options["kinds"].split(","):
            for number in range(first, first + int(options["poses"])):
                if (kind, number) in done:
                    continue
                lines.append(trial(robot, kind, number))
                file.write(json.dumps(lines[-1]) + "\n")
                file.flush()
    robot.close()
    wanted = set(options["kinds"].split(","))
    print(table([x for x in lines if x["kind"] in wanted]))


if __name__ == "__main__":
    main(sys.argv[1:])
