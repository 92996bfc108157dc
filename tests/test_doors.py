"""Robots that drive open and shut drawers and doors, press buttons, and are told when something sticks."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from agent.plan import parse_call
from agent.watched import WatchedRobot
from robots.geometry import Pose
from robots.interface import Status
from robots.kinematics import kinematics
from robots.mobile import close, doors, hand_over, open_
from robots.mobile.load import Load
from robots.mobile.parts import part_now, parts_of
from robots.mobile.planar import flat
from robots.mobile.pour import tilted
from robots.mobile.press import button_offset, press, slants
from robots.mobile.track import SAMPLES, Task
from robots.mobile.track_search import find_track
from robots.mobile.wipe import strokes
from robots.mobile_panda import mobile_panda
from robots.places import RoomMap
from robots.primitives import Body, Target
from sim.disturb.ways import Stick
from sim.kitchen.fixtures import KitchenFixtures
from sim.kitchen.maps import room_map
from sim.kitchen.rooms import KitchenScene, sample_kitchen
from sim.mobile import MobileArm
from sim.person import Person
from sim.render import open_renderer
from sim.robot import SimRobot
from sim.world import World

SPEC = mobile_panda()
SCENE: KitchenScene = sample_kitchen(np.random.default_rng(3), seed=3, clutter=0)
MAP: RoomMap = room_map(SCENE.setting)
DRAWER, DOOR, STOVE = "bottom left drawer", "sink cupboard", "left burner"


@pytest.fixture(scope="module")
def opened() -> Iterator[SimRobot]:
    robot = SimRobot(World(spec=SPEC), open_renderer("auto").renderer)
    yield robot
    robot.close()


@pytest.fixture
def robot(opened: SimRobot) -> SimRobot:
    opened.reset(SCENE)
    return opened


def fixtures(robot: SimRobot) -> KitchenFixtures:
    assert isinstance(robot.world.fixtures, KitchenFixtures)
    return robot.world.fixtures


def before(robot: SimRobot, name: str) -> Body:
    """A body whose robot stands in front of something."""
    assert isinstance(robot.world.arm, MobileArm)
    robot.world.arm.place(fixtures(robot).front(name))
    return Body(robot=robot, map=MAP)


MAP_TRAVEL = {h.part: h.travel for h in MAP.handles}


def test_a_drawer_is_opened_and_the_robot_knows_how_far(robot: SimRobot) -> None:
    body, kitchen = before(robot, DRAWER), fixtures(robot)
    assert open_(body, Target(words=DRAWER, xyz_m=kitchen.grip(DRAWER).world_T_grasp.xyz)).status is Status.SUCCEEDED
    assert kitchen.opening(DRAWER) >= 0.8
    travel = MAP_TRAVEL[DRAWER]
    assert body.ajar[DRAWER] == pytest.approx(kitchen.opening(DRAWER) * travel, abs=0.1 * travel)


def test_fridges_beside_either_wall_can_be_opened() -> None:
    """As far as doors are opened, in rooms of one line of counters: there the hinge is at the side wall."""
    seen = set()
    for seed in range(30):
        scene = sample_kitchen(np.random.default_rng(seed), seed=seed, clutter=0, shape="line")
        fridge = next(s for s in scene.setting.furniture if s.unit.noun == "fridge")
        if fridge.key in seen:
            continue
        seen.add(fridge.key)
        room = room_map(scene.setting)
        part = next(p for p in parts_of(room, Pose.identity()) if p.name == fridge.name)
        task = Task(
            path=part.bar, motion=part.handle.motion, start=0.0, end=doors.OPEN_SHARE[True] * part.handle.travel,
            parts=part.boxes, others=tuple(s for s in room.solids if s.part != part.name), swings=doors.SWINGS,
        )  # fmt: skip
        assert find_track(SPEC, task, flat(fridge.front)) is not None, (seed, fridge.key)
    assert len(seen) == 2


def test_a_door_is_shut(robot: SimRobot) -> None:
    kitchen = fixtures(robot)
    kitchen.set_opening(DOOR, 0.8)
    body = before(robot, DOOR)
    assert close(body, Target(words=DOOR, xyz_m=kitchen.grip(DOOR).world_T_grasp.xyz)).status is Status.SUCCEEDED
    assert kitchen.opening(DOOR) < 0.05
    np.testing.assert_allclose(body.robot.state().arm_q, SPEC.home_q_rad, atol=0.03)


def test_a_button_is_pressed_once_a_call(robot: SimRobot) -> None:
    body, kitchen = before(robot, STOVE), fixtures(robot)
    target = Target(words=STOVE, xyz_m=kitchen.press(STOVE).point_m)
    assert press(body, target).status is Status.SUCCEEDED
    assert kitchen.is_on(STOVE)
    assert not kitchen.is_on("right burner")


def test_nothing_moves_where_nothing_opens(robot: SimRobot) -> None:
    body = before(robot, DRAWER)
    q = robot.state().arm_q
    for verb in (open_, close, doors.pull, press):
        assert verb(body, Target(words="ceiling", xyz_m=np.array([0.0, 0.0, 2.3]))).status is Status.TARGET_NOT_FOUND
        assert verb(body, Target(words=DRAWER, xyz_m=None)).status is Status.TARGET_NOT_FOUND
    assert hand_over(body, Target(words="person", xyz_m=None)).status is Status.NOT_HOLDING
    np.testing.assert_allclose(robot.state().arm_q, q, atol=2e-3)


def test_a_track_keeps_the_hand_on_the_bar_all_along(robot: SimRobot) -> None:
    body = before(robot, DOOR)
    part = part_now(body, DOOR)
    move = doors.Move(start=0.0, end=1.3, words="open")
    here = fixtures(robot).front(DOOR)
    found = find_track(SPEC, doors._task(body, part, move), np.array([here.xyz[0], here.xyz[1], here.yaw_rad]))
    assert found is not None
    assert len(found.q) == SAMPLES
    for amount, q, place in zip(found.amounts, found.q, found.places, strict=True):
        tool = Pose.from_xyz_yaw([place[0], place[1], 0.0], place[2]) @ kinematics(SPEC).tool(q)
        assert np.linalg.norm(tool.xyz - part.bar(amount).xyz) < 1e-3
    assert np.abs(np.diff(found.q, axis=0)).max() < 0.4
    assert np.abs(np.diff(found.reversed().amounts)).min() > 0


def test_a_drawer_sticks_and_is_as_before(robot: SimRobot) -> None:
    trouble = Stick(robot.world, np.random.default_rng(0))
    assert not trouble.fits(parse_call("open(window @ 1 1)"))
    assert trouble.fits(parse_call(f"open({DRAWER} @ 1 1)"))
    assert trouble.strike() == f"the {DRAWER} sticks"
    stiff = fixtures(robot).memory().stiff
    assert stiff[0][0] == DRAWER
    assert stiff[0][1] > 1.5
    trouble.end()
    assert fixtures(robot).memory().stiff == ()


def test_a_button_is_found_beside_where_it_was_thought_to_be() -> None:
    rng = np.random.default_rng(0)
    wall = np.column_stack([rng.uniform(-0.1, 0.1, (3000, 2)), np.full(3000, 0.012)])
    disc = rng.uniform(-0.016, 0.016, (200, 2))
    disc = disc[np.linalg.norm(disc, axis=1) < 0.016] + [0.015, -0.01]
    points = np.concatenate([wall, np.column_stack([disc, np.zeros(len(disc))])])
    found = button_offset(np.zeros(3), np.array([0.0, 0.0, 1.0]), points)
    assert found is not None
    np.testing.assert_allclose(found, [0.015, -0.01, 0.0], atol=0.004)
    assert button_offset(np.zeros(3), np.array([0.0, 0.0, 1.0]), wall) is None


def test_slanted_fingers_meet_the_button_first() -> None:
    along = np.array([0.0, 0.0, -1.0])
    for tool in slants(SPEC, along):
        half = np.array([SPEC.finger_breadth_m / 2, SPEC.finger_thickness_m])
        tips = tool.apply([[x * half[0], y * half[1], SPEC.fingertip_m] for x in (-1, 1) for y in (-1, 1)])
        assert (tips @ along).max() < 0.001


def test_strokes_leave_no_gap() -> None:
    way, wide = strokes(0.08, 0.03), 0.03
    for xy in np.random.default_rng(1).uniform(-0.08, 0.08, (200, 2)):
        assert np.abs(way - xy).max(axis=1).min() <= wide


def test_what_is_tilted_keeps_its_lip_over_the_vessel_and_its_foot_off_the_table() -> None:
    grip = Pose.from_xyz_yaw([0.0, 0.0, -0.1])
    load = Load(words="bottle", width_m=0.06, drop_m=0.1, half_m=(0.03, 0.03), offset_m=np.zeros(2), height_m=0.2,
                tool_T_thing=grip, size_m=(0.03, 0.03), level=False)  # fmt: skip
    mouth = np.array([0.6, 0.1, 1.05])
    for tilt in np.linspace(0.0, 1.9, 9):
        thing = tilted(load, Pose.identity(), mouth, 0.9, 0.7, float(tilt)) @ load.tool_T_thing
        assert thing.xyz[2] > 0.9
        assert np.linalg.norm((thing.apply([0.0, 0.0, 0.2]) - mouth)[:2]) < 0.02


def test_a_person_takes_what_is_held_out_and_nothing_else(robot: SimRobot) -> None:
    body = before(robot, DRAWER)
    person = Person(robot.world, lambda: True)
    watched = WatchedRobot(robot, person.moved)
    watched.wait(1.5)
    assert person.taken == []
    assert body.grasp is None
