"""pick, by a robot that drives: look closely, take the thing by whatever its shape offers, lift it, hold it to carry.

The base stands; where nothing is in reach from there, it first moves by up to half a metre (robots.mobile.stand).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from robots.geometry import Pose
from robots.interface import Status
from robots.mobile.again import corrected
from robots.mobile.carry import carry, fold
from robots.mobile.drive import back_away
from robots.mobile.find import find, fixed_here, surface_at
from robots.mobile.glance import cloud, main_camera, see
from robots.mobile.grasps import GraspPlan, from_above, from_side, leant, turned_over
from robots.mobile.load import forget_lost, load_of
from robots.mobile.reach import (
    all_free,
    configurations,
    follow,
    free,
    go,
    scattered,
    straight,
    straight_way,
    surroundings,
    tool,
    touched,
)
from robots.mobile.relief import Relief
from robots.mobile.sight import View, odom_T_base, odom_T_world
from robots.mobile.slanted import along_rail, raise_hand, slanted
from robots.mobile.slide import leaning
from robots.mobile.stand import ROOM_ABOVE_M, sideways, step_nearer
from robots.mobile.things import AT_M, Thing, thing_at, without
from robots.planning.scene import Scene
from robots.primitives.base import Body, Outcome, Target

Float = NDArray[np.float64]

LIMIT_S, SLIDING_LIMIT_S = 30.0, 55.0
"""The second for arms on a lift, which is four times slower than a shoulder."""
CLOSER = ((0.0, 0.19), (0.0, 0.13), (0.6, 0.15), (1.0, 0.15))
"""For a closer look with the hand's camera: how far the tool is tilted off straight down (rad), and away (m)."""
HELD_M = 0.0025
"""Fingers that close further hold nothing (the thinnest wall is 3 mm)."""
LIFT_M, LOW_LIFT_M = 0.18, 0.04
"""Straight up after closing; the second under a shelf, or where the arm gets no higher."""
LIFTS = ((LIFT_M, 0.0), (LIFT_M, 0.08), (LIFT_M, 0.16), (LOW_LIFT_M, 0.0))
"""Up, and towards the robot, in the order in which they are tried."""
SLIDING_LIFTS = ((LIFT_M, 0.0), (0.14, 0.0), (0.10, 0.0), (0.07, 0.0), (LOW_LIFT_M, 0.0))
"""An arm on a lift gains no height by drawing back."""
RAISED_M, DEEP_M, HOLLOW_RAD, SOLID_RAD = 0.21, 0.04, 0.4, 0.9
"""A hand that hangs from a lift gains the height that is then missing by tilting up, with vessels so deep by less."""
ABOVE_LIFT_M, LEAST_LIFT_M, OUT_M = 0.012, 0.008, (0.30, 0.24, 0.18, 0.10)
"""What is lifted between boards stays so far from what is above, is lifted by the second at least, and is then drawn
out so far."""
SHORT_M = 0.06
"""The straight approach is no shorter than this."""
BUMP_N = 30.0
APPROACH_M_S = 0.18
ATTEMPTS, LEAST_S = 3, 12.0
"""Tries, and the time without which none is begun."""
AGAIN_M = 0.12
"""What slipped away is looked for this far around."""
WAYS = 3
"""So many grasps are tried where no way leads to the first."""
BOARD_M = 0.03
"""What is seen so near below a board above a thing is the board."""
CHECKED = 24
"""So many grasps are checked for reach."""
SCATTERED, TRIED_WAYS = 8, 4
"""For each grasp from the side, starts of the search for configurations, and how many of those are looked at."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Sighting:
    """A thing, what else is around it (points [N,3], odom) and the free height above what it stands on."""

    thing: Thing
    others: Float
    headroom_m: float
    views: dict[str, View]


@dataclass(frozen=True, kw_only=True, eq=False)
class Way:
    """A grasp, and the arm's stream for its straight approach, float64[M,J], the first where it begins."""

    plan: GraspPlan
    approach_q: Float


