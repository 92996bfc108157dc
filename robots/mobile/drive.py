"""Driving: a planned way followed by the robot's own belief, with an eye on what the map does not know.

Frames: ways are in the world, as the robot believes it; what is seen is in odom (see robots.mobile.sight).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from robots.geometry import Pose
from robots.interface import Command, RobotState, Status
from robots.mobile.glance import head_towards, main_camera
from robots.mobile.load import load_parts
from robots.mobile.shapes import base_shape
from robots.mobile.sight import odom_T_base, odom_T_world, view, within
from robots.mobile.things import inside_solids
from robots.parts import BaseSpec, Drive
from robots.places import RoomMap
from robots.planning.free_space import FreeSpace
from robots.planning.limits import MotionLimits
from robots.planning.obstacles import Box, Cloud
from robots.planning.planner import BaseMotion, plan_base
from robots.planning.scene import Scene
from robots.planning.shape import RobotShape
from robots.primitives.base import Body, Outcome

Float = NDArray[np.float64]
Where = Callable[[RobotState], Pose]
"""The base's pose by which a way is followed: the belief, or odometry for short ways."""

MARGIN_M, SPARE_M = 0.03, 0.004
GAIN, TURN_GAIN = 2.0, 2.5
"""1/s: how fast an error of place and of direction is made good."""
NEAR_M, NEAR_RAD = 0.012, 0.012
SETTLE_S = 2.0
LOST_M = 0.25
"""A base that is so far from where it should be is held by something."""
LOOK_S = 0.5
AHEAD_M = 0.7
"""Every LOOK_S the way so far ahead is compared with what the head sees."""
FLOOR_M, KNOWN_M = 0.04, 0.06
"""Points lower than this are the floor; points so near to the map's furniture are furniture."""
AWAY_M = (0.35, 0.22)
"""So far a robot whose arm is between things backs away from them."""
STRIDE = 3
"""Of the pixels that are looked at while driving."""
TRIES = 1500
REPLANS = 3
AREA_M = 4.0


def believed(state: RobotState) -> Pose:
    """Where the robot believes to stand."""
    return state.world_T_base


def flat(pose: Pose) -> Float:
    """float64[3]: x m, y m, yaw rad."""
    return np.array([pose.xyz[0], pose.xyz[1], pose.yaw_rad])


def obstacles_seen(body: Body) -> Float:
    """float64[N,3] m, world: what the main camera sees above the floor that is neither the robot nor on the map."""
    observation = body.robot.observe()
    state = observation.state
    one = view(body.robot.spec, observation.frames[main_camera(body)], state, load_parts(body), stride=STRIDE)
    points = odom_T_world(state).inverse().apply(one.cloud)
    points = points[(points[:, 2] > FLOOR_M) & (points[:, 2] < 1.8)]
    if body.map is not None and len(points):
        points = points[~inside_solids(points, body.map.solids_now(body.ajar), KNOWN_M)]
    return np.asarray(points)


def ground(body: Body, points: Float) -> Scene:
    """The map and points [N,3] (world) as a scene in the world."""
    known = _known(body.map, area(body), tuple(sorted(body.ajar.items())))
    return known.with_cloud(Cloud(points=points)) if len(points) else known


@lru_cache(maxsize=4)
def _known(
    rooms: RoomMap | None, area_m: tuple[float, float, float, float], ajar: tuple[tuple[str, float], ...]
) -> Scene:
    """The map alone, with parts open as far as `ajar` says."""
    solids = () if rooms is None else rooms.solids_now(dict(ajar))
    boxes = [Box(pose=s.pose, half_m=np.maximum(s.half_m, 0.004), name=s.name) for s in solids]
    x0, y0, x1, y1 = area_m
    low, high = np.array([x0 - 0.3, y0 - 0.3, 0.0]), np.array([x1 + 0.3, y1 + 0.3, 1.9])
    return Scene(boxes, lower_m=low, upper_m=high, cell_m=0.05)


def area(body: Body) -> tuple[float, float, float, float]:
    """x from, y from, x to, y to of the floor."""
    if body.map is not None:
        return body.map.area_m
    x, y = body.robot.state().world_T_base.xyz[:2]
    return (x - AREA_M, y - AREA_M, x + AREA_M, y + AREA_M)


def plan(body: Body, goals: Float, points: Float) -> BaseMotion:
    """A way to one of goals [G,3] (x, y, yaw in the world), with the arm as it is and what it holds."""
    spec, state = body.robot.spec, body.robot.state()
    base, shape = _base(body), base_shape(spec, state.arm_q, load_parts(body))
    start = flat(believed(state))
    scene = ground(body, _off(shape, start, points))
    # Where it stands nearer to something than the margin, it may go as near elsewhere.
    near_m = FreeSpace(shape, scene, resolution=np.full(3, 0.1), margin_m=0.0).worst(start)[0]
    return plan_base(
        shape, scene, start, goals,
        area=area(body), holonomic=base.drive is Drive.HOLONOMIC, limits=limits(base), period_s=spec.period_s,
        rng=np.random.default_rng(0), margin_m=float(np.clip(near_m - 1e-3, 0.0, MARGIN_M)), tries=TRIES,
    )  # fmt: skip


