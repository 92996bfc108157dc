"""What an errand's calls so far say about the next: what was tried, what failed, and what to try again otherwise."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from agent.plan import PrimitiveCall, PrimitiveResult
from agent.verbs import Verb
from robots.interface import Status
from sim.task import call

SEARCHING = (Verb.NAVIGATE_TO, Verb.LOOK)
"""What only looks for something."""
AFRESH = (Verb.PICK, Verb.PLACE, Verb.OPEN, Verb.CLOSE, Verb.PRESS, Verb.POUR, Verb.WIPE)
"""Where these failed, the robot goes there once more before it tries again: it may stand badly."""


def tried(done: Sequence[PrimitiveResult]) -> tuple[str, ...]:
    """Targets of the calls that only looked for something, since the last that did anything else; "" for a look."""
    found: list[str] = []
    for r in reversed(done):
        if r.call.verb not in SEARCHING:
            break
        found.append(r.call.target)
    return tuple(reversed(found))


def refused(done: Sequence[PrimitiveResult]) -> frozenset[str]:
    """Places where putting something down failed twice."""
    failed = [r.call.target for r in done if r.call.verb is Verb.PLACE and r.status is not Status.SUCCEEDED]
    return frozenset(name for name in failed if failed.count(name) >= 2)


def barred(done: Sequence[PrimitiveResult]) -> dict[str, bool]:
    """What could twice not be gone to, since the door of where it goes stands before it; False once it was picked."""
    found: dict[str, bool] = {}
    failed: dict[str, int] = {}
    for r in done:
        name = r.call.target
        if r.call.verb is Verb.NAVIGATE_TO and r.status is Status.UNREACHABLE:
            failed[name] = failed.get(name, 0) + 1
            if failed[name] >= 2 and name not in found:
                found[name] = True
        elif r.call.verb is Verb.PICK and r.status is Status.SUCCEEDED and name in found:
            found[name] = False
    return found


def again(
    calls: list[PrimitiveCall], done: Sequence[PrimitiveResult], front_of: Callable[[str], str]
) -> list[PrimitiveCall]:  # fmt: skip
    """The calls, with another go at it first where the next one has just failed."""
    if not calls or not done or done[-1].status is Status.SUCCEEDED:
        return calls
    last = done[-1].call
    front = front_of(last.target)
    rest = calls[1:] if calls[0].verb is Verb.LOOK else calls
    if not rest or (rest[0].verb, rest[0].target) != (last.verb, last.target):
        return calls
    if last.verb is Verb.NAVIGATE_TO:
        return [call(Verb.LOOK), *rest]
    return [call(Verb.NAVIGATE_TO, front), *rest] if last.verb in AFRESH else calls
