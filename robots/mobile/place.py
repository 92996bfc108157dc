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
from robots.mobile.find import find, surface_at
from robots.mobile.glance import cloud, main_camera
from robots.mobile.haul import haul, line
from robots.mobile.load import Load
from robots.mobile.lower import GENTLE, Way, let_go, way_down
from robots.mobile.reach import follow, go, straight, surroundings, tool, touched
from robots.mobile.relief import Relief
from robots.mobile.sight import View, odom_T_base, odom_T_world
from robots.mobile.sites import covered, into, standing_on
from robots.mobile.sites import points as sites
from robots.mobile.spots import Spot, in_hollow, on_surface
from robots.mobile.stance import pushed, shifted, stand_at
from robots.mobile.stand import step_nearer
from robots.mobile.things import Thing
from robots.mobile.track import Track
from robots.mobile.under import stand_before, way_in
from robots.places import Surface
from robots.primitives.base import HELD_WIDTH_M, Body, Outcome, Target
from robots.relations import Relation

Float = NDArray[np.float64]

EARLY_M, LEVEL_EARLY_M = 0.03, 0.015
"""What touches something higher than this over its spot has met something else; the second of what is held from the
side, which does not hang aslant, while there are other spots to try."""
HANGS = 0.35
"""What hangs by its rim is down with its other edge first, by about this share of its half size: where it met something
at one spot and again well away from there, that was it."""
PACE = 0.4
"""What is held by friction alone slips where the arm starts and stops fast."""
BUMP_N, IN_M_S, SLOW_M_S = 25.0, 0.15, 0.06
"""On the way in, where nothing should be met."""
PRESS_M = 0.004
"""Lowered by so much more than depth says, until it is felt."""
TOUCH_N = 6.0
SPOTS, ELSEWHERE_M = 3, 0.04
"""So many spots are tried where something is met, each so far from the last."""
IN_SHARE = 0.5
"""What touches something lower between walls than this share of them is in there, and may fall the rest: a dish held by
its rim hangs aslant, and its edge is down before its middle."""
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


def place(body: Body, relation: Relation, target: Target | None) -> Outcome:
    """Put down what is held where `relation` to `target` is true; the arm ends folded."""
    load = body.grasp
    if not isinstance(load, Load):
        return Outcome(status=Status.NOT_HOLDING, detail="the hand is empty")
    if not still_held(body, load):
        body.grasp, body.held_q = None, None
        return Outcome(status=Status.NOT_HOLDING, detail=f"the {load.words} slipped out of the hand")
    points = sites(body, load, relation, target)
    if isinstance(points, Outcome):
        return points
    for stepped in (False, True):
        for point in points:
            at, track = point, None
            if covered_at(body, point):
                if stepped:
                    continue
                found = _stand_before(body, load, relation, target, point)
                if isinstance(found, Outcome):
                    outcome = found
                    continue
                track = found
                at = track.tools[-1].apply(load.tool_T_thing.xyz)
            elif stepped:
                if not step_nearer(body, point, level=load.level):
                    continue
                again = sites(body, load, relation, target)
                assert not isinstance(again, Outcome), "it was found before"
                at = again[int(np.argmin([np.linalg.norm(other - point) for other in again]))]
            outcome = _once(body, load, relation, target, at, track)
            stuck = outcome.status in (Status.UNREACHABLE, Status.PATH_BLOCKED, Status.TARGET_NOT_FOUND)
            if not stuck or body.grasp is None:
                return outcome
    return outcome


def covered_at(body: Body, point: Float) -> bool:
    """Whether what is at `point` [3] (odom) lies under something."""
    return covered(body, surface_at(body, point))


def _stand_before(body: Body, load: Load, relation: Relation, target: Target | None, point: Float) -> Track | Outcome:
    """Drives to where the hand can come in from the side; how it then does, in odom."""
    if not load.level:
        detail = f"the {load.words} is held from above, and a hand from above does not get there"
        return Outcome(status=Status.UNREACHABLE, detail=detail)
    spots, _ = choose(body, load, relation, target, point)
    if isinstance(spots, Outcome):
        return spots
    surface = surface_at(body, point)
    assert surface is not None, "it is under something"
    found = stand_before(body, load, spots, surface) if spots else None
    if found is None:
        detail = f"there is no place from which the arm gets in under what is over the {surface.name}"
        return Outcome(status=Status.UNREACHABLE, detail=detail if spots else f"no room on the {surface.name}")
    by = odom_T_world(body.robot.state())
    outcome = stand_at(body, found)
    if outcome.status is not Status.SUCCEEDED:
        return outcome
    return shifted(found, odom_T_world(body.robot.state()) @ by.inverse())


