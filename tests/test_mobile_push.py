"""Pushing by a robot that drives: where it aims, how it sets its hand, and what then slides in the physics."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from agent.perform import perform
from agent.plan import parse_call
from robots.geometry import Pose
from robots.interface import Status
from robots.mobile import push
from robots.mobile.push_aims import extent, to_side
from robots.mobile.shapes import robot_parts
from robots.mobile.strokes import strokes
from robots.mobile.things import Thing, measured
from robots.mobile_panda import mobile_panda
from robots.primitives import Body, Target
from robots.relations import Region, Side
from sim import bullet  # noqa: F401, before whatever imports pybullet
from sim.kitchen.nook import NOOK_MAP, NookScene
from sim.points import points
from sim.render import open_renderer
from sim.robot import SimRobot
from sim.scenes import ObjectSpec, PlacedObject
from sim.world import World

SPEC = mobile_panda()
START = Pose.from_xyz_yaw([-0.2, 0.62, 0], 1.57)


def placed(kind: str, x: float, y: float, yaw: float = 0.4) -> PlacedObject:
    spec = ObjectSpec(name=kind, kind=kind, colour="", size="regular")
    return PlacedObject(spec=spec, xy_m=(x, y), yaw_rad=yaw, z_m=0.9, stands=True)


@pytest.fixture(scope="module")
def robot() -> Iterator[SimRobot]:
    robot = SimRobot(World(spec=SPEC), open_renderer("auto").renderer)
    yield robot
    robot.close()


def set_up(robot: SimRobot, *things: PlacedObject) -> Body:
    robot.reset(NookScene(seed=5, objects=things, start=START))
    robot.wait(0.1)
    return Body(robot, map=NOOK_MAP)


def target(robot: SimRobot, name: str) -> Target:
    return Target(words=name, xyz_m=robot.world.pose(name).apply([0.0, 0.0, 0.03]), camera="head")


def box(height_m: float) -> Thing:
    axes = np.meshgrid(np.linspace(0.6, 0.66, 16), np.linspace(-0.04, 0.04, 20), np.linspace(0.9, 0.9 + height_m, 20))
    return measured(np.stack(axes, axis=-1).reshape(-1, 3), 0.9)


# Shapes


def test_sides_are_those_of_who_looks_on() -> None:
    thing = box(0.1)
    ways = {side: np.round(to_side(thing, thing.centre - [1.0, 0.0], side).goals[0] - thing.centre, 3) for side in Side}
    assert ways[Side.LEFT].tolist() == [0.0, 0.15]
    assert ways[Side.RIGHT].tolist() == [0.0, -0.15]
    assert ways[Side.BACK].tolist() == [0.15, 0.0]
    assert ways[Side.FRONT].tolist() == [-0.15, 0.0]
    aim = to_side(thing, thing.centre - [1.0, 0.0], Side.LEFT)
    assert aim.there(thing.centre + [0.05, 0.14], aim.goals[0]), "how far aside does not count"
    assert not aim.there(thing.centre + [0.0, 0.10], aim.goals[0])


@pytest.mark.parametrize("height_m", [0.03, 0.10, 0.20])
@pytest.mark.parametrize("way", [(0.15, 0.0), (-0.1, 0.1)])
def test_only_the_finger_tips_meet_the_thing_and_low(height_m: float, way: tuple[float, float]) -> None:
    thing = box(height_m)
    found = strokes(SPEC, thing, thing.centre + way)
    assert found
    for start, end, ahead in found:
        gone = end.xyz - start.xyz
        assert np.cross(gone, ahead) == pytest.approx(np.zeros(3), abs=1e-9)
        assert gone @ ahead == pytest.approx(np.linalg.norm(way) + 0.025, abs=1e-6)
        parts = [part for part in robot_parts(SPEC, 0.01) if part.frame == -1]
        centres = np.array([start.apply(np.array(part.centre_m)) for part in parts])
        lead = (centres - [*thing.centre, 0.0]) @ ahead + [part.radius_m for part in parts]
        low = centres[:, 2] - [part.radius_m for part in parts] < thing.top_m
        assert lead[low].max() < -extent(thing, -ahead[:2]) - 0.01, "it starts clear of the thing"
        tips = centres[:, 2] - 0.9 < 0.05
        assert lead[tips].max() >= lead[low].max() - 0.005, "and the tips are foremost"
    if height_m == 0.20:
        assert all(abs(start.rotation[2, 2]) < 0.9 for start, _, _ in found), "the hand leans back from what is tall"


# In the room


def test_a_mug_is_pushed_back_from_the_edge_by_a_plan(robot: SimRobot) -> None:
    body = set_up(robot, placed("mug", -0.2, 1.36))
    before, seen = robot.world.pose("mug"), robot.observe()
    row, col = points(robot.world, robot.main_picture(), seen.main)["mug"] or (0, 0)
    outcome = perform(parse_call(f"push(mug @ {row} {col} to back)"), body, seen)
    assert outcome.status is Status.SUCCEEDED, outcome.detail
    after = robot.world.pose("mug")
    assert after.xyz[1] - before.xyz[1] == pytest.approx(0.14, abs=0.035)
    assert after.rotation[2, 2] > 0.99, "it stands"
    assert robot.world.held() is None


def test_what_is_tall_slides_and_does_not_fall(robot: SimRobot) -> None:
    body = set_up(robot, placed("cracker box", -0.2, 1.38))
    before = robot.world.pose("cracker box")
    outcome = push(body, target(robot, "cracker box"), side=Side.LEFT)
    assert outcome.status is Status.SUCCEEDED, outcome.detail
    after = robot.world.pose("cracker box")
    assert after.xyz[0] - before.xyz[0] == pytest.approx(-0.14, abs=0.035)
    assert after.rotation[2, 2] > 0.99


def test_what_can_not_be_pushed_stays_where_it_is(robot: SimRobot) -> None:
    """A neighbour in the way, the wall behind, the bare counter, a full hand, a place that only boards have."""
    body = set_up(robot, placed("can", -0.2, 1.66), placed("mug", -0.33, 1.66))
    before = {name: pose.matrix for name, pose in robot.world.poses().items()}
    can = target(robot, "can")
    assert push(body, can, side=Side.LEFT).status is Status.PATH_BLOCKED
    assert push(body, can, side=Side.BACK).status is Status.PATH_BLOCKED
    bare = Target(words="can", xyz_m=np.array([0.1, 1.4, 0.9]), camera="head")
    assert push(body, bare, side=Side.LEFT).status is Status.TARGET_NOT_FOUND
    assert push(body, can, region=Region.TOP_LEFT).status is Status.UNREACHABLE
    assert push(body, can, destination=target(robot, "mug")).status is Status.PATH_BLOCKED
    floor = Target(words="spot", xyz_m=np.array([-0.2, 0.9, 0.0]), camera="head")
    assert push(body, can, spot=floor).status is Status.UNREACHABLE
    for name, pose in robot.world.poses().items():
        np.testing.assert_allclose(pose.matrix, before[name], atol=2e-3)
