"""Forward and inverse kinematics of a serial arm, alone or together with the base it stands on. Numpy alone.

Shape letters: N configurations, J commanded joints, L moving links of the chain.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from robots.chain import Chain, Joint, path_to, read_urdf
from robots.geometry import Pose, wrapped
from robots.parts import CameraMount, Drive
from robots.spec import RobotSpec
from robots.wrist import SlidingWrist

Float = NDArray[np.float64]
BaseJoint = Literal["x", "y", "yaw"]

POSITION_TOLERANCE_M = 2e-4
ANGLE_TOLERANCE_RAD = 2e-3
BASE_COST = 10.0
"""What moving the base costs inverse kinematics beside moving the arm, a metre or radian like a radian of a joint."""
FARTHEST_M = 100.0
SCATTER, SCATTER_RAD = 0.35, 0.8
"""Share of each joint's range, and of the turn about the vertical, that scattered starts lie apart by."""


@dataclass(frozen=True, kw_only=True, eq=False)
class IkResult:
    """q: float64[J] rad or m, within limits. The errors are those that remain; `converged`: both within tolerance."""

    q: Float
    position_error_m: float
    angle_error_rad: float
    iterations: int
    converged: bool


class Kinematics:
    """Forward and inverse kinematics from `spec.base_link` to `spec.tool_link`, where `base_joints` are none.

    With some, the base moves too: they stand in front of the arm's joints in q, in the order of `base_joints`, and all
    poses are seen from where the base stands at 0. ("yaw", "x") is a turn on the spot and then a way forward, which
    any base can do; ("x", "y", "yaw") is what a holonomic one does in one go; ("x",) is a way forward alone.
    """

    def __init__(self, spec: RobotSpec, base_joints: Sequence[BaseJoint] = ()) -> None:
        joints = read_urdf(spec.urdf)
        names = (*(f"base_{b}" for b in base_joints), *spec.joint_names)
        try:
            path = [*_rail(spec), *path_to(joints, spec.base_link, spec.tool_link)]
            self._chain = Chain([*(_base_joint(b) for b in base_joints), *path], names, spec.telescopes)
        except ValueError as error:
            raise ValueError(f"{spec.urdf}: {error}") from None
        if self._chain.driven != names:
            raise ValueError(f"{spec.urdf}: expected the moving joints {names}, found {self._chain.driven}")
        self.spec, self.names, self.links = spec, names, self._chain.links
        n = self.base_dof = len(base_joints)
        far = np.array([2 * np.pi if b == "yaw" else FARTHEST_M for b in base_joints])
        self.q_lower_rad: Float = np.concatenate([-far, spec.q_lower_rad])
        self.q_upper_rad: Float = np.concatenate([far, spec.q_upper_rad])
        self.home_q_rad: Float = np.concatenate([np.zeros(n), spec.home_q_rad])
        self._posture: Float = np.concatenate([np.zeros(n), spec.posture])
        self._starts = np.pad(spec.ik_starts_rad, ((0, 0), (n, 0)))
        self._damping = np.diag([BASE_COST] * n + [1.0] * spec.dof)
        rest = self.frames(np.zeros(len(names)))
        self.base_T_shoulder = Pose.from_matrix(rest[n])
        """Where the arm's first moving link is while all joints are at 0."""
        # The joint that turns the whole arm about the vertical, if there is one behind nothing but a base's.
        first = int(np.argmax(self._chain.turns)) if self._chain.turns.any() else len(names)
        upright = first <= n and bool(abs(rest[first, 2, :3] @ self._chain.axes[first]) > 1 - 1e-6)
        self._turning = first if upright else None
        self._pivot = rest[first, :2, 3] if upright else np.zeros(2)
        tool = self.frames(self._posture)[-1, :2, 3] - self._pivot
        self._azimuth_rad = round(float(np.arctan2(tool[1], tool[0])), 6)
        self._base_joints = tuple(base_joints)
        # Joints that slide, and bases beside them, come to their limits in the midst of what they reach.
        self._yields = not self._chain.turns.all()
        self._wrist = SlidingWrist.of(self._chain, self.q_lower_rad, self.q_upper_rad) if spec.slides else None

    @property
    def starts(self) -> Float:
        """float64[K,J]: configurations that a search may start from, the posture first."""
        return np.asarray(self._posture + self._starts)

    def frames(self, q: ArrayLike) -> Float:
        """float64[N,L+1,4,4]: base_T_link of every moving link (`links`) and, last, base_T_tool, for q [N,J]."""
        return self._chain.frames(q)

    def tool(self, q: ArrayLike) -> Pose:
        """base_T_tool for one configuration q [J]."""
        return Pose.from_matrix(self.frames(q)[-1])

    def jacobian(self, q: ArrayLike) -> Float:
        """float64[6,J]: velocity of the tool point (m/s, rad/s) over the joints' (rad/s or m/s), in the base frame."""
        return self._chain.jacobian(self.frames(q))

    def solve(self, goal: Pose, seed: ArrayLike, *, iterations: int = 60) -> IkResult:
        """Damped least squares from `seed` [J] towards base_T_tool = `goal`, drawn to the posture in the null space.

        Damping grows with the error (Sugihara 2011), so a goal out of reach ends close to it instead of diverging.
        """
        if self._wrist is not None:
            return self._closed(goal.xyz, goal.rotation, np.asarray(seed, dtype=np.float64))
        lower, upper = self.q_lower_rad, self.q_upper_rad
        target_xyz, target_rotation = goal.xyz, goal.rotation
        q = np.clip(np.asarray(seed, dtype=np.float64), lower, upper)
        position = angle = np.inf
        for step in range(iterations + 1):
            frames = self.frames(q)
            error = np.concatenate(
                [target_xyz - frames[-1, :3, 3], _rotation_vector(target_rotation @ frames[-1, :3, :3].T)]
            )
            away, turn = error[:3], error[3:]
            position, angle = math.sqrt(away.dot(away)), math.sqrt(turn.dot(turn))
            if position < POSITION_TOLERANCE_M and angle < ANGLE_TOLERANCE_RAD:
                return IkResult(q=q, position_error_m=position, angle_error_rad=angle, iterations=step, converged=True)
            if step == iterations:
                break
            jacobian = self._chain.jacobian(frames)
            damping = (1e-4 + 1e-2 * float(error @ error)) * self._damping
            pull = (0.05 * 0.9**step) * (self._posture - q)
            change = _step(jacobian, damping, error, pull)
            if self._yields:
                held = ((q <= lower) & (change < 0)) | ((q >= upper) & (change > 0))
                if held.any():
                    change = np.where(held, 0.0, _step(np.where(held, 0.0, jacobian), damping, error, pull))
            largest = float(np.abs(change).max())
            q = np.minimum(np.maximum(q + change * min(1.0, 0.5 / max(largest, 1e-12)), lower), upper)
        return IkResult(q=q, position_error_m=position, angle_error_rad=angle, iterations=iterations, converged=False)

    def turned(self, rotation: Float, seed: ArrayLike) -> Float | None:
        """float64[3]: a sliding arm's wrist for a rotation [3,3] of the tool; None: beyond its limits.

        Raises:
            ValueError: the arm is none with a wrist of its own behind joints that slide.
        """
        if self._wrist is None:
            raise ValueError(f"{self.spec.name}'s wrist is not apart from its arm")
        return self._wrist.turned(rotation, np.asarray(seed, dtype=np.float64))

    def _closed(self, xyz: Float, rotation: Float, seed: Float) -> IkResult:
        """Exactly, or not at all: then the errors are infinite and q is the seed."""
        assert self._wrist is not None
        q = self._wrist.solve(xyz, rotation, seed)
        far = np.inf if q is None else 0.0
        return IkResult(
            q=seed if q is None else q, position_error_m=far, angle_error_rad=far, iterations=1, converged=q is not None
        )

    def solve_many(
        self, xyz: Float, rotations: Float, seeds: Float, *, iterations: int = 40
    ) -> tuple[Float, NDArray[np.bool_]]:
        """`solve` for N goals at once, xyz [N,3] m and rotations [N,3,3], from seeds [N,J]: float64[N,J], and bool[N]
        which
        of them converged. For searches among many places; what is given up early costs little."""
        if self._wrist is not None:
            each = [self._closed(*one) for one in zip(xyz, rotations, seeds, strict=True)]
            solved = np.array([one.q for one in each]).reshape(seeds.shape)
            return solved, np.array([one.converged for one in each], dtype=np.bool_)
        lower, upper = self.q_lower_rad, self.q_upper_rad
        q = np.clip(seeds, lower, upper)
        done = np.zeros(len(q), dtype=np.bool_)
        for step in range(iterations + 1):
            left = np.nonzero(~done)[0]
            if len(left) == 0:
                break
            now = q[left]
            frames = self.frames(now)
            tip = frames[:, -1]
            turn = np.array([_rotation_vector(r) for r in rotations[left] @ tip[:, :3, :3].transpose(0, 2, 1)])
            error = np.concatenate([xyz[left] - tip[:, :3, 3], turn], axis=1)
            far, off = np.linalg.norm(error[:, :3], axis=1), np.linalg.norm(error[:, 3:], axis=1)
            done[left] = (far < POSITION_TOLERANCE_M) & (off < ANGLE_TOLERANCE_RAD)
            if step == iterations:
                break
            jacobian = np.array([self._chain.jacobian(f) for f in frames])
            square = jacobian.transpose(0, 2, 1) @ jacobian
            square += (1e-4 + 1e-2 * (error**2).sum(axis=1))[:, None, None] * self._damping
            pull = (0.05 * 0.9**step) * (self._posture - now)
            aim = error - (jacobian @ pull[:, :, None])[:, :, 0]
            change = np.linalg.solve(square, jacobian.transpose(0, 2, 1) @ aim[:, :, None])[:, :, 0] + pull
            largest = np.maximum(np.abs(change).max(axis=1), 1e-12)
            moved = np.clip(now + change * np.minimum(1.0, 0.5 / largest)[:, None], lower, upper)
            q[left] = np.where(done[left][:, None], now, moved)
        return q, done

    def reach(self, goal: Pose, seed: ArrayLike) -> IkResult:
        """From `seed`, then from the spec's starts, turned or driven towards the goal; the first that converges."""
        best = self.solve(goal, seed)
        if best.converged:
            return best
        for start in self._towards(goal):
            result = self.solve(goal, start)
            if result.converged:
                return result
            if result.position_error_m < best.position_error_m:
                best = result
        return best

    def scattered(self, goal: Pose, count: int, rng: np.random.Generator) -> Float:
        """float64[count,J]: starts all over the arm's range, the joint that turns it about the vertical towards `goal`
        (base_T_tool)."""
        span = self.q_upper_rad - self.q_lower_rad
        q = self._posture + SCATTER * span * rng.uniform(-1, 1, (count, len(span)))
        if self._turning is not None:
            away = goal.xyz[:2] - self._pivot
            turn = float(np.arctan2(away[1], away[0])) - self._azimuth_rad
            q[:, self._turning] = self._posture[self._turning] + turn + rng.uniform(-SCATTER_RAD, SCATTER_RAD, count)
        return np.clip(q, self.q_lower_rad, self.q_upper_rad)

    def _towards(self, goal: Pose) -> Iterator[Float]:
        """Each start with what carries the tool sideways put so that it is above or below the goal, if it can be."""
        if self.base_dof == 0:
            turned = np.array(self._posture)
            if self._turning is not None:
                away = goal.xyz[:2] - self._pivot
                turned[self._turning] += np.arctan2(away[1], away[0]) - self._azimuth_rad
            yield from (turned + start for start in self._starts)
            return
        for start in self._starts:
            q = self._posture + start
            for base in _stands(self._base_joints, self.frames(q)[-1, :2, 3], goal.xyz[:2]):
                yield np.concatenate([base, q[self.base_dof :]])


