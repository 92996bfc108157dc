"""Why the safety kernel did not do what it was asked: typed, with the place and the time."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Reason(Enum):
    """What was wrong. The first group holds back one command; the second is a fault, which stops the robot."""

    NOT_FINITE = "the command has a number that is none"
    SELF_COLLISION = "it would touch itself"
    FLOOR = "it would touch the floor"
    COLLISION = "it would touch something"
    WORKSPACE = "it would leave its workspace"

    EMERGENCY_STOP = "emergency stop"
    BAD_OBSERVATION = "the observation has a number that is none"
    STALE = "the observation is too old"
    STRAY = "the robot does not follow"
    LATE = "no command came in time"
    CLOCK = "the clock jumped"
    LOST = "the robot does not answer"


FAULTS = frozenset(list(Reason)[5:])
"""After one of these the robot brakes and takes no command until `SafeRobot.clear` or `release`; LATE alone passes by
itself, with the next command."""


@dataclass(frozen=True, kw_only=True)
class Veto:
    """One refusal. time_s: of the kernel's clock."""

    reason: Reason
    detail: str
    time_s: float

    def __str__(self) -> str:
        return f"{self.reason.value}: {self.detail}" if self.detail else self.reason.value


class SafetyStop(Exception):
    """The robot stands still because of a fault, and what was asked of it was not done. Its `veto` says why."""

    def __init__(self, veto: Veto) -> None:
        super().__init__(str(veto))
        self.veto = veto
