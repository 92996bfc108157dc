"""Means in two halves: processes that share a step add up both before anybody divides, and have the mean of the whole.

A mean of means would be another number wherever the processes have not equally many words or points.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True, eq=False)
class Tally:
    """total: float32[], with its gradient where it is a loss; count: float32[], of how many (or of what weight)."""

    total: Tensor
    count: Tensor

    @classmethod
    def of(cls, each: Tensor) -> Tally:
        """The mean of all of `each`; of none, it is of nothing: 0 of 0, and the gradient is 0."""
        each = each.float()
        return cls(each.sum(), each.new_full((), each.numel()))

    @property
    def mean(self) -> Tensor:
        return self.total / self.count
