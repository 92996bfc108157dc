"""navigate_to: drive to where the arm can work at a thing, or to a place of the map by its name."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from robots.geometry import Pose
from robots.interface import Status
from robots.mobile.carry import fold
from robots.mobile.drive import drive_to, flat
from robots.mobile.glance import face
from robots.mobile.sight import odom_T_world
from robots.mobile.stand import HAND_M, sideways, stands
from robots.places import Standing
from robots.primitives.base import Body, Outcome, Target

Float = NDArray[np.float64]

LIMIT_S = 120.0


def navigate_to(body: Body, target: Target) -> Outcome:
    """The base to where the arm reaches `target` and the head sees it. What is held stays held.

    Without a point: the place of the map that has these words as its name.
    """
    deadline_s = body.robot.observe().time_s + LIMIT_S
    outcome = fold(body)
    if outcome.status is not Status.SUCCEEDED:
        return outcome
    found = goals(body, target)
    if isinstance(found, Outcome):
        return found
    places, at = found
    if len(places) == 0:
        return Outcome(status=Status.UNREACHABLE, detail=f"there is no room to stand at the {target.words}")
    outcome = drive_to(body, places, deadline_s=deadline_s)
    if outcome.status is not Status.SUCCEEDED:
        return outcome
    if at is not None:
        face(body, odom_T_world(body.robot.state()).apply(at))
    return Outcome(status=Status.SUCCEEDED, detail=f"at the {target.words}")


def goals(body: Body, target: Target) -> tuple[Float, Float | None] | Outcome:
    """Places to stand, float64[G,3] (x, y, yaw, world), and what to look at from there, float64[3]."""
    if target.xyz_m is not None:
        at = target.xyz_m
        surface = None if body.map is None else body.map.surface_at(at, ajar=body.ajar)
        level = sideways(body, surface)
        if surface is not None:
            # The hand works near the surface, however high the thing is.
            at = np.array([at[0], at[1], min(at[2], surface.height_m + HAND_M)])
        return stands(body, at, level=level), target.xyz_m
    places = () if body.map is None else body.map.named(target.words, ajar=body.ajar)
    if not places:
        return Outcome(status=Status.TARGET_NOT_FOUND, detail=f"the map has no place called {target.words}")
    for place in places:
        if isinstance(place, Standing):
            return flat(place.pose)[None], None
        found = stands(body, place.pose.xyz, level=sideways(body, place))
        if len(found):
            return found, place.pose.xyz
        nearer = nearest_edge(body, place.pose, place.half_m)
        found = stands(body, nearer, level=sideways(body, place))
        if len(found):
            return found, nearer
    return np.empty((0, 3)), None


def nearest_edge(body: Body, middle: Pose, half_m: tuple[float, float]) -> Float:
    """float64[3]: the point of a rectangle that is nearest to the base, 12 cm in from the edge."""
    local = middle.inverse().apply(body.robot.state().world_T_base.xyz)
    inner = np.maximum(np.array(half_m) - 0.12, 0.0)
    return middle.apply(np.array([*np.clip(local[:2], -inner, inner), 0.0]))
