"""Collision-free, time-parameterised motion of arms and of bases among obstacles: `plan_arm` and `plan_base`.

Both search with RRT-Connect, cut the way short, round its corners as far as that stays free, and time it within
velocity, acceleration and jerk limits. Deterministic: the only randomness is the generator that is passed; the only
bound on the work is a number of tries.

>>> import numpy as np
>>> from robots.geometry import Pose
>>> from robots.kinematics import kinematics
>>> from robots.planning.bodies import panda_shape
>>> from robots.planning.goals import arm_goals
>>> from robots.planning.obstacles import Box
>>> from robots.spec import panda
>>> spec, rng = panda(), np.random.default_rng(0)
>>> wall = Box.between([0.35, -0.02, 0.0], [0.9, 0.02, 0.6], name="wall")
>>> scene = Scene([wall], lower_m=[-1, -1, -0.5], upper_m=[1, 1, 1.2])
>>> shape = panda_shape(spec, Pose.identity(), width_m=0.04)
>>> left, right = (Pose(xyz=np.array([0.5, y, 0.25]), quat_xyzw=np.array([1.0, 0, 0, 0])) for y in (0.25, -0.25))
>>> start = arm_goals(kinematics(spec), spec, left, spec.home_q_rad, rng=rng)[0]
>>> goals = arm_goals(kinematics(spec), spec, right, start, rng=rng)
>>> motion = plan_arm(spec, shape, scene, start, goals, rng=rng)
>>> motion.status, len(motion.way) > 2, abs(motion.duration_s - len(motion.q) / spec.control_hz) < spec.period_s
(<Status.SUCCEEDED: 'succeeded'>, True, True)

Shape letters: K waypoints, J coordinates, G goals, M samples in time.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from robots.interface import Status
from robots.planning.connect import Found, rrt_connect, shortened
from robots.planning.driving import DrivenPath
from robots.planning.free_space import FreeSpace
from robots.planning.guide import guide, standable
from robots.planning.limits import MotionLimits
from robots.planning.scene import Scene
from robots.planning.shape import RobotShape, reaches
from robots.planning.steering import Steering, Straight, TurnDriveTurn
from robots.planning.timing import TimedPath, halves_within
from robots.planning.upright import UprightSpace
from robots.spec import RobotSpec

Float = NDArray[np.float64]

TRIES = 4000
STEP_M = 0.08
"""How far a ball may move between two samples of a way by one coordinate alone, before the continuous check refines."""
BASE_STRIDE = 3.0
"""The longest edges of a base's trees, in metres that the fastest ball moves."""
HINT_SPREAD = np.array([0.15, 0.15, 0.5])
"""How far around a base's rough way samples are drawn (m, m, rad; standard deviations)."""
CURVE_SAMPLES = 12
ROUNDINGS = 4


class Search(Protocol):
    """Finds a free way: `robots.planning.connect.rrt_connect`, or `robots.planning.ompl_connect.ompl_rrt_connect`."""

    def __call__(
        self,
        start: Float,
        goals: Float,
        steering: Steering,
        space: FreeSpace,
        *,
        rng: np.random.Generator,
        tries: int,
    ) -> Found: ...


@dataclass(frozen=True, kw_only=True, eq=False)
class PlannedMotion:
    """A motion, or why there is none.

    q: float64[M,J] rad or m, one configuration each control period, without the first, ending at a goal; empty without
    one. way: float64[K,J], the polyline that q rounds. tries: samples that the search drew; 0 where it needed none.
    """

    status: Status
    detail: str
    q: Float
    way: Float
    duration_s: float
    tries: int


@dataclass(frozen=True, kw_only=True, eq=False)
class BaseMotion(PlannedMotion):
    """A base's motion: q float64[M,3], x m, y m, yaw rad in the world (yaw without jumps); twists float64[M,3], the
    velocity over each period, m/s ahead, m/s to the left, rad/s."""

    twists: Float


