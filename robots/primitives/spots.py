"""Where a held thing may be put down: on top, inside, beside, or anywhere free."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from robots.planning.height_map import HeightMap
from robots.primitives.base import Grasp
from robots.primitives.hand import SPREAD_M, near_base_yaw, room, tool_axes
from robots.primitives.surface import TABLE_M, Cloud, Thing
from robots.relations import Relation
from robots.spec import RobotSpec

Float = NDArray[np.float64]

RELEASE_M = 0.004
"""A thing is let go this far above what will carry it."""
GAP_M = 0.025
USUAL_M, FURTHEST_M = 0.085, 0.230
FURTHER_M = (0.0, -0.01, 0.01, -0.02, 0.02, -0.03, 0.03, -0.04, 0.04, 0.05, 0.06, 0.08, 0.10, 0.12)
SHIFTS_M = (0.0, 0.008, -0.008, 0.016, -0.016, 0.024, -0.024, 0.032, -0.032)
"""Where a spot beside a thing is looked for: along its direction, and off it (a relation holds to 5 cm off)."""
ENOUGH_M = 0.07
TABLE_LOWER_M, TABLE_UPPER_M = np.array([0.25, -0.38]), np.array([0.70, 0.38])
"""Where a held thing may be put down..."""
USUAL_LOWER_M, USUAL_UPPER_M = np.array([0.32, -0.29]), np.array([0.65, 0.29])
"""... and where it is put if there is a choice."""
WALL_M = 0.006
INSET_M = 0.003
"""How far things in a container may seem to overlap: outlines are measured half a pixel too wide."""
BOWL_M = 0.025
"""A round thing higher than this is hollow, a lower one a plate."""
ORIGIN_ROOM_M = 0.035
"""Round a spot that something was picked from: kept free, for what may have to go there."""
DIRECTIONS = {
    Relation.LEFT_OF: np.array([0.0, -1.0]),
    Relation.RIGHT_OF: np.array([0.0, 1.0]),
    Relation.IN_FRONT_OF: np.array([1.0, 0.0]),
    Relation.BEHIND: np.array([-1.0, 0.0]),
}
"""Seen from the camera, which faces the robot."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Spot:
    """Where the tool lets go: tool_xyz float64[3] m, pointing down at yaw_rad. fall_m: how far the thing then falls."""

    tool_xyz: Float
    yaw_rad: float
    fall_m: float


def settle(
    spec: RobotSpec, heights: HeightMap, xy: Float, yaw_rad: float, held: Grasp, *, inset_m: float = 0.0
) -> Spot:
    """The lowest release with the held thing's centre at `xy` [2] m.

    inset_m: how much the thing's edge may stand over without being carried there (stacking).
    """
    x, y = tool_axes(yaw_rad)
    tool_xy = xy - held.offset_m[0] * x - held.offset_m[1] * y
    half = (max(held.half_m[0] - inset_m, 0.004), max(held.half_m[1] - inset_m, 0.004))
    support = float(heights.highest(xy[None], yaw_rad, half)[0])
    lowest = room(spec, heights, tool_xy, yaw_rad, held.width_m + 2 * SPREAD_M).lowest_tool_m(spec)
    z = max(support + RELEASE_M + held.drop_m, lowest)
    return Spot(tool_xyz=np.array([*tool_xy, z]), yaw_rad=yaw_rad, fall_m=z - held.drop_m - support)


def _best(spots: Iterable[tuple[float, Spot]]) -> Spot | None:
    ranked = sorted(spots, key=lambda item: item[0])
    return ranked[0][1] if ranked else None


def _yaws(base_rad: float, xy: Float) -> list[float]:
    """The two ways to turn a rectangle into another's axes, the one that turns the wrist less first."""
    ahead = float(np.arctan2(xy[1], xy[0]))
    return sorted((near_base_yaw(base_rad + k * np.pi / 2, xy) for k in (0, 1)), key=lambda yaw: abs(yaw - ahead))


