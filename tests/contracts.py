"""Suites that every implementation of a protocol must pass. Inherit one, say how to make the thing, and run pytest.

class TestMyRobot(RobotContract):
    def make(self) -> Robot: ...
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator

import numpy as np
import pytest

from robots.geometry import Pose
from robots.interface import CameraFrame, Command, Observation, Robot, RobotState
from robots.kinematics import base_T_camera, kinematics
from robots.parts import Drive


def stream(robot: Robot, q: np.ndarray, seconds: float) -> list[np.ndarray]:
    """Send `q` at the robot's own rate; returns what was sent."""
    sent = []
    for _ in range(round(seconds * robot.spec.control_hz)):
        command = robot.send(Command(arm_q=q))
        assert command.arm_q is not None
        sent.append(np.array(command.arm_q))
        robot.wait(robot.spec.period_s)
    return sent


def near_home(robot: Robot) -> np.ndarray:
    """A configuration close to home, clear of everything."""
    q, reach = np.array(robot.spec.home_q_rad), np.minimum(0.2, 0.4 * robot.spec.velocity_rad_s)
    q[0] += reach[0]
    q[-1] -= reach[-1]
    return q


def stream_twist(robot: Robot, wish: list[float] | None, seconds: float) -> list[np.ndarray]:
    """The same for the base; what was sent, 0 where that was None."""
    sent = []
    for _ in range(round(seconds * robot.spec.control_hz)):
        command = robot.send(Command(base_twist=None if wish is None else np.array(wish)))
        sent.append(np.zeros(3) if command.base_twist is None else np.array(command.base_twist))
        robot.wait(robot.spec.period_s)
    return sent


def twist(robot: Robot) -> np.ndarray:
    """How the base moves."""
    now = robot.state().base_twist
    assert now is not None
    return now


def head(robot: Robot) -> np.ndarray:
    """Where the head looks."""
    now = robot.state().head_q
    assert now is not None
    return now


def back_projected(frame: CameraFrame, state: RobotState) -> np.ndarray:
    """float64[H,W,3]: what each pixel shows, in the frame of the robot's base."""
    rows, columns = np.indices(frame.depth_m.shape)
    rays = np.stack([columns, rows, np.ones(rows.shape)], axis=-1) @ np.linalg.inv(frame.intrinsics).T
    base_T_lens = state.world_T_base.inverse() @ frame.world_T_camera
    return base_T_lens.apply(rays * frame.depth_m[..., None].astype(np.float64))


def reddish(frame: CameraFrame) -> np.ndarray:
    """bool[H,W]: pixels of something red."""
    red, green, blue = (frame.rgb[..., i].astype(int) for i in range(3))
    return np.asarray((red > 60) & (red > 2 * green) & (red > 2 * blue))


