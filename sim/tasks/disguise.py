"""Words that training never pairs with anything on the table, in the place of some that it does.

There are 12 colours and 6 kinds, so that a learner could keep a list of which go together, and miss the pair that it
has not seen. "Put the maroon mug in the green bowl" leaves it nothing but to copy what is said. The disguised thing is
not looked for: nobody has said whether it is there.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from agent.plan import PrimitiveCall, format_call, format_plan, parse_call, parse_plan, renamed
from agent.training.shards import Sentence
from sim.lexicon import CONTAINER_KINDS
from sim.tasks.foreign import FOREIGN
from sim.tasks.phrasing import choose
from sim.tasks.strange import nonce
from sim.tasks.words import COLOUR_WORDS, KIND_WORDS

LOOKS = (
    "maroon", "beige", "olive", "gold", "tan", "indigo", "magenta", "mint", "khaki", "bronze", "copper", "mustard",
    "charcoal", "burgundy", "fuchsia", "striped", "spotted", "shiny", "metal", "paper", "rubber", "fluffy",
    "broken", "heavy", "empty", "new", "glass", "woollen", "dotted", "dusty", "round", "old", "wet", "dirty",
    "clean",
)  # fmt: skip
"""In the place of a colour."""
DISGUISED, ADORNED, ESTRANGED = 0.25, 0.12, 0.08
"""Shares of the sentences that `to_be_copied` changes."""


def to_be_copied(said: Sentence, rng: np.random.Generator) -> Sentence:
    """The sentence, or, now and then, one that takes more copying."""
    way = rng.random()
    for change, share in ((disguised, DISGUISED), (adorned, ADORNED), (estranged, ESTRANGED)):
        if way < share:
            return change(said, rng)
        way -= share
    return said


def disguised(said: Sentence, rng: np.random.Generator) -> Sentence:
    """The sentence and its plan with some colours and kinds called otherwise throughout; the same one, where it can't
    be done without a doubt."""
    calls = parse_plan(said.plan)
    words = {w for c in calls for name in (c.target, c.destination) for w in name.split()}
    hidden = [w for w in sorted(words) if (w in COLOUR_WORDS or w in KIND_WORDS) and rng.random() < 0.5]
    text = said.instruction.lower()
    if not hidden or ("cylinder" in hidden and re.search(r"\bcans?\b", text)):  # "can you ..."
        return said
    new = {w: _instead(w, rng) for w in hidden}
    spoken = {form: new[w] for w in hidden for form in (COLOUR_WORDS.get(w) or KIND_WORDS[w])}
    forms = "|".join(sorted(map(re.escape, spoken), key=len, reverse=True))
    found = re.compile(rf"\b({forms})(e?s)?\b")
    instruction = found.sub(lambda m: spoken[m[1]] + ("s" if m[2] else ""), text)
    if any(re.search(rf"\b{re.escape(w)}\b", instruction) is None for w in new.values()):
        return said  # it was misspelt, or not said in so many words

    return _rewritten(said, instruction, lambda name: " ".join(new.get(w, w) for w in name.split()), seen=False)


def adorned(said: Sentence, rng: np.random.Generator) -> Sentence:
    """The sentence with a word that says nothing before each noun of one kind: "the red dax cube".

    It is a "red dax block" to the plan, and still the red block that is pointed at: unknown words do no harm.
    """
    if (found := _one_kind(said, rng)) is None:
        return said
    kind, noun = found
    new = _unheard(rng)
    instruction = noun.sub(rf"{new} \1\2", said.instruction.lower())

    def called(name: str) -> str:
        return " ".join(f"{new} {w}" if w == kind else w for w in name.split())

    return _rewritten(said, instruction, called, seen=True)


def estranged(said: Sentence, rng: np.random.Generator) -> Sentence:
    """The sentence with another noun for one of its kinds, of something that no scene has: "the red screw" is looked
    for and not found, for all that there is a red block. Only at the beginning, where that is asked."""
    if said.history or (found := _one_kind(said, rng)) is None:
        return said
    kind, noun = found
    new = choose(rng, FOREIGN["place" if kind in CONTAINER_KINDS else "thing"])
    instruction = noun.sub(rf"{new}\2", said.instruction.lower())

    def called(name: str) -> str:
        return " ".join(new if w == kind else w for w in name.split())

    names = {n for c in parse_plan(said.plan) for n in (c.target, c.destination) if n}
    strange = tuple((called(n), ()) for n in sorted(names) if called(n) != n)
    rewritten = _rewritten(said, instruction, called, seen=False)
    return replace(rewritten, marks=rewritten.marks + strange)


def _one_kind(said: Sentence, rng: np.random.Generator) -> tuple[str, re.Pattern[str]] | None:
    """A kind that the plan names, and what finds its nouns (1) and their plurals (2) in the instruction; None where
    there is none, or its nouns are not to be told from other words."""
    calls = parse_plan(said.plan)
    kinds = sorted({w for c in calls for name in (c.target, c.destination) for w in name.split() if w in KIND_WORDS})
    text = said.instruction.lower()
    if not kinds or re.search(r"\bcans?\b", text):
        return None
    kind = choose(rng, kinds)
    forms = "|".join(sorted(map(re.escape, KIND_WORDS[kind]), key=len, reverse=True))
    noun = re.compile(rf"\b({forms})((?:e?s)?)\b")
    return (kind, noun) if noun.search(text) else None


def _rewritten(said: Sentence, instruction: str, called: Callable[[str], str], *, seen: bool) -> Sentence:
    """With other names in plan and history; seen: whether what is called otherwise still has its points."""

    def rewrite(call: PrimitiveCall) -> PrimitiveCall:
        new = renamed(call, {n: called(n) for n in (call.target, call.destination)})
        return replace(
            new,
            point=call.point if seen or new.target == call.target else None,
            destination_point=call.destination_point if seen or new.destination == call.destination else None,
        )

    return replace(
        said,
        instruction=instruction,
        history=tuple((format_call(rewrite(parse_call(call))), status) for call, status in said.history),
        plan=format_plan([rewrite(c) for c in parse_plan(said.plan)]),
        marks=tuple((called(name), points) for name, points in said.marks if seen or called(name) == name),
    )


def _instead(word: str, rng: np.random.Generator) -> str:
    if rng.random() < 0.4:
        return nonce(rng, verb=False)
    if word in COLOUR_WORDS:
        return choose(rng, LOOKS)
    return choose(rng, FOREIGN["place" if word in CONTAINER_KINDS else "thing"])


def _unheard(rng: np.random.Generator) -> str:
    """An adjective that is none of ours: an odd word, a noun in the place of one, or no word at all."""
    way = rng.random()
    if way < 0.4:
        return nonce(rng, verb=False)
    return choose(rng, LOOKS if way < 0.6 else FOREIGN["thing"])
