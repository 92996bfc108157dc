"""The world that a motion has to keep clear of: obstacles, and a grid of distances that answers most questions.

The distance to the nearest surface changes by no more than a point moves, so the value at the nearest cell, less the
way to it, is a lower bound. Only points for which the bound does not settle the question are measured exactly.
Shape letters: M points, X Y Z cells, P points of clouds.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from robots.planning.obstacles import Box, Cloud, Cylinder, Obstacle, Solid, Solids, half_extent

Float = NDArray[np.float64]

CELL_M = 0.025
REACH_M = 0.25
"""How far the grid looks: a distance beyond it is given as this much. No ball of a robot may be larger."""


class Scene:
    """Obstacles within a region of the world, lower_m..upper_m float64[3]; distances are right outside it, too,
    but slower. Points of a cloud that lie outside are left out.

    Building takes about 10 ms for an arm's surroundings without clouds, so a scene serves many queries.
    """

    def __init__(
        self, obstacles: Sequence[Obstacle], *, lower_m: ArrayLike, upper_m: ArrayLike, cell_m: float = CELL_M
    ) -> None:
        self.obstacles = tuple(obstacles)
        self._lower, self._cell = np.array(lower_m, dtype=np.float64), cell_m
        size = np.asarray(upper_m, dtype=np.float64) - self._lower
        if size.shape != (3,) or not (np.isfinite(size) & (size > 0)).all():
            raise ValueError(f"a Scene takes lower_m below upper_m, float64[3] each, not {lower_m!r}, {upper_m!r}")
        self._shape = 1 + np.ceil(size / cell_m).astype(np.int64)
        self._last = self._shape - 1
        self._strides = np.array([self._shape[1] * self._shape[2], self._shape[2], 1])
        solids = [o for o in self.obstacles if not isinstance(o, Cloud)]
        self._solids = Solids(solids)
        field = np.full(tuple(self._shape), REACH_M, dtype=np.float32)
        for solid in solids:
            self._pour(field, solid)
        seen = [o.points for o in self.obstacles if isinstance(o, Cloud)]
        self._points, self._nearest = self._seen(np.concatenate(seen) if seen else np.empty((0, 3)), field)
        self._field = field.reshape(-1)

    def with_cloud(self, cloud: Cloud) -> Scene:
        """The same scene, in which no points were seen yet, with those of a cloud."""
        if len(self._points):
            raise ValueError("this scene has a cloud already")
        out = Scene.__new__(Scene)
        out.__dict__.update(self.__dict__)
        out.obstacles = (*self.obstacles, cloud)
        field = self._field.reshape(tuple(self._shape)).copy()
        out._points, out._nearest = self._seen(cloud.points, field)
        out._field = field.reshape(-1)
        return out

    def distance(self, points: ArrayLike, enough_m: ArrayLike = REACH_M) -> Float:
        """float64[M] m from points [M,3] to the nearest surface, at most REACH_M; below 0 inside.

        Where it is at least `enough_m` (one number or [M]), a lower bound that is at least that.
        """
        p = np.asarray(points, dtype=np.float64)
        cells = np.rint((p - self._lower) * (1.0 / self._cell)).astype(np.int64)
        np.clip(cells, 0, self._last, out=cells)
        at = cells @ self._strides
        off = p - (self._lower + cells * self._cell)
        bound = self._field[at] - np.sqrt(np.einsum("md,md->m", off, off))
        doubtful = np.nonzero(bound < enough_m)[0]
        if len(doubtful):
            bound[doubtful] = self._measure(p[doubtful], cells[doubtful])
        return np.asarray(bound, dtype=np.float64)

    def nearest(self, point: ArrayLike) -> str:
        """The name of what is nearest to a point [3] m."""
        p = np.asarray(point, dtype=np.float64).reshape(1, 3)
        solid = self._solids.distances(p)[0]
        seen = np.linalg.norm(self._points - p, axis=1).min(initial=np.inf) - self._cell / 2
        if len(solid) and solid.min() <= seen:
            return self._solids.ordered[int(solid.argmin())].name
        return next((o.name for o in self.obstacles if isinstance(o, Cloud)), "nothing")

    def _measure(self, p: Float, cells: NDArray[np.int64]) -> Float:
        found = np.minimum(self._solids.nearest(p), REACH_M)
        if len(self._points) == 0:
            return np.asarray(found)
        # The seen points that are nearest to the eight cells around p: the one nearest to p is among them but for rare
        # ties, and those are off by less than a cell.
        base = np.minimum(np.floor((p - self._lower) / self._cell).astype(np.int64), self._last - 1)
        np.maximum(base, 0, out=base)
        corner = np.array([[x, y, z] for x in (0, 1) for y in (0, 1) for z in (0, 1)])
        around = np.minimum(base[:, None] + corner, self._last) @ self._strides
        index = self._nearest[around]
        offset = p[:, None] - self._points[index]
        square = np.where(index >= 0, np.einsum("mcd,mcd->mc", offset, offset), np.inf)
        return np.asarray(np.minimum(found, np.sqrt(square.min(axis=1)) - self._cell / 2))

    def _pour(self, field: NDArray[np.float32], solid: Solid) -> None:
        """Lowers the field to the distance from one solid, in the cells that it is near to."""
        centre, half = half_extent(solid)
        first = np.floor((centre - half - REACH_M - self._lower) / self._cell).astype(np.int64)
        end = np.ceil((centre + half + REACH_M - self._lower) / self._cell).astype(np.int64) + 1
        first, end = np.clip(first, 0, self._shape), np.clip(end, 0, self._shape)
        if (first >= end).any():
            return
        axes = [self._lower[i] + self._cell * np.arange(first[i], end[i]) - centre[i] for i in range(3)]
        block = field[tuple(slice(a, b) for a, b in zip(first, end, strict=True))]
        if isinstance(solid, (Box, Cylinder)):
            rotation = solid.pose.rotation
            along = [
                (
                    rotation[0, i] * axes[0][:, None, None]
                    + rotation[1, i] * axes[1][None, :, None]
                    + rotation[2, i] * axes[2][None, None, :]
                ).astype(np.float32)
                for i in range(3)
            ]
        if isinstance(solid, Box):
            beyond = [np.abs(a) - np.float32(h) for a, h in zip(along, solid.half_m, strict=True)]
        elif isinstance(solid, Cylinder):
            radial = np.sqrt(along[0] ** 2 + along[1] ** 2) - np.float32(solid.radius_m)
            beyond = [radial, np.abs(along[2]) - np.float32(solid.half_height_m)]
        else:
            square = axes[0][:, None, None] ** 2 + axes[1][None, :, None] ** 2 + axes[2][None, None, :] ** 2
            np.minimum(block, (np.sqrt(square) - solid.radius_m).astype(np.float32), out=block)
            return
        inside, outside = beyond[0], np.maximum(beyond[0], 0) ** 2
        for b in beyond[1:]:
            inside = np.maximum(inside, b)
            outside = outside + np.maximum(b, 0) ** 2
        np.minimum(block, np.sqrt(outside) + np.minimum(inside, 0), out=block)

    def _seen(self, points: Float, field: NDArray[np.float32]) -> tuple[Float, NDArray[np.int32]]:
        """One point (the mean) for each cell in which any was seen, float64[P,3], and for every cell the index of the
        one nearest to its centre, int32[X*Y*Z], -1 where none is near; lowers the field accordingly.

        A distance transform in three passes (Felzenszwalb and Huttenlocher 2012) that carries the index along, each
        pass over shifts as far as the field looks.
        """
        cells = np.rint((points - self._lower) / self._cell).astype(np.int64)
        inside = (cells >= 0).all(axis=1) & (cells <= self._last).all(axis=1)
        flat, member = np.unique(cells[inside] @ self._strides, return_inverse=True)
        if len(flat) == 0:
            return np.empty((0, 3)), np.empty(0, dtype=np.int32)
        counts = np.bincount(member)
        means = np.stack([np.bincount(member, weights=points[inside, i]) / counts for i in range(3)], axis=1)
        every = np.full(tuple(self._shape), -1, dtype=np.int32)
        every.reshape(-1)[flat] = np.arange(len(flat))
        # Only cells around the points, as far as the field looks, are near to one.
        reach = int(np.ceil(REACH_M / self._cell))
        low, high = cells[inside].min(axis=0) - reach, cells[inside].max(axis=0) + reach + 1
        crop = tuple(slice(max(0, int(a)), int(b)) for a, b in zip(low, high, strict=True))
        index = every[crop]
        square = np.where(index >= 0, np.float32(0), np.float32(np.inf))
        for axis in range(3):
            best, carried = square.copy(), index.copy()
            for shift in range(1, reach + 1):
                for to, of in (
                    (slice(shift, None), slice(None, -shift)),
                    (slice(None, -shift), slice(shift, None)),
                ):
                    here: list[slice] = [slice(None)] * 3
                    there: list[slice] = [slice(None)] * 3
                    here[axis], there[axis] = to, of
                    target, source = tuple(here), tuple(there)
                    candidate = square[source] + np.float32((shift * self._cell) ** 2)
                    closer = candidate < best[target]
                    np.copyto(best[target], candidate, where=closer)
                    np.copyto(carried[target], index[source], where=closer)
            square, index = best, carried
        # The mean may lie half a cell's diagonal from its cell's centre.
        off = np.sqrt(3) / 2 * self._cell
        seen = np.minimum(np.sqrt(square), REACH_M + off + self._cell / 2) - self._cell / 2 - off
        np.minimum(field[crop], seen, out=field[crop])
        every[crop] = index
        return means, every.reshape(-1)
