"""Where to put things: which surface is meant by a name, and about where on it. Frames: points are in odom."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from robots.geometry import Pose
from robots.interface import Status
from robots.mobile.load import Load
from robots.mobile.sight import odom_T_base, odom_T_world
from robots.mobile.stand import sideways
from robots.places import RoomMap, Standing, Surface
from robots.primitives.base import Body, Outcome, Target
from robots.relations import Relation

Float = NDArray[np.float64]

LOW_M, HIGH_M, AT_HAND_M = 0.35, 1.35, 0.95
"""Heights between which surfaces are worked at, and the best one."""
HEIGHT_COST = 0.6
ROOM_M = 0.012
"""Free height that is needed above what is put down."""
AHEAD_M, EDGE_M, WALL_M = 0.62, 0.05, 0.04
HAND_M = 0.08
ROOM_TO_PUT_M = 0.42
"""Free height that a hand from above needs with what it holds."""
FOOT_M, FOOT_CELL_M, SHY_M = 0.02, 0.0025, 0.01
"""What begins so near to a surface stands on it; its top as points so far apart, and so far in: the map errs."""
LEVELS = 3
"""Boards of one cupboard that are tried."""


def under_cover(body: Body, name: str) -> bool:
    """Whether the map has places of that name and a hand that points down gets to none of them."""
    surfaces = _named(body, name)
    return bool(surfaces) and all(covered(body, s) for s in surfaces)


def covered(body: Body, surface: Surface | None) -> bool:
    """Whether a hand that points down brings nothing there."""
    return surface is not None and (surface.headroom_m < ROOM_TO_PUT_M or sideways(body, surface))


def _named(body: Body, name: str) -> list[Surface]:
    """The map's surfaces of that name with everything as open as the robot knows it to be."""
    found = () if body.map is None else body.map.named(name, ajar=body.ajar)
    return [s for s in found if isinstance(s, Surface)]


def points(body: Body, load: Load, relation: Relation, target: Target | None) -> list[Float] | Outcome:
    """Where to look for room, float64[3] each, best first: several where the name is that of several boards."""
    by = odom_T_world(body.robot.state())
    if relation is Relation.WHERE and target is not None:
        origin = body.origins.get(target.words)
        if origin is None:
            known = ", ".join(sorted(body.origins)) or "nothing"
            detail = f"the {target.words} was never picked up here, only {known}"
            return Outcome(status=Status.TARGET_NOT_FOUND, detail=detail)
        return [by.apply(origin)]
    if target is not None and target.xyz_m is not None:
        return [by.apply(target.xyz_m)]
    if target is not None:
        named = _named(body, target.words)
        if named:
            return [by.apply(_on(body, s, load)) for s in _ranked(body, named, load)[:LEVELS]]
    if relation is Relation.ASIDE:
        near = None if body.map is None else _nearest(body, body.map)
        if near is not None:
            return [by.apply(_on(body, near, load))]
        return [odom_T_base(body.robot.state()).apply(np.array([0.6, 0.0, 0.8]))]
    return Outcome(status=Status.TARGET_NOT_FOUND, detail=f"{relation.value}: no thing was named")


def into(body: Body, surface: Surface) -> Float:
    """float64[2], odom: the way in from where people stand before it; without such a place, as the robot looks."""
    by = odom_T_world(body.robot.state())
    known = [] if body.map is None else [s for s in body.map.named(surface.name) if isinstance(s, Standing)]
    if known:
        near = min(known, key=lambda s: float(np.linalg.norm(s.pose.xyz[:2] - surface.pose.xyz[:2])))
        return (by @ near.pose).rotation[:2, 0]
    ahead = (by @ surface.pose).xyz[:2] - odom_T_base(body.robot.state()).xyz[:2]
    return np.asarray(ahead / max(float(np.linalg.norm(ahead)), 1e-6))


