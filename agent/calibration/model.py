"""From a camera's numbers, its mount and the board's place to pixels, and how pixels change with each of them.

    pixel = project(K, distortion, (link_T_camera)^-1 link_T_anchor anchor_T_board corner)

The anchor is what the board is fixed to: the robot's base where it stands in the room, the hand where that holds it.

Shape letters: V views, N corners of one, P parameters, D coefficients of distortion.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from agent.calibration.motions import moved, skew
from robots.geometry import Pose

Float = NDArray[np.float64]

COEFFICIENTS = 5
"""k1, k2, p1, p2, k3: OpenCV's, and ROS' plumb_bob."""
LENS = 4 + COEFFICIENTS
"""fx, fy, cx, cy and those."""
PARAMETERS = LENS + 12


@dataclass(frozen=True, kw_only=True, eq=False)
class View:
    """One picture's corners and what the robot says of its pose. board_m: float64[N,3], the corners in the board's
    frame. px: float64[N,2]."""

    name: str
    link_T_anchor: Pose
    board_m: Float
    px: Float


@dataclass(frozen=True, kw_only=True, eq=False)
class Model:
    """lens: float64[9], fx, fy, cx, cy (pixels) and k1, k2, p1, p2, k3."""

    lens: Float
    link_T_camera: Pose
    anchor_T_board: Pose

    @property
    def intrinsics(self) -> Float:
        """float64[3,3]."""
        fx, fy, cx, cy = self.lens[:4]
        return np.array([[fx, 0.0, cx], [0.0, fy, cy], [0.0, 0.0, 1.0]])

    @property
    def distortion(self) -> Float:
        """float64[5]."""
        return self.lens[4:]

    def camera_T_board(self, view: View) -> Pose:
        return self.link_T_camera.inverse() @ view.link_T_anchor @ self.anchor_T_board

    def changed(self, step: Float) -> Model:
        """By a step [21]: the lens, then camera and board, each moved in its own frame."""
        return replace(
            self, lens=self.lens + step[:LENS], link_T_camera=moved(self.link_T_camera, step[LENS : LENS + 6]),
            anchor_T_board=moved(self.anchor_T_board, step[LENS + 6 :]),
        )  # fmt: skip


def projected(lens: Float, points_m: Float) -> tuple[Float, Float, Float]:
    """Pixels float64[N,2] of points [N,3] in the camera's frame, their change with the points float64[N,2,3], and with
    the lens float64[N,2,9]."""
    fx, fy, cx, cy = lens[:4]
    k = np.array([[fx, 0.0, cx], [0.0, fy, cy], [0.0, 0.0, 1.0]])
    px, change = cv2.projectPoints(np.ascontiguousarray(points_m)[:, None], np.zeros(3), np.zeros(3), k, lens[4:])
    change = np.asarray(change, dtype=np.float64).reshape(len(points_m), 2, -1)
    # Columns: rotation, translation, focal lengths, principal point, distortion.
    return np.asarray(px, dtype=np.float64)[:, 0], change[:, :, 3:6], change[:, :, 6 : 6 + LENS]


def linearised(model: Model, view: View) -> tuple[Float, Float, Float]:
    """How far pixels are off, float64[2N], how prediction changes with the parameters float64[2N,21], and with a motion
    of the robot's link, seen from the link, float64[2N,6]."""
    camera_T_link = model.link_T_camera.inverse()
    board_T = view.link_T_anchor @ model.anchor_T_board
    in_link = board_T.apply(view.board_m)
    in_camera = camera_T_link.apply(in_link)
    px, by_point, by_lens = projected(model.lens, in_camera)
    count = len(px)
    eye = np.broadcast_to(np.eye(3), (count, 3, 3))
    turned = by_point @ camera_T_link.rotation
    by_camera = by_point @ np.concatenate([skew(in_camera), -eye], axis=2)
    by_board = turned @ board_T.rotation @ np.concatenate([-skew(view.board_m), eye], axis=2)
    by_link = turned @ np.concatenate([-skew(in_link), eye], axis=2)
    whole = np.concatenate([by_lens, by_camera, by_board], axis=2)
    return (view.px - px).ravel(), whole.reshape(2 * count, -1), by_link.reshape(2 * count, 6)
