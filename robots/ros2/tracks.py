"""What was measured and what was sent, by time, so that both can be asked for any moment in between."""

from __future__ import annotations

from collections import deque

import numpy as np
from numpy.typing import NDArray

from robots.geometry import Pose

Float = NDArray[np.float64]
KEPT = 400


class Track:
    """Values float64[n] by time stamps, the newest last; what comes late and is older than the newest is dropped."""

    def __init__(self, *, steps: bool = False) -> None:
        """steps: a value holds until the next one; else values go straight from one to the next."""
        self._steps = steps
        self._times: deque[float] = deque(maxlen=KEPT)
        self._values: deque[Float] = deque(maxlen=KEPT)

    def add(self, time_s: float, values: Float) -> bool:
        """Whether it was newer than what there was."""
        if self._times and time_s <= self._times[-1]:
            return False
        self._times.append(time_s)
        self._values.append(np.array(values, dtype=np.float64))
        return True

    def __len__(self) -> int:
        return len(self._times)

    @property
    def newest_s(self) -> float:
        """When the newest value was measured; -inf before there is one."""
        return self._times[-1] if self._times else -np.inf

    @property
    def newest(self) -> Float:
        return self._values[-1]

    def at(self, time_s: float) -> Float:
        """The values at a moment; before the first and after the last those."""
        times, values = self._times, self._values
        if time_s >= times[-1]:
            return values[-1]
        after = next(i for i in range(len(times) - 1, -2, -1) if i < 0 or times[i] <= time_s) + 1
        if after == 0:
            return values[0]
        if self._steps:
            return values[after - 1]
        share = (time_s - times[after - 1]) / (times[after] - times[after - 1])
        return np.asarray(values[after - 1] + share * (values[after] - values[after - 1]))

    def since(self, time_s: float) -> list[tuple[float, Float]]:
        """(from when, value) of all that hold after a moment, the one that holds then first; for steps."""
        found: list[tuple[float, Float]] = []
        for at, value in zip(reversed(self._times), reversed(self._values), strict=True):
            found.append((max(at, time_s), value))
            if at <= time_s:
                break
        return found[::-1]


class PoseTrack:
    """Upright poses (of a base) by time: x, y, yaw between neighbours, without a jump where the yaw turns over."""

    def __init__(self) -> None:
        self._track = Track()

    def add(self, time_s: float, pose: Pose) -> bool:
        yaw = pose.yaw_rad
        if len(self._track):
            last = float(self._track.newest[2])
            yaw = last + float((yaw - last + np.pi) % (2 * np.pi) - np.pi)
        return self._track.add(time_s, np.array([*pose.xyz[:2], yaw]))

    @property
    def newest_s(self) -> float:
        return self._track.newest_s

    def at(self, time_s: float) -> Pose:
        x, y, yaw = self._track.at(time_s)
        return Pose.from_xyz_yaw([x, y, 0.0], float(yaw))


def driven(twists: list[tuple[float, Float]], until_s: float) -> Pose:
    """Where a base goes that starts at the first twist's time: twists float64[3] (m/s, m/s, rad/s) hold until the
    next."""
    x, y, yaw = 0.0, 0.0, 0.0
    ends = [at for at, _ in twists[1:]] + [until_s]
    for (at, twist), end in zip(twists, ends, strict=True):
        forward, left, turn = twist * max(min(end, until_s) - at, 0.0)
        c, s = np.cos(yaw + turn / 2), np.sin(yaw + turn / 2)
        x, y, yaw = x + c * forward - s * left, y + s * forward + c * left, yaw + turn
    return Pose.from_xyz_yaw([x, y, 0.0], float(yaw))