def pick(body: Body, target: Target, *, aside: bool = False) -> Outcome:
    """Take hold of the thing at `target` and lift it; the hand ends holding it to carry.

    aside: taken from the side or aslant if it can be: it goes where a hand that points down does not get, or is to be
    poured from.
    """
    forget_lost(body)
    if body.grasp is not None:
        return Outcome(status=Status.HAND_FULL, detail=f"the hand holds the {body.grasp.words}")
    if target.xyz_m is None:
        return Outcome(status=Status.TARGET_NOT_FOUND, detail=f"no point was given for the {target.words}")
    deadline_s = body.robot.observe().time_s + (SLIDING_LIMIT_S if body.robot.spec.slides else LIMIT_S)
    point = odom_T_world(body.robot.state()).apply(target.xyz_m)
    stepped, within_m = False, AT_M
    outcome = Outcome(status=Status.GRASP_FAILED, detail=f"the {target.words} could not be taken")
    for _ in range(ATTEMPTS):
        sighting = look_closely(body, point, within_m=within_m)
        if sighting is None:
            detail = f"there is nothing at the point for the {target.words}"
            outcome = Outcome(status=Status.TARGET_NOT_FOUND, detail=detail)
        else:
            point = sighting.thing.middle
            way = reach_for(body, sighting, aside=aside)
            if isinstance(way, Outcome):
                outcome = Outcome(status=way.status, detail=f"{way.detail} the {target.words}")
            else:
                outcome = take(body, target.words, sighting, way)
                if outcome.status is Status.GRASP_FAILED:
                    within_m = AGAIN_M
                else:
                    break
        if body.robot.observe().time_s > deadline_s - LEAST_S:
            break
        if outcome.status is not Status.GRASP_FAILED:
            if stepped or not step_nearer(body, point, level=_low(body, point)):
                break
            stepped = True
    if outcome.status is not Status.SUCCEEDED and body.grasp is None:
        fold(body)
    return outcome


def look_closely(body: Body, point: Float, *, within_m: float = AT_M) -> Sighting | None:
    """The thing at `point` [3] (odom): by the head, and from near by where the hand can go above it."""
    thing, seen, support = find(body, point, within_m=within_m)
    headroom = _headroom(body, point)
    middle = np.array(
        [*(point[:2] if thing is None else thing.centre), (point[2] + 0.02) if thing is None else thing.top_m]
    )
    if headroom > ROOM_ABOVE_M and _above(body, middle, cloud(seen)):
        _, closer = see(body)
        order = sorted(closer, key=lambda name: name == main_camera(body))
        start = point if thing is None else _nearest(thing.points, point)
        again = thing_at([closer[name] for name in order], start, support, fixed_here(body), within_m=within_m)
        if again is not None:
            thing, seen = again, closer
    if thing is None:
        return None
    every = cloud(seen)
    return Sighting(thing=thing, others=without(every, thing), headroom_m=headroom, views=seen)


def reach_for(body: Body, sighting: Sighting, *, aside: bool = False) -> Way | Outcome:
    """The hand to where the best grasp begins to which there is a free way, or why there is none. aside: see `pick`."""
    every = np.concatenate([sighting.others, sighting.thing.points])
    blocked: Outcome | None = None
    for passed in range(WAYS):
        way = choose(body, sighting, aside=aside, passed=passed)
        if isinstance(way, Outcome):
            return way if blocked is None else blocked
        outcome = go(body, surroundings(body, every), [way.approach_q[0]], width_m=way.plan.open_m)
        if outcome.status is Status.SUCCEEDED:
            return way
        blocked = Outcome(status=outcome.status, detail=f"{outcome.detail} to")
        if outcome.status is not Status.PATH_BLOCKED:
            break
    assert blocked is not None, "WAYS is at least 1"
    return blocked


