"""The simulated robots that drive: the contract, what odometry and localisation believe, bumps, memory."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pybullet as p
import pytest

from robots.geometry import Pose
from robots.interface import Command, Robot
from robots.kinematics import kinematics
from robots.mobile_panda import mobile_panda
from robots.parts import BaseSpec
from robots.spec import RobotSpec
from robots.stretch import stretch
from sim.machines import MachineModel, model_of, register
from sim.mobile import MobileArm
from sim.odometry import Odometry
from sim.render import open_renderer
from sim.robot import SimRobot
from sim.world import World
from tests.contracts import RobotContract, stream_twist
from tests.small_room import COUNTER, RoomScene, SmallRoom, Thing, room_of

BLOCK = Thing(size_m=(0.06, 0.06, 0.04), xyz_m=(0.85, 0.05, 0.9))
STARTS = {"mobile_panda": Pose.from_xyz_yaw([0.1, 0.0, 0.0], 0.1), "stretch": Pose.from_xyz_yaw([0.2, 0.0, 0.0], 1.5)}
SPECS = [mobile_panda(), stretch()]
HEAD = mobile_panda().head
assert HEAD is not None


def in_room(spec: RobotSpec, *, seed: int = 0) -> SimRobot:
    robot = SimRobot(World(spec=spec), open_renderer().renderer)
    setting = SmallRoom(things={"counter": COUNTER, "block": BLOCK})
    robot.reset(RoomScene(setting=setting, start=STARTS[spec.name], seed=seed))
    return robot


def arm_of(robot: SimRobot) -> MobileArm:
    assert isinstance(robot.world.arm, MobileArm)
    return robot.world.arm


def top(robot: Robot) -> np.ndarray:
    """The middle of the block's top in the frame of the base as it truly stands."""
    assert isinstance(robot, SimRobot)
    return (
        arm_of(robot)
        .world_T_base.inverse()
        .apply(room_of(robot.world).pose("block").apply([0.0, 0.0, BLOCK.size_m[2] / 2]))
    )


class TestMobilePanda(RobotContract):
    def make(self) -> Robot:
        return in_room(mobile_panda())

    def mark(self, robot: Robot) -> dict[str, np.ndarray]:
        assert isinstance(robot, SimRobot)
        mark = top(robot)
        over = Pose(xyz=mark + [-0.06, 0.0, 0.25], quat_xyzw=np.array([1.0, 0.0, 0.0, 0.0]))
        arm_of(robot).teleport(kinematics(robot.spec).reach(over, robot.spec.posture).q, 0.08)
        return {"wrist": mark}


class SeenByItsHead(TestMobilePanda):
    """Its arm at home, out of the way."""

    __test__ = False

    def mark(self, robot: Robot) -> dict[str, np.ndarray]:
        return {"head": top(robot)}


class TestStretch(RobotContract):
    def make(self) -> Robot:
        return in_room(stretch())

    def mark(self, robot: Robot) -> dict[str, np.ndarray]:
        assert isinstance(robot, SimRobot)
        arm_of(robot).set_head(np.array([-1.4, -0.65]))
        arm_of(robot).teleport(np.array([1.1, 0.05, 0.0, -0.7, 0.0]), 0.12)
        return {"head": top(robot), "wrist": top(robot)}

    def near_the_floor(self, robot: Robot) -> np.ndarray:
        return np.array([0.0, 0.2, 0.0, -1.57, 0.0])


def test_the_head_of_the_mobile_panda_brings_the_mark_back_too() -> None:
    robot = in_room(mobile_panda())
    assert set(robot.observe().frames) == {"head", "wrist"}
    SeenByItsHead().test_depth_and_intrinsics_bring_a_mark_back_to_where_it_is(robot)
    robot.close()


@pytest.fixture(params=SPECS, ids=lambda s: s.name)
def robot(request: pytest.FixtureRequest) -> Iterator[SimRobot]:
    robot = in_room(request.param)
    yield robot
    robot.close()


def test_what_it_believes_is_neither_the_truth_nor_far_from_it(robot: SimRobot) -> None:
    """After some metres of driving the localisation is within four declared deviations; both it and odometry err."""
    base, start = robot.spec.base, arm_of(robot).world_T_base
    assert base is not None
    for _ in range(4):
        stream_twist(robot, [-0.25, 0.0, 0.4], 3.0)
    truth, state = arm_of(robot).world_T_base, robot.state()
    assert state.odom_T_base is not None
    off = truth.inverse() @ state.world_T_base
    assert 1e-4 < np.linalg.norm(off.xyz) < 4 * base.localisation.position_m
    assert abs(off.yaw_rad) < 4 * base.localisation.angle_rad
    drift = (start.inverse() @ truth).inverse() @ state.odom_T_base
    assert 1e-3 < np.linalg.norm(drift.xyz) < 0.3


