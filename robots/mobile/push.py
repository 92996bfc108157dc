"""push, by a robot that drives: finger tips behind the thing, straight on, back, up; then depth tells where it is.

The hand points down, or leans so that its tips go first where a thing is so tall that the palm would meet it. The base
stands while the hand pushes; where the arm can't do it from there, it drives to where it can (robots.mobile.track).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

from robots.geometry import Pose
from robots.interface import RobotState, Status
from robots.mobile.drive import flat
from robots.mobile.find import fixed_here, surface_at
from robots.mobile.glance import main_camera, see
from robots.mobile.pick import look_closely
from robots.mobile.push_aims import FLAT_M, Aim, extent, to_side, to_spot, to_thing
from robots.mobile.reach import (
    Stop,
    configurations,
    follow,
    free,
    go,
    straight,
    straight_way,
    surroundings,
    tool,
    touched,
)
from robots.mobile.shapes import robot_parts
from robots.mobile.sight import odom_T_base, odom_T_world
from robots.mobile.stance import fold, stand_at
from robots.mobile.stand import step_nearer
from robots.mobile.things import AT_M, FIXED_M, Thing, inside_solids, measured, moved
from robots.mobile.track import Task, find_track
from robots.primitives.base import Body, Outcome, Target
from robots.relations import Beside, Region, Side
from robots.spec import RobotSpec

Float = NDArray[np.float64]

ROUNDS = 4
FORK_M = 0.010
"""Between the finger tips: two contacts keep a thing from turning or rolling off."""
BEHIND_M = 0.025
"""Free way between the finger tips and the thing before they touch it."""
LOW_M, SHARE, HIGH_M = 0.007, 0.3, 0.012
"""The finger tips are at this share of a thing's height, within these: low, so that it slides and does not fall."""
TILTS_RAD = (0.0, 0.5, 0.8, 1.1)
OVER_M = 0.010
"""What is this much higher than a thing's top passes over it."""
PALM_M = 0.024
"""The palm begins so much nearer to the tips, by the balls that stand for it, and keeps off what it passes over."""
ABOVE_M, BACK_M = 0.12, 0.03
SPEED_M_S, DOWN_M_S = 0.08, 0.12
TOUCH_N, MOST_N, PATIENCE = 12.0, 30.0, 10
"""Contact on the way down, and a push that meets more than the thing, for more than so many periods."""
ROOM_M = 0.010
"""Free to each side of a thing on its way, and of the hand."""
LEVEL_M = 0.008
EDGE_M = 0.02
"""The map's surfaces end a little before their edges: a thing may stand out over them by so much."""
LOST_M, ALIKE_M, WIDER, RIM_M = 0.07, 0.02, (0.6, 1.6), 0.006
CELL_M, REACH_M = 0.008, 0.15
AROUND = tuple(product((-1, 0, 1), repeat=3))
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
    thing, others = _look(body, _odom(body, target))
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
        again, others = _again(body, thing, expected)
        if again is None and step_nearer(body, expected, level=False):
            again, others = _again(body, thing, expected)  # the arm itself hid it
        if again is None:
            detail = f"the {words} is not where the push should have left it"
            return Outcome(status=Status.TARGET_NOT_FOUND, detail=detail)
        thing = again
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
            inside = surface.holds(world.apply(np.array([[*goal, surface.height_m]])), margin_m=EDGE_M - _radius(thing))
            if not bool(inside[0]):
                continue
        elif not _carried(ground, goal, _radius(thing)):
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
                if any(_hand_meets(body.robot.spec, pose, high) for pose in (start, end)):
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


def strokes(spec: RobotSpec, thing: Thing, goal: Float) -> list[tuple[Pose, Pose, Float]]:
    """(odom_T_tool at the start, at the end, the way as a unit vector [3]) of pushes to `goal` [2], the best first: the
    hand upright, then leaning, either finger first; only those in which the tips touch before the hand does."""
    way = goal - thing.centre
    length = float(np.linalg.norm(way))
    ahead, up = np.array([*(way / max(length, 1e-6)), 0.0]), np.array([0.0, 0.0, 1.0])
    low = thing.support_m + float(np.clip(SHARE * thing.height_m, LOW_M, HIGH_M))
    back = extent(thing, -ahead[:2])
    out = []
    for tilt in TILTS_RAD:
        z = np.sin(tilt) * ahead - np.cos(tilt) * up
        x = np.cos(tilt) * ahead + np.sin(tilt) * up
        lowered = low
        if tilt == 0.0 and thing.height_m < min(thing.half_m):
            # What is wide does not fall over: upright fingers, the palm over it, meet its rim.
            lowered = max(low, thing.top_m - spec.finger_depth_m + PALM_M)
        corners = [spec.fingertip_m * z + s * spec.finger_breadth_m / 2 * x for s in (-1, 1)]
        lead, lowest = max(float(c @ ahead) for c in corners), min(float(c[2]) for c in corners)
        matrix = np.eye(4)
        matrix[:3, :3] = np.column_stack([x, np.cross(z, x), z])
        matrix[:3, 3] = [*thing.centre, 0.0] - (back + BEHIND_M + lead) * ahead
        matrix[2, 3] = lowered - lowest
        start = Pose.from_matrix(matrix)
        if _leads(spec, start, ahead, lead, thing):
            end = Pose(xyz=start.xyz + (BEHIND_M + length) * ahead, quat_xyzw=start.quat_xyzw)
            half = Pose.from_xyz_yaw([0.0, 0.0, 0.0], np.pi)
            out += [(start, end, ahead), (start @ half, end @ half, ahead)]
    return out


