"""Drafting a scene: which things are there, so that every phrase of the instruction fits exactly what it should.

A family asks its `Draft` for one role after another (`movable()`, `place()`), then calls `complete()`. In a draft that
shall be declined, one role, the `spoilt` one, fits nothing ("absent") or several things ("ambiguous").
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeVar

import numpy as np

from sim.lexicon import COLOURS, CONTAINER_KINDS, KINDS, MOVABLE_KINDS, SIZES, Reference, a_or_b
from sim.scenes import ObjectSpec, named
from sim.tasks import heldout
from sim.tasks.base import Split
from sim.tasks.foreign import FOREIGN

MAX_PLACES = 4
"""Bowls, plates, boxes and zones in a scene: more do not lie apart on 0.32 m x 0.56 m."""
_HOLDS = {"bowl": 2, "plate": 3, "zone": 3, "box": 4}
"""Things that lie still in or on a large one, side by side."""
_COLOURS = list(COLOURS)
_STYLES = (*("full",) * 11, "colour", "colour", *("kind",) * 4, "sized", "sized", "size")
"""How a thing is told from the others. full: colour and kind; sized: with size as well, beside a twin of the other
size; size: "the big block"."""
Mode = Literal["act", "absent", "ambiguous"]
T = TypeVar("T")


class Impossible(Exception):
    """This draft can't be completed; draw another. Expected now and then, and bounded by the caller."""


@dataclass(eq=False)
class Thing:
    """An object being drafted; `name` is known once the draft is complete."""

    kind: str
    colour: str
    size: str
    name: str = ""

    def fits(self, reference: Reference) -> bool:
        return reference.fits(self.size, self.colour, self.kind)


@dataclass(eq=False)
class Role:
    """What a phrase of the instruction stands for: its meaning, and the things that fit it (one, where all is well)."""

    reference: Reference
    things: list[Thing] = field(default_factory=list)

    @property
    def name(self) -> str:
        return self.things[0].name if self.things else self.reference.words

    @property
    def kind(self) -> str:
        """The kind, also where the phrase does not say it; "thing" where nothing tells."""
        if self.reference.kind is not None or not self.things:
            return self.reference.kind or "thing"
        kinds = {t.kind for t in self.things}
        return kinds.pop() if len(kinds) == 1 else "thing"


