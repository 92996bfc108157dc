"""How a hand is set to push a thing straight on: which way it leans, how low its finger tips are, what it would meet.

Frames: odom, z up.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from robots.geometry import Pose
from robots.mobile.push_aims import extent
from robots.mobile.shapes import robot_parts
from robots.mobile.things import Thing
from robots.spec import RobotSpec

Float = NDArray[np.float64]

FORK_M = 0.010
"""Between the finger tips: two contacts keep a thing from turning or rolling off."""
BEHIND_M = 0.025
"""Free way between the finger tips and the thing before they touch it."""
LOW_M, SHARE, HIGH_M = 0.007, 0.3, 0.012
"""The finger tips are at this share of a thing's height, within these: low, so that it slides and does not fall."""
TILTS_RAD = (0.0, 0.5, 0.8, 1.1)
OVER_M = 0.010
"""What is this much higher than a thing's top passes over it."""
PALM_M = 0.024
"""The palm begins so much nearer to the tips, by the balls that stand for it, and keeps off what it passes over."""
ROOM_M = 0.010
"""Free to each side of a thing on its way, and of the hand."""


def strokes(spec: RobotSpec, thing: Thing, goal: Float) -> list[tuple[Pose, Pose, Float]]:
    """(odom_T_tool at the start, at the end, the way as a unit vector [3]) of pushes to `goal` [2], the best first: the
    hand upright, then leaning, either finger first; only those in which the tips touch before the hand does."""
    way = goal - thing.centre
    length = float(np.linalg.norm(way))
    ahead, up = np.array([*(way / max(length, 1e-6)), 0.0]), np.array([0.0, 0.0, 1.0])
    low = thing.support_m + float(np.clip(SHARE * thing.height_m, LOW_M, HIGH_M))
    back = extent(thing, -ahead[:2])
    out = []
    for tilt in TILTS_RAD:
        z = np.sin(tilt) * ahead - np.cos(tilt) * up
        x = np.cos(tilt) * ahead + np.sin(tilt) * up
        lowered = low
        if tilt == 0.0 and thing.height_m < min(thing.half_m):
            # What is wide does not fall over: upright fingers, the palm over it, meet its rim.
            lowered = max(low, thing.top_m - spec.finger_depth_m + PALM_M)
        corners = [spec.fingertip_m * z + s * spec.finger_breadth_m / 2 * x for s in (-1, 1)]
        lead, lowest = max(float(c @ ahead) for c in corners), min(float(c[2]) for c in corners)
        matrix = np.eye(4)
        matrix[:3, :3] = np.column_stack([x, np.cross(z, x), z])
        matrix[:3, 3] = [*thing.centre, 0.0] - (back + BEHIND_M + lead) * ahead
        matrix[2, 3] = lowered - lowest
        start = Pose.from_matrix(matrix)
        if _leads(spec, start, ahead, lead, thing):
            end = Pose(xyz=start.xyz + (BEHIND_M + length) * ahead, quat_xyzw=start.quat_xyzw)
            half = Pose.from_xyz_yaw([0.0, 0.0, 0.0], np.pi)
            out += [(start, end, ahead), (start @ half, end @ half, ahead)]
    return out


def hand_meets(spec: RobotSpec, pose: Pose, points: Float) -> bool:
    """Whether any of points [N,3] is in or near the hand."""
    for part in robot_parts(spec, FORK_M):
        if part.frame == -1 and len(points):
            away = np.linalg.norm(points - pose.apply(np.array(part.centre_m)), axis=1)
            if int((away < part.radius_m + ROOM_M / 2).sum()) > 2:
                return True
    return False


def _leads(spec: RobotSpec, start: Pose, ahead: Float, lead: float, thing: Thing) -> bool:
    """Whether no part of the hand that is lower than the thing's top is further ahead than the tips."""
    for part in robot_parts(spec, FORK_M):
        if part.frame == -1:
            centre = start.apply(np.array(part.centre_m))
            lower = float(centre[2]) - part.radius_m < thing.top_m + OVER_M
            beyond = float((centre - start.xyz) @ ahead) + part.radius_m - lead
            if lower and beyond > 0.004:
                return False
    return True
