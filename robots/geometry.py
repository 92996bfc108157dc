"""Rigid transforms. Quaternions are xyzw; `a_T_b` maps coordinates in frame b to coordinates in frame a."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

Float = NDArray[np.float64]


def wrapped(angle_rad: ArrayLike) -> Float:
    """Angles brought into [-pi, pi), one by one."""
    return np.asarray((np.asarray(angle_rad) + np.pi) % (2 * np.pi) - np.pi)


def quat_from_matrix(rotation: ArrayLike) -> Float:
    """Unit quaternion xyzw float64[4], w >= 0, of a rotation matrix [3,3] (Shepperd 1978)."""
    # In Python's numbers: for so few, NumPy's calls cost more than the arithmetic.
    (a, b, c), (d, e, f), (g, h, i) = np.asarray(rotation, dtype=np.float64).tolist()
    trace = a + e + i
    squares = (1 + 2 * a - trace, 1 + 2 * e - trace, 1 + 2 * i - trace, 1 + trace)
    largest = squares.index(max(squares))
    if largest == 3:
        quat = np.array([h - f, c - g, d - b, squares[3]])
    elif largest == 0:
        quat = np.array([squares[0], b + d, c + g, h - f])
    elif largest == 1:
        quat = np.array([d + b, squares[1], f + h, c - g])
    else:
        quat = np.array([g + c, h + f, squares[2], d - b])
    quat /= math.sqrt(quat.dot(quat))
    return quat if quat[3] >= 0 else -quat


def matrix_from_quat(quat_xyzw: ArrayLike) -> Float:
    """Rotation matrix float64[3,3] of a quaternion xyzw [4], normalised first."""
    q = np.asarray(quat_xyzw, dtype=np.float64)
    x, y, z, w = (q / math.sqrt(q.dot(q))).tolist()
    return np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
            [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
            [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
        ]
    )


def quat_from_axis_angle(axis: ArrayLike, angle_rad: float) -> Float:
    """Quaternion xyzw float64[4] of a turn by `angle_rad` about `axis` [3]."""
    unit = np.asarray(axis, dtype=np.float64)
    unit = unit / np.linalg.norm(unit)
    return np.array([*(np.sin(angle_rad / 2) * unit), np.cos(angle_rad / 2)])


@dataclass(frozen=True, kw_only=True, eq=False)
class Pose:
    """A rigid transform. `xyz` float64[3] in metres, `quat_xyzw` float64[4] of unit norm."""

    xyz: Float
    quat_xyzw: Float

    def __post_init__(self) -> None:
        xyz = np.array(self.xyz, dtype=np.float64)
        quat = np.array(self.quat_xyzw, dtype=np.float64)
        if xyz.shape != (3,) or quat.shape != (4,):
            raise ValueError(f"a Pose takes xyz[3] and quat_xyzw[4], not {xyz.shape} and {quat.shape}")
        norm = math.sqrt(quat.dot(quat))
        if not all(map(math.isfinite, xyz.tolist())) or not math.isfinite(norm) or norm < 1e-9:
            raise ValueError(f"a Pose takes finite numbers and a quaternion that is not zero, not {xyz}, {quat}")
        quat = quat / norm
        xyz.setflags(write=False)
        quat.setflags(write=False)
        object.__setattr__(self, "xyz", xyz)
        object.__setattr__(self, "quat_xyzw", quat)

    @classmethod
    def identity(cls) -> Pose:
        return cls(xyz=np.zeros(3), quat_xyzw=np.array([0.0, 0.0, 0.0, 1.0]))

    @classmethod
    def from_matrix(cls, matrix: ArrayLike) -> Pose:
        """From a homogeneous matrix [4,4]."""
        m = np.asarray(matrix, dtype=np.float64)
        return cls(xyz=m[:3, 3], quat_xyzw=quat_from_matrix(m[:3, :3]))

    @classmethod
    def from_xyz_yaw(cls, xyz: ArrayLike, yaw_rad: float = 0.0) -> Pose:
        """At `xyz` [3] m, turned by `yaw_rad` about z."""
        sine = np.sin(yaw_rad / 2)
        quat = np.array([sine * 0.0, sine * 0.0, sine, np.cos(yaw_rad / 2)])
        return cls(xyz=np.asarray(xyz, dtype=np.float64), quat_xyzw=quat)

    @property
    def rotation(self) -> Float:
        """float64[3,3]."""
        return np.array(self._matrix[:3, :3])

    @property
    def matrix(self) -> Float:
        """Homogeneous, float64[4,4]."""
        return np.array(self._matrix)

    @cached_property
    def _matrix(self) -> Float:
        m = np.zeros((4, 4))
        m[:3, :3] = matrix_from_quat(self.quat_xyzw)
        m[:3, 3] = self.xyz
        m[3, 3] = 1.0
        return m

    @property
    def yaw_rad(self) -> float:
        """Turn about z of the x axis, in [-pi, pi]."""
        return float(np.arctan2(self._matrix[1, 0], self._matrix[0, 0]))

    def __matmul__(self, other: Pose) -> Pose:
        return Pose.from_matrix(self._matrix @ other._matrix)

    def inverse(self) -> Pose:
        r = self.rotation.T
        return Pose(xyz=-r @ self.xyz, quat_xyzw=quat_from_matrix(r))

    def apply(self, points: ArrayLike) -> Float:
        """Points [..., 3] of frame b in frame a, float64[..., 3]."""
        return np.asarray(np.asarray(points, dtype=np.float64) @ self.rotation.T + self.xyz)
