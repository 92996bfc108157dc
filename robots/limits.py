"""The one gate between a wish and a motor. Every implementation of `send` passes its command through it.

Nothing else in the package clamps: a planner keeps within the limits because it is given them, and the gate makes
sure, whoever streams. What goes in and what comes out are both `Command`s, so the caller sees what was changed.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from robots.interface import Command
from robots.kinematics import kinematics
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
    That last stop is the only thing that may break an acceleration limit.
    """

    def __init__(self, spec: RobotSpec, *, arm_q: ArrayLike, gripper_width_m: float) -> None:
        self.spec = spec
        self._kinematics = kinematics(spec)
        thick = spec.finger_thickness_m + spec.gripper_max_width_m / 2
        tip, palm = spec.fingertip_m, spec.fingertip_m - spec.finger_depth_m
        x, y = spec.palm_half_m
        self._hand = np.array(
            [[sx * a, sy * b, z] for a, b, z in ((0.0, thick, tip), (x, y, palm)) for sx in (-1, 1) for sy in (-1, 1)]
        )
        self.reset(arm_q=arm_q, gripper_width_m=gripper_width_m)

    def reset(self, *, arm_q: ArrayLike, gripper_width_m: float) -> None:
        """The robot stands still at arm_q [J] rad with its fingers gripper_width_m apart."""
        self._q: Float = np.array(arm_q, dtype=np.float64)
        self._wish = self._q.copy()
        self._velocity = np.zeros_like(self._q)
        self._width_m = float(gripper_width_m)
        self._excess_m = self._outside_m(self._q)

    def halt(self) -> Command:
        """The command that holds still now."""
        self._wish = self._q.copy()
        self._velocity = np.zeros_like(self._q)
        return Command(arm_q=self._q.copy(), gripper_width_m=self._width_m)

    def admit(self, command: Command, elapsed_s: float) -> Command:
        """`command` as it may be sent, `elapsed_s` of the robot's clock after the last one.

        Raises:
            ValueError: arm_q has the wrong number of joints, or a fixed base is asked to drive.
        """
        if command.base_twist is not None and np.any(np.asarray(command.base_twist) != 0):
            raise ValueError(
                f"{self.spec.name} stands on a fixed base: base_twist must be None, not {command.base_twist}"
            )
        arm_q = None if command.arm_q is None else self._admit_arm(command.arm_q, elapsed_s)
        if arm_q is None:
            self._wish = self._q.copy()
            self._velocity = np.zeros_like(self._q)
        width = command.gripper_width_m
        if width is not None:
            if np.isfinite(width):
                self._width_m = float(np.clip(width, 0.0, self.spec.gripper_max_width_m))
            width = self._width_m
        return Command(arm_q=arm_q, gripper_width_m=width)

    def _admit_arm(self, wish: ArrayLike, elapsed_s: float) -> Float:
        spec = self.spec
        target = np.array(wish, dtype=np.float64)
        if target.shape != self._q.shape:
            raise ValueError(
                f"{spec.name} has {spec.dof} joints: arm_q must have shape ({spec.dof},), not {target.shape}"
            )
        target = np.where(np.isfinite(target), target, self._q)
        target = np.clip(target, spec.q_lower_rad, spec.q_upper_rad)
        step_s = float(np.clip(elapsed_s, _SHORTEST_STEP_S, _LONGEST_STEP_S))
        limit, most = spec.acceleration_rad_s2, spec.velocity_rad_s
        # The wish's own velocity, plus what catches up with it and can still be braked.
        behind = self._wish - self._q
        catch_up = np.minimum(np.abs(behind) / step_s, _braked(np.abs(behind), limit, step_s))
        velocity = (target - self._wish) / step_s + np.sign(behind) * catch_up
        # Steps are whole: the last one of a stop can take up to a dt^2 / 8 more than the formula says.
        spare = limit * step_s**2 / 8
        velocity = np.minimum(velocity, _braked(spec.q_upper_rad - spare - self._q, limit, step_s))
        velocity = np.maximum(velocity, -_braked(self._q - spare - spec.q_lower_rad, limit, step_s))
        velocity = np.clip(velocity, -most, most)
        velocity = np.clip(velocity, self._velocity - limit * step_s, self._velocity + limit * step_s)
        q = np.clip(self._q + velocity * step_s, spec.q_lower_rad, spec.q_upper_rad)
        excess = self._outside_m(q)
        if excess > max(self._excess_m, 0.0) + 1e-9:
            return np.asarray(self.halt().arm_q)
        self._velocity = (q - self._q) / step_s
        self._q, self._wish, self._excess_m = q, target, excess
        return np.array(q)

    def _outside_m(self, q: Float) -> float:
        """How far the hand is below the floor or the tool out of its box, in metres; 0 inside."""
        frame = self._kinematics.frames(q)[-1]
        spec = self.spec
        lowest = float((self._hand @ frame[2, :3]).min() + frame[2, 3])
        tool = frame[:3, 3]
        return max(0.0, spec.floor_m - lowest, float(np.max([spec.tool_lower_m - tool, tool - spec.tool_upper_m])))


def _braked(way: Float, limit: Float, step_s: float) -> Float:
    """The velocity from which a joint can stop within `way`, this step included: way = v^2 / 2a + v dt / 2."""
    half = limit * step_s / 2
    return np.asarray(np.sqrt(half**2 + 2 * limit * np.maximum(way, 0.0)) - half)
