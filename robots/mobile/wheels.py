"""Twists for a base that keeps to where it should be: how errors are made good, how it stops, and its limits."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from robots.geometry import Pose, wrapped
from robots.interface import Command, RobotState
from robots.parts import BaseSpec, Drive
from robots.planning.limits import MotionLimits
from robots.primitives.base import Body

Float = NDArray[np.float64]

Where = Callable[[RobotState], Pose]
"""The base's pose by which a way is followed: the belief, or odometry for short ways."""

GAIN, TURN_GAIN = 2.0, 2.5
"""1/s: how fast an error of place and of direction is made good."""
NEAR_M, NEAR_RAD = 0.012, 0.012
SETTLE_S = 2.0


def arrive(body: Body, goal: Float, where: Where) -> None:
    """Makes good what is left to goal [3], then stands."""
    robot, base = body.robot, base_of(body)
    for _ in range(round(SETTLE_S / robot.spec.period_s)):
        error = error_to(where(robot.state()), goal)
        if base.drive is Drive.DIFFERENTIAL:
            error[1] = 0.0  # it can't be made good on the spot
        if float(np.linalg.norm(error[:2])) < NEAR_M and abs(float(error[2])) < NEAR_RAD:
            break
        robot.send(Command(base_twist=corrected(base, np.zeros(3), error)))
        robot.wait(robot.spec.period_s)
    brake(body)


def limits(base: BaseSpec) -> MotionLimits:
    """What ways are timed with: 80 % of the base's own, so that errors can be made good."""
    most = [0.8 * np.asarray(v) for v in (base.velocity, base.acceleration, base.jerk)]
    if base.drive is Drive.HOLONOMIC:
        straight = [float(min(m[0], m[1])) for m in most]
    else:
        straight = [float(m[0]) for m in most]
    turn = [float(m[2]) for m in most]
    return MotionLimits.base(drive=(straight[0], straight[1], straight[2]), turn=(turn[0], turn[1], turn[2]))


def corrected(base: BaseSpec, twist: Float, error: Float) -> Float:
    """A twist that also makes good an error [3] in the base's frame."""
    out = twist + np.array([GAIN * error[0], GAIN * error[1], TURN_GAIN * error[2]])
    if base.drive is Drive.DIFFERENTIAL:
        out[2] += 4.0 * error[1] * float(np.sign(out[0])) * min(1.0, abs(float(out[0])) / 0.1)
        out[1] = 0.0
    return np.asarray(np.clip(out, -base.velocity, base.velocity))


def error_to(here: Pose, goal: Float) -> Float:
    """float64[3]: goal [3] (x, y, yaw) as a base at `here` sees it."""
    local = here.inverse().apply(np.array([goal[0], goal[1], here.xyz[2]]))
    return np.array([local[0], local[1], float(wrapped(float(goal[2]) - here.yaw_rad))])


def brake(body: Body) -> None:
    """Zero twist until the base stands."""
    robot = body.robot
    for _ in range(round(1.0 / robot.spec.period_s)):
        robot.send(Command(base_twist=np.zeros(3)))
        robot.wait(robot.spec.period_s)
        twist = robot.state().base_twist
        if twist is None or float(np.abs(twist).max()) < 0.005:
            return


def base_of(body: Body) -> BaseSpec:
    """The base of a robot that drives.

    Raises:
        ValueError: it stands on a fixed base.
    """
    base = body.robot.spec.base
    if base is None:
        raise ValueError(f"{body.robot.spec.name} stands on a fixed base")
    return base
