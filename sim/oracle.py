"""The teacher: from the true state and what was done so far to the whole remaining plan.

A move is finished once its effect holds and the history shows that it was done, so that what was knocked out, slipped
or moved is done again; what is in or on its place counts as finished however it got there. If all goes well, the plan
after a call is the tail of the plan before it.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Sequence

import numpy as np

from agent.plan import Plan, Point, PrimitiveCall, PrimitiveResult, format_plan
from agent.verbs import VERBS, Argument, Verb
from robots.interface import Observation, Status
from robots.relations import Relation
from sim.lexicon import MOVABLE_KINDS
from sim.symbolic import XYZ, Facts, SymbolicState
from sim.tasks.base import Instance, Move, Pick, PickPlace, Push, effect

__all__ = ["OraclePlanner", "SymbolicState", "remaining_calls"]

PointOf = Callable[[str], Point | None]
SpotOf = Callable[[XYZ], Point | None]
"""The pixel of a point of the table."""
Deed = tuple[str, str, str]
"""(subject, "place in" and the like or "push to", reference or side)."""


def remaining_calls(
    instance: Instance,
    state: SymbolicState,
    history: Sequence[PrimitiveResult] = (),
    *,
    point_of: PointOf = lambda name: None,
    spot_of: SpotOf | None = None,
) -> list[PrimitiveCall]:
    """All calls from now to done(), or the one that asks or refuses.

    With spot_of, what was put where something was, and lies elsewhere for all that, is pushed to where it belongs.
    """
    if instance.expected != "act":
        return [PrimitiveCall(verb=Verb.ASK if instance.expected == "ask" else Verb.REFUSE, text=instance.reply)]
    facts = Facts(instance.objects, state)
    pending = _in_working_order(_pending(instance.program, facts, deeds(history)), facts)
    calls: list[PrimitiveCall] = []
    held = state.held
    for move in pending:
        if held is not None and (held != move.subject or isinstance(move, Push)):
            calls.append(_ASIDE)
            held = None
        if held is None:
            calls.extend(_clearing(move, facts, point_of))
        if isinstance(move, Push):
            calls.append(_push(move, point_of))
            continue
        if held is None:
            calls.append(_pick(move.subject, point_of))
        held = move.subject
        if isinstance(move, PickPlace):
            calls.append(_place(move, point_of))
            held = None
    last = instance.program[-1]
    if held is not None and not (isinstance(last, Pick) and held == last.subject):
        calls.append(_ASIDE)
    if spot_of is not None and not pending:
        calls.extend(_to_their_places(instance.program, facts, history, point_of, spot_of))
    return [*calls, PrimitiveCall(verb=Verb.DONE)]


def deeds(history: Iterable[PrimitiveResult]) -> list[Deed]:
    """What succeeded, in order: what was placed where, and what was pushed whereto."""
    found: list[Deed] = []
    held = ""
    for result in history:
        if result.status is not Status.SUCCEEDED:
            continue
        call = result.call
        if call.verb is Verb.PICK:
            held = call.target
        elif call.verb is Verb.PLACE and call.relation is not None:
            found.append((held, f"place {call.relation.value}", call.target))
            held = ""
        elif call.verb is Verb.PUSH:
            found.append((call.target, "push to", call.side.value if call.side is not None else call.destination))
    return found


def deed_of(move: Move) -> Deed:
    """What a move comes to once it is done."""
    if isinstance(move, Pick):
        return (move.subject, "pick", "")
    if isinstance(move, Push):
        return (move.subject, "push to", move.side.value if move.side is not None else move.reference or "")
    return (move.subject, f"place {move.relation.value}", move.reference or "")


def _pending(program: Sequence[Move], facts: Facts, done: Sequence[Deed]) -> list[Move]:
    """The moves that are not finished."""
    matched: set[int] = set()
    for deed in done:
        fitting = (i for i, m in enumerate(program) if i not in matched and deed_of(m) == deed)
        matched.update(itertools.islice(fitting, 1))
    left: list[Move] = []
    for i, move in enumerate(program):
        later = [j for j in range(i + 1, len(program)) if program[j].subject == move.subject]
        if any(j in matched for j in later) or (i in matched and later):
            continue  # its thing has moved on since, as it should
        if not _finished(move, facts, i in matched):
            left.append(move)
    return left


def _finished(move: Move, facts: Facts, done: bool) -> bool:
    if isinstance(move, Pick):
        return facts.state.held == move.subject
    if isinstance(move, Push) and move.side is not None and not done:
        return False  # asked for, so done, even if it is there
    if isinstance(move, PickPlace):
        if move.relation in (Relation.ASIDE, Relation.WHERE):
            return done  # nothing to see it by but the history
        if move.relation not in (Relation.IN, Relation.ON) and not done:
            return False  # asked for, so done, even if it happens to hold
    return facts.holds(effect(move))


def _in_working_order(pending: Sequence[Move], facts: Facts) -> list[Move]:
    """Moves of one group from left to right as the camera sees them, but what is in the hand first."""
    ordered: list[Move] = []
    rest = list(pending)
    while rest:
        group = rest[0].group if isinstance(rest[0], PickPlace) else 0
        run = 1
        while group and run < len(rest) and isinstance(m := rest[run], PickPlace) and m.group == group:
            run += 1
        y_m = {m.subject: facts.state.xyz_m[m.subject][1] for m in rest[:run]}
        ordered.extend(sorted(rest[:run], key=lambda m: (m.subject != facts.state.held, y_m[m.subject])))
        rest = rest[run:]
    return ordered


FINGERS_M = 0.02
"""Room for the finger tips behind what is pushed."""
_ASIDE = PrimitiveCall(verb=Verb.PLACE, relation=Relation.ASIDE)


def _clearing(move: Move, facts: Facts, point_of: PointOf) -> list[PrimitiveCall]:
    """Takes off what stands on the thing to move, or on the thing to stack on."""
    covered = [move.subject]
    if isinstance(move, PickPlace) and move.relation is Relation.ON and move.reference is not None:
        covered.append(move.reference)
    calls: list[PrimitiveCall] = []
    for name in covered:
        tower: list[str] = []
        top = facts.on_top_of(name)
        while top is not None and top not in covered and len(tower) < len(facts.specs):
            tower.append(top)
            top = facts.on_top_of(top)
        for thing in reversed(tower):
            calls += [_pick(thing, point_of), _ASIDE]
    return calls


def _to_their_places(
    program: Sequence[Move], facts: Facts, history: Sequence[PrimitiveResult], point_of: PointOf, spot_of: SpotOf
) -> list[PrimitiveCall]:
    """Pushes of what should be where something was and is not: who puts it there only knows where that was taken from,
    and somebody may have moved it before. What has come to stand there goes aside first; so does, after a push that
    found no way, what is to be pushed itself."""
    calls: list[PrimitiveCall] = []
    last = {move.subject: move for move in program}
    for name, move in last.items():
        if not isinstance(move, PickPlace) or move.relation is not Relation.WHERE or move.reference is None:
            continue
        start = facts.state.start_xyz_m.get(move.reference)
        spot = None if start is None else spot_of((start[0], start[1], 0.0))
        if start is None or spot is None or facts.holds(effect(move)):
            continue
        in_the_way = [other for other in facts.specs if other != name and _stands_at(facts, other, name, start)]
        if history and history[-1].status is Status.PATH_BLOCKED and history[-1].call.verb is Verb.PUSH:
            in_the_way.append(name)
        for other in in_the_way:
            calls += [_pick(other, point_of), _ASIDE]
        calls.append(PrimitiveCall(verb=Verb.PUSH, target=name, point=point_of(name), spot=spot))
    return calls


def _stands_at(facts: Facts, other: str, name: str, place: XYZ) -> bool:
    """Whether a thing that can be taken leaves no room at a place for `name` and the fingers behind it."""
    if facts.specs[other].kind not in MOVABLE_KINDS:
        return False
    x, y, _ = facts.state.xyz_m[other]
    away = float(np.hypot(x - place[0], y - place[1]))
    return away < (facts.width(other) + facts.width(name)) / 2 + FINGERS_M


def _hides(call: PrimitiveCall) -> bool:
    """Whether a thing that the call needs is nowhere to be seen: it may be behind something, or away for a while."""
    pointed = VERBS[call.verb].argument in (Argument.TARGET, Argument.DESTINATION) or (
        call.relation is not None and call.relation.takes_point
    )
    return pointed and (call.point is None or (bool(call.destination) and call.destination_point is None))


def move_calls(move: Move, point_of: PointOf) -> list[PrimitiveCall]:
    """The calls that a move takes with an empty hand and nothing in the way."""
    if isinstance(move, Push):
        return [_push(move, point_of)]
    calls = [_pick(move.subject, point_of)]
    if isinstance(move, PickPlace):
        calls.append(_place(move, point_of))
    return calls


def _pick(name: str, point_of: PointOf) -> PrimitiveCall:
    return PrimitiveCall(verb=Verb.PICK, target=name, point=point_of(name))


def _place(move: PickPlace, point_of: PointOf) -> PrimitiveCall:
    reference = move.reference or ""
    point = point_of(reference) if move.relation.takes_point else None
    return PrimitiveCall(verb=Verb.PLACE, target=reference, point=point, relation=move.relation)


def _push(move: Push, point_of: PointOf) -> PrimitiveCall:
    if move.side is not None:
        return PrimitiveCall(verb=Verb.PUSH, target=move.subject, point=point_of(move.subject), side=move.side)
    reference = move.reference or ""
    return PrimitiveCall(
        verb=Verb.PUSH, target=move.subject, point=point_of(move.subject), destination=reference,
        destination_point=point_of(reference),
    )  # fmt: skip


class OraclePlanner:
    """The oracle as a Planner. It looks at the truth through `state`, and asks `point_of` where things are seen.

    state: how things are now. point_of: from an observation to a function from names to points (see `sim.points`).
    spot_of: see `remaining_calls`.
    """

    name = "oracle"

    def __init__(
        self, *, instance: Instance, state: Callable[[], SymbolicState], point_of: Callable[[Observation], PointOf],
        spot_of: SpotOf | None = None,
    ) -> None:  # fmt: skip
        self._instance = instance
        self._spot_of = spot_of
        self.state = state
        self.point_of = point_of

    def plan(self, instruction: str, observation: Observation, history: Sequence[PrimitiveResult]) -> Plan:
        """The remaining plan of the instance, whatever `instruction` says."""
        calls = tuple(
            remaining_calls(
                self._instance, self.state(), history, point_of=self.point_of(observation), spot_of=self._spot_of
            )
        )
        if _hides(calls[0]):
            calls = (PrimitiveCall(verb=Verb.LOOK), *calls)
        return Plan(instruction=instruction, calls=calls, text=format_plan(calls), planner=self.name)
