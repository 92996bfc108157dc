"""Ways for the tool: along straight lines with rounded corners where they are free, around things where not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from robots.geometry import Pose
from robots.interface import Status
from robots.kinematics import kinematics
from robots.planning.body import Checker
from robots.planning.rrt import rrt_connect, segment_free
from robots.planning.time_scaling import densify, time_scale
from robots.spec import RobotSpec

Float = NDArray[np.float64]

SAMPLE_M = 0.02
NEARLY_M = 0.02
"""A pose on the way that no configuration meets exactly, but one by less than this, is left out."""
LEAP_RAD = 0.6
"""No joint turns further from one sample to the next: beyond that the arm would change its posture on the way."""
CORNER_M = 0.05


@dataclass(frozen=True, kw_only=True, eq=False)
class Motion:
    """A stream of joint positions float64[M,J] rad, one each control period, or why there is none."""

    status: Status
    q: Float
    detail: str = ""


@dataclass(frozen=True, kw_only=True)
class Pace:
    """Shares of the robot's velocity and acceleration limits, and the tool's own speed where that must be low."""

    velocity: float = 0.95
    acceleration: float = 0.80
    tool_m_s: float | None = None


def pointing_down(xyz: Float, yaw_rad: float) -> Pose:
    """base_T_tool with the tool's z down; at yaw 0 its x is the base's x and the fingers open along y."""
    half = yaw_rad / 2
    return Pose(xyz=xyz, quat_xyzw=np.array([np.cos(half), np.sin(half), 0.0, 0.0]))


class MotionPlanner:
    """Plans for one robot. Deterministic: the tree search draws from a generator seeded anew for each query.

    searches: also where a straight line to the first pose is free.
    """

    def __init__(self, spec: RobotSpec, *, searches: bool = False) -> None:
        self.spec, self.searches = spec, searches
        self._kinematics = kinematics(spec)

    def timed(self, waypoints: Float, pace: Pace) -> Float:
        """float64[M,J]: a stream through waypoints [K,J] rad, within the robot's limits."""
        path = densify(waypoints, int(np.clip(24 * len(waypoints), 40, 240)))
        velocity, acceleration = (
            self.spec.velocity_rad_s * pace.velocity,
            self.spec.acceleration_rad_s2 * pace.acceleration,
        )
        if pace.tool_m_s is None or len(path) < 2:
            return time_scale(path, velocity, acceleration, self.spec.period_s)
        # The tool's path stands beside the joints' as three more coordinates with a speed limit of their own.
        tool = self._kinematics.frames(path)[:, -1, :3, 3]
        both = time_scale(
            np.concatenate([path, tool], axis=1),
            np.append(velocity, np.full(3, pace.tool_m_s)),
            np.append(acceleration, np.full(3, 1e3)),
            self.spec.period_s,
        )
        return both[:, : self.spec.dof]

    def through(
        self,
        start_q: Float,
        poses: Sequence[Pose],
        *,
        end_q: Float | None = None,
        checker: Checker | None = None,
        pace: Pace | None = None,
    ) -> Motion:
        """From `start_q` [J] through tool poses to the last, or on to `end_q` [J]; corners rounded.

        With a checker, around what is in the way to the first pose.

        Only the leg to the first pose is checked against the height map: what comes after is the primitive's own
        approach, whose room it has checked more finely.
        """
        pace = pace or Pace()
        start = self._kinematics.tool(start_q)
        ends = [] if end_q is None else [self._kinematics.tool(end_q)]
        q, corner = self._along([start, *poses, *ends], start_q)
        if q is None:
            return Motion(status=Status.UNREACHABLE, q=np.empty((0, self.spec.dof)), detail=corner)
        if end_q is not None:
            q = self._ending_at(q, end_q)
        if checker is None:
            return Motion(status=Status.SUCCEEDED, q=self.timed(q, pace))
        legs = self._first_leg(q, poses[0])
        if not self.searches and bool(checker.free(densify(q[: legs + 1], 6 * legs + 2) if legs else q[:1]).all()):
            return Motion(status=Status.SUCCEEDED, q=self.timed(q, pace))
        way = self._around(start_q, poses[0], checker)
        if way is None:
            return Motion(status=Status.PATH_BLOCKED, q=np.empty((0, self.spec.dof)), detail="no free way was found")
        rest, detail = self._along(list(poses), way[-1])
        if rest is None:
            return Motion(status=Status.UNREACHABLE, q=np.empty((0, self.spec.dof)), detail=detail)
        streams = [self.timed(way, pace)]
        if len(poses) > 1:
            streams.append(self.timed(rest, pace))
        return Motion(status=Status.SUCCEEDED, q=np.concatenate(streams))

    def line(self, start_q: Float, goal: Pose, *, pace: Pace | None = None) -> Motion:
        """From `start_q` [J] straight to the tool pose `goal`, turning evenly on the way, however the hand is held."""
        start = self._kinematics.tool(start_q)
        q = [np.asarray(start_q, dtype=np.float64)]
        for pose in _turning(start, goal):
            result = self._kinematics.solve(pose, q[-1], iterations=40)
            if not result.converged and pose.xyz is not goal.xyz and result.position_error_m < NEARLY_M:
                continue  # the next one may be met exactly; in between the joints go evenly
            if not result.converged or float(np.abs(result.q - q[-1]).max()) > LEAP_RAD:
                x, y, z = pose.xyz
                detail = f"the arm can't go straight on at ({x:.3f}, {y:.3f}, {z:.3f}) m"
                return Motion(status=Status.UNREACHABLE, q=np.empty((0, self.spec.dof)), detail=detail)
            q.append(result.q)
        return Motion(status=Status.SUCCEEDED, q=self.timed(np.stack(q), pace or Pace()))

    def to_q(
        self, start_q: Float, goal_q: Float, *, checker: Checker | None = None, pace: Pace | None = None
    ) -> Motion:
        """From one configuration to another, straight in joint space or around."""
        pace = pace or Pace()
        way: Float | None = np.stack([start_q, goal_q])
        if checker is not None and not segment_free(start_q, goal_q, checker.free):
            way = self._search(start_q, goal_q, checker)
        if way is None:
            return Motion(status=Status.PATH_BLOCKED, q=np.empty((0, self.spec.dof)), detail="no free way was found")
        return Motion(status=Status.SUCCEEDED, q=self.timed(way, pace))

    def _ending_at(self, q: Float, end_q: Float) -> Float:
        """The waypoints q [K,J] with the last led to `end_q`, of the same tool pose, evenly in the null space."""
        share = np.linspace(0.0, 1.0, len(q))[:, None]
        return np.asarray(q + share**2 * (end_q - q[-1]))

    def _around(self, start_q: Float, pose: Pose, checker: Checker) -> Float | None:
        goal = self._kinematics.reach(pose, start_q)
        return self._search(start_q, goal.q, checker) if goal.converged else None

    def _search(self, start_q: Float, goal_q: Float, checker: Checker) -> Float | None:
        low, high = np.minimum(start_q, goal_q) - 0.5, np.maximum(start_q, goal_q) + 0.5
        return rrt_connect(
            start_q,
            goal_q,
            checker.free,
            lower=np.maximum(low, self.spec.q_lower_rad),
            upper=np.minimum(high, self.spec.q_upper_rad),
            rng=np.random.default_rng(0),
        )

    def _first_leg(self, q: Float, pose: Pose) -> int:
        """Index of the waypoint that comes nearest to `pose`."""
        tools = self._kinematics.frames(q)[:, -1, :3, 3]
        return int(np.argmin(np.linalg.norm(tools - pose.xyz, axis=1)))

    def _along(self, poses: Sequence[Pose], seed: Float) -> tuple[Float | None, str]:
        """Configurations along the rounded polyline through `poses`, the first of which `seed` [J] already holds."""
        xyz = np.stack([p.xyz for p in poses])
        yaw = np.unwrap([_down_yaw(p) for p in poses], period=2 * np.pi)
        points, yaws = _rounded(xyz, yaw)
        out = [np.asarray(seed, dtype=np.float64)]
        for i in range(1, len(points)):
            goal = pointing_down(points[i], yaws[i])
            result = self._kinematics.solve(goal, out[-1], iterations=40)
            if not result.converged:
                if i == len(points) - 1 or result.position_error_m > 0.02:
                    x, y, z = points[i]
                    return (
                        None,
                        f"the arm can't reach ({x:.3f}, {y:.3f}, {z:.3f}) m, yaw {np.degrees(yaws[i]):.0f} degrees",
                    )
                continue
            out.append(result.q)
        return np.stack(out), ""


