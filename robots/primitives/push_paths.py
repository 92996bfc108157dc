"""Where to push a thing along: straight if nothing is in the way, else with one bend."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from robots.planning.height_map import HeightMap
from robots.primitives.hand import PALM_GAP_M, near_base_yaw
from robots.primitives.surface import TABLE_M, Thing
from robots.relations import Side
from robots.spec import RobotSpec

Float = NDArray[np.float64]

FORK_M = 0.014
"""Between the finger tips while they push: two contacts keep a thing from turning or rolling off."""
BEHIND_M = 0.010
"""Free way between the fingers and the thing before they touch it."""
ASIDE_M = 0.006
TIP_M = 0.007
REACH_LOWER_M, REACH_UPPER_M = np.array([0.28, -0.36]), np.array([0.68, 0.36])
GOAL_M = {Side.LEFT: (1, -0.232), Side.RIGHT: (1, 0.232), Side.FRONT: (0, 0.605), Side.BACK: (0, 0.355)}
"""Axis and coordinate that a thing is pushed to. The table's sides begin at 0.20 left and right, 0.58 in front, 0.38 behind."""
THERE_M = {Side.LEFT: (1, -0.207), Side.RIGHT: (1, 0.207), Side.FRONT: (0, 0.586), Side.BACK: (0, 0.374)}
"""Where it is clearly at that side."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Leg:
    """One straight push: the tool from start_xyz to end_xyz float64[3] m, pointing down at yaw_rad; the thing ends at goal_xy."""

    start_xyz: Float
    end_xyz: Float
    yaw_rad: float
    goal_xy: Float


def is_at(xy: Float, side: Side) -> bool:
    """Whether a centre `xy` [2] m is clearly at that side of the table."""
    axis, line = THERE_M[side]
    return bool((xy[axis] - line) * np.sign(GOAL_M[side][1] - (0.48 if axis == 0 else 0.0)) >= 0)


def side_goals(xy: Float, side: Side) -> list[Float]:
    """Goals float64[2] at a side for a thing at `xy`: straight across first, then more and more aslant."""
    axis, line = GOAL_M[side]
    goals = []
    for aslant in (0.0, 0.03, -0.03, 0.06, -0.06, 0.10, -0.10, 0.15, -0.15):
        goal = np.array(xy, dtype=np.float64)
        goal[axis] = line
        goal[1 - axis] += aslant
        low, high = ((0.34, 0.62) if axis == 1 else (-0.27, 0.27))
        if low <= goal[1 - axis] <= high or aslant == 0.0:
            goals.append(goal)
    return goals


def plan_push(spec: RobotSpec, thing: Thing, heights: HeightMap, goals: Iterable[Float]) -> list[list[Leg]]:
    """Ways of one leg, or of two where no single one is free; the best first, at most six."""
    others = heights.without(thing.points, margin_m=0.004)
    wanted = list(goals)
    direct = [[leg] for goal in wanted if (leg := _leg(spec, thing, others, thing.centre_xy, goal)) is not None]
    if direct:
        return direct[:6]
    bent: list[tuple[float, list[Leg]]] = []
    for via in _vias(thing.centre_xy):
        first = _leg(spec, thing, others, thing.centre_xy, via)
        if first is None:
            continue
        for rank, goal in enumerate(wanted):
            second = _leg(spec, thing, others, via, goal)
            if second is not None:
                length = float(np.linalg.norm(via - thing.centre_xy) + np.linalg.norm(goal - via))
                bent.append((length + 0.02 * rank, [first, second]))
                break
    return [legs for _, legs in sorted(bent, key=lambda item: item[0])[:6]]


def _vias(xy: Float) -> Iterator[Float]:
    for distance in (0.05, 0.09, 0.14):
        for angle in np.radians(np.arange(0.0, 360.0, 30.0)):
            via = xy + distance * np.array([np.cos(angle), np.sin(angle)])
            if 0.33 <= via[0] <= 0.63 and abs(via[1]) <= 0.28:
                yield via


def _leg(spec: RobotSpec, thing: Thing, others: HeightMap, start_xy: Float, goal_xy: Float) -> Leg | None:
    """The push from `start_xy` to `goal_xy` [2] m if the thing's way, the fingers' and the palm's are free."""
    way = goal_xy - start_xy
    length = float(np.linalg.norm(way))
    if length < 0.004:
        return None
    ahead = way / length
    across = np.array([-ahead[1], ahead[0]])
    at = thing.points[:, :2] - thing.centre_xy
    # A square may turn until a face lies against the fingers: then it reaches as far back as half its edge.
    back = float((-(at @ ahead)).max()) + 0.002
    flush = min(thing.half_m) if thing.small else back
    half_width = float(np.abs(at @ across).max()) + 0.002
    finger = spec.finger_breadth_m / 2
    start_tool = start_xy - ahead * (back + finger + BEHIND_M)
    end_tool = goal_xy - ahead * (flush + finger)
    both = np.stack([start_tool, end_tool])
    if (both < REACH_LOWER_M).any() or (both > REACH_UPPER_M).any():
        return None
    yaw = float(np.arctan2(ahead[1], ahead[0]))
    fork = FORK_M / 2 + spec.finger_thickness_m + 0.004
    if _highest(others, start_tool, start_tool, yaw, finger + 0.004, fork + 0.002) > TABLE_M:
        return None
    if _highest(others, start_tool, goal_xy, yaw, half_width + ASIDE_M, max(half_width, fork) + ASIDE_M) > TABLE_M:
        return None
    x, y = spec.palm_half_m
    palm = _highest(others, start_tool, end_tool, yaw, x, y)
    z = max(spec.fingertip_m + TIP_M, palm + PALM_GAP_M - (spec.finger_depth_m - spec.fingertip_m))
    if z - spec.fingertip_m > 0.55 * thing.top_m:
        return None
    return Leg(
        start_xyz=np.array([*start_tool, z]), end_xyz=np.array([*end_tool, z]), yaw_rad=near_base_yaw(yaw, start_tool), goal_xy=goal_xy
    )


def _highest(heights: HeightMap, start: Float, end: Float, yaw_rad: float, along_m: float, across_m: float) -> float:
    """The greatest height under the rectangle from `start` to `end` [2], longer by along_m at both ends."""
    half = float(np.linalg.norm(end - start)) / 2 + along_m
    return float(heights.highest(((start + end) / 2)[None], yaw_rad, (half, across_m))[0])