def standable(body: Body) -> Callable[[Float], bool]:
    """Whether the robot, its arm folded, may drive to a place [3] (odom), by the map and by what the head sees."""
    spec, state = body.robot.spec, body.robot.state()
    shape = base_shape(spec, spec.home_q_rad, load_parts(body))
    scene = ground(body, _off(shape, flat(believed(state)), obstacles_seen(body)))
    space = FreeSpace(shape, scene, resolution=np.full(3, 0.1), margin_m=MARGIN_M + SPARE_M)
    by = odom_T_world(state).inverse()
    return lambda place: bool(space.free(flat(by @ Pose.from_xyz_yaw([*place[:2], 0.0], float(place[2])))[None])[0])


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


def step_clear(body: Body, points: Float) -> None:
    """Moves a little where the robot, its arm or its load stand closer to something than a way may begin."""
    spec, state = body.robot.spec, body.robot.state()
    shape, start = base_shape(spec, state.arm_q, load_parts(body)), flat(believed(state))
    scene = ground(body, _off(shape, start, points))
    space = FreeSpace(shape, scene, resolution=np.full(3, 0.1), margin_m=MARGIN_M)
    best_m, best = space.worst(start)[0], np.zeros(3)
    if best_m >= 0.0:
        return
    holonomic = _base(body).drive is Drive.HOLONOMIC
    angles = np.radians([180, 150, 210, 120, 240, 90, 270, 60, 300, 0]) if holonomic else np.radians([180, 0])
    for far in (0.04, 0.08, 0.12, 0.18, 0.24):
        for angle in angles:
            change = np.array([far * np.cos(angle), far * np.sin(angle), 0.0])
            there = believed(state) @ Pose.from_xyz_yaw([change[0], change[1], 0.0])
            clear_m = space.worst(flat(there))[0]
            if clear_m > best_m + 0.005:
                best_m, best = clear_m, change
        if best_m >= 0.0:
            break
    if best.any():
        shift(body, best)


def back_away(body: Body, heading: Float) -> bool:
    """Moves against `heading` [2] (odom), the arm as it is, to where nothing is near; False where no way is free."""
    spec, state = body.robot.spec, body.robot.state()
    shape, here = base_shape(spec, state.arm_q, load_parts(body)), believed(state)
    scene = ground(body, _off(shape, flat(here), obstacles_seen(body)))
    space = FreeSpace(shape, scene, resolution=np.full(3, 0.1), margin_m=MARGIN_M)
    local = odom_T_base(state).rotation[:2, :2].T @ heading
    holonomic = _base(body).drive is Drive.HOLONOMIC
    behind = float(np.arctan2(-local[1], -local[0])) if holonomic else np.pi
    start_m = space.worst(flat(here))[0]
    for far in AWAY_M:
        for turn in np.radians([0, 25, -25, 50, -50]) if holonomic else (0.0,):
            step = far * np.array([np.cos(behind + turn), np.sin(behind + turn), 0.0])
            places = [flat(here @ Pose.from_xyz_yaw(share * step)) for share in (0.25, 0.5, 0.75, 1.0)]
            clear = [space.worst(place)[0] for place in places]
            if clear[-1] >= 0.0 and min(clear) >= min(start_m, 0.0) - SPARE_M:
                return shift(body, step).status is Status.SUCCEEDED
    return False


def _off(shape: RobotShape, at: Float, points: Float) -> Float:
    """Points [N,3] that are not where the robot stands: it touches nothing there, whatever it sees of its own load."""
    if len(points) == 0:
        return points
    return np.asarray(points[~within(points, shape.centres(at[None])[0], shape.radii_m + 2 * MARGIN_M)])


def follow_way(body: Body, motion: BaseMotion, points: Float, *, deadline_s: float) -> tuple[Outcome, Float]:
    """Drives a way and watches it; also returns the obstacles (world) known by then."""
    robot, spec = body.robot, body.robot.spec
    shape = base_shape(spec, robot.state().arm_q, load_parts(body))
    every = max(1, round(LOOK_S / spec.period_s))
    ahead = max(1, round(AHEAD_M / float(_base(body).velocity[0]) / spec.period_s))
    for i, (q, twist) in enumerate(zip(motion.q, motion.twists, strict=True)):
        if i % every == 0:
            observation_s = robot.observe().time_s
            if observation_s > deadline_s:
                robot.stop()
                return Outcome(status=Status.TIMED_OUT, detail="the way took too long"), points
            _look_ahead(body, motion.q[min(i + ahead, len(motion.q) - 1)])
            # What is where the robot stands is no obstacle, but its own load, askew in the hand.
            seen = _off(shape, flat(believed(robot.state())), obstacles_seen(body))
            if len(seen) and _meets(shape.centres(motion.q[i : i + ahead : 6]), shape.radii_m, seen):
                _brake(body)
                return Outcome(status=Status.PATH_BLOCKED, detail="something stands in the way"), _joined(points, seen)
        error = _towards(believed(robot.state()), q)
        if float(np.linalg.norm(error[:2])) > LOST_M:
            robot.stop()
            return Outcome(status=Status.PATH_BLOCKED, detail="something holds the base back"), points
        robot.send(Command(base_twist=_corrected(_base(body), twist, error)))
        robot.wait(spec.period_s)
    if len(motion.q):
        arrive(body, motion.q[-1], believed)
    return Outcome(status=Status.SUCCEEDED, detail=""), points