class RobotContract(ABC):
    """What `robots.interface.Robot` promises, asked of a robot that stands at home with empty hands."""

    @abstractmethod
    def make(self) -> Robot:
        """A fresh robot, each time alike, at home, open-handed, with room around it: 1 m behind it where it drives."""

    @abstractmethod
    def mark(self, robot: Robot) -> dict[str, np.ndarray]:
        """May move the robot. The middle of the top of one red thing, with nothing red beside it, in the frame of the
        robot's base (truly, whatever the robot believes), by the names of the cameras that see that top whole."""

    def near_the_floor(self, robot: Robot) -> np.ndarray:
        """A configuration that would bring the hand below the floor or the table, if the arm is long enough for it."""
        low = np.array(robot.spec.home_q_rad)
        low[1] += 1.2  # leans forward, through the table
        return low

    @pytest.fixture
    def robot(self) -> Iterator[Robot]:
        robot = self.make()
        yield robot
        robot.close()

    def test_is_a_robot(self, robot: Robot) -> None:
        assert isinstance(robot, Robot)
        assert robot.spec.dof == len(robot.spec.joint_names) == len(robot.state().arm_q)

    def test_pictures_have_the_documented_types(self, robot: Robot) -> None:
        frames = robot.observe().frames
        assert frames
        for frame in frames.values():
            h, w = frame.depth_m.shape
            assert frame.rgb.shape == (h, w, 3)
            assert frame.rgb.dtype == np.uint8
            assert frame.depth_m.dtype == np.float32
            assert np.isfinite(frame.depth_m).all()
            assert (frame.depth_m >= 0).all()
            assert frame.intrinsics.shape == (3, 3)
            assert frame.intrinsics[2, 2] == 1.0

    def test_depth_and_intrinsics_bring_a_mark_back_to_where_it_is(self, robot: Robot) -> None:
        """In metres along z, with x right and y down, from where the camera is on the robot."""
        marks = self.mark(robot)
        seen = robot.observe()
        assert marks
        for name, top in marks.items():
            points = back_projected(seen.frames[name], seen.state)[reddish(seen.frames[name])]
            on_top = points[np.abs(points[:, 2] - top[2]) < 0.004]
            assert len(on_top) > 20, name
            # Of the pixels along the rim some show the sides: so much for the middle between the outermost.
            middle = (on_top[:, :2].min(axis=0) + on_top[:, :2].max(axis=0)) / 2
            ray = on_top.mean(axis=0) - camera_xyz(seen, name)
            # A pixel's length on a level face, which a slanting look makes longer.
            pixel_m = float(ray @ ray / abs(ray[2])) / seen.frames[name].intrinsics[0, 0]
            assert np.abs(np.median(on_top[:, 2]) - top[2]) < 0.003, name
            assert np.abs(middle - top[:2]).max() < 0.003 + pixel_m / 2, name

    def test_each_camera_of_the_spec_is_there_and_where_the_joints_put_it(self, robot: Robot) -> None:
        if robot.spec.head is not None:
            robot.send(Command(head_q=robot.spec.head.home_q_rad + 0.2))
        stream(robot, near_home(robot), 0.5)
        seen = robot.observe()
        for mount in robot.spec.cameras:
            frame = seen.frames[mount.name]
            assert frame.depth_m.shape == (mount.height, mount.width)
            assert (frame.intrinsics == mount.intrinsics).all()
            measured = frame.depth_m[frame.depth_m > 0]
            assert ((measured >= mount.near_m) & (measured <= mount.far_m)).all()
            lens = seen.state.world_T_base @ base_T_camera(robot.spec, mount, seen.state.arm_q, seen.state.head_q)
            assert np.abs(lens.matrix - frame.world_T_camera.matrix).max() < 1e-4

    def test_state_is_the_same_seen_either_way_and_costs_no_time(self, robot: Robot) -> None:
        before = robot.observe()
        state = robot.state()
        after = robot.observe()
        assert before.time_s == after.time_s
        assert_same(state, before.state)
        assert_same(state, after.state)

    def test_tool_pose_is_the_kinematics_of_the_joints(self, robot: Robot) -> None:
        stream(robot, near_home(robot), 0.5)
        state = robot.state()
        tool = state.world_T_base @ kinematics(robot.spec).tool(state.arm_q)
        assert np.abs(tool.xyz - state.world_T_tool.xyz).max() < 1e-4  # single precision of an engine
        assert abs(abs(float(tool.quat_xyzw @ state.world_T_tool.quat_xyzw)) - 1) < 1e-5

    def test_starts_at_home_with_an_open_empty_hand(self, robot: Robot) -> None:
        state = robot.state()
        assert np.abs(state.arm_q - robot.spec.home_q_rad).max() < 0.01
        assert state.gripper_width_m > 0.9 * robot.spec.gripper_max_width_m
        assert state.holding is False

    def test_what_it_returns_is_the_callers(self, robot: Robot) -> None:
        """Writing into a state does not move the robot."""
        state = robot.state()
        kept = state.arm_q.copy()
        if state.arm_q.flags.writeable:
            state.arm_q[:] = 9.0
        assert (robot.state().arm_q == kept).all()

    def test_waits_as_long_as_asked(self, robot: Robot) -> None:
        start = robot.observe().time_s
        robot.wait(0.25)
        assert abs(robot.observe().time_s - start - 0.25) < robot.spec.period_s

    @pytest.mark.parametrize("seconds", [-1.0, float("nan"), float("inf")])
    def test_refuses_to_wait_for_no_time_at_all(self, robot: Robot, seconds: float) -> None:
        with pytest.raises(ValueError, match="wait"):
            robot.wait(seconds)

    def test_goes_where_it_is_sent(self, robot: Robot) -> None:
        goal = near_home(robot)
        stream(robot, goal, 1.0)
        assert np.abs(robot.state().arm_q - goal).max() < 0.01  # 0.5 degrees

    def test_nothing_in_a_command_means_hold(self, robot: Robot) -> None:
        before = robot.state()
        sent = robot.send(Command())
        robot.wait(0.5)
        after = robot.state()
        assert sent.arm_q is None
        assert np.abs(after.arm_q - before.arm_q).max() < 0.01
        assert abs(after.gripper_width_m - before.gripper_width_m) < 0.003

    def test_fingers_go_where_they_are_sent(self, robot: Robot) -> None:
        robot.send(Command(gripper_width_m=0.02))
        robot.wait(1.0)
        assert abs(robot.state().gripper_width_m - 0.02) < 0.003
        robot.send(Command(gripper_width_m=0.0))
        robot.wait(1.0)
        assert robot.state().gripper_width_m < 0.003
        assert robot.state().holding is False

    def test_says_what_it_sent(self, robot: Robot) -> None:
        """A leap of two joints, one of them beyond its range: what was sent is within all limits, and moves."""
        spec = robot.spec
        wish = np.array(spec.home_q_rad)
        wish[0] += 0.5
        wish[-1] = spec.q_upper_rad[-1] + 1.0
        sent = np.stack(stream(robot, wish, 2.0))
        speed = np.diff(np.concatenate([spec.home_q_rad[None], sent]), axis=0) * spec.control_hz
        gained = np.diff(speed[1:], axis=0) * spec.control_hz  # the first command comes no time after none
        assert (sent <= spec.q_upper_rad + 1e-9).all()
        assert (np.abs(speed) <= spec.velocity_rad_s * 1.001).all()
        assert (np.abs(gained) <= spec.acceleration_rad_s2 * 1.001).all()
        assert abs(sent[-1][-1] - spec.q_upper_rad[-1]) < 0.01
        assert np.abs(robot.state().arm_q - sent[-1]).max() < 0.02
        width = robot.send(Command(gripper_width_m=1.0)).gripper_width_m
        assert width == pytest.approx(spec.gripper_max_width_m)

    def test_keeps_its_hand_above_the_floor(self, robot: Robot) -> None:
        spec = robot.spec
        for q in stream(robot, self.near_the_floor(robot), 2.0):
            tip = kinematics(spec).tool(q).apply([0.0, 0.0, spec.fingertip_m])
            assert tip[2] > spec.floor_m - 1e-6

    def test_sends_no_nonsense(self, robot: Robot) -> None:
        q = np.full(robot.spec.dof, np.nan)
        sent = robot.send(Command(arm_q=q, gripper_width_m=float("nan")))
        assert sent.arm_q is None or np.isfinite(sent.arm_q).all()
        assert sent.gripper_width_m is None or np.isfinite(sent.gripper_width_m)
        robot.wait(0.1)
        assert np.abs(robot.state().arm_q - robot.spec.home_q_rad).max() < 0.01

    def test_refuses_a_command_for_other_joints(self, robot: Robot) -> None:
        with pytest.raises(ValueError, match=str(robot.spec.dof)):
            robot.send(Command(arm_q=np.zeros(robot.spec.dof + 1)))

    def test_stops(self, robot: Robot) -> None:
        goal = near_home(robot)
        goal[0] += 0.8
        stream(robot, goal, 0.4)
        there = robot.state().arm_q
        robot.stop()
        robot.wait(0.5)
        rest = robot.state().arm_q
        assert np.abs(rest - there).max() < 0.25  # it may brake, from 2 rad/s in a tenth of a second or two
        robot.wait(0.5)
        assert np.abs(robot.state().arm_q - rest).max() < 0.005
        assert abs(float(rest[0] - goal[0])) > 0.1

    # The base, of a robot that has one

    def test_a_fixed_base_says_so(self, robot: Robot) -> None:
        if robot.spec.base is not None:
            assert robot.state().odom_T_base is not None
            assert robot.state().base_twist is not None
            return
        state = robot.state()
        assert state.odom_T_base is None
        assert state.base_twist is None
        with pytest.raises(ValueError, match="fixed base"):
            robot.send(Command(base_twist=np.array([0.1, 0.0, 0.0])))

    def test_drives_backwards_and_turns_as_told(self, robot: Robot) -> None:
        if robot.spec.base is None:
            return
        start = robot.state()
        sent = stream_twist(robot, [-0.15, 0.0, 0.2], 1.5)
        state = robot.state()
        assert np.abs(twist(robot) - [-0.15, 0.0, 0.2]).max() < 0.01
        expected = Pose.identity()
        for forward, left, turn in np.array(sent) * robot.spec.period_s:
            expected = expected @ Pose.from_xyz_yaw([forward, left, 0.0], turn)
        assert start.odom_T_base is not None
        assert state.odom_T_base is not None
        for before, after in ((start.odom_T_base, state.odom_T_base), (start.world_T_base, state.world_T_base)):
            way = before.inverse() @ after
            assert np.abs(way.xyz - expected.xyz).max() < 0.03  # what it feels of its way, and corrects, errs
            assert abs(way.yaw_rad - expected.yaw_rad) < 0.04
            assert way.xyz[2] == 0.0

    def test_the_base_keeps_its_limits_and_says_what_it_sent(self, robot: Robot) -> None:
        base = robot.spec.base
        if base is None:
            return
        sent = np.array(stream_twist(robot, [-9.0, 9.0, 9.0], 0.6))
        gained = np.diff(sent, axis=0) * robot.spec.control_hz
        assert (np.abs(sent) <= base.velocity + 1e-9).all()
        assert (np.abs(gained) <= base.acceleration * 1.001 + 1e-9).all()
        assert sent[-1][2] > 0.2
        assert np.abs(twist(robot) - sent[-1]).max() < 0.03
        if base.drive is Drive.DIFFERENTIAL:
            assert not sent[:, 1].any()

    def test_what_is_no_number_does_not_drive(self, robot: Robot) -> None:
        if robot.spec.base is None:
            return
        stream_twist(robot, [float("nan")] * 3, 0.3)
        assert np.abs(twist(robot)).max() < 0.01

    @pytest.mark.parametrize("how", ["silence", "hold", "stop"])
    def test_the_base_comes_to_rest(self, robot: Robot, how: str) -> None:
        base = robot.spec.base
        if base is None:
            return
        stream_twist(robot, [-0.2, 0.0, 0.0], 1.0)
        assert twist(robot)[0] < -0.1
        if how == "stop":
            robot.stop()
        elif how == "hold":
            robot.send(Command())
        braking_s = 0.2 / base.acceleration[0] + base.acceleration[0] / base.jerk[0]
        robot.wait((base.command_timeout_s if how == "silence" else 0.0) + braking_s + 0.1)
        assert np.abs(twist(robot)).max() < 0.01
        there = robot.state().odom_T_base.xyz
        robot.wait(0.5)
        assert np.abs(robot.state().odom_T_base.xyz - there).max() < 0.002

    # The head, of a robot that has one

    def test_the_head_looks_where_it_is_sent(self, robot: Robot) -> None:
        spec = robot.spec.head
        if spec is None:
            assert robot.state().head_q is None
            with pytest.raises(ValueError, match="no head"):
                robot.send(Command(head_q=np.zeros(2)))
            return
        goal = spec.home_q_rad + [0.5, -0.3]
        for _ in range(round(1.5 * robot.spec.control_hz)):
            robot.send(Command(head_q=goal))
            robot.wait(robot.spec.period_s)
        assert np.abs(head(robot) - goal).max() < 0.02

    def test_the_head_keeps_its_limits(self, robot: Robot) -> None:
        spec = robot.spec.head
        if spec is None:
            return
        sent = []
        for _ in range(round(1.0 * robot.spec.control_hz)):
            sent.append(np.array(robot.send(Command(head_q=np.array([-9.0, 9.0]))).head_q))
            robot.wait(robot.spec.period_s)
        speed = np.diff(np.array(sent), axis=0) * robot.spec.control_hz
        assert ((np.array(sent) >= spec.q_lower_rad) & (np.array(sent) <= spec.q_upper_rad)).all()
        assert (np.abs(speed) <= spec.velocity_rad_s * 1.001).all()
        assert np.abs(head(robot) - sent[-1]).max() < 0.15

    def test_two_of_them_do_exactly_the_same(self, robot: Robot) -> None:
        other = self.make()
        for each in (robot, other):
            stream(each, near_home(each), 0.5)
            if each.spec.base is not None:
                stream_twist(each, [-0.1, 0.0, 0.2], 0.5)
        a, b = robot.observe(), other.observe()
        other.close()
        assert a.time_s == b.time_s
        assert_same(a.state, b.state)
        for name, frame in a.frames.items():
            assert (frame.rgb == b.frames[name].rgb).all()
            assert (frame.depth_m == b.frames[name].depth_m).all()

    def test_closed_twice_it_closes_nothing_that_others_have_opened_since(self, robot: Robot) -> None:
        robot.close()
        other = self.make()
        robot.close()
        before = other.observe().time_s
        other.wait(0.1)
        assert other.observe().time_s > before
        other.close()


def camera_xyz(seen: Observation, name: str) -> np.ndarray:
    """Where a camera is, in the base's frame."""
    return (seen.state.world_T_base.inverse() @ seen.frames[name].world_T_camera).xyz


def assert_same(a: RobotState, b: RobotState) -> None:
    assert (a.arm_q == b.arm_q).all()
    assert a.gripper_width_m == b.gripper_width_m
    assert a.holding == b.holding
    for name in ("world_T_tool", "world_T_base", "odom_T_base"):
        one, other = getattr(a, name), getattr(b, name)
        assert (one is None) == (other is None)
        assert one is None or (one.matrix == other.matrix).all()
    for name in ("head_q", "base_twist"):
        one, other = getattr(a, name), getattr(b, name)
        assert (one is None) == (other is None)
        assert one is None or (one == other).all()