def _step(jacobian: Float, damping: Float, error: Float, pull: Float) -> Float:
    # (J'J + dI)^-1 (J'e + d' pull) moves along the pull only where the task does not care.
    square = jacobian.T @ jacobian + damping
    return np.asarray(np.linalg.solve(square, jacobian.T @ (error - jacobian @ pull)) + pull)


def _stands(base_joints: tuple[BaseJoint, ...], tool: Float, goal: Float) -> list[Float]:
    """Base joints that bring a tool which is at `tool` [2] m beside the base's origin over `goal` [2] m, or near it."""
    away = float(np.hypot(*goal))
    bearing = float(np.arctan2(goal[1], goal[0]))
    if base_joints == ("x", "y", "yaw"):
        yaw = float(wrapped(bearing - float(np.arctan2(tool[1], tool[0]))))
        c, s = np.cos(yaw), np.sin(yaw)
        return [np.array([*(goal - np.array([[c, -s], [s, c]]) @ tool), yaw])]
    if base_joints == ("yaw", "x"):
        # The tool stays `tool[1]` left of the line that the base drives along, and the goal must come to lie there.
        along = float(np.sqrt(max(0.0, away**2 - tool[1] ** 2)))
        return [
            np.array([float(wrapped(bearing - float(np.arctan2(tool[1], way)))), way - tool[0]])
            for way in (along, -along)
        ]
    if base_joints == ("x",):
        return [goal[:1] - tool[:1]]
    return [np.zeros(len(base_joints))]