class Draft:
    """The scene of one instance in the making."""

    def __init__(self, rng: np.random.Generator, split: Split, *, mode: Mode = "act", spoilt: int = -1) -> None:
        self.rng = rng
        self.split = split
        self.mode = mode
        self.roles: list[Role] = []
        self.things: list[Thing] = []
        self._spoilt = spoilt
        self._habit = "colour" if rng.random() < 0.1 else None  # "stack red on blue"
        self._guarded: list[Reference] = []  # nothing that comes later may fit these

    # What families ask for

    def movable(
        self, kinds: Sequence[str] = MOVABLE_KINDS, *, colour: str | None = None, style: str | None = None
    ) -> Role:
        """Something the hand can take."""
        return self._role(kinds, colour, style)

    def place(
        self,
        kinds: Sequence[str] = CONTAINER_KINDS,
        *,
        colour: str | None = None,
        size: str | None = None,
        style: str | None = None,
    ) -> Role:
        """Something to put things in, on or beside."""
        role = self._role(kinds, colour, style)
        if size is not None and role.reference.size is None and len(role.things) == 1:
            role.things[0].size = size
        return role

    def place_for(self, number: int) -> Role:
        """A place that holds so many things side by side: two do not lie still in a small bowl, nor three in any."""
        kinds = [k for k in CONTAINER_KINDS if number <= _HOLDS[k]]
        return self.place(kinds, size="large" if number > 1 else None)

    def every(self, reference: Reference, specs: Sequence[tuple[str, str, str]]) -> Role:
        """All the things that `reference` fits: those (kind, colour, size), and no other in the scene."""
        if any(t.fits(reference) for t in self.things):
            raise Impossible
        if not all(self._free(Thing(*s)) for s in specs):
            raise Impossible
        things = [] if self._next_is_spoilt() else [self._add(*s) for s in specs]
        if self._next_is_spoilt() and self.mode == "ambiguous":
            raise Impossible
        self._guarded.append(reference)
        role = Role(reference, things)
        self.roles.append(role)
        return role

    def guard(self, reference: Reference) -> None:
        """Keeps everything that comes later from fitting this too."""
        self._guarded.append(reference)

    def complete(self) -> None:
        """Fill the scene up with other things, and give all their names.

        Raises:
            Impossible: where this draft is not what its split or mode demands.
        """
        if self.mode != "act" and len(self.roles) <= self._spoilt:
            raise Impossible
        counts = heldout.COUNTS if self.split == "counts" else heldout.TRAINED_COUNTS
        fewest = max(len(self.things), min(counts))
        if fewest > max(counts):
            raise Impossible
        wanted = int(self.rng.integers(fewest, max(counts) + 1))
        for _ in range(200):
            if len(self.things) >= wanted:
                break
            self._distract()
        if len(self.things) < fewest:
            raise Impossible
        if self.split == "combinations" and not any(self._held_out(t) for r in self.roles for t in r.things):
            raise Impossible
        self.things = self.shuffled(self.things)
        self._name()

    def specs(self) -> tuple[ObjectSpec, ...]:
        """The objects of the completed draft."""
        return tuple(ObjectSpec(name=t.name, kind=t.kind, colour=t.colour, size=t.size) for t in self.things)

    def reply(self) -> str:
        """What to say where the draft was spoilt: regular, to be learnt from the sentence and the picture."""
        role = self.roles[self._spoilt]
        words = role.reference.words
        if self.mode == "absent":
            return f"no {words} here"
        for attribute, order in (("colour", list(COLOURS)), ("kind", list(KINDS)), ("size", list(SIZES))):
            options = {str(getattr(t, attribute)) for t in role.things}
            if len(options) == len(role.things):
                return f"which {words}: {a_or_b(sorted(options, key=order.index))}"
        return f"which {words}"

    # How it is done

    def _next_is_spoilt(self) -> bool:
        return self.mode != "act" and len(self.roles) == self._spoilt

    def _role(self, kinds: Sequence[str], colour: str | None, style: str | None) -> Role:
        if self._next_is_spoilt():
            foreign = self.mode == "absent" and self.rng.random() < 0.25
            spoil = self._foreign if foreign else self._absent if self.mode == "absent" else self._ambiguous
            role = spoil(kinds, colour)
        else:
            role = self._single(kinds, colour, style or self._habit or self.one(_STYLES))
        self.roles.append(role)
        self._guarded.append(role.reference)
        return role

    def _single(self, kinds: Sequence[str], colour: str | None, style: str) -> Role:
        for _ in range(40):
            kind, hue, size = self._draw(kinds, colour)
            if style == "size" and (contrast := self._contrast(kind, hue, size)) is not None:
                return contrast
            if style == "sized":
                reference = Reference(size, hue, kind)
                twin = (kind, hue, SIZES[1 - SIZES.index(size)])
                alone = self._unfitted(Reference(None, hue, kind)) and self._room(kind, 2)
                if alone and self._free(Thing(*twin)) and self._free(Thing(kind, hue, size)):
                    thing = self._add(kind, hue, size)
                    self._add(*twin)
                    return Role(reference, [thing])
            partial = {"colour": Reference(None, hue, None), "kind": Reference(None, None, kind)}
            reference = partial.get(style, Reference(None, hue, kind))
            if self._unfitted(reference) and self._free(Thing(kind, hue, size)):
                return Role(reference, [self._add(kind, hue, size)])
            style = "full" if self.rng.random() < 0.3 else style
        raise Impossible

    def _contrast(self, kind: str, hue: str, size: str) -> Role | None:
        """A thing told by its size alone, beside another of its kind."""
        reference = Reference(size, None, kind)
        other = Thing(kind, self.one(_COLOURS), SIZES[1 - SIZES.index(size)])
        fits = self._unfitted(reference) and self._room(kind, 2) and self.allowed(other.colour, kind)
        new = other.colour != hue and not any((t.kind, t.colour) == (kind, other.colour) for t in self.things)
        if not (fits and new and self._free(Thing(kind, hue, size)) and self._free(other)):
            return None
        thing = self._add(kind, hue, size)
        self.things.append(other)
        return Role(reference, [thing])

    def _foreign(self, kinds: Sequence[str], colour: str | None) -> Role:
        """Something that no scene here ever has."""
        held_out = self.split == "phrasings"
        nouns = (heldout.FOREIGN if held_out else FOREIGN)["thing" if kinds[0] in MOVABLE_KINDS else "place"]
        return Role(Reference(None, self.one(_COLOURS) if self.rng.random() < 0.4 else colour, self.one(nouns)))

    def _absent(self, kinds: Sequence[str], colour: str | None) -> Role:
        for _ in range(40):
            kind, hue, _size = self._draw(kinds, colour)
            style = self.rng.random()
            reference = Reference(None, hue if style < 0.85 else None, kind if style < 0.7 or style > 0.85 else None)
            if self._unfitted(reference):
                return Role(reference)
        raise Impossible

    def _ambiguous(self, kinds: Sequence[str], colour: str | None) -> Role:
        for _ in range(40):
            kind, hue, size = self._draw(kinds, colour)
            style = self.one(("kind", "kind", "colour", "twin", "sizes")) if colour is None else "twin"
            number = int(self.rng.integers(2, 4))
            if style == "kind":
                reference = Reference(None, None, kind)
                others = [(kind, c, self._size()) for c in self.shuffled(_COLOURS) if c != hue]
            elif style == "colour":
                reference = Reference(None, hue, None)
                others = [(k, hue, self._size()) for k in kinds if k != kind]
            else:
                reference, number = Reference(None, hue, kind), 2
                others = [(kind, hue, size if style == "twin" else SIZES[1 - SIZES.index(size)])]
            things = [(kind, hue, size), *(o for o in others if self.allowed(o[1], o[0]))][:number]
            if len(things) < 2 or not self._unfitted(reference):
                continue
            if not all(self._free(Thing(*t)) for t in things):
                continue
            return Role(reference, [self._add(*t, twin=True) for t in things])
        raise Impossible

    def _distract(self) -> None:
        """One more thing, often of a colour or kind that is spoken of."""
        kinds, colours = list(KINDS), _COLOURS
        likeness = self.rng.random()
        said = [r.reference for r in self.roles]
        if likeness < 0.35:
            kinds = [r.kind for r in said if r.kind in KINDS] or kinds
        elif likeness < 0.7:
            colours = [r.colour for r in said if r.colour] or colours
        kind = self.one([k for k in kinds for _ in range(3 if k in MOVABLE_KINDS else 1)])
        colour = self.one(colours)
        thing = Thing(kind, colour, self._size())
        new = not any(t.kind == kind and t.colour == colour for t in self.things)
        if new and self.allowed(colour, kind) and self._free(thing) and self._room(kind):
            self.things.append(thing)

    def _draw(self, kinds: Sequence[str], colour: str | None) -> tuple[str, str, str]:
        for _ in range(40):
            kind = self.one(kinds)
            hue = colour or self.one(_COLOURS)
            if self.split == "combinations" and self.rng.random() < 0.5:
                fitting = [c for c in heldout.COMBINATIONS if c[1] in kinds and colour in (None, c[0])]
                if fitting:
                    hue, kind = self.one(sorted(fitting))
            if self.allowed(hue, kind):
                return kind, hue, self._size()
        raise Impossible

    def _add(self, kind: str, colour: str, size: str, *, twin: bool = False) -> Thing:
        if not self._room(kind):
            raise Impossible
        if not twin and any((t.kind, t.colour, t.size) == (kind, colour, size) for t in self.things):
            raise Impossible
        thing = Thing(kind, colour, size)
        self.things.append(thing)
        return thing

    def _size(self) -> str:
        return self.one(SIZES)

    def one(self, options: Sequence[T]) -> T:
        return options[int(self.rng.integers(len(options)))]

    def shuffled(self, items: Sequence[T]) -> list[T]:
        return [items[int(i)] for i in self.rng.permutation(len(items))]

    def _held_out(self, thing: Thing) -> bool:
        return (thing.colour, thing.kind) in heldout.COMBINATIONS

    def allowed(self, colour: str, kind: str) -> bool:
        return self.split == "combinations" or (colour, kind) not in heldout.COMBINATIONS

    def _free(self, thing: Thing) -> bool:
        """Whether no earlier phrase would fit the thing too."""
        return not any(thing.fits(g) for g in self._guarded)

    def _unfitted(self, reference: Reference) -> bool:
        return not any(t.fits(reference) for t in self.things)

    def _room(self, kind: str, more: int = 1) -> bool:
        places = sum(t.kind in CONTAINER_KINDS for t in self.things)
        return kind not in CONTAINER_KINDS or places + more <= MAX_PLACES

    def _name(self) -> None:
        for t, spec in zip(self.things, named((t.kind, t.colour, t.size) for t in self.things), strict=True):
            t.name = spec.name
