"""Between boards, behind doors and in drawers: from where, how the hand goes in, and that thin walls count as held."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from robots.geometry import Pose
from robots.interface import Status
from robots.mobile import navigate_to, pick
from robots.mobile.reach import scattered
from robots.mobile.sight import odom_T_base
from robots.mobile.stand import sideways
from robots.mobile.stream import straight_way
from robots.mobile.tool_poses import level_pose
from robots.mobile_panda import mobile_panda
from robots.places import Handle, RoomMap, Surface
from robots.primitives import Body, Target
from sim import bullet  # noqa: F401, before whatever imports pybullet
from sim.kitchen.nook import NOOK_MAP, NookScene
from sim.machines import model_of
from sim.render import open_renderer
from sim.robot import SimRobot
from sim.scenes import ObjectSpec, PlacedObject
from sim.world import World

SHELF_M = 0.80


@pytest.fixture(scope="module")
def robot() -> Iterator[SimRobot]:
    robot = SimRobot(World(spec=mobile_panda()), open_renderer("auto").renderer)
    spec = ObjectSpec(name="can", kind="can", colour="", size="regular")
    can = PlacedObject(spec=spec, xy_m=(-1.80, -0.4), yaw_rad=0.0, z_m=SHELF_M, stands=True)
    robot.reset(NookScene(seed=1, objects=(can,), start=Pose.from_xyz_yaw([-0.6, -0.4, 0.0], np.pi)))
    yield robot
    robot.close()


def test_a_straight_way_keeps_the_hand_level(robot: SimRobot) -> None:
    body = Body(robot, map=NOOK_MAP)
    base = odom_T_base(robot.state())
    goal = base @ level_pose(np.array([0.75, 0.1, 0.9]), 0.4, 0.2)
    back = goal @ Pose.from_xyz_yaw([0.0, 0.0, -0.1])
    found, _ = scattered(body, [goal], each=12)
    ways = [way for q in found if (way := straight_way(body, q, back, speed_m_s=0.2)) is not None]
    assert ways
    for way in ways:
        for q in way:
            tool = base @ body.kinematics.tool(q)
            assert tool.rotation[:, 2] @ goal.rotation[:, 2] > np.cos(0.02)
            off = tool.xyz - goal.xyz
            assert np.linalg.norm(off - (off @ goal.rotation[:, 2]) * goal.rotation[:, 2]) < 0.004
        assert np.linalg.norm((base @ body.kinematics.tool(way[-1])).xyz - back.xyz) < 0.002


def test_a_can_comes_out_from_between_two_boards(robot: SimRobot) -> None:
    body = Body(robot, map=NOOK_MAP)
    robot.wait(0.2)
    can = Target(words="can", xyz_m=robot.world.pose("can").apply([0.0, 0.0, 0.06]))
    assert navigate_to(body, can).status is Status.SUCCEEDED
    outcome = pick(body, can)
    assert outcome.status is Status.SUCCEEDED, outcome.detail
    assert robot.world.held() == "can"
    assert robot.state().holding
    assert robot.world.pose("can").xyz[0] > -1.6, "it is still over its shelf"
    assert robot.world.pose("can").rotation[2, 2] > 0.9, "it lies on its side"


def test_an_open_drawer_takes_its_surface_along_and_a_door_does_not() -> None:
    def handle(part: str, *, turns: bool) -> Handle:
        pose = Pose.from_xyz_yaw([0.6, 0.0, 0.7])
        return Handle(part=part, pose=pose, width_m=0.01, length_m=0.1, turns=turns, axis=np.array([1.0, 0.0, 0.0]),
                      at_m=np.zeros(3), travel=0.4)  # fmt: skip

    def surface(name: str, y: float) -> Surface:
        pose = Pose.from_xyz_yaw([0.3, y, 0.7])
        return Surface(name=name, pose=pose, half_m=(0.2, 0.2), headroom_m=0.13, inside=name, enclosed=True)

    room = RoomMap(
        area_m=(-2.0, -2.0, 2.0, 2.0), surfaces=(surface("drawer", 0.0), surface("cupboard", 1.0)),
        handles=(handle("drawer", turns=False), handle("cupboard", turns=True)),
    )  # fmt: skip
    ajar = {"drawer": 0.38, "cupboard": 1.4}
    before = np.array([0.85, 0.0, 0.72])
    assert room.surface_at(before, ajar={}) is None
    found = room.surface_at(before, ajar=ajar)
    assert found is not None
    assert found.headroom_m > 1.0
    there = room.surface_at(np.array([0.3, 1.0, 0.72]), ajar=ajar)
    assert there is not None
    assert there.headroom_m == 0.13
    assert room.turning("cupboard")
    assert not room.turning("drawer")


def test_what_stands_under_a_board_is_taken_from_the_side(robot: SimRobot) -> None:
    body = Body(robot, map=NOOK_MAP)
    assert sideways(body, NOOK_MAP.surface_at(np.array([-1.8, -0.4, SHELF_M + 0.02])))
    assert not sideways(body, NOOK_MAP.surface_at(np.array([0.0, 1.5, 0.92])))


def test_robots_in_kitchens_feel_a_wall_of_two_millimetres_and_the_one_on_the_table_is_as_it_was() -> None:
    assert model_of("mobile_panda").holding_gap_m <= 0.0015
    assert model_of("panda").holding_gap_m == 0.003
