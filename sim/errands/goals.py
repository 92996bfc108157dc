"""Goals: atoms such as in(apple, fridge), told true or false of symbols, and of the physics.

Atoms that can be true of the physics are those of `sim.kitchen.predicates`, and handed(thing): a person has taken it.
"""

from __future__ import annotations

from dataclasses import dataclass

from sim.errands.facts import HAND, PERSON, Facts
from sim.kitchen.predicates import PREDICATES, State

WORDS = {
    "on": 2, "in": 2, "open": 1, "closed": 1, "switched_on": 1, "switched_off": 1, "wiped": 1, "contains": 2,
    "holding": 1, "robot_at": 1, "handed": 1,
}  # fmt: skip
"""What an errand may ask for, and of how many names it is said."""


@dataclass(frozen=True, kw_only=True)
class Atom:
    """One thing to be true. Build with `atom`."""

    predicate: str
    arguments: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.predicate}({', '.join(self.arguments)})"


Goal = tuple[Atom, ...]


def atom(predicate: str, *arguments: str) -> Atom:
    """Raises ValueError for what is no atom."""
    if WORDS.get(predicate) != len(arguments):
        raise ValueError(f"no goal {predicate}({', '.join(arguments)}); there are {', '.join(WORDS)}")
    return Atom(predicate=predicate, arguments=arguments)


def holds(a: Atom, facts: Facts) -> bool:
    """Whether it is so in symbols."""
    name, other = a.arguments[0], a.arguments[-1]
    match a.predicate:
        case "on" | "in":
            # A knife on a plate in the sink is in the sink, too; on a plate on the table it is not on the table.
            where = [facts.where[name], facts.place_of(name)] if a.predicate == "in" else [facts.where[name]]
            places = [facts.site.places[w] for w in where if w in facts.site.places]
            return other in where or any(place.kind == other for place in places)
        case "open":
            return name in facts.opened
        case "closed":
            return name in facts.shut
        case "switched_on" | "switched_off":
            return (name in facts.lit) == (a.predicate == "switched_on")
        case "wiped":
            return name not in facts.dirty
        case "contains":
            return facts.contents.get(name) == other
        case "holding":
            return facts.where[name] == HAND
        case "handed":
            return facts.where[name] == PERSON
        case _:
            return name in facts.near


def judge(goal: Goal, state: State, gone: frozenset[str] = frozenset()) -> dict[str, bool]:
    """Each atom, and whether it is so in the physics. gone: things that a person has taken."""
    found = {}
    for a in goal:
        if a.predicate == "handed":
            found[str(a)] = a.arguments[0] in gone
        else:
            found[str(a)] = bool(PREDICATES[a.predicate](state, *a.arguments))
    return found
