"""Short moves of the base by odometry: anywhere near by, off what it is too near to, and back from what it took."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from robots.geometry import Pose, wrapped
from robots.interface import Command, Status
from robots.mobile.ground import MARGIN_M, SPARE_M, ground, obstacles_seen, off_robot
from robots.mobile.load import load_parts
from robots.mobile.planar import believed, flat
from robots.mobile.shapes import base_shape
from robots.mobile.sight import odom_T_base
from robots.mobile.wheels import NEAR_M, NEAR_RAD, base_of, brake, corrected, error_to
from robots.parts import Drive
from robots.planning.free_space import FreeSpace
from robots.primitives.base import Body, Outcome

Float = NDArray[np.float64]

AWAY_M = (0.35, 0.22)
"""So far a robot whose arm is between things backs away from them."""


def shift(body: Body, change: Float) -> Outcome:
    """A short move by odometry: to `change` [3] (x m ahead, y m to the left, yaw rad) from where the base stands.

    A base that can't go sideways turns, goes and turns. Nothing is looked for on the way.
    """
    robot, base = body.robot, base_of(body)
    start = odom_T_base(robot.state())
    goal = flat(start @ Pose.from_xyz_yaw([change[0], change[1], 0.0], float(change[2])))
    legs = [goal]
    if base.drive is Drive.DIFFERENTIAL:
        ahead = goal[:2] - start.xyz[:2]
        heading = float(np.arctan2(ahead[1], ahead[0])) if float(np.linalg.norm(ahead)) > 0.02 else start.yaw_rad
        if abs(float(wrapped(heading - start.yaw_rad))) > np.pi / 2:
            heading = float(wrapped(heading + np.pi))
        legs = [np.array([*start.xyz[:2], heading]), np.array([*goal[:2], heading]), goal]
    for leg in legs:
        for _ in range(round(8.0 / robot.spec.period_s)):
            error = error_to(odom_T_base(robot.state()), leg)
            if float(np.linalg.norm(error[:2])) < NEAR_M and abs(float(error[2])) < NEAR_RAD:
                break
            robot.send(Command(base_twist=corrected(base, np.zeros(3), np.clip(error, -0.15, 0.15))))
            robot.wait(robot.spec.period_s)
        else:
            brake(body)
            return Outcome(status=Status.PATH_BLOCKED, detail="something holds the base back")
    brake(body)
    return Outcome(status=Status.SUCCEEDED, detail="")


def step_clear(body: Body, points: Float) -> None:
    """Moves a little where the robot, its arm or its load stand closer to something than a way may begin."""
    spec, state = body.robot.spec, body.robot.state()
    shape, start = base_shape(spec, state.arm_q, load_parts(body)), flat(believed(state))
    scene = ground(body, off_robot(shape, start, points))
    space = FreeSpace(shape, scene, resolution=np.full(3, 0.1), margin_m=MARGIN_M)
    best_m, best = space.worst(start)[0], np.zeros(3)
    if best_m >= 0.0:
        return
    holonomic = base_of(body).drive is Drive.HOLONOMIC
    angles = np.radians([180, 150, 210, 120, 240, 90, 270, 60, 300, 0]) if holonomic else np.radians([180, 0])
    for far in (0.04, 0.08, 0.12, 0.18, 0.24):
        for angle in angles:
            change = np.array([far * np.cos(angle), far * np.sin(angle), 0.0])
            there = believed(state) @ Pose.from_xyz_yaw([change[0], change[1], 0.0])
            clear_m = space.worst(flat(there))[0]
            if clear_m > best_m + 0.005:
                best_m, best = clear_m, change
        if best_m >= 0.0:
            break
    if best.any():
        shift(body, best)


def back_away(body: Body, heading: Float) -> bool:
    """Moves against `heading` [2] (odom), the arm as it is, to where nothing is near; False where no way is free."""
    spec, state = body.robot.spec, body.robot.state()
    shape, here = base_shape(spec, state.arm_q, load_parts(body)), believed(state)
    scene = ground(body, off_robot(shape, flat(here), obstacles_seen(body)))
    space = FreeSpace(shape, scene, resolution=np.full(3, 0.1), margin_m=MARGIN_M)
    local = odom_T_base(state).rotation[:2, :2].T @ heading
    holonomic = base_of(body).drive is Drive.HOLONOMIC
    behind = float(np.arctan2(-local[1], -local[0])) if holonomic else np.pi
    start_m = space.worst(flat(here))[0]
    for far in AWAY_M:
        for turn in np.radians([0, 25, -25, 50, -50]) if holonomic else (0.0,):
            step = far * np.array([np.cos(behind + turn), np.sin(behind + turn), 0.0])
            places = [flat(here @ Pose.from_xyz_yaw(share * step)) for share in (0.25, 0.5, 0.75, 1.0)]
            clear = [space.worst(place)[0] for place in places]
            if clear[-1] >= 0.0 and min(clear) >= min(start_m, 0.0) - SPARE_M:
                return shift(body, step).status is Status.SUCCEEDED
    return False
