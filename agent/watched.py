"""A robot that tells somebody each time its clock moves on: a camera that films, a window that keeps pace."""

from __future__ import annotations

from collections.abc import Callable

from robots.interface import Command, Observation, Robot, RobotState
from robots.safety import Veto
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

    def latest(self) -> Observation:
        """The newest there is, whatever is under way."""
        return newest(self._robot)

    def recover(self, veto: Veto) -> bool:
        """Whether a robot that `veto` has stopped may go on, and does."""
        return recovered(self._robot, veto)


def newest(robot: Robot) -> Observation:
    """What the robot sees now, of one that knows a difference: the newest pictures, not those from after all that was
    sent has taken effect."""
    latest: Callable[[], Observation] | None = getattr(robot, "latest", None)
    return robot.observe() if latest is None else latest()


def recovered(robot: Robot, veto: Veto) -> bool:
    """Whether the robot, one behind the safety kernel, may go on after that and does."""
    recover: Callable[[Veto], bool] | None = getattr(robot, "recover", None)
    return recover is not None and recover(veto)
