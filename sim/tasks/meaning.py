"""What a family makes of a draft: the program, and the slots from which its sentences are built."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from robots.relations import Relation
from sim.tasks.base import Move
from sim.tasks.draft import Draft, Role
from sim.tasks.words import INSIDE, INTO


@dataclass(frozen=True, kw_only=True)
class KindWord:
    """A word for a kind, of no particular thing: "block", "cubes"."""

    kind: str
    plural: bool = False


@dataclass(frozen=True, kw_only=True)
class Clause:
    """A part of a sentence with phrasings of its own."""

    table: str
    slots: Mapping[str, Slot]


@dataclass(frozen=True, kw_only=True)
class Together:
    """Several things in one breath: "the red and the blue block"."""

    roles: tuple[Role, ...]


Slot = Role | Together | KindWord | Clause | tuple[str, ...]
"""A thing to refer to, several, a kind, a clause, or words to choose from."""


@dataclass(frozen=True, kw_only=True)
class Meaning:
    """table: the id of the phrasings that fit. slots: by name; a name in capitals stands for all that its role fits.

    each: what a plan calls each subject of the program, where the sentence speaks of them all at once; "" elsewhere.
    """

    table: str
    slots: Mapping[str, Slot]
    program: tuple[Move, ...]
    each: str = ""


Build = Callable[[Draft], Meaning]


def resting(kind: str) -> Relation:
    """What "into the box" and "onto the zone" come to: in for hollow things, on for flat ones."""
    return Relation.IN if kind in ("bowl", "box") else Relation.ON


def into(role: Role) -> dict[str, Slot]:
    """Slots for bringing something to `role`: `b` it, `in` the way there, `at` being there."""
    return {"b": role, "in": INTO.get(role.kind, INTO["thing"]), "at": INSIDE.get(role.kind, INSIDE["thing"])}
