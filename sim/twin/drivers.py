"""What the drivers on the robot's computer do with commands: a trajectory controller, a gripper, a base that times
out."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from robots.interface import Command
from robots.ros2 import convert
from robots.ros2.config import Ros2Config
from robots.ros2.convert import MessageError
from robots.spec import RobotSpec

Float = NDArray[np.float64]
MOST_POINTS = 1000
HALTS_S = 0.1


class Controller:
    """A joint_trajectory_controller for some joints: follows the newest trajectory by its times, then holds its end."""

    def __init__(self, names: tuple[str, ...]) -> None:
        self._names = names
        self._times: Float = np.zeros(0)
        self._points: Float = np.zeros((0, len(names)))

    def take(self, message: Any, now_s: float) -> None:
        """A JointTrajectory, or MessageError for one that is none of these joints."""
        if set(message.joint_names) != set(self._names) or not 0 < len(message.points) <= MOST_POINTS:
            raise MessageError(f"a trajectory of {len(message.points)} points for {list(message.joint_names)[:10]}")
        order = [list(message.joint_names).index(name) for name in self._names]
        if any(len(p.positions) != len(self._names) for p in message.points):
            raise MessageError("a trajectory point with other joints than it names")
        points = np.array([p.positions for p in message.points], dtype=np.float64)[:, order]
        start_s = convert.seconds(message.header.stamp) or now_s
        times = start_s + np.array([convert.seconds(p.time_from_start) for p in message.points])
        convert.sane(points.ravel(), "trajectory points at positions")
        if (np.diff(times) <= 0).any():
            raise MessageError("a trajectory whose times don't grow")
        self._times, self._points = times, points

    def positions(self, now_s: float) -> Float | None:
        """Where the joints are to be; None: nobody has said, or it is not due yet."""
        if len(self._times) == 0 or now_s < self._times[0] - 1e-6:
            return None
        columns = range(self._points.shape[1])
        return np.array([np.interp(now_s, self._times, self._points[:, i]) for i in columns])


class Drivers:
    """All of a robot's drivers; `command` is asked each control period."""

    def __init__(self, config: Ros2Config, spec: RobotSpec) -> None:
        self._config, self._spec = config, spec
        named = tuple(config.driver_name(n) for n in spec.joint_names)
        self.arm = Controller(named)
        head = spec.head.joint_names if spec.head is not None else ()
        self.head = Controller(tuple(config.driver_name(n) for n in head))
        self._streamed: dict[str, float] = {}
        self._width_m: float | None = None
        self._twist: Float = np.zeros(3)
        self._twist_s = self._halted_s = -np.inf

    def grip(self, message: Any, now_s: float) -> None:
        self._width_m = float(convert.sane([message.position], "a gap between fingers")[0])

    def drive(self, message: Any, now_s: float) -> None:
        self._twist, self._twist_s = convert.sane(convert.twist_values(message), "a velocity"), now_s

    def stream(self, message: Any, now_s: float) -> None:
        """Stretch's streaming positions; none are taken while it is being stopped."""
        if now_s - self._halted_s < HALTS_S:
            return
        names = self._config.streamed
        if len(message.data) != len(names):
            raise MessageError(f"{len(message.data)} positions for {len(names)} joints")
        positions = convert.sane(message.data, "positions")
        self._streamed = dict(zip(names, map(float, positions), strict=True))

    def halt(self, now_s: float) -> None:
        """Stretch's /stop_the_robot: everything stays where it is; what was on its way is void."""
        self._streamed, self._twist_s, self._halted_s = {}, -np.inf, now_s

    def command(self, now_s: float) -> Command:
        base, config, spec = self._spec.base, self._config, self._spec
        fresh = base is not None and now_s - self._twist_s <= base.command_timeout_s
        width_m, self._width_m = self._width_m, None
        arm_q, head_q = self.arm.positions(now_s), self.head.positions(now_s)
        if self._streamed:
            arm_q = np.array([self._streamed[config.driver_name(n)] for n in spec.joint_names])
            if spec.head is not None:
                head_q = np.array([self._streamed[config.driver_name(n)] for n in spec.head.joint_names])
            width_m = self._streamed["gripper"] * config.gripper_m * len(config.gripper_joints)
        return Command(
            base_twist=self._twist.copy() if fresh else None, arm_q=arm_q, gripper_width_m=width_m,
            head_q=head_q if spec.head is not None else None,
        )  # fmt: skip
