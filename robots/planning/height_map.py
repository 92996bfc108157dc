"""What stands on the table, as one height a cell; made from depth once a primitive."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

Float = NDArray[np.float64]

CELL_M = 0.005
LOWER_XY_M = (0.15, -0.50)
LOWEST_M = 0.004
SHAPE = (142, 200)
"""x from 0.15 to 0.86 m, y from -0.5 to 0.5 m: the table that the arm reaches."""


@dataclass(frozen=True, kw_only=True, eq=False)
class HeightMap:
    """heights_m: float64[142,200], highest point seen in each 5 mm cell above the table (z = 0), rows along x.

    A cell that nothing was seen in is 0: shadows behind objects count as free, since every top face is seen.
    """

    heights_m: Float

    @classmethod
    def from_points(cls, points: ArrayLike) -> HeightMap:
        """From points [N,3] m in the world frame; what lies outside the grid is left out."""
        p = np.asarray(points, dtype=np.float64).reshape(-1, 3)
        heights = np.zeros(SHAPE)
        ij = np.rint((p[:, :2] - LOWER_XY_M) / CELL_M).astype(np.int64)
        inside = (ij >= 0).all(axis=1) & (ij < SHAPE).all(axis=1)
        np.maximum.at(heights, (ij[inside, 0], ij[inside, 1]), p[inside, 2])
        return cls(heights_m=heights)

    @cached_property
    def columns(self) -> Float:
        """float64[M,3]: centre and height of each cell that stands higher than the table's unevenness."""
        i, j = np.nonzero(self.heights_m > LOWEST_M)
        return np.column_stack([LOWER_XY_M[0] + i * CELL_M, LOWER_XY_M[1] + j * CELL_M, self.heights_m[i, j]])

    def edges(self) -> Float:
        """float64[M,3]: the columns that stand higher than a neighbour: what something sliding along would meet."""
        h = np.pad(self.heights_m, 1)
        lowest = np.minimum(np.minimum(h[:-2, 1:-1], h[2:, 1:-1]), np.minimum(h[1:-1, :-2], h[1:-1, 2:]))
        return HeightMap(heights_m=np.where(self.heights_m > lowest + 0.002, self.heights_m, 0.0)).columns

    def highest(self, centres: ArrayLike, yaw_rad: float, half_m: tuple[float, float]) -> Float:
        """float64[N]: the greatest height under rectangles at `centres` [N,2], half extents along their axes."""
        at = np.asarray(centres, dtype=np.float64).reshape(-1, 2)
        columns = self.columns
        if len(columns) == 0:
            return np.zeros(len(at))
        offset = columns[None, :, :2] - at[:, None, :]
        c, s = np.cos(yaw_rad), np.sin(yaw_rad)
        # Half a cell is added, so that a cell that the rectangle only cuts counts.
        inside = (np.abs(offset @ [c, s]) <= half_m[0] + CELL_M / 2) & (
            np.abs(offset @ [-s, c]) <= half_m[1] + CELL_M / 2
        )
        return np.asarray(np.where(inside, columns[None, :, 2], 0.0).max(axis=1), dtype=np.float64)

    def dilated(self, radius_m: float) -> HeightMap:
        """The map whose cell holds the greatest height within `radius_m` of it (in a square: on the safe side)."""
        reach = int(np.ceil(radius_m / CELL_M))
        heights = self.heights_m
        for axis in (0, 1):
            grown, done = heights, 0
            while done < reach:
                step = min(done + 1, reach - done)
                grown = np.maximum(grown, np.maximum(_shift(grown, step, axis), _shift(grown, -step, axis)))
                done += step
            heights = grown
        return HeightMap(heights_m=heights)

    def at(self, xy: ArrayLike) -> Float:
        """float64[...]: heights at points [...,2]; 0 outside the grid."""
        ij = np.rint((np.asarray(xy, dtype=np.float64) - LOWER_XY_M) / CELL_M).astype(np.int64)
        inside = (ij >= 0).all(axis=-1) & (ij < SHAPE).all(axis=-1)
        i, j = np.clip(ij[..., 0], 0, SHAPE[0] - 1), np.clip(ij[..., 1], 0, SHAPE[1] - 1)
        return np.where(inside, self.heights_m[i, j], 0.0)

    def without(self, points: ArrayLike, margin_m: float = 0.0) -> HeightMap:
        """The map with the cells of `points` [N,3], and those within `margin_m` of them, lowered to the table."""
        mask = HeightMap.from_points(np.asarray(points).reshape(-1, 3) * [1, 1, 0] + [0, 0, 1]).dilated(margin_m)
        return HeightMap(heights_m=np.where(mask.heights_m > 0.5, 0.0, self.heights_m))


def _shift(array: Float, by: int, axis: int) -> Float:
    out = np.zeros_like(array)
    source, target = [slice(None)] * 2, [slice(None)] * 2
    source[axis], target[axis] = (slice(None, -by), slice(by, None)) if by > 0 else (slice(-by, None), slice(None, by))
    out[tuple(target)] = array[tuple(source)]
    return out