def choose(body: Body, sighting: Sighting, *, aside: bool = False, passed: int = 0) -> Way | Outcome:
    """The best grasp that the arm can do from where the base stands, after `passed` better ones, or why there is
    none. aside: see `pick`."""
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
        plans += [aslant for plan in above if (aslant := leant(spec, plan, relief, away)) is not None]
    elif spec.slides:
        plans += slanted(spec, body.kinematics, thing, relief, above, thing.centre - eye)
    else:
        plans += above
    headroom = min(sighting.headroom_m, ROOM_ABOVE_M) if aside else sighting.headroom_m
    plans += from_side(spec, thing, eye, others=sighting.others, headroom_m=headroom)
    if not plans:
        if aside:
            return choose(body, sighting)
        return Outcome(status=Status.PATH_BLOCKED, detail="no room for the fingers around")
    plans.sort(key=lambda plan: plan.cost)
    if spec.slides:
        plans = along_rail(body, plans)
    scene = surroundings(body, sighting.others)
    whole = surroundings(body, np.concatenate([sighting.others, thing.points]))
    reached = False
    for plan in _spread(plans):
        way, within = reachable(body, plan, scene, whole)
        reached |= within
        if way is not None and passed == 0:
            return way
        passed -= way is not None
    if aside:
        return choose(body, sighting, passed=passed)
    if reached:
        return Outcome(status=Status.PATH_BLOCKED, detail="something is in the way of the arm around")
    return Outcome(status=Status.UNREACHABLE, detail="the arm does not reach")


