"""From words that people use for things to (kind, colour, size), for scenes that are given by names."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from sim.lexicon import COLOUR_WORDS, COLOURS, KIND_WORDS, KINDS, SIZE_WORDS, SIZES, a_or_b, canonical

_FILLERS = frozenset(("a", "an", "the", "one", "another", "colored", "coloured"))
_KNOWN = frozenset(
    part
    for table in (KIND_WORDS, COLOUR_WORDS, SIZE_WORDS)
    for words in table.values()
    for phrase in words
    for part in re.split(r"[ -]", phrase)
)


class SceneError(ValueError):
    """A scene that can't be: a word that names nothing, too many things, no room."""


def check_words(words: str) -> None:
    """Nothing in a name may be ignored: a "magenta block" must not become a block of any colour.

    Raises:
        SceneError: with what there is.
    """
    parts = [w for w in re.split(r"[\s-]+", words.lower().strip()) if w and not w.isdigit()]
    for word in parts:
        stems = (word, word.removesuffix("s"), word.removesuffix("es"))
        if word not in _FILLERS and not any(s in _KNOWN for s in stems):
            raise SceneError(
                f"{words!r}: {word!r} names nothing here; "
                f"there are {a_or_b(KINDS)}, in {a_or_b(COLOURS)}, {a_or_b(SIZES)}"
            )


def read_names(rng: np.random.Generator, names: Sequence[str]) -> list[tuple[str, str, str]]:
    """(kind, colour, size) for each name; what it leaves open is drawn, colours so that they differ while they last."""
    references = []
    for words in names:
        check_words(words)
        reference = canonical(words)
        if reference.kind is None:
            raise SceneError(f"{words!r} says no kind of thing; there are {a_or_b(KINDS)}")
        references.append(reference)
    taken = {(r.kind, r.colour) for r in references if r.colour}
    things = []
    for kind, colour, size in ((r.kind, r.colour, r.size) for r in references):
        assert kind is not None
        if colour is None:
            free = [c for c in COLOURS if (kind, c) not in taken] or list(COLOURS)
            colour = free[int(rng.integers(len(free)))]
            taken.add((kind, colour))
        things.append((kind, colour, size or SIZES[int(rng.integers(len(SIZES)))]))
    return things
