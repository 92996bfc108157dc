"""What a calibration leaves: calibration.json, figures for result.json, and a picture of every view."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from agent.artifacts import write_json
from agent.calibration.board import Board
from agent.calibration.fit import Fit, Limits, moved_by, spread, view_of
from agent.calibration.model import LENS, projected
from agent.errors import UserError
from robots.calibration import FORMAT, CalibrationError, CameraCalibration, read_calibration
from robots.geometry import Pose

Float = NDArray[np.float64]

TILE_PX, ACROSS = 420, 5
GROWN = 20.0
"""So many times longer than they are, arrows are drawn from where corners should be to where they are."""


def camera_of(fit: Fit, *, name: str, link: str, width: int, height: int) -> CameraCalibration:
    model = fit.solution.model
    return CameraCalibration(
        name=name, link=link, width=width, height=height, intrinsics=model.intrinsics, distortion=model.distortion,
        link_T_camera=model.link_T_camera,
    )  # fmt: skip


def figures(fit: Fit, limits: Limits, described: Pose | None, k: Float | None) -> dict[str, Any]:
    """For result.json. described: link_T_camera as the robot's description has it; k: as its driver says."""
    s = fit.solution
    d = s.deviations
    at_m, turn_deg = spread(s)
    lacks = fit.lacks(limits)
    out: dict[str, Any] = {
        "accepted": not lacks, "lacks": lacks, "views": len(fit.used), "left_out": fit.left_out,
        "rms_px": _rms(s.own_px), "rms_px_robot": _rms(s.robot_px), "rms_px_left_out": _rms(s.left_out_px),
        "corner_px": s.errors.px, "robot_deg": float(np.rad2deg(s.errors.link_rad)), "robot_mm": 1e3 * s.errors.link_m,
        "spread": {
            "position_mm": 1e3 * at_m, "angle_deg": turn_deg, "intrinsics_px": d[:4].tolist(),
            "distortion": d[4:LENS].tolist(),
        },
        "per_view": [
            {
                "picture": shot.name, "corners": len(shot.corners), "blur_px": round(shot.corners.blur_px, 2),
                "rms_px": float(own), "rms_px_robot": float(robot),
                "off_mm": 1e3 * float(np.linalg.norm(off[3:])), "off_deg": float(np.rad2deg(np.linalg.norm(off[:3]))),
            }
            for shot, own, robot, off in zip(fit.used, s.own_px, s.robot_px, s.off, strict=True)
        ],
    }  # fmt: skip
    if described is not None:
        way_mm, turn = moved_by(s.model.link_T_camera, described)
        out["from_description"] = {"position_mm": way_mm, "angle_deg": turn}
    if k is not None:
        out["focal_beside_driver"] = float(s.model.lens[0] / k[0, 0])
    return out


def write_calibration(
    path: Path, robot: str, camera: CameraCalibration, told: dict[str, Any], into: Path | None
) -> None:
    """calibration.json, together with the cameras of `into`.

    Raises:
        UserError: that is none, or of another robot.
    """
    others: dict[str, Any] = {}
    if into is not None:
        try:
            owner, known = read_calibration(into)
        except CalibrationError as e:
            raise UserError(str(e)) from e
        if owner != robot:
            raise UserError(f"{into} is of {owner}, and this is {robot}: leave out into=")
        others = {n: c for n, c in json.loads(into.read_text())["cameras"].items() if n in known}
    kept = ("accepted", "views", "rms_px", "rms_px_robot", "rms_px_left_out", "robot_mm", "robot_deg", "spread")
    own = {**camera.to_json(), **{key: told[key] for key in kept}}
    write_json(path, {"format": FORMAT, "robot": robot, "cameras": {**others, camera.name: own}})


def sheet(board: Board, fit: Fit, pictures: Sequence[NDArray[np.uint8]]) -> NDArray[np.uint8]:
    """uint8[H,W,3]: every view with its corners (green rings) and where they should be by lens, mount and robot (arrows
    from there, GROWN times as long as they are)."""
    solution = fit.solution
    tiles = []
    for shot, rgb, rms_px in zip(fit.used, pictures, solution.robot_px, strict=True):
        view = view_of(board, shot)
        told = projected(solution.model.lens, solution.model.camera_T_board(view).apply(view.board_m))[0]
        tiles.append(_tile(rgb, view.px, told, f"{shot.name}  {rms_px:.2f} px"))
    while len(tiles) % ACROSS:
        tiles.append(np.full_like(tiles[0], 255))
    rows = [np.concatenate(tiles[i : i + ACROSS], axis=1) for i in range(0, len(tiles), ACROSS)]
    return np.concatenate(rows)


def _tile(rgb: NDArray[np.uint8], px: Float, told: Float, words: str) -> NDArray[np.uint8]:
    scale = TILE_PX / rgb.shape[1]
    tile = np.asarray(cv2.resize(rgb, (TILE_PX, round(rgb.shape[0] * scale)), interpolation=cv2.INTER_AREA))
    for here, there in zip((px + 0.5) * scale - 0.5, (told + 0.5) * scale - 0.5, strict=True):
        at = tuple(int(v) for v in np.round(16 * here))
        start = tuple(int(v) for v in np.round(16 * there))
        end = tuple(int(v) for v in np.round(16 * (there + GROWN * (here - there))))
        cv2.circle(tile, at, 16 * 4, (0, 200, 0), 1, cv2.LINE_AA, 4)
        cv2.line(tile, start, end, (255, 0, 0), 1, cv2.LINE_AA, 4)
    cv2.rectangle(tile, (0, 0), (8 * len(words) + 10, 20), (255, 255, 255), -1)
    cv2.putText(tile, words, (5, 14), cv2.FONT_HERSHEY_SIMPLEX, 0.45, (0, 0, 0), 1, cv2.LINE_AA)
    return np.asarray(tile, dtype=np.uint8)


def _rms(px: Float) -> float:
    return float(np.sqrt(np.mean(np.square(px))))
