"""push, by a robot that drives: finger tips behind the thing, straight on, back, up; then depth tells where it is.

The hand points down, or leans so that its tips go first where a thing is so tall that the palm would meet it. The base
stands while the hand pushes; where the arm can't do it from there, it drives to where it can
(robots.mobile.track_search).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from robots.geometry import Pose
from robots.interface import RobotState, Status
from robots.mobile.clearance import free, surroundings
from robots.mobile.find import surface_at
from robots.mobile.glance import main_camera, see
from robots.mobile.go import go
from robots.mobile.planar import flat
from robots.mobile.push_aims import FLAT_M, Aim, extent, to_side, to_spot, to_thing
from robots.mobile.push_sight import LEVEL_M, again, look, radius
from robots.mobile.reach import configurations, tool
from robots.mobile.sight import odom_T_base, odom_T_world
from robots.mobile.solids import fixed_here
from robots.mobile.stance import fold, stand_at
from robots.mobile.stand import step_nearer
from robots.mobile.stream import Stop, follow, straight, straight_way, touched
from robots.mobile.strokes import FORK_M, ROOM_M, hand_meets, strokes
from robots.mobile.things import Thing
from robots.mobile.track import Task
from robots.mobile.track_search import find_track
from robots.primitives.base import Body, Outcome, Target
from robots.relations import Beside, Region, Side

Float = NDArray[np.float64]

ROUNDS = 4
ABOVE_M, BACK_M = 0.12, 0.03
SPEED_M_S, DOWN_M_S = 0.08, 0.12
TOUCH_N, MOST_N, PATIENCE = 12.0, 30.0, 10
"""Contact on the way down, and a push that meets more than the thing, for more than so many periods."""
EDGE_M = 0.02
"""The map's surfaces end a little before their edges: a thing may stand out over them by so much."""
GOALS = 12


@dataclass(frozen=True, kw_only=True, eq=False)
class Way:
    """One straight push. down_q: the arm's stream down to behind the thing; along_q: the push, float64[M,J] each.

    goal: float64[2], where the thing's middle ends; ahead: float64[3], the unit vector it goes along.
    """

    goal: Float
    ahead: Float
    down_q: Float
    along_q: Float


def push(
    body: Body, target: Target, *, side: Side | None = None, region: Region | None = None, spot: Target | None = None,
    destination: Target | None = None, beside: Beside | None = None,
) -> Outcome:  # fmt: skip
    """Slide `target` over what it stands on: to a side as seen from the head, by up to 15 cm; to a spot of the same
    surface; beside `destination`, or onto it where that is flat. The arm ends folded.

    Raises:
        ValueError: none or several of side, region, spot and destination are given.
    """
    if sum(x is not None for x in (side, region, spot, destination)) != 1 or (beside and destination is None):
        raise ValueError("push takes a side, a region, a spot or a destination, one of them")
    if body.grasp is not None:
        return Outcome(status=Status.HAND_FULL, detail=f"the hand holds the {body.grasp.words}")
    if region is not None:
        return Outcome(status=Status.UNREACHABLE, detail=f"there is no board here that has a {region.value}")
    for needed in (target, spot, destination):
        if needed is not None and needed.xyz_m is None:
            return Outcome(status=Status.TARGET_NOT_FOUND, detail=f"no point was given for the {needed.words}")
    thing, others = look(body, _odom(body, target))
    if thing is None:
        fold(body)
        return Outcome(status=Status.TARGET_NOT_FOUND, detail=f"there is nothing at the point for the {target.words}")
    if thing.height_m < FLAT_M:
        fold(body)
        return Outcome(status=Status.UNREACHABLE, detail=f"the {target.words} lies flat")
    aim = _aim(body, thing, side, spot, destination, beside)
    outcome = aim if isinstance(aim, Outcome) else _pushed(body, target.words, thing, others, aim)
    fold(body)
    return outcome


