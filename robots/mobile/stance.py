"""Getting to where a track begins and away from it: the base to its place, the hand to its first pose, the arm home."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from robots.geometry import Pose
from robots.interface import Status
from robots.mobile.clearance import surroundings
from robots.mobile.drive import drive_to
from robots.mobile.glance import cloud, see
from robots.mobile.go import go
from robots.mobile.haul import Felt, Guard
from robots.mobile.planar import base_at, flat
from robots.mobile.reach import configurations
from robots.mobile.shift import shift
from robots.mobile.sight import odom_T_world
from robots.mobile.track import Track
from robots.primitives.base import Body, Outcome

Float = NDArray[np.float64]

DRIVE_S, STEP_BACK_M = 40.0, 0.2


def stand_at(body: Body, track: Track) -> Outcome:
    """The arm folded, the base to where a track begins."""
    fold(body)
    world = odom_T_world(body.robot.state()).inverse()
    goal = flat(world @ base_at(track.places[0]))[None]
    outcome = drive_to(body, goal, deadline_s=body.robot.observe().time_s + DRIVE_S)
    if outcome.status is Status.PATH_BLOCKED:
        # An open door beside the robot, known to a few centimetres, may seem to touch it.
        shift(body, np.array([-STEP_BACK_M, 0.0, 0.0]))
        outcome = drive_to(body, goal, deadline_s=body.robot.observe().time_s + DRIVE_S)
    return outcome


def approach(body: Body, tool: Pose, bent: Float, points: Float, *, width_m: float | None) -> Outcome:
    """The hand to `tool` (odom) with the arm bent about as `bent` [J], around the map and points [N,3] seen; where
    these leave no way, around the map alone."""
    goals = configurations(body, tool, near=bent)
    outcome = Outcome(status=Status.UNREACHABLE, detail="the arm does not reach there")
    if not goals:
        return outcome
    for seen in (points, np.empty((0, 3))):
        outcome = go(body, surroundings(body, seen), goals[:1], width_m=width_m, pace=0.6)
        if outcome.status is Status.SUCCEEDED:
            break
    return outcome


def pushed(most_n: float) -> Guard:
    """Stops where the force on the hand has changed by so much."""
    count = 0

    def guard(felt: Felt) -> str | None:
        nonlocal count
        count = count + 1 if float(np.linalg.norm(felt.push_n)) > most_n else 0
        return "contact" if count >= 3 else None

    return guard


def fold(body: Body) -> None:
    """The arm home (what is held, where it is carried), around what the map and the head show; where that finds no
    way, around the map alone."""
    home = np.array(body.robot.spec.home_q_rad if body.held_q is None or body.grasp is None else body.held_q)
    if float(np.abs(body.robot.state().arm_q - home).max()) < 0.02:
        return
    _, seen = see(body)
    for points in (cloud(seen), np.empty((0, 3))):
        if (
            go(body, surroundings(body, points), [home], width_m=0.0 if body.grasp is not None else 0.04).status
            is Status.SUCCEEDED
        ):
            return
