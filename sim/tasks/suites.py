"""All tasks: suites of families, and `sample`, which draws an instance of one.

    rng = np.random.default_rng(7)
    sample("put", rng)                          # as in training
    sample("stack", rng, "phrasings")           # in words that training never uses

Splits: `trained`; `combinations` (at least one thing spoken of is a held-out colour and kind); `counts` (9 or 10
objects); `phrasings` (held-out sentences, now and then held-out words). See `sim.tasks.heldout`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import ModuleType

import numpy as np

from sim.scenes import ObjectSpec
from sim.tasks import heldout, joined, match, pick, push, put, relation, sort_all, stack, swap, tower
from sim.tasks.base import SPLITS, Instance, Split, goal_of
from sim.tasks.draft import Draft, Impossible, Mode, Role
from sim.tasks.meaning import Clause, KindWord, Meaning, Slot, Together
from sim.tasks.phrasing import as_typed, choose, expand, frame
from sim.tasks.redraft import Redraft
from sim.tasks.refer import Speaker
from sim.tasks.strange import strange_verbs
from sim.tasks.words import CLASSES

__all__ = ["SPLITS", "SUITES", "families", "sample", "sample_about", "tables", "templates"]

_FAMILIES: dict[str, ModuleType] = {
    "pick": pick, "put": put, "stack": stack, "tower": tower, "relation": relation, "push": push,
    "sort_all": sort_all, "match": match, "swap": swap, "joined": joined,
}  # fmt: skip
DECLINED: tuple[tuple[str, Mode], ...] = (("absent", "absent"), ("ambiguous", "ambiguous"))
SUITES: dict[str, tuple[str, ...]] = {"tabletop": (*_FAMILIES, *(name for name, _ in DECLINED))}
PLAINEST = 3
"""The first phrasings of each table, said a quarter of the time: what most people say."""
_ATTEMPTS = 400
"""Drafts until one fits; the hardest split needs about 30 at the most."""


def families(suite: str = "tabletop") -> tuple[str, ...]:
    """The families of a suite, in order."""
    return SUITES[suite]


def tables() -> tuple[str, ...]:
    """The ids of all tables of phrasings."""
    return tuple(table for module in _FAMILIES.values() for table in module.PHRASINGS)


def templates(table: str, *, held_out: bool) -> Sequence[str]:
    """The phrasings of one table."""
    if held_out:
        return heldout.PHRASINGS[table]
    found: Sequence[str] = next(m.PHRASINGS[table] for m in _FAMILIES.values() if table in m.PHRASINGS)
    return found


def sample(family: str, rng: np.random.Generator, split: Split = "trained", *, strange: float = 0.0) -> Instance:
    """One instance; the same generator state gives the same instance.

    strange: the share of sentences whose verb is one that means nothing here; for training (see `sim.tasks.strange`).

    Raises:
        KeyError: for a family that there is not.
    """
    for _ in range(_ATTEMPTS):
        try:
            return _draw(family, rng, split, strange=strange)
        except Impossible:
            continue
    raise RuntimeError(f"no {family} instance of split {split} in {_ATTEMPTS} drafts")


def sample_about(
    objects: Sequence[ObjectSpec], family: str, rng: np.random.Generator, *, strange: float = 0.0
) -> Instance | None:
    """A training instance about things that are there already; None where they allow none in a few tries."""
    for _ in range(6):
        try:
            return _draw(family, rng, "trained", objects, strange=strange)
        except Impossible:
            continue
    return None


def _draw(
    family: str, rng: np.random.Generator, split: Split, objects: Sequence[ObjectSpec] | None = None, *, strange: float
) -> Instance:
    mode = dict(DECLINED).get(family, "act")
    spoken = family if mode == "act" else choose(rng, [f for f in _FAMILIES if _FAMILIES[f].ROLES])
    module = _FAMILIES[spoken]
    spoilt = int(rng.integers(module.ROLES)) if mode != "act" else -1
    draft = (
        Draft(rng, split, mode=mode, spoilt=spoilt)
        if objects is None
        else Redraft(objects, rng, split, mode=mode, spoilt=spoilt)
    )
    meaning: Meaning = module.build(draft)
    instruction, phrasing = _say(meaning, draft, rng, held_out=split == "phrasings", strange=strange)
    acts = mode == "act"
    program = meaning.program if acts else ()
    return Instance(
        family=family, split=split, instruction=instruction, phrasing=phrasing, objects=draft.specs(),
        program=program, goal=goal_of(program), expected="act" if acts else "refuse" if mode == "absent" else "ask",
        reply="" if acts else draft.reply(), said=_said(meaning, draft), intended=() if acts else meaning.program,
        spoilt="" if acts else draft.roles[spoilt].reference.words,
    )  # fmt: skip


def _said(meaning: Meaning, draft: Draft) -> tuple[tuple[str, str], ...]:
    """How the instruction calls each thing that it speaks of, in canonical words."""
    summed_up = [role for name, role in meaning.slots.items() if name.isupper() and isinstance(role, Role)]
    words: dict[str, str] = {}
    for role in draft.roles:
        each = ("any " if role in summed_up else "") + role.reference.words
        words |= dict.fromkeys([t.name for t in role.things] or [role.name], each)
    if meaning.each:
        words |= {move.subject: meaning.each for move in meaning.program}
    return tuple(words.items())


def _say(
    meaning: Meaning, draft: Draft, rng: np.random.Generator, *, held_out: bool, strange: float
) -> tuple[str, str]:
    table = templates(meaning.table, held_out=held_out)
    index = int(rng.integers(len(table) if rng.random() < 0.75 else min(PLAINEST, len(table))))
    template = table[index]
    speaker = Speaker.draw(rng, held_out=held_out)
    classes = strange_verbs(rng) if strange and rng.random() < strange else CLASSES
    sentence = expand(template, rng, renderers(meaning.slots, speaker, classes), classes)
    sentence = frame(sentence, rng, imperative=template.startswith("!"), held_out=held_out)
    return as_typed(sentence, rng), f"{meaning.table}:{'h' if held_out else ''}{index}"


def renderers(
    slots: Mapping[str, Slot], speaker: Speaker, classes: Mapping[str, Sequence[str]] = CLASSES
) -> dict[str, Callable[[], str]]:
    """How each slot is said, each time it is said."""
    return {name: _renderer(name, slot, speaker, classes) for name, slot in slots.items()}


def _renderer(name: str, slot: Slot, speaker: Speaker, classes: Mapping[str, Sequence[str]]) -> Callable[[], str]:
    if isinstance(slot, Role):
        return lambda: (speaker.refer_to_all if name.isupper() else speaker.refer)(slot)
    if isinstance(slot, Together):
        return lambda: speaker.refer_together(slot.roles)
    if isinstance(slot, KindWord):
        return lambda: speaker.plural(slot.kind) if slot.plural else speaker.kind(slot.kind)
    if isinstance(slot, Clause):
        table = templates(slot.table, held_out=speaker.held_out)
        within = renderers(slot.slots, speaker, classes)
        return lambda: expand(choose(speaker.rng, table), speaker.rng, within, classes)
    return lambda: choose(speaker.rng, slot)