def _pushed(body: Body, words: str, thing: Thing, others: Float, aim: Aim) -> Outcome:
    """Push and look until it is there, ROUNDS times at most."""
    goal: Float | None = None
    drove = False
    if aim.way is None and aim.there(thing.centre, aim.goals[0]):
        return Outcome(status=Status.SUCCEEDED, detail=f"the {words} is {aim.words}")
    for _ in range(ROUNDS):
        goals = roomy(body, thing, others, aim.goals[:GOALS] if goal is None else (goal,))
        if not goals:
            return Outcome(status=Status.PATH_BLOCKED, detail=f"no free way to push the {words} along")
        way = choose(body, thing, others, goals)
        if isinstance(way, Outcome):
            if drove:
                return Outcome(status=way.status, detail=f"{way.detail} the {words}")
            drove = True
            outcome = _drive(body, thing, goals)
            if outcome.status is not Status.SUCCEEDED:
                return Outcome(status=outcome.status, detail=outcome.detail or f"{way.detail} the {words}")
            expected = thing.middle
        else:
            outcome = slide(body, way, np.concatenate([others, thing.points]))
            fold(body)
            if outcome.status is not Status.SUCCEEDED:
                return Outcome(status=outcome.status, detail=f"{outcome.detail} pushing the {words}")
            goal, expected = way.goal, np.array([*way.goal, thing.middle[2]])
        found, others = again(body, thing, expected)
        if found is None and step_nearer(body, expected, level=False):
            found, others = again(body, thing, expected)  # the arm itself hid it
        if found is None:
            detail = f"the {words} is not where the push should have left it"
            return Outcome(status=Status.TARGET_NOT_FOUND, detail=detail)
        thing = found
        if goal is not None and aim.there(thing.centre, goal):
            return Outcome(status=Status.SUCCEEDED, detail=f"the {words} is {aim.words}")
    return Outcome(status=Status.PATH_BLOCKED, detail=f"the {words} did not get there in {ROUNDS} pushes")


def roomy(body: Body, thing: Thing, others: Float, goals: tuple[Float, ...]) -> list[Float]:
    """Those of goals [2] that a straight push may lead to: nothing stands on the thing's way, and what it slides on
    goes on under it. others: [N,3] points that are not the thing's."""
    high = others[(others[:, 2] > thing.support_m + LEVEL_M) & (others[:, 2] < thing.top_m + 0.05)]
    half = (others[:, 2] > thing.support_m - LEVEL_M) & (others[:, 2] < thing.support_m + LEVEL_M)
    ground = others[half][:, :2]
    surface = surface_at(body, thing.middle)
    world = odom_T_world(body.robot.state()).inverse()
    found = []
    for goal in goals:
        length = float(np.linalg.norm(goal - thing.centre))
        way = (goal - thing.centre) / max(length, 1e-6)
        left = np.array([-way[1], way[0]])
        along, aside = (high[:, :2] - thing.centre) @ way, (high[:, :2] - thing.centre) @ left
        low, top = -extent(thing, -left) - ROOM_M, extent(thing, left) + ROOM_M
        ahead = (along > 0.0) & (along < length + extent(thing, way) + ROOM_M) & (aside > low) & (aside < top)
        if int(ahead.sum()) > 3:
            continue
        if surface is not None:
            inside = surface.holds(world.apply(np.array([[*goal, surface.height_m]])), margin_m=EDGE_M - radius(thing))
            if not bool(inside[0]):
                continue
        elif not _carried(ground, goal, radius(thing)):
            continue
        found.append(goal)
    return found


