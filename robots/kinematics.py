"""Forward and inverse kinematics of a serial arm, read from its URDF. Numpy alone, vectorised over configurations.

Shape letters: N configurations, J moving joints, L links of the chain.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from robots.geometry import Pose
from robots.spec import RobotSpec

Float = NDArray[np.float64]

POSITION_TOLERANCE_M = 2e-4
ANGLE_TOLERANCE_RAD = 2e-3


@dataclass(frozen=True, kw_only=True, eq=False)
class Joint:
    """One joint of a URDF. parent_T_joint: float64[4,4] at rest; axis: unit float64[3] in the joint's frame."""

    name: str
    kind: str
    parent: str
    child: str
    parent_T_joint: Float
    axis: Float
    lower: float
    upper: float


def read_urdf(path: Path) -> dict[str, Joint]:
    """The joints of a URDF by the name of their child link."""
    joints: dict[str, Joint] = {}
    for element in ET.parse(path).getroot().iter("joint"):
        parent, child = element.find("parent"), element.find("child")
        if parent is None or child is None:
            raise ValueError(f"{path}: joint {element.get('name')!r} needs a parent and a child")
        origin, axis, limit = element.find("origin"), element.find("axis"), element.find("limit")
        direction = _numbers(axis, "xyz", "1 0 0")
        length = float(np.linalg.norm(direction))
        joint = Joint(
            name=element.get("name", ""),
            kind=element.get("type", ""),
            parent=parent.get("link", ""),
            child=child.get("link", ""),
            parent_T_joint=_matrix(_numbers(origin, "xyz", "0 0 0"), _numbers(origin, "rpy", "0 0 0")),
            axis=direction / length if length > 0 else direction,
            lower=float(limit.get("lower", "0")) if limit is not None else 0.0,
            upper=float(limit.get("upper", "0")) if limit is not None else 0.0,
        )
        joints[joint.child] = joint
    return joints


def _numbers(element: ET.Element | None, key: str, default: str) -> Float:
    text = default if element is None else element.get(key, default)
    return np.array([float(t) for t in text.split()])


def _matrix(xyz: Float, rpy: Float) -> Float:
    (cr, cp, cy), (sr, sp, sy) = np.cos(rpy), np.sin(rpy)
    m = np.eye(4)
    m[:3, :3] = [
        [cy * cp, cy * sp * sr - sy * cr, cy * sp * cr + sy * sr],
        [sy * cp, sy * sp * sr + cy * cr, sy * sp * cr - cy * sr],
        [-sp, cp * sr, cp * cr],
    ]
    m[:3, 3] = xyz
    return m


@dataclass(frozen=True, kw_only=True, eq=False)
class IkResult:
    """q: float64[J] rad, within limits. The errors are those that remain; `converged`: both within tolerance."""

    q: Float
    position_error_m: float
    angle_error_rad: float
    iterations: int
    converged: bool


