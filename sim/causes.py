"""Why an episode failed: perception, plan, grasp, motion or limit.

The first moment at which the agent's next call is none of those that the oracle would still make there decides between
plan and perception; where there is no such moment, the last call that failed does.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from enum import Enum
from math import dist
from typing import Any, Protocol

from agent.executor import Event, Finished, Planned, Stop
from agent.plan import Plan, Point, PrimitiveCall, PrimitiveResult, format_call
from agent.verbs import VERBS, Verb
from robots.interface import Observation, Status

NEAR_SHARE = 0.055
"""Two points nearer than this share of the picture's width mean the same thing (12 px of 224)."""


class Cause(Enum):
    """Where a failure comes from."""

    PERCEPTION = "perception"
    PLAN = "plan"
    GRASP = "grasp"
    MOTION = "motion"
    LIMIT = "limit"


BY_STATUS = {
    Status.TARGET_NOT_FOUND: Cause.PERCEPTION,
    Status.GRASP_FAILED: Cause.GRASP,
    Status.NOT_HOLDING: Cause.GRASP,
    Status.HAND_FULL: Cause.PLAN,
    Status.UNREACHABLE: Cause.MOTION,
    Status.PATH_BLOCKED: Cause.MOTION,
    Status.TIMED_OUT: Cause.LIMIT,
    Status.STOPPED: Cause.LIMIT,
    Status.NOT_APPROVED: Cause.LIMIT,
    Status.LIMIT: Cause.LIMIT,
}
BY_STOP = {
    Stop.NO_PLAN.value: Cause.PLAN,
    Stop.TOO_MANY_CALLS.value: Cause.LIMIT,
    Stop.OUT_OF_TIME.value: Cause.LIMIT,
}


class Planning(Protocol):
    """What is asked of the oracle: its plan at a moment."""

    def plan(self, instruction: str, observation: Observation, history: Sequence[PrimitiveResult]) -> Plan: ...


class Critic:
    """A listener of `run_episode` that holds each call of an agent against the oracle's plan at that moment.

    first: the first call that is none of the oracle's, what kind of error it is and what the oracle would have done;
    None as long as there is none.
    """

    def __init__(self, oracle: Planning, instruction: str) -> None:
        self._oracle, self._instruction = oracle, instruction
        self._history: list[PrimitiveResult] = []
        self.first: tuple[Cause, str] | None = None

    def __call__(self, event: Event) -> None:
        if isinstance(event, Finished):
            self._history.append(event.result)
        elif isinstance(event, Planned) and self.first is None and event.plan.calls:
            said = event.plan.calls[0]
            if said.verb in (Verb.SAY, Verb.LOOK):
                return
            known = self._oracle.plan(self._instruction, event.seen, tuple(self._history)).calls
            cause = astray(said, known, NEAR_SHARE * event.seen.main.rgb.shape[1])
            if cause is not None:
                self.first = (cause, f"{format_call(said)}, where {format_call(known[0])} was due")


def astray(said: PrimitiveCall, known: Sequence[PrimitiveCall], near_px: float) -> Cause | None:
    """What is wrong with a call, beside all that remain to be made; None where it is one of them.

    Words may differ where points show what is meant. Perception: the right thing to do, at another thing.
    """
    same = [k for k in known if _form(said) == _form(k)]
    if not same or (VERBS[said.verb].ends_plan and known[0].verb is not said.verb):
        return Cause.PLAN
    pairs = ([(said.point, k.point), (said.destination_point, k.destination_point), (said.spot, k.spot)] for k in same)
    return None if any(all(_meet(a, b, near_px) for a, b in pair) for pair in pairs) else Cause.PERCEPTION


def _form(call: PrimitiveCall) -> PrimitiveCall:
    """The call without what it is done to."""
    named = call.point is None and call.target if call.relation is not None and not call.relation.takes_point else ""
    return replace(
        call, target=str(named or ""), point=None, destination="", destination_point=None, spot=None, text=""
    )


def _meet(one: Point | None, other: Point | None, near_px: float) -> bool:
    """A thing that one of them does not see can't be told apart by its place."""
    return one is None or other is None or dist(one, other) <= near_px


def cause_of(line: dict[str, Any]) -> Cause | None:
    """Why the episode of a line of episodes.jsonl failed; None where it did not."""
    if line["success"]:
        return None
    if line.get("astray"):
        return Cause(line["astray"]["cause"])
    if line["stop"] in BY_STOP:
        return BY_STOP[line["stop"]]
    if line["expected"] != "act":
        return Cause.PLAN
    calls = line["calls"] or [c for link in line.get("links", ())[-1:] for c in link["calls"]]
    failed = [Status(c["status"]) for c in calls if c["status"] != Status.SUCCEEDED.value]
    if failed:
        return BY_STATUS[failed[-1]]
    # All calls say that they were done, and yet the goal is not true.
    return Cause.PLAN if line["declined"] or not calls else Cause.MOTION


def causes(lines: Sequence[dict[str, Any]]) -> dict[str, int]:
    """How many failed for each cause, the commonest first."""
    found = Counter(cause.value for line in lines if (cause := cause_of(line)) is not None)
    return dict(found.most_common())
