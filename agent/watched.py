"""A robot that tells somebody each time its clock moves on: a camera that films, a window that keeps pace."""

from __future__ import annotations

from collections.abc import Callable

from robots.interface import Command, Observation, Robot, RobotState
from robots.spec import RobotSpec


class WatchedRobot:
    """`robot`, and `moved(seconds)` after each wait."""

    def __init__(self, robot: Robot, moved: Callable[[float], None]) -> None:
        self._robot = robot
        self._moved = moved

    @property
    def spec(self) -> RobotSpec:
        return self._robot.spec

    def observe(self) -> Observation:
        return self._robot.observe()

    def state(self) -> RobotState:
        return self._robot.state()

    def send(self, command: Command) -> Command:
        return self._robot.send(command)

    def wait(self, seconds: float) -> None:
        self._robot.wait(seconds)
        self._moved(seconds)

    def stop(self) -> None:
        self._robot.stop()

    def close(self) -> None:
        self._robot.close()

    def clear(self) -> None:
        """Lets a robot that a fault has stopped go on, if it is one behind the safety kernel."""
        clear = getattr(self._robot, "clear", None)
        if clear is not None:
            clear()
