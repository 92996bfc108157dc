"""Grasps from the side: the hand level or a little downwards, across the thing at some height, from where it is free.

Only the front of a thing is seen: what is behind is taken from its outline, round or not.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from robots.geometry import Pose
from robots.mobile.grasps import OVER_M, PALM_M, ROOM_M, GraspPlan, apart
from robots.mobile.things import Thing
from robots.mobile.tool_poses import level_pose
from robots.primitives.surface import least_rectangle
from robots.spec import RobotSpec

Float = NDArray[np.float64]

ARC = (0.85, 0.3)
"""Half of what is seen of something round is at least so long and so wide, as shares of its radius."""
FACE_M, OBLIQUE = 0.018, (0.35, 0.96)
"""What is seen no deeper than this is a face; hands that point along it by shares between these would turn it."""
LEAST_IN_M = 0.010
"""The tool point is at least so far behind the front of what is taken from the side."""
UNSEEN_IN_M = 0.022
ROOMY_M = 0.4
NECK_SHARE, NECK_WIDTH, TALL_M = 0.66, 0.75, 0.15
"""What is so tall is not held above that share of its height where it is thinner than that share of itself."""
SIDE_BAND_M = 0.012
SIDE_LOW_M, SIDE_LOWER_M = 0.055, 0.045
"""A level hand's middle keeps the first above the support; one that points downwards steeply may be lower."""
PITCHES_RAD = (0.0, 0.35, 0.65)
"""How far a hand that comes from the side points downwards: between boards arms reach better from a little above."""
OPEN_COST = 0.06
"""Where there is room above, a thing is taken from there unless the side is better by this."""


def from_side(
    spec: RobotSpec, thing: Thing, eye: Float, *, others: Float, headroom_m: float = np.inf
) -> list[GraspPlan]:
    """Best first. eye: float64[2], from where it was seen: its outline is known best across that.

    others: points [N,3] near by that are not the thing's. headroom_m: the free height above what it stands on."""
    ahead = thing.centre - eye
    straight = float(np.arctan2(ahead[1], ahead[0]))
    faces = [(thing.yaw_rad + k * np.pi / 2 - straight + np.pi) % (2 * np.pi) - np.pi for k in range(4)]
    turns = [*np.radians([0, 15, -15, 30, -30, 45, -45, 60, -60, 75, -75]), *(t for t in faces if abs(t) < 1.8)]
    out: list[GraspPlan] = []
    near = others[np.abs(others[:, :2] - thing.centre).max(axis=1) < 0.45] if len(others) else others
    near = near[near[:, 2] > thing.support_m + OVER_M]
    for share, pitch in ((s, p) for p in PITCHES_RAD for s in (0.6, 0.45, 0.75, 0.3, 0.9)):
        low = max(0.017, SIDE_LOW_M * np.cos(pitch) - SIDE_LOWER_M * np.sin(pitch))
        z = thing.support_m + max(low, share * thing.height_m)
        if z > thing.top_m - (0.012 if pitch == 0.0 else 0.006) or z - thing.support_m > headroom_m - 0.05:
            continue
        # What is above goes between the fingers too; and of what is below only the front is seen. A face that seems
        # narrower above is hidden there.
        upper = thing.points[thing.points[:, 2] > z - (np.inf if _face(thing) else SIDE_BAND_M), :2]
        for turn in turns if len(upper) >= 8 else ():
            plan = _level(spec, thing, upper, z, straight + float(turn), pitch, near, straight)
            if plan is not None and not _neck(thing, plan.width_m, z):
                off = abs(z - thing.support_m - 0.55 * thing.height_m)
                cost = 0.02 + 0.03 * abs(float(turn)) + 0.2 * off + plan.cost + 0.01 * pitch
                cost += OPEN_COST if headroom_m > ROOMY_M else 0.0
                out.append(replace(plan, cost=cost))
    out.sort(key=lambda plan: plan.cost)
    return apart(out)


def _neck(thing: Thing, width_m: float, z: float) -> bool:
    """Whether a tall thing would be held at its thin end above: from there it swings, and slides out."""
    high = z - thing.support_m > NECK_SHARE * thing.height_m
    return high and thing.height_m > TALL_M and width_m < NECK_WIDTH * 2 * min(thing.half_m)


