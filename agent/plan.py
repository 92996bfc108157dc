"""The plan language: typed calls, their text, and the total parser between the two.

    pick(red block @ 112 87)
    place(in green bowl @ 60 140)
    done()

A point is (row, col) in pixels of the picture that the planner saw. `parse_plan` accepts exactly what `format_plan`
writes; any other text gives a `PlanError` with the position and what was expected there.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol, runtime_checkable

from agent.verbs import SPOT, VERBS, Argument, Beside, Region, Relation, Side, Verb
from robots.interface import Observation, Status

MAX_WORDS = 12
"""Most words in a name (the longest name in any suite has 5)."""
MAX_TEXT_CHARS = 160
MAX_CALLS = 40
_NAME = re.compile(r"[a-z0-9][a-z0-9'-]*(?: [a-z0-9][a-z0-9'-]*)*")
_TEXT = re.compile(r"[A-Za-z0-9 ,.?!:;'/-]+")
_RELATIONS = sorted(Relation, key=lambda r: -len(r.value))  # "in front of" before "in"
_POINT = re.compile(r" @ (\d{1,4}) (\d{1,4})(?!\d)")

Point = tuple[int, int]
Marks = tuple[tuple[str, tuple[Point, ...]], ...]
"""For words in a plan that fit not just one thing, all the points that they fit: none, or several."""


class PlanError(ValueError):
    """Text that is no plan. `position`: character offset; `expected`: what could have stood there."""

    def __init__(self, text: str, position: int, expected: str) -> None:
        found = text[position : position + 20]
        super().__init__(f"at character {position}: expected {expected}, found {repr(found) if found else 'the end'}")
        self.position = position
        self.expected = expected


class PlanLate(Exception):
    """There is no plan in time, or the picture it was made from is old by now; after another look there may be one."""


@dataclass(frozen=True, kw_only=True)
class PrimitiveCall:
    """One call of a primitive.

    target: the thing's words, "" where the verb takes none. point: (row, col) px of the target in the picture, or
    None. relation: `place` only. Of `push` only, one of: side; region; spot, a point (row, col) px on the bare table;
    destination with destination_point, and perhaps beside, where at it. text: say, ask, refuse.
    """

    verb: Verb
    target: str = ""
    point: Point | None = None
    relation: Relation | None = None
    side: Side | None = None
    destination: str = ""
    destination_point: Point | None = None
    text: str = ""
    region: Region | None = None
    spot: Point | None = None
    beside: Beside | None = None


@dataclass(frozen=True, kw_only=True)
class PrimitiveResult:
    """How a call went. Times are the robot's clock, seconds. No truth value: compare `status`."""

    call: PrimitiveCall
    status: Status
    detail: str
    start_s: float
    end_s: float

    def __bool__(self) -> bool:
        raise TypeError("a PrimitiveResult has no truth value; compare its status with Status.SUCCEEDED")


HELD_BEFORE = "in the hand since an earlier instruction"
"""The detail of the pick that a history begins with where the hand was full when the instruction was given."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What a planner wrote: the calls that remain, the text as generated, and who wrote it."""

    instruction: str
    calls: tuple[PrimitiveCall, ...]
    text: str
    planner: str


@runtime_checkable
class Planner(Protocol):
    """Anything that turns an instruction, the present observation and what was done so far into the remaining plan."""

    def plan(self, instruction: str, observation: Observation, history: Sequence[PrimitiveResult]) -> Plan: ...


def format_call(call: PrimitiveCall) -> str:
    """The call's one line of text."""
    spec = VERBS[call.verb]
    inside = ""
    if spec.argument is Argument.TARGET:
        inside = call.target + _format_point(call.point)
    elif spec.argument is Argument.RELATION:
        assert call.relation is not None, "place without a relation"
        inside = call.relation.value
        if call.relation is Relation.WHERE:
            inside += f" {call.target} was"
        elif call.relation.takes_target:
            inside += f" {call.target}" + _format_point(call.point)
    elif spec.argument is Argument.DESTINATION:
        inside = f"{call.target}{_format_point(call.point)} to {_format_destination(call)}"
    elif spec.argument is Argument.TEXT:
        inside = call.text
    return f"{call.verb.value}({inside})"


def _format_destination(call: PrimitiveCall) -> str:
    if call.side is not None:
        return call.side.value
    if call.region is not None:
        return call.region.value
    if call.spot is not None:
        return SPOT + _format_point(call.spot)
    where = f"{call.beside.value} " if call.beside is not None else ""
    return where + call.destination + _format_point(call.destination_point)


def _format_point(point: Point | None) -> str:
    return "" if point is None else f" @ {point[0]} {point[1]}"


def format_plan(calls: Sequence[PrimitiveCall]) -> str:
    """One call a line. `parse_plan(format_plan(calls)) == tuple(calls)` for calls that parse."""
    return "\n".join(format_call(c) for c in calls)


def renamed(call: PrimitiveCall, words: Mapping[str, str]) -> PrimitiveCall:
    """The call with its things called as `words` has them; what it does not have keeps its name."""
    target, destination = words.get(call.target, call.target), words.get(call.destination, call.destination)
    return replace(call, target=target, destination=destination)


