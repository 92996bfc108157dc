"""Lens, mount and board at once, from all views: least squares of reprojection error, with a robot that errs, too.

The robot's poses are not exact: encoders, play and bending move the link by fractions of a millimetre. If that were
left out, it would be pressed into the lens and the mount. So each view's pixels have the covariance

    s_px^2 I + L diag(s_rad^2, s_m^2) L'

where L says how pixels change with a motion of the link; both deviations are estimated from the views themselves (of a
robot without error the second comes out as 0, and this is plain reprojection error). What spread the result has is
told by leaving out one view after another (jackknife; Efron 1982), which holds for errors that corners of a view share.

Shape letters: V views, N corners of one, P free parameters.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from agent.calibration.model import LENS, PARAMETERS, Model, View, linearised, projected
from agent.calibration.motions import motion_of, motion_pose, moved, skew
from robots.geometry import Pose

Float = NDArray[np.float64]

STEPS, ROUNDS = 30, 6
POSE_STEPS, POSE_HALVES = 20, 6
LEAST_PX = 0.01
"""Corners are found no better than this, whatever a perfect picture says."""
LEAST_WAY_M = 0.1
"""A robot that moves its camera by less, root mean square, can't be a ruler."""
SHARED_PX = 0.1
"""What corners of a view may be off together, where a view is held against the others."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Errors:
    """Standard deviations: of corners (px), of the robot's link (rad, m)."""

    px: float
    link_rad: float
    link_m: float


@dataclass(frozen=True, kw_only=True, eq=False)
class Solution:
    """What was found. free: bool[21], what was sought. covariance: float64[21,21], 0 where nothing was sought. own_px,
    robot_px, left_out_px: float64[V], root mean square of each view's corners: with a pose of its own, with the robot's
    pose, and with the robot's pose by what the other views say. off: float64[V,6], by how much the link would have to
    be turned and moved for a view to fit, rad and m. odd: float64[V], the same in its own standard deviations."""

    model: Model
    errors: Errors
    free: NDArray[np.bool_]
    covariance: Float
    own_px: Float
    robot_px: Float
    left_out_px: Float
    off: Float
    odd: Float

    @property
    def deviations(self) -> Float:
        """float64[21]."""
        return np.asarray(np.sqrt(np.diag(self.covariance)))


def own_poses(lens: Float, views: Sequence[View], guess: Sequence[Pose | None]) -> list[Pose]:
    """camera_T_board of each view by its own corners. From a guess where there is one: a flat board seen from far has
    two poses that look alike (Schweighofer and Pinz 2006), and the robot knows which."""
    k, bent = np.array([[lens[0], 0, lens[2]], [0, lens[1], lens[3]], [0, 0, 1]]), lens[4:]
    poses = []
    for view, start in zip(views, guess, strict=True):
        if start is None:
            _, turn, at = cv2.solvePnP(view.board_m[:, None], view.px[:, None], k, bent, flags=cv2.SOLVEPNP_IPPE)
            start = motion_pose(np.concatenate([turn.ravel(), at.ravel()]).astype(np.float64))
        poses.append(_nearest(lens, view, start))
    return poses


def _nearest(lens: Float, view: View, pose: Pose) -> Pose:
    """The pose by which a view's corners fit best, by Gauss and Newton, halving steps that lead nowhere."""
    off, change = _own_change(lens, view, pose)
    for _ in range(POSE_STEPS):
        step: Float = np.linalg.lstsq(change, off, rcond=None)[0].astype(np.float64)
        for _ in range(POSE_HALVES):
            tried = moved(pose, step)
            then, after = _own_change(lens, view, tried)
            if then @ then <= off @ off:
                break
            step = step / 2
        else:
            return pose
        gain = off @ off - then @ then
        pose, off, change = tried, then, after
        if gain <= 1e-10 * (off @ off):
            break
    return pose


def _own_change(lens: Float, view: View, pose: Pose) -> tuple[Float, Float]:
    """Pixels off float64[2N], and how prediction changes with a motion of the board in its own frame [2N,6]."""
    px, by_point, _ = projected(lens, pose.apply(view.board_m))
    eye = np.broadcast_to(np.eye(3), (len(px), 3, 3))
    change = by_point @ pose.rotation @ np.concatenate([-skew(view.board_m), eye], axis=2)
    return (view.px - px).ravel(), change.reshape(-1, 6)


