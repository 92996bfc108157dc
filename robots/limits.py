"""The one gate between a wish and a motor. Every implementation of `send` passes its command through it.

Nothing else in the package clamps: a planner keeps within the limits because it is given them, and the gate makes
sure, whoever streams. What goes in and what comes out are both `Command`s, so the caller sees what was changed.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from robots.interface import Command
from robots.kinematics import kinematics
from robots.parts import BaseSpec
from robots.spec import RobotSpec

Float = NDArray[np.float64]

_SHORTEST_STEP_S = 1e-3
_LONGEST_STEP_S = 0.05
"""A stream that paused may not make up for the pause in one step."""


class LimitGate:
    """Clamps a stream of commands to a robot's limits.

    In order: what is not a number is replaced by the last value sent; positions are clamped to the joint limits; the
    step is clamped to the velocity and acceleration limits, braking for a target that stands still and for the joint
    limits; a step that would bring the hand below the floor or further out of the tool's box is not made at all.
    That last stop and `halt` are the only things that may break an acceleration limit.

    The head goes as the arm does. A base's twist is clamped to its velocity limits, sideways to 0 where the base can't,
    and gains or loses no more than the acceleration limits allow; what is not a number is 0 there: it brakes.
    """

    def __init__(
        self, spec: RobotSpec, *, arm_q: ArrayLike, gripper_width_m: float, head_q: ArrayLike | None = None
    ) -> None:
        self.spec = spec
        self._space = HandSpace(spec)
        self._arm = _Joints(spec.q_lower_rad, spec.q_upper_rad, spec.velocity_rad_s, spec.acceleration_rad_s2)
        head = spec.head
        self._head = (
            None
            if head is None
            else _Joints(head.q_lower_rad, head.q_upper_rad, head.velocity_rad_s, head.acceleration_rad_s2)
        )
        self._base = None if spec.base is None else _Twist(spec.base)
        self.reset(arm_q=arm_q, gripper_width_m=gripper_width_m, head_q=head_q)

    def reset(self, *, arm_q: ArrayLike, gripper_width_m: float, head_q: ArrayLike | None = None) -> None:
        """The robot stands still at arm_q [J] rad or m and head_q [2] rad (None: its home), fingers that far apart."""
        self._arm.reset(np.array(arm_q, dtype=np.float64))
        if self._head is not None and self.spec.head is not None:
            self._head.reset(np.array(self.spec.head.home_q_rad if head_q is None else head_q, dtype=np.float64))
        self._width_m = float(gripper_width_m)
        self._excess_m = self._space.outside_m(self._arm.q)
        if self._base is not None:
            self._base.halt()

    def halt(self) -> Command:
        """The command that holds still now."""
        self._arm.reset(self._arm.q)
        if self._head is not None:
            self._head.reset(self._head.q)
        if self._base is not None:
            self._base.halt()
        return Command(
            arm_q=self._arm.q.copy(),
            gripper_width_m=self._width_m,
            head_q=None if self._head is None else self._head.q.copy(),
            base_twist=None if self._base is None else np.zeros(3),
        )

    def admit(self, command: Command, elapsed_s: float) -> Command:
        """`command` as it may be sent, `elapsed_s` of the robot's clock after the last one.

        Raises:
            ValueError: arm_q has the wrong number of joints, or what is not there is asked to move: a fixed base or
                a missing head.
        """
        twist = self._admit_twist(command.base_twist, elapsed_s)
        head_q = self._admit_head(command.head_q, elapsed_s)
        arm_q = None if command.arm_q is None else self._admit_arm(command.arm_q, elapsed_s)
        if arm_q is None:
            self._arm.reset(self._arm.q)
        width = command.gripper_width_m
        if width is not None:
            if np.isfinite(width):
                self._width_m = float(np.clip(width, 0.0, self.spec.gripper_max_width_m))
            width = self._width_m
        return Command(base_twist=twist, arm_q=arm_q, gripper_width_m=width, head_q=head_q)

    def coast(self, elapsed_s: float) -> Float:
        """float64[3]: the twist with which a base drives for the next `elapsed_s`; to be asked again after that.

        Between commands it goes on gaining speed as it was told, up to the spec's `command_timeout_s` after the last
        one; from then on it brakes. Zeros for a fixed base.
        """
        return np.zeros(3) if self._base is None else self._base.coast(elapsed_s)

    def _admit_twist(self, wish: ArrayLike | None, elapsed_s: float) -> Float | None:
        if self._base is None:
            if wish is not None and np.any(np.asarray(wish) != 0):
                raise ValueError(f"{self.spec.name} stands on a fixed base: base_twist must be None, not {wish}")
            return None
        twist = np.zeros(3) if wish is None else np.array(wish, dtype=np.float64)
        if twist.shape != (3,):
            raise ValueError(f"base_twist takes 3 numbers, forward, left and turning, not shape {twist.shape}")
        sent = self._base.follow(twist, min(elapsed_s, self.spec.period_s))
        return None if wish is None and not sent.any() else sent

    def _admit_head(self, wish: ArrayLike | None, elapsed_s: float) -> Float | None:
        if wish is None:
            if self._head is not None:
                self._head.reset(self._head.q)
            return None
        if self._head is None:
            raise ValueError(f"{self.spec.name} has no head: head_q must be None, not {wish}")
        target = np.array(wish, dtype=np.float64)
        if target.shape != (2,):
            raise ValueError(f"head_q takes 2 numbers, pan and tilt, not shape {target.shape}")
        self._head.go(*self._head.step(target, elapsed_s))
        return np.array(self._head.q)

    def _admit_arm(self, wish: ArrayLike, elapsed_s: float) -> Float:
        spec = self.spec
        target = np.array(wish, dtype=np.float64)
        if target.shape != self._arm.q.shape:
            raise ValueError(
                f"{spec.name} has {spec.dof} joints: arm_q must have shape ({spec.dof},), not {target.shape}"
            )
        target, q, velocity = self._arm.step(target, elapsed_s)
        excess = self._space.outside_m(q)
        if excess > max(self._excess_m, 0.0) + 1e-9:
            self._arm.reset(self._arm.q)
            return np.array(self._arm.q)
        self._arm.go(target, q, velocity)
        self._excess_m = excess
        return np.array(q)


class HandSpace:
    """Where a robot's hand may be: above the floor, its tool point within the spec's box."""

    def __init__(self, spec: RobotSpec) -> None:
        self.spec = spec
        self._kinematics = kinematics(spec)
        thick = spec.finger_thickness_m + spec.gripper_max_width_m / 2
        tip, palm = spec.fingertip_m, spec.fingertip_m - spec.finger_depth_m
        x, y = spec.palm_half_m
        self._hand = np.array(
            [[sx * a, sy * b, z] for a, b, z in ((0.0, thick, tip), (x, y, palm)) for sx in (-1, 1) for sy in (-1, 1)]
        )

    def farthest_m(self, way: Float) -> float:
        """The most of `outside_m` over configurations [T,J]."""
        frames, spec = self._kinematics.frames(way)[:, -1], self.spec
        lowest = (frames[:, 2, :3] @ self._hand.T).min(axis=1) + frames[:, 2, 3]
        tool = frames[:, :3, 3]
        beyond = np.maximum(spec.tool_lower_m - tool, tool - spec.tool_upper_m).max()
        return max(0.0, spec.floor_m - float(lowest.min()), float(beyond))

    def outside_m(self, q: Float) -> float:
        """How far the hand is below the floor or the tool out of its box at q [J], in metres; 0 inside."""
        frame = self._kinematics.frames(q)[-1]
        spec = self.spec
        lowest = float((self._hand @ frame[2, :3]).min() + frame[2, 3])
        tool = frame[:3, 3]
        return max(0.0, spec.floor_m - lowest, float(np.max([spec.tool_lower_m - tool, tool - spec.tool_upper_m])))


class _Joints:
    """Joints that follow wishes within their limits. Arrays float64[J], rad or m."""

    def __init__(self, lower: Float, upper: Float, velocity: Float, acceleration: Float) -> None:
        self._lower, self._upper, self._most, self._limit = lower, upper, velocity, acceleration

    def reset(self, q: Float) -> None:
        """They stand still at q."""
        self.q: Float = q
        self._wish, self._velocity = q.copy(), np.zeros_like(q)

    def step(self, wish: Float, elapsed_s: float) -> tuple[Float, Float, Float]:
        """What they would do: (the wish within the limits, where they would be, at what velocity)."""
        target = np.where(np.isfinite(wish), wish, self.q)
        target = np.clip(target, self._lower, self._upper)
        step_s = float(np.clip(elapsed_s, _SHORTEST_STEP_S, _LONGEST_STEP_S))
        limit, most = self._limit, self._most
        # The wish's own velocity, plus what catches up with it and can still be braked.
        behind = self._wish - self.q
        catch_up = np.minimum(np.abs(behind) / step_s, _braked(np.abs(behind), limit, step_s))
        velocity = (target - self._wish) / step_s + np.sign(behind) * catch_up
        # Steps are whole: the last one of a stop can take up to a dt^2 / 8 more than the formula says.
        spare = limit * step_s**2 / 8
        velocity = np.minimum(velocity, _braked(self._upper - spare - self.q, limit, step_s))
        velocity = np.maximum(velocity, -_braked(self.q - spare - self._lower, limit, step_s))
        velocity = np.clip(velocity, -most, most)
        velocity = np.clip(velocity, self._velocity - limit * step_s, self._velocity + limit * step_s)
        q = np.clip(self.q + velocity * step_s, self._lower, self._upper)
        return target, q, (q - self.q) / step_s

    def go(self, wish: Float, q: Float, velocity: Float) -> None:
        """They do what `step` said."""
        self.q, self._wish, self._velocity = q, wish, velocity


class _Twist:
    """A base's velocity that follows wishes within its limits. Arrays float64[3]: m/s forward, m/s left, rad/s."""

    def __init__(self, base: BaseSpec) -> None:
        self._base = base
        self.halt()

    def halt(self) -> None:
        """It stands, and wishes to."""
        self._now: Float = np.zeros(3)
        self._wish: Float = np.zeros(3)
        self._fresh, self._age_s = False, 0.0

    def follow(self, wish: Float, elapsed_s: float) -> Float:
        """The twist after a wish that came `elapsed_s` after the one before."""
        most = self._base.velocity
        self._wish = np.clip(np.where(np.isfinite(wish), wish, 0.0), -most, most)
        self._fresh, self._age_s = True, 0.0
        return self._approach(max(elapsed_s, _SHORTEST_STEP_S))

    def coast(self, elapsed_s: float) -> Float:
        """The twist for the next `elapsed_s`: a new wish's own at first, nearer to the wish from then on."""
        if self._fresh:
            self._fresh = False
            self._age_s += elapsed_s
            return np.array(self._now)
        if self._age_s > self._base.command_timeout_s:
            self._wish = np.zeros(3)
        self._age_s += elapsed_s
        return self._approach(elapsed_s)

    def _approach(self, elapsed_s: float) -> Float:
        most = self._base.acceleration * elapsed_s
        self._now = np.clip(self._wish, self._now - most, self._now + most)
        return np.array(self._now)


def _braked(way: Float, limit: Float, step_s: float) -> Float:
    """The velocity from which a joint can stop within `way`, this step included: way = v^2 / 2a + v dt / 2."""
    half = limit * step_s / 2
    return np.asarray(np.sqrt(half**2 + 2 * limit * np.maximum(way, 0.0)) - half)
