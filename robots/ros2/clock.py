"""Whose time it is: the wall's on a robot, the twin's where a simulation waits for us."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Protocol

from robots.ros2.node import Node
from robots.ros2.service import Client
from robots.ros2.services import StepReply, StepRequest

STEP = "/twin/step"
ANSWERS_S = 30.0
"""A twin may draw pictures on a machine that is busy with other things."""
ARRIVES_S = 0.2
"""What the twin says that it has sent and that is not here by then was lost on the way."""


class Clock(Protocol):
    """Seconds of the robot's clock, by which its messages are stamped."""

    def now_s(self) -> float: ...

    def elapsed_s(self) -> float:
        """The same from anywhere on, by a clock that nobody sets."""
        ...

    def run_until(self, time_s: float, *, sent: int, heard: Callable[[], int], pictures: bool = False) -> None:
        """Lets time pass up to then. sent: messages to the robot so far. heard: takes what has come, and says how many
        messages that were so far. pictures: whether the newest pictures are wanted."""
        ...


class WallClock:
    """The clock of this computer, which its drivers' stamps are by."""

    def now_s(self) -> float:
        return time.time()

    def elapsed_s(self) -> float:
        return time.monotonic()

    def run_until(self, time_s: float, *, sent: int, heard: Callable[[], int], pictures: bool = False) -> None:
        # Monotonic: a clock that is set back meanwhile must not make this wait for long.
        time.sleep(min(max(time_s - time.time(), 0.0), 1.0))
        heard()


class TwinClock:
    """The twin's, which stands still while we think: it runs up to where we let it, after it has heard all that we
    sent, and we go on when all that it then said is here. So a slow computer changes nothing about an episode."""

    def __init__(self, node: Node) -> None:
        self._client = Client(node, STEP, StepRequest, StepReply)
        self._now_s = 0.0
        self._missing: int | None = None
        self._sent_before: int | None = None

    def now_s(self) -> float:
        return self._now_s

    def elapsed_s(self) -> float:
        return self._now_s

    def run_until(self, time_s: float, *, sent: int, heard: Callable[[], int], pictures: bool = False) -> None:
        if not pictures and time_s <= self._now_s:
            heard()
            return
        request = StepRequest(until_ns=max(round(time_s * 1e9), 0), sent=sent, pictures=pictures)
        reply: StepReply = self._client.call(request, limit_s=ANSWERS_S)
        self._now_s = reply.now_ns * 1e-9
        end = time.monotonic() + ARRIVES_S
        if self._missing is not None:
            while heard() + self._missing < reply.told and time.monotonic() < end:
                time.sleep(2e-4)
        self._missing = reply.told - heard()
