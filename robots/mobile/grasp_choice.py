"""Which of a thing's grasps the arm can do, and the hand to where its straight approach begins (the pre-grasp).

A grasp counts where the arm reaches it, its end clear of what is around and its beginning clear of the thing, too.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from robots.geometry import Pose
from robots.interface import Status
from robots.mobile.clearance import all_free, free, surroundings
from robots.mobile.close_look import Sighting, look_closely
from robots.mobile.find import surface_at
from robots.mobile.glance import main_camera
from robots.mobile.go import go
from robots.mobile.grasps import GraspPlan, both
from robots.mobile.grasps_above import from_above
from robots.mobile.grasps_leant import LEANS_RAD, UNDER_RAD, leant
from robots.mobile.grasps_side import from_side
from robots.mobile.inside import stand_for, way_in
from robots.mobile.reach import configurations, scattered
from robots.mobile.relief import Relief
from robots.mobile.sight import odom_T_base, odom_T_world
from robots.mobile.slanted import along_rail, slanted
from robots.mobile.stance import stand_at
from robots.mobile.stand import ROOM_ABOVE_M
from robots.mobile.stream import straight_way
from robots.mobile.track import shifted
from robots.planning.scene import Scene
from robots.primitives.base import Body, Outcome

Float = NDArray[np.float64]

SHORT_M = 0.06
"""The straight approach is no shorter than this."""
APPROACH_M_S = 0.18
WAYS = 3
"""So many grasps are tried where no way leads to the first."""
BOARD_M = 0.03
"""What is seen so near below a board above a thing is the board."""
CHECKED = 24
"""So many grasps are checked for reach."""
SCATTERED, TRIED_WAYS = 8, 4
"""For each grasp from the side, starts of the search for configurations, and how many of those are looked at."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Approach:
    """A grasp, and the arm's stream for its straight approach, float64[M,J], the first where it begins; with `tools`,
    the hand's poses on its way in, M configurations that are no stream."""

    plan: GraspPlan
    q: Float
    tools: tuple[Pose, ...] = ()


def reach_for(body: Body, sighting: Sighting, *, aside: bool = False, only: bool = False) -> Approach | Outcome:
    """The hand to where the best grasp begins to which there is a free way, or why there is none. aside, only: see
    `choose`."""
    every = np.concatenate([sighting.others, sighting.thing.points])
    blocked: Outcome | None = None
    for passed in range(WAYS):
        way = choose(body, sighting, aside=aside, only=only, passed=passed)
        if isinstance(way, Outcome):
            return way if blocked is None else blocked
        outcome = go(body, surroundings(body, every), [way.q[0]], width_m=way.plan.open_m)
        if outcome.status is Status.SUCCEEDED:
            return way
        blocked = Outcome(status=outcome.status, detail=f"{outcome.detail} to")
        if outcome.status is not Status.PATH_BLOCKED:
            break
    assert blocked is not None, "WAYS is at least 1"
    return blocked


def get_in(body: Body, sighting: Sighting, *, aside: bool = False) -> tuple[Sighting, Approach] | None:
    """Under a board: drives to where a grasp and a way in to it were found by the map, looks again, and brings the hand
    to where that way begins. What is seen from there, and the way, or None where there is none."""
    surface = surface_at(body, sighting.thing.middle)
    if surface is None:
        return None
    track = stand_for(body, sighting.thing, candidates(body, sighting, aside=aside), surface)
    if track is None:
        return None
    by = odom_T_world(body.robot.state())
    if stand_at(body, track).status is not Status.SUCCEEDED:
        return None
    moved = odom_T_world(body.robot.state()) @ by.inverse()
    again = look_closely(body, moved.apply(sighting.thing.middle))
    if again is None:
        return None
    found = way_in(body, candidates(body, again, aside=aside), surroundings(body, again.others), shifted(track, moved))
    if found is None:
        return None
    plan, tools, q = found
    every = np.concatenate([again.others, again.thing.points])
    if go(body, surroundings(body, every), [q[0]], width_m=plan.open_m).status is not Status.SUCCEEDED:
        return None
    return again, Approach(plan=plan, q=q, tools=tools)


