"""A verb's time limit, kept: a robot that says when its time is up."""

from __future__ import annotations

from agent.watched import WatchedRobot
from robots.interface import Robot

SLACK_S = 1e-6
"""What sums of periods are off by."""


class TimeUp(Exception):
    """The robot's clock has gone on by more than the limit. Caught where the primitive was called."""


class LimitedRobot(WatchedRobot):
    """`robot`; after `limit_s` of its own clock the next wait raises TimeUp."""

    def __init__(self, robot: Robot, limit_s: float) -> None:
        super().__init__(robot, self._passed)
        self._left_s = limit_s

    def _passed(self, seconds: float) -> None:
        self._left_s -= seconds
        if self._left_s < -SLACK_S:
            raise TimeUp