def arrive(body: Body, goal: Float, where: Where) -> None:
    """Makes good what is left to goal [3], then stands."""
    robot, base = body.robot, _base(body)
    for _ in range(round(SETTLE_S / robot.spec.period_s)):
        error = _towards(where(robot.state()), goal)
        if base.drive is Drive.DIFFERENTIAL:
            error[1] = 0.0  # it can't be made good on the spot
        if float(np.linalg.norm(error[:2])) < NEAR_M and abs(float(error[2])) < NEAR_RAD:
            break
        robot.send(Command(base_twist=_corrected(base, np.zeros(3), error)))
        robot.wait(robot.spec.period_s)
    _brake(body)


def shift(body: Body, change: Float) -> Outcome:
    """A short move by odometry: to `change` [3] (x m ahead, y m to the left, yaw rad) from where the base stands.

    A base that can't go sideways turns, goes and turns. Nothing is looked for on the way.
    """
    robot, base = body.robot, _base(body)
    start = odom_T_base(robot.state())
    goal = flat(start @ Pose.from_xyz_yaw([change[0], change[1], 0.0], float(change[2])))
    legs = [goal]
    if base.drive is Drive.DIFFERENTIAL:
        ahead = goal[:2] - start.xyz[:2]
        heading = float(np.arctan2(ahead[1], ahead[0])) if float(np.linalg.norm(ahead)) > 0.02 else start.yaw_rad
        if abs(_wrapped(heading - start.yaw_rad)) > np.pi / 2:
            heading = _wrapped(heading + np.pi)
        legs = [np.array([*start.xyz[:2], heading]), np.array([*goal[:2], heading]), goal]
    for leg in legs:
        for _ in range(round(8.0 / robot.spec.period_s)):
            error = _towards(odom_T_base(robot.state()), leg)
            if float(np.linalg.norm(error[:2])) < NEAR_M and abs(float(error[2])) < NEAR_RAD:
                break
            robot.send(Command(base_twist=_corrected(base, np.zeros(3), np.clip(error, -0.15, 0.15))))
            robot.wait(robot.spec.period_s)
        else:
            _brake(body)
            return Outcome(status=Status.PATH_BLOCKED, detail="something holds the base back")
    _brake(body)
    return Outcome(status=Status.SUCCEEDED, detail="")


def limits(base: BaseSpec) -> MotionLimits:
    """What ways are timed with: 80 % of the base's own, so that errors can be made good."""
    most = [0.8 * np.asarray(v) for v in (base.velocity, base.acceleration, base.jerk)]
    if base.drive is Drive.HOLONOMIC:
        straight = [float(min(m[0], m[1])) for m in most]
    else:
        straight = [float(m[0]) for m in most]
    turn = [float(m[2]) for m in most]
    return MotionLimits.base(drive=(straight[0], straight[1], straight[2]), turn=(turn[0], turn[1], turn[2]))


def _corrected(base: BaseSpec, twist: Float, error: Float) -> Float:
    """A twist that also makes good an error [3] in the base's frame."""
    out = twist + np.array([GAIN * error[0], GAIN * error[1], TURN_GAIN * error[2]])
    if base.drive is Drive.DIFFERENTIAL:
        out[2] += 4.0 * error[1] * float(np.sign(out[0])) * min(1.0, abs(float(out[0])) / 0.1)
        out[1] = 0.0
    return np.asarray(np.clip(out, -base.velocity, base.velocity))


def _towards(here: Pose, goal: Float) -> Float:
    """float64[3]: goal [3] seen from a base."""
    local = here.inverse().apply(np.array([goal[0], goal[1], here.xyz[2]]))
    return np.array([local[0], local[1], _wrapped(float(goal[2]) - here.yaw_rad)])


def _wrapped(angle: float) -> float:
    return float((angle + np.pi) % (2 * np.pi) - np.pi)


def _brake(body: Body) -> None:
    """Zero twist until the base stands."""
    robot = body.robot
    for _ in range(round(1.0 / robot.spec.period_s)):
        robot.send(Command(base_twist=np.zeros(3)))
        robot.wait(robot.spec.period_s)
        twist = robot.state().base_twist
        if twist is None or float(np.abs(twist).max()) < 0.005:
            return


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


def _base(body: Body) -> BaseSpec:
    base = body.robot.spec.base
    if base is None:
        raise ValueError(f"{body.robot.spec.name} stands on a fixed base")
    return base