def refined(model: Model, views: Sequence[View], free: NDArray[np.bool_], *, exact: bool = False) -> Solution:
    """From a first guess to the best fit. exact: the robot's poses are taken as they are."""
    errors = Errors(px=0.1, link_rad=0.0 if exact else 1e-3, link_m=0.0 if exact else 5e-4)
    sought = np.flatnonzero(free)
    for _ in range(ROUNDS):
        model = _minimised(model, views, sought, errors)
        own = own_poses(model.lens, views, [model.camera_T_board(v) for v in views])
        before, errors = errors, _deviations(model, views, own, len(sought), exact=exact)
        if np.allclose([before.px, before.link_rad, before.link_m], [errors.px, errors.link_rad, errors.link_m],
                       rtol=0.02, atol=1e-6):  # fmt: skip
            break
    model = _minimised(model, views, sought, errors)
    return _told(model, views, sought, free, errors)


def _weighed(by_link: Float, errors: Errors, columns: Float) -> Float:
    """The inverse of a view's covariance times columns [2N,K] (Woodbury)."""
    spread = np.repeat([errors.link_rad, errors.link_m], 3)
    scaled = by_link * spread
    inner = errors.px**2 * np.eye(6) + scaled.T @ scaled
    return np.asarray((columns - scaled @ np.linalg.solve(inner, scaled.T @ columns)) / errors.px**2)


def _normal(model: Model, view: View, sought: NDArray[np.intp], errors: Errors) -> tuple[Float, Float, float]:
    """One view's share of the normal equations: float64[P,P], float64[P], and its cost."""
    off, change, by_link = linearised(model, view)
    change = change[:, sought]
    weighed = _weighed(by_link, errors, np.column_stack([change, off]))
    return change.T @ weighed[:, :-1], change.T @ weighed[:, -1], float(off @ weighed[:, -1])


def information(model: Model, view: View, sought: NDArray[np.intp], errors: Errors) -> Float:
    """float64[P,P]: what a view would tell of the parameters that are sought."""
    return _normal(model, view, sought, errors)[0]


def _minimised(model: Model, views: Sequence[View], sought: NDArray[np.intp], errors: Errors) -> Model:
    """Levenberg and Marquardt, with Marquardt's scaling."""
    damping = 1e-4
    parts = [_normal(model, v, sought, errors) for v in views]
    for _ in range(STEPS):
        square, slope = sum(p[0] for p in parts), sum(p[1] for p in parts)
        cost = sum(p[2] for p in parts)
        scaled = np.asarray(square) + damping * np.diag(np.diag(square) + 1e-12)
        try:
            step = np.linalg.solve(scaled, slope)
        except np.linalg.LinAlgError:
            break
        whole = np.zeros(PARAMETERS)
        whole[sought] = step
        tried = model.changed(whole)
        after = [_normal(tried, v, sought, errors) for v in views]
        lower = sum(p[2] for p in after)
        if np.isfinite(lower) and lower <= cost:
            model, parts, damping = tried, after, max(damping / 10, 1e-12)
            if cost - lower < 1e-9 * cost:
                break
        else:
            damping *= 10
            if damping > 1e8:
                break
    return model


def _deviations(model: Model, views: Sequence[View], own: Sequence[Pose], sought: int, *, exact: bool) -> Errors:
    """By moments: what is left with poses of the views' own is of the corners; how far those poses are from the
    robot's, less what the corners explain, is of the robot."""
    left = np.concatenate([_left(model.lens, v, p).ravel() for v, p in zip(views, own, strict=True)])
    px = float(np.sqrt(left @ left / max(len(left) - 6 * len(views) - sought, 1)))
    px = max(px, LEAST_PX)
    if exact:
        return Errors(px=px, link_rad=0.0, link_m=0.0)
    off, explained = [], []
    for view, pose in zip(views, own, strict=True):
        _, _, by_link = linearised(model, view)
        off.append(link_motion(model, view, pose))
        explained.append(px**2 * np.diag(np.linalg.inv(by_link.T @ by_link)))
    # Mount and board took 12 of the 6 V numbers.
    lost = len(views) / max(len(views) - 2, 1)
    by_corners = np.mean(explained, axis=0).reshape(2, 3).mean(axis=1)
    excess = lost * np.mean(np.square(off), axis=0).reshape(2, 3).mean(axis=1) - by_corners
    # What chance alone would often show counts as none.
    chance = 2.0 * by_corners * np.sqrt(2.0 / (3 * len(views)))
    link_rad, link_m = np.where(excess > chance, np.sqrt(np.maximum(excess, 0.0)), 0.0)
    return Errors(px=px, link_rad=float(link_rad), link_m=float(link_m))


