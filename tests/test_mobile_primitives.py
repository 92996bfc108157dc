"""What a robot that drives does in a small room: see things, drive, pick and place, by a scripted plan."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pytest

from agent.executor import Stop, run_episode
from agent.plan import Plan, PrimitiveCall, PrimitiveResult, format_plan
from agent.verbs import Relation, Verb
from robots.geometry import Pose
from robots.interface import Observation, Status
from robots.mobile import navigate_to, pick
from robots.mobile.grasps_above import from_above
from robots.mobile.grasps_side import circle, from_side
from robots.mobile.relief import Relief
from robots.mobile.things import Thing, components, measured
from robots.mobile_panda import mobile_panda
from robots.places import RoomMap, Surface
from robots.primitives import Body, Target
from sim import bullet  # noqa: F401, before whatever imports pybullet
from sim.kitchen.nook import NOOK_MAP, NookScene
from sim.points import points
from sim.render import open_renderer
from sim.robot import SimRobot
from sim.scenes import ObjectSpec, PlacedObject
from sim.world import World

SPEC = mobile_panda()


def thing(kind: str, x: float, y: float, z: float = 0.9, yaw: float = 0.0) -> PlacedObject:
    spec = ObjectSpec(name=kind, kind=kind, colour="", size="regular")
    return PlacedObject(spec=spec, xy_m=(x, y), yaw_rad=yaw, z_m=z, stands=True)


@pytest.fixture(scope="module")
def robot() -> Iterator[SimRobot]:
    robot = SimRobot(World(spec=SPEC), open_renderer("auto").renderer)
    yield robot
    robot.close()


class Scripted:
    """Plans call after call, each pointed at in the picture of that moment."""

    def __init__(self, robot: SimRobot, calls: Sequence[PrimitiveCall]) -> None:
        self._robot, self._calls = robot, list(calls)

    def plan(self, instruction: str, observation: Observation, history: Sequence[PrimitiveResult]) -> Plan:
        if len(history) == len(self._calls):
            call = PrimitiveCall(verb=Verb.DONE)
        else:
            call = self._calls[len(history)]
            at = points(self._robot.world, self._robot.main_picture(), observation.main)
            if call.target in at:
                call = PrimitiveCall(verb=call.verb, relation=call.relation, target=call.target, point=at[call.target])
        return Plan(instruction=instruction, calls=(call,), text=format_plan((call,)), planner="script")


# Shapes


def box(low: Sequence[float], high: Sequence[float], step: float = 0.002) -> np.ndarray:
    """Points on the top and the sides of a box."""
    axes = [np.arange(a, b + 1e-9, step) for a, b in zip(low, high, strict=True)]
    grid = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3)
    on = (np.abs(grid - np.array(low)) < 1e-6).any(axis=1) | (np.abs(grid - np.array(high)) < step).any(axis=1)
    return grid[on]


def test_a_box_is_taken_across_its_narrow_side_in_its_middle() -> None:
    block = measured(box((0.5, -0.02, 0.9), (0.62, 0.02, 1.0)), 0.9)
    best = from_above(SPEC, block, Relief.of(block.points, block.centre, 0.9))[0]
    assert abs(best.width_m - 0.04) < 0.006
    assert np.abs(best.tool.xyz[:2] - [0.56, 0.0]).max() < 0.008
    assert abs(abs(best.tool.rotation[1, 1]) - 1) < 0.02, "the fingers open along y"
    assert best.tool.xyz[2] - SPEC.fingertip_m < 0.975, "deep enough to hold"


def test_a_bowl_is_taken_by_its_rim_and_a_wide_box_not_at_all() -> None:
    angle, height = np.meshgrid(np.linspace(0, 2 * np.pi, 400), np.arange(0.9, 0.96, 0.002))
    wall = [
        np.stack([r * np.cos(angle), r * np.sin(angle), height], axis=-1).reshape(-1, 3) for r in (0.074, 0.077, 0.080)
    ]
    grid = np.stack(np.meshgrid(*[np.arange(-0.07, 0.07, 0.002)] * 2), axis=-1).reshape(-1, 2)
    floor = np.column_stack(
        [grid[np.linalg.norm(grid, axis=1) < 0.072], np.full((np.linalg.norm(grid, axis=1) < 0.072).sum(), 0.905)]
    )
    bowl = measured(np.concatenate([*wall, floor]), 0.9)
    assert bowl.hollow
    best = from_above(SPEC, bowl, Relief.of(bowl.points, bowl.centre, 0.9))[0]
    assert 0.06 < np.linalg.norm(best.tool.xyz[:2]) < 0.085
    assert best.width_m < 0.02
    crate = measured(box((-0.1, -0.1, 0.9), (0.1, 0.1, 1.0), 0.004), 0.9)
    assert from_above(SPEC, crate, Relief.of(crate.points, crate.centre, 0.9)) == []


def test_a_can_seen_from_one_side_is_taken_at_its_true_middle() -> None:
    angle, height = np.meshgrid(np.linspace(np.pi / 2, 3 * np.pi / 2, 60), np.arange(0.905, 1.02, 0.004))
    front = np.stack([0.6 + 0.033 * np.cos(angle), 0.033 * np.sin(angle), height], axis=-1).reshape(-1, 3)
    middle, radius = circle(front[:, :2]) or (np.zeros(2), 0.0)
    assert abs(radius - 0.033) < 0.001
    assert np.abs(middle - [0.6, 0.0]).max() < 0.001
    plan = from_side(SPEC, measured(front, 0.9), np.zeros(2), others=np.empty((0, 3)))[0]
    assert plan.level
    assert abs(plan.tool.xyz[1]) < 0.002
    assert plan.tool.rotation[2, 2] == pytest.approx(0, abs=1e-9), "the hand is level"


def test_components_of_a_graph() -> None:
    label = components(6, np.array([0, 1, 4]), np.array([1, 2, 5]))
    assert [set(np.nonzero(label == v)[0].tolist()) for v in np.unique(label)] == [{0, 1, 2}, {3}, {4, 5}]


def test_a_map_comes_back_from_its_text_and_knows_what_is_below_a_point() -> None:
    again = RoomMap.from_json(NOOK_MAP.to_json())
    assert again.to_json() == NOOK_MAP.to_json()
    counter = again.surface_at(np.array([0.0, 1.5, 1.0]))
    assert counter is not None
    assert counter.name == "counter"
    assert again.surface_at(np.array([0.0, 0.0, 0.5])) is None
    assert isinstance(again.named("top shelf")[0], Surface)
    with pytest.raises(ValueError, match="not a room map"):
        RoomMap.from_json("{}")


# In the room


def test_a_plan_carries_a_can_from_the_counter_to_the_table(robot: SimRobot) -> None:
    robot.reset(NookScene(seed=5, objects=(thing("can", -0.3, 1.42),), start=Pose.from_xyz_yaw([-0.1, 0.45, 0], 1.6)))
    robot.wait(0.1)
    calls = (
        PrimitiveCall(verb=Verb.NAVIGATE_TO, target="can"),
        PrimitiveCall(verb=Verb.PICK, target="can"),
        PrimitiveCall(verb=Verb.NAVIGATE_TO, target="table"),
        PrimitiveCall(verb=Verb.PLACE, relation=Relation.ON, target="table"),
    )
    result = run_episode("bring the can to the table", Body(robot, map=NOOK_MAP), Scripted(robot, calls))
    assert result.stop is Stop.DONE
    assert [r.status for r in result.results] == [Status.SUCCEEDED] * 4, [r.detail for r in result.results]
    robot.world.settle()
    assert "table" in robot.world.touching("can")
    assert robot.world.pose("can").xyz[2] == pytest.approx(0.75, abs=0.003)
    assert robot.world.pose("can").rotation[2, 2] > 0.99, "it stands"


def test_what_is_not_there_is_not_picked_and_what_is_nowhere_is_not_driven_to(robot: SimRobot) -> None:
    robot.reset(NookScene(seed=6, objects=(thing("mug", 0.3, 1.4),), start=Pose.from_xyz_yaw([-0.3, 0.75, 0], 1.57)))
    body = Body(robot, map=NOOK_MAP)
    outcome = pick(body, Target(words="mug", xyz_m=np.array([-0.5, 1.4, 0.93]), camera="head"))
    assert outcome.status is Status.TARGET_NOT_FOUND
    assert robot.world.held() is None
    assert navigate_to(body, Target(words="moon", xyz_m=None)).status is Status.TARGET_NOT_FOUND
    beyond = navigate_to(body, Target(words="mug", xyz_m=np.array([-0.5, 3.4, 0.93])))
    assert beyond.status is Status.UNREACHABLE


def test_a_thing_is_a_thing_of_its_own_size(robot: SimRobot) -> None:
    from robots.mobile.find import find
    from robots.mobile.sight import odom_T_base

    robot.reset(
        NookScene(
            seed=7, objects=(thing("cracker box", -0.45, 1.4, yaw=0.7),), start=Pose.from_xyz_yaw([-0.2, 0.78, 0], 1.57)
        )
    )
    robot.wait(0.1)
    body = Body(robot, map=NOOK_MAP)
    true = odom_T_base(robot.state()) @ robot.world.arm.world_T_base.inverse() @ robot.world.pose("cracker box")
    found, _, support = find(body, true.apply([0.0, 0.0, 0.15]))
    assert isinstance(found, Thing)
    assert support == pytest.approx(0.9)
    assert found.height_m == pytest.approx(0.19, abs=0.006)
    assert np.linalg.norm(found.centre - true.xyz[:2]) < 0.02
    assert sorted(found.half_m) == pytest.approx([0.029, 0.045], abs=0.008)


def test_an_apple_comes_into_a_bowl(robot: SimRobot) -> None:
    things = (thing("apple", -0.25, 1.4), thing("soup bowl", 0.1, 1.45))
    robot.reset(NookScene(seed=9, objects=things, start=Pose.from_xyz_yaw([-0.1, 0.6, 0], 1.6)))
    robot.wait(0.1)
    calls = (
        PrimitiveCall(verb=Verb.NAVIGATE_TO, target="apple"),
        PrimitiveCall(verb=Verb.PICK, target="apple"),
        PrimitiveCall(verb=Verb.LOOK),
        PrimitiveCall(verb=Verb.NAVIGATE_TO, target="soup bowl"),
        PrimitiveCall(verb=Verb.PLACE, relation=Relation.IN, target="soup bowl"),
    )
    result = run_episode("put the apple in the bowl", Body(robot, map=NOOK_MAP), Scripted(robot, calls))
    assert [r.status for r in result.results] == [Status.SUCCEEDED] * 5, [r.detail for r in result.results]
    robot.world.settle()
    assert "soup bowl" in robot.world.touching("apple")
    apart = robot.world.pose("apple").xyz - robot.world.pose("soup bowl").xyz
    assert np.linalg.norm(apart[:2]) < 0.05
