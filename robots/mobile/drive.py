"""Driving: a planned way followed by the robot's own belief, with an eye on what the map does not know.

Frames: ways are in the world, as the robot believes it; what is seen is in odom (see robots.mobile.sight).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from robots.interface import Command, Status
from robots.mobile.glance import head_towards
from robots.mobile.ground import MARGIN_M, area, ground, obstacles_seen, off_robot
from robots.mobile.load import load_parts
from robots.mobile.planar import believed, flat
from robots.mobile.shapes import base_shape
from robots.mobile.shift import step_clear
from robots.mobile.sight import odom_T_world, within
from robots.mobile.wheels import arrive, base_of, brake, corrected, error_to, limits
from robots.parts import Drive
from robots.planning.free_space import FreeSpace
from robots.planning.planner import BaseMotion, plan_base
from robots.primitives.base import Body, Outcome

Float = NDArray[np.float64]

LOST_M = 0.25
"""A base that is so far from where it should be is held by something."""
LOOK_S = 0.5
AHEAD_M = 0.7
"""Every LOOK_S the way so far ahead is compared with what the head sees."""
TRIES = 1500
REPLANS = 3


def drive_to(body: Body, goals: Float, *, deadline_s: float) -> Outcome:
    """To one of goals [G,3] (x, y, yaw in the world), around what is known and seen; at most until `deadline_s`."""
    points = obstacles_seen(body)
    outcome = Outcome(status=Status.PATH_BLOCKED, detail="there is no free way")
    step_clear(body, points)
    for _ in range(REPLANS):
        motion = plan(body, goals, points)
        if motion.status is not Status.SUCCEEDED:
            return Outcome(status=motion.status, detail=motion.detail)
        outcome, points = follow_way(body, motion, points, deadline_s=deadline_s)
        if outcome.status is not Status.PATH_BLOCKED:
            return outcome
    return outcome


def plan(body: Body, goals: Float, points: Float) -> BaseMotion:
    """A way to one of goals [G,3] (x, y, yaw in the world), with the arm as it is and what it holds."""
    spec, state = body.robot.spec, body.robot.state()
    base, shape = base_of(body), base_shape(spec, state.arm_q, load_parts(body))
    start = flat(believed(state))
    scene = ground(body, off_robot(shape, start, points))
    # Where it stands nearer to something than the margin, it may go as near elsewhere.
    near_m = FreeSpace(shape, scene, resolution=np.full(3, 0.1), margin_m=0.0).worst(start)[0]
    return plan_base(
        shape, scene, start, goals,
        area=area(body), holonomic=base.drive is Drive.HOLONOMIC, limits=limits(base), period_s=spec.period_s,
        rng=np.random.default_rng(0), margin_m=float(np.clip(near_m - 1e-3, 0.0, MARGIN_M)), tries=TRIES,
    )  # fmt: skip


def follow_way(body: Body, motion: BaseMotion, points: Float, *, deadline_s: float) -> tuple[Outcome, Float]:
    """Drives a way and watches it; also returns the obstacles (world) known by then."""
    robot, spec = body.robot, body.robot.spec
    shape = base_shape(spec, robot.state().arm_q, load_parts(body))
    every = max(1, round(LOOK_S / spec.period_s))
    ahead = max(1, round(AHEAD_M / float(base_of(body).velocity[0]) / spec.period_s))
    for i, (q, twist) in enumerate(zip(motion.q, motion.twists, strict=True)):
        if i % every == 0:
            observation_s = robot.observe().time_s
            if observation_s > deadline_s:
                robot.stop()
                return Outcome(status=Status.TIMED_OUT, detail="the way took too long"), points
            _look_ahead(body, motion.q[min(i + ahead, len(motion.q) - 1)])
            # What is where the robot stands is no obstacle, but its own load, askew in the hand.
            seen = off_robot(shape, flat(believed(robot.state())), obstacles_seen(body))
            if len(seen) and _meets(shape.centres(motion.q[i : i + ahead : 6]), shape.radii_m, seen):
                brake(body)
                return Outcome(status=Status.PATH_BLOCKED, detail="something stands in the way"), _joined(points, seen)
        error = error_to(believed(robot.state()), q)
        if float(np.linalg.norm(error[:2])) > LOST_M:
            robot.stop()
            return Outcome(status=Status.PATH_BLOCKED, detail="something holds the base back"), points
        robot.send(Command(base_twist=corrected(base_of(body), twist, error)))
        robot.wait(spec.period_s)
    if len(motion.q):
        arrive(body, motion.q[-1], believed)
    return Outcome(status=Status.SUCCEEDED, detail=""), points


def _look_ahead(body: Body, q: Float) -> None:
    """The head starts to turn to the floor at q [3] (world), without waiting for it."""
    state = body.robot.state()
    goal = head_towards(body, odom_T_world(state).apply(np.array([q[0], q[1], 0.3])))
    if goal is not None:
        body.robot.send(Command(head_q=goal, base_twist=state.base_twist))


def _meets(centres: Float, radii: Float, points: Float) -> bool:
    """Whether any of points [N,3] is in a ball of centres [K,S,3] anywhere along a way."""
    return int(within(points, centres.reshape(-1, 3), np.tile(radii, len(centres))).sum()) > 3


def _joined(a: Float, b: Float) -> Float:
    return np.concatenate([a, b]) if len(a) else b
