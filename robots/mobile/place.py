"""place, by a robot that drives: what is held comes to stand in the named relation to a thing or a surface."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from robots.geometry import Pose
from robots.interface import Status
from robots.mobile.clearance import surroundings
from robots.mobile.find import surface_at
from robots.mobile.go import go
from robots.mobile.haul import haul, line
from robots.mobile.load import Load, slipped, still_held
from robots.mobile.lower import GENTLE, Way, let_go, way_down
from robots.mobile.place_aims import spots_for
from robots.mobile.reach import tool
from robots.mobile.sight import odom_T_world
from robots.mobile.sites import covered
from robots.mobile.sites import points as sites
from robots.mobile.spots import Spot
from robots.mobile.stance import pushed, stand_at
from robots.mobile.stand import step_nearer
from robots.mobile.stream import follow, straight, touched
from robots.mobile.track import Track, shifted
from robots.mobile.under import stand_before, way_in
from robots.places import Surface
from robots.primitives.base import Body, Outcome, Target
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


def place(body: Body, relation: Relation, target: Target | None) -> Outcome:
    """Put down what is held where `relation` to `target` is true; the arm ends folded."""
    load = body.grasp
    if not isinstance(load, Load):
        return Outcome(status=Status.NOT_HOLDING, detail="the hand is empty")
    if not still_held(body, load):
        return slipped(body, load)
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
    spots, _ = spots_for(body, load, relation, target, point)
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
    spots, seen = spots_for(body, load, relation, target, point)
    if isinstance(spots, Outcome):
        return spots
    if not spots:
        words = "there" if target is None else f"{relation.value} the {target.words}"
        return Outcome(status=Status.PATH_BLOCKED, detail=f"no room {words}")
    return put(body, load, spots, seen, surface, track)


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
            return slipped(body, load)
        early = LEVEL_EARLY_M if load.level and tried < SPOTS - 1 else EARLY_M
        if tried and not load.level:
            early += HANGS * max(load.size_m)
        outcome = _down(body, load, found, early)
        if outcome.status is Status.SUCCEEDED:
            return let_go(body, load, found)
        at = found.spot.thing.xyz[:2]
        spots = [s for s in spots if float(np.linalg.norm(s.thing.xyz[:2] - at)) > ELSEWHERE_M]
        if outcome.status is not Status.PATH_BLOCKED or found.tools or not spots:
            break
    return outcome


def _down(body: Body, load: Load, way: Way, early_m: float) -> Outcome:
    """In, if it is under something, and down until it is felt; felt more than early_m too high it goes up again."""
    spot = way.spot
    if way.tools:
        # As much higher as it came in, its lower edge may be down before it.
        early_m = max(EARLY_M, way.high_m)
        i = way.over + 1
        places = None if way.places is None else way.places[:i]
        hauled = haul(body, way.tools[:i], way.q[:i], places, speed_m_s=IN_M_S, width_m=0.0, guard=pushed(BUMP_N))
        if hauled.stopped or hauled.outcome.status is not Status.SUCCEEDED:
            way.out(body, hauled.at, width_m=0.0)
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
        line(body, higher, width_m=0.0)
        if way.tools:
            way.out(body, way.over, width_m=0.0)
        return Outcome(status=Status.PATH_BLOCKED, detail=f"the {load.words} met something on its way down")
    if spot.fall_m < 0.003 and not outcome.detail:
        here = tool(body)
        lower = Pose(xyz=here.xyz - [0.0, 0.0, PRESS_M], quat_xyzw=here.quat_xyzw)
        straight(body, lower, speed_m_s=0.03, width_m=0.0, stop=touched(TOUCH_N), acceleration=GENTLE)
    return Outcome(status=Status.SUCCEEDED, detail="")
