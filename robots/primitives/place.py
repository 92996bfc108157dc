"""place: put what is held down in the named relation to a thing."""

from __future__ import annotations

import numpy as np

from robots.interface import Status
from robots.planning.height_map import HeightMap
from robots.planning.motion import pointing_down
from robots.primitives.base import HELD_WIDTH_M, Body, Outcome, Target, failed
from robots.primitives.hand import SPREAD_M
from robots.primitives.held import remembered
from robots.primitives.pick import ABOVE_M, LOADED
from robots.primitives.spots import DIRECTIONS, Spot, anywhere, back_at, beside, taken_points, upon, within
from robots.primitives.surface import Cloud, measure
from robots.relations import Relation

LOST_M = 0.006
"""Fingers that are this much closer together than at the pick have lost what they held."""


def place(body: Body, relation: Relation, target: Target | None) -> Outcome:
    """Let go of what is held where `relation` to `target` is true, and return home."""
    if body.grasp is not None and not _still_held(body):
        return _lost(body)
    cloud = body.see("front" if target is None else target.camera)
    body.grasp = held = remembered(body, cloud)
    if held is None:
        return Outcome(status=Status.NOT_HOLDING, detail="the hand is empty")
    heights = cloud.height_map()
    spot = _choose(body, relation, target, cloud, heights)
    if isinstance(spot, Outcome):
        return spot
    robot = body.robot
    start = robot.state().arm_q
    rise = np.array([0.0, 0.0, ABOVE_M])
    poses = [pointing_down(spot.tool_xyz + rise, spot.yaw_rad), pointing_down(spot.tool_xyz, spot.yaw_rad)]
    motion = body.planner.through(start, poses, checker=body.checker(heights, width_m=held.width_m), pace=LOADED)
    outcome = body.follow(motion, width_m=0.0)
    if outcome.status is not Status.SUCCEEDED:
        return failed(body, outcome)
    if not _still_held(body):
        outcome = _lost(body)
        body.home(width_m=robot.spec.gripper_max_width_m)
        return outcome
    opened = min(held.width_m + 2 * SPREAD_M, robot.spec.gripper_max_width_m)
    body.grip(opened)
    body.grasp = None
    motion = body.planner.through(robot.state().arm_q, poses[:1], end_q=robot.spec.home_q_rad)
    outcome = body.follow(motion, width_m=opened, width_after_m=robot.spec.gripper_max_width_m)
    if outcome.status is not Status.SUCCEEDED:
        return failed(body, outcome)
    return Outcome(status=Status.SUCCEEDED, detail=f"let go of the {held.words}")


def _still_held(body: Body) -> bool:
    width = body.robot.state().gripper_width_m
    return body.grasp is not None and width > HELD_WIDTH_M and width > body.grasp.width_m - LOST_M


def _lost(body: Body) -> Outcome:
    words = "nothing" if body.grasp is None else body.grasp.words
    body.grasp = None
    return Outcome(status=Status.NOT_HOLDING, detail=f"the {words} slipped out of the hand")


def _choose(body: Body, relation: Relation, target: Target | None, cloud: Cloud, heights: HeightMap) -> Spot | Outcome:
    held, spec = body.grasp, body.robot.spec
    assert held is not None
    if relation is Relation.ASIDE:
        spot = anywhere(spec, heights, taken_points(cloud, body.origins.values()), held)
        return spot or Outcome(status=Status.PATH_BLOCKED, detail="no free spot on the table")
    if target is None:
        return Outcome(status=Status.TARGET_NOT_FOUND, detail=f"{relation.value}: no thing was named")
    if relation is Relation.WHERE:
        origin = body.origins.get(target.words)
        if origin is None:
            known = ", ".join(sorted(body.origins)) or "nothing"
            return Outcome(
                status=Status.TARGET_NOT_FOUND, detail=f"the {target.words} was never picked up here, only {known}"
            )
        spot = back_at(spec, heights, origin, held)
        return spot or Outcome(status=Status.PATH_BLOCKED, detail=f"something stands where the {target.words} was")
    mask = None if target.xyz_m is None else cloud.thing_at(target.xyz_m)
    if mask is None:
        return Outcome(status=Status.TARGET_NOT_FOUND, detail=f"there is nothing at the point for the {target.words}")
    thing = measure(cloud, mask, container=True)
    if relation in DIRECTIONS:
        spot = beside(spec, heights, thing, held, DIRECTIONS[relation])
        return spot or Outcome(status=Status.PATH_BLOCKED, detail=f"no room {relation.value} the {target.words}")
    spot = upon(spec, heights, thing, held) if thing.small else within(spec, heights, thing, held)
    return spot or Outcome(status=Status.PATH_BLOCKED, detail=f"no room {relation.value} the {target.words}")