def test_pictures_are_taken_where_the_camera_truly_is(robot: SimRobot) -> None:
    """Two robots that believe different things of their place see the same."""
    other = in_room(robot.spec, seed=1)
    a, b = robot.observe(), other.observe()
    other.close()
    assert (a.state.world_T_base.xyz != b.state.world_T_base.xyz).any()
    for name, frame in a.frames.items():
        assert (frame.rgb == b.frames[name].rgb).all()
        assert (frame.world_T_camera.xyz != b.frames[name].world_T_camera.xyz).any()


def test_standing_still_it_changes_its_mind_about_nothing(robot: SimRobot) -> None:
    before = robot.state()
    for i in range(90):
        q = robot.spec.home_q_rad + 0.05 * np.sin(i / 10) * np.minimum(robot.spec.velocity_rad_s, 1.0)
        robot.send(Command(arm_q=q))
        robot.wait(robot.spec.period_s)
    after = robot.state()
    assert (after.world_T_base.xyz == before.world_T_base.xyz).all()
    assert np.abs(arm_of(robot).world_T_base.xyz - STARTS[robot.spec.name].xyz).max() < 1e-3, "its arm pushes it about"


def test_it_goes_where_its_wheels_say_and_never_sideways(robot: SimRobot) -> None:
    """A wheel's width of a tenth of a millimetre sideways in a curve of a metre and a half."""
    arm_of(robot).place(Pose.from_xyz_yaw([-1.5, 0.0, 0.0]))
    before, slid, ahead = arm_of(robot).world_T_base, 0.0, 0.0
    for _ in range(300):
        robot.send(Command(base_twist=np.array([-0.3, 0.0, 0.5])))
        robot.wait(robot.spec.period_s)
        now = arm_of(robot).world_T_base
        step = before.inverse() @ now
        half = Pose.from_xyz_yaw([0, 0, 0], -step.yaw_rad / 2)
        slid, ahead, before = slid + half.apply(step.xyz)[1], ahead + step.xyz[0], now
    assert ahead < -1.3
    assert abs(slid) < 2e-3


def test_what_it_bumps_into_holds_it(robot: SimRobot) -> None:
    """Against a counter that can't move it stands, 5 mm deep at most, though told to drive on; and comes away again."""
    arm = arm_of(robot)
    arm.place(Pose.from_xyz_yaw([0.2, 0.0, 0.0], 0.0))
    arm.teleport(robot.spec.home_q_rad, robot.spec.gripper_max_width_m)
    stream_twist(robot, [0.3, 0.0, 0.0], 3.0)
    stood = arm.world_T_base.xyz[0]
    assert stood < 0.7
    assert robot.state().base_twist[0] < 0.02
    stream_twist(robot, [-0.3, 0.0, 0.0], 2.6)
    assert arm.world_T_base.xyz[0] < stood - 0.25
    assert abs(arm.world_T_base.xyz[2]) < 1e-9


def test_at_home_it_keeps_clear_of_itself(robot: SimRobot) -> None:
    """Folded, hand and wrist (and the Panda's forearm) are a centimetre or more from base, mast and head."""
    arm = arm_of(robot)
    near: list[tuple[str, str, float]] = []
    body = [n for n in arm.links if n == "base_link" or "head" in n]
    far = [n for n in arm.links if "wrist" in n or "finger" in n or "hand" in n or n in ("panda_link4", "panda_link5")]
    p.performCollisionDetection(physicsClientId=arm.client)
    for one in body:
        for other in far:
            found = p.getClosestPoints(
                arm.body, arm.body, 0.01, arm.links[one], arm.links[other], physicsClientId=arm.client
            )
            near += [(one, other, c[8]) for c in found]
    assert len(body) >= 3
    assert len(far) >= 5
    assert near == []


def test_stopped_it_stands_whoever_lets_time_pass(robot: SimRobot) -> None:
    stream_twist(robot, [-0.2, 0.0, 0.0], 1.0)
    robot.stop()
    robot.world.step(60)
    there = arm_of(robot).world_T_base.xyz
    robot.world.step(120)
    assert np.abs(arm_of(robot).world_T_base.xyz - there).max() < 1e-4


