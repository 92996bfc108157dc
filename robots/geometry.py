"""Rigid transforms. Quaternions are xyzw; `a_T_b` maps coordinates in frame b to coordinates in frame a."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Float = NDArray[np.float64]


def quat_from_matrix(rotation: ArrayLike) -> Float:
    """Unit quaternion xyzw float64[4], w >= 0, of a rotation matrix [3,3] (Shepperd 1978)."""
    r = np.asarray(rotation, dtype=np.float64)
    trace = float(np.trace(r))
    squares = np.array([1 + 2 * r[0, 0] - trace, 1 + 2 * r[1, 1] - trace, 1 + 2 * r[2, 2] - trace, 1 + trace])
    i = int(np.argmax(squares))
    skew = np.array([r[2, 1] - r[1, 2], r[0, 2] - r[2, 0], r[1, 0] - r[0, 1]])
    if i == 3:
        quat = np.array([*skew, squares[3]])
    else:
        quat = np.empty(4)
        quat[:3] = r[:, i] + r[i, :]
        quat[i] = squares[i]
        quat[3] = skew[i]
    quat /= np.linalg.norm(quat)
    return quat if quat[3] >= 0 else -quat


def matrix_from_quat(quat_xyzw: ArrayLike) -> Float:
    """Rotation matrix float64[3,3] of a quaternion xyzw [4], normalised first."""
    q = np.asarray(quat_xyzw, dtype=np.float64)
    x, y, z, w = q / np.linalg.norm(q)
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
        norm = float(np.linalg.norm(quat))
        if not np.isfinite(xyz).all() or not np.isfinite(norm) or norm < 1e-9:
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
        return cls(xyz=np.asarray(xyz, dtype=np.float64), quat_xyzw=quat_from_axis_angle([0, 0, 1], yaw_rad))

    @property
    def rotation(self) -> Float:
        """float64[3,3]."""
        return matrix_from_quat(self.quat_xyzw)

    @property
    def matrix(self) -> Float:
        """Homogeneous, float64[4,4]."""
        m = np.eye(4)
        m[:3, :3] = self.rotation
        m[:3, 3] = self.xyz
        return m

    @property
    def yaw_rad(self) -> float:
        """Turn about z of the x axis, in [-pi, pi]."""
        r = self.rotation
        return float(np.arctan2(r[1, 0], r[0, 0]))

    def __matmul__(self, other: Pose) -> Pose:
        return Pose.from_matrix(self.matrix @ other.matrix)

    def inverse(self) -> Pose:
        r = self.rotation.T
        return Pose(xyz=-r @ self.xyz, quat_xyzw=quat_from_matrix(r))

    def apply(self, points: ArrayLike) -> Float:
        """Points [..., 3] of frame b in frame a, float64[..., 3]."""
        return np.asarray(np.asarray(points, dtype=np.float64) @ self.rotation.T + self.xyz)