def link_motion(model: Model, view: View, camera_T_board: Pose) -> Float:
    """float64[6]: how the link must move, seen from itself, for the board to be seen where it is seen."""
    there = model.link_T_camera @ camera_T_board @ model.anchor_T_board.inverse()
    return motion_of(there @ view.link_T_anchor.inverse())


def _left(lens: Float, view: View, camera_T_board: Pose) -> Float:
    """float64[N,2] px: what remains of a view with a pose."""
    return view.px - projected(lens, camera_T_board.apply(view.board_m))[0]


def rms(off_px: Float) -> float:
    """Of distances [N,2]."""
    return float(np.sqrt((off_px**2).sum(axis=-1).mean()))


def _told(
    model: Model, views: Sequence[View], sought: NDArray[np.intp], free: NDArray[np.bool_], errors: Errors
) -> Solution:
    parts = [_normal(model, v, sought, errors) for v in views]
    square = np.asarray(sum(p[0] for p in parts))
    own = own_poses(model.lens, views, [model.camera_T_board(v) for v in views])
    shifts, left_out = np.zeros((len(views), PARAMETERS)), []
    for i, (view, part) in enumerate(zip(views, parts, strict=True)):
        # One Gauss-Newton step from the solution of all is the solution without this view, as near as matters.
        shifts[i, sought] = np.linalg.lstsq(square - part[0], -part[1], rcond=1e-14)[0]
        other = model.changed(shifts[i])
        left_out.append(rms(_left(other.lens, view, other.camera_T_board(view))))
    count = len(views)
    centred = shifts - shifts.mean(axis=0)
    off = np.array([link_motion(model, v, p) for v, p in zip(views, own, strict=True)])
    spread = np.repeat([errors.link_rad, errors.link_m], 3) ** 2
    odd = []
    for view, motion in zip(views, off, strict=True):
        _, _, by_link = linearised(model, view)
        own_covariance = max(errors.px, SHARED_PX) ** 2 * np.linalg.inv(by_link.T @ by_link) + np.diag(spread)
        odd.append(float(np.sqrt(motion @ np.linalg.solve(own_covariance, motion) / 6)))
    return Solution(
        model=model, errors=errors, free=free, covariance=(count - 1) / count * centred.T @ centred,
        own_px=np.array([rms(_left(model.lens, v, p)) for v, p in zip(views, own, strict=True)]),
        robot_px=np.array([rms(_left(model.lens, v, model.camera_T_board(v))) for v in views]),
        left_out_px=np.array(left_out), off=off, odd=np.array(odd),
    )  # fmt: skip


def scale_of(model: Model, views: Sequence[View], own: Sequence[Pose]) -> tuple[float, float]:
    """How large the board is beside what it is said to be, by the robot's motion, and that number's deviation.

    The linear hand-eye equation with the length of what the camera measures as one unknown more; a deviation of
    infinity where the robot only turned.
    """
    rows, right = [], []
    turn = model.link_T_camera.rotation
    for i in range(len(views)):
        for j in range(i):
            a = views[i].link_T_anchor @ views[j].link_T_anchor.inverse()
            b = own[i] @ own[j].inverse()
            rows.append(np.column_stack([a.rotation - np.eye(3), -turn @ b.xyz]))
            right.append(-a.xyz)
    matrix, wanted = np.concatenate(rows), np.concatenate(right)
    if np.linalg.norm(wanted) / np.sqrt(len(rows)) < LEAST_WAY_M:
        return 1.0, float("inf")
    found, _, rank, _ = np.linalg.lstsq(matrix, wanted, rcond=1e-8)
    if rank < 4:
        return 1.0, float("inf")
    off = matrix @ found - wanted
    # Pairs share their views: V - 1 of them are independent.
    freedom = max(3 * (len(views) - 1) - 4, 1)
    return float(found[3]), float(np.sqrt(off @ off / freedom * np.linalg.inv(matrix.T @ matrix)[3, 3]))


def free_parameters(*, coefficients: int, intrinsics: bool) -> NDArray[np.bool_]:
    """bool[21]: what is sought. coefficients: of distortion, 0, 2 (radial), 4 (and tangential) or 5. intrinsics: False
    where focal lengths and centre were given."""
    free = np.ones(PARAMETERS, dtype=np.bool_)
    free[4 + coefficients : LENS] = False
    free[:4] = intrinsics
    return free
