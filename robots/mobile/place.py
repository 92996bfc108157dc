"""place, by a robot that drives: what is held comes to stand in the named relation to a thing or a surface.

Words of direction are those of a person at the robot's head: left and right as one looks at the thing from there, in
front of it nearer to the head, behind it farther away.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from robots.geometry import Pose
from robots.interface import Status
from robots.mobile.carry import carry
from robots.mobile.find import find, surface_at
from robots.mobile.glance import cloud, main_camera, see
from robots.mobile.load import Load
from robots.mobile.reach import configurations, follow, free, go, straight, straight_way, surroundings, tool, touched
from robots.mobile.relief import Relief
from robots.mobile.sight import View, odom_T_base, odom_T_world
from robots.mobile.spots import SPREAD_M, Spot, in_hollow, on_surface
from robots.mobile.stand import step_nearer
from robots.mobile.things import Thing
from robots.places import Surface
from robots.planning.scene import Scene
from robots.primitives.base import HELD_WIDTH_M, Body, Outcome, Target
from robots.relations import Relation

Float = NDArray[np.float64]

ABOVE_M, SHORT_M = 0.10, 0.05
LOWER_M_S, GENTLE = 0.12, 0.08
"""Starts and stops so gently that the load's own inertia is not taken for contact (2 N)."""
EARLY_M = 0.03
PRESS_M = 0.004
"""Lowered by so much more than depth says, until it is felt."""
TOUCH_N = 6.0
FALL_M, BIN_FALL_M = 0.06, 0.6
"""How far a thing may drop into a vessel, and into what is made for that."""
ON_M = 0.008
"""A point no higher above a surface than this means the surface."""
BESIDE_M = 0.03
SIDES = {
    Relation.LEFT_OF: (0.0, 1.0),
    Relation.RIGHT_OF: (0.0, -1.0),
    Relation.IN_FRONT_OF: (-1.0, 0.0),
    Relation.BEHIND: (1.0, 0.0),
}
"""Along the line of sight, and to its left."""


def place(body: Body, relation: Relation, target: Target | None) -> Outcome:
    """Put down what is held where `relation` to `target` is true; the arm ends folded."""
    load = body.grasp
    if not isinstance(load, Load):
        return Outcome(status=Status.NOT_HOLDING, detail="the hand is empty")
    if not still_held(body, load):
        body.grasp, body.held_q = None, None
        return Outcome(status=Status.NOT_HOLDING, detail=f"the {load.words} slipped out of the hand")
    point = _point(body, relation, target)
    if isinstance(point, Outcome):
        return point
    outcome = Outcome(status=Status.UNREACHABLE, detail="")
    for attempt in range(2):
        spots, points = choose(body, load, relation, target, point)
        if isinstance(spots, Outcome):
            outcome = spots
        elif not spots:
            words = "there" if target is None else f"{relation.value} the {target.words}"
            outcome = Outcome(status=Status.PATH_BLOCKED, detail=f"no room {words}")
        else:
            outcome = put(body, load, spots, points)
        stuck = outcome.status in (Status.UNREACHABLE, Status.PATH_BLOCKED, Status.TARGET_NOT_FOUND)
        if not stuck or body.grasp is None or attempt or not step_nearer(body, point, level=load.level):
            break
    return outcome


def still_held(body: Body, load: Load) -> bool:
    """By the width between the fingers; it may well be less than it was: a rim settles between them by a centimetre."""
    return body.robot.state().gripper_width_m > min(HELD_WIDTH_M, load.width_m / 2)


