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
_NOUNS_BUT_ONE = tuple(n for n in _NOUNS_FOR_ANY if n != "one")
_PLURALS_FOR_ANY = ("things", "objects", "items", "ones", "pieces", "stuff")
_GLOSS = {"small": ("smaller", "smallest", "littler"), "large": ("bigger", "larger", "biggest", "largest")}


@dataclass(kw_only=True)
class Speaker:
    """One person's habits within one sentence: with or without articles, plain or rare words.

    last_kind: the kind that was named last, to which "the blue one" goes back.
    """

    rng: np.random.Generator
    article: str
    rare: float
    held_out: bool
    last_kind: str | None = None

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
        """A word for a kind; what is no kind of ours has one word only."""
        return self.word(canon, KIND_WORDS, heldout.KIND_WORDS) if canon in KIND_WORDS else canon

    def colour(self, canon: str) -> str:
        if canon != "gray" and self.rng.random() < 0.5:  # synonyms of colours are rarer than those of kinds
            return canon
        return self.word(canon, COLOUR_WORDS, heldout.COLOUR_WORDS)

    def refer(self, role: Role) -> str:
        """A phrase for one thing."""
        size, colour, kind = role.reference
        rng = self.rng
        if kind is None:
            return self._by_colour(role, self.colour(colour or ""))
        before, self.last_kind = self.last_kind, kind
        noun = self.kind(kind)
        if size is not None:
            return self._sized(size, self.colour(colour) if colour else "", noun, twins=colour is not None)
        if colour is None:
            return f"{self.article or 'the '}{noun}"
        hue = self.colour(colour)
        way = rng.random()
        if kind == before and way < 0.2:
            return f"{self.article}{hue} one"
        if way < 0.03:
            return f"the {noun} that is {hue}"
        if way < 0.05:
            return f"the {noun} that's {hue}"
        if way < 0.07:
            return f"the {noun} which is {hue}"
        if way < 0.09:
            return f"{self.article}{hue}{choose(rng, ('-coloured', '-colored', ' coloured', ' colored'))} {noun}"
        alone = len(role.things) == 1
        if way < 0.14 and alone and kind not in CONTAINER_KINDS:
            # Said without need, but said: a plan in these words has it too.
            role.reference = role.reference._replace(size=role.things[0].size)
            return f"{self.article}{choose(rng, SIZE_WORDS[role.things[0].size][:2])} {hue} {noun}"
        if way > 0.97 and alone:
            return f"{'an' if hue[0] in 'aeiou' else 'a'} {hue} {noun}"
        return f"{self.article}{hue} {noun}"

    def _by_colour(self, role: Role, hue: str) -> str:
        way = self.rng.random()
        if way < 0.06:
            return f"the {choose(self.rng, ('thing', 'one', 'object'))} that {choose(self.rng, ('is', 'looks'))} {hue}"
        if way < 0.16:
            return choose(self.rng, (hue, hue, f"the {hue}"))
        # After "the red block", "the blue one" is a block.
        same = self.last_kind is None or {t.kind for t in role.things} == {self.last_kind}
        noun = choose(self.rng, _NOUNS_FOR_ANY if same else _NOUNS_BUT_ONE)
        if noun == "one" and self.last_kind is not None:
            role.reference = role.reference._replace(kind=self.last_kind)
        return f"{self.article}{hue} {noun}"

    def refer_together(self, roles: Sequence[Role]) -> str:
        """A phrase for several things: "the red and the blue block", "the red, green and blue blocks"."""
        kinds = {r.reference.kind for r in roles}
        kind = roles[0].reference.kind
        plain = len(kinds) == 1 and kind is not None and all(r.reference.colour and not r.reference.size for r in roles)
        if not plain or kind is None or self.rng.random() < 0.5:
            return _and([self.refer(r) for r in roles])
        hues = [self.colour(r.reference.colour or "") for r in roles]
        noun = self.kind(kind)
        self.last_kind = kind
        return choose(
            self.rng,
            (
                f"the {_and(hues)} {_plural(noun)}",
                f"the {_and(hues)} {noun}",
                _and([f"the {hue}" for hue in hues]) + f" {noun}",
                f"the {hues[0]} {noun}" + _and(["", *(f"the {hue} one" for hue in hues[1:])]),
            ),
        )

    def _sized(self, size: str, hue: str, noun: str, *, twins: bool) -> str:
        way = self.rng.random()
        if way < 0.1 and twins:
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
            self.last_kind = kind
        number = len(role.things)
        if number in _SO_MANY and nouns != "stuff" and self.rng.random() < 0.2:
            return choose(self.rng, _SO_MANY[number]).format(many=hue + nouns)
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
        "each and every {one}", "whichever {many} you see", "the whole lot of {many}", "all the {many}", "every {one}",
        "every last {one}", "the entire set of {many}",
    ),
}  # fmt: skip


_SO_MANY = {
    2: ("both {many}", "both of the {many}", "the two {many}", "both the {many}"),
    3: ("all three {many}", "the three {many}", "all three of the {many}", "all 3 {many}"),
    4: ("all four {many}", "the four {many}", "all 4 {many}"),
}


def _and(words: Sequence[str]) -> str:
    return ", ".join(words[:-1]) + " and " + words[-1]


def _plural(noun: str) -> str:
    if noun == "stuff":
        return noun
    return noun + ("es" if noun.endswith(("x", "sh", "ch")) else "s")
