"""Turning the head to a place, and taking what all cameras then see."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from robots.interface import Command, Observation
from robots.kinematics import base_T_camera
from robots.mobile.load import load_parts
from robots.mobile.sight import View, odom_T_base, views
from robots.primitives.base import Body

Float = NDArray[np.float64]

SETTLED_RAD = 0.004
MOST_S = 2.5
MISSED_RAD = 0.1
"""A point that stays so far off the middle of the picture is looked for again."""


def main_camera(body: Body) -> str:
    """The camera that the robot's head carries: the first of its spec."""
    return body.robot.spec.cameras[0].name


def head_towards(body: Body, point: Float) -> Float | None:
    """float64[2] rad: pan and tilt, within the head's limits, that bring `point` [3] (odom) nearest to the middle of
    the main camera's picture; None without a head. Gauss-Newton on the two angles, for any head."""
    spec, state = body.robot.spec, body.robot.state()
    if spec.head is None or state.head_q is None:
        return None
    mount = spec.cameras[0]
    local = odom_T_base(state).inverse().apply(point)

    def off(q: Float) -> Float:
        seen = base_T_camera(spec, mount, state.arm_q, q).inverse().apply(local)
        return np.array([np.arctan2(seen[0], seen[2]), np.arctan2(seen[1], np.hypot(seen[0], seen[2]))])

    lower, upper = spec.head.q_lower_rad, spec.head.q_upper_rad
    best, least = np.array(state.head_q), np.inf
    # From where it looks now; where that ends beside the point (behind a head that looks at its feet), from all around.
    starts = [np.array(state.head_q)] + [np.array([pan, -0.4]) for pan in np.linspace(lower[0], upper[0], 7)]
    for start in starts:
        q = np.clip(start, lower, upper)
        for _ in range(12):
            error = off(q)
            slope = np.stack([(off(q + d) - error) / 1e-4 for d in 1e-4 * np.eye(2)], axis=1)
            change = np.linalg.lstsq(slope, -error, rcond=None)[0]
            q = np.clip(q + np.clip(change, -0.5, 0.5), lower, upper)
        left = float(np.linalg.norm(off(q)))
        if left < least - MISSED_RAD:
            best, least = q, left
        if least < MISSED_RAD:
            break
    return np.asarray(best)


def turn_head(body: Body, head_q: Float) -> None:
    """Pan and tilt [2] rad, until the head stands there or MOST_S have passed."""
    robot = body.robot
    for _ in range(int(MOST_S / robot.spec.period_s)):
        robot.send(Command(head_q=head_q))
        robot.wait(robot.spec.period_s)
        now = robot.state().head_q
        if now is None or float(np.abs(now - head_q).max()) < SETTLED_RAD:
            return


def face(body: Body, point: Float) -> None:
    """The head towards `point` [3] (odom)."""
    head_q = head_towards(body, point)
    if head_q is not None:
        turn_head(body, head_q)


def see(body: Body) -> tuple[Observation, dict[str, View]]:
    """What the cameras see now, as pictures and as points."""
    observation = body.robot.observe()
    return observation, views(body.robot.spec, observation, load_parts(body))


def cloud(seen: dict[str, View]) -> Float:
    """float64[N,3]: all points of all views, odom."""
    return np.concatenate([one.cloud for one in seen.values()])