def _rotation_vector(rotation: Float) -> Float:
    """Axis times angle float64[3] of a rotation matrix; near a half turn the axis is read off the diagonal."""
    (a, b, c), (d, e, f), (g, h, k) = rotation.tolist()
    skew = np.array([h - f, c - g, d - b])
    sine = 0.5 * math.sqrt(skew @ skew)
    cosine = 0.5 * (a + e + k - 1.0)
    if sine > 1e-6:
        return skew * (0.5 * float(np.arctan2(sine, cosine)) / sine)
    if cosine > 0:
        return 0.5 * skew
    axis = np.sqrt(np.maximum(0.0, 0.5 * (np.diag(rotation) + 1.0)))
    i = int(np.argmax(axis))
    signs = np.where(rotation[i] + rotation[:, i] < 0, -1.0, 1.0)
    signs[i] = 1.0
    return np.pi * signs * axis


def _base_joint(name: BaseJoint) -> Joint:
    axis = {"x": [1.0, 0.0, 0.0], "y": [0.0, 1.0, 0.0], "yaw": [0.0, 0.0, 1.0]}[name]
    return Joint(
        name=f"base_{name}",
        kind="revolute" if name == "yaw" else "prismatic",
        parent="",
        child=f"base_{name}",
        parent_T_joint=np.eye(4),
        axis=np.array(axis),
        lower=-np.inf,
        upper=np.inf,
    )


