"""Watchdogs: numbers that are none, observations that are old, joints that don't follow, clocks that jump."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from robots.geometry import Pose
from robots.interface import Observation, RobotState
from robots.safety.config import SafetyConfig
from robots.safety.reasons import Reason

Float = NDArray[np.float64]


def unfit(state: RobotState) -> str:
    """The name of a field with a number that is none, or ""."""
    for field in fields(state):
        value = getattr(state, field.name)
        if isinstance(value, Pose):
            value = np.concatenate([value.xyz, value.quat_xyzw])
        if value is not None and not np.isfinite(np.asarray(value, dtype=np.float64)).all():
            return field.name
    return ""


OVERTAKEN_S = 3.0
"""An observation that is older than the one before by less was late on its way; by more, a clock was set back."""


class Watch:
    """What has been seen so far. Methods return what is wrong, (reason, words), or None."""

    def __init__(self, config: SafetyConfig, period_s: float) -> None:
        self._config = config
        self._last_s: float | None = None
        self._seen: tuple[float, float] | None = None
        self._lag_s = 0.0
        """By how much the last one was later than those before: the next may be in time again."""
        self._off = 0.0
        self._off_since_s: float | None = None

    def tick(self, now_s: float) -> tuple[Reason, str] | None:
        """The kernel's clock is at now_s."""
        last, self._last_s = self._last_s, now_s
        if not np.isfinite(now_s) or (last is not None and now_s < last - 1e-6):
            self._last_s = None
            return Reason.CLOCK, f"from {last} s to {now_s} s"
        return None

    def age(self, time_s: float, now_s: float, *, moving: bool) -> tuple[Reason, str] | None:
        """An observation says that it is of time_s of the robot's clock. Its clock may run on while the robot stands: a
        world that settles between two sentences."""
        if not np.isfinite(time_s):
            return Reason.BAD_OBSERVATION, "time_s"
        before = self._seen
        if before is None or time_s > before[0]:
            self._seen = (time_s, now_s)  # when its clock was last seen to go on
        if before is None:
            return None
        passed, went = now_s - before[1], time_s - before[0]
        if went < -OVERTAKEN_S:
            return Reason.CLOCK, f"an observation of {-went:.2f} s before the last one"
        if went < -1e-6:
            return Reason.STALE, f"{-went:.2f} s older than the last one"
        if passed - went > self._config.max_age_s:
            return Reason.STALE, f"{passed - went:.2f} s old"
        if moving and went - passed - self._lag_s > self._config.clock_s:
            return Reason.CLOCK, f"{went - passed:.2f} s ahead"
        if went > 0:
            self._lag_s = min(max(self._lag_s + passed - went, 0.0), self._config.max_age_s)
        return None

    @staticmethod
    def numbers(seen: Observation) -> str:
        """The camera whose place is no number; pictures are not looked at: they may not be drawn yet."""
        for name, frame in seen.frames.items():
            pose = frame.world_T_camera
            if not (np.isfinite(pose.xyz).all() and np.isfinite(pose.quat_xyzw).all()):
                return f"where camera {name} is"
        return ""

    def follows(self, arm_q: Float, sent_q: Float, now_s: float) -> tuple[Reason, str] | None:
        """The joints are at arm_q [J] and were sent to sent_q."""
        config = self._config
        off = float(np.abs(arm_q - sent_q).max())
        if config.stray == 0.0 or off < config.stray or off < self._off - 0.01:
            self._off, self._off_since_s = off, None if off < config.stray or config.stray == 0.0 else now_s
            return None
        self._off = max(self._off, off)
        if self._off_since_s is None:
            self._off_since_s = now_s
        if now_s - self._off_since_s < config.stray_s:
            return None
        return Reason.STRAY, f"joint {int(np.abs(arm_q - sent_q).argmax())} by {off:.2f}"


class Ticking(Protocol):
    """What `watching` keeps time for: `robots.safety.kernel.SafeRobot`."""

    def tick(self) -> None: ...


@contextmanager
def watching(robot: Ticking, period_s: float) -> Iterator[None]:
    """Ticks in a thread of its own, so that a planner that never answers leaves no robot moving."""
    over = threading.Event()

    def keep() -> None:
        while not over.wait(period_s):
            robot.tick()

    thread = threading.Thread(target=keep, name="safety", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join(1.0)