def _down_yaw(pose: Pose) -> float:
    """The yaw for which `pointing_down` gives this pose, as far as it points down."""
    return pose.yaw_rad


def _rounded(xyz: Float, yaw: Float) -> tuple[Float, Float]:
    """A polyline [K,3] with yaws [K] sampled every 2 cm, each inner corner replaced by a quadratic curve."""
    points, yaws = [xyz[0]], [float(yaw[0])]
    cursor, cursor_yaw = xyz[0], float(yaw[0])
    for i in range(1, len(xyz)):
        length = float(np.linalg.norm(xyz[i] - cursor))
        if i == len(xyz) - 1:
            _line(points, yaws, cursor, cursor_yaw, xyz[i], float(yaw[i]))
            break
        after = float(np.linalg.norm(xyz[i + 1] - xyz[i]))
        cut = min(CORNER_M, length / 2, after / 2)
        if cut < 1e-4:
            continue
        into = xyz[i] + (cursor - xyz[i]) * (cut / length)
        out = xyz[i] + (xyz[i + 1] - xyz[i]) * (cut / after)
        out_yaw = float(yaw[i] + (yaw[i + 1] - yaw[i]) * (cut / after))
        _line(points, yaws, cursor, cursor_yaw, into, float(yaw[i]))
        for t in (0.25, 0.5, 0.75, 1.0):
            points.append((1 - t) ** 2 * into + 2 * t * (1 - t) * xyz[i] + t**2 * out)
            yaws.append(float(yaw[i] + t**2 * (out_yaw - yaw[i])))
        cursor, cursor_yaw = out, out_yaw
    return np.stack(points), np.array(yaws)


