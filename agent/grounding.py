"""A point in a picture with depth -> a point in the world, and back (pinhole model, Hartley and Zisserman 6.1)."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from robots.interface import CameraFrame

Float = NDArray[np.float64]


def backproject(frame: CameraFrame, rows_cols: ArrayLike, depth_m: ArrayLike) -> Float:
    """World points float64[..., 3] m seen at `rows_cols` [..., 2] px (real numbers) with z-depth `depth_m` [...]."""
    points = np.asarray(rows_cols, dtype=np.float64)
    depth = np.asarray(depth_m, dtype=np.float64)
    pixels = np.stack([points[..., 1], points[..., 0], np.ones(points.shape[:-1])], axis=-1)
    rays = pixels @ np.linalg.inv(frame.intrinsics).T
    return frame.world_T_camera.apply(rays * depth[..., None])


def project(frame: CameraFrame, world_xyz_m: ArrayLike) -> tuple[Float, Float]:
    """Where world points [..., 3] appear: (row, col) float64[..., 2] px and their z-depth float64[...] m.

    A point at or behind the camera's plane has depth <= 0 and its row and col are nan.
    """
    in_camera = frame.world_T_camera.inverse().apply(world_xyz_m)
    depth = in_camera[..., 2]
    pixels = in_camera @ frame.intrinsics.T
    safe = np.where(depth > 0, depth, np.nan)
    return np.stack([pixels[..., 1] / safe, pixels[..., 0] / safe], axis=-1), depth


def ground(frame: CameraFrame, point: tuple[int, int], reach_px: int = 2) -> Float | None:
    """The surface point float64[3] m in the world under (row, col).

    Where the pixel itself has no depth (0), the nearest one within `reach_px` that has lends its own; None outside
    the picture or where there is none.
    """
    row, col = point
    height, width = frame.depth_m.shape
    if not (0 <= row < height and 0 <= col < width):
        return None
    depth = float(frame.depth_m[row, col])
    if depth <= 0:
        top, left = max(row - reach_px, 0), max(col - reach_px, 0)
        near = frame.depth_m[top : row + reach_px + 1, left : col + reach_px + 1]
        rows, cols = np.nonzero(near > 0)
        if len(rows) == 0:
            return None
        nearest = int(np.argmin((rows + top - row) ** 2 + (cols + left - col) ** 2))
        depth = float(near[rows[nearest], cols[nearest]])
    return backproject(frame, point, depth)