def choose(body: Body, thing: Thing, others: Float, goals: list[Float]) -> Way | Outcome:
    """The first push that the arm can do from where the base stands, clear of everything, or why there is none."""
    scene = surroundings(body, others)
    whole = surroundings(body, np.concatenate([others, thing.points]))
    high = others[others[:, 2] > thing.support_m + LEVEL_M]
    reached = False
    for goal in goals:
        for start, end, ahead in strokes(body.robot.spec, thing, goal):
            for q in configurations(body, start)[:2]:
                along = straight_way(body, q, end, speed_m_s=SPEED_M_S, acceleration=0.25)
                above = Pose(xyz=start.xyz + [0.0, 0.0, ABOVE_M], quat_xyzw=start.quat_xyzw)
                up = straight_way(body, q, above, speed_m_s=DOWN_M_S, acceleration=0.25)
                if along is None or up is None:
                    continue
                reached = True
                if not all(free(body, scene, along[i], width_m=FORK_M, hand=False) for i in (0, len(along) // 2, -1)):
                    continue
                if any(hand_meets(body.robot.spec, pose, high) for pose in (start, end)):
                    continue
                if free(body, whole, up[-1], width_m=FORK_M):
                    return Way(goal=goal, ahead=ahead, down_q=up[::-1], along_q=along)
    if reached:
        return Outcome(status=Status.PATH_BLOCKED, detail="something is in the way of the hand behind")
    return Outcome(status=Status.UNREACHABLE, detail="the arm does not reach behind")


def slide(body: Body, way: Way, points: Float) -> Outcome:
    """Over the place behind the thing, down, along, back and up. points: [N,3] to keep clear of on the way there."""
    outcome = go(body, surroundings(body, points), [way.down_q[0]], width_m=FORK_M)
    if outcome.status is not Status.SUCCEEDED:
        return outcome
    up = np.array([0.0, 0.0, ABOVE_M])
    outcome = follow(body, way.down_q[1:], width_m=FORK_M, stop=touched(TOUCH_N))
    if outcome.status is Status.SUCCEEDED and not outcome.detail:
        outcome = follow(body, way.along_q[1:], width_m=FORK_M, stop=_held_back(body))
        here = tool(body)
        straight(body, Pose(xyz=here.xyz - BACK_M * way.ahead, quat_xyzw=here.quat_xyzw), speed_m_s=DOWN_M_S)
    here = tool(body)
    straight(body, Pose(xyz=here.xyz + up, quat_xyzw=here.quat_xyzw), speed_m_s=DOWN_M_S)
    if outcome.status is Status.SUCCEEDED and outcome.detail:
        return Outcome(status=Status.PATH_BLOCKED, detail="the hand met something")
    return outcome


def _held_back(body: Body) -> Stop:
    """Stops where the force at the wrist stays MOST_N from what it was: the thing has met another. A blow is over
    sooner."""
    rest, count = body.robot.state().wrist_force_n, 0

    def stop(state: RobotState) -> str | None:
        nonlocal count
        if rest is None or state.wrist_force_n is None:
            return None
        count = count + 1 if float(np.linalg.norm(state.wrist_force_n - rest)) > MOST_N else 0
        return "held back" if count > PATIENCE else None

    return stop


def _drive(body: Body, thing: Thing, goals: list[Float]) -> Outcome:
    """The base to where the arm can do one of the first of these pushes, as far as the map knows."""
    assert body.map is not None
    spec, state = body.robot.spec, body.robot.state()
    others = tuple(fixed_here(body))
    here = flat(odom_T_base(state))
    for goal in goals[:2]:
        for start, end, ahead in strokes(spec, thing, goal):
            length = float((end.xyz - start.xyz) @ ahead)

            def path(at: float, start: Pose = start, ahead: Float = ahead) -> Pose:
                return Pose(xyz=start.xyz + at * ahead, quat_xyzw=start.quat_xyzw)

            task = Task(
                path=path, motion=lambda _: Pose.identity(), start=0.0, end=length, parts=(), others=others,
                shares=(0.0,), rolls=(0.0,), toward=thing.middle, hand_margin_m=-0.02, back_m=0.0,
            )  # fmt: skip
            track = find_track(spec, task, here)
            if track is not None:
                return stand_at(body, track)
    detail = "there is no place from which the arm can push it there"
    return Outcome(status=Status.UNREACHABLE, detail=detail)


def _aim(
    body: Body, thing: Thing, side: Side | None, spot: Target | None, destination: Target | None, beside: Beside | None
) -> Aim | Outcome:
    eye = see(body)[1][main_camera(body)].camera.xyz[:2]
    if side is not None:
        return to_side(thing, eye, side)
    if spot is not None:
        at = _odom(body, spot)
        if abs(float(at[2]) - thing.support_m) > 0.03:
            return Outcome(status=Status.UNREACHABLE, detail="the spot is not on what the thing stands on")
        return to_spot(at[:2])
    assert destination is not None
    return to_thing(body, thing, eye, _odom(body, destination), destination.words, beside)


def _odom(body: Body, target: Target) -> Float:
    assert target.xyz_m is not None, "asked before"
    return odom_T_world(body.robot.state()).apply(target.xyz_m)


def _carried(ground: Float, goal: Float, radius_m: float) -> bool:
    """Whether points [N,2] of what a thing slides on are seen all around where it is to come."""
    near = ground[np.linalg.norm(ground - goal, axis=1) < radius_m + EDGE_M] - goal
    if len(near) < 12:
        return False
    quarter = np.floor((np.arctan2(near[:, 1], near[:, 0]) + np.pi) / (np.pi / 2)).astype(np.int64) % 4
    return len(np.unique(quarter)) == 4