def _once(
    body: Body, load: Load, relation: Relation, target: Target | None, point: Float, track: Track | None
) -> Outcome:
    """From where the robot stands."""
    surface = surface_at(body, point)
    spots, seen = choose(body, load, relation, target, point)
    if isinstance(spots, Outcome):
        return spots
    if not spots:
        words = "there" if target is None else f"{relation.value} the {target.words}"
        return Outcome(status=Status.PATH_BLOCKED, detail=f"no room {words}")
    return put(body, load, spots, seen, surface, track)


def still_held(body: Body, load: Load) -> bool:
    """By the width between the fingers, and what the hand says itself; the width may well be less than it was: a rim
    settles between them by a centimetre."""
    state = body.robot.state()
    return state.holding or state.gripper_width_m > min(HELD_WIDTH_M, load.width_m / 2)


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


def put(
    body: Body, load: Load, spots: list[Spot], points: Float, surface: Surface | None, track: Track | None
) -> Outcome:
    """To the best spot that the arm reaches: over it, down until it is felt, open, back off, fold. Where something is
    met too early, to one that is well away from there."""
    scene = surroundings(body, points)
    outcome = Outcome(status=Status.PATH_BLOCKED, detail="no spot was tried")
    for tried in range(SPOTS):
        if track is None or surface is None:
            found = way_down(body, load, spots, scene)
        else:
            found = way_in(body, load, spots, scene, surface, track)
        if isinstance(found, Outcome):
            return outcome if tried else found
        outcome = go(body, scene, [found.q[0]], pace=PACE)
        if outcome.status is not Status.SUCCEEDED:
            return outcome
        if not still_held(body, load):
            body.grasp, body.held_q = None, None
            return Outcome(status=Status.NOT_HOLDING, detail=f"the {load.words} slipped out of the hand")
        early = LEVEL_EARLY_M if load.level and tried < SPOTS - 1 else EARLY_M
        if tried and not load.level:
            early += HANGS * max(load.size_m)
        outcome = _down(body, load, found, early)
        if outcome.status is Status.SUCCEEDED:
            return let_go(body, load, found.back)
        at = found.spot.thing.xyz[:2]
        spots = [s for s in spots if float(np.linalg.norm(s.thing.xyz[:2] - at)) > ELSEWHERE_M]
        if outcome.status is not Status.PATH_BLOCKED or found.tools or not spots:
            break
    return outcome


def _down(body: Body, load: Load, way: Way, early_m: float) -> Outcome:
    """In, if it is under something, and down until it is felt; felt more than early_m too high it goes up again."""
    spot = way.spot
    early_m = EARLY_M if way.tools else early_m
    if way.tools:
        i = way.over + 1
        hauled = haul(body, way.tools[:i], way.q[:i], None, speed_m_s=IN_M_S, width_m=0.0, guard=pushed(BUMP_N))
        if hauled.stopped or hauled.outcome.status is not Status.SUCCEEDED:
            line(body, way.outside, width_m=0.0)
            return Outcome(status=Status.PATH_BLOCKED, detail=f"the {load.words} met something on its way in")
        down = line(body, way.tools[-1], speed_m_s=SLOW_M_S, width_m=0.0, guard=pushed(TOUCH_N))
        outcome = Outcome(status=down.outcome.status, detail=down.stopped)
    else:
        outcome = follow(body, way.q[1:], width_m=0.0, stop=touched(TOUCH_N))
    if outcome.status is not Status.SUCCEEDED:
        return outcome
    short_m = float(tool(body).xyz[2] - spot.tool.xyz[2])
    if outcome.detail and short_m > max(early_m, IN_SHARE * spot.walls_m - spot.fall_m):
        higher = Pose(xyz=spot.tool.xyz + [0.0, 0.0, way.high_m], quat_xyzw=spot.tool.quat_xyzw)
        for there in (higher, way.outside):
            line(body, there, width_m=0.0)
        return Outcome(status=Status.PATH_BLOCKED, detail=f"the {load.words} met something on its way down")
    if spot.fall_m < 0.003 and not outcome.detail:
        here = tool(body)
        lower = Pose(xyz=here.xyz - [0.0, 0.0, PRESS_M], quat_xyzw=here.quat_xyzw)
        straight(body, lower, speed_m_s=0.03, width_m=0.0, stop=touched(TOUCH_N), acceleration=GENTLE)
    return Outcome(status=Status.SUCCEEDED, detail="")


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