def choose(
    body: Body, sighting: Sighting, *, aside: bool = False, only: bool = False, passed: int = 0
) -> Approach | Outcome:  # fmt: skip
    """The best grasp that the arm can do from where the base stands, after `passed` better ones, or why there is
    none. aside: see `pick`. only: nothing else where its shape offers that."""
    plans = candidates(body, sighting, aside=aside)
    if not plans:
        if aside:
            return choose(body, sighting)
        return Outcome(status=Status.PATH_BLOCKED, detail="no room for the fingers around")
    scene = surroundings(body, sighting.others)
    whole = surroundings(body, np.concatenate([sighting.others, sighting.thing.points]))
    reached = False
    for plan in _spread(plans):
        way, within = reachable(body, plan, scene, whole)
        reached |= within
        if way is not None and passed == 0:
            return way
        passed -= way is not None
    if aside and not only:
        return choose(body, sighting, passed=passed)
    if reached:
        return Outcome(status=Status.PATH_BLOCKED, detail="something is in the way of the arm around")
    return Outcome(status=Status.UNREACHABLE, detail="the arm does not reach")


def candidates(body: Body, sighting: Sighting, *, aside: bool = False) -> list[GraspPlan]:
    """All grasps that the thing's shape and what is around it offer, best first. aside: see `pick`."""
    spec, thing = body.robot.spec, sighting.thing
    eye = sighting.views[main_camera(body)].camera.xyz[:2]
    plans: list[GraspPlan] = []
    low = sighting.headroom_m < ROOM_ABOVE_M
    every = np.concatenate([thing.points, sighting.others])
    relief = Relief.of(
        every[every[:, 2] < thing.support_m + sighting.headroom_m - BOARD_M], thing.centre, thing.support_m
    )
    above = from_above(spec, thing, relief)
    if aside or low:
        away = thing.centre - odom_T_base(body.robot.state()).xyz[:2]
        for leans in (LEANS_RAD, UNDER_RAD) if low else (LEANS_RAD,):
            plans += [aslant for plan in above if (aslant := leant(spec, plan, relief, away, leans)) is not None]
    elif spec.slides:
        plans += slanted(spec, body.kinematics, thing, relief, above, thing.centre - eye)
    else:
        plans += above
    headroom = min(sighting.headroom_m, ROOM_ABOVE_M) if aside else sighting.headroom_m
    plans += from_side(spec, thing, eye, others=sighting.others, headroom_m=headroom)
    plans.sort(key=lambda plan: plan.cost)
    return along_rail(body, plans) if spec.slides else plans


def _spread(plans: list[GraspPlan]) -> list[GraspPlan]:
    """At most CHECKED plans in their order, level ones and others alternating from the half on."""
    level = [p for p in plans if p.level]
    above = [p for p in plans if not p.level]
    few = plans[: CHECKED // 2]
    rest = [p for pair in zip(level, above, strict=False) for p in pair if p not in few]
    return (few + rest + [p for p in plans if p not in few and p not in rest])[:CHECKED]


def reachable(body: Body, plan: GraspPlan, scene: Scene, whole: Scene) -> tuple[Approach | None, bool]:
    """The arm's way for a grasp, clear of `scene` at its end and of `whole` at its start; and whether the arm gets
    there at all."""
    ways_round = both(plan)
    if plan.level:
        # Between boards few of the arm's many configurations are clear: it is searched all over its range.
        found, which = scattered(body, [one.tool for one in ways_round], each=SCATTERED)
        clear = all_free(body, scene, found, width_m=plan.open_m, hand=False)
        away = np.abs(found - body.robot.state().arm_q).max(axis=1) if len(found) else np.empty(0)
        ways = [(ways_round[which[k]], found[k]) for k in np.argsort(away) if clear[k]][:TRIED_WAYS]
        within = len(found) > 0
    else:
        every = [(one, q) for one in ways_round for q in configurations(body, one.tool)[:3]]
        ways = [(one, q) for one, q in every if free(body, scene, q, width_m=one.open_m, hand=False)]
        within = len(every) > 0
    for one, q in ways:
        for back_m in (one.back_m, SHORT_M):
            nearer = replace(one, back_m=back_m)
            back = straight_way(body, q, nearer.start, speed_m_s=APPROACH_M_S)
            if back is not None and free(body, whole, back[-1], width_m=one.open_m):
                return Approach(plan=nearer, q=back[::-1]), True
    return None, within