def test_a_saved_world_goes_on_bit_for_bit(robot: SimRobot) -> None:
    """What it believed of its place, and how it would have erred from there on, included."""
    stream_twist(robot, [-0.2, 0.0, 0.3], 1.0)
    saved = robot.world.save()
    kept, ends = robot.state(), []
    for _ in range(2):
        robot.world.restore(saved)
        assert (robot.state().world_T_base.matrix == kept.world_T_base.matrix).all()
        stream_twist(robot, [-0.2, 0.0, 0.3], 1.0)
        state = robot.state()
        assert state.odom_T_base is not None
        ends.append([*state.world_T_base.xyz, *state.odom_T_base.xyz, *state.arm_q, *arm_of(robot).world_T_base.xyz])
    assert ends[0] == ends[1]
    assert robot.world.save() != saved


def base_of(spec: RobotSpec) -> BaseSpec:
    assert spec.base is not None
    return spec.base


def drift(seed: int, pieces: int) -> np.ndarray:
    """Where odometry ends on a straight way of 4 m, driven in so many pieces."""
    odometry = Odometry(base_of(mobile_panda()), Pose.identity(), np.random.default_rng(seed))
    for i in range(1, pieces + 1):
        odometry.moved_to(Pose.from_xyz_yaw([4.0 * i / pieces, 0.0, 0.0]))
    return np.array([*odometry.odom_T_base.xyz[:2], odometry.odom_T_base.yaw_rad]) - [4.0, 0.0, 0.0]


def test_odometry_drifts_as_declared_however_finely_the_way_is_cut() -> None:
    """Its turn's standard deviation after 4 m is sqrt(turn_per_way * 4 m); 15 % is what 300 draws are good for."""
    noise = base_of(mobile_panda()).odometry
    for pieces in (8, 80):
        errors = np.array([drift(seed, pieces) for seed in range(300)])
        assert errors[:, 2].std() == pytest.approx(np.sqrt(4 * noise.turn_per_way), rel=0.15)
        assert errors[:, 0].std() == pytest.approx(np.sqrt(4 * noise.way_per_way), rel=0.2)
        assert abs(errors[:, 2].mean()) < 3 * errors[:, 2].std() / 17


def test_localisation_stays_within_what_is_declared_over_a_long_way() -> None:
    """Over 60 m odometry is lost; the estimate's error stays of the size of one fix's."""
    base = base_of(stretch())
    odometry = Odometry(base, Pose.identity(), np.random.default_rng(0))
    errors = []
    for i in range(3000):
        angle = i * 0.02 / 1.5
        truth = Pose.from_xyz_yaw([1.5 * np.sin(angle), 1.5 - 1.5 * np.cos(angle), 0.0], angle)
        odometry.moved_to(truth)
        errors.append(np.linalg.norm((truth.inverse() @ odometry.world_T_base).xyz))
    assert max(errors) < 4 * base.localisation.position_m
    assert np.linalg.norm((truth.inverse() @ odometry.odom_T_base).xyz) > 0.1


def test_an_unknown_machine_is_answered_with_those_there_are() -> None:
    with pytest.raises(KeyError, match="stretch"):
        model_of("android")
    with pytest.raises(ValueError, match="already"):
        register("panda", MachineModel(urdf=model_of("stretch").urdf, arm_force=(1.0,)))


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"gripper_joint_names": ("thumb", "finger")}, "no joint 'thumb'; it has base_x"),
        ({"head": replace(HEAD, joint_names=("nod", "shake"))}, "no joint 'nod'"),
        ({"gripper_joint_names": ("panda_finger_joint1",)}, "two fingers, not 1"),
    ],
)
def test_a_spec_that_the_simulation_does_not_fit_is_one_line(changed: dict, said: str) -> None:
    world = World(spec=replace(mobile_panda(), **changed))
    with pytest.raises(ValueError, match=said):
        world.reset(RoomScene(setting=SmallRoom(things={})))
    world.close()


def test_a_picture_is_of_the_moment_of_the_look_however_late_it_is_drawn() -> None:
    """And its depth is the same, drawn alone or with its colours, before or after them."""
    robot = in_room(mobile_panda())
    now, late, deep = robot.observe(), robot.observe(), robot.observe()
    drawn = {name: (frame.rgb, frame.depth_m) for name, frame in now.frames.items()}
    depths = {name: frame.depth_m for name, frame in deep.frames.items()}
    stream_twist(robot, [0.0, 0.0, 0.8], 1.0)
    moved = robot.observe().main
    assert not np.array_equal(moved.rgb, now.main.rgb)
    robot.close()
    for name, (rgb, depth_m) in drawn.items():
        assert np.array_equal(late.frames[name].rgb, rgb)
        assert np.array_equal(late.frames[name].depth_m, depth_m)
        assert np.array_equal(depths[name], depth_m)
