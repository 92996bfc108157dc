"""The fake robot keeps the robots' contract, and the contract finds robots that do not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from robots.fake import FakeBox, FakeRobot
from robots.geometry import Pose
from robots.interface import Command, Observation, Robot, RobotState
from tests.contracts import RobotContract


class TestFakeRobot(RobotContract):
    def make(self) -> Robot:
        return FakeRobot(boxes=[FakeBox(name="red block", xy_m=(0.5, 0.1), rgb=(0.8, 0.1, 0.1))])


class Unlimited(FakeRobot):
    def send(self, command: Command) -> Command:
        self._start(command)
        return command


class Boastful(FakeRobot):
    """Says that it sent what was wished."""

    def send(self, command: Command) -> Command:
        super().send(command)
        return command


class Millimetres(FakeRobot):
    def observe(self) -> Observation:
        seen = super().observe()
        frames = {n: replace(f, depth_m=f.depth_m * np.float32(1000)) for n, f in seen.frames.items()}
        return replace(seen, frames=frames)


class Upside(FakeRobot):
    """Its camera's y axis points up."""

    def observe(self) -> Observation:
        seen = super().observe()
        flip = Pose(xyz=np.zeros(3), quat_xyzw=np.array([1.0, 0.0, 0.0, 0.0]))
        frames = {n: replace(f, world_T_camera=f.world_T_camera @ flip) for n, f in seen.frames.items()}
        return replace(seen, frames=frames)


class Timeless(FakeRobot):
    def wait(self, seconds: float) -> None:
        super().wait(min(seconds, 0.1))


class Patient(FakeRobot):
    def wait(self, seconds: float) -> None:
        super().wait(seconds if np.isfinite(seconds) and seconds > 0 else 0.0)


class Unstoppable(FakeRobot):
    """Finishes its way first."""

    def stop(self) -> None:
        self._goal_q = self._q + np.array([0.5, 0, 0, 0, 0, 0, 0])


class Restless(FakeRobot):
    def send(self, command: Command) -> Command:
        return super().send(command if command.arm_q is not None else replace(command, arm_q=self._q + 0.1))


class Leaky(FakeRobot):
    def state(self) -> RobotState:
        return replace(super().state(), arm_q=self._q)


class Flange(FakeRobot):
    """Reports the flange where the tool is asked for."""

    def state(self) -> RobotState:
        state = super().state()
        return replace(state, world_T_tool=state.world_T_tool @ Pose.from_xyz_yaw([0, 0, -0.105]))


class Grasping(FakeRobot):
    """Believes that it always holds something."""

    def state(self) -> RobotState:
        return replace(super().state(), holding=True)


class Slow(FakeRobot):
    """Looking takes it time."""

    def observe(self) -> Observation:
        self.wait(0.1)
        return super().observe()


class Shaky(FakeRobot):
    made = 0

    def __init__(self) -> None:
        super().__init__()
        Shaky.made += 1
        self.shake_rad = 1e-6 * Shaky.made

    def _step(self) -> None:
        super()._step()
        self._q = self._q + self.shake_rad


class Fragile(FakeRobot):
    closed = False

    def close(self) -> None:
        if self.closed:
            raise RuntimeError("closed already")
        self.closed = True


class Stiff(FakeRobot):
    """Its fingers do not move."""

    def send(self, command: Command) -> Command:
        return super().send(replace(command, gripper_width_m=None))


BROKEN: dict[type[FakeRobot], str] = {
    Unlimited: "test_says_what_it_sent",
    Boastful: "test_says_what_it_sent",
    Millimetres: "test_depth_shows_the_table_at_height_zero",
    Upside: "test_depth_shows_the_table_at_height_zero",
    Timeless: "test_waits_as_long_as_asked",
    Patient: "test_refuses_to_wait_for_no_time_at_all",
    Unstoppable: "test_stops",
    Restless: "test_nothing_in_a_command_means_hold",
    Leaky: "test_what_it_returns_is_the_callers",
    Flange: "test_tool_pose_is_the_kinematics_of_the_joints",
    Grasping: "test_starts_at_home_with_an_open_empty_hand",
    Slow: "test_state_is_the_same_seen_either_way_and_costs_no_time",
    Shaky: "test_two_of_them_do_exactly_the_same",
    Fragile: "test_closed_twice_it_closes_nothing_that_others_have_opened_since",
    Stiff: "test_fingers_go_where_they_are_sent",
}


@pytest.mark.parametrize("broken", BROKEN, ids=lambda kind: kind.__name__)
def test_the_contract_finds(broken: type[FakeRobot]) -> None:
    """A test of the suite that passes a sound robot fails for the broken one."""
    name = BROKEN[broken]

    def run(kind: type[FakeRobot]) -> None:
        class Suite(RobotContract):
            def make(self) -> Robot:
                return kind()

        arguments = (-1.0,) if "no_time_at_all" in name else ()
        getattr(Suite(), name)(kind(), *arguments)

    run(FakeRobot)
    # Outcomes.Failed is what pytest.raises gives when nothing was raised.
    with pytest.raises((AssertionError, RuntimeError, pytest.fail.Exception)):
        run(broken)


@pytest.mark.parametrize("broken", [Unlimited, Boastful])
def test_the_contract_finds_nonsense_sent(broken: type[FakeRobot]) -> None:
    class Suite(RobotContract):
        def make(self) -> Robot:
            return broken()

    with pytest.raises(AssertionError):
        Suite().test_sends_no_nonsense(broken())
    with pytest.raises((AssertionError, ValueError)):
        Suite().test_keeps_its_hand_above_the_floor(Unlimited())
