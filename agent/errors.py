"""Errors that end a command. Each is one line for the person, and carries the exit code that it ends with."""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum


class Exit(IntEnum):
    """What a command's exit code says."""

    DONE = 0
    FAILED = 1  # tried, and it did not work
    USAGE = 2  # bad usage or bad input
    DECLINED = 3  # the agent asked or refused
    INTERRUPTED = 130  # Ctrl-C, as shells count it: 128 + SIGINT


STATUS = {
    Exit.DONE: "done", Exit.FAILED: "failed", Exit.USAGE: "bad usage", Exit.DECLINED: "declined",
    Exit.INTERRUPTED: "interrupted",
}  # fmt: skip
"""What result.json says."""


class PalmettoError(Exception):
    """Something went wrong that the person can act on. The message is one line: what, what was given, what to do."""

    exit_code: Exit = Exit.FAILED
    of_one: bool = False
    """Of several processes, one alone has this error; all others are said by the first of them."""

    def __init__(self, message: str) -> None:
        super().__init__(" ".join(message.split()))


class UserError(PalmettoError):
    """What was asked for can't be understood or is not there."""

    exit_code = Exit.USAGE


class SilentError(PalmettoError):
    """Another process of the same run has failed, and has said so: this one ends as it does, without a line."""

    def __init__(self, exit_code: Exit) -> None:
        super().__init__("another process of this run failed")
        self.exit_code = exit_code


class RobotError(UserError, ValueError):
    """A robot that lacks what it is used for: a joint, a link, a camera."""


def listed(option: str, value: object) -> list[str] | None:
    """What was given for an option that takes a list, as words; one word is a list of one.

    Raises:
        UserError: it is no list of words.
    """
    if value is None:
        return None
    if isinstance(value, str):
        return [value]
    if not isinstance(value, Iterable):
        raise UserError(f"{option}={value} is no list; write {option}=[one,another]")
    return [str(v) for v in value]


def one_of(what: str, given: object, possible: Iterable[str]) -> UserError:
    """`no robot 'pandaa': panda, fake`."""
    return UserError(f"no {what} {str(given)[:80]!r}; there is: {', '.join(possible)}")
