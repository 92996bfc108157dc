"""What a policy sees: colour and height around the target as if from straight above, float32[C,N,N].

Pictures with depth are drawn again as an orthographic view in the stroke's frame, as in Transporter networks (Zeng et
al. 2020, section III): a thing then looks the same wherever the camera stands. Numpy alone; the one copy that
training and the robot use.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from robots.geometry import Pose
from robots.interface import CameraFrame

CELLS = 48
CELL_M = 0.0045
HALF_M = CELLS * CELL_M / 2
LOW_M, HIGH_M = -0.16, 0.10
"""What is shown, below and above the target's point. Higher up is mostly the robot's own hand."""
CHANNELS = 5
UNIT_M = 0.002
"""A step of height as it is stored, in bytes."""


def view(frame: CameraFrame, world_T_f: Pose) -> NDArray[np.uint8]:
    """uint8[5,N,N]: red, green, blue, height above LOW_M in UNIT_M, and 255 where anything is seen.

    Rows run along F's x, columns along its y; each cell shows the highest point in it, and a cell that no pixel hits
    what its highest neighbour shows.
    """
    k = frame.intrinsics
    height, width = frame.depth_m.shape
    f_T_camera = world_T_f.inverse() @ frame.world_T_camera
    top, left, bottom, right = _window(k, f_T_camera, height, width)
    depth = frame.depth_m[top:bottom, left:right].astype(np.float64)
    rows, cols = np.mgrid[top:bottom, left:right]
    rays = np.stack([(cols - k[0, 2]) / k[0, 0], (rows - k[1, 2]) / k[1, 1], np.ones_like(depth)], axis=-1)
    xyz = f_T_camera.apply(rays * depth[..., None])
    i = np.floor((xyz[..., 0] + HALF_M) / CELL_M).astype(np.int64)
    j = np.floor((xyz[..., 1] + HALF_M) / CELL_M).astype(np.int64)
    z = xyz[..., 2]
    fits = (depth > 0) & (i >= 0) & (i < CELLS) & (j >= 0) & (j < CELLS) & (z > LOW_M) & (z < HIGH_M)
    shown = np.zeros((CHANNELS, CELLS, CELLS), dtype=np.uint8)
    if not fits.any():
        return shown
    cell, z, rgb = (i * CELLS + j)[fits], z[fits], frame.rgb[top:bottom, left:right][fits]
    order = np.argsort(z, kind="stable")  # the highest is written last
    flat = shown.reshape(CHANNELS, -1)
    flat[:3, cell[order]] = rgb[order].T
    flat[3, cell[order]] = np.clip((z[order] - LOW_M) / UNIT_M, 0, 255).astype(np.uint8)
    flat[4, cell[order]] = 255
    return _filled(shown)


def _window(k: NDArray[np.float64], f_T_camera: Pose, height: int, width: int) -> tuple[int, int, int, int]:
    """top, left, bottom, right of the pixels that may show the box around F's origin; all where it is behind."""
    x = np.array([-HALF_M, HALF_M])
    corners = np.stack(np.meshgrid(x, x, [LOW_M, HIGH_M], indexing="ij"), axis=-1).reshape(-1, 3)
    seen = f_T_camera.inverse().apply(corners)
    if float(seen[:, 2].min()) < 0.05:
        return 0, 0, height, width
    col = k[0, 0] * seen[:, 0] / seen[:, 2] + k[0, 2]
    row = k[1, 1] * seen[:, 1] / seen[:, 2] + k[1, 2]
    low = np.clip(np.floor([row.min(), col.min()]).astype(int), 0, [height, width])
    high = np.clip(np.ceil([row.max(), col.max()]).astype(int) + 1, 0, [height, width])
    return int(low[0]), int(low[1]), int(high[0]), int(high[1])


def _filled(shown: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Cells between those that pixels hit, from the highest of their eight neighbours."""
    padded = np.pad(shown, ((0, 0), (1, 1), (1, 1)))
    best = shown.copy()
    empty = shown[4] == 0
    level = np.full((CELLS, CELLS), -1, dtype=np.int64)
    for di in (0, 1, 2):
        for dj in (0, 1, 2):
            near = padded[:, di : di + CELLS, dj : dj + CELLS]
            better = empty & (near[4] > 0) & (near[3].astype(np.int64) > level)
            best[:, better] = near[:, better]
            level[better] = near[3][better]
    return np.asarray(best, dtype=np.uint8)
