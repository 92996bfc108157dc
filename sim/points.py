"""Which pixel stands for which object: the ground truth that teachers point with and students learn."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from agent.grounding import project
from robots.interface import CameraFrame
from sim import catalogue
from sim.camera import CameraSpec
from sim.lexicon import KINDS
from sim.render import FIRST_OBJECT_ID, Picture
from sim.world import World

FLOOR_M = 0.004
"""Above its underside: where a container is pointed at, the middle of its floor."""
LEAST_PIXELS = 6
"""An object of which fewer pixels are seen is hidden."""


TOP_M = 0.004
"""A crescent has nothing at its middle: it is pointed at on its top, which is what lies within this of its height."""
CLEAR_PX = 4.0
"""A point in a container this far from anything else is as good as any."""


def points(world: World, picture: Picture, frame: CameraFrame) -> dict[str, tuple[int, int] | None]:
    """(row, col) px for every object of the world, always a pixel that shows it: the middle of its top face, or of a
    container's floor. None where the object is hidden.

    Where something hides the middle: of a movable thing the nearest pixel that is seen, of a container the nearest
    that is clear of what lies in it, so that a little error still points at the container. Where the middle is outside
    the picture, the middle of what is seen.
    """
    found: dict[str, tuple[int, int] | None] = {}
    for i, name in enumerate(world.names):
        mask = picture.ids == FIRST_OBJECT_ID + i
        if np.count_nonzero(mask) < LEAST_PIXELS:
            found[name] = None
            continue
        spec = world.object_spec(name)
        model = catalogue.model(spec.kind, spec.size)
        painted = not model.pieces and model.hull_m is None and model.collision_obj is None
        container = model.depth_m > 0 or painted
        up = FLOOR_M if container else model.height_m
        (row, col), depth_m = project(frame, world.pose(name).apply([0.0, 0.0, up]))
        if depth_m <= 0 or not shows(mask, row, col):
            found[name] = innermost(mask)
            continue
        row_px, col_px = round(row), round(col)
        if spec.kind not in KINDS and not container:
            mask = _upper(mask, frame, float(world.pose(name).xyz[2]) + model.height_m - TOP_M)
        if not mask[row_px, col_px]:
            row_px, col_px = _seen_near(mask, row, col, CLEAR_PX if container else 0.0)
        found[name] = (row_px, col_px)
    return found


def shows(picture: NDArray[Any], row: float, col: float) -> bool:
    """Whether (row, col), px, is inside a picture [H,W]."""
    height, width = picture.shape
    return bool(0 <= round(row) < height and 0 <= round(col) < width)


def innermost(mask: NDArray[np.bool_]) -> tuple[int, int]:
    """The pixel of a mask [H,W] that is farthest from its edge, and from the picture's."""
    inside = cv2.distanceTransform(np.pad(mask, 1).astype(np.uint8), cv2.DIST_L2, 3)[1:-1, 1:-1]
    row, col = np.unravel_index(int(np.argmax(inside)), mask.shape)
    return int(row), int(col)


def _upper(mask: NDArray[np.bool_], frame: CameraFrame, least_m: float) -> NDArray[np.bool_]:
    """The pixels of `mask` that show something higher than that; all of them where none does."""
    rows, cols = np.nonzero(mask)
    k, depth = frame.intrinsics, frame.depth_m[rows, cols].astype(np.float64)
    rays = np.stack([(cols - k[0, 2]) / k[0, 0], (rows - k[1, 2]) / k[1, 1], np.ones(len(rows))], axis=-1)
    high = frame.world_T_camera.apply(rays * depth[:, None])[:, 2] > least_m
    if np.count_nonzero(high) < LEAST_PIXELS:
        return mask
    upper = np.zeros_like(mask)
    upper[rows[high], cols[high]] = True
    return upper


def _seen_near(mask: NDArray[np.bool_], row: float, col: float, clear_px: float) -> tuple[int, int]:
    """The pixel of `mask` nearest to (row, col), where being clear of its edge outweighs nearness."""
    rows, cols = np.nonzero(mask)
    cost = np.hypot(rows - row, cols - col)
    if clear_px:
        edge = cv2.distanceTransform(mask.astype(np.uint8), cv2.DIST_L2, 3)[rows, cols]
        cost = cost - 5.0 * np.minimum(edge, clear_px)
    best = int(np.argmin(cost))
    return int(rows[best]), int(cols[best])


def pixel(camera: CameraSpec, xyz: tuple[float, float, float]) -> tuple[int, int] | None:
    """(row, col) px of a point of the world in the camera's picture; None where that is outside."""
    x, y, z = camera.world_T_camera.inverse().apply(xyz)
    k = camera.intrinsics
    row, col = round(float(k[1, 1] * y / z + k[1, 2])), round(float(k[0, 0] * x / z + k[0, 2]))
    return (row, col) if z > 0 and 0 <= row < camera.height and 0 <= col < camera.width else None
