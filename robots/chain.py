"""Serial chains of joints, read from a URDF: where each link is, and how it moves. Numpy alone, vectorised.

Shape letters: N configurations, J commanded joints, L moving links (more than J where a telescope slides).
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from robots.spec import Telescope

Float = NDArray[np.float64]

TURNING, SLIDING = ("revolute", "continuous"), "prismatic"


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


def path_to(joints: dict[str, Joint], base: str, tip: str) -> list[Joint]:
    """The joints from link `base` to link `tip`, in order.

    Raises:
        ValueError: none lead there.
    """
    path: list[Joint] = []
    link = tip
    while link != base:
        if link not in joints:
            raise ValueError(f"no joints lead from {base!r} to {tip!r}")
        path.insert(0, joints[link])
        link = joints[link].parent
    return path


class Chain:
    """Joints one behind the other, moved by commanded values: q float64[J], rad or m, over `names`.

    A commanded joint moves the URDF's joint of its name; a telescope moves each of its segments by an equal share.
    Commanded joints that are not on the way are allowed and change nothing; others that move are an error.
    """

    def __init__(self, path: Sequence[Joint], names: Sequence[str], telescopes: Sequence[Telescope] = ()) -> None:
        moving = [j for j in path if j.kind != "fixed"]
        driver = {name: (name, 1.0) for name in names}
        for scope in telescopes:
            driver |= {segment: (scope.name, 1.0 / len(scope.segments)) for segment in scope.segments}
        for joint in moving:
            if joint.name not in driver or joint.kind not in (*TURNING, SLIDING):
                raise ValueError(f"nothing commands the {joint.kind} joint {joint.name!r}; there are {tuple(names)}")
        self.links = tuple(j.child for j in moving)
        self.driven = tuple(dict.fromkeys(driver[j.name][0] for j in moving))
        """The commanded joints that are on the way, in order."""
        self.turns = np.array([j.kind in TURNING for j in moving], dtype=bool)
        order = [list(names).index(driver[j.name][0]) for j in moving]
        # One commanded value a moving joint, in order: then q needs no sorting out.
        self._plain = order == list(range(len(names)))
        self._order, self._share = np.array(order, dtype=int), np.array([driver[j.name][1] for j in moving])
        self._gather = np.zeros((len(moving), len(names)))
        self._gather[np.arange(len(moving)), self._order] = self._share
        self.axes = np.array([j.axis for j in moving]).reshape(-1, 3)
        # Rodrigues: R(q) = (I + K K) + sin(q) K - cos(q) K K, so a joint's transform is a sum of three constants;
        # one that slides by q adds q times a fourth.
        constant, sine, cosine, slide = (np.zeros((len(moving), 4, 4)) for _ in range(4))
        fixed, i = np.eye(4), 0
        for joint in path:
            fixed = fixed @ joint.parent_T_joint
            if joint.kind == "fixed":
                continue
            constant[i] = fixed
            if joint.kind == SLIDING:
                slide[i, :3, 3] = fixed[:3, :3] @ joint.axis
            else:
                x, y, z = joint.axis
                k = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
                constant[i, :3, :3] = fixed[:3, :3] @ (np.eye(3) + k @ k)
                sine[i, :3, :3] = fixed[:3, :3] @ k
                cosine[i, :3, :3] = -fixed[:3, :3] @ k @ k
            fixed, i = np.eye(4), i + 1
        self._constant, self._sine, self._cosine = constant, sine, cosine
        self._slide = None if self.turns.all() else slide
        self._last_T_tip = fixed

    def frames(self, q: ArrayLike) -> Float:
        """float64[N,L+1,4,4]: base_T_link of every moving link and, last, base_T_tip, for q [N,J]."""
        given: Float = np.asarray(q, dtype=np.float64)
        value = given if self._plain else given[..., self._order] * self._share
        steps = (
            self._constant + np.sin(value)[..., None, None] * self._sine + np.cos(value)[..., None, None] * self._cosine
        )
        if self._slide is not None:
            steps += value[..., None, None] * self._slide
        out = np.empty((*value.shape[:-1], value.shape[-1] + 1, 4, 4))
        if not self.links:
            out[..., -1, :, :] = self._last_T_tip
            return out
        if value.ndim == 1:
            out[0] = steps[0]
            for j in range(1, len(value)):
                np.matmul(out[j - 1], steps[j], out=out[j])
            np.matmul(out[-2], self._last_T_tip, out=out[-1])
            return out
        out[..., 0, :, :] = steps[..., 0, :, :]
        for j in range(1, value.shape[-1]):
            np.matmul(out[..., j - 1, :, :], steps[..., j, :, :], out=out[..., j, :, :])
        np.matmul(out[..., -2, :, :], self._last_T_tip, out=out[..., -1, :, :])
        return out

    def jacobian(self, frames: Float) -> Float:
        """float64[6,J]: velocity of the tip (m/s, rad/s) over that of the joints, in the base frame, at `frames`."""
        # The axis seen in the link's own frame is the one seen in the joint's: a turn about it leaves it alone.
        axes = (frames[:-1, :3, :3] @ self.axes[:, :, None])[:, :, 0]
        arms = frames[-1, :3, 3] - frames[:-1, :3, 3]
        (ax, ay, az), (rx, ry, rz) = axes.T, arms.T
        linear = np.empty_like(axes)
        linear[:, 0], linear[:, 1], linear[:, 2] = ay * rz - az * ry, az * rx - ax * rz, ax * ry - ay * rx
        if self._slide is not None:
            linear, axes = np.where(self.turns[:, None], linear, axes), np.where(self.turns[:, None], axes, 0.0)
        each = np.asarray(np.concatenate([linear, axes], axis=1).T)
        return each if self._plain else np.asarray(each @ self._gather)
