"""Goals as text: predicates joined by `and`, each perhaps behind `not`. Only the words; sim.predicates knows the world.

parse_goal("in(red block, green bowl) and not on(blue block, red block)")
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from robots.relations import Side
from sim.lexicon import a_or_b, canonical
from sim.naming import SceneError, check_words
from sim.scenes import ObjectSpec

PREDICATES: dict[str, int] = {
    "on": 2, "in": 2, "left_of": 2, "right_of": 2, "in_front_of": 2, "behind": 2, "near": 2, "at": 2,
    "holding": 1, "open": 1, "closed": 1,
}  # fmt: skip
"""How many things each takes."""
HANDS = ("hand", "gripper")
PLACES = (*(side.value for side in Side), "table")
"""Where `at` may say that a thing is, besides where another one was at first."""
_CALL = re.compile(r"\s*([a-z_]+)\s*\(([^()]*)\)\s*")
_WORD = re.compile(r"\s*(not|and)\b")


class GoalError(ValueError):
    """A goal that can't be read, or names what is not there; says what is possible."""


@dataclass(frozen=True, kw_only=True)
class Literal:
    """One predicate of a goal, e.g. in(red block, green bowl). `wanted`: False behind `not`."""

    predicate: str
    arguments: tuple[str, ...]
    wanted: bool = True

    def __str__(self) -> str:
        return f"{'' if self.wanted else 'not '}{self.predicate}({', '.join(self.arguments)})"


Goal = tuple[Literal, ...]


def parse_goal(text: str) -> Goal:
    """The predicates of a goal, all of which must hold.

    Raises:
        GoalError: with the position and what could have stood there.
    """
    literals: list[Literal] = []
    at = 0
    while True:
        wanted = True
        while (word := _WORD.match(text, at)) and word[1] == "not":
            wanted, at = not wanted, word.end()
        call = _CALL.match(text, at)
        if call is None:
            known = ", ".join(PREDICATES)
            raise _expected(text, at, f"a predicate such as in(red block, green bowl); there are {known}")
        name, arguments = call[1], tuple(" ".join(a.split()) for a in call[2].split(","))
        if name not in PREDICATES:
            raise _expected(text, at, f"one of {', '.join(PREDICATES)}")
        if len(arguments) != PREDICATES[name] or not all(arguments):
            things = "one thing" if PREDICATES[name] == 1 else "two things, with a comma between them"
            raise _expected(text, call.start(2), f"{things}, in {name}(...)")
        literals.append(Literal(predicate=name, arguments=arguments, wanted=wanted))
        at = call.end()
        if at >= len(text):
            return tuple(literals)
        word = _WORD.match(text, at)
        if word is None or word[1] != "and":
            raise _expected(text, at, "`and` or the end")
        at = word.end()


def format_goal(goal: Goal) -> str:
    """The text that `parse_goal` reads back."""
    return " and ".join(map(str, goal))


def bind(goal: Goal, specs: Iterable[ObjectSpec]) -> Goal:
    """The goal with the names of the scene's objects in place of people's words for them.

    Raises:
        GoalError: a word fits nothing in the scene, or several things, or a thing that can't be meant there.
    """
    specs = tuple(specs)
    return tuple(
        Literal(
            predicate=literal.predicate,
            arguments=tuple(_bind_argument(literal, i, specs) for i in range(len(literal.arguments))),
            wanted=literal.wanted,
        )
        for literal in goal
    )


def _bind_argument(literal: Literal, i: int, specs: tuple[ObjectSpec, ...]) -> str:
    words = literal.arguments[i]
    if literal.predicate in ("open", "closed"):
        if words.lower().removeprefix("the ") in HANDS:
            return HANDS[0]
        raise GoalError(f"{literal}: nothing here opens or closes but the {HANDS[0]}")
    if literal.predicate == "at" and i == 1 and (place := words.lower().removeprefix("the ")) in PLACES:
        return place
    spec = find_object(words, specs)
    if literal.predicate == "in" and i == 1 and spec.kind in ("block", "cylinder"):
        raise GoalError(f"{literal}: nothing can be in a {spec.kind}; a bowl, box, plate or zone can hold things")
    return spec.name


def find_object(words: str, specs: Iterable[ObjectSpec]) -> ObjectSpec:
    """The one thing that is meant: its exact name, or words that fit it alone.

    Raises:
        GoalError: they fit none, or several.
    """
    specs = tuple(specs)
    for spec in specs:
        if spec.name == words:
            return spec
    there = ", ".join(s.name for s in specs) or "nothing"
    try:
        check_words(words)
    except SceneError as error:
        raise GoalError(f"{error}; in this scene there is {there}") from error
    reference = canonical(words)
    fitting = [s for s in specs if reference.fits(s.size, s.colour, s.kind)]
    if len(fitting) != 1 or reference == (None, None, None):
        found = f"could be {a_or_b(s.name for s in fitting)}" if len(fitting) > 1 else "is not in this scene"
        raise GoalError(f"{words!r} {found}; there is {there}")
    return fitting[0]


def _expected(text: str, position: int, expected: str) -> GoalError:
    found = text[position : position + 20].strip()
    return GoalError(f"goal, at character {position}: expected {expected}; found {found!r}" if found
                     else f"goal, at character {position}: expected {expected}; found the end")  # fmt: skip
