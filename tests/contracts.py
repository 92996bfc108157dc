"""Suites that every implementation of a protocol must pass. Inherit one, say how to make the thing, and run pytest.

class TestMyRobot(RobotContract):
    def make(self) -> Robot: ...
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator

import numpy as np
import pytest

from robots.interface import Command, Robot, RobotState
from robots.kinematics import kinematics


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
    q = np.array(robot.spec.home_q_rad)
    q[0] += 0.2
    q[-1] -= 0.2
    return q


class RobotContract(ABC):
    """What `robots.interface.Robot` promises, asked of a robot that stands at home with empty hands."""

    @abstractmethod
    def make(self) -> Robot:
        """A fresh robot, each time alike, at home, open-handed, with room around it."""

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

    def test_depth_shows_the_table_at_height_zero(self, robot: Robot) -> None:
        """In metres along z, with x right and y down: the median height low in a picture is the table's."""
        for frame in robot.observe().frames.values():
            h, w = frame.depth_m.shape
            rows, columns = np.indices((h, w))
            k, z = frame.intrinsics, frame.depth_m.astype(np.float64)
            x, y = (columns - k[0, 2]) / k[0, 0] * z, (rows - k[1, 2]) / k[1, 1] * z
            points = frame.world_T_camera.apply(np.stack([x, y, z], axis=-1))[h // 2 :]
            # 5 mm: what the depth of a good camera at one metre is worth.
            assert abs(float(np.median(points[..., 2]))) < 0.005

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
        sent = np.stack(stream(robot, wish, 1.5))
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
        low = np.array(spec.home_q_rad)
        low[1] += 1.2  # leans forward, through the table
        for q in stream(robot, low, 2.0):
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

    def test_two_of_them_do_exactly_the_same(self, robot: Robot) -> None:
        other = self.make()
        for each in (robot, other):
            stream(each, near_home(each), 0.5)
        a, b = robot.observe(), other.observe()
        other.close()
        assert a.time_s == b.time_s
        assert (a.state.arm_q == b.state.arm_q).all()
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


def assert_same(a: RobotState, b: RobotState) -> None:
    assert (a.arm_q == b.arm_q).all()
    assert a.gripper_width_m == b.gripper_width_m
    assert a.holding == b.holding
    assert (a.world_T_tool.xyz == b.world_T_tool.xyz).all()
