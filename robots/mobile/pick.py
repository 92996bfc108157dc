"""pick, by a robot that drives: look closely, take the thing by whatever its shape offers, lift it, hold it to carry.

The base stands; where nothing is in reach from there, it first drives to a better place once (robots.mobile.stand).
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from robots.geometry import Pose
from robots.interface import Status
from robots.mobile.again import corrected
from robots.mobile.carry import carry, fold
from robots.mobile.close_look import Sighting, look_closely, still_there
from robots.mobile.find import surface_at
from robots.mobile.glance import cloud, see
from robots.mobile.grasp_choice import APPROACH_M_S, Approach, get_in, reach_for
from robots.mobile.grasps import GraspPlan
from robots.mobile.haul import haul
from robots.mobile.lift import heading, lift
from robots.mobile.load import forget_lost, load_of
from robots.mobile.reach import tool
from robots.mobile.shift import back_away
from robots.mobile.sight import odom_T_world
from robots.mobile.stance import pushed
from robots.mobile.stand import ROOM_ABOVE_M, sideways, step_nearer
from robots.mobile.stream import follow, straight, straight_way, touched
from robots.mobile.things import AT_M, Thing
from robots.primitives.base import Body, Outcome, Target

Float = NDArray[np.float64]

LIMIT_S, SLIDING_LIMIT_S = 30.0, 55.0
"""The second for arms on a lift, which is four times slower than a shoulder."""
HELD_M = 0.0025
"""Fingers that close further hold nothing (the thinnest wall is 3 mm)."""
BUMP_N, IN_M_S = 30.0, 0.15
"""On the way in, where nothing should be met."""
ATTEMPTS, LEAST_S = 3, 12.0
"""Tries, and the time without which none is begun."""
AGAIN_M = 0.12
"""What slipped away is looked for this far around."""


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
    stepped, entered, within_m = False, False, AT_M
    outcome = Outcome(status=Status.GRASP_FAILED, detail=f"the {target.words} could not be taken")
    for _ in range(ATTEMPTS):
        sighting = look_closely(body, point, within_m=within_m)
        if sighting is None:
            detail = f"there is nothing at the point for the {target.words}"
            outcome = Outcome(status=Status.TARGET_NOT_FOUND, detail=detail)
        else:
            point = sighting.thing.middle
            way = reach_for(body, sighting, aside=aside, only=aside and not stepped)
            if isinstance(way, Outcome):
                outcome = Outcome(status=way.status, detail=f"{way.detail} the {target.words}")
                if not entered and sighting.headroom_m < ROOM_ABOVE_M:
                    entered, inside = True, get_in(body, sighting, aside=aside)
                    sighting, way = (sighting, way) if inside is None else inside
            if isinstance(way, Approach):
                outcome = take(body, target.words, sighting, way)
                if outcome.status is Status.GRASP_FAILED:
                    within_m = AGAIN_M
                else:
                    break
        if body.robot.observe().time_s > deadline_s - LEAST_S:
            break
        if outcome.status is not Status.GRASP_FAILED:
            # From where there is no way from the side there may be one from above.
            if stepped or not (step_nearer(body, point, level=_low(body, point)) or aside):
                break
            stepped = True
    if outcome.status is not Status.SUCCEEDED and body.grasp is None:
        fold(body)
    return outcome


def take(body: Body, words: str, sighting: Sighting, way: Approach) -> Outcome:
    """Straight there, close the fingers, lift, look whether it came along, and fold the arm."""
    plan, thing = way.plan, sighting.thing
    if body.robot.spec.slides:
        way = _seen_again(body, way, thing)
        plan = way.plan
    if way.tools:
        outcome = haul(
            body, way.tools, way.q, None, speed_m_s=IN_M_S, width_m=plan.open_m, guard=pushed(BUMP_N)
        ).outcome
    else:
        outcome = follow(body, way.q[1:], width_m=plan.open_m, stop=touched(BUMP_N))
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
    palm_m = np.inf if plan.level else body.robot.spec.finger_depth_m - body.robot.spec.fingertip_m
    body.grasp = load_of(
        words, thing, tool(body, state), width, level=plan.level, pitch_rad=plan.pitch_rad, palm_m=palm_m
    )
    body.laid.pop(words, None)
    lift(body, sighting, plan)
    steady = body.steady_grip()
    if steady is None or still_there(body, thing, sighting):
        body.grasp = None
        _let_go(body, plan)
        return Outcome(status=Status.GRASP_FAILED, detail=f"the {words} slipped out of the fingers")
    outcome = carry(body, sighting.others)
    if outcome.status is not Status.SUCCEEDED and back_away(body, heading(body)):
        _, seen = see(body)
        outcome = carry(body, cloud(seen))
    if outcome.status is not Status.SUCCEEDED:
        return outcome
    if body.steady_grip() is None:
        body.grasp, body.held_q = None, None
        return Outcome(status=Status.GRASP_FAILED, detail=f"the {words} fell out of the hand")
    return Outcome(status=Status.SUCCEEDED, detail=f"holding the {words}")


def _seen_again(body: Body, way: Approach, thing: Thing) -> Approach:
    """The way from where the hand stands before the thing to where the thing is seen to be by now."""
    tool_then = corrected(body, way.plan, thing)
    if tool_then is None:
        return way
    q = straight_way(body, body.robot.state().arm_q, tool_then, speed_m_s=APPROACH_M_S)
    return way if q is None else Approach(plan=replace(way.plan, tool=tool_then), q=q)


def _let_go(body: Body, plan: GraspPlan) -> None:
    """Open and back off the way the hand came."""
    widest = body.robot.spec.gripper_max_width_m
    body.grip(widest)
    straight(body, tool(body) @ Pose.from_xyz_yaw([0.0, 0.0, -plan.back_m]), speed_m_s=0.25, width_m=widest)


def _low(body: Body, point: Float) -> bool:
    """Whether what stands there must be taken from the side."""
    return sideways(body, surface_at(body, point))
