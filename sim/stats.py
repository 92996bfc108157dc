"""Success rates with intervals."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import ceil, comb, sqrt

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


@dataclass(frozen=True, kw_only=True)
class Paired:
    """Two agents on the same episodes: how many both, the first alone, the second alone, neither carried out."""

    both: int
    first: int
    second: int
    neither: int

    @property
    def n(self) -> int:
        return self.both + self.first + self.second + self.neither

    @property
    def mcnemar_p(self) -> float:
        """The exact two-sided p of McNemar (1947): whether those that one alone carried out could be a fair coin's."""
        different = self.first + self.second
        if different == 0:
            return 1.0
        tail = sum(comb(different, k) for k in range(min(self.first, self.second) + 1))
        return min(1.0, float(2 * tail / 2**different))

    @property
    def difference(self) -> float:
        """The first's rate less the second's."""
        return (self.first - self.second) / self.n if self.n else 0.0

    @property
    def interval_95(self) -> tuple[float, float]:
        """Of the difference, from both Wilson intervals (Newcombe 1998, Statistics in Medicine 17, 2635, method 10)."""
        if self.n == 0:
            return (-1.0, 1.0)
        one = Rate(n=self.n, successes=self.both + self.first)
        two = Rate(n=self.n, successes=self.both + self.second)
        (l1, u1), (l2, u2) = one.wilson_95, two.wilson_95
        p1, p2 = one.successes / self.n, two.successes / self.n
        spread = (self.both + self.first) * (self.second + self.neither)
        spread *= (self.both + self.second) * (self.first + self.neither)
        product = self.both * self.neither - self.first * self.second
        together = 0.0 if spread == 0 else (product if product < 0 else max(0.0, product - self.n / 2)) / sqrt(spread)
        down = (p1 - l1) ** 2 - 2 * together * (p1 - l1) * (u2 - p2) + (u2 - p2) ** 2
        up = (u1 - p1) ** 2 - 2 * together * (u1 - p1) * (p2 - l2) + (p2 - l2) ** 2
        return (self.difference - sqrt(max(0.0, down)), self.difference + sqrt(max(0.0, up)))

    def figures(self) -> dict[str, object]:
        """For result.json."""
        low, high = self.interval_95
        return {
            "n": self.n, "both": self.both, "first": self.first, "second": self.second, "neither": self.neither,
            "difference": round(self.difference, 4), "interval_95": [round(low, 4), round(high, 4)],
            "mcnemar_p": round(self.mcnemar_p, 6),
        }  # fmt: skip


def paired(outcomes: Iterable[tuple[bool, bool]]) -> Paired:
    """Counts pairs of (the first's success, the second's)."""
    seen = [(bool(a), bool(b)) for a, b in outcomes]
    return Paired(
        both=seen.count((True, True)), first=seen.count((True, False)), second=seen.count((False, True)),
        neither=seen.count((False, False)),
    )  # fmt: skip


def holm(ps: Sequence[float]) -> list[float]:
    """p values for several tests at once, so that one of them by chance does not count (Holm 1979), in their order."""
    out, highest = [0.0] * len(ps), 0.0
    for rank, i in enumerate(sorted(range(len(ps)), key=lambda i: ps[i])):
        highest = max(highest, min(1.0, (len(ps) - rank) * ps[i]))
        out[i] = highest
    return out


def enough(rate: float, half_width: float) -> int:
    """How many episodes give an interval of about that half width around that rate (kept off 0 and 1)."""
    p = min(max(rate, 0.05), 0.95)
    return ceil(Z_95**2 * p * (1 - p) / half_width**2)