def plan_arm(
    spec: RobotSpec,
    shape: RobotShape,
    scene: Scene,
    start_q: ArrayLike,
    goals_q: ArrayLike,
    *,
    rng: np.random.Generator,
    limits: MotionLimits | None = None,
    margin_m: float = 0.01,
    tolerance: float = 0.1,
    tries: int = TRIES,
    search: Search = rrt_connect,
    upright: tuple[Float, float] | None = None,
) -> PlannedMotion:
    """From `start_q` [J] to the goal of `goals_q` [G,J] that is reached first, around everything in the scene.

    tolerance: how far corners may be rounded, in each coordinate (rad or m); what is rounded is checked again.
    limits: by default 95 % of the velocity and 80 % of the acceleration and jerk of `spec`. upright: a direction [3] of
    the tool's frame, and how far (rad) it may lean from the vertical on the way.
    """
    reach = reaches(shape, spec.q_lower_rad, spec.q_upper_rad)
    resolution = np.clip(STEP_M / reach, 0.02, 0.3)
    space = FreeSpace(shape, scene, resolution=resolution, margin_m=margin_m)
    if upright is not None:
        up, most_rad = upright
        space = UprightSpace(shape, scene, resolution=resolution, up=up, most_rad=most_rad, margin_m=margin_m)
    return _planned(
        np.asarray(start_q, dtype=np.float64),
        np.atleast_2d(np.asarray(goals_q, dtype=np.float64)),
        Straight(spec.q_lower_rad, spec.q_upper_rad, weights=reach),
        space,
        limits or MotionLimits.of(spec),
        np.full(spec.dof, tolerance),
        spec.period_s,
        rng,
        tries,
        search,
    )


def plan_base(
    shape: RobotShape,
    scene: Scene,
    start: ArrayLike,
    goals: ArrayLike,
    *,
    area: tuple[float, float, float, float],
    holonomic: bool,
    limits: MotionLimits,
    period_s: float,
    rng: np.random.Generator,
    margin_m: float = 0.02,
    tolerance_m: float = 0.1,
    tries: int = TRIES,
    search: Search | None = None,
) -> BaseMotion:
    """From `start` [3] (x m, y m, yaw rad) to one of `goals` [G,3] within `area`: x from, y from, x to, y to.

    A holonomic base moves along straight lines with its corners rounded, turning meanwhile; another turns on the spot
    and drives, through rounded corners where they are free. limits: `MotionLimits.base(...)`.
    """
    lower, upper = np.array([area[0], area[1], -np.pi]), np.array([area[2], area[3], np.pi])
    reach = reaches(shape, lower, upper)
    turn = float(max(reach[2], 0.1))
    pace = float(limits.velocity[0] / limits.velocity[1])  # how far it drives in the time of turning by a radian
    steering: Steering = TurnDriveTurn(lower, upper, turn_m_rad=pace)
    if holonomic:
        wraps = np.array([False, False, True])
        steering = Straight(lower, upper, weights=np.array([1.0, 1.0, turn]), wraps=wraps)
    space = FreeSpace(shape, scene, resolution=np.array([STEP_M, STEP_M, STEP_M / turn]), margin_m=margin_m)

    def guided(
        start: Float, goals: Float, steering: Steering, space: FreeSpace, *, rng: np.random.Generator, tries: int
    ) -> Found:
        def hints() -> tuple[Float, Float]:
            rough = guide(shape, scene, area, start, goals[0])
            return standable(rough, space, holonomic=holonomic), HINT_SPREAD

        return rrt_connect(start, goals, steering, space, rng=rng, tries=tries, stride=BASE_STRIDE, hints=hints)

    motion = _planned(
        np.asarray(start, dtype=np.float64),
        np.atleast_2d(np.asarray(goals, dtype=np.float64)),
        steering,
        space,
        limits,
        np.array([tolerance_m, tolerance_m, tolerance_m / turn]),
        period_s,
        rng,
        tries,
        search or guided,
    )
    return BaseMotion(**vars(motion), twists=_twists(motion, np.asarray(start, dtype=np.float64), period_s))


def plan_whole_body(
    spec: RobotSpec,
    shape: RobotShape,
    scene: Scene,
    start: ArrayLike,
    goals: ArrayLike,
    *,
    area: tuple[float, float, float, float],
    base_limits: MotionLimits,
    rng: np.random.Generator,
    limits: MotionLimits | None = None,
    margin_m: float = 0.02,
    tolerance: float = 0.1,
    tries: int = TRIES,
    search: Search = rrt_connect,
) -> PlannedMotion:
    """A holonomic base and its arm in one search: `start` [3+J] and `goals` [G,3+J] are x m, y m, yaw rad, then joints.

    shape: over `robots.planning.shape.carried`. base_limits: `MotionLimits.base(...)`; limits: the arm's, as plan_arm.
    """
    arm = limits or MotionLimits.of(spec)
    lower = np.concatenate([[area[0], area[1], -np.pi], spec.q_lower_rad])
    upper = np.concatenate([[area[2], area[3], np.pi], spec.q_upper_rad])
    reach = reaches(shape, lower, upper)
    together = MotionLimits(
        velocity=np.concatenate([base_limits.velocity, arm.velocity]),
        acceleration=np.concatenate([base_limits.acceleration, arm.acceleration]),
        jerk=np.concatenate([base_limits.jerk, arm.jerk]),
        groups=np.concatenate([base_limits.groups, 1 + base_limits.groups.max() + arm.groups]),
    )
    return _planned(
        np.asarray(start, dtype=np.float64),
        np.atleast_2d(np.asarray(goals, dtype=np.float64)),
        Straight(lower, upper, weights=reach, wraps=np.arange(len(lower)) == 2),
        FreeSpace(shape, scene, resolution=np.clip(STEP_M / reach, 0.02, 0.3), margin_m=margin_m),
        together,
        np.full(len(lower), tolerance),
        spec.period_s,
        rng,
        tries,
        search,
    )


