"""Indirect requests, as SayCan has them: somebody is thirsty, hungry, has spilled something, sits in the dark.

Each has one right answer in its kitchen: the one drink, the one thing to eat, the stain, the lamp, the fridge.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from sim.errands.base import Asked, Errand, Wanted, one_of
from sim.errands.facts import Facts
from sim.errands.goals import Atom, Goal, atom
from sim.errands.pools import openly, wish, wish_for
from sim.errands.site import Place
from sim.errands.words import of_place
from sim.kitchen.rooms import State
from sim.kitchen.things import KINDS, kind
from sim.task import Split


@dataclass(frozen=True, kw_only=True)
class Need:
    """kinds: what fulfils it, of which one is wished for, at most one of which may lie openly about. goal: from that
    thing's name and the table's; without kinds, from the facts."""

    trained: tuple[str, ...]
    held_out: tuple[str, ...]
    kinds: tuple[str, ...] = ()
    state: State = field(default_factory=State)
    goal: Callable[[Facts], Atom | None] = lambda facts: None
    extra: tuple[str, ...] = ()


def _stain(facts: Facts) -> Atom | None:
    return atom("wiped", next(iter(facts.dirty))) if len(facts.dirty) == 1 else None


def _light(facts: Facts) -> Atom | None:
    return None if "lamp" in facts.lit or "lamp" not in facts.site.switches else atom("switched_on", "lamp")


def _dark(facts: Facts) -> Atom | None:
    return atom("switched_off", "lamp") if "lamp" in facts.lit else None


def _cold(facts: Facts) -> Atom | None:
    return atom("closed", "fridge") if "fridge" in facts.opened else None


NEEDS: dict[str, Need] = {
    "thirsty": Need(
        kinds=("can", "water bottle", "soda bottle", "juice box", "milk carton"),
        trained=(
            "I'm thirsty, I sit at {table}", "I am thirsty, bring something to {table}",
            "!bring something to drink to {table}", "I'd like a drink at {table}", "my throat is dry, I am at {table}",
            "is there anything to drink, I am at {table}", "!get a beverage to {table}",
        ),
        held_out=("I could do with a drink here at {table}", "I'm parched, you find me at {table}"),
    ),
    "hungry": Need(
        kinds=("apple", "banana", "pear", "orange", "chip bag", "cracker box"),
        trained=(
            "I'm hungry, I sit at {table}", "I am hungry, bring something to {table}",
            "!bring something to eat to {table}", "I'd like a snack at {table}", "my stomach growls, I am at {table}",
            "is there anything to eat, I am at {table}", "!get a snack to {table}",
        ),
        held_out=("I could eat something here at {table}", "I'm starving, you find me at {table}"),
    ),
    "spilled": Need(
        goal=_stain, state=State(stains=1), extra=("sponge",),
        trained=(
            "I spilled something, can you help", "I spilled something, clean it up", "oh no, I made a mess",
            "I spilled my drink, sorry", "I dropped some sauce, please wipe it away", "there is a spill",
        ),
        held_out=("I was clumsy with my sauce", "oops, my plate tipped over and left a mess"),
    ),
    "dark": Need(
        goal=_light,
        trained=(
            "it is too dark in here", "I can't see anything, it is dark", "it is dark, I want to read",
            "!make it brighter in here", "!give me some light", "I need more light",
        ),
        held_out=("my eyes strain in this gloom", "!brighten things up"),
    ),
    "bright": Need(
        goal=_dark, state=State(lit=("lamp",)),
        trained=(
            "it is too bright in here", "the light hurts my eyes", "!make it darker in here",
            "I don't need the light any more", "!save some light, nobody reads here", "the light bothers me",
        ),
        held_out=("that glare is giving me a headache", "!dim things down"),
    ),
    "spoils": Need(
        goal=_cold, state=State(openings={"fridge": 0.95}),
        trained=(
            "the food in the fridge gets warm", "cold air is coming out of the fridge", "I left the fridge open",
            "the fridge is beeping", "we waste energy, look at the fridge", "somebody forgot to close the fridge",
        ),
        held_out=("I feel a chill from the fridge", "the milk will go off with the fridge like that"),
    ),
}  # fmt: skip


class Indirect(Errand):
    """A need is told, not a task. One family a need; see NEEDS."""

    def __init__(self, need: str) -> None:
        self.name = need
        self._need = NEEDS[need]
        self.trained, self.held_out = self._need.trained, self._need.held_out

    def kitchen(self, rng: np.random.Generator, split: Split) -> Wanted:
        need = self._need
        kinds = need.kinds and (need.kinds[int(rng.integers(len(need.kinds)))],)
        places = [str(rng.choice(["counter", "shelf"] if k in need.kinds else ["counter", "table"])) for k in kinds]
        wishes = [wish(rng, k, p) for k, p in zip(kinds, places, strict=True)]
        wishes += [wish(rng, k, "counter") for k in need.extra]
        if need.kinds:  # ... among what nobody drinks or eats
            others = [k.name for k in KINDS.values() if not {"drink", "edible"} & {*k.categories, *k.properties}]
            wishes += [wish_for(rng, lambda k: k.name in others) for _ in range(4)]
        return Wanted(wishes=tuple(wishes), state=need.state, clutter=0 if need.kinds else 1)

    def ask(self, rng: np.random.Generator, split: Split, facts: Facts) -> Asked | None:
        need = self._need
        if not need.kinds:
            told = self.goal(facts)
            return Asked(goal=told) if told else None
        table = one_of(rng, facts.site.candidates("table"))
        goal = () if table is None else self.goal(facts, table)
        if table is None or not goal:
            return None
        return Asked(goal=goal, slots={"table": of_place(rng, split, table.name)})

    def goal(self, facts: Facts, table: Place | None = None) -> Goal:
        """What fulfils the need, at that table; () where nothing is the one right answer."""
        need = self._need
        if not need.kinds:
            found = need.goal(facts)
            return () if found is None else (found,)
        # What else there is of the sort would be as right an answer; what is shut away is not seen, and not thought of.
        categories = {"drink"} if "can" in need.kinds else set()
        fitting = [
            n for n, s in facts.site.things.items()
            if (s.kind in need.kinds or (not categories and "edible" in kind(s.kind).properties)
                or categories & set(kind(s.kind).categories)) and not facts.hidden(n)
        ]  # fmt: skip
        if table is None or len(fitting) != 1 or fitting[0] not in openly(facts, places=("counter", "shelf")):
            return ()
        return (atom("on", fitting[0], table.name),) if table.takes(facts.site.things[fitting[0]]) else ()
