"""Grasps from above, from a thing's shape alone: walls that stand out of the relief, with air on both sides.

Between two drops of the relief that face each other no further apart than the fingers open, with room for a finger at
either side. The search knows no kinds of things: it finds the middle of a can, the cap of a bottle, the rim of a bowl
or plate, the handle of a pan or spoon.
Shape letters: C places, A angles, R rows across a finger, V steps along the opening.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from robots.mobile.grasps import KEPT, OVER_M, PALM_M, ROOM_M, GraspPlan, known
from robots.mobile.relief import Relief
from robots.mobile.things import Thing
from robots.planning.motion import pointing_down
from robots.spec import RobotSpec

Float = NDArray[np.float64]

STEP_M = 0.002
ANGLES = 16
PLACES = 220
DEPTHS_M = (0.040, 0.030, 0.020, 0.013, 0.009, 0.006)
"""How far below the top of what is between them the finger tips may go."""
UNEVEN_M = 0.007
"""The edges that the fingers close on may differ by so much across a finger."""
SHALLOW_M = 0.0045
"""Fingers that reach less deep beside what they take slip off."""
SLOPE_M = 0.010
TRIED = 500


def from_above(spec: RobotSpec, thing: Thing, relief: Relief) -> list[GraspPlan]:
    """Best first. relief: of everything around, the thing included."""
    places = _places(thing)
    angles = np.pi * np.arange(ANGLES) / ANGLES + thing.yaw_rad
    if len(places) == 0:
        return []
    most = spec.gripper_max_width_m
    v = np.arange(-(most + 0.02), most + 0.02 + STEP_M / 2, STEP_M)
    u = np.linspace(-spec.finger_breadth_m / 2, spec.finger_breadth_m / 2, 5)
    heights = _profiles(relief, places, angles, u, v)
    middle = len(v) // 2
    tops = heights[..., middle - 2 : middle + 3].max(axis=(2, 3))
    centroid = 0.3 * np.median(thing.points[:, :2], axis=0) + 0.7 * thing.centre
    ranked: list[tuple[float, float, float, float, Float]] = []
    for depth in DEPTHS_M:
        tips = np.maximum(tops - depth, thing.support_m + OVER_M)
        ranked += _between(spec, places, angles, heights, tops, tips, centroid)
    ranked.sort(key=lambda one: one[0])
    kept: list[GraspPlan] = []
    for cost, yaw, width, tip, xy in ranked[:TRIED]:
        tool = pointing_down(np.array([*xy, tip + spec.fingertip_m]), yaw)
        if len(kept) == KEPT or known(tool, kept):
            continue
        opening = _room(spec, relief, xy, yaw, width, tip)
        if opening is not None:
            tight = 0.01 if opening - width < 0.012 else 0.0
            back = float(np.clip(thing.top_m + 0.03 - tool.xyz[2], 0.10, 0.16))
            kept.append(
                GraspPlan(tool=tool, open_m=opening, width_m=width, back_m=back, level=False, cost=cost + tight)
            )
    return sorted(kept, key=lambda plan: plan.cost)


def _places(thing: Thing) -> Float:
    """float64[C,2]: the middles of 6 mm cells where the thing was seen, at most PLACES, spread evenly."""
    cells = np.unique(np.floor(thing.points[:, :2] / 0.006).astype(np.int64), axis=0)
    step = max(1, int(np.ceil(len(cells) / PLACES)))
    return np.asarray((cells[::step] + 0.5) * 0.006)


def _profiles(relief: Relief, places: Float, angles: Float, u: Float, v: Float) -> Float:
    """float64[C,A,R,V]: heights along the opening of the fingers, row by row across them."""
    c, s = np.cos(angles), np.sin(angles)
    # The tool's x and, when it points down, y.
    x = np.stack([c, s], axis=1)
    y = np.stack([s, -c], axis=1)
    offset = u[None, :, None, None] * x[:, None, None, :] + v[None, None, :, None] * y[:, None, None, :]
    return relief.at(places[:, None, None, None, :] + offset[None])


def _between(
    spec: RobotSpec, places: Float, angles: Float, heights: Float, tops: Float, tips: Float, centroid: Float
) -> list[tuple[float, float, float, float, Float]]:
    """(cost, yaw, width, height of the tips, place [2]) of grasps with the finger tips at `tips` [C,A]."""
    left, right, rows, uneven, bounded = _runs(heights, tips)
    higher = _runs(heights, np.minimum(tips + SLOPE_M, tops - 0.001))
    width = (right + left - 1) * STEP_M + 0.0005
    # Faces that lean outwards below slip out upwards: the upper half of an apple.
    lean = (right + left - higher[0] - higher[1]) * STEP_M / 2 / SLOPE_M
    good = (rows >= 3) & bounded & (uneven <= UNEVEN_M) & (lean < 0.8)
    good &= (width <= spec.gripper_max_width_m - 2 * ROOM_M[-1]) & (tops - tips >= SHALLOW_M)
    i, j = np.nonzero(good)
    yaw = angles[j]
    shift = (right - left)[i, j] * STEP_M / 2
    xy = places[i] + shift[:, None] * np.stack([np.sin(yaw), -np.cos(yaw)], axis=1)
    # A pad that is covered by less than half holds badly; on a long lever heavy things turn.
    deep = (tops - tips)[i, j]
    cost = np.linalg.norm(xy - centroid, axis=1) + 1.2 * np.maximum(0.0, 0.028 - deep) + 2.0 * uneven[i, j]
    cost += 0.15 * width[i, j] + 0.004 * (5 - rows[i, j]) + 0.1 * np.maximum(lean[i, j] - 0.15, 0.0)
    best = np.argsort(cost)[:TRIED]
    return [(float(cost[k]), float(yaw[k]), float(width[i[k], j[k]]), float(tips[i[k], j[k]]), xy[k]) for k in best]


def _runs(heights: Float, tips: Float) -> tuple[Float, Float, Float, Float, NDArray[np.bool_]]:
    """What stands out above `tips` [C,A] around the middle of profiles [C,A,R,V]: how many steps to the left and right
    of it until the first gap, in how many rows, by how much (m) the edges of rows differ; whether there are gaps."""
    full = heights > tips[..., None, None] + 0.0005
    middle = full.shape[-1] // 2
    right, left = np.argmin(full[..., middle:], axis=-1), np.argmin(full[..., middle::-1], axis=-1)
    solid = full[..., middle]
    endless = full[..., middle:].all(axis=-1) | full[..., middle::-1].all(axis=-1)
    far_right, far_left = np.where(solid, right, 0).max(axis=-1), np.where(solid, left, 0).max(axis=-1)
    near_right, near_left = np.where(solid, right, 10**6).min(axis=-1), np.where(solid, left, 10**6).min(axis=-1)
    uneven = np.maximum(far_right - near_right, far_left - near_left) * STEP_M
    bounded: NDArray[np.bool_] = ~np.any(endless & solid, axis=-1)
    return far_left, far_right, solid.sum(axis=-1), uneven, bounded


def _room(spec: RobotSpec, relief: Relief, xy: Float, yaw: float, width: float, tip: float) -> float | None:
    """How far the fingers open over xy with their tips at height `tip` without standing in anything; None: no room."""
    palm = relief.highest(xy, yaw, spec.palm_half_m)
    if palm > tip + spec.finger_depth_m - PALM_M:
        return None
    across = np.array([np.sin(yaw), -np.cos(yaw)])
    most = (spec.gripper_max_width_m - width) / 2
    for room in (min(room, most) for room in ROOM_M):
        if room < ROOM_M[-1]:
            continue
        away = width / 2 + room + spec.finger_thickness_m / 2
        half = (spec.finger_breadth_m / 2, spec.finger_thickness_m / 2 + min(room, 0.004) / 2)
        both = [relief.highest(xy + side * away * across, yaw, half) for side in (-1, 1)]
        if max(both) < tip - 0.001:
            return width + 2 * room
    return None
