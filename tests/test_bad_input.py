"""What can't be, for every suite and robot: a typed status or one line, nothing that goes on for ever or flies."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from agent.errors import PalmettoError, RobotError, UserError
from agent.perform import perform
from agent.plan import parse_call
from agent.verbs import VERBS, Verb
from robots import mobile
from robots.fake import FakeRobot
from robots.geometry import Pose
from robots.interface import Status
from robots.mobile_panda import mobile_panda
from robots.primitives import Body, Target
from robots.relations import Side
from robots.spec import RobotSpec, panda
from robots.stretch import stretch
from sim import bullet  # noqa: F401, before whatever imports pybullet
from sim.apart import apart
from sim.kitchen.nook import NOOK_MAP, NookScene
from sim.naming import SceneError
from sim.render import open_renderer
from sim.robot import SimRobot
from sim.scenes import ObjectSpec, PlacedObject, Scene
from sim.suites import MODULES, find_suite, suite_robot
from sim.world import World

HEAD = mobile_panda().head
EYE = mobile_panda().cameras[0]
assert HEAD is not None


@pytest.fixture(scope="module", params=[mobile_panda(), stretch()], ids=lambda spec: spec.name)
def robot(request: pytest.FixtureRequest) -> Iterator[SimRobot]:
    robot = SimRobot(World(spec=request.param), open_renderer("auto").renderer)
    robot.reset(NookScene(seed=1, objects=()))
    yield robot
    robot.close()


@pytest.mark.parametrize("xyz", [(0.0, 4.0, 0.9), (0.3, 0.3, -1.0)], ids=["behind the wall", "below the floor"])
def test_a_place_that_can_not_be_reached_is_a_typed_status(robot: SimRobot, xyz: tuple[float, float, float]) -> None:
    body, target = Body(robot, map=NOOK_MAP), Target(words="thing", xyz_m=np.array(xyz), camera="head")
    began_s = robot.world.time_s
    assert mobile.navigate_to(body, target).status is Status.UNREACHABLE
    for verb, primitive in ((Verb.PICK, mobile.pick), (Verb.OPEN, mobile.open_), (Verb.PRESS, mobile.press)):
        assert primitive(body, target).status in VERBS[verb].failures
    assert mobile.push(body, target, side=Side.LEFT).status is Status.TARGET_NOT_FOUND
    assert robot.world.time_s - began_s < 60.0


def test_a_point_that_is_none_is_refused_where_it_is_made() -> None:
    for bad in ([np.nan, 0.0, 0.0], [np.inf, 0.0, 0.0], [0.0, 1.0]):
        with pytest.raises(ValueError, match="the point of the mug is three finite numbers, in metres"):
            Target(words="mug", xyz_m=np.array(bad))


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        (replace(panda(), joint_names=(*panda().joint_names[:-1], "elbow2")), "no joint 'elbow2'"),
        (replace(panda(), gripper_joint_names=("left", "right")), "no joint 'left'"),
        (replace(mobile_panda(), head=replace(HEAD, joint_names=("pan", "tilt"))), "no joint 'pan'"),
        (replace(mobile_panda(), cameras=(replace(EYE, link="eye"),)), "no joints lead from 'base_link' to 'eye'"),
        (replace(panda(), name="nobody"), "no simulation of a robot 'nobody'"),
    ],
    ids=["arm joint", "finger", "head joint", "camera link", "name"],
)
def test_a_robot_that_lacks_a_joint_or_link_is_one_line(spec: RobotSpec, words: str) -> None:
    world = World(spec=spec)
    with pytest.raises(RobotError, match=f"^robot={spec.name} can't be simulated: .*{words}") as caught:
        world.reset(NookScene(seed=1, objects=()))
    assert isinstance(caught.value, UserError)
    assert "\n" not in str(caught.value)
    world.close()


def test_a_robot_without_cameras_sees_nothing_and_says_so() -> None:
    blind = replace(mobile_panda(), cameras=())
    robot = FakeRobot(spec=blind)
    seen = replace(robot.observe(), frames={}, camera="head")
    for text in ("navigate_to(table)", "pick(mug @ 5 5)", "push(mug @ 5 5 to left)", "look()"):
        outcome = perform(parse_call(text), Body(robot=robot), seen)
        assert outcome.status is Status.UNREACHABLE
        assert outcome.detail.startswith("mobile_panda has no camera to ")
    standing = FakeRobot()
    outcome = perform(parse_call("pick(mug @ 5 5)"), Body(robot=standing), replace(standing.observe(), frames={}))
    assert (outcome.status, outcome.detail) == (
        Status.TARGET_NOT_FOUND, "there is no camera 'front' to see the mug by",
    )  # fmt: skip


@pytest.mark.parametrize("suite", ["tabletop", *(name for name in MODULES if name != "tabletop")])
def test_a_suite_and_a_robot_that_do_not_fit_are_one_line(suite: str) -> None:
    own = find_suite(suite).robot()
    for factory in (panda, mobile_panda, stretch):
        if (factory().base is None) == (own.base is None):
            assert suite_robot(suite, factory) is factory
        else:
            with pytest.raises(UserError, match=f"^robot={factory().name} (drives|stands still); suite={suite} is for"):
                suite_robot(suite, factory)
    if own.base is not None:
        with pytest.raises(RobotError, match="has no camera, and suite=kitchen is seen by the robot's own"):
            suite_robot(suite, lambda: replace(mobile_panda(), cameras=()))


def placed(kind: str, x: float, y: float, z: float, **spec: Any) -> PlacedObject:
    full = {"name": kind, "kind": kind, "colour": "", "size": "regular"} | spec
    return PlacedObject(spec=ObjectSpec(**full), xy_m=(x, y), z_m=z)


RED, BLUE = ({"name": c, "colour": c, "size": "large"} for c in ("red", "blue"))
INSIDE = {
    "two blocks": (panda(), Scene(seed=0, objects=tuple(placed("block", 0.5, 0, 0, **one) for one in (RED, BLUE)))),
    "a block in the table": (panda(), Scene(seed=0, objects=(placed("block", 0.5, 0.0, -0.03, **RED),))),
    "four things": (
        mobile_panda(),
        NookScene(seed=0, objects=tuple(placed(k, 0.0, 1.4, 0.9) for k in ("apple", "cereal box", "can", "mug"))),
    ),
    "a can in the counter": (mobile_panda(), NookScene(seed=0, objects=(placed("can", 0.0, 1.4, 0.8),))),
    "a can in the robot": (mobile_panda(), NookScene(seed=0, objects=(placed("can", 0.0, 0.0, 0.3),))),
}  # fmt: skip


@pytest.mark.parametrize("name", INSIDE)
def test_what_stands_inside_something_is_named_and_flies_nowhere(name: str) -> None:
    spec, scene = INSIDE[name]
    world = World(spec=spec)
    world.reset(scene)
    if "robot" not in name:  # `apart` looks at things and furniture
        with pytest.raises(SceneError, match="inside"):
            apart(world)
    world.reset(scene)
    start = {n: pose.xyz for n, pose in world.poses().items()}
    for n in world.names:
        world.set_pose(n, Pose(xyz=start[n], quat_xyzw=world.pose(n).quat_xyzw))  # awake
    for _ in range(60):
        world.step(4)
        for n in world.names:
            assert world.pose(n).xyz[2] - start[n][2] < 0.25, f"{n} flies"
            assert world.speed_m_s(n) < 4.0
    assert all(np.linalg.norm(world.pose(n).xyz[:2] - start[n][:2]) < 0.4 for n in world.names)
    world.close()


def test_errors_are_lines() -> None:
    assert issubclass(RobotError, PalmettoError)
    assert str(RobotError("a\n b")) == "a b"
