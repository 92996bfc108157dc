"""Spots for what is held, by the words of where it should go: on, in, beside, aside, or where something was.

Words of direction are those of a person at the robot's head: left and right as one looks at the thing from there, in
front of it nearer to the head, behind it farther away. Frames: odom.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from robots.geometry import Pose
from robots.interface import Status
from robots.mobile.find import find, surface_at
from robots.mobile.glance import cloud, main_camera
from robots.mobile.load import Load
from robots.mobile.relief import Relief
from robots.mobile.sight import View, odom_T_base, odom_T_world
from robots.mobile.sites import covered, into, standing_on
from robots.mobile.spots import Spot, in_hollow, on_surface
from robots.mobile.things import Thing
from robots.places import Surface
from robots.primitives.base import Body, Outcome, Target
from robots.relations import Relation

Float = NDArray[np.float64]

FALL_M, BIN_FALL_M, OVER_M = 0.06, 0.6, 0.12
"""How far a thing may drop into a vessel, into what is made for that, and there from over its rim."""
ON_M = 0.008
"""A point no higher above a surface than this means the surface."""
BESIDE_M = 0.03
FAR_M = 10.0
SIDES = {
    Relation.LEFT_OF: (0.0, 1.0),
    Relation.RIGHT_OF: (0.0, -1.0),
    Relation.IN_FRONT_OF: (-1.0, 0.0),
    Relation.BEHIND: (1.0, 0.0),
}
"""Along the line of sight, and to its left."""


def spots_for(
    body: Body, load: Load, relation: Relation, target: Target | None, point: Float
) -> tuple[list[Spot] | Outcome, Float]:
    """Spots for what is held, best first, and all points seen, float64[N,3]. point: float64[3], odom, where to look."""
    thing, seen, support = find(body, point)
    every = cloud(seen)
    return _spots(body, load, relation, target, point, thing, every, support, seen[main_camera(body)]), every


def _spots(
    body: Body, load: Load, relation: Relation, target: Target | None, point: Float, thing: Thing | None, every: Float,
    support: float, head: View,
) -> list[Spot] | Outcome:  # fmt: skip
    spec, surface = body.robot.spec, surface_at(body, point)
    here = odom_T_base(body.robot.state()).xyz[:2]
    if surface is not None:
        # What hangs over it is not in its relief.
        every = np.concatenate([every[every[:, 2] < support + surface.headroom_m], standing_on(body, surface)])
        if covered(body, surface):
            here = point[:2] - FAR_M * into(body, surface)  # it is gone into straight
    if relation is Relation.WHERE:
        support = float(point[2])
        return on_surface(spec, load, Relief.of(every, point[:2], support), _near(point[:2], 0.03), here, gap_m=0.004)
    if relation is Relation.ASIDE:
        relief = Relief.of(every, point[:2], support, half_m=0.4)
        return on_surface(spec, load, relief, _over(body, surface, point[:2], 0.35, 0.03), here, gap_m=0.03)
    if thing is None or (surface is not None and point[2] < support + ON_M and relation not in SIDES):
        if relation in SIDES:
            assert target is not None
            return Outcome(
                status=Status.TARGET_NOT_FOUND, detail=f"there is nothing at the point for the {target.words}"
            )
        if surface is not None and surface.enclosed and not covered(body, surface):
            where = odom_T_world(body.robot.state()) @ surface.pose
            relief = Relief.of(every, where.xyz[:2], support, half_m=0.4)
            floor, walls = _floor(where, surface, point[:2]), surface.walls_m
            most = walls + OVER_M if walls else BIN_FALL_M
            return in_hollow(spec, load, relief, floor, here, most_fall_m=most, walls_m=walls)
        relief = Relief.of(every, point[:2], support, half_m=0.4)
        return on_surface(spec, load, relief, _over(body, surface, point[:2], 0.25, 0.02), here)
    if relation in SIDES:
        relief = Relief.of(every, thing.centre, support, half_m=0.4)
        return on_surface(spec, load, relief, _beside(head, thing, load, SIDES[relation]), here)
    relief = Relief.of(every, thing.centre, support)
    return in_hollow(spec, load, relief, _around(thing.centre, 0.7 * min(thing.half_m)), here, most_fall_m=FALL_M)


def _near(xy: Float, reach_m: float) -> Iterator[tuple[Float, float]]:
    """Places around xy [2], the nearest first."""
    yield xy, 0.0
    for away in np.arange(0.01, reach_m + 1e-9, 0.01):
        for angle in np.arange(0.0, 2 * np.pi, np.pi / 4):
            yield xy + away * np.array([np.cos(angle), np.sin(angle)]), float(away)


def _around(middle: Float, radius_m: float) -> list[tuple[Float, float]]:
    """Places within a circle around `middle` [2], with how far they are from it."""
    steps = np.arange(-radius_m, radius_m + 1e-6, max(0.008, radius_m / 6))
    grid = np.stack(np.meshgrid(steps, steps, indexing="ij"), axis=-1).reshape(-1, 2)
    return [(middle + off, float(away)) for off in grid if (away := np.linalg.norm(off)) <= radius_m]


def _floor(where: Pose, surface: Surface, xy: Float) -> list[tuple[Float, float]]:
    """Places on a rectangle around `where`, with how far they are from xy [2]."""
    x, y = (np.linspace(-0.8 * h, 0.8 * h, max(5, int(h / 0.02))) for h in surface.half_m)
    local = np.stack(np.meshgrid(x, y, indexing="ij"), axis=-1).reshape(-1, 2)
    places = where.apply(np.column_stack([local, np.zeros(len(local))]))[:, :2]
    return [(place, float(np.linalg.norm(place - xy))) for place in places]


def _over(
    body: Body, surface: Surface | None, xy: Float, reach_m: float, step_m: float
) -> Iterable[tuple[Float, float]]:
    """Places on a surface around xy [2], with how far they are from it."""
    steps = np.arange(-reach_m, reach_m + 1e-9, step_m)
    grid = np.stack(np.meshgrid(steps, steps, indexing="ij"), axis=-1).reshape(-1, 2)
    places = xy + grid
    away = np.linalg.norm(grid, axis=1)
    if surface is not None:
        held = body.grasp
        inner = -max(held.size_m) if isinstance(held, Load) else 0.0
        world = odom_T_world(body.robot.state()).inverse()
        over = surface.holds(
            world.apply(np.column_stack([places, np.full(len(places), surface.height_m)])), margin_m=inner + 0.02
        )
        places, away = places[over], away[over]
    order = np.argsort(away)
    return [(places[i], float(away[i])) for i in order]


def _beside(head: View, thing: Thing, load: Load, side: tuple[float, float]) -> Iterator[tuple[Float, float]]:
    """Places on one side of a thing as it is seen from the head, the nearest first."""
    sight = thing.centre - head.camera.xyz[:2]
    sight = sight / np.linalg.norm(sight)
    left = np.array([-sight[1], sight[0]])
    direction = side[0] * sight + side[1] * left
    across = np.array([-direction[1], direction[0]])
    extent = float(np.quantile((thing.points[:, :2] - thing.centre) @ direction, 0.98))
    start = extent + max(load.size_m) + BESIDE_M
    for away in np.arange(start, start + 0.13, 0.015):
        for aside in (0.0, 0.02, -0.02, 0.04, -0.04):
            yield thing.centre + away * direction + aside * across, float(away - start) + 0.7 * abs(aside)
