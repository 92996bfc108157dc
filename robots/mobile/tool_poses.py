"""Poses of a tool by where it points: level, leaning, the other way round; and how far two are from each other."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from robots.geometry import Pose

Float = NDArray[np.float64]

HALF_TURN = Pose(xyz=np.zeros(3), quat_xyzw=np.array([0.0, 0.0, 1.0, 0.0]))
"""About the tool's z: the hand the other way round."""


def level_pose(xyz: Float, azimuth: float, pitch: float = 0.0) -> Pose:
    """A tool that points level, or `pitch` downwards, towards `azimuth`, its x on the upper side."""
    ahead, up = np.array([np.cos(azimuth), np.sin(azimuth), 0.0]), np.array([0.0, 0.0, 1.0])
    z = np.cos(pitch) * ahead - np.sin(pitch) * up
    x = np.sin(pitch) * ahead + np.cos(pitch) * up
    return _with_axes(x, z, xyz)


def leaning(at: Float, azimuth: float, tilt: float, away_m: float) -> Pose:
    """A tool that points down, tilted by `tilt` towards `azimuth`, so far from `at` [3]; its x is on the upper side."""
    ahead, up = np.array([np.cos(azimuth), np.sin(azimuth), 0.0]), np.array([0.0, 0.0, 1.0])
    z = np.sin(tilt) * ahead - np.cos(tilt) * up
    x = np.cos(tilt) * ahead + np.sin(tilt) * up
    return _with_axes(x, z, at - away_m * z)


def turned_rad(a: Pose, b: Pose) -> float:
    """The least turn from one to the other."""
    return 2 * float(np.arccos(min(1.0, abs(float(a.quat_xyzw @ b.quat_xyzw)))))


def apart_m(a: Pose, b: Pose) -> float:
    """From one to the other, a radian counting 20 cm."""
    return float(np.linalg.norm(a.xyz - b.xyz)) + 0.2 * turned_rad(a, b)


def _with_axes(x: Float, z: Float, xyz: Float) -> Pose:
    matrix = np.eye(4)
    matrix[:3, :3] = np.column_stack([x, np.cross(z, x), z])
    matrix[:3, 3] = xyz
    return Pose.from_matrix(matrix)
