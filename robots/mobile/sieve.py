"""Points in order, so that those in a box are found without looking at all of them. Shape letters: N, K points."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from robots.geometry import Pose

Float = NDArray[np.float64]


class Sieve:
    """points: float64[N,3] m."""

    def __init__(self, points: Float) -> None:
        self._order = np.argsort(points[:, 0])
        self._x, self._y, self._z = points[self._order].T.copy()

    def around(self, pose: Pose, half_m: Float) -> NDArray[np.int64]:
        """int64[K]: indices of points in the upright box around a box: all within it, and some beside it."""
        reach = np.abs(pose.rotation) @ half_m + 1e-6
        (x0, y0, z0), (x1, y1, z1) = pose.xyz - reach, pose.xyz + reach
        a, b = np.searchsorted(self._x, (x0, x1))
        y, z = self._y[a:b], self._z[a:b]
        return np.asarray(self._order[a:b][(y > y0) & (y < y1) & (z > z0) & (z < z1)])
