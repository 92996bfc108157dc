"""Coordinates that move within velocity, acceleration and jerk limits, and how each comes to rest from wherever it is.

Time goes in control periods h. A state is (q, v, a), where v and a are the first and second differences of the
commanded positions over h, so a limit that is kept here is kept by the stream of commands itself:
a' = a + j h, v' = v + a' h, q' = q + v' h. Shape letters: D coordinates, T periods.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float64]

MOST_PERIODS = 600
"""No robot takes ten seconds to brake."""
REST = 1e-9
_CAUTION_A, _CAUTION_J = 0.8, 0.5
"""Shares of the limits with which a far wish is approached; what is left is for the periods' grain."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Motion:
    """float64[D] each: where the coordinates are commanded, and the differences that led there."""

    q: Float
    v: Float
    a: Float

    @property
    def rests(self) -> bool:
        return bool((np.abs(self.v) < REST).all() and (np.abs(self.a) < REST).all())


class Brakes:
    """float64[D] limits; q is unbounded where lower and upper are infinite. period_s: h."""

    def __init__(
        self, *, lower: Float, upper: Float, velocity: Float, acceleration: Float, jerk: Float, period_s: float
    ) -> None:
        self.lower, self.upper, self.velocity, self.h = lower, upper, velocity, period_s
        # What can't move at all (a differential base sideways) has nothing to brake.
        self.acceleration = np.where(acceleration > 0, acceleration, 1.0)
        self.jerk = np.where(jerk > 0, jerk, 1.0)
        self._change = self.jerk * period_s  # of the acceleration, in one period
        self._unit = self._change * period_s  # of the velocity, by one such acceleration

    def towards(self, now: Motion, velocity: Float) -> Motion:
        """One period nearer to `velocity` [D], as fast as the limits allow, without going past it."""
        a = self._acceleration(velocity - now.v, now.a)
        v = now.v + a * self.h
        return Motion(q=now.q + v * self.h, v=v, a=a)

    def stop(self, now: Motion) -> list[Motion]:
        """The way to rest from here, one Motion a period; empty at rest."""
        way: list[Motion] = []
        q, v, a = now.q, now.v, now.a
        for _ in range(MOST_PERIODS):
            if max(np.abs(v).max(), np.abs(a).max()) < REST:
                break
            a = self._acceleration(-v, a)
            v = v + a * self.h
            # Rounding would keep it going for ever.
            v[np.abs(v) < REST] = 0.0
            a[np.abs(a) < REST] = 0.0
            q = q + v * self.h
            way.append(Motion(q=q, v=v, a=a))
        return way

    def _acceleration(self, off: Float, a: Float) -> Float:
        """float64[D]: the acceleration of the next period, for velocities that are `off` what they shall be.

        As much as can still be let off by the time the velocity is there: over n periods of falling acceleration the
        velocity gains unit * (m + (m - 1) + ...), so m = x / n + (n - 1) / 2 for x units to go.
        """
        x = np.abs(off) / self._unit
        n = np.maximum(np.ceil(0.5 * np.sqrt(1.0 + 8.0 * x) - (0.5 + 1e-9)), 1.0)
        most = np.minimum(self.acceleration, self._change * (x / n + 0.5 * n - 0.5))
        return np.asarray(np.minimum(np.maximum(np.copysign(most, off), a - self._change), a + self._change))

    def kept(self, now: Motion, then: Motion) -> NDArray[np.bool_]:
        """bool[D]: whether one period leads from `now` to `then` within velocity, acceleration and jerk."""
        slack = 1.0 + 1e-6
        return np.asarray(
            (np.abs(then.v) <= self.velocity * slack + REST)
            & (np.abs(then.a) <= self.acceleration * slack + REST)
            & (np.abs(then.a - now.a) <= self._change * slack + REST)
        )

    def ends_within(self, then: Motion, way: list[Motion]) -> NDArray[np.bool_]:
        """bool[D]: whether from `then` all along the way to rest positions and velocities stay within the limits."""
        q = np.stack([then.q, *(m.q for m in way)])
        v = np.stack([then.v, *(m.v for m in way)])
        slack = 1e-9
        fine = (q.min(axis=0) >= self.lower - slack) & (q.max(axis=0) <= self.upper + slack)
        return np.asarray(fine & (np.abs(v).max(axis=0) <= self.velocity * (1.0 + 1e-6) + REST))

    def pace(self, way: Float) -> Float:
        """float64[D]: the speed with which one may go on towards something `way` [D] away and stop there, cautiously.

        With the jerk alone way = v sqrt(v / J), while v stays below A^2 / J; beyond, way = v^2 / 2A + v A / 2J. A
        period passes before it begins to brake.
        """
        a, j = _CAUTION_A * self.acceleration, _CAUTION_J * self.jerk

        def reached(left: Float) -> Float:
            ramps = np.cbrt(left**2 * j)
            return np.where(ramps <= a**2 / j, ramps, -(a**2) / (2 * j) + np.sqrt((a**2 / (2 * j)) ** 2 + 2 * a * left))

        way = np.maximum(way, 0.0)
        first = np.minimum(reached(way), way / self.h)
        return np.asarray(reached(np.maximum(way - self.h * first, 0.1 * way)))

    def slowest_s(self) -> float:
        """How long the slowest coordinate takes to rest from its full speed while it still gains some."""
        reachable = np.minimum(self.acceleration, np.sqrt(self.jerk * self.velocity))
        zero = np.zeros_like(self.velocity)
        return self.h * len(self.stop(Motion(q=zero, v=self.velocity - reachable**2 / (2 * self.jerk), a=reachable)))