def _rail(spec: RobotSpec) -> list[Joint]:
    """Where the arm's first joint is the base's own way ahead, that joint."""
    return [_base_joint("x")] if spec.slides else []


@cache
def kinematics(spec: RobotSpec) -> Kinematics:
    """The one Kinematics of a spec's arm (reading the URDF costs a millisecond)."""
    return Kinematics(spec)


@cache
def whole_body(spec: RobotSpec, base_joints: tuple[BaseJoint, ...] | None = None) -> Kinematics:
    """The arm with its base: by default all that the base can do, turn and go, or go anywhere and turn.

    Raises:
        ValueError: the robot stands on a fixed base.
    """
    if spec.base is None:
        raise ValueError(f"{spec.name} stands on a fixed base: its whole body is its arm, kinematics(spec)")
    whole: tuple[BaseJoint, ...] = ("x", "y", "yaw") if spec.base.drive is Drive.HOLONOMIC else ("yaw", "x")
    return Kinematics(spec, whole if base_joints is None else base_joints)


@cache
def _to_link(spec: RobotSpec, link: str) -> Chain:
    names = (*spec.joint_names, *(spec.head.joint_names if spec.head else ()))
    return Chain([*_rail(spec), *path_to(read_urdf(spec.urdf), spec.base_link, link)], names, spec.telescopes)


def base_T_link(spec: RobotSpec, link: str, arm_q: ArrayLike, head_q: ArrayLike | None = None) -> Float:
    """float64[4,4]: where any link of the robot's URDF is, for arm_q [J] and, where it has a head, head_q [2]."""
    q = np.concatenate([np.asarray(arm_q, dtype=np.float64), np.asarray(() if head_q is None else head_q)])
    return np.asarray(_to_link(spec, link).frames(q)[-1])


def base_T_links(spec: RobotSpec, link: str, q: ArrayLike) -> Float:
    """float64[N,4,4]: `base_T_link` for joints of the arm and, behind them, of the head, [N,J]."""
    return np.asarray(_to_link(spec, link).frames(q)[:, -1])


def base_T_camera(spec: RobotSpec, mount: CameraMount, arm_q: ArrayLike, head_q: ArrayLike | None = None) -> Pose:
    """Where a camera of the robot is: x right, y down, z forward."""
    return Pose.from_matrix(base_T_link(spec, mount.link, arm_q, head_q)) @ mount.link_T_camera
