"""How people refer to things: "the red block", "the small green cube", "the one that is red", "the bowl"."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from sim.lexicon import CONTAINER_KINDS, SIZE_WORDS
from sim.tasks import heldout
from sim.tasks.draft import Role
from sim.tasks.phrasing import choose
from sim.tasks.words import COLOUR_WORDS, KIND_WORDS

_NOUNS_FOR_ANY = ("thing", "one", "one", "object", "item", "thing", "piece")
_PLURALS_FOR_ANY = ("things", "objects", "items", "ones", "pieces", "stuff")
_GLOSS = {"small": ("smaller", "smallest", "littler"), "large": ("bigger", "larger", "biggest", "largest")}


@dataclass(frozen=True, kw_only=True)
class Speaker:
    """One person's habits within one sentence: with or without articles, plain or rare words."""

    rng: np.random.Generator
    article: str
    rare: float
    held_out: bool

    @classmethod
    def draw(cls, rng: np.random.Generator, *, held_out: bool) -> Speaker:
        article = choose(rng, ("the ",) * 14 + ("", "", "", "that ", "this "))
        return cls(rng=rng, article=article, rare=0.0 if rng.random() < 0.45 else 0.4, held_out=held_out)

    def word(self, canon: str, trained: Mapping[str, Sequence[str]], never: Mapping[str, Sequence[str]]) -> str:
        """`canon`, or sometimes another word for it."""
        if self.held_out and canon in never and self.rng.random() < 0.12:
            return choose(self.rng, never[canon])
        return choose(self.rng, trained[canon]) if self.rng.random() < self.rare else canon

    def kind(self, canon: str) -> str:
        return self.word(canon, KIND_WORDS, heldout.KIND_WORDS)

    def colour(self, canon: str) -> str:
        if canon != "gray" and self.rng.random() < 0.5:  # synonyms of colours are rarer than those of kinds
            return canon
        return self.word(canon, COLOUR_WORDS, heldout.COLOUR_WORDS)

    def refer(self, role: Role) -> str:
        """A phrase for one thing."""
        size, colour, kind = role.reference
        rng = self.rng
        if kind is None:
            hue = self.colour(colour or "")
            if rng.random() < 0.06:
                return f"the {choose(rng, ('thing', 'one', 'object'))} that {choose(rng, ('is', 'looks'))} {hue}"
            return f"{self.article}{hue} {choose(rng, _NOUNS_FOR_ANY)}"
        noun = self.kind(kind)
        if colour is None:
            return f"{self.article or 'the '}{noun}"
        hue = self.colour(colour)
        if size is not None:
            return self._sized(size, hue, noun)
        way = rng.random()
        if way < 0.03:
            return f"the {noun} that is {hue}"
        if way < 0.05:
            return f"the {noun} that's {hue}"
        if way < 0.07:
            return f"the {noun} which is {hue}"
        if way < 0.09:
            return f"{self.article}{hue}{choose(rng, ('-coloured', '-colored', ' coloured', ' colored'))} {noun}"
        if way < 0.14 and len(role.things) == 1 and kind not in CONTAINER_KINDS:
            return f"{self.article}{choose(rng, SIZE_WORDS[role.things[0].size][:2])} {hue} {noun}"
        return f"{self.article}{hue} {noun}"

    def _sized(self, size: str, hue: str, noun: str) -> str:
        way = self.rng.random()
        if way < 0.1:
            two = "two " if way < 0.05 else ""
            return f"the {choose(self.rng, _GLOSS[size])} of the {two}{hue} {_plural(noun)}"
        if way < 0.2:
            return f"the {choose(self.rng, _GLOSS[size])} {hue} {noun}"
        if way < 0.25:
            return f"the {hue} {noun} that is {choose(self.rng, SIZE_WORDS[size][:2])}"
        return f"{self.article}{choose(self.rng, SIZE_WORDS[size])} {hue} {noun}"

    def refer_to_all(self, role: Role) -> str:
        """A phrase for every thing that fits: "all the red blocks", "everything red"."""
        _size, colour, kind = role.reference
        hue = f"{self.colour(colour)} " if colour else ""
        if kind is None:
            noun, nouns = choose(self.rng, ("thing", "object", "item")), choose(self.rng, _PLURALS_FOR_ANY)
            special = (f"everything {hue}", f"everything that is {hue}", f"anything {hue}", f"all that is {hue}")
            if self.rng.random() < 0.25:
                return choose(self.rng, special).strip()
        else:
            noun = self.kind(kind)
            nouns = _plural(noun)
        return choose(self.rng, _ALL[self.held_out]).format(one=hue + noun, many=hue + nouns)

    def plural(self, kind: str) -> str:
        """The kind's word in the plural."""
        return _plural(self.kind(kind))


_ALL = {
    False: (
        "all the {many}", "all the {many}", "all {many}", "all of the {many}", "every {one}", "each {one}",
        "every single {one}", "each of the {many}", "the {many}", "all these {many}", "all {many} you see",
        "any {one} you can find", "all your {many}", "all the {many} on the table",
    ),
    True: (
        "each and every {one}", "whatever {many} there are", "the whole lot of {many}", "all the {many}", "every {one}",
        "every last {one}", "the entire set of {many}",
    ),
}  # fmt: skip


def _plural(noun: str) -> str:
    if noun == "stuff":
        return noun
    return noun + ("es" if noun.endswith(("x", "sh", "ch")) else "s")
