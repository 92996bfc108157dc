"""How a body gets from one configuration to another when nothing is in the way: local ways.

Shape letters: K waypoints, J coordinates, N configurations.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from robots.geometry import wrapped

Float = NDArray[np.float64]


BACK_M = 0.7
"""The longest way that a base backs."""


class Steering(Protocol):
    """A space of configurations float64[J] between lower and upper, and its local ways."""

    @property
    def lower(self) -> Float: ...

    @property
    def upper(self) -> Float: ...

    @property
    def weights(self) -> Float:
        """float64[J]: what a radian or a metre of each coordinate counts in a length."""
        ...

    @property
    def wraps(self) -> NDArray[np.bool_]:
        """bool[J]: the coordinates that are angles without limits."""
        ...

    def steer(self, start: Float, end: Float) -> Float:
        """float64[K,J]: a polyline from start to end; an angle that wraps may end whole turns away."""
        ...

    def lengths(self, points: Float, to: Float) -> Float:
        """float64[N]: how long the way from each of `points` [N,J] to `to` [J] is, about."""
        ...

    def pieces(self, way: Float) -> Float:
        """float64[K-1]: the lengths of a polyline's pieces [K,J]."""
        ...

    def inside(self, q: Float) -> bool:
        """Whether q [J] is within the limits; angles that wrap have none."""
        ...


class Straight:
    """Straight lines: arms, holonomic bases, both together.

    weights: float64[J], what a radian or a metre of each coordinate counts in a length. wraps: bool[J], coordinates
    that are angles without limits, and go the shorter way round.
    """

    def __init__(self, lower: Float, upper: Float, *, weights: Float, wraps: NDArray[np.bool_] | None = None) -> None:
        self.lower, self.upper = np.asarray(lower, dtype=np.float64), np.asarray(upper, dtype=np.float64)
        self.weights = np.asarray(weights, dtype=np.float64)
        self.wraps = np.zeros(len(self.lower), dtype=np.bool_) if wraps is None else wraps

    def steer(self, start: Float, end: Float) -> Float:
        return np.stack([start, start + self._change(start, end)])

    def lengths(self, points: Float, to: Float) -> Float:
        change = self._change(points, to) * self.weights
        return np.asarray(np.sqrt(np.einsum("nj,nj->n", change, change)))

    def pieces(self, way: Float) -> Float:
        change = (way[1:] - way[:-1]) * self.weights
        return np.asarray(np.sqrt(np.einsum("nj,nj->n", change, change)))

    def inside(self, q: Float) -> bool:
        return bool(((q >= self.lower - 1e-9) & (q <= self.upper + 1e-9) | self.wraps).all())

    def _change(self, start: Float, end: Float) -> Float:
        change = end - start
        if self.wraps.any():
            change[..., self.wraps] = wrapped(change[..., self.wraps])
        return np.asarray(change)


class TurnDriveTurn:
    """A base that can only drive straight and turn on the spot, (x m, y m, yaw rad): turn, drive, turn.

    It drives ahead, where its sensors look, but backs for up to BACK_M where that spares turning: out of a corner.
    turn_m_rad: what a radian of turning counts in a length, in metres.
    """

    def __init__(self, lower: Float, upper: Float, *, turn_m_rad: float) -> None:
        self.lower, self.upper = np.asarray(lower, dtype=np.float64), np.asarray(upper, dtype=np.float64)
        self._turn = turn_m_rad
        self.weights, self.wraps = np.array([1.0, 1.0, turn_m_rad]), np.array([False, False, True])

    def steer(self, start: Float, end: Float) -> Float:
        dx, dy = float(end[0] - start[0]), float(end[1] - start[1])
        if np.hypot(dx, dy) < 1e-6:
            return np.array([start, [start[0], start[1], start[2] + float(wrapped(end[2] - start[2]))]])
        heading = float(_heading(dx, dy, float(start[2]), float(end[2])))
        heading = start[2] + float(wrapped(heading - start[2]))
        last = heading + float(wrapped(end[2] - heading))
        way = np.array([start, start, end, end])
        way[1:, 2] = heading, heading, last
        return np.asarray(way[np.append(True, np.abs(np.diff(way, axis=0)).max(axis=1) > 1e-9)])

    def lengths(self, points: Float, to: Float) -> Float:
        change = to - points
        distance = np.hypot(change[:, 0], change[:, 1])
        heading = np.where(distance > 1e-6, _heading(change[:, 0], change[:, 1], points[:, 2], to[2]), to[2])
        turns = np.abs(wrapped(heading - points[:, 2])) + np.abs(wrapped(to[2] - heading))
        return np.asarray(distance + self._turn * turns)

    def pieces(self, way: Float) -> Float:
        change = way[1:] - way[:-1]
        return np.asarray(np.hypot(change[:, 0], change[:, 1]) + self._turn * np.abs(change[:, 2]))

    def inside(self, q: Float) -> bool:
        return bool(((q[:2] >= self.lower[:2] - 1e-9) & (q[:2] <= self.upper[:2] + 1e-9)).all())


def _heading(dx: Float | float, dy: Float | float, before: Float | float, after: Float | float) -> Float:
    """The yaw in which to drive by (dx, dy) m between two yaws."""
    ahead: Float = np.asarray(np.arctan2(dy, dx))
    turns = np.abs(wrapped(ahead - before)) + np.abs(wrapped(np.asarray(after) - ahead))
    back = np.abs(wrapped(ahead + np.pi - before)) + np.abs(wrapped(np.asarray(after) - ahead - np.pi))
    return np.asarray(ahead + np.pi * ((np.hypot(dx, dy) <= BACK_M) & (back < turns)))
