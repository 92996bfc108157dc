"""Which things a sentence speaks of, so that a scene can have them."""

from __future__ import annotations

import re

from sim.lexicon import COLOUR_WORDS, KIND_WORDS, SIZE_WORDS, canonical

MOST = 7
"""Things taken from one sentence; a scene has room for ten."""
_ADJECTIVES = frozenset(w for table in (COLOUR_WORDS, SIZE_WORDS) for words in table.values() for w in words)
_KIND_WORDS = sorted({w for words in KIND_WORDS.values() for w in words}, key=len, reverse=True)
_PLACEHOLDERS = ("one", "ones", "thing", "things", "object", "objects")
_COLOURS = "|".join(sorted((re.escape(w) for words in COLOUR_WORDS.values() for w in words), key=len, reverse=True))
_SHARED = re.compile(rf"\b({_COLOURS})((?:,? (?:and|or|with) (?:the )?(?:{_COLOURS}))) ([a-z]+)")
_MATCHING = re.compile(r"\bmatch|\bsame colou?r|\bown colou?r|\bby colou?r")
_SAID = re.compile(
    r"((?:\b(?:" + "|".join(sorted(map(re.escape, _ADJECTIVES), key=len, reverse=True)) + r")\b[\s-]+)*)"
    r"\b(" + "|".join(map(re.escape, [*_KIND_WORDS, *_PLACEHOLDERS])) + r")(e?s)?\b"
)


def mentioned(sentence: str) -> tuple[str, ...]:
    """Names of the things that a scene for this sentence needs, canonical, in the order in which they are said.

    A plural without a number stands for two; where things are to match, for a red and a blue one. A colour without a
    kind ("the red one") stands for a block.

    >>> mentioned("put the scarlet cube in the green bowl")
    ('red block', 'green bowl')
    """
    names: list[str] = []
    text = _SHARED.sub(r"\1 \3\2 \3", sentence.lower())
    for match in _SAID.finditer(text):
        adjectives, noun, plural = match.groups()
        placeholder = noun in _PLACEHOLDERS
        reference = canonical(f"{adjectives} block" if placeholder else f"{adjectives} {noun}")
        if placeholder and reference.colour is None and reference.size is None:
            continue
        words = reference.words
        said = next((n for n in names if set(words.split()) <= set(n.split())), None)
        if said is not None:
            continue  # "the block" again, after "the red block"
        names = [n for n in names if not set(n.split()) < set(words.split())]
        many = bool(plural) or noun in ("ones", "things", "objects")
        if many and reference.colour is None and _MATCHING.search(text):
            names += [f"red {words}", f"blue {words}"]
        else:
            names += [words] * (2 if many else 1)
    return tuple(names[:MOST])
