"""A person's word before a robot does what it may not do unasked."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import Any

from agent.errors import UserError, listed, one_of
from agent.plan import PrimitiveCall, format_call
from agent.verbs import Verb
from robots.interface import Status
from robots.primitives import Outcome
from robots.safety import SafetyConfig


class Approval:
    """Asks before each call of one of `verbs`. ask: is given the call as written, and says whether it may be done.

    Raises:
        UserError: there is no such verb.
    """

    def __init__(self, verbs: Sequence[str], ask: Callable[[str], bool]) -> None:
        _known(verbs)
        self._verbs, self._ask = frozenset(verbs), ask

    def refusal(self, call: PrimitiveCall) -> Outcome | None:
        """None where it may be done."""
        if call.verb.value not in self._verbs or self._ask(format_call(call)):
            return None
        return Outcome(status=Status.NOT_APPROVED, detail=f"nobody approved of {call.verb.value}")


def at_the_terminal(call: str) -> bool:
    """Asks whoever sits there; only "y" or "yes" is one, and nobody there is a no."""
    print(f"\nmay I {call}? [y/N] ", end="", flush=True)
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def safety(*, approve: object = (), **settings: Any) -> SafetyConfig:
    """What `conf/safety/` names: the kernel's settings, every one of them possible.

    Raises:
        UserError: one is not, or there is no such verb.
    """
    verbs = listed("safety.approve", approve) or []
    _known(verbs)
    try:
        return SafetyConfig(**settings, approve=verbs)
    except ValueError as e:
        raise UserError(str(e)) from e


def _known(verbs: Sequence[str]) -> None:
    known = [verb.value for verb in Verb]
    for verb in verbs:
        if verb not in known:
            raise one_of("verb", verb, known)
