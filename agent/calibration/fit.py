"""Corners and the robot's poses in, a calibration or one line that says why not out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from agent.calibration.board import Board
from agent.calibration.detect import OFF_PX, Corners
from agent.calibration.model import COEFFICIENTS, LENS, Model, View
from agent.calibration.motions import apart, hand_eye, turns_about
from agent.calibration.solve import Solution, free_parameters, own_poses, refined, scale_of
from agent.errors import UserError
from robots.geometry import Pose

Float = NDArray[np.float64]

COEFFICIENT_COUNTS = (0, 2, 4, 5)
LEAST_TILT_RAD = float(np.deg2rad(12.0))
"""Views of a flat board determine a lens only where it is seen under angles that differ (Zhang 2000, section 3.4)."""
LEAST_TURN_RAD = float(np.deg2rad(4.0))
"""Root mean square turn of the robot about a second axis."""
ODD, ODD_M, ODD_RAD = 5.0, 0.002, float(np.deg2rad(0.3))
"""A view contradicts the others that is off by so many standard deviations, and by so much."""
MOST_ODD = 0.2
CONTRADICTS_M, CONTRADICTS_RAD = 0.03, float(np.deg2rad(3.0))
SCALE = 0.01


@dataclass(frozen=True, kw_only=True, eq=False)
class Shot:
    """A picture's corners, with the robot's pose for it: where the anchor is in the frame of the camera's link."""

    name: str
    corners: Corners
    link_T_anchor: Pose


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What is accepted. views: at least so many. blur_px: edges wider are left out. rms_px: of corners with a pose of
    their own, px. position_m, angle_deg, focal: the largest standard deviations of the mount and, as a share, of the
    focal lengths."""

    views: int = 12
    blur_px: float = 5.0
    rms_px: float = 0.5
    position_m: float = 0.0007
    angle_deg: float = 0.12
    focal: float = 0.004


@dataclass(frozen=True, kw_only=True, eq=False)
class Lens:
    """What is known beforehand. intrinsics: float64[3,3], focal lengths and centre that are kept, or None.
    coefficients: of distortion that are sought."""

    width: int
    height: int
    intrinsics: Float | None = None
    coefficients: int = 4


@dataclass(frozen=True, kw_only=True, eq=False)
class Fit:
    """A solution. used: the shots it is of, in order. left_out: why others are not, by name."""

    solution: Solution
    used: tuple[Shot, ...]
    left_out: dict[str, str] = field(default_factory=dict)

    def lacks(self, limits: Limits) -> list[str]:
        """What is not good enough, in words; nothing: it is accepted."""
        s = self.solution
        deviation = s.deviations
        own = float(np.sqrt(np.mean(np.square(s.own_px))))
        lacks = []
        if own > limits.rms_px:
            lacks.append(f"corners are {own:.2f} px off, more than {limits.rms_px:g}")
        at_m, turn_deg = spread(s)
        if at_m > limits.position_m:
            lacks.append(f"the mount's place is known to {1e3 * at_m:.2f} mm, not to {1e3 * limits.position_m:g}")
        if turn_deg > limits.angle_deg:
            lacks.append(f"its direction to {turn_deg:.3f} degrees, not to {limits.angle_deg:g}")
        focal = float((deviation[:2] / s.model.lens[:2]).max())
        if focal > limits.focal:
            lacks.append(f"focal lengths to {100 * focal:.2f} %, not to {100 * limits.focal:g}")
        return lacks


def spread(solution: Solution) -> tuple[float, float]:
    """Standard deviations of the mount: m and degrees, root of the sum over the axes."""
    d = solution.deviations[LENS : LENS + 6]
    return float(np.linalg.norm(d[3:])), float(np.rad2deg(np.linalg.norm(d[:3])))


def fit(
    board: Board, shots: Sequence[Shot], lens: Lens, limits: Limits, *, left_out: dict[str, str] | None = None
) -> Fit:
    """The whole of it.

    Raises:
        UserError: too few views, views too alike, another board, poses that contradict.
    """
    left_out = dict(left_out or {})
    kept = [s for s in shots if not _set_aside(s, board, limits, left_out)]
    _enough(kept, len(shots), limits, left_out)
    views = [view_of(board, s) for s in kept]
    found_lens, views = _lens_alone(lens, views)
    if lens.intrinsics is None:
        _differ(own_poses(found_lens, views, [None] * len(views)))
    _turned(kept)
    model = _guess(found_lens, views)
    free = free_parameters(coefficients=lens.coefficients, intrinsics=lens.intrinsics is None)
    while True:
        solution = refined(model, views, free)
        bad = [i for i in range(len(views)) if _odd(solution, i)]
        if not bad:
            break
        worst = max(bad, key=lambda i: float(solution.odd[i]))
        turn, way = np.linalg.norm(solution.off[worst, :3]), np.linalg.norm(solution.off[worst, 3:])
        what = f"{1e3 * way:.1f} mm and {np.rad2deg(turn):.2f} degrees"
        if len(left_out) + 1 > MOST_ODD * len(shots) + sum("contradicts" not in w for w in left_out.values()):
            raise UserError(
                f"the robot's poses contradict one another: {len(bad)} more views are off, {kept[worst].name} by "
                f"{what}; did base or board move?"
            )
        left_out[kept[worst].name] = f"contradicts the others by {what}"
        del kept[worst], views[worst]
        _enough(kept, len(shots), limits, left_out)
        model = solution.model
    _scaled(solution, views)
    return Fit(solution=solution, used=tuple(kept), left_out=left_out)


def _set_aside(shot: Shot, board: Board, limits: Limits, left_out: dict[str, str]) -> bool:
    flat = board.corners_m[shot.corners.ids, :2]
    if np.linalg.svd(flat - flat.mean(axis=0), compute_uv=False)[1] < 0.5 * board.square_m:
        left_out[shot.name] = "only one row of corners is seen"
    elif shot.corners.blur_px > limits.blur_px:
        left_out[shot.name] = f"blurred: edges are {shot.corners.blur_px:.1f} px wide"
    return shot.name in left_out


def _enough(kept: Sequence[Shot], given: int, limits: Limits, left_out: dict[str, str]) -> None:
    if len(kept) >= limits.views:
        return
    kinds = {"blurred": "are blurred", "contradict": "contradict the others", "only": "show one row of corners",
             "no board": "show no board"}  # fmt: skip
    counts = {said: sum(w.startswith(kind) for w in left_out.values()) for kind, said in kinds.items()}
    why = ", ".join(f"{n} {said}" for said, n in counts.items() if n)
    raise UserError(
        f"too few views: {len(kept)} of {given} are of use{f' ({why})' if why else ''}, and {limits.views} are needed"
    )


def view_of(board: Board, shot: Shot) -> View:
    """Its corners beside where they are on the board."""
    return View(
        name=shot.name, link_T_anchor=shot.link_T_anchor, board_m=board.corners_m[shot.corners.ids], px=shot.corners.px
    )


def _lens_alone(lens: Lens, views: list[View]) -> tuple[Float, list[View]]:
    """The lens by the pictures alone (Zhang 2000, as OpenCV has it), and the views without corners that fit nowhere."""
    start = np.eye(3) if lens.intrinsics is None else lens.intrinsics.copy()
    flags = {
        0: cv2.CALIB_FIX_K1 | cv2.CALIB_FIX_K2 | cv2.CALIB_FIX_K3 | cv2.CALIB_ZERO_TANGENT_DIST,
        2: cv2.CALIB_FIX_K3 | cv2.CALIB_ZERO_TANGENT_DIST,
        4: cv2.CALIB_FIX_K3,
        5: 0,
    }[lens.coefficients]
    if lens.intrinsics is not None:
        flags |= cv2.CALIB_USE_INTRINSIC_GUESS | cv2.CALIB_FIX_FOCAL_LENGTH | cv2.CALIB_FIX_PRINCIPAL_POINT
    for again in (True, False):
        points = [v.board_m.astype(np.float32) for v in views]
        pixels = [v.px.astype(np.float32)[:, None] for v in views]
        size = (lens.width, lens.height)
        _, k, bent, turns, ways = cv2.calibrateCamera(points, pixels, size, start.copy(), np.zeros(5), flags=flags)
        found = np.array([k[0, 0], k[1, 1], k[0, 2], k[1, 2], *np.ravel(bent)[:COEFFICIENTS]])
        if not np.isfinite(found).all() or not 0.1 < found[0] / lens.width < 20:
            raise UserError("the pictures determine no lens: show the board nearer, and under angles that differ")
        off = [
            np.linalg.norm(v.px - cv2.projectPoints(v.board_m, r, t, k, bent)[0][:, 0], axis=1)
            for v, r, t in zip(views, turns, ways, strict=True)
        ]
        typical = float(np.median(np.concatenate(off)))
        if typical > OFF_PX:
            raise UserError(
                f"the corners lie {typical:.0f} px from where this board's would: is it another board? check "
                "charuco.columns and charuco.rows"
            )
        limit = max(5 * typical, 0.3)
        if again and any((o > limit).any() for o in off):
            views = [
                replace(v, board_m=v.board_m[o <= limit], px=v.px[o <= limit]) if (o <= limit).sum() >= 6 else v
                for v, o in zip(views, off, strict=True)
            ]
            continue
        break
    return found, views


def _differ(own: Sequence[Pose]) -> None:
    """Raises where all views show the board under one angle."""
    normals = np.array([p.rotation[:, 2] for p in own])
    between = np.arccos(np.clip(normals @ normals.T, -1.0, 1.0))
    if float(between.max()) < LEAST_TILT_RAD:
        raise UserError(
            f"the views are too alike: the board is seen under angles that differ by {np.rad2deg(between.max()):.0f} "
            f"degrees at most; tilt it, or the camera, by {np.rad2deg(LEAST_TILT_RAD):.0f} or more to different sides"
        )


def _turned(kept: Sequence[Shot]) -> None:
    """Raises where the robot turned about one axis only, or about none."""
    turns = turns_about([s.link_T_anchor for s in kept])
    if turns[1] < LEAST_TURN_RAD:
        first, second = (f"{np.rad2deg(t):.1f}" for t in turns[:2])
        raise UserError(
            f"the views are too alike: the robot turned the camera by {first} degrees about one axis and {second} "
            "about a second (root mean square); two axes are needed, 10 degrees or more about each"
        )


def _guess(lens: Float, views: Sequence[View]) -> Model:
    rng = np.random.default_rng(0)
    own = own_poses(lens, views, [None] * len(views))
    link_T_anchor = [v.link_T_anchor for v in views]
    found = hand_eye(link_T_anchor, own, rng)
    if found is None:
        raise UserError("the views are too alike: they determine no place of the camera; turn it about two axes")
    off_m, off_rad = float(np.median(found.off_m)), float(np.median(found.off_rad))
    if off_m > CONTRADICTS_M or off_rad > CONTRADICTS_RAD:
        inverted = hand_eye([p.inverse() for p in link_T_anchor], own, rng)
        hint = "are they base_T_link, in metres, quaternions as x, y, z, w, and of the same moment as the pictures?"
        if inverted is not None and float(np.median(inverted.off_m)) < min(CONTRADICTS_M, 0.3 * off_m):
            hint = "turned around they fit: give base_T_link, not link_T_base"
        raise UserError(
            f"the robot's poses contradict the pictures, by {1e3 * off_m:.0f} mm and {np.rad2deg(off_rad):.1f} degrees "
            f"in half of the views: {hint}"
        )
    return Model(lens=lens, link_T_camera=found.link_T_camera, anchor_T_board=found.anchor_T_board)


def _odd(solution: Solution, i: int) -> bool:
    turn, way = np.linalg.norm(solution.off[i, :3]), np.linalg.norm(solution.off[i, 3:])
    # Against the others: the odd one itself has widened the deviations.
    others = float(np.median(solution.odd))
    return bool(solution.odd[i] > ODD * max(others, 0.2) and (way > ODD_M or turn > ODD_RAD))


def _scaled(solution: Solution, views: Sequence[View]) -> None:
    """Raises where the robot's motion says that squares have another size than was given."""
    own = own_poses(solution.model.lens, views, [solution.model.camera_T_board(v) for v in views])
    scale, deviation = scale_of(solution.model, views, own)
    if abs(scale - 1) > max(SCALE, 5 * deviation):
        raise UserError(
            f"the robot's motion and the board contradict each other: squares seem to be {scale:.3f} times as large as "
            "was given; measure a row of the print, and give charuco.square_m"
        )


def moved_by(found: Pose, described: Pose) -> tuple[float, float]:
    """Millimetres and degrees between where a camera was found and where it was thought to be."""
    way, turn = apart(described, found)
    return 1e3 * way, float(np.rad2deg(turn))
