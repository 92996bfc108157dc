"""Statistics that are kept while numbers go by: least, greatest, mean, standard deviation, count."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

KEYS = ("min", "max", "mean", "std", "count")


class Tally:
    """Of rows float[..., n], by column."""

    def __init__(self, width: int) -> None:
        self.count = 0
        self._sum, self._squares = np.zeros(width), np.zeros(width)
        self._min, self._max = np.full(width, np.inf), np.full(width, -np.inf)

    def add(self, rows: NDArray[Any]) -> None:
        """rows: float[T,n]."""
        if not len(rows):
            return
        rows = rows.astype(np.float64, copy=False)
        self.count += len(rows)
        self._sum += rows.sum(0)
        self._squares += (rows * rows).sum(0)
        self._min, self._max = np.minimum(self._min, rows.min(0)), np.maximum(self._max, rows.max(0))

    def merge(self, other: Mapping[str, Any]) -> None:
        """Adds what `figures` of another tally said."""
        n = int(np.ravel(other["count"])[0])
        mean, std = np.ravel(other["mean"]).astype(float), np.ravel(other["std"]).astype(float)
        self.count += n
        self._sum += n * mean
        self._squares += n * (std * std + mean * mean)
        self._min = np.minimum(self._min, np.ravel(other["min"]))
        self._max = np.maximum(self._max, np.ravel(other["max"]))

    def figures(self) -> dict[str, list[float]]:
        """By name, float[n]; count float[1]. Zeros where nothing went by."""
        n = max(self.count, 1)
        mean = self._sum / n
        std = np.sqrt(np.maximum(self._squares / n - mean * mean, 0.0))
        none = self.count == 0
        return {
            "min": (np.zeros_like(mean) if none else self._min).tolist(),
            "max": (np.zeros_like(mean) if none else self._max).tolist(),
            "mean": mean.tolist(), "std": std.tolist(), "count": [self.count],
        }  # fmt: skip