def without_points(call: PrimitiveCall) -> PrimitiveCall:
    """The call as it is remembered: where things were seen is of no use later; a spot is just called so."""
    if call.spot is not None:
        return replace(call, point=None, spot=None, destination=SPOT)
    return replace(call, point=None, destination_point=None)


def parse_plan(text: str) -> tuple[PrimitiveCall, ...]:
    """The calls of a plan; the last one, and no other, ends it (done, ask, refuse).

    Raises:
        PlanError: for any other text.
    """
    body = text[:-1] if text.endswith("\n") else text
    calls: list[PrimitiveCall] = []
    position = 0
    while True:
        if len(calls) == MAX_CALLS:
            raise PlanError(text, position, f"at most {MAX_CALLS} calls")
        call, position = _parse_call(body, position)
        calls.append(call)
        ends = VERBS[call.verb].ends_plan
        if position == len(body):
            if not ends:
                raise PlanError(text, position, "a further line (the last is done(), ask(...) or refuse(...))")
            return tuple(calls)
        if ends or body[position] != "\n":
            raise PlanError(text, position, "the end" if ends else "a new line")
        position += 1


def parse_call(text: str) -> PrimitiveCall:
    """One call, alone on its line."""
    call, position = _parse_call(text, 0)
    if position != len(text):
        raise PlanError(text, position, "the end")
    return call


def _parse_call(text: str, at: int) -> tuple[PrimitiveCall, int]:
    verb = next((v for v in Verb if text.startswith(v.value + "(", at)), None)
    if verb is None:
        raise PlanError(text, at, "one of " + ", ".join(f"{v.value}(" for v in Verb))
    at += len(verb.value) + 1
    argument = VERBS[verb].argument
    fields: dict[str, object] = {}
    if argument is Argument.TARGET:
        fields["target"], at = _parse_name(text, at)
        fields["point"], at = _parse_point(text, at)
    elif argument is Argument.RELATION:
        at = _parse_relation(text, at, fields)
    elif argument is Argument.DESTINATION:
        at = _parse_push(text, at, fields)
    elif argument is Argument.TEXT:
        match = _TEXT.match(text, at)
        if match is None or match.end() - at > MAX_TEXT_CHARS:
            raise PlanError(text, at, f"1 to {MAX_TEXT_CHARS} letters, digits and marks")
        fields["text"], at = match.group(), match.end()
    if not text.startswith(")", at):
        raise PlanError(text, at, "')'")
    return PrimitiveCall(verb=verb, **fields), at + 1  # type: ignore[arg-type]


def _parse_relation(text: str, at: int, fields: dict[str, object]) -> int:
    relation = next((r for r in _RELATIONS if re.compile(re.escape(r.value) + r"(?![a-z0-9'-])").match(text, at)), None)
    if relation is None:
        raise PlanError(text, at, "one of " + ", ".join(r.value for r in Relation))
    fields["relation"] = relation
    at += len(relation.value)
    if not relation.takes_target:
        return at
    if not text.startswith(" ", at):
        raise PlanError(text, at, "a space")
    if relation is Relation.WHERE:
        name, end = _parse_name(text, at + 1)
        if not name.endswith(" was"):
            raise PlanError(text, end, "' was'")
        fields["target"] = name.removesuffix(" was")
        return end
    fields["target"], at = _parse_name(text, at + 1)
    fields["point"], at = _parse_point(text, at)
    return at


def _parse_push(text: str, at: int, fields: dict[str, object]) -> int:
    name, at = _parse_name(text, at)
    point, after = _parse_point(text, at)
    if point is not None and text.startswith(" to ", after):
        tail, at = _parse_name(text, after + len(" to "))
    else:
        # The target has no point: " to " inside the words parts it from the destination, whose point may follow.
        point = None
        name, middle, tail = name.partition(" to ")
        if not middle:
            raise PlanError(text, after, "' to ' and a side or a thing")
    fields["target"], fields["point"] = name, point
    side = next((s for s in Side if s.value == tail), None)
    region = next((r for r in Region if r.value == tail), None)
    if side is not None or region is not None:
        fields["side"], fields["region"] = side, region
        return at
    there, at = _parse_point(text, at)
    if tail == SPOT and there is not None:
        fields["spot"] = there
        return at
    fields["beside"] = beside = next((b for b in Beside if tail.startswith(b.value + " ")), None)
    fields["destination"] = tail if beside is None else tail.removeprefix(beside.value + " ")
    fields["destination_point"] = there
    return at


def _parse_name(text: str, at: int) -> tuple[str, int]:
    match = _NAME.match(text, at)
    if match is None:
        raise PlanError(text, at, "the words of a thing")
    if match.group().count(" ") >= MAX_WORDS:
        raise PlanError(text, at, f"at most {MAX_WORDS} words")
    return match.group(), match.end()


def _parse_point(text: str, at: int) -> tuple[Point | None, int]:
    match = _POINT.match(text, at)
    if match is None:
        return None, at
    return (int(match.group(1)), int(match.group(2))), match.end()
