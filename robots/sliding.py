"""Arms that reach a pose of the tool only together with their base: its way ahead becomes the arm's first joint.

A lift, a telescope and a wrist of three joints are one joint short of any pose. With the base's own way ahead they are
not: the robot stands beside what it does, as at a rail, and everything that plans for arms plans for it. Stretch's
makers drive it so ("base translation", Kemp et al., "The Design of Stretch", ICRA 2022).
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from robots.geometry import Pose
from robots.interface import Command, Observation, Robot, RobotState
from robots.parts import Drive
from robots.spec import RobotSpec

Float = NDArray[np.float64]

RAIL = "base_x"
FAR_M = 0.60
"""How far the base goes to either side of where it stood when the arm began to move."""
SHARE = 0.7
"""Of the base's velocity and acceleration that arm motions are timed with: the rest makes good what it lags."""
GAIN, TURN_GAIN = 4.0, 3.0
"""1/s: how fast an error along the rail, and of heading, is made good."""
OFF_M, OFF_RAD = 0.05, 0.15
"""A base that is so far off its rail has been moved: the rail begins anew."""
QUIET_RAD = 0.012
"""So little off its heading the base is left alone: wheels that keep turning to and fro only slip more."""
SPACE = 6
"""Joints that any pose takes."""


def needs_base(spec: RobotSpec) -> bool:
    """Whether the arm has too few joints for any pose of its tool, and stands on a base that goes straight ahead."""
    return spec.base is not None and spec.base.drive is Drive.DIFFERENTIAL and spec.dof < SPACE and not spec.slides


@cache
def sliding(spec: RobotSpec) -> RobotSpec:
    """The same robot with the base's way ahead as the arm's first joint, 0 where the base stands."""
    if spec.base is None:
        raise ValueError(f"{spec.name} stands on a fixed base")
    base = spec.base

    def first(value: float, rest: Float) -> Float:
        return np.concatenate([[value], rest])

    reach = np.array([FAR_M, 0.0, 0.0])
    return replace(
        spec,
        joint_names=(RAIL, *spec.joint_names),
        q_lower_rad=first(-FAR_M, spec.q_lower_rad),
        q_upper_rad=first(FAR_M, spec.q_upper_rad),
        velocity_rad_s=first(SHARE * float(base.velocity[0]), spec.velocity_rad_s),
        acceleration_rad_s2=first(SHARE * float(base.acceleration[0]), spec.acceleration_rad_s2),
        jerk_rad_s3=first(SHARE * float(base.jerk[0]), spec.jerk_rad_s3),
        home_q_rad=first(0.0, spec.home_q_rad),
        posture_q_rad=first(0.0, spec.posture),
        ik_starts_rad=np.pad(spec.ik_starts_rad, ((0, 0), (1, 0))),
        tool_lower_m=spec.tool_lower_m - reach,
        tool_upper_m=spec.tool_upper_m + reach,
        slides=True,
    )


class SlidingRobot:
    """A robot whose arm's first joint is its base's way along a rail, a line on the floor.

    The rail begins wherever the base last was driven to: after a command with a twist the first joint is 0 again. All
    poses of the base that this tells of, believed or by the wheels, are those of the rail's beginning, so that what the
    base is off its rail moves the arm's base and is not lost.
    """

    def __init__(self, robot: Robot) -> None:
        self.robot = robot
        self._spec = sliding(robot.spec)
        self._rail: Pose | None = None
        self._goal: float | None = None
        """Where on the rail the base is to be; None: it stands."""

    @property
    def spec(self) -> RobotSpec:
        return self._spec

    def observe(self) -> Observation:
        seen = self.robot.observe()
        return replace(seen, state=self._told(seen.state))

    def state(self) -> RobotState:
        return self._told(self.robot.state())

    def send(self, command: Command) -> Command:
        if command.base_twist is not None:
            self._rail, self._goal = None, None
            arm_q = None if command.arm_q is None else command.arm_q[1:]
            sent = self.robot.send(replace(command, arm_q=arm_q))
            return replace(sent, arm_q=command.arm_q)
        if command.arm_q is None:
            # The hand or the head alone: the base keeps to its place.
            twist = None if self._goal is None else self._along(self._goal, self._goal)
            return replace(self.robot.send(replace(command, base_twist=twist)), base_twist=None)
        goal = float(np.clip(command.arm_q[0], -FAR_M, FAR_M))
        before = goal if self._goal is None else self._goal
        twist, self._goal = self._along(before, goal), goal
        sent = self.robot.send(replace(command, arm_q=command.arm_q[1:], base_twist=twist))
        rest = command.arm_q[1:] if sent.arm_q is None else sent.arm_q
        return replace(sent, arm_q=np.concatenate([[goal], rest]), base_twist=None)

    def wait(self, seconds: float) -> None:
        self.robot.wait(seconds)

    def stop(self) -> None:
        self._goal = None
        self.robot.stop()

    def recover(self, veto: Any) -> bool:
        """Whether the robot may go on after `veto` of the safety kernel, and does; its rail begins anew then."""
        recover = getattr(self.robot, "recover", None)
        self._rail = self._goal = None
        return recover is not None and bool(recover(veto))

    def close(self) -> None:
        self.robot.close()

    def _along(self, before: float, goal: float) -> Float:
        """float64[3]: the twist towards `goal` on the rail, which was told to be at `before` a period ago."""
        x, aside, turned = self._place(self.robot.state())
        base = self._spec.base
        assert base is not None
        ahead = (goal - before) / self._spec.period_s + GAIN * (goal - x)
        # What is off aside is made good by leaning towards the rail while the base goes.
        lean = -2.0 * aside * float(np.sign(ahead)) * min(1.0, abs(ahead) / 0.1)
        off = lean - turned
        turn = TURN_GAIN * float(np.sign(off)) * max(0.0, abs(off) - QUIET_RAD)
        twist = np.array([ahead, 0.0, turn])
        return np.asarray(np.clip(twist, -base.velocity, base.velocity))

    def _place(self, state: RobotState) -> tuple[float, float, float]:
        """Where on the rail the base is, m, how far to the left of it, m, and how far turned off it, rad."""
        here = state.world_T_base if state.odom_T_base is None else state.odom_T_base
        if self._rail is None:
            self._rail = here
        local = self._rail.inverse() @ here
        if max(abs(float(local.xyz[1])), abs(float(local.xyz[0])) - FAR_M) > OFF_M or abs(local.yaw_rad) > OFF_RAD:
            self._rail, self._goal = here, None
            return 0.0, 0.0, 0.0
        return float(np.clip(local.xyz[0], -FAR_M, FAR_M)), float(local.xyz[1]), local.yaw_rad

    def _told(self, state: RobotState) -> RobotState:
        x, _, _ = self._place(state)
        back = Pose.from_xyz_yaw([-x, 0.0, 0.0])
        return replace(
            state,
            # A joint at its stop may seem to be beyond it by a fraction of a millimetre.
            arm_q=np.clip(np.concatenate([[x], state.arm_q]), self._spec.q_lower_rad, self._spec.q_upper_rad),
            world_T_base=state.world_T_base @ back,
            odom_T_base=None if state.odom_T_base is None else state.odom_T_base @ back,
        )
