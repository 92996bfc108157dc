"""One small planner for all errands: from a goal and the kitchen in symbols to the calls that are left.

It goes forward: for each atom that is not so it writes the calls that bring it about (`sim.errands.walk`), applying
their effects (`sim.errands.effects`) as it goes, so that a door that one atom opened is shut when a later atom says so.
Asked again after every call, with the kitchen as it then is, it gets over whatever went otherwise.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from agent.plan import MAX_CALLS, PrimitiveCall, PrimitiveResult
from agent.verbs import Verb
from robots.interface import Status
from sim.errands.attempts import again
from sim.errands.effects import Impossible
from sim.errands.facts import Facts
from sim.errands.goals import Goal, holds
from sim.errands.walk import Absent, Unsolved, Walk
from sim.task import call

PASSES = 2
"""What one atom's calls undo of another's is mended in the second."""
WAITS = 12
"""So often, in a row, one looks whether what somebody took away is back: half a second each."""
GIVE_UP = 4
"""Failures of one call in one errand."""


def said(e: Exception | str) -> str:
    """In the characters that texts of a plan may be made of, and no longer than they may be."""
    return re.sub(r"[^a-zA-Z0-9 ,.?!:;'/-]+", " ", str(e))[:150].strip()


def remaining(goal: Goal, facts: Facts, done: Sequence[PrimitiveResult] = ()) -> list[PrimitiveCall]:
    """All calls from now to done(). done: what was done so far, for another way after a failure.

    Raises:
        Unsolved: the planner knows no way, or the next call has failed too often.
    """
    walk = Walk(facts, goal, done)
    try:
        for _ in range(PASSES):
            for a in walk.order():
                if not holds(a, walk.facts):
                    walk.achieve(a)
    except Impossible as e:
        raise Unsolved(str(e)) from e
    except Absent as e:
        if len(done) >= WAITS and all(r.call.verb is Verb.LOOK for r in done[-WAITS:]):
            raise Unsolved(str(e)) from e
        return [*walk.calls, call(Verb.LOOK), call(Verb.DONE)]
    if not all(holds(a, walk.facts) for a in goal):
        raise Unsolved(f"no way to {' and '.join(str(a) for a in goal if not holds(a, walk.facts))}")
    if walk.calls:
        same = [r for r in done if (r.call.verb, r.call.target) == (walk.calls[0].verb, walk.calls[0].target)]
        if sum(r.status is not Status.SUCCEEDED for r in same) >= GIVE_UP:
            what = f"{walk.calls[0].verb.value} {walk.calls[0].target}".replace("_", " ")
            raise Unsolved(f"{what} failed {GIVE_UP} times")
    return [*again(walk.calls, done, walk.front), call(Verb.DONE)][:MAX_CALLS]