def _turning(start: Pose, goal: Pose) -> list[Pose]:
    """Poses on the way from one to the other, the last the goal: the shorter way round, the quaternion along its chord,
    which is exact enough at these steps."""
    first, last = start.quat_xyzw, goal.quat_xyzw
    last = last if float(first @ last) >= 0 else -last
    turn = 2 * float(np.arccos(np.clip(first @ last, -1.0, 1.0)))
    length = float(np.linalg.norm(goal.xyz - start.xyz))
    shares = np.linspace(0.0, 1.0, 1 + max(1, int(np.ceil(max(length / SAMPLE_M, turn / 0.25)))))[1:]
    quats = [(1 - t) * first + t * last for t in shares]
    return [
        Pose(xyz=start.xyz + t * (goal.xyz - start.xyz), quat_xyzw=q / np.linalg.norm(q))
        for t, q in zip(shares[:-1], quats, strict=False)
    ] + [goal]


def _line(points: list[Float], yaws: list[float], start: Float, start_yaw: float, end: Float, end_yaw: float) -> None:
    count = max(1, int(np.ceil(max(float(np.linalg.norm(end - start)) / SAMPLE_M, abs(end_yaw - start_yaw) / 0.25))))
    for t in np.linspace(0.0, 1.0, count + 1)[1:]:
        points.append(start + t * (end - start))
        yaws.append(start_yaw + float(t) * (end_yaw - start_yaw))
