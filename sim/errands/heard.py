"""What the errands' families say, the other way round: a sentence back to the phrasing and the words in its slots.

heard("Could you put the tea in the top drawer, please?") -> put_in_drawer, x = "the tea", place = "the top drawer", ...
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache

from sim.errands.base import Errand
from sim.errands.slips import mended
from sim.errands.suite import SUITE
from sim.errands.words import CLASSES
from sim.tasks.phrasing import (
    AFTER,
    BEFORE_IMPERATIVE,
    BEFORE_STATEMENT,
    HELD_OUT_AFTER,
    HELD_OUT_BEFORE,
    Node,
    compile_template,
)  # fmt: skip

_MORE_BEFORE = ("hello ", "hello, ", "hi ", "hi, ", "hey ", "robot ", "go and ", "thanks, ")
SHORT = {
    "thirsty": ("I'm thirsty", "I am thirsty", "!bring me a drink", "!bring me something to drink"),
    "hungry": ("I'm hungry", "I am hungry", "!bring me a snack", "!bring me something to eat"),
    "groceries": ("!put the groceries away", "!put away the groceries", "!store the groceries"),
}
"""What people say who leave out where: there is one answer mostly."""
LOOSE = 4
"""Letters of its own."""
_MOST_FRAMES = 4
"""So many of the words around a sentence are taken off, one after another."""


@dataclass(frozen=True, kw_only=True)
class Heard:
    """One way to read a sentence. slots: words by slot, as they were said. loose: it has so few words of its own that
    where it does not fit what is here, it says nothing."""

    family: Errand
    slots: Mapping[str, str]
    loose: bool


@dataclass(frozen=True, kw_only=True)
class _Phrasing:
    family: Errand
    pattern: re.Pattern[str]
    literal: int
    """Letters that are not in slots: the more, the less is left to chance."""


def heard(sentence: str) -> list[Heard]:
    """All ways in which a family of errands may have said it, the most literal first; none for what none says."""
    found = []
    for words in unframed(sentence):
        for phrasing in _phrasings():
            match = phrasing.pattern.fullmatch(words)
            if match is not None:
                slots = {k: v.strip(" ,") for k, v in match.groupdict().items()}
                found.append(
                    (phrasing.literal, Heard(family=phrasing.family, slots=slots, loose=phrasing.literal < LOOSE))
                )
    # Stable: what is as literal keeps the order of the suite, of the sentence with least taken off.
    return [h for _, h in sorted(found, key=lambda row: -row[0])]


def unframed(sentence: str) -> list[str]:
    """The sentence in lower case without its closing mark, and what is left of it without "could you", "please", ..."""
    said = mended(" ".join(sentence.lower().replace("\u2019", "'").split()).strip(" .!?"), _texts())
    found, fresh = [said], [said]
    for _ in range(_MOST_FRAMES):
        fresh = list(dict.fromkeys(s for words in fresh for s in _shorter(words) if s and s not in found))
        found += fresh
    return found


def _shorter(words: str) -> Iterator[str]:
    before, after = _frames()
    for prefix in before:
        if words.startswith(prefix):
            yield words[len(prefix) :].strip(" ,")
    for suffix in after:
        if words.endswith(suffix):
            yield words[: -len(suffix)].strip(" ,.!?")


@cache
def _frames() -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What stands before sentences, and after them."""
    before = {w.lower() for w in (*BEFORE_IMPERATIVE, *BEFORE_STATEMENT, *HELD_OUT_BEFORE, *_MORE_BEFORE)}
    after = {w.lower().rstrip("?") for w in (*AFTER, *HELD_OUT_AFTER)}
    return tuple(sorted(before, key=len, reverse=True)), tuple(sorted(after, key=len, reverse=True))


@cache
def _phrasings() -> tuple[_Phrasing, ...]:
    found: dict[tuple[str, str], _Phrasing] = {}
    for family in SUITE.tasks:
        if not isinstance(family, Errand) or family.declines:  # those say what others say
            continue
        for template in (*family.trained, *family.held_out, *SHORT.get(family.name, ())):
            node = compile_template(template.removeprefix("!"))
            pattern = _pattern(node, set())
            literal = len(re.sub(r"\{\w+\}|\W", "", template))
            found[family.name, pattern] = _Phrasing(family=family, pattern=re.compile(pattern), literal=literal)
    return tuple(found.values())


@cache
def _texts() -> frozenset[str]:
    """All that sentences are made of, without their slots."""
    said = [t for f in SUITE.tasks if isinstance(f, Errand) for t in (*f.trained, *f.held_out)]
    return frozenset((*(re.sub(r"\{\w+\}|<\w+>", " ", t) for t in said), *_frames()[0], *_frames()[1]))


def _pattern(node: Node, named: set[str]) -> str:
    """A regular expression for a node of a template; a slot that comes again must be said alike."""
    if isinstance(node, str):
        return re.escape(node.lower())
    if isinstance(node, list):
        return f"(?:{'|'.join(_pattern(n, named) for n in node)})"
    if len(node) == 2 and node[0] in ("slot", "class") and isinstance(node[1], str):
        if node[0] == "class":
            words = sorted({w.lower() for w in CLASSES[node[1]]}, key=len, reverse=True)
            return f"(?:{'|'.join(re.escape(w) for w in words)})"
        if node[1] in named:
            return f"(?P={node[1]})"
        named.add(node[1])
        return f"(?P<{node[1]}>.+?)"
    return "".join(_pattern(n, named) for n in node)
