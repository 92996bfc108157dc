"""Second thoughts: other readings of a sentence, where the likeliest one can't be meant.

A plan is written token by token, and so the model may talk itself into a corner: a tower that is begun from the top, a
thing that is to stand on itself. Or it may take an unknown word for the name of something that is not there. Then the
plans that part from it at one token are written out, too, and the likeliest that can be meant takes its place (a beam
of one that is widened where it matters; what is there has a say in what was meant, as in SayCan, Ahn et al. 2022).
"""

from __future__ import annotations

from collections.abc import Sequence

from agent.onboard.grounded import ABSENT, ANY, clear
from agent.onboard.writer import Writer, Written
from agent.plan import PrimitiveCall
from agent.verbs import Relation, Verb

BRANCHES = 6
"""Plans that are written out besides the likeliest, at most."""
DOUBTFUL = 7.0
"""Nats by which a token may be less likely than the likeliest in its place, and a plan that can be meant than one that
can't, to be tried."""
TOSS_UP = 1.0
"""Nats within which two plans are about as likely. At 1 nat 12 of 59 false alarms in 960 validation instructions go,
and 2 of 549 right refusals and questions; at 3 nats 42 of those."""
SYNONYM = 17.0
"""Nats that a plan in known words may be less likely than one with an unknown word for what is not there, or twice."""
VAGUE = 8.0
"""The same where the known word is "thing", which anything is."""
TWICE = 9.0
"""The same where the picture has several of what the known words name, to ask which. All were tuned on validation
seeds."""


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
            if (held and held == call.target) or (move in done and call.relation is not Relation.ASIDE):
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


def preferred(writer: Writer, written: Written) -> Written:
    """Where the picture has not what is named, or has it twice: another plan that is about as likely and needs no
    question, if there is one."""
    if _seen(written):
        return written
    others = branches(writer, written, within=2 * TOSS_UP)
    others = [plan for plan in others if _seen(plan) and consistent(plan.calls)]
    near = [plan for plan in others if written.log_likelihood - plan.log_likelihood <= TOSS_UP]
    return max(near, key=lambda plan: plan.log_likelihood, default=written)


def understood(
    writer: Writer, written: Written, known: frozenset[str], foreign: frozenset[str] = frozenset()
) -> Written:
    """What is not there, or there twice, under an unknown word that was said may be there under a known one that it may
    stand for: "the black hamper" is the black box if there is one, and asked about if there are two.

    known: words. foreign: words that stand for nothing else, so that no glove is taken for a block.
    """
    unclear = [frozenset(name.split()) for name, seen in written.found if not clear(name, seen)]
    if not known or not any(name - known for name in unclear) or any(name & foreign for name in unclear):
        return written
    first = writer.likeliest(words=known)
    once, twice = list[Written](), list[Written]()
    for plan in (first, *branches(writer, first, words=known)):
        if not _there(plan) or not _says_the_same(written, plan, known):
            continue
        again = writer.given(plan.calls)  # as likely as it is among all words
        if again is None or not _there(again):
            continue
        gap = written.log_likelihood - again.log_likelihood
        if _seen(again):
            once += [again] if gap <= (VAGUE if _vague(plan) > _vague(written) else SYNONYM) else []
        elif not _there(written):
            twice += [again] if gap <= TWICE else []
    return max(once or twice, key=lambda plan: plan.log_likelihood, default=written)


def _says_the_same(written: Written, other: Written, known: frozenset[str]) -> bool:
    """Whether two plans do the same, and with the same things but for those with unknown words."""

    def deeds(plan: Written) -> list[tuple[object, ...]]:
        return [(call.verb, call.relation, call.side, bool(call.destination)) for call in plan.calls]

    pairs = zip(written.found, other.found, strict=False)
    return deeds(written) == deeds(other) and all(a == b for (a, _), (b, _) in pairs if known.issuperset(a.split()))


def _vague(written: Written) -> int:
    return sum(name.split().count("thing") for name, _ in written.found)


def _seen(written: Written) -> bool:
    return all(clear(*seen) for seen in written.found)


def _there(written: Written) -> bool:
    return all(seen.nothing <= ABSENT for _, seen in written.found)


def branches(
    writer: Writer, written: Written, *, words: frozenset[str] | None = None, within: float = DOUBTFUL
) -> list[Written]:
    """Plans that part from `written` at one token, where another was so few nats less likely, and go on as they will.

    words: what the names in `written` were made of, where that was not all that may stand.
    """
    doubts = [(gap, at, token) for at, step in enumerate(written.trace) for gap, token in step.others(within)]
    return [
        writer.likeliest(words=words, begin=written.trace[: at + 1], then=token)
        for _, at, token in sorted(doubts)[:BRANCHES]
    ]