def _planned(
    start: Float,
    goals: Float,
    steering: Steering,
    space: FreeSpace,
    limits: MotionLimits,
    tolerance: Float,
    period_s: float,
    rng: np.random.Generator,
    tries: int,
    search: Search,
) -> PlannedMotion:
    """The whole of it: checks of what was asked, search, shortcuts, timing. tolerance: float64[J]."""

    def none(status: Status, detail: str, tried: int = 0) -> PlannedMotion:
        empty = np.empty((0, len(start)))
        return PlannedMotion(status=status, detail=detail, q=empty, way=empty, duration_s=0.0, tries=tried)

    if goals.shape[1:] != start.shape or not (np.isfinite(start).all() and np.isfinite(goals).all()):
        raise ValueError(f"start takes [J] and goals [G,J] finite numbers, not {start.shape} and {goals.shape}")
    if len(goals) == 0:
        return none(Status.UNREACHABLE, "there is no configuration for the goal")
    within = [steering.inside(c) for c in (start, *goals)]
    if not within[0]:
        return none(Status.LIMIT, f"the start {np.round(start, 3).tolist()} is outside the limits")
    if not any(within[1:]):
        return none(Status.UNREACHABLE, f"{len(goals)} goals, all outside the limits")
    least, where = space.worst(start)
    if least < 0:
        return none(Status.PATH_BLOCKED, f"the start is in collision: {where}")
    goals = goals[np.array(within[1:])]
    open_goals = np.array([space.worst(goal)[0] >= 0 for goal in goals])
    if not open_goals.any():
        return none(Status.PATH_BLOCKED, f"the goal is in collision: {space.worst(goals[0])[1]}")
    goals = goals[open_goals]
    space = space.relaxed(start, *goals)
    found = search(start, goals, steering, space, rng=rng, tries=tries)
    if found.way is None:
        return none(Status.PATH_BLOCKED, f"no free way was found in {found.tries} tries", found.tries)
    way = shortened(found.way, steering, space, rng=rng)
    if len(way) < 2:
        return PlannedMotion(
            status=Status.SUCCEEDED, detail="", q=start[None], way=start[None], duration_s=0.0, tries=found.tries
        )
    timed: TimedPath | DrivenPath
    if isinstance(steering, TurnDriveTurn):
        timed = DrivenPath(way, limits, float(tolerance[0]), space)
    else:
        timed = rounded(way, limits, tolerance, space)
    return PlannedMotion(
        status=Status.SUCCEEDED,
        detail="",
        q=timed.stream(period_s),
        way=way,
        duration_s=timed.duration_s,
        tries=found.tries,
    )


def rounded(way: Float, limits: MotionLimits, tolerance: Float, space: FreeSpace) -> TimedPath:
    """The polyline [K,J], free in `space`, in time; corners rounded by at most `tolerance` [J], where that is free."""
    halves = halves_within(way, limits, tolerance)
    for _ in range(ROUNDINGS):
        timed = TimedPath(way, limits, halves)
        blocked = [i for i, curve, _ in timed.curves(CURVE_SAMPLES) if space.reach(curve) < len(curve) - 1]
        if not blocked:
            return timed
        halves = halves.copy()
        halves[blocked] *= 0.5
    halves[blocked] = 0.0
    return TimedPath(way, limits, halves)


def _twists(motion: PlannedMotion, start: Float, period_s: float) -> Float:
    q = np.concatenate([start[None], motion.q])
    change = np.diff(q, axis=0) / period_s
    yaw = 0.5 * (q[1:, 2] + q[:-1, 2])
    c, s = np.cos(yaw), np.sin(yaw)
    return np.stack([c * change[:, 0] + s * change[:, 1], -s * change[:, 0] + c * change[:, 1], change[:, 2]], axis=1)
