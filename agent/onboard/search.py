"""Second thoughts: other readings of a sentence, where the likeliest one can't be meant.

A plan is written token by token, and so the model may talk itself into a corner: a tower that is begun from the top, a
thing that is to stand on itself. Then the plans that part from it at one token are written out, too, and the likeliest
that can be meant takes its place (a beam of one that is widened where it matters).
"""

from __future__ import annotations

from collections.abc import Sequence

from agent.onboard.grounded import ANY, clear
from agent.onboard.writer import Writer, Written
from agent.plan import PrimitiveCall
from agent.verbs import Relation, Verb

BRANCHES = 8
"""Plans that are written out besides the likeliest, at most."""
DOUBTFUL = 7.0
"""Nats by which a token may be less likely than the likeliest in its place, and a plan than the likeliest, to be
tried."""


def consistent(calls: Sequence[PrimitiveCall]) -> bool:
    """Whether a plan could be meant at all: nothing goes on itself, is taken from under what the plan put there, or is
    brought to the same place twice.

    >>> from agent.plan import parse_plan
    >>> consistent(parse_plan("pick(a @ 1 1)\\nplace(on b @ 2 2)\\npick(b @ 2 2)\\nplace(on c @ 3 3)\\ndone()"))
    False
    """
    held, base, done = "", dict[str, str](), set[tuple[str, Relation | None, str]]()
    for call in calls:
        if call.verb is Verb.PICK:
            if call.target in base.values():
                return False
            held = call.target
            base.pop(held, None)
        elif call.verb is Verb.PLACE:
            move = (held, call.relation, call.target)
            if held.startswith(ANY):
                continue
            if held == call.target or (move in done and call.relation is not Relation.ASIDE):
                return False
            done.add(move)
            if call.relation in (Relation.ON, Relation.IN):
                base[held] = call.target
        elif call.verb is Verb.PUSH:
            move = (call.target, None, call.destination or str(call.side))
            if call.target == call.destination or move in done:
                return False
            done.add(move)
    return True


def reconsidered(writer: Writer, written: Written) -> Written:
    """The plan; where it can't be meant, the likeliest that can among those that part from it at one token, first of
    all one whose things the picture has."""
    if consistent(written.calls):
        return written
    others = [plan for plan in branches(writer, written) if consistent(plan.calls)]
    near = [plan for plan in others if written.log_likelihood - plan.log_likelihood <= DOUBTFUL]
    return max(near, key=lambda plan: (_seen(plan), plan.log_likelihood), default=written)


def _seen(written: Written) -> bool:
    return all(clear(*seen) for seen in written.found)


def branches(writer: Writer, written: Written) -> list[Written]:
    """Plans that part from `written` at one token, where another was almost as likely, and go on as they will."""
    doubts = [(gap, at, token) for at, step in enumerate(written.trace) for gap, token in step.others(DOUBTFUL)]
    return [writer.likeliest(begin=written.trace[: at + 1], then=token) for _, at, token in sorted(doubts)[:BRANCHES]]