def _leads(spec: RobotSpec, start: Pose, ahead: Float, lead: float, thing: Thing) -> bool:
    """Whether no part of the hand that is lower than the thing's top is further ahead than the tips."""
    for part in robot_parts(spec, FORK_M):
        if part.frame == -1:
            centre = start.apply(np.array(part.centre_m))
            lower = float(centre[2]) - part.radius_m < thing.top_m + OVER_M
            beyond = float((centre - start.xyz) @ ahead) + part.radius_m - lead
            if lower and beyond > 0.004:
                return False
    return True


def _hand_meets(spec: RobotSpec, pose: Pose, points: Float) -> bool:
    """Whether any of points [N,3] is in or near the hand."""
    for part in robot_parts(spec, FORK_M):
        if part.frame == -1 and len(points):
            away = np.linalg.norm(points - pose.apply(np.array(part.centre_m)), axis=1)
            if int((away < part.radius_m + ROOM_M / 2).sum()) > 2:
                return True
    return False


def _drive(body: Body, thing: Thing, goals: list[Float]) -> Outcome:
    """The base to where the arm can do one of the first of these pushes, as far as the map knows."""
    assert body.map is not None
    spec, state = body.robot.spec, body.robot.state()
    others = tuple(moved(body.map.solids_now(body.ajar), odom_T_world(state)))
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


def _look(body: Body, point: Float, *, within_m: float = AT_M) -> tuple[Thing | None, Float]:
    """The thing at `point` [3], and all other points seen, float64[N,3]: by the head, and by the hand from above, for
    of a cup the head alone sees the near side as one thing and the far rim as another."""
    sighting = look_closely(body, point, within_m=within_m)
    if sighting is None:
        return None, np.empty((0, 3))
    return _whole(body, sighting.thing, sighting.others)


def _again(body: Body, before: Thing, expected: Float) -> tuple[Thing | None, Float]:
    """The thing where it should be, or else where it was: what is about as high and as wide, no farther than LOST_M."""
    for middle in (expected, before.middle):
        # A point that the head sees of it: of a cup the middle is air.
        eye = see(body)[1][main_camera(body)].camera.xyz[:2]
        sight = (middle[:2] - eye) / max(float(np.linalg.norm(middle[:2] - eye)), 1e-6)
        point = np.array([*(middle[:2] - extent(before, -sight) * sight), before.top_m - RIM_M])
        thing, others = _look(body, point, within_m=LOST_M)
        if thing is not None and _alike(thing, before):
            return thing, others
        fold(body)
    return None, np.empty((0, 3))


def _alike(thing: Thing, before: Thing) -> bool:
    wide = _radius(thing) / _radius(before)
    return abs(thing.height_m - before.height_m) < ALIKE_M and WIDER[0] < wide < WIDER[1]


def _whole(body: Body, thing: Thing, others: Float) -> tuple[Thing, Float]:
    """The thing with all that hangs together with it above what it stands on, and the other points [N,3] that are left:
    of a cup or a shaker, one view may show the near side alone, and handle and rim as something else."""
    fixed = inside_solids(others, fixed_here(body), FIXED_M)
    level = (others[:, 2] > thing.support_m + LEVEL_M) & (others[:, 2] < thing.support_m + 0.6)
    near = np.nonzero(level & ~fixed & (np.abs(others[:, :2] - thing.centre).max(axis=1) < REACH_M))[0]
    cells = np.floor(others[near] / CELL_M).astype(np.int64)
    where: dict[tuple[int, ...], list[int]] = {}
    for i, cell in zip(near.tolist(), map(tuple, cells.tolist()), strict=True):
        where.setdefault(cell, []).append(i)
    todo = {tuple(c) for c in np.floor(thing.points / CELL_M).astype(np.int64).tolist()}
    more: list[int] = []
    while todo:  # each cell is taken out of `where` once
        around = {(x + i, y + j, z + k) for x, y, z in todo for i, j, k in AROUND}
        todo = {cell for cell in around if cell in where}
        for cell in todo:
            more += where.pop(cell)
    if more:
        thing = measured(np.concatenate([thing.points, others[more]]), thing.support_m)
    return thing, np.asarray(np.delete(others, more, axis=0))


def _odom(body: Body, target: Target) -> Float:
    assert target.xyz_m is not None, "asked before"
    return odom_T_world(body.robot.state()).apply(target.xyz_m)


def _radius(thing: Thing) -> float:
    return max(thing.half_m)


def _carried(ground: Float, goal: Float, radius_m: float) -> bool:
    """Whether points [N,2] of what a thing slides on are seen all around where it is to come."""
    near = ground[np.linalg.norm(ground - goal, axis=1) < radius_m + EDGE_M] - goal
    if len(near) < 12:
        return False
    quarter = np.floor((np.arctan2(near[:, 1], near[:, 0]) + np.pi) / (np.pi / 2)).astype(np.int64) % 4
    return len(np.unique(quarter)) == 4