def _spread(plans: list[GraspPlan]) -> list[GraspPlan]:
    """At most CHECKED plans in their order, level ones and others alternating from the half on."""
    level = [p for p in plans if p.level]
    above = [p for p in plans if not p.level]
    few = plans[: CHECKED // 2]
    rest = [p for pair in zip(level, above, strict=False) for p in pair if p not in few]
    return (few + rest + [p for p in plans if p not in few and p not in rest])[:CHECKED]


def reachable(body: Body, plan: GraspPlan, scene: Scene, whole: Scene) -> tuple[Way | None, bool]:
    """The arm's way for a grasp, clear of `scene` at its end and of `whole` at its start; and whether the arm gets
    there at all."""
    both = (plan, turned_over(plan))
    if plan.level:
        # Between boards few of the arm's many configurations are clear: it is searched all over its range.
        found, which = scattered(body, [one.tool for one in both], each=SCATTERED)
        clear = all_free(body, scene, found, width_m=plan.open_m, hand=False)
        away = np.abs(found - body.robot.state().arm_q).max(axis=1) if len(found) else np.empty(0)
        ways = [(both[which[k]], found[k]) for k in np.argsort(away) if clear[k]][:TRIED_WAYS]
        within = len(found) > 0
    else:
        every = [(one, q) for one in both for q in configurations(body, one.tool)[:3]]
        ways = [(one, q) for one, q in every if free(body, scene, q, width_m=one.open_m, hand=False)]
        within = len(every) > 0
    for one, q in ways:
        for back_m in (one.back_m, SHORT_M):
            nearer = replace(one, back_m=back_m)
            back = straight_way(body, q, nearer.start, speed_m_s=APPROACH_M_S)
            if back is not None and free(body, whole, back[-1], width_m=one.open_m):
                return Way(plan=nearer, approach_q=back[::-1]), True
    return None, within


def take(body: Body, words: str, sighting: Sighting, way: Way) -> Outcome:
    """Straight there, close the fingers, lift, look whether it came along, and fold the arm."""
    plan, thing = way.plan, sighting.thing
    if body.robot.spec.slides:
        way = _seen_again(body, way, thing)
        plan = way.plan
    stop = touched(BUMP_N)
    outcome = follow(body, way.approach_q[1:], width_m=plan.open_m, stop=stop)
    # A robot without a sensor at its wrist notices what it meets only when its arm falls behind.
    met = outcome.status is Status.PATH_BLOCKED and body.robot.state().wrist_force_n is None
    if outcome.status is not Status.SUCCEEDED and not met:
        return outcome
    short_m = float(np.linalg.norm(tool(body).xyz - plan.tool.xyz))
    if met or short_m > 0.02:
        _let_go(body, plan)
        return Outcome(status=Status.GRASP_FAILED, detail=f"the hand met something on its way to the {words}")
    width = body.grip(0.0, limit_s=1.0)
    if width < HELD_M:
        _let_go(body, plan)
        return Outcome(status=Status.GRASP_FAILED, detail=f"the fingers closed on nothing where the {words} was")
    # Where it stood, for "where it was"; in the world, as the robot believes it.
    state = body.robot.state()
    world = odom_T_world(state).inverse()
    body.origins.setdefault(words, world.apply(np.array([*thing.centre, thing.support_m])))
    body.grasp = load_of(words, thing, tool(body, state), width, level=plan.level, pitch_rad=plan.pitch_rad)
    room = sighting.headroom_m - thing.height_m
    if room < LIFT_M + 0.1 and plan.level:
        out_m = _draw_out(body, surroundings(body, sighting.others), room_m=room)
        if out_m < OUT_M[1]:
            back_away(body, _heading(body))
    else:
        _lift(body, under=room < LIFT_M + 0.1)
        if body.robot.spec.slides and room >= LIFT_M + 0.1:
            deep = thing.hollow and thing.height_m > DEEP_M
            raise_hand(body, plan.tool.xyz[2] + RAISED_M, HOLLOW_RAD if deep else SOLID_RAD)
    steady = body.steady_grip()
    if steady is None or _still_there(body, thing, sighting):
        body.grasp = None
        _let_go(body, plan)
        return Outcome(status=Status.GRASP_FAILED, detail=f"the {words} slipped out of the fingers")
    outcome = carry(body, sighting.others)
    if outcome.status is not Status.SUCCEEDED and back_away(body, _heading(body)):
        _, seen = see(body)
        outcome = carry(body, cloud(seen))
    if outcome.status is not Status.SUCCEEDED:
        return outcome
    if body.steady_grip() is None:
        body.grasp, body.held_q = None, None
        return Outcome(status=Status.GRASP_FAILED, detail=f"the {words} fell out of the hand")
    return Outcome(status=Status.SUCCEEDED, detail=f"holding the {words}")


def _seen_again(body: Body, way: Way, thing: Thing) -> Way:
    """The way from where the hand stands before the thing to where the thing is seen to be by now."""
    tool_then = corrected(body, way.plan, thing)
    if tool_then is None:
        return way
    q = straight_way(body, body.robot.state().arm_q, tool_then, speed_m_s=APPROACH_M_S)
    return way if q is None else Way(plan=replace(way.plan, tool=tool_then), approach_q=q)


def _heading(body: Body) -> Float:
    """float64[2]: where the hand points, level; of one that points down, where it is from the base."""
    here = tool(body)
    ahead = here.rotation[:2, 2]
    if float(np.linalg.norm(ahead)) < 0.2:
        ahead = here.xyz[:2] - odom_T_base(body.robot.state()).xyz[:2]
    return np.asarray(ahead / max(float(np.linalg.norm(ahead)), 1e-6))


def _draw_out(body: Body, scene: Scene, *, room_m: float) -> float:
    """A little up, as the arm finds room between boards, then level and back, as far as it goes, which is returned.
    room_m: free height above what is held."""
    most = float(np.clip(room_m - ABOVE_LIFT_M, LEAST_LIFT_M, LOW_LIFT_M))
    for up in (most, 0.6 * most, LEAST_LIFT_M):
        here = tool(body)
        higher = Pose(xyz=here.xyz + [0.0, 0.0, up], quat_xyzw=here.quat_xyzw)
        if _goes(body, scene, higher) or up == LEAST_LIFT_M:
            straight(body, higher, speed_m_s=0.15, width_m=0.0)
            break
    here = tool(body)
    back = -_heading(body)
    for away_m in OUT_M:
        there = Pose(xyz=here.xyz + np.array([*(away_m * back), 0.0]), quat_xyzw=here.quat_xyzw)
        if _goes(body, scene, there):
            straight(body, there, speed_m_s=0.2, width_m=0.0)
            return away_m
    return 0.0


def _goes(body: Body, scene: Scene, goal: Pose) -> bool:
    """Whether the arm gets straight there and is clear, the hand aside."""
    way = straight_way(body, body.robot.state().arm_q, goal, speed_m_s=0.2)
    return way is not None and free(body, scene, way[-1], width_m=0.0, hand=False)


def _lift(body: Body, *, under: bool) -> Outcome:
    """Straight up, or where the arm gets no higher there, up and towards the robot; under: something is close above."""
    here = tool(body)
    inwards = odom_T_base(body.robot.state()).xyz[:2] - here.xyz[:2]
    inwards = inwards / max(float(np.linalg.norm(inwards)), 1e-6)
    outcome = Outcome(status=Status.UNREACHABLE, detail="the arm gets no higher")
    low = ((LOW_LIFT_M, 0.0),)
    for up, pull in low if under else SLIDING_LIFTS if body.robot.spec.slides else LIFTS:
        higher = Pose(xyz=here.xyz + np.array([*(pull * inwards), up]), quat_xyzw=here.quat_xyzw)
        outcome = straight(body, higher, speed_m_s=0.25, width_m=0.0)
        if outcome.status is not Status.UNREACHABLE:
            break
    return outcome


def _above(body: Body, top: Float, points: Float) -> bool:
    """Brings the hand's camera over `top` [3], if the arm gets there."""
    if len(body.robot.spec.cameras) < 2:
        return False
    scene = surroundings(body, points)
    base, widest = odom_T_base(body.robot.state()), body.robot.spec.gripper_max_width_m
    away = top[:2] - base.xyz[:2]
    ahead = float(np.arctan2(away[1], away[0]))
    for tilt, height in CLOSER:
        for turn in (0.0, 0.5, -0.5, 1.0, -1.0, 3.14):
            if tilt > 0 and abs(turn) > 1.2:
                continue
            found = configurations(body, leaning(top, ahead + turn, tilt, height))[:2]
            goals = [q for q in found if free(body, scene, q, width_m=widest)]
            if goals:
                return go(body, scene, goals, width_m=widest).status is Status.SUCCEEDED
    return False


def _still_there(body: Body, thing: Thing, sighting: Sighting) -> bool:
    """Whether most of what the head saw of the thing is seen in the same place as before."""
    _, seen = see(body)
    name = main_camera(body)
    old, new = sighting.views[name], seen[name]
    if old.points.shape != new.points.shape:
        return False
    cells = {tuple(c) for c in np.floor(thing.points / 0.004).astype(np.int64).tolist()}
    mine = np.array([tuple(c) in cells for c in np.floor(old.points.reshape(-1, 3) / 0.004).astype(np.int64).tolist()])
    mask = mine.reshape(old.seen.shape) & old.seen
    if int(mask.sum()) < 8:
        return False
    same = new.seen[mask] & (np.linalg.norm(new.points[mask] - old.points[mask], axis=1) < 0.006)
    return float(same.mean()) > 0.6


def _let_go(body: Body, plan: GraspPlan) -> None:
    """Open and back off the way the hand came."""
    widest = body.robot.spec.gripper_max_width_m
    body.grip(widest)
    straight(body, tool(body) @ Pose.from_xyz_yaw([0.0, 0.0, -plan.back_m]), speed_m_s=0.25, width_m=widest)


def _low(body: Body, point: Float) -> bool:
    """Whether what stands there must be taken from the side."""
    return sideways(body, surface_at(body, point))


def _headroom(body: Body, point: Float) -> float:
    known = surface_at(body, point)
    return float(np.inf) if known is None else known.headroom_m


def _nearest(points: Float, to: Float) -> Float:
    return np.asarray(points[int(np.argmin(np.linalg.norm(points - to, axis=1)))])
