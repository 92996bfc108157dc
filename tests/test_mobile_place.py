"""Putting things under boards, in what has walls and from the side, by a robot that drives."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pytest

from agent.executor import Stop, run_episode
from agent.plan import Plan, PrimitiveCall, PrimitiveResult, format_plan
from agent.verbs import Relation, Verb
from robots.geometry import Pose
from robots.interface import Observation, Status
from robots.mobile import under_cover
from robots.mobile.grasps import GraspPlan
from robots.mobile.grasps_leant import leant
from robots.mobile.load import Load, load_of
from robots.mobile.relief import Relief
from robots.mobile.sight import odom_T_world
from robots.mobile.sites import points as sites
from robots.mobile.sites import remember_laid, standing_on
from robots.mobile.spots import in_hollow, on_surface
from robots.mobile.things import Thing
from robots.mobile.tool_poses import level_pose
from robots.mobile_panda import mobile_panda
from robots.places import Handle, RoomMap, Surface
from robots.planning.motion import pointing_down
from robots.primitives import Body, Outcome, Target
from sim import bullet  # noqa: F401, before whatever imports pybullet
from sim.kitchen.nook import NOOK_MAP, NookScene
from sim.points import points
from sim.render import open_renderer
from sim.robot import SimRobot
from sim.scenes import ObjectSpec, PlacedObject
from sim.world import World

SPEC = mobile_panda()


@pytest.fixture(scope="module")
def robot() -> Iterator[SimRobot]:
    robot = SimRobot(World(spec=SPEC), open_renderer("auto").renderer)
    yield robot
    robot.close()


def held(tool: Pose, *, level: bool, size_m: tuple[float, float] = (0.03, 0.03), height_m: float = 0.1) -> Load:
    """A thing that stood at the origin, held by a tool there."""
    return Load(
        words="can", width_m=0.06, drop_m=float(tool.xyz[2]), half_m=size_m, offset_m=np.zeros(2), height_m=height_m,
        tool_T_thing=tool.inverse(), size_m=size_m, level=level,
    )  # fmt: skip


def surface(name: str, z: float, headroom_m: float, *, inside: str = "", x: float = 1.0) -> Surface:
    return Surface(
        name=name, pose=Pose.from_xyz_yaw([x, 0.0, z]), half_m=(0.2, 0.3), headroom_m=headroom_m, inside=inside,
        enclosed=bool(inside),
    )  # fmt: skip


DRAWER = Handle(
    part="drawer", pose=Pose.from_xyz_yaw([0.8, 0.0, 0.7]), width_m=0.014, length_m=0.14, turns=False,
    axis=np.array([-1.0, 0.0, 0.0]), at_m=np.zeros(3), travel=0.4,
)  # fmt: skip
ROOM = RoomMap(
    area_m=(-2.0, -2.0, 2.0, 2.0), handles=(DRAWER,),
    surfaces=(
        surface("table", 0.75, 1.0), surface("shelf", 0.5, 0.3), surface("drawer", 0.6, 0.13, inside="drawer"),
        surface("larder", 0.1, 0.3), surface("larder", 0.5, 0.12), surface("larder", 0.9, 0.3),
        surface("larder", 1.6, 0.3),
    ),
)  # fmt: skip


def test_what_the_hand_has_put_down_is_minded_though_the_arm_hides_it(robot: SimRobot) -> None:
    """A point of the table is free, is not where something was put a moment ago, and is free once that is taken."""
    robot.reset(NookScene(seed=0, objects=()))
    body = Body(robot, map=ROOM)
    table, larder = ROOM.named("table")[0], ROOM.named("larder")[2]
    assert isinstance(table, Surface)
    assert isinstance(larder, Surface)
    by = odom_T_world(robot.state())
    load = held(Pose.from_xyz_yaw([1.0, 0.1, 0.75]), level=False)
    remember_laid(body, load, by @ Pose.from_xyz_yaw([1.0, 0.1, 0.75]))
    tops = standing_on(body, table)
    assert len(tops) > 50
    assert tops[:, 2] == pytest.approx(by.apply([1.0, 0.1, 0.85])[2], abs=1e-6)
    assert np.linalg.norm(tops[:, :2] - by.apply([1.0, 0.1, 0.0])[:2], axis=1).max() < 0.05
    assert len(standing_on(body, larder)) == 0, "that is another board, over it"
    body.laid.pop("can")
    assert len(standing_on(body, table)) == 0


def test_boards_are_gone_under_from_the_side_and_open_drawers_into_from_above(robot: SimRobot) -> None:
    body = Body(robot, map=ROOM)
    assert under_cover(body, "shelf")
    assert not under_cover(body, "table")
    assert not under_cover(body, "moon")
    assert under_cover(body, "drawer")
    body.ajar["drawer"] = 0.38
    assert not under_cover(body, "drawer")
    (out,) = ROOM.named("drawer", ajar=body.ajar)
    assert out.pose.xyz == pytest.approx([0.62, 0.0, 0.6])


def test_of_several_boards_the_one_at_hand_that_is_high_enough_comes_first(robot: SimRobot) -> None:
    robot.reset(NookScene(seed=5, objects=(), start=Pose.identity()))
    body = Body(robot, map=ROOM)
    load = held(level_pose(np.array([0.0, 0.0, 0.06]), 0.0), level=True, height_m=0.2)
    found = sites(body, load, Relation.IN, Target(words="larder", xyz_m=None))
    assert not isinstance(found, Outcome)
    heights = [float(point[2]) for point in found]
    assert heights[0] == pytest.approx(0.9, abs=0.02)
    assert not any(abs(z - 0.5) < 0.05 for z in heights), "nothing 20 cm high fits below 12 cm"


def test_a_hand_leans_about_its_fingers_and_keeps_off_what_is_below_and_behind() -> None:
    table = np.stack(np.meshgrid(np.arange(-0.2, 0.2, 0.002), np.arange(-0.2, 0.2, 0.002), indexing="ij"), axis=-1)
    flat = np.column_stack([table.reshape(-1, 2), np.zeros(table[..., 0].size)])
    thing = flat[(np.abs(flat[:, :2]) < [0.025, 0.02]).all(axis=1)] + [0.0, 0.0, 0.03]
    relief = Relief.of(np.concatenate([flat, thing]), np.zeros(2), 0.0)
    above = GraspPlan(
        tool=pointing_down(np.array([0.0, 0.0, 0.01 + SPEC.fingertip_m]), 0.0), open_m=0.06, width_m=0.04, back_m=0.1,
        level=False, cost=0.0,
    )  # fmt: skip
    found = leant(SPEC, above, relief, np.array([1.0, 0.0]))
    assert found is not None
    assert found.level
    into = found.tool.rotation[:, 2]
    assert into == pytest.approx([np.sqrt(0.5), 0.0, -np.sqrt(0.5)], abs=1e-3), "away from the robot and down"
    assert abs(found.tool.rotation[:, 1] @ above.tool.rotation[:, 1]) == pytest.approx(1.0), "the fingers open alike"
    corners = found.tool.apply([[x, 0.0, SPEC.fingertip_m] for x in (-0.5, 0.5) * np.array(SPEC.finger_breadth_m)])
    assert corners[:, 2].min() > 0.0025
    wall = np.concatenate([flat[np.abs(flat[:, 0] + 0.1) < 0.01] + [0.0, 0.0, 0.12], flat, thing])
    assert leant(SPEC, above, Relief.of(wall, np.zeros(2), 0.0), np.array([1.0, 0.0])) is None


def test_a_leaning_hand_takes_a_deep_wall_less_deep() -> None:
    y, z = np.meshgrid(np.arange(-0.06, 0.06, 0.002), np.arange(0.0, 0.06, 0.002))
    across = [np.stack([np.full_like(y, x), y, z], axis=-1).reshape(-1, 3) for x in np.arange(-0.10, 0.10, 0.002)]
    block = np.concatenate([one[np.abs(one[:, 1]) < 0.02] for one in across])
    tool = pointing_down(np.array([0.0, 0.0, 0.02 + SPEC.fingertip_m]), 0.0)
    above = GraspPlan(tool=tool, open_m=0.06, width_m=0.04, back_m=0.1, level=False, cost=0.0)
    found = leant(SPEC, above, Relief.of(block, np.zeros(2), 0.0), np.array([1.0, 0.0]))
    assert found is not None
    assert found.level
    tip = found.tool.apply([0.0, 0.0, SPEC.fingertip_m])
    assert 0.02 < tip[2] < 0.06 - 0.01  # higher than asked for, and still beside it


def test_what_rose_beside_the_palm_is_not_carried_along() -> None:
    points = np.array([[0.0, 0.0, 0.01], [0.0, 0.0, 0.3]])
    thing = Thing(points=points, centre=np.zeros(2), half_m=(0.03, 0.03), yaw_rad=0.0, support_m=0.0, top_m=0.3)
    tool = pointing_down(np.array([0.0, 0.0, 0.05]), 0.0)
    assert load_of("bowl", thing, tool, 0.004, level=False, palm_m=0.03).height_m == pytest.approx(0.08)
    assert load_of("bottle", thing, tool, 0.06, level=True).height_m == pytest.approx(0.3)


def test_a_hand_from_the_side_comes_from_where_the_robot_stands() -> None:
    load = held(level_pose(np.array([0.0, 0.0, 0.06]), 0.4), level=True)
    relief = Relief.of(np.zeros((0, 3)), np.array([1.0, 0.5]), 0.5, half_m=0.4)
    spots = on_surface(SPEC, load, relief, [(np.array([1.0, 0.5]), 0.0)], np.array([0.0, 0.5]))
    assert spots[0].tool.rotation[:, 2] == pytest.approx([1.0, 0.0, 0.0], abs=1e-9)


def test_into_what_has_walls_things_may_be_let_go_higher() -> None:
    load = held(pointing_down(np.array([0.0, 0.0, 0.07]), 0.0), level=False)
    relief = Relief.of(np.zeros((0, 3)), np.array([1.0, 0.0]), 0.02)
    (spot, *_) = in_hollow(SPEC, load, relief, [(np.array([1.0, 0.0]), 0.0)], np.zeros(2), most_fall_m=0.6)
    assert spot.fall_m + spot.spare_fall_m == pytest.approx(0.6)


def test_in_a_basin_a_spot_clear_of_what_lies_there_comes_before_the_middle() -> None:
    load = held(pointing_down(np.array([0.0, 0.0, 0.07]), 0.0), level=False)
    grid = np.stack(np.meshgrid(np.arange(-0.2, 0.2, 0.002), np.arange(-0.2, 0.2, 0.002), indexing="ij"), axis=-1)
    bowl = np.column_stack([grid.reshape(-1, 2), np.full(grid[..., 0].size, 0.06)])
    bowl = bowl[np.linalg.norm(bowl[:, :2] - [0.06, 0.0], axis=1) < 0.025]
    relief = Relief.of(bowl, np.zeros(2), 0.0)
    places = [(np.array([x, 0.0]), abs(x)) for x in np.arange(-0.15, 0.16, 0.01)]
    spots = in_hollow(SPEC, load, relief, places, np.array([0.0, -1.0]), most_fall_m=0.3, walls_m=0.17)
    best = spots[0]
    assert -0.06 < best.thing.xyz[0] < 0.06 - 0.025 - 0.03 - 0.02, "well clear, and no farther than that asks for"
    assert best.fall_m == 0.0
    assert best.walls_m == pytest.approx(0.17)


class Scripted:
    """Plans all calls that are left, the first pointed at in the picture of that moment."""

    def __init__(self, robot: SimRobot, calls: Sequence[PrimitiveCall]) -> None:
        self._robot, self._calls = robot, list(calls)

    def plan(self, instruction: str, observation: Observation, history: Sequence[PrimitiveResult]) -> Plan:
        calls = [*self._calls[len(history) :], PrimitiveCall(verb=Verb.DONE)]
        at = points(self._robot.world, self._robot.main_picture(), observation.main)
        if calls[0].target in at:
            calls[0] = PrimitiveCall(verb=calls[0].verb, target=calls[0].target, point=at[calls[0].target])
        return Plan(instruction=instruction, calls=tuple(calls), text=format_plan(calls), planner="script")


def test_a_can_goes_upright_between_two_boards(robot: SimRobot) -> None:
    spec = ObjectSpec(name="soup can", kind="soup can", colour="", size="regular")
    can = PlacedObject(spec=spec, xy_m=(-0.3, 1.42), yaw_rad=0.0, z_m=0.9, stands=True)
    robot.reset(NookScene(seed=5, objects=(can,), start=Pose.from_xyz_yaw([-0.1, 0.45, 0], 1.6)))
    robot.wait(0.1)
    calls = (
        PrimitiveCall(verb=Verb.NAVIGATE_TO, target="soup can"),
        PrimitiveCall(verb=Verb.PICK, target="soup can"),
        PrimitiveCall(verb=Verb.NAVIGATE_TO, target="middle shelf"),
        PrimitiveCall(verb=Verb.PLACE, relation=Relation.ON, target="middle shelf"),
    )
    (board,) = (s for s in NOOK_MAP.named("middle shelf") if isinstance(s, Surface))
    result = run_episode("store the can", Body(robot, map=NOOK_MAP), Scripted(robot, calls))
    assert result.stop is Stop.DONE
    assert [r.status for r in result.results] == [Status.SUCCEEDED] * 4, [r.detail for r in result.results]
    robot.world.settle()
    pose = robot.world.pose("soup can")
    assert pose.xyz[2] == pytest.approx(board.height_m, abs=0.003)
    assert board.holds(pose.xyz[None])[0]
    assert pose.rotation[2, 2] > 0.99, "it stands"
