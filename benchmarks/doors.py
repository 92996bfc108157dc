"""How often a robot that drives opens and shuts each kind of drawer and door, and presses each kind of button.

    python benchmarks/doors.py robot=mobile_panda kitchens=20 [first=3000000] [kinds=drawer,fridge] out=doors.jsonl

Kitchen by kitchen from its seed (by default 2,000,000 on, the test seeds), without things. The robot stands where one
stands to use the furniture, 15 cm and 10 degrees off at most, and is told a point of the handle or button. Opened
counts from 80 % of a drawer and 70 degrees of a door on, shut up to 5 %; both as they truly are, with the primitive's
own word for it besides. A button counts if it has switched its own lamp or ring, and nothing else, on. Clean is a trial
without a contact deeper than 2 mm with anything else and with no limit exceeded. Trials in `out` are not done again.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from agent.executor import Started
from agent.plan import PrimitiveCall
from agent.verbs import Verb
from agent.watched import WatchedRobot
from robots.geometry import Pose
from robots.interface import Status
from robots.mobile import close, open_, press
from robots.mobile_panda import mobile_panda
from robots.primitives.base import Body, Target
from robots.spec import RobotSpec
from robots.stretch import stretch
from sim import bullet  # noqa: F401, before whatever imports pybullet
from sim.kitchen.fixtures import KitchenFixtures
from sim.kitchen.maps import room_map
from sim.kitchen.rooms import KitchenScene, sample_kitchen
from sim.mobile import MobileArm
from sim.probe import Probe
from sim.render import open_renderer
from sim.robot import SimRobot
from sim.stats import rate_of
from sim.world import World

ROBOTS: dict[str, Callable[[], RobotSpec]] = {"mobile_panda": mobile_panda, "stretch": stretch}
FIRST_SEED = 2_000_000
OPEN_DRAWER, OPEN_RAD, SHUT = 0.8, float(np.deg2rad(70)), 0.05
ASIDE_M, BACK_M, TURN_RAD = 0.15, 0.25, float(np.deg2rad(10))


def named(scene: KitchenScene) -> Iterator[tuple[str, str, str]]:
    """(kind, name, what to do) of all that opens or is pressed."""
    for name, (standing, part) in scene.setting.named.items():
        kind = standing.key.split("-")[0] if standing.unit.part(part).joint == "turn" else part
        yield kind, name, "open"
    for standing in scene.setting.furniture:
        for button in standing.unit.buttons:
            yield f"{standing.unit.noun} button", standing.called(button.switch), "press"


def trial(robot: SimRobot, scene: KitchenScene, name: str, what: str) -> list[dict[str, object]]:
    """One line for each verb: open and then close, or press."""
    robot.reset(scene)
    kitchen, arm = robot.world.fixtures, robot.world.arm
    assert isinstance(kitchen, KitchenFixtures)
    assert isinstance(arm, MobileArm)
    rng = np.random.default_rng([scene.seed, len(name), ord(name[0])])
    off = np.array([*rng.uniform(-ASIDE_M, ASIDE_M, 2), 0.0])
    if kitchen.standing(name).xyz_m[2] > 0:  # its front is a counter's, which stands out farther
        off[0] -= BACK_M
    arm.place(kitchen.front(name) @ Pose.from_xyz_yaw(off, float(rng.uniform(-TURN_RAD, TURN_RAD))))
    robot.wait(0.1)
    room, lines = room_map(scene.setting), []
    ajar: dict[str, float] = {}
    for verb in ("press",) if what == "press" else ("open", "close"):
        began, start_s = time.process_time(), robot.world.time_s
        point = kitchen.press(name).point_m if verb == "press" else kitchen.grip(name).world_T_grasp.xyz
        probe = Probe(robot)
        probe(Started(call=PrimitiveCall(verb=Verb(verb), target=name), seen=robot.observe(), time_s=start_s))
        body = Body(WatchedRobot(robot, probe.moved), map=room, ajar=ajar)
        outcome = {"open": open_, "close": close, "press": press}[verb](body, Target(words=name, xyz_m=point))
        share = 0.0 if verb == "press" else kitchen.opening(name)
        lines.append({
            "verb": verb, "name": name, "seed": scene.seed, "share": round(share, 3), "true": done(kitchen, name, verb),
            "status": outcome.status.value, "detail": outcome.detail, "robot_s": round(robot.world.time_s - start_s, 1),
            "cpu_s": round(time.process_time() - began, 1), **probe.readings.as_line(),
        })  # fmt: skip
        if verb == "open" and not lines[-1]["true"]:
            break
    return lines


def done(kitchen: KitchenFixtures, name: str, verb: str) -> bool:
    """Whether it is as it should be, by the ground truth."""
    if verb == "press":
        return kitchen.lit == {name}
    grip = kitchen.grip(name)
    if verb == "close":
        return grip.share < SHUT
    return grip.share >= OPEN_DRAWER if grip.joint == "slide" else grip.share * grip.travel >= OPEN_RAD


def table(out: Path) -> None:
    """Success by kind and verb: as it should be, and the primitive says so."""
    lines = [json.loads(line) for line in out.read_text().splitlines()]
    rows: dict[tuple[str, str], list[bool]] = {}
    honest: list[bool] = []
    for line in lines:
        says = line["status"] == Status.SUCCEEDED.value
        honest.append(says == line["true"])
        for kind in (line["kind"], "all"):
            rows.setdefault((kind, line["verb"]), []).append(bool(line["true"] and says))
    print(f"{'kind':24s} {'verb':6s}   n  rate  wilson 95 %")
    for (kind, verb), results in sorted(rows.items()):
        rate = rate_of(results)
        low, high = rate.wilson_95
        print(f"{kind:24s} {verb:6s} {rate.n:3d}  {rate.rate or 0.0:.2f}  {low:.2f} to {high:.2f}")
    print(f"the primitive's word was right in {sum(honest)} of {len(honest)}")
    print(f"clean: {sum(line['clean'] for line in lines)} of {len(lines)}")


def main(arguments: list[str]) -> None:
    given = dict(a.split("=", 1) for a in arguments)
    robot_name, out = given.get("robot", "mobile_panda"), Path(given.get("out", "doors.jsonl"))
    kinds = set(given["kinds"].split(",")) if "kinds" in given else None
    first = int(given.get("first", FIRST_SEED))
    out.touch()
    known = {(x["robot"], x["seed"], x["name"]) for x in map(json.loads, out.read_text().splitlines())}
    robot = SimRobot(World(spec=ROBOTS[robot_name]()), open_renderer("auto").renderer)
    for seed in range(first, first + int(given.get("kitchens", "20"))):
        scene = sample_kitchen(np.random.default_rng(seed), seed=seed, clutter=0)
        seen: set[str] = set()
        for kind, name, what in named(scene):
            # One of each kind a kitchen, so that all count alike.
            if kind in seen or (kinds is not None and kind not in kinds):
                continue
            seen.add(kind)
            if (robot_name, seed, name) in known:
                continue
            lines = trial(robot, scene, name, what)
            with out.open("a") as file:
                for line in lines:
                    file.write(json.dumps({"robot": robot_name, "kind": kind, **line}) + "\n")
    robot.close()
    table(out)


if __name__ == "__main__":
    main(sys.argv[1:])