def _level(
    spec: RobotSpec, thing: Thing, upper: Float, z: float, azimuth: float, pitch: float, others: Float, sight: float
) -> GraspPlan | None:
    low, high = _across(upper, azimuth)
    behind = _unseen_behind(spec, thing, upper, azimuth, sight)
    if behind is None:
        return None
    low, high = low + min(behind, 0.0), high + max(behind, 0.0)
    ball = circle(upper)
    if ball is not None:
        aside = float(ball[0] @ np.array([-np.sin(azimuth), np.cos(azimuth)]))
        low, high = aside - ball[1], aside + ball[1]
    width, middle = high - low + 0.002, (high + low) / 2
    most = spec.gripper_max_width_m
    if width > most - 2 * ROOM_M[-1] or width < 0.004:
        return None
    # Flat faces that stand oblique to the fingers would be turned by them.
    turned = [_across(upper, azimuth + d) for d in (-0.17, 0.17)]
    oblique = 0.0 if ball is not None else max(0.0, width - 0.002 - min(b - a for a, b in turned))
    into, across = np.array([np.cos(azimuth), np.sin(azimuth)]), np.array([-np.sin(azimuth), np.cos(azimuth)])
    along = upper @ into
    front = float(np.quantile(along, 0.02))
    deep = 2 * ball[1] if ball is not None else float(np.quantile(along, 0.98)) - front
    # Of what is round only the front is seen: it is taken for nearly as deep as it is wide.
    inside = max(0.5 * deep, 0.012, min(0.4 * width, UNSEEN_IN_M))
    tip = front + min(spec.finger_depth_m - 0.010, inside + spec.fingertip_m)
    opening = min(width + 0.020, most)
    xy = (tip - spec.fingertip_m) * into + middle * across
    tool = level_pose(np.array([*xy, z]), azimuth, pitch)
    if pitch > 0.0:
        # What is above the fingers must not meet the palm: the hand stays further out.
        x, y, back = np.moveaxis(tool.inverse().apply(thing.points), -1, 0)
        over = (np.abs(x) < spec.palm_half_m[0]) & (np.abs(y) < spec.palm_half_m[1])
        meets = float((-back[over]).max(initial=0.0)) - (spec.finger_depth_m - spec.fingertip_m - PALM_M)
        out = max(0.0, meets)
        if (tip - spec.fingertip_m - front) - out * np.cos(pitch) < LEAST_IN_M:
            return None
        tool = tool @ Pose.from_xyz_yaw([0.0, 0.0, -out])
        low = spec.fingertip_m * np.sin(pitch) + spec.finger_breadth_m / 2 * np.cos(pitch)
        if tool.xyz[2] - low < thing.support_m + OVER_M or tool.xyz[2] > thing.top_m - 0.004:
            return None
    if len(others):
        # Where the fingers and the hand will be, and the way there.
        x, y, ahead = np.moveaxis(tool.inverse().apply(others), -1, 0)
        a, high_m, b = ahead - spec.fingertip_m, np.abs(x), np.abs(y)
        outer = opening / 2 + spec.finger_thickness_m + 0.004
        low_m = spec.palm_half_m[0] if spec.palm_low_m is None else spec.palm_low_m
        fingers = (a > -0.12) & (a < 0.002) & (b < outer) & (high_m < spec.finger_breadth_m / 2 + 0.006)
        palm = (a > -0.25) & (a < -spec.finger_depth_m) & (b < spec.palm_half_m[1])
        palm &= (x < spec.palm_half_m[0] + 0.01) & (x > -low_m - 0.01)
        if int((fingers | palm).sum()) > 2:
            return None
    cost = 0.15 * width + 2.0 * oblique
    return GraspPlan(tool=tool, open_m=opening, width_m=width, back_m=0.10, level=True, cost=cost, pitch_rad=pitch)


def _face(thing: Thing) -> bool:
    """Whether but one upright face of a thing is seen."""
    return 2 * min(thing.half_m) < FACE_M and max(thing.half_m) > FACE_M and thing.height_m > 3 * FACE_M


def _unseen_behind(spec: RobotSpec, thing: Thing, upper: Float, azimuth: float, sight: float) -> float | None:
    """Of a thing of which only a face is seen, its top hidden by a board, nobody knows how deep it is. How far
    beyond what is seen the far finger of a hand that points along that face to `azimuth` is kept, less than 0 to its
    right; None for a hand that is oblique to it. sight: which way it was looked at."""
    if not _face(thing):
        return 0.0
    yaw, half = thing.yaw_rad, thing.half_m
    face = yaw if half[0] > half[1] else yaw + np.pi / 2
    along = abs(float(np.cos(azimuth - face)))
    if along < OBLIQUE[0]:
        return 0.0
    low, high = _across(upper, azimuth)
    more = spec.gripper_max_width_m - 2 * ROOM_M[-1] - 0.003 - (high - low)
    return float(np.sign(np.sin(sight - azimuth))) * max(0.0, more) if along > OBLIQUE[1] else None


def circle(xy: Float) -> tuple[Float, float] | None:
    """Middle float64[2] and radius of the circle that a round thing's outline [N,2] lies on, seen from one side or all
    around; None where it is not round. Least squares (Kasa 1976) over the outermost points of 24 directions."""
    start = xy.mean(axis=0)
    for _ in range(3):
        away = xy - start
        sector = np.floor((np.arctan2(away[:, 1], away[:, 0]) + np.pi) / (2 * np.pi) * 24).astype(np.int64) % 24
        distance = np.linalg.norm(away, axis=1)
        order = np.lexsort([-distance, sector])
        rim = xy[order[np.unique(sector[order], return_index=True)[1]]]
        if len(rim) < 8:
            return None
        local = rim - start
        solved = np.linalg.lstsq(np.column_stack([2 * local, np.ones(len(rim))]), (local**2).sum(axis=1), rcond=None)[0]
        start = start + solved[:2]
    radius = float(np.sqrt(max(solved[2] + solved[:2] @ solved[:2], 1e-9)))
    off = np.abs(np.linalg.norm(rim - start, axis=1) - radius)
    near = float(np.linalg.norm(start - xy.mean(axis=0))) < radius
    # Of a round thing half is seen at least, across the line of sight; the arc of a banana is less than that.
    short, long = sorted(least_rectangle(xy)[2])
    near &= long > ARC[0] * radius and short > ARC[1] * radius
    return (start, radius) if near and float(np.quantile(off, 0.8)) < 0.0025 and 0.008 < radius < 0.15 else None


def _across(xy: Float, azimuth: float) -> tuple[float, float]:
    """From where to where points [N,2] reach, seen along `azimuth`."""
    aside = xy @ np.array([-np.sin(azimuth), np.cos(azimuth)])
    return float(np.quantile(aside, 0.01)), float(np.quantile(aside, 0.99))
