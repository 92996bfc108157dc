"""Success rates with intervals."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import sqrt

Z_95 = 1.959963984540054


@dataclass(frozen=True, kw_only=True)
class Rate:
    """successes out of n, with Wilson's score interval at 95 % (Wilson 1927), which is honest near 0 and 1."""

    n: int
    successes: int

    @property
    def rate(self) -> float | None:
        """None where nothing was tried."""
        return self.successes / self.n if self.n else None

    @property
    def wilson_95(self) -> tuple[float, float]:
        """Where the true rate lies; (0, 1) where nothing was tried."""
        if self.n == 0:
            return (0.0, 1.0)
        p, n, z2 = self.successes / self.n, self.n, Z_95**2
        middle = (p + z2 / (2 * n)) / (1 + z2 / n)
        half = Z_95 * sqrt(p * (1 - p) / n + z2 / (4 * n * n)) / (1 + z2 / n)
        # Both ends exactly, where rounding would leave them a hair inside the rate.
        return (0.0 if self.successes == 0 else middle - half, 1.0 if self.successes == n else middle + half)

    def figures(self) -> dict[str, object]:
        """For result.json."""
        low, high = self.wilson_95
        rate = None if self.rate is None else round(self.rate, 4)
        return {"n": self.n, "successes": self.successes, "rate": rate, "wilson_95": [round(low, 4), round(high, 4)]}

    def __str__(self) -> str:
        if self.rate is None:
            return "none tried"
        low, high = self.wilson_95
        return f"{self.successes:>4}/{self.n:<4} {self.rate:6.1%}  [{low:.1%}, {high:.1%}]"


def rate_of(successes: Iterable[bool]) -> Rate:
    """Counts them."""
    seen = list(successes)
    return Rate(n=len(seen), successes=sum(seen))
