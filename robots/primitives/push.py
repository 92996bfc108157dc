"""push: slide a thing along the table with the finger tips."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from robots.interface import Status
from robots.planning.height_map import HeightMap
from robots.planning.motion import Pace, pointing_down
from robots.primitives.base import Body, Outcome, Target, failed
from robots.primitives.push_paths import FORK_M, Leg, around, is_at, plan_push, side_goals
from robots.primitives.surface import Cloud, Thing, measure
from robots.relations import Side

Float = NDArray[np.float64]

ROUNDS = 4
PUSHING = Pace(velocity=0.6, acceleration=0.25, tool_m_s=0.20)
ABOVE_M = 0.09
BACK_OFF_M = 0.012
ON_M = 0.030
"""A thing whose centre is this near to its goal is there."""


def push(body: Body, target: Target, *, side: Side | None = None, destination: Target | None = None) -> Outcome:
    """Slide `target` until it is clearly at `side` of the table, or onto `destination`; looks after each push.

    Raises:
        ValueError: neither or both of side and destination are given.
    """
    if (side is None) == (destination is None):
        raise ValueError("push takes a side or a destination, one of them")
    if body.grasp is not None:
        return Outcome(status=Status.HAND_FULL, detail=f"the hand holds the {body.grasp.words}")
    cloud = body.see(target.camera)
    thing = _find(cloud, target.xyz_m)
    if thing is None:
        return Outcome(status=Status.TARGET_NOT_FOUND, detail=f"there is nothing at the point for the {target.words}")
    if thing.flat:
        return Outcome(status=Status.UNREACHABLE, detail=f"the {target.words} lies flat on the table")
    goal: Float | None = None
    if destination is not None:
        there = _find(cloud, destination.xyz_m)
        if there is None:
            return Outcome(
                status=Status.TARGET_NOT_FOUND, detail=f"there is nothing at the point for the {destination.words}"
            )
        if not there.flat:
            return Outcome(
                status=Status.PATH_BLOCKED, detail=f"nothing slides onto the {destination.words}: it has an edge"
            )
        goal = there.centre_xy
    for _ in range(ROUNDS):
        if _arrived(thing, side, goal):
            where = side.value if side is not None else destination.words if destination is not None else ""
            return Outcome(status=Status.SUCCEEDED, detail=f"the {target.words} is at the {where}")
        outcome, expected = _push_once(body, target, thing, cloud.height_map(), side, goal)
        if outcome.status is not Status.SUCCEEDED:
            return outcome
        cloud = body.see(target.camera)
        seen = _find_again(cloud, thing, expected)
        if seen is None:
            return Outcome(
                status=Status.TARGET_NOT_FOUND, detail=f"the {target.words} is not where the push should have left it"
            )
        thing = seen
    if _arrived(thing, side, goal):
        return Outcome(status=Status.SUCCEEDED, detail=f"the {target.words} is there")
    return Outcome(status=Status.PATH_BLOCKED, detail=f"the {target.words} did not get there in {ROUNDS} pushes")


def can_push(body: Body, target: Target, *, side: Side | None = None, destination: Target | None = None) -> bool:
    """Whether there is a way to push `target` there as everything lies now. Looks, and moves nothing."""
    cloud = body.see(target.camera)
    thing = _find(cloud, target.xyz_m)
    there = _find(cloud, destination.xyz_m) if destination is not None else None
    if thing is None or (destination is not None and there is None):
        return False
    goals = _goals(thing, side, there.centre_xy if there is not None else None)
    return bool(plan_push(body.robot.spec, thing, cloud.height_map(), goals))


def _goals(thing: Thing, side: Side | None, goal: Float | None) -> list[Float]:
    return side_goals(thing.centre_xy, side) if side is not None else [] if goal is None else around(goal)


def _arrived(thing: Thing, side: Side | None, goal: Float | None) -> bool:
    if side is not None:
        return is_at(thing.centre_xy, side)
    return goal is not None and float(np.linalg.norm(thing.centre_xy - goal)) < ON_M


def _find(cloud: Cloud, xyz: Float | None) -> Thing | None:
    mask = None if xyz is None else cloud.thing_at(xyz)
    return None if mask is None else measure(cloud, mask)


def _find_again(cloud: Cloud, before: Thing, expected_xy: Float) -> Thing | None:
    """The thing of the same size nearest to where it should be now."""
    spots = [expected_xy, before.centre_xy, (expected_xy + before.centre_xy) / 2]
    for xy in spots:
        for z in (before.top_m, before.top_m / 2):
            thing = _find(cloud, np.array([*xy, z]))
            if thing is not None and not thing.flat and abs(thing.top_m - before.top_m) < 0.008:
                return thing
    return None


def _push_once(
    body: Body, target: Target, thing: Thing, heights: HeightMap, side: Side | None, goal: Float | None
) -> tuple[Outcome, Float]:
    """One way of one or two legs, then home; and where the thing should be now."""
    legs = plan_push(body.robot.spec, thing, heights, _goals(thing, side, goal))
    if not legs:
        return Outcome(
            status=Status.PATH_BLOCKED, detail=f"no free way to push the {target.words} along"
        ), thing.centre_xy
    return _slide(body, legs, heights), legs[-1].goal_xy


def _slide(body: Body, legs: list[Leg], heights: HeightMap) -> Outcome:
    """Down behind the thing, along, back off, up; then the next leg, then home."""
    planner, robot = body.planner, body.robot
    up = np.array([0.0, 0.0, ABOVE_M])
    for i, leg in enumerate(legs):
        start = robot.state().arm_q
        approach = [pointing_down(leg.start_xyz + up, leg.yaw_rad), pointing_down(leg.start_xyz, leg.yaw_rad)]
        motion = planner.through(start, approach, checker=body.checker(heights, width_m=FORK_M) if i == 0 else None)
        outcome = body.follow(motion, width_m=FORK_M)
        if outcome.status is not Status.SUCCEEDED:
            return failed(body, outcome)
        motion = planner.through(robot.state().arm_q, [pointing_down(leg.end_xyz, leg.yaw_rad)], pace=PUSHING)
        outcome = body.follow(motion, width_m=FORK_M)
        if outcome.status is not Status.SUCCEEDED:
            return failed(body, outcome)
        back = leg.end_xyz - BACK_OFF_M * (leg.end_xyz - leg.start_xyz) / np.linalg.norm(leg.end_xyz - leg.start_xyz)
        retreat = [pointing_down(back, leg.yaw_rad), pointing_down(back + up, leg.yaw_rad)]
        last = i == len(legs) - 1
        motion = planner.through(robot.state().arm_q, retreat, end_q=robot.spec.home_q_rad if last else None)
        outcome = body.follow(motion, width_m=FORK_M, width_after_m=robot.spec.gripper_max_width_m if last else None)
        if outcome.status is not Status.SUCCEEDED:
            return failed(body, outcome)
    return Outcome(status=Status.SUCCEEDED, detail="")