class Kinematics:
    """Forward and inverse kinematics from `spec.base_link` to `spec.tool_link`."""

    def __init__(self, spec: RobotSpec) -> None:
        joints = read_urdf(spec.urdf)
        chain: list[Joint] = []
        link = spec.tool_link
        while link != spec.base_link:
            if link not in joints:
                raise ValueError(f"{spec.urdf}: no joints lead from {spec.base_link!r} to {spec.tool_link!r}")
            chain.insert(0, joints[link])
            link = joints[link].parent
        moving = [j for j in chain if j.kind != "fixed"]
        if tuple(j.name for j in moving) != spec.joint_names or any(j.kind != "revolute" for j in moving):
            raise ValueError(
                f"{spec.urdf}: expected the revolute joints {spec.joint_names}, found {[j.name for j in moving]}"
            )
        self.spec = spec
        self.links = tuple(j.child for j in moving)
        self._axes = np.stack([j.axis for j in moving])
        # Rodrigues: R(q) = (I + K K) + sin(q) K - cos(q) K K, so a joint's transform is a sum of three constants.
        constant, sine, cosine = (np.zeros((len(moving), 4, 4)) for _ in range(3))
        fixed, i = np.eye(4), 0
        for joint in chain:
            fixed = fixed @ joint.parent_T_joint
            if joint.kind == "fixed":
                continue
            x, y, z = joint.axis
            k = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
            constant[i] = fixed
            constant[i, :3, :3] = fixed[:3, :3] @ (np.eye(3) + k @ k)
            sine[i, :3, :3] = fixed[:3, :3] @ k
            cosine[i, :3, :3] = -fixed[:3, :3] @ k @ k
            fixed, i = np.eye(4), i + 1
        self._constant, self._sine, self._cosine = constant, sine, cosine
        self._last_T_tool = fixed
        self._identity = np.eye(len(moving))

    def frames(self, q: ArrayLike) -> Float:
        """float64[N,J+1,4,4]: base_T_link of every moving link and, last, base_T_tool, for q [N,J] rad."""
        q = np.asarray(q, dtype=np.float64)
        steps = self._constant + np.sin(q)[..., None, None] * self._sine + np.cos(q)[..., None, None] * self._cosine
        out = np.empty((*q.shape[:-1], q.shape[-1] + 1, 4, 4))
        out[..., 0, :, :] = steps[..., 0, :, :]
        for j in range(1, q.shape[-1]):
            np.matmul(out[..., j - 1, :, :], steps[..., j, :, :], out=out[..., j, :, :])
        np.matmul(out[..., -2, :, :], self._last_T_tool, out=out[..., -1, :, :])
        return out

    def tool(self, q: ArrayLike) -> Pose:
        """base_T_tool for one configuration q [J] rad."""
        return Pose.from_matrix(self.frames(q)[-1])

    def jacobian(self, q: ArrayLike) -> Float:
        """float64[6,J]: velocity of the tool point (m/s) over angular velocity (rad/s), in the base frame."""
        return self._jacobian(self.frames(q))

    def _jacobian(self, frames: Float) -> Float:
        # The axis seen in the link's own frame is the one seen in the joint's: a turn about it leaves it alone.
        axes = (frames[:-1, :3, :3] @ self._axes[:, :, None])[:, :, 0]
        arms = frames[-1, :3, 3] - frames[:-1, :3, 3]
        linear = axes[:, [1, 2, 0]] * arms[:, [2, 0, 1]] - axes[:, [2, 0, 1]] * arms[:, [1, 2, 0]]
        return np.asarray(np.concatenate([linear, axes], axis=1).T)

    def solve(self, goal: Pose, seed: ArrayLike, *, iterations: int = 60) -> IkResult:
        """Damped least squares from `seed` [J] rad towards base_T_tool = `goal`, drawn to home in the null space.

        Damping grows with the error (Sugihara 2011), so a goal out of reach ends close to it instead of diverging.
        """
        spec = self.spec
        target_xyz, target_rotation = goal.xyz, goal.rotation
        q = np.clip(np.asarray(seed, dtype=np.float64), spec.q_lower_rad, spec.q_upper_rad)
        position = angle = np.inf
        for step in range(iterations + 1):
            frames = self.frames(q)
            error = np.concatenate(
                [target_xyz - frames[-1, :3, 3], _rotation_vector(target_rotation @ frames[-1, :3, :3].T)]
            )
            position, angle = float(np.linalg.norm(error[:3])), float(np.linalg.norm(error[3:]))
            if position < POSITION_TOLERANCE_M and angle < ANGLE_TOLERANCE_RAD:
                return IkResult(q=q, position_error_m=position, angle_error_rad=angle, iterations=step, converged=True)
            if step == iterations:
                break
            jacobian = self._jacobian(frames)
            square = jacobian.T @ jacobian + (1e-4 + 1e-2 * float(error @ error)) * self._identity
            pull = (0.05 * 0.9**step) * (spec.home_q_rad - q)
            # (J'J + dI)^-1 (J'e + d' pull) moves along the pull only where the task does not care.
            change = np.linalg.solve(square, jacobian.T @ (error - jacobian @ pull)) + pull
            largest = float(np.abs(change).max())
            q = np.clip(q + change * min(1.0, 0.5 / max(largest, 1e-12)), spec.q_lower_rad, spec.q_upper_rad)
        return IkResult(q=q, position_error_m=position, angle_error_rad=angle, iterations=iterations, converged=False)

    def reach(self, goal: Pose, seed: ArrayLike) -> IkResult:
        """`solve` from `seed`, then from home turned towards the goal, straight and bent; the first that converges."""
        first = self.solve(goal, seed)
        if first.converged:
            return first
        turned = np.array(self.spec.home_q_rad)
        turned[0] += np.arctan2(goal.xyz[1], goal.xyz[0])
        best = first
        for bend in (0.0, 0.35, -0.35):
            other = turned.copy()
            other[1] += bend
            other[3] += bend
            result = self.solve(goal, other)
            if result.converged:
                return result
            if result.position_error_m < best.position_error_m:
                best = result
        return best


def _rotation_vector(rotation: Float) -> Float:
    """Axis times angle float64[3] of a rotation matrix; near a half turn the axis is read off the diagonal."""
    skew = np.array([rotation[2, 1] - rotation[1, 2], rotation[0, 2] - rotation[2, 0], rotation[1, 0] - rotation[0, 1]])
    sine = 0.5 * float(np.sqrt(skew @ skew))
    cosine = 0.5 * float(rotation[0, 0] + rotation[1, 1] + rotation[2, 2] - 1.0)
    if sine > 1e-6:
        return skew * (0.5 * float(np.arctan2(sine, cosine)) / sine)
    if cosine > 0:
        return 0.5 * skew
    axis = np.sqrt(np.maximum(0.0, 0.5 * (np.diag(rotation) + 1.0)))
    i = int(np.argmax(axis))
    signs = np.where(rotation[i] + rotation[:, i] < 0, -1.0, 1.0)
    signs[i] = 1.0
    return np.pi * signs * axis


@cache
def kinematics(spec: RobotSpec) -> Kinematics:
    """The one Kinematics of a spec (reading the URDF costs a millisecond)."""
    return Kinematics(spec)