def upon(spec: RobotSpec, heights: HeightMap, thing: Thing, held: Grasp) -> Spot | None:
    """Centred on a small thing's top face, faces aligned."""
    yaw = 0.0 if thing.round else thing.yaw_rad
    spots = [settle(spec, heights, thing.centre_xy, y, held, inset_m=0.006) for y in _yaws(yaw, thing.centre_xy)]
    return _best((s.fall_m + 0.001 * i, s) for i, s in enumerate(spots))


def within(spec: RobotSpec, heights: HeightMap, thing: Thing, held: Grasp) -> Spot | None:
    """On the lowest free part of a bowl, plate, box or zone.

    The first thing goes to one side, since in the middle it would leave no room for a second; in a bowl, whose wall
    leans, half as far.
    """
    inner = min(thing.half_m) - (0.002 if thing.flat else WALL_M) - held.radius_m - 0.002
    offsets = [np.zeros(2)]
    bowl = thing.round and not thing.flat and thing.top_m - TABLE_M > BOWL_M
    wanted_m = max(inner, 0.0) * (0.5 if bowl else 1.0)
    for share in (0.5, 1.0):
        if inner * share > 0.006:
            angles = np.radians(np.arange(0.0, 360.0, 30.0))
            offsets += [inner * share * np.array([np.cos(a), np.sin(a)]) for a in angles]
    base = 0.0 if thing.round else thing.yaw_rad
    ranked: list[tuple[float, Spot]] = []
    for offset in offsets:
        xy = thing.centre_xy + offset
        for i, yaw in enumerate(_yaws(base, xy) + (_yaws(base + np.pi / 4, xy) if thing.round else [])):
            spot = settle(spec, heights, xy, yaw, held, inset_m=0.0 if thing.flat else INSET_M)
            bottom = spot.tool_xyz[2] - held.drop_m
            off_m = abs(float(np.linalg.norm(offset)) - wanted_m)
            # Where it may not lie level, the less is under it on average the surer it slides down beside it.
            under = float(heights.at(xy + _grid(held, yaw)).mean())
            ranked.append((bottom + 0.5 * spot.fall_m + 0.2 * off_m + under + 0.0005 * i, spot))
    return _best(ranked)


def _grid(held: Grasp, yaw_rad: float) -> Float:
    """float64[49,2]: points spread over the held thing's footprint, from its middle."""
    x, y = tool_axes(yaw_rad)
    share = np.linspace(-0.95, 0.95, 7)
    u, v = np.meshgrid(share * held.half_m[0], share * held.half_m[1])
    return np.asarray(np.outer(u.ravel(), x) + np.outer(v.ravel(), y))


def beside(spec: RobotSpec, heights: HeightMap, thing: Thing, held: Grasp, direction: Float) -> Spot | None:
    """On free table, in `direction` [2] from the thing's centre and clear of its edge; None where all is taken."""
    edge = float(((thing.points[:, :2] - thing.centre_xy) @ direction).max())
    side = np.array([-direction[1], direction[0]])
    ranked: list[tuple[float, Spot]] = []
    for turn in (0.0, np.pi / 4):
        for yaw in _yaws(turn, thing.centre_xy):
            near = float(np.clip(edge + _extent(held, yaw, direction) + GAP_M, USUAL_M, FURTHEST_M))
            for further in FURTHER_M:
                if not edge + _extent(held, yaw, direction) + 0.006 <= near + further <= FURTHEST_M:
                    continue
                for shift in SHIFTS_M:
                    cost = abs(further) + 1.5 * abs(shift) + (0.01 if turn else 0.0)
                    xy = thing.centre_xy + (near + further) * direction + shift * side
                    cost += 2 * float(np.maximum(np.maximum(USUAL_LOWER_M - xy, xy - USUAL_UPPER_M), 0.0).max())
                    if ranked and cost >= ranked[0][0]:
                        continue
                    spot = free_spot(spec, heights, xy, yaw, held)
                    if spot is not None:
                        ranked = [(cost, spot)]
    return _best(ranked)