def standing_on(body: Body, surface: Surface) -> Float:
    """float64[N,3], odom: the tops of what the map knows to stand on a surface, a lamp's foot, and of what the hand
    has put there, whatever hides it."""
    by, found = odom_T_world(body.robot.state()), [np.empty((0, 3))]
    for solid in () if body.map is None else body.map.solids_now(body.ajar):
        bottom = float(solid.pose.xyz[2]) - float(solid.half_m[2])
        if abs(bottom - surface.height_m) < FOOT_M and surface.holds(solid.pose.xyz[None])[0]:
            half = (float(solid.half_m[0]) - SHY_M, float(solid.half_m[1]) - SHY_M)
            found.append((by @ solid.pose).apply(_top(half, float(solid.half_m[2]))))
    for top in body.laid.values():
        above = top[:, 2] - surface.height_m
        found.append(by.apply(top[surface.holds(top) & (above > 0.0) & (above < surface.headroom_m)]))
    return np.concatenate(found)


def remember_laid(body: Body, load: Load, odom_T_thing: Pose) -> None:
    """Where the hand has just put what it held: the next time its own arm, and what it then holds, may hide it."""
    world = odom_T_world(body.robot.state()).inverse()
    body.laid[load.words] = (world @ odom_T_thing).apply(_top(load.size_m, load.height_m))


def _top(half_m: tuple[float, float], high_m: float) -> Float:
    """float64[N,3]: points of a level rectangle, so high."""
    x, y = (np.arange(-h, h + FOOT_CELL_M, FOOT_CELL_M) for h in half_m)
    a, b = np.meshgrid(x, y, indexing="ij")
    return np.stack([a, b, np.full_like(a, high_m)], -1).reshape(-1, 3)


def _ranked(body: Body, surfaces: list[Surface], load: Load) -> list[Surface]:
    """Near ones at the height of the hand first; those that the load fits under, unless it fits under none."""
    fit = [s for s in surfaces if s.headroom_m >= load.height_m + ROOM_M] or surfaces

    def cost(surface: Surface) -> tuple[bool, float]:
        far = float(np.linalg.norm(_beyond(body, surface)))
        return not LOW_M <= surface.height_m <= HIGH_M, far + HEIGHT_COST * abs(surface.height_m - AT_HAND_M)

    # What lies on the floor, as the bin does, has no other level.
    return sorted(fit, key=cost)


def _beyond(body: Body, surface: Surface) -> Float:
    """float64[2]: from a surface to what is in front of the robot, 0 where that is over it."""
    ahead = body.robot.state().world_T_base.apply(np.array([AHEAD_M, 0.0, 0.0]))
    local = np.abs(surface.pose.inverse().apply(np.array([*ahead[:2], surface.height_m]))[:2])
    return np.maximum(local - surface.half_m, 0.0)


def _on(body: Body, surface: Surface, load: Load) -> Float:
    """float64[3], world: a point of a surface in front of the robot, as near to its middle as is AHEAD_M away; under
    something, or between walls, near the edge."""
    base = body.robot.state().world_T_base
    under = covered(body, surface)
    near = under or surface.enclosed
    ahead = base.xyz if near else base.apply(np.array([AHEAD_M, 0.0, 0.0]))
    local = surface.pose.inverse().apply(np.array([*ahead[:2], surface.height_m]))
    inner = np.full(2, max(load.size_m) + WALL_M if near else EDGE_M)
    if under:
        # Little from the front edge, and the width of a hand from what is beside it.
        way = (odom_T_world(body.robot.state()) @ surface.pose).rotation[:2, :2].T @ into(body, surface)
        inner = np.where(np.abs(way) > 0.7, max(load.size_m), max(load.size_m) + HAND_M)
    half = np.maximum(np.array(surface.half_m) - inner, 0.0)
    return surface.pose.apply(np.array([*np.clip(local[:2], -half, half), 0.0]))


def _nearest(body: Body, room: RoomMap) -> Surface | None:
    fit = [s for s in room.surfaces if not s.inside and not s.enclosed and 0.3 < s.height_m < 1.3]
    return min(fit, key=lambda s: float(np.linalg.norm(_beyond(body, s)))) if fit else None
