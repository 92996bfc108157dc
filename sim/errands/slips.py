"""Slips of the finger put right: a word that nobody uses here, one slip away from just one that people do."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

from sim.errands.heldout import PLACES, THINGS
from sim.errands.words import CLASSES
from sim.kitchen.process import CONTENTS
from sim.kitchen.things import KINDS
from sim.kitchen.vocabulary import CATEGORY_WORDS, PLACE_WORDS

_WORD = re.compile(r"[a-z][a-z'-]*")
_SHORTEST = 4
"""Letters of a word that a slip can be told in."""
_OTHERS = frozenset(["garage", "tale", "tales", "pates", "clan", "mike"])
"""Words of their own that would be slips of ours."""
_LAYOUT = "left right middle top bottom upper lower wall corner small large regular"


def mended(words: str, phrasings: frozenset[str]) -> str:
    """Words in lower case with their slips put right. phrasings: the texts that sentences are made of."""
    known = _known(phrasings)

    def mend(match: re.Match[str]) -> str:
        word = match[0]
        if len(word) < _SHORTEST or word in known or word in _OTHERS:
            return word
        meant = {m for m in _before_a_slip(word, known) if m in known}
        return meant.pop() if len(meant) == 1 else word

    return _WORD.sub(mend, words)


@cache
def _known(phrasings: frozenset[str]) -> frozenset[str]:
    texts = [*phrasings, _LAYOUT, *PLACE_WORDS, *PLACES, *KINDS, *(c[0] for c in CONTENTS.values())]
    for table in (CLASSES, PLACE_WORDS, PLACES, THINGS, CATEGORY_WORDS):
        texts += [w for words in table.values() for w in words]
    texts += [w for k in KINDS.values() for w in (k.said, *k.words, *k.colours, *k.sizes)]
    return frozenset(_WORD.findall(" ".join(texts).lower()))


def _before_a_slip(word: str, known: frozenset[str]) -> Iterator[str]:
    """What it may have been: two letters the other way round, one typed twice, one left out."""
    for i in range(len(word) - 1):
        yield word[:i] + word[i + 1] + word[i] + word[i + 2 :]
        if word[i] == word[i + 1]:
            yield word[:i] + word[i + 1 :]
    for whole in known:
        if len(whole) == len(word) + 1 and any(whole[:i] + whole[i + 1 :] == word for i in range(len(whole))):
            yield whole