def choose(
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
    if relation is Relation.WHERE:
        support = float(point[2])
        return on_surface(spec, load, Relief.of(every, point[:2], support), _near(point[:2], 0.03), gap_m=0.004)
    if relation is Relation.ASIDE:
        relief = Relief.of(every, point[:2], support, half_m=0.4)
        return on_surface(spec, load, relief, _over(body, surface, point[:2], 0.35, 0.03), gap_m=0.03)
    if thing is None or (surface is not None and point[2] < support + ON_M and relation not in SIDES):
        relief = Relief.of(every, point[:2], support, half_m=0.4)
        if relation in SIDES:
            assert target is not None
            return Outcome(
                status=Status.TARGET_NOT_FOUND, detail=f"there is nothing at the point for the {target.words}"
            )
        if surface is not None and surface.enclosed:
            middle = (odom_T_world(body.robot.state()) @ surface.pose).xyz[:2]
            radius = 0.6 * min(surface.half_m)
            return in_hollow(spec, load, relief, middle, radius, most_fall_m=BIN_FALL_M)
        return on_surface(spec, load, relief, _over(body, surface, point[:2], 0.25, 0.02))
    if relation in SIDES:
        relief = Relief.of(every, thing.centre, support, half_m=0.4)
        return on_surface(spec, load, relief, _beside(head, thing, load, SIDES[relation]))
    relief = Relief.of(every, thing.centre, support)
    return in_hollow(spec, load, relief, thing.centre, 0.7 * min(thing.half_m), most_fall_m=FALL_M)


def put(body: Body, load: Load, spots: list[Spot], points: Float) -> Outcome:
    """To the best spot that the arm reaches: over it, down until it is felt, open, back off, fold."""
    scene = surroundings(body, points)
    found: tuple[Spot, Float, Float] | None = None
    reached = False
    for spot in (*spots[:10], *spots[10:150:7]):
        found, within = _reachable(body, load, spot, scene)
        reached |= within
        if found is not None:
            break
    if found is None:
        if reached:
            return Outcome(
                status=Status.PATH_BLOCKED, detail=f"something is in the way of putting down the {load.words}"
            )
        return Outcome(status=Status.UNREACHABLE, detail="the arm does not reach there")
    spot, down_q, _ = found
    outcome = go(body, scene, [down_q[0]], pace=0.7)
    if outcome.status is not Status.SUCCEEDED:
        return outcome
    if not still_held(body, load):
        body.grasp, body.held_q = None, None
        return Outcome(status=Status.NOT_HOLDING, detail=f"the {load.words} slipped out of the hand")
    outcome = follow(body, down_q[1:], width_m=0.0, stop=touched(TOUCH_N))
    if outcome.status is not Status.SUCCEEDED:
        return outcome
    short_m = float(tool(body).xyz[2] - spot.tool.xyz[2])
    if outcome.detail and short_m > EARLY_M:
        higher = Pose(xyz=spot.tool.xyz + [0.0, 0.0, ABOVE_M], quat_xyzw=spot.tool.quat_xyzw)
        straight(body, higher, speed_m_s=LOWER_M_S, width_m=0.0)
        return Outcome(status=Status.PATH_BLOCKED, detail=f"the {load.words} met something on its way down")
    if spot.fall_m < 0.003 and not outcome.detail:
        here = tool(body)
        lower = Pose(xyz=here.xyz - [0.0, 0.0, PRESS_M], quat_xyzw=here.quat_xyzw)
        straight(body, lower, speed_m_s=0.03, width_m=0.0, stop=touched(TOUCH_N), acceleration=GENTLE)
    return let_go(body, load, points)


def let_go(body: Body, load: Load, points: Float) -> Outcome:
    """Open a little, back off along the hand, open, and fold the arm."""
    widest = body.robot.spec.gripper_max_width_m
    opened = min(load.width_m + 2 * SPREAD_M, widest)
    body.grip(opened)
    body.robot.wait(0.15)
    body.grasp, body.held_q = None, None
    back = tool(body) @ Pose.from_xyz_yaw([0.0, 0.0, -max(0.12, load.height_m if load.level else 0.0)])
    if straight(body, back, speed_m_s=0.15, width_m=opened).status is not Status.SUCCEEDED:
        straight(body, tool(body) @ Pose.from_xyz_yaw([0.0, 0.0, -SHORT_M]), speed_m_s=0.15, width_m=opened)
    body.grip(widest, limit_s=0.2)
    _, seen = see(body)
    outcome = carry(body, cloud(seen), pace=1.0)
    if outcome.status is not Status.SUCCEEDED:
        return outcome
    return Outcome(status=Status.SUCCEEDED, detail=f"let go of the {load.words}")


def _reachable(body: Body, load: Load, spot: Spot, scene: Scene) -> tuple[tuple[Spot, Float, Float] | None, bool]:
    """The spot with the arm's stream down to it [M,J] and its end [J]; and whether the arm gets there at all."""
    within = False
    for q in configurations(body, spot.tool)[:3]:
        within = True
        if not free(body, scene, q, width_m=load.width_m, hand=False):
            continue
        for height in (ABOVE_M, SHORT_M):
            above = Pose(xyz=spot.tool.xyz + [0.0, 0.0, height], quat_xyzw=spot.tool.quat_xyzw)
            up = straight_way(body, q, above, speed_m_s=LOWER_M_S, acceleration=GENTLE)
            if up is not None and free(body, scene, up[-1], width_m=load.width_m):
                return (spot, up[::-1], q), True
    return None, within


def _point(body: Body, relation: Relation, target: Target | None) -> Float | Outcome:
    """Where to look, float64[3], odom."""
    by = odom_T_world(body.robot.state())
    if relation is Relation.WHERE and target is not None:
        origin = body.origins.get(target.words)
        if origin is None:
            known = ", ".join(sorted(body.origins)) or "nothing"
            detail = f"the {target.words} was never picked up here, only {known}"
            return Outcome(status=Status.TARGET_NOT_FOUND, detail=detail)
        return by.apply(origin)
    if target is not None and target.xyz_m is not None:
        return by.apply(target.xyz_m)
    if target is not None and body.map is not None:
        named = [s for s in body.map.named(target.words) if isinstance(s, Surface)]
        if named:
            here = body.robot.state().world_T_base.xyz[:2]
            best = min(named, key=lambda s: float(np.linalg.norm(s.pose.xyz[:2] - here)))
            return by.apply(_on(body, best))
    if relation is Relation.ASIDE:
        near = _nearest_surface(body)
        if near is not None:
            return by.apply(_on(body, near))
        return odom_T_base(body.robot.state()).apply(np.array([0.6, 0.0, 0.8]))
    return Outcome(status=Status.TARGET_NOT_FOUND, detail=f"{relation.value}: no thing was named")


def _on(body: Body, surface: Surface) -> Float:
    """float64[3], world: a point of a surface in front of the robot, as near to its middle as is 0.62 m away."""
    base = body.robot.state().world_T_base
    ahead = base.apply(np.array([0.62, 0.0, 0.0]))
    local = surface.pose.inverse().apply(np.array([*ahead[:2], surface.height_m]))
    half = np.maximum(np.array(surface.half_m) - 0.05, 0.0)
    return surface.pose.apply(np.array([*np.clip(local[:2], -half, half), 0.0]))


def _nearest_surface(body: Body) -> Surface | None:
    if body.map is None:
        return None
    ahead = body.robot.state().world_T_base.apply(np.array([0.6, 0.0, 0.0]))
    fit = [s for s in body.map.surfaces if not s.inside and not s.enclosed and 0.3 < s.height_m < 1.3]

    def away(surface: Surface) -> float:
        local = np.abs(surface.pose.inverse().apply(np.array([*ahead[:2], surface.height_m]))[:2])
        return float(np.linalg.norm(np.maximum(local - surface.half_m, 0.0)))

    return min(fit, key=away) if fit else None


def _near(xy: Float, reach_m: float) -> Iterator[tuple[Float, float]]:
    """Places around xy [2], the nearest first."""
    yield xy, 0.0
    for away in np.arange(0.01, reach_m + 1e-9, 0.01):
        for angle in np.arange(0.0, 2 * np.pi, np.pi / 4):
            yield xy + away * np.array([np.cos(angle), np.sin(angle)]), float(away)


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
