"""Small motions as six numbers, and the hand-eye equation A_i X = X B_i in closed form.

A motion is (rotation vector rad [3], metres [3]); `moved(pose, motion)` does it in the pose's own frame.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from robots.geometry import Pose, matrix_from_quat, quat_from_matrix

Float = NDArray[np.float64]

SUBSETS, SUBSET = 80, 4
"""So many times so few views are tried, that wrong ones don't spoil the first guess (Fischler and Bolles 1981)."""
LEAST_TURN_RAD = 0.05
"""Pairs of views that lie less apart say little."""


def rotation_vector(rotation: ArrayLike) -> Float:
    """float64[3] of a rotation matrix [3,3]."""
    return np.asarray(cv2.Rodrigues(np.asarray(rotation, dtype=np.float64))[0], dtype=np.float64).ravel()


def rotation_matrix(vector: ArrayLike) -> Float:
    """float64[3,3] of a rotation vector [3]."""
    return np.asarray(cv2.Rodrigues(np.asarray(vector, dtype=np.float64))[0], dtype=np.float64)


def motion_pose(motion: Float) -> Pose:
    """The motion [6] as a transform."""
    return Pose(xyz=motion[3:], quat_xyzw=quat_from_matrix(rotation_matrix(motion[:3])))


def motion_of(pose: Pose) -> Float:
    """float64[6], the other way round."""
    return np.concatenate([rotation_vector(pose.rotation), pose.xyz])


def moved(pose: Pose, motion: Float) -> Pose:
    return pose @ motion_pose(motion)


def skew(vectors: Float) -> Float:
    """float64[...,3,3]: the matrices that do the cross product with vectors [...,3]."""
    out = np.zeros((*vectors.shape[:-1], 3, 3))
    x, y, z = vectors[..., 0], vectors[..., 1], vectors[..., 2]
    out[..., 0, 1], out[..., 0, 2], out[..., 1, 2] = -z, y, -x
    out[..., 1, 0], out[..., 2, 0], out[..., 2, 1] = z, -y, x
    return out


def mean_pose(poses: Sequence[Pose]) -> Pose:
    """The chordal mean: quaternions' first principal axis (Markley et al. 2007), and the median of positions."""
    quats = np.array([p.quat_xyzw for p in poses])
    _, vectors = np.linalg.eigh(quats.T @ quats)
    return Pose(
        xyz=np.median([p.xyz for p in poses], axis=0), quat_xyzw=quat_from_matrix(matrix_from_quat(vectors[:, -1]))
    )


def apart(one: Pose, other: Pose) -> tuple[float, float]:
    """Metres and radians between two poses."""
    between = one.inverse() @ other
    return float(np.linalg.norm(between.xyz)), float(np.linalg.norm(rotation_vector(between.rotation)))


@dataclass(frozen=True, kw_only=True, eq=False)
class HandEye:
    """link_T_camera, anchor_T_board, and how far each view is from both, m and rad, float64[V]."""

    link_T_camera: Pose
    anchor_T_board: Pose
    off_m: Float
    off_rad: Float


def hand_eye(link_T_anchor: Sequence[Pose], camera_T_board: Sequence[Pose], rng: np.random.Generator) -> HandEye | None:
    """What fits most of the views, by the median of how far they are off. None: they determine nothing.

    Rotation: Park and Martin, IEEE Trans. Robotics and Automation 1994; translation: linear least squares. Of all views
    once, and of small subsets; then again of those views that fit the best of these.
    """
    count = len(link_T_anchor)
    every = np.arange(count)
    tries = [every]
    if count > SUBSET:
        tries += [np.sort(rng.choice(count, SUBSET, replace=False)) for _ in range(SUBSETS)]
    best: HandEye | None = None
    for chosen in tries:
        best = _better(best, _solved(link_T_anchor, camera_T_board, chosen))
    if best is None:
        return None
    score = best.off_m + 0.3 * best.off_rad
    agree = np.flatnonzero(score <= 2.5 * np.median(score) + 1e-6)
    return _better(best, _solved(link_T_anchor, camera_T_board, agree))


def _better(best: HandEye | None, other: HandEye | None) -> HandEye | None:
    if best is None or other is None:
        return best or other
    return min(best, other, key=lambda h: float(np.median(h.off_m) + 0.3 * np.median(h.off_rad)))


def _solved(link_T_anchor: Sequence[Pose], camera_T_board: Sequence[Pose], chosen: NDArray[np.intp]) -> HandEye | None:
    """X of A X = X B over all pairs of the chosen views, where A is the link's motion as the anchor sees it."""
    pairs = []
    for i, j in combinations(chosen.tolist(), 2):
        a = link_T_anchor[i] @ link_T_anchor[j].inverse()
        b = camera_T_board[i] @ camera_T_board[j].inverse()
        alpha, beta = rotation_vector(a.rotation), rotation_vector(b.rotation)
        if np.linalg.norm(alpha) > LEAST_TURN_RAD and np.linalg.norm(alpha) < 0.9 * np.pi:
            pairs.append((a, b, alpha, beta))
    if len(pairs) < 2:
        return None
    m = sum(np.outer(beta, alpha) for _, _, alpha, beta in pairs)
    u, s, vt = np.linalg.svd(m)
    if s[1] < 1e-3 * s[0]:
        return None
    rotation = vt.T @ np.diag([1.0, 1.0, float(np.linalg.det(vt.T @ u.T))]) @ u.T
    rows = np.concatenate([a.rotation - np.eye(3) for a, _, _, _ in pairs])
    right = np.concatenate([rotation @ b.xyz - a.xyz for a, b, _, _ in pairs])
    xyz, _, rank, _ = np.linalg.lstsq(rows, right, rcond=1e-6)
    if rank < 3:
        return None
    link_T_camera = Pose(xyz=xyz, quat_xyzw=quat_from_matrix(rotation))
    told = [a.inverse() @ link_T_camera @ b for a, b in zip(link_T_anchor, camera_T_board, strict=True)]
    anchor_T_board = mean_pose([told[i] for i in chosen.tolist()])
    off = np.array([apart(t, anchor_T_board) for t in told])
    return HandEye(link_T_camera=link_T_camera, anchor_T_board=anchor_T_board, off_m=off[:, 0], off_rad=off[:, 1])


def turns_about(poses: Sequence[Pose]) -> Float:
    """float64[3]: by how much (rad, root mean square) poses turn against their mean about three axes at right angles,
    the largest first. Two of them must be large for a hand-eye calibration."""
    middle = mean_pose(poses).inverse()
    turns = np.array([rotation_vector((middle @ p).rotation) for p in poses])
    return np.asarray(np.linalg.svd(turns, compute_uv=False) / np.sqrt(len(poses)))
