"""navigate_to: drive to where the arm can work at a thing, or to a place of the map by its name."""

from __future__ import annotations

from itertools import product

import numpy as np
from numpy.typing import NDArray

from robots.geometry import Pose
from robots.interface import Status
from robots.mobile.carry import fold
from robots.mobile.drive import drive_to
from robots.mobile.glance import face
from robots.mobile.ground import standable
from robots.mobile.load import forget_lost
from robots.mobile.planar import believed, flat
from robots.mobile.sight import odom_T_world
from robots.mobile.stand import at_hand, sideways, stands
from robots.places import RoomMap, Standing
from robots.primitives.base import Body, Outcome, Target

Float = NDArray[np.float64]

LIMIT_S = 120.0
ELSEWHERE_M, ELSEWHERE_RAD = 0.15, 0.35
"""From where the robot has stood before to somewhere else."""
OTHERWISE = (
    (0.0, 0.0, 0.0), (0.0, 0.0, -0.5), (0.0, 0.0, 0.5), (0.0, -0.3, 0.0), (0.0, 0.3, 0.0), (-0.15, 0.0, 0.0),
    (-0.3, 0.0, 0.0),
)  # fmt: skip
"""Ahead and to the left of a place of the map, and turned to the left, by so much one may stand; the first is best."""
BESIDE_M = sorted(
    product((0.0, -0.1, -0.2, -0.28), (0.0, 0.1, -0.1, 0.2, -0.2, 0.3, -0.3)), key=lambda xy: np.hypot(*xy)
)
"""Where else one may stand, back and aside."""
AHEAD_M = 0.75
"""From a place to stand to the middle of the worktop before it."""


def navigate_to(body: Body, target: Target) -> Outcome:
    """The base to where the arm reaches `target` and the head sees it. What is held stays held.

    Without a point: the place of the map that has these words as its name. Told to go there once more, it stands
    somewhere else, if there is anywhere: it may have stood badly, or its arm have hidden what is there.
    """
    deadline_s = body.robot.observe().time_s + LIMIT_S
    forget_lost(body)
    outcome = fold(body)
    if outcome.status is not Status.SUCCEEDED:
        return outcome
    words, stood = body.went
    stood = (*stood, flat(believed(body.robot.state()))) if words == target.words else ()
    found = goals(body, target, again=bool(stood))
    if isinstance(found, Outcome):
        return found
    places, at = found
    if len(places) == 0:
        return Outcome(status=Status.UNREACHABLE, detail=f"there is no room to stand at the {target.words}")
    outcome = Outcome(status=Status.PATH_BLOCKED, detail="")
    new = elsewhere(places, stood)
    # Straight behind where it stood, its own arm hides the same; aside of it or turned it does not.
    for some in (elsewhere(new, stood, aside=True), new) if stood else (new,):
        if len(some) and outcome.status is not Status.SUCCEEDED:
            outcome = drive_to(body, some, deadline_s=deadline_s)
    if outcome.status is not Status.SUCCEEDED and len(new) < len(places):
        outcome = drive_to(body, places, deadline_s=deadline_s)
    if outcome.status is Status.PATH_BLOCKED and target.xyz_m is None and not stood:
        # The door of what is gone to may stand open there.
        found = goals(body, target, again=True)
        if not isinstance(found, Outcome):
            outcome = drive_to(body, found[0], deadline_s=deadline_s)
    if outcome.status is Status.PATH_BLOCKED and target.xyz_m is None and len(near := beside(body, target.words)):
        outcome = drive_to(body, near, deadline_s=deadline_s)
    if outcome.status is not Status.SUCCEEDED:
        return outcome
    body.went = (target.words, (*stood, flat(believed(body.robot.state()))))
    if at is not None:
        face(body, odom_T_world(body.robot.state()).apply(at))
    return Outcome(status=Status.SUCCEEDED, detail=f"at the {target.words}")


def elsewhere(places: Float, stood: tuple[Float, ...], *, aside: bool = False) -> Float:
    """Those of places [G,3] that are none of `stood` [3]; aside: nor straight ahead of or behind one."""
    left = np.ones(len(places), dtype=bool)
    for x, y, yaw in stood:
        turned = np.abs((places[:, 2] - yaw + np.pi) % (2 * np.pi) - np.pi)
        dx, dy = places[:, 0] - x, places[:, 1] - y
        away = np.abs(np.cos(yaw) * dy - np.sin(yaw) * dx) if aside else np.hypot(dx, dy)
        left &= (away > ELSEWHERE_M) | (turned > ELSEWHERE_RAD)
    return np.asarray(places[left])


def goals(body: Body, target: Target, *, again: bool = False) -> tuple[Float, Float | None] | Outcome:
    """Places to stand, float64[G,3] (x, y, yaw, world), and what to look at from there, float64[3]. again: with more
    of them where the map gives one."""
    if target.xyz_m is not None:
        at = target.xyz_m
        surface = None if body.map is None else body.map.surface_at(at, ajar=body.ajar)
        level = sideways(body, surface)
        return stands(body, at_hand(at, surface, level=level), level=level), target.xyz_m
    places = () if body.map is None else body.map.named(target.words, ajar=body.ajar)
    if not places:
        return Outcome(status=Status.TARGET_NOT_FOUND, detail=f"the map has no place called {target.words}")
    for place in places:
        if isinstance(place, Standing):
            ways = [place.pose @ Pose.from_xyz_yaw([x, y, 0.0], yaw) for x, y, yaw in OTHERWISE[: None if again else 1]]
            return np.array([flat(way) for way in ways]), ahead_of(body.map, place)
        level = sideways(body, place)
        found = stands(body, at_hand(place.pose.xyz, place, level=level), level=level)
        if len(found):
            return found, place.pose.xyz
        nearer = nearest_edge(body, place.pose, place.half_m)
        found = stands(body, at_hand(nearer, place, level=level), level=level)
        if len(found):
            return found, nearer
    return np.empty((0, 3)), None


def beside(body: Body, words: str) -> Float:
    """float64[G,3]: free places around where one stands at a place of the map, the nearest first: an open door may
    stand in that very place."""
    free, state = standable(body), body.robot.state()
    by, found = odom_T_world(state), []
    for place in () if body.map is None else body.map.named(words, ajar=body.ajar):
        if isinstance(place, Standing):
            ways = [place.pose @ Pose.from_xyz_yaw([x, y, 0.0]) for x, y in BESIDE_M]
            found += [flat(way) for way in ways if free(flat(by @ way))]
    return np.array(found).reshape(-1, 3)


def ahead_of(room: RoomMap | None, place: Standing) -> Float | None:
    """float64[3]: the middle of the open surface in front of which one stands there; None before what is shut."""
    ahead = place.pose.apply(np.array([[AHEAD_M, 0.0, 0.0]]))
    for surface in () if room is None else room.surfaces:
        if not surface.inside and surface.holds(ahead, margin_m=0.03)[0]:
            return surface.pose.xyz
    return None


def nearest_edge(body: Body, middle: Pose, half_m: tuple[float, float]) -> Float:
    """float64[3]: the point of a rectangle that is nearest to the base, 12 cm in from the edge."""
    local = middle.inverse().apply(body.robot.state().world_T_base.xyz)
    inner = np.maximum(np.array(half_m) - 0.12, 0.0)
    return middle.apply(np.array([*np.clip(local[:2], -inner, inner), 0.0]))
