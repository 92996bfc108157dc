"""push: slide a thing along the table with the finger tips."""

from __future__ import annotations

import numpy as np

from robots.interface import Status
from robots.planning.height_map import HeightMap
from robots.planning.motion import Pace, pointing_down
from robots.primitives.base import Body, Outcome, Target, failed
from robots.primitives.found import find, find_again
from robots.primitives.push_goals import Aim, onto, to_beside, to_region, to_side, to_spot
from robots.primitives.push_paths import ASIDE_M, FORK_M, Leg, plan_push
from robots.primitives.surface import Cloud, Thing
from robots.relations import Beside, Region, Side

ROUNDS, EXACT_ROUNDS = 4, 8
WIDTHS_M = ((0.010, FORK_M), (ASIDE_M, FORK_M), (-0.002, 0.0))
"""Room beside a thing on its way, and between the finger tips: what is pushed far drifts by a centimetre, but where
something stands close beside it, closed fingers may still find a way."""
MOVED_M, FURTHER_M, MOST_FURTHER_M = 0.003, 0.004, 0.012
"""A thing that hardly moved was not reached: a star is hollow where it looks full. The fingers go further next time."""
PUSHING = Pace(velocity=0.6, acceleration=0.25, tool_m_s=0.20)
ABOVE_M = 0.09
BACK_OFF_M = 0.012


def push(
    body: Body,
    target: Target,
    *,
    side: Side | None = None,
    destination: Target | None = None,
    beside: Beside | None = None,
    region: Region | None = None,
    spot: Target | None = None,
) -> Outcome:
    """Slide `target` until it is clearly there; looks after each push.

    There is one of: a side of the table; a region of the board; a spot, the point of its target on the bare table; onto
    the zone `destination`; or, with `beside`, where that says from the thing `destination`.

    Raises:
        ValueError: none or several of them are given.
    """
    if sum(x is not None for x in (side, region, spot, destination)) != 1 or (beside and destination is None):
        raise ValueError("push takes a side, a region, a spot or a destination, one of them")
    if body.grasp is not None:
        return Outcome(status=Status.HAND_FULL, detail=f"the hand holds the {body.grasp.words}")
    cloud = body.see(target.camera)
    found = find(cloud, target.xyz_m)
    if found is None:
        return Outcome(status=Status.TARGET_NOT_FOUND, detail=f"there is nothing at the point for the {target.words}")
    if found.thing.flat:
        return Outcome(status=Status.UNREACHABLE, detail=f"the {target.words} lies flat on the table")
    aim = aim_at(cloud, side, region, spot, destination, beside)
    if isinstance(aim, Outcome):
        return aim
    rounds = EXACT_ROUNDS if aim.exact else ROUNDS
    further_m = 0.0
    for _ in range(rounds):
        if aim.there(found.thing):
            return Outcome(status=Status.SUCCEEDED, detail=f"the {target.words} is {aim.words}")
        legs = legs_to(body, found.thing, cloud.height_map(), aim, further_m)
        if not legs:
            return Outcome(status=Status.PATH_BLOCKED, detail=f"no free way to push the {target.words} along")
        outcome = slide(body, legs, cloud.height_map())
        if outcome.status is not Status.SUCCEEDED:
            return outcome
        cloud = body.see(target.camera)
        again = find_again(cloud, found, legs[-1].goal_xy)
        if again is None:
            return Outcome(
                status=Status.TARGET_NOT_FOUND, detail=f"the {target.words} is not where the push should have left it"
            )
        if aim.exact and float(np.linalg.norm(again.thing.centre_xy - found.thing.centre_xy)) < MOVED_M:
            further_m = min(further_m + FURTHER_M, MOST_FURTHER_M)
        found = again
    if aim.there(found.thing):
        return Outcome(status=Status.SUCCEEDED, detail=f"the {target.words} is there")
    return Outcome(status=Status.PATH_BLOCKED, detail=f"the {target.words} did not get there in {rounds} pushes")


