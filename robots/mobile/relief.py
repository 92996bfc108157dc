"""The lie of the land around a thing: the highest point of every cell, and how it looks along any line.

Shape letters: X, Y cells; C places; A angles; R rows across a finger; V steps along the opening of the fingers.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Float = NDArray[np.float64]

CELL_M = 0.0025
BRIDGE = 3


@dataclass(frozen=True, kw_only=True, eq=False)
class Relief:
    """heights: float64[X,Y] m; low: float64[2] m, the middle of cell 0 0; both in the frame of the points.

    seen: bool[X,Y]; a cell that was not seen is as high as the lower of two seen ones to either side of it, up to three
    cells away; else as high as the support.
    """

    heights: Float
    seen: NDArray[np.bool_]
    low: Float
    support_m: float

    @classmethod
    def of(cls, points: Float, middle: ArrayLike, support_m: float, *, half_m: float = 0.22) -> Relief:
        """From points [N,3] within half_m of `middle` [2]."""
        low = np.asarray(middle, dtype=np.float64) - half_m
        count = 1 + int(np.ceil(2 * half_m / CELL_M))
        index = np.rint((points[:, :2] - low) / CELL_M).astype(np.int64)
        inside = (index >= 0).all(axis=1) & (index < count).all(axis=1)
        heights = np.full((count, count), -np.inf)
        np.maximum.at(heights, (index[inside, 0], index[inside, 1]), points[inside, 2])
        seen = np.isfinite(heights)
        heights = np.where(seen, heights, _bridged(heights))
        heights = np.where(np.isfinite(heights), heights, support_m)
        return cls(heights=np.maximum(heights, support_m), seen=seen, low=low, support_m=support_m)

    def at(self, xy: Float) -> Float:
        """float64[...]: heights at places [...,2]; the support's beyond the edges."""
        index = np.rint((xy - self.low) / CELL_M).astype(np.int64)
        i, j = index[..., 0], index[..., 1]
        if index.size and index.min() >= 0 and i.max() < self.heights.shape[0] and j.max() < self.heights.shape[1]:
            return np.asarray(self.heights[i, j])
        inside = (i >= 0) & (j >= 0) & (i < self.heights.shape[0]) & (j < self.heights.shape[1])
        return np.where(inside, self.heights[np.where(inside, i, 0), np.where(inside, j, 0)], self.support_m)

    def highest(self, xy: Float, yaw_rad: float, half_m: tuple[float, float]) -> float:
        """Of a rectangle around `xy` [2], half_m along x and y turned by yaw."""
        u, v = (np.arange(-h, h + CELL_M / 2, CELL_M) for h in half_m)
        c, s = np.cos(yaw_rad), np.sin(yaw_rad)
        a, b = np.meshgrid(u, v, indexing="ij")
        return float(self.at(xy + np.stack([c * a - s * b, s * a + c * b], axis=-1)).max())


def _bridged(heights: Float) -> Float:
    """For every cell, the highest of what two seen cells to either side of it, along a row or a column, both reach."""
    x, y = heights.shape
    padded = np.pad(heights, BRIDGE, constant_values=-np.inf)
    best = np.full(heights.shape, -np.inf)
    for dx, dy in ((1, 0), (0, 1)):
        ahead, behind = (
            np.maximum.reduce(
                [padded[BRIDGE + s * k * dx :, BRIDGE + s * k * dy :][:x, :y] for k in range(1, BRIDGE + 1)]
            )
            for s in (1, -1)
        )
        best = np.maximum(best, np.minimum(ahead, behind))
    return best