def free_spot(
    spec: RobotSpec, heights: HeightMap, xy: Float, yaw_rad: float, held: Grasp, gap_m: float = 0.006
) -> Spot | None:
    """At `xy` [2] m if that is bare table with room for the thing and the hand."""
    if (xy < TABLE_LOWER_M).any() or (xy > TABLE_UPPER_M).any():
        return None
    half = (held.half_m[0] + gap_m, held.half_m[1] + gap_m)
    if float(heights.highest(xy[None], yaw_rad, half)[0]) > TABLE_M:
        return None
    spot = settle(spec, heights, xy, yaw_rad, held)
    return spot if spot.fall_m < 0.02 else None


def anywhere(spec: RobotSpec, heights: HeightMap, taken: Float, held: Grasp) -> Spot | None:
    """On bare table, 5 cm or more from everything where there is a spot. taken: float64[N,2], what to keep from."""
    x, y = np.arange(0.35, 0.621, 0.015), np.arange(-0.255, 0.256, 0.015)
    spots = np.stack(np.meshgrid(x, y, indexing="ij"), axis=-1).reshape(-1, 2)
    room_m = np.full(len(spots), ENOUGH_M)
    for part in np.array_split(np.unique(np.round(taken / 0.01), axis=0) * 0.01, 1 + len(taken) // 400):
        if len(part):
            room_m = np.minimum(
                room_m, np.linalg.norm(spots[:, None] - part[None], axis=-1).min(axis=1) - held.radius_m
            )
    # Most room first, up to what is enough; among those with enough, the nearest to the middle of the table.
    order = np.lexsort([np.linalg.norm(spots - [0.48, 0.0], axis=1), -np.round(room_m, 3)])
    for i in order[:40]:
        if room_m[i] < 0.015:
            break
        for yaw in _yaws(0.0, spots[i]):
            spot = free_spot(spec, heights, spots[i], yaw, held)
            if spot is not None:
                return spot
    return None


def back_at(spec: RobotSpec, heights: HeightMap, origin: Float, held: Grasp) -> Spot | None:
    """Where a thing stood: origin float64[3] m, its bottom. On what carries there now, if that is as high as then."""
    ranked: list[tuple[float, Spot]] = []
    for away in (0.0, 0.01, 0.02):
        for angle in np.radians(np.arange(0.0, 360.0, 45.0)) if away else [0.0]:
            xy = origin[:2] + away * np.array([np.cos(angle), np.sin(angle)])
            for i, yaw in enumerate(_yaws(0.0, xy)):
                spot = settle(spec, heights, xy, yaw, held)
                above = abs(spot.tool_xyz[2] - held.drop_m - spot.fall_m - origin[2])
                if above < 0.02 and spot.fall_m < 0.04:
                    ranked.append((away + spot.fall_m + 0.0005 * i, spot))
    return _best(ranked)


def taken_points(cloud: Cloud, origins: Iterable[Float] = ()) -> Float:
    """float64[N,2]: where something stands or is painted on the table, and a ring round every origin."""
    mask = cloud.seen & ((cloud.points[..., 2] > TABLE_M) | cloud.painted())
    angles = np.radians(np.arange(0.0, 360.0, 45.0))
    ring = ORIGIN_ROOM_M * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    return np.concatenate([cloud.points[mask][:, :2], *(origin[:2] + ring for origin in origins)])


def _extent(held: Grasp, yaw_rad: float, direction: Float) -> float:
    """Half the held thing's extent in `direction`."""
    x, y = tool_axes(yaw_rad)
    return held.half_m[0] * abs(float(x @ direction)) + held.half_m[1] * abs(float(y @ direction))
