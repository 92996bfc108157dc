"""From a path in joint space to a stream of joint positions within velocity and acceleration limits.

Shape letters: K waypoints, G points of the dense grid, M samples in time, J joints.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Float = NDArray[np.float64]

GRID = 160
SMOOTHING_SAMPLES = 5


def densify(waypoints: ArrayLike, count: int = GRID) -> Float:
    """float64[G,J]: a Catmull-Rom curve through waypoints [K,J], sampled evenly in its chord length."""
    w = np.asarray(waypoints, dtype=np.float64)
    keep = np.concatenate([[True], np.abs(np.diff(w, axis=0)).max(axis=1) > 1e-9])
    w = np.asarray(w[keep])
    if len(w) == 1:
        return w
    chord = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(w, axis=0), axis=1))])
    slope = np.gradient(w, chord, axis=0) if len(w) > 2 else np.repeat(np.diff(w, axis=0) / chord[-1], 2, axis=0)
    at = np.linspace(0.0, chord[-1], count)
    i = np.clip(np.searchsorted(chord, at, side="right") - 1, 0, len(w) - 2)
    length = (chord[i + 1] - chord[i])[:, None]
    t = (at - chord[i])[:, None] / length
    # Cubic Hermite basis.
    return np.asarray(
        (1 + 2 * t) * (1 - t) ** 2 * w[i]
        + t * (1 - t) ** 2 * length * slope[i]
        + t**2 * (3 - 2 * t) * w[i + 1]
        + t**2 * (t - 1) * length * slope[i + 1]
    )


def time_scale(
    path: ArrayLike, velocity: ArrayLike, acceleration: ArrayLike, period_s: float, smooth: int = SMOOTHING_SAMPLES
) -> Float:
    """float64[M,J]: the path [G,J] as positions every `period_s`, from rest to rest, without its first point.

    The fastest speed along the path by one forward and one backward pass (Bobrow 1985), with half of each joint's
    acceleration kept for the path's own curvature. A moving average over `smooth` samples then bounds the jerk; it is
    a convex combination, so it keeps every limit.
    """
    q = np.asarray(path, dtype=np.float64)
    if len(q) < 2:
        return q[:0]
    v, a = np.asarray(velocity, dtype=np.float64), np.asarray(acceleration, dtype=np.float64)
    step = 1.0 / (len(q) - 1)
    first = np.abs(np.gradient(q, step, axis=0)) + 1e-12
    second = np.abs(np.gradient(np.gradient(q, step, axis=0), step, axis=0)) + 1e-12
    # Speeds squared: x <= (v/q')^2 and x <= a/(2 q''); along the path |x'| <= 2 a/(2 q').
    most = np.minimum(((v / first) ** 2).min(axis=1), (a / (2 * second)).min(axis=1))
    gain = np.minimum((a / first).min(axis=1)[1:], (a / first).min(axis=1)[:-1]) * step
    x = most.tolist()
    x[0] = x[-1] = 0.0
    rise = gain.tolist()
    for i in range(len(x) - 1):
        x[i + 1] = min(x[i + 1], x[i] + rise[i])
    for i in range(len(x) - 2, -1, -1):
        x[i] = min(x[i], x[i + 1] + rise[i])
    speed = np.sqrt(np.maximum(x, 0.0))
    times = np.concatenate([[0.0], np.cumsum(2 * step / np.maximum(speed[1:] + speed[:-1], 1e-9))])
    count = max(1, int(np.ceil(times[-1] / period_s)))
    at = np.linspace(0.0, times[-1], count + 1)
    k = np.clip(np.searchsorted(times, at, side="right") - 1, 0, len(times) - 2)
    span = times[k + 1] - times[k]
    late = at - times[k]
    # Constant acceleration inside an interval.
    s = (k * step + speed[k] * late + 0.5 * (speed[k + 1] - speed[k]) / span * late**2) / step
    j = np.clip(s.astype(np.int64), 0, len(q) - 2)
    samples = q[j] + (s - j)[:, None] * (q[j + 1] - q[j])
    if smooth > 1:
        padded = np.concatenate(
            [np.repeat(samples[:1], smooth - 1, axis=0), samples, np.repeat(samples[-1:], smooth - 1, axis=0)]
        )
        total = np.cumsum(np.concatenate([np.zeros((1, q.shape[1])), padded]), axis=0)
        samples = (total[smooth:] - total[:-smooth]) / smooth
    return np.asarray(samples[1:])
