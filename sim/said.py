"""The teacher's plan as the agent is to write it: in the instruction's own words.

Things are called as they were called ("the can" is a cylinder, whatever its colour), and the picture is asked, by
pointing, whether there is such a thing, and only one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from agent.plan import Point, PrimitiveCall, PrimitiveResult, format_call, format_plan, renamed, without_points
from agent.training.shards import Sentence
from agent.verbs import Verb
from sim.lexicon import canonical
from sim.oracle import PointOf, move_calls, remaining_calls
from sim.symbolic import SymbolicState
from sim.tasks.base import Instance, Move, PickPlace


def sentence(instance: Instance, state: SymbolicState, history: Sequence[PrimitiveResult], at: PointOf) -> Sentence:
    """The remaining plan in the instruction's own words: things are called as they were called, and the picture is
    asked, by pointing, whether there is such a thing, and only one."""
    said = dict(instance.said)
    marks: dict[str, tuple[Point, ...]] = {}
    if instance.expected != "act":
        calls = plain_calls(instance.intended, at)
        meant = canonical(instance.spoilt) if instance.expected == "ask" else None
        fitting = [o.name for o in instance.objects if meant is not None and meant.fits(o.size, o.colour, o.kind)]
        marks[said.get(instance.spoilt, instance.spoilt)] = tuple(p for p in map(at, fitting) if p is not None)
        if any(words.startswith("any ") for words in said.values()):
            calls = _up_to(next(i for i, c in enumerate(calls) if c.verb is Verb.PLACE), calls)
    else:
        calls = remaining_calls(instance, state, history, point_of=at)
        if any(words.startswith("any ") for words in said.values()):
            calls = _one_of_many(instance, calls, said, marks, at)
    return Sentence(
        family=instance.family,
        instruction=instance.instruction,
        history=tuple((format_call(without_points(renamed(r.call, said))), r.status.value) for r in history),
        plan=format_plan([renamed(c, said) for c in calls]),
        marks=tuple(marks.items()),
    )


def plain_calls(program: Sequence[Move], point_of: PointOf) -> list[PrimitiveCall]:
    """The calls of a program, one move after the other, as if all were there."""
    calls: list[PrimitiveCall] = []
    for move in program:
        calls += move_calls(move, point_of)
    return [*calls, PrimitiveCall(verb=Verb.DONE)]


def _one_of_many(
    instance: Instance,
    calls: list[PrimitiveCall],
    said: Mapping[str, str],
    marks: dict[str, tuple[Point, ...]],
    at: PointOf,
) -> list[PrimitiveCall]:
    """ "All the ...": any one of them, then look again; how many are left is for the picture to say."""
    words = next(w for w in said.values() if w.startswith("any "))
    left = [c.target for c in calls if c.verb is Verb.PICK and said.get(c.target) == words]
    marks[words] = tuple(p for p in map(at, left) if p is not None)
    if calls[0].verb is Verb.DONE:
        calls = move_calls(instance.program[0], at)
    end = next((i for i, c in enumerate(calls) if c.verb is Verb.PLACE), len(calls) - 1)
    if len({m.reference for m in instance.program if isinstance(m, PickPlace)}) > 1:
        # Where it goes hangs on which one it is: to be seen once it is in the hand.
        end = min([end, *(i for i, c in enumerate(calls) if said.get(c.target) == words and c.verb is Verb.PICK)])
    return _up_to(end, calls)


def _up_to(last: int, calls: Sequence[PrimitiveCall]) -> list[PrimitiveCall]:
    """The calls until number `last`, and then another look."""
    return [*calls[: last + 1], PrimitiveCall(verb=Verb.LOOK), PrimitiveCall(verb=Verb.DONE)]
