"""A draft over things that are there already: many instructions about one scene, for training.

What to look at is dear, what can be said about it cheap: one picture carries many sentences.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from sim.lexicon import KINDS, MOVABLE_KINDS, Reference
from sim.scenes import ObjectSpec
from sim.tasks.base import Split
from sim.tasks.draft import Draft, Impossible, Mode, Role, Thing

MOST_AT_ONCE = 4
"""Things that "all the ..." may sum up."""


class Redraft(Draft):
    """Roles are filled from `objects`; nothing is added."""

    def __init__(
        self,
        objects: Sequence[ObjectSpec],
        rng: np.random.Generator,
        split: Split,
        *,
        mode: Mode = "act",
        spoilt: int = -1,
    ) -> None:
        super().__init__(rng, split, mode=mode, spoilt=spoilt)
        self._objects = tuple(objects)
        self.things = [Thing(o.kind, o.colour, o.size, o.name) for o in objects]
        self._taken: list[Thing] = []

    def complete(self) -> None:
        if self.mode != "act" and len(self.roles) <= self._spoilt:
            raise Impossible

    def specs(self) -> tuple[ObjectSpec, ...]:
        return self._objects

    def every(self, reference: Reference, specs: Sequence[tuple[str, str, str]]) -> Role:
        fitting = [t for t in self.things if t.fits(reference)]
        spoilt = self._next_is_spoilt()
        if spoilt and (self.mode == "ambiguous" or fitting):
            raise Impossible
        if not spoilt and not (1 <= len(fitting) <= MOST_AT_ONCE and all(t.kind in MOVABLE_KINDS for t in fitting)):
            raise Impossible
        self._taken += fitting
        role = Role(reference, fitting)
        self.roles.append(role)
        return role

    def guard(self, reference: Reference) -> None:
        if any(t.fits(reference) for t in self.things if t not in self._taken):
            raise Impossible

    def _single(self, kinds: Sequence[str], colour: str | None, style: str) -> Role:
        options = [t for t in self.things if t.kind in kinds and colour in (None, t.colour) and t not in self._taken]
        for thing in self.shuffled(options):
            full = Reference(None, thing.colour, thing.kind)
            partial = {"colour": Reference(None, thing.colour, None), "kind": Reference(None, None, thing.kind)}
            sized = Reference(thing.size, thing.colour, thing.kind)
            for reference in (partial.get(style, full), full, sized):
                if sum(t.fits(reference) for t in self.things) == 1:
                    self._taken.append(thing)
                    return Role(reference, [thing])
        raise Impossible

    def _absent(self, kinds: Sequence[str], colour: str | None) -> Role:
        present = [t.colour for t in self.things]
        for _ in range(40):
            kind, hue, _size = self._draw(kinds, colour)
            if colour is None and self.rng.random() < 0.5:  # the colour is there, on another thing: the hard case
                hue = self.one(present)
            style = self.rng.random()
            reference = Reference(None, hue if style < 0.85 else None, kind if style < 0.7 or style > 0.85 else None)
            if self._unfitted(reference) and self.allowed(hue, kind):
                return Role(reference)
        raise Impossible

    def _ambiguous(self, kinds: Sequence[str], colour: str | None) -> Role:
        likely = [
            Reference(None, colour or t.colour, t.kind if full else None) for t in self.things for full in (True, False)
        ] + [Reference(None, colour, k) for k in KINDS]
        for reference in self.shuffled(likely):
            things = [t for t in self.things if t.fits(reference)]
            if 2 <= len(things) <= 3 and all(t.kind in kinds and t not in self._taken for t in things):
                self._taken += things
                return Role(reference, things)
        raise Impossible