def can_push(
    body: Body,
    target: Target,
    *,
    side: Side | None = None,
    destination: Target | None = None,
    beside: Beside | None = None,
    region: Region | None = None,
    spot: Target | None = None,
) -> bool:
    """Whether there is a way to push `target` there as everything lies now. Looks, and moves nothing."""
    cloud = body.see(target.camera)
    found = find(cloud, target.xyz_m)
    aim = aim_at(cloud, side, region, spot, destination, beside)
    if found is None or isinstance(aim, Outcome):
        return False
    return bool(legs_to(body, found.thing, cloud.height_map(), aim))


def legs_to(body: Body, thing: Thing, heights: HeightMap, aim: Aim, further_m: float = 0.0) -> list[Leg]:
    """The legs to perform before the next look, the fingers going so much further; [] where no way is free."""
    spec, goals = body.robot.spec, aim.goals(thing)
    if not aim.exact:
        return plan_push(spec, thing, heights, goals)
    for aside_m, fork_m in WIDTHS_M:
        legs = plan_push(spec, thing, heights, goals, close=aim.close, aside_m=aside_m, fork_m=fork_m)
        if legs:
            return [legs[0].further(further_m)]
    return []


def aim_at(
    cloud: Cloud,
    side: Side | None,
    region: Region | None,
    spot: Target | None,
    destination: Target | None,
    beside: Beside | None,
) -> Aim | Outcome:
    """What is aimed at, as things lie now; or why it can't be."""
    if side is not None:
        return to_side(side)
    if region is not None:
        return to_region(region)
    if spot is not None:
        if spot.xyz_m is None:
            return Outcome(status=Status.TARGET_NOT_FOUND, detail="the plan has no point for the spot")
        return to_spot(np.array(spot.xyz_m[:2]))
    assert destination is not None
    there = find(cloud, destination.xyz_m)
    if there is None:
        return Outcome(
            status=Status.TARGET_NOT_FOUND, detail=f"there is nothing at the point for the {destination.words}"
        )
    if beside is not None:
        return to_beside(beside, destination.words, there.thing)
    if not there.thing.flat:
        return Outcome(
            status=Status.PATH_BLOCKED, detail=f"nothing slides onto the {destination.words}: it has an edge"
        )
    return onto(destination.words, there.thing.centre_xy)


def slide(body: Body, legs: list[Leg], heights: HeightMap) -> Outcome:
    """Down behind the thing, along, back off, up; then the next leg, then home."""
    planner, robot = body.planner, body.robot
    up = np.array([0.0, 0.0, ABOVE_M])
    for i, leg in enumerate(legs):
        start = robot.state().arm_q
        approach = [pointing_down(leg.start_xyz + up, leg.yaw_rad), pointing_down(leg.start_xyz, leg.yaw_rad)]
        motion = planner.through(start, approach, checker=body.checker(heights, width_m=leg.fork_m) if i == 0 else None)
        outcome = body.follow(motion, width_m=leg.fork_m)
        if outcome.status is not Status.SUCCEEDED:
            return failed(body, outcome)
        motion = planner.through(robot.state().arm_q, [pointing_down(leg.end_xyz, leg.yaw_rad)], pace=PUSHING)
        outcome = body.follow(motion, width_m=leg.fork_m)
        if outcome.status is not Status.SUCCEEDED:
            return failed(body, outcome)
        back = leg.end_xyz - BACK_OFF_M * (leg.end_xyz - leg.start_xyz) / np.linalg.norm(leg.end_xyz - leg.start_xyz)
        retreat = [pointing_down(back, leg.yaw_rad), pointing_down(back + up, leg.yaw_rad)]
        last = i == len(legs) - 1
        motion = planner.through(robot.state().arm_q, retreat, end_q=robot.spec.home_q_rad if last else None)
        outcome = body.follow(
            motion, width_m=leg.fork_m, width_after_m=robot.spec.gripper_max_width_m if last else None
        )
        if outcome.status is not Status.SUCCEEDED:
            return failed(body, outcome)
    return Outcome(status=Status.SUCCEEDED, detail="")
