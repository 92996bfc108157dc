"""All that a robot moves as one row of coordinates: arm, head and base, in this order. D of them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from robots.geometry import Pose
from robots.interface import Command, RobotState
from robots.safety.braking import REST, Brakes, Motion
from robots.spec import JERK_PER_ACCELERATION, RobotSpec

Float = NDArray[np.float64]

SAME = 1e-9


class Coordinates:
    """Of one robot. The base's three are ways along its own axes: forward, left, turning; drives: bool[D], which."""

    def __init__(self, spec: RobotSpec) -> None:
        self.spec, head, base = spec, spec.head, spec.base
        far = np.full(3, np.inf)
        parts = [(spec.q_lower_rad, spec.q_upper_rad, spec.velocity_rad_s, spec.acceleration_rad_s2, spec.jerk_rad_s3)]
        if head is not None:
            jerk = JERK_PER_ACCELERATION * head.acceleration_rad_s2
            parts.append((head.q_lower_rad, head.q_upper_rad, head.velocity_rad_s, head.acceleration_rad_s2, jerk))
        if base is not None:
            parts.append((-far, far, base.velocity, base.acceleration, base.jerk))
        lower, upper, velocity, acceleration, jerk = (np.concatenate(column) for column in zip(*parts, strict=True))
        self.brakes = Brakes(
            lower=lower, upper=upper, velocity=velocity, acceleration=acceleration, jerk=jerk, period_s=spec.period_s
        )
        self._arm = slice(0, spec.dof)
        self._head = slice(spec.dof, spec.dof + (2 if head is not None else 0))
        self._base = slice(self._head.stop, len(lower))
        self.drives = np.arange(len(lower)) >= self._base.start

    def resting(self, state: RobotState) -> Motion:
        """At rest where the robot says that it is, as far as its limits go."""
        q = np.zeros(len(self.drives))
        q[self._arm] = state.arm_q
        if state.head_q is not None:
            q[self._head] = state.head_q
        q = np.clip(q, self.brakes.lower, self.brakes.upper)
        return Motion(q=q, v=np.zeros_like(q), a=np.zeros_like(q))

    def checked(self, command: Command) -> Command:
        """The command, if it is one for this robot.

        Raises:
            ValueError: other joints, a base or a head that is not there.
        """
        spec = self.spec
        if command.arm_q is not None and np.shape(command.arm_q) != (spec.dof,):
            raise ValueError(f"{spec.name} has {spec.dof} joints: arm_q must have shape ({spec.dof},), not "
                             f"{np.shape(command.arm_q)}")  # fmt: skip
        if command.base_twist is not None:
            if np.shape(command.base_twist) != (3,):
                raise ValueError(f"base_twist takes 3 numbers, forward, left and turning, not shape "
                                 f"{np.shape(command.base_twist)}")  # fmt: skip
            if spec.base is None and np.any(np.asarray(command.base_twist) != 0):
                raise ValueError(f"{spec.name} stands on a fixed base: base_twist must be None")
        if command.head_q is not None and (spec.head is None or np.shape(command.head_q) != (2,)):
            raise ValueError(
                f"{spec.name} has no head: head_q must be None, not {command.head_q}" if spec.head is None
                else f"head_q takes 2 numbers, pan and tilt, not shape {np.shape(command.head_q)}"
            )  # fmt: skip
        return command

    def finite(self, command: Command) -> bool:
        """Whether every number is one."""
        given = (command.base_twist, command.arm_q, command.gripper_width_m, command.head_q)
        return all(np.isfinite(np.asarray(value, dtype=np.float64)).all() for value in given if value is not None)

    def wished(self, start: Motion, command: Command, h: float) -> Motion:
        """Where the command would take it in one period; what it leaves out stands."""
        q, v = start.q.copy(), np.zeros_like(start.q)
        for part, value in ((self._arm, command.arm_q), (self._head, command.head_q)):
            if value is not None:
                q[part] = value
                v[part] = (q[part] - start.q[part]) / h
        if self.spec.base is not None and command.base_twist is not None:
            v[self._base] = command.base_twist
            q[self._base] = start.q[self._base] + h * v[self._base]
        return Motion(q=q, v=v, a=(v - start.v) / h)

    def given(self, command: Command) -> NDArray[np.bool_]:
        """bool[D]: what a command speaks of."""
        out = np.zeros(len(self.drives), dtype=bool)
        out[self._arm] = command.arm_q is not None
        out[self._head] = command.head_q is not None
        out[self._base] = command.base_twist is not None
        return out

    def without(self, command: Command, idle: NDArray[np.bool_]) -> Command:
        """The command without those parts, and without the fingers."""
        return Command(
            arm_q=None if idle[0] else command.arm_q,
            head_q=None if idle[self._head].any() else command.head_q,
            base_twist=None if idle[self._base].any() else command.base_twist,
        )

    def command(self, then: Motion, wish: Command, start: Motion, idle: NDArray[np.bool_]) -> Command:
        """What brings the robot to `then`: parts that neither were asked for nor move are left out, and idle ones."""

        def moves(part: slice) -> bool:
            return not idle[part].any() and bool(
                (np.abs(then.q[part] - start.q[part]) > REST).any() or (np.abs(start.v[part]) > REST).any()
            )

        arm, head = wish.arm_q is not None or moves(self._arm), wish.head_q is not None or moves(self._head)
        base = self.spec.base is not None and (wish.base_twist is not None or moves(self._base))
        return replace(
            wish,
            arm_q=then.q[self._arm].copy() if arm else None,
            head_q=then.q[self._head].copy() if head and self.spec.head is not None else None,
            base_twist=then.v[self._base].copy() if base else None,
        )

    def really(self, then: Motion, sent: Command, start: Motion, h: float, idle: NDArray[np.bool_]) -> Motion:
        """`then`, or what the driver made of it."""
        q, v = then.q.copy(), then.v.copy()
        for part, value in ((self._arm, sent.arm_q), (self._head, sent.head_q)):
            if value is not None:
                q[part] = value
                v[part] = (q[part] - start.q[part]) / h
        if self.spec.base is not None and not idle[-1]:
            v[self._base] = 0.0 if sent.base_twist is None else sent.base_twist
            q[self._base] = start.q[self._base] + h * v[self._base]
        if np.abs(q - then.q).max() < SAME and np.abs(v - then.v).max() < SAME / h:
            return then
        return Motion(q=q, v=v, a=np.where(idle, then.a, (v - start.v) / h))

    def driven(self, then: Motion, h: float) -> Pose:
        """How the base moves in one period."""
        if self.spec.base is None:
            return Pose.identity()
        return self._planar(then.v[self._base] * h)

    def gone(self, start: Motion, then: Motion) -> Pose:
        """Where the base is at `then`, from where it is at `start`: along its own axes, turned by half of its turn."""
        return self._planar(then.q[self._base] - start.q[self._base])

    @staticmethod
    def _planar(way: Float) -> Pose:
        half = way[2] / 2
        c, s = float(np.cos(half)), float(np.sin(half))
        return Pose.from_xyz_yaw([c * way[0] - s * way[1], s * way[0] + c * way[1], 0.0], float(way[2]))
