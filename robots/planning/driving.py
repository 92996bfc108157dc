"""A differential base in time: what it drives between two turns on the spot is one motion, through rounded corners.

On a curve the base looks along its tangent, so that it never slips sideways; how fast it may pass follows from the
limits of turning, too.
Shape letters: K waypoints, M samples.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from robots.geometry import wrapped
from robots.planning.free_space import FreeSpace
from robots.planning.limits import MotionLimits
from robots.planning.timing import TimedPath, halves_within

Float = NDArray[np.float64]

SHARPEST_RAD = 2.0
"""Corners that are sharper are turned on the spot."""
ROUNDINGS = 4
CURVE_SAMPLES = 16
_SAMPLES = 400
_CAUTION = 1.01
"""The greatest turn rates on a curve are found by sampling."""


@dataclass(frozen=True, kw_only=True, eq=False)
class _Drive:
    """Driven through without a stop; backwards: the base looks against where it goes."""

    path: TimedPath
    backwards: bool

    def at(self, t: Float) -> Float:
        ahead = self.path.directions(t)
        yaw = np.arctan2(ahead[:, 1], ahead[:, 0]) + np.pi * self.backwards
        return np.column_stack([self.path.at(t), yaw])


@dataclass(frozen=True, kw_only=True, eq=False)
class _Turn:
    """On the spot, at xy float64[2] m."""

    path: TimedPath
    xy: Float

    def at(self, t: Float) -> Float:
        return np.column_stack([np.tile(self.xy, (len(t), 1)), self.path.at(t)])


class DrivenPath:
    """A motion from rest to rest along the turns and drives of a polyline [K,3] that is free in `space`.

    limits: `MotionLimits.base(...)`. Corners between two drives are rounded by at most tolerance_m, where that is free.
    """

    def __init__(self, way: Float, limits: MotionLimits, tolerance_m: float, space: FreeSpace) -> None:
        self.way = way
        self._legs: list[_Drive | _Turn] = []
        change = np.diff(way, axis=0)
        drives = np.nonzero(np.linalg.norm(change[:, :2], axis=1) > 1e-9)[0]
        yaw = float(way[0, 2])
        for run in _runs(way, drives):
            halves = _halves(way, run, limits, tolerance_m, space)
            stops = [-1, *np.nonzero(halves == 0)[0].tolist(), len(run) - 1]
            for before, last in pairwise(stops):
                part = run[before + 1 : last + 1]
                self._turn(way[part[0], :2], yaw, float(way[part[0], 2]), limits)
                yaw = float(way[part[-1], 2])
                path = _driven(_through(way, part), limits, halves[before + 1 : last])
                self._legs.append(_Drive(path=path, backwards=_backwards(way, part[0])))
        self._turn(way[-1, :2], yaw, float(way[-1, 2]), limits)
        self._starts = np.concatenate([[0.0], np.cumsum([leg.path.duration_s for leg in self._legs])])

    @property
    def duration_s(self) -> float:
        return float(self._starts[-1])

    def stream(self, period_s: float) -> Float:
        """float64[M,3]: a pose every `period_s`, without the first, with the last; yaw without jumps."""
        count = int(np.ceil(self.duration_s / period_s - 1e-9))
        t = np.minimum(period_s * np.arange(1, count + 1), self.duration_s)
        leg = np.minimum(np.searchsorted(self._starts, t, side="right") - 1, len(self._legs) - 1)
        out = np.empty((count, 3))
        for i in np.unique(leg):
            out[leg == i] = self._legs[i].at(t[leg == i] - self._starts[i])
        out[-1] = self.way[-1]
        out[:, 2] = np.unwrap(np.append(self.way[0, 2], out[:, 2]))[1:]
        return out

    def _turn(self, xy: Float, before: float, after: float, limits: MotionLimits) -> None:
        if abs(after - before) > 1e-9:
            turning = MotionLimits(
                velocity=limits.velocity[1:], acceleration=limits.acceleration[1:], jerk=limits.jerk[1:]
            )
            path = TimedPath(np.array([[before], [after]]), turning, np.empty(0))
            self._legs.append(_Turn(path=path, xy=xy))


def _backwards(way: Float, piece: int) -> bool:
    move = way[piece + 1, :2] - way[piece, :2]
    return bool(move @ [np.cos(way[piece, 2]), np.sin(way[piece, 2])] < 0)


def _through(way: Float, pieces: list[int]) -> Float:
    """float64[n+1,2]: the ends of n drives that follow one another, but for turns."""
    return np.concatenate([way[pieces[:1], :2], way[[i + 1 for i in pieces], :2]])


def _runs(way: Float, drives: NDArray[np.int64]) -> list[list[int]]:
    """The drives, as indices of pieces of the way, in groups that are driven without changing direction."""
    runs: list[list[int]] = []
    for i in drives.tolist():
        last = runs[-1][-1] if runs else -1
        follows = bool(runs) and _backwards(way, last) == _backwards(way, i)
        if follows and abs(float(wrapped(way[i, 2] - way[last, 2]))) <= SHARPEST_RAD:
            runs[-1].append(i)
        else:
            runs.append([i])
    return runs


def _halves(way: Float, run: list[int], limits: MotionLimits, tolerance_m: float, space: FreeSpace) -> Float:
    """float64[n-1]: for each corner of a run of n drives, half the length of a curve that is free; 0 if none is."""
    xy, drive, backwards = _through(way, run), _drive_limits(limits), _backwards(way, run[0])
    halves = halves_within(xy, drive, np.full(2, tolerance_m))
    for attempt in range(ROUNDINGS):
        blocked = []
        for i, points, ahead in TimedPath(xy, drive, halves).curves(CURVE_SAMPLES):
            yaw = np.unwrap(np.arctan2(ahead[:, 1], ahead[:, 0])) + np.pi * backwards
            if space.reach(np.column_stack([points, yaw])) < CURVE_SAMPLES - 1:
                blocked.append(i)
        if not blocked:
            break
        halves = halves.copy()
        halves[blocked] *= 0.5 if attempt < ROUNDINGS - 1 else 0.0
    return halves


def _driven(xy: Float, limits: MotionLimits, halves: Float) -> TimedPath:
    """The drive through xy [n+1,2], on its curves no faster than the base may turn."""
    drive = _drive_limits(limits)
    caps = np.ones(len(halves))
    for i, _, ahead in TimedPath(xy, drive, halves).curves(_SAMPLES):
        step = 2 * halves[i] / (_SAMPLES - 1)
        rate = np.unwrap(np.arctan2(ahead[:, 1], ahead[:, 0]))
        for order in range(3):
            rate = np.gradient(rate, step, edge_order=2)
            limit = (limits.velocity, limits.acceleration, limits.jerk)[order][1]
            caps[i] = min(caps[i], (limit / max(_CAUTION * float(np.abs(rate).max()), 1e-12)) ** (1 / (order + 1)))
    return TimedPath(xy, drive, halves, caps)


def _drive_limits(limits: MotionLimits) -> MotionLimits:
    return MotionLimits(
        velocity=limits.velocity[:1],
        acceleration=limits.acceleration[:1],
        jerk=limits.jerk[:1],
        groups=np.array([0, 0]),
    )
