"""Errands about several things: clear the table, put groceries away, sort fruit from the rest."""

from __future__ import annotations

import numpy as np

from sim.errands.base import Asked, Errand, Wanted, one_of
from sim.errands.facts import Facts
from sim.errands.goals import Goal, atom
from sim.errands.pools import UNHANDY, openly, wish
from sim.errands.site import Place
from sim.errands.stow import shut_again
from sim.errands.words import of_place
from sim.kitchen.kinds import Kind
from sim.kitchen.things import KINDS, kind
from sim.task import Split

MOST = 3
"""Things in one errand: each is two drives, a pick and a place."""


def _kinds(rng: np.random.Generator, count: int, fits: dict[str, bool]) -> list[str]:
    """So many different kinds of those that fit."""
    names = [name for name, fine in fits.items() if fine and name not in UNHANDY]
    return [names[i] for i in rng.permutation(len(names))[:count]]


def is_dish(k: Kind) -> bool:
    """What is cleared away after a meal."""
    return "washable" in k.properties and bool({"dish", "cutlery"} & set(k.categories))


class ClearTable(Errand):
    """All dishes and cutlery that are on the table go into the sink."""

    name = "clear_table"
    trained = (
        "!clear {table}", "!clear {table}", "!clear up {table}", "!put all the dishes from {table} in the sink",
        "!bring the dishes from {table} to the sink", "!put <all> the dishes that are on {table} in the sink",
        "we are done eating, clear {table}", "dinner is over, take the dishes from {table} to the sink",
        "!take <all> the dirty dishes from {table} to the sink", "<want> all the dishes from {table} in the sink",
    )  # fmt: skip
    held_out = (
        "!free {table} of dishes, the sink is waiting", "the meal is over, deal with the dishes on {table}",
        "!make {table} ready for a board game, dishes to the sink", "the washing up starts with what is on {table}",
    )  # fmt: skip

    def kitchen(self, rng: np.random.Generator, split: Split) -> Wanted:
        kinds = _kinds(rng, int(rng.integers(1, MOST + 1)), {k.name: is_dish(k) for k in KINDS.values()})
        return Wanted(wishes=tuple(wish(rng, k, "table") for k in kinds), clutter=1)

    def ask(self, rng: np.random.Generator, split: Split, facts: Facts) -> Asked | None:
        table = one_of(rng, facts.site.candidates("table"))
        sink = one_of(rng, facts.site.candidates("sink"))
        if table is None or sink is None:
            return None
        goal = self.goal(facts, table.name, sink.name)
        return Asked(goal=goal, slots={"table": of_place(rng, split, table.name)}) if goal else None

    @staticmethod
    def goal(facts: Facts, table: str, sink: str) -> Goal:
        """The dishes of that table in that sink; () where there are none, or too many."""
        things = facts.site.things
        dishes = [n for n, where in facts.where.items() if where == table and is_dish(kind(things[n].kind))]
        return tuple(atom("in", n, sink) for n in dishes) if len(dishes) <= MOST else ()


def home_of(k: Kind) -> str:
    """Where groceries are kept: what spoils in the fridge, the rest in the cupboard."""
    return "fridge" if "cold" in k.properties else "cupboard"


class Groceries(Errand):
    """Food and drink that stands on one place goes to where it is kept: cold things into the fridge, the rest into the
    cupboard; both are shut in the end."""

    name = "groceries"
    trained = (
        "!put the groceries away that are on {place}", "!put the groceries on {place} away",
        "!put the groceries from {place} away, cold things in the fridge and the rest in the cupboard",
        "!put all the food on {place} where it belongs, in the fridge or in the cupboard",
        "I went shopping, it is all on {place}, put it in the fridge and the cupboard",
        "the groceries on {place} belong in the fridge and the cupboard", "!store the groceries that are on {place}",
    )  # fmt: skip
    held_out = (
        "!unpack my shopping on {place}", "the shopping on {place} won't put itself away",
        "!find a home for all the food on {place}", "!restock the fridge and the cupboard with what is on {place}",
    )  # fmt: skip

    @staticmethod
    def fits(k: Kind) -> bool:
        return bool({"food", "drink", "fruit", "vegetable"} & set(k.categories))

    def kitchen(self, rng: np.random.Generator, split: Split) -> Wanted:
        kinds = _kinds(rng, int(rng.integers(2, MOST + 1)), {k.name: self.fits(k) for k in KINDS.values()})
        return Wanted(wishes=tuple(wish(rng, k, "table") for k in kinds), clutter=1, named=True)

    def ask(self, rng: np.random.Generator, split: Split, facts: Facts) -> Asked | None:
        standing = self._standing(facts)
        place = one_of(rng, [p for p, names in standing.items() if 2 <= len(names) <= MOST])
        goal = () if place is None else self.goal(facts, place)
        if place is None or not goal:
            return None
        return Asked(goal=goal, slots={"place": of_place(rng, split, place)})

    def _standing(self, facts: Facts) -> dict[str, list[str]]:
        """Food and drink by the place where it stands."""
        found: dict[str, list[str]] = {}
        for name in openly(facts):
            if self.fits(kind(facts.site.things[name].kind)):
                found.setdefault(facts.where[name], []).append(name)
        return found

    def goal(self, facts: Facts, place: str) -> Goal:
        """What stands there where it is kept; () where there is nothing, too much, or no such home for it."""
        site = facts.site
        goal: Goal = ()
        ends: Goal = ()
        names = self._standing(facts).get(place, [])
        for name in names if len(names) <= MOST else []:
            kept = home_of(kind(site.things[name].kind))
            homes = [p for p in site.candidates(kept) if p.name == kept and p.takes(site.things[name])]
            if not homes:
                return ()
            goal += (atom("in", name, kept),)
            ends += tuple(a for a in shut_again(homes[0], facts) if a not in ends)
        return (*goal, *ends)


class SortFruit(Errand):
    """Fruit and drinks that stand together: the fruit goes to another worktop or table, the drinks into the fridge."""

    name = "sort"
    trained = (
        "!sort what is on {place}: fruit on {a}, drinks in {b}",
        "!put the fruit from {place} on {a} and the drinks in {b}",
        "!sort the things on {place}, the fruit goes on {a} and the drinks go in {b}",
        "!move all the fruit from {place} to {a} and put all the drinks in {b}",
        "<want> the fruit from {place} on {a} and the drinks in {b}",
        "fruit from {place} belongs on {a}, drinks belong in {b}",
        "!take the fruit and the drinks from {place}, fruit to {a}, drinks into {b}",
    )  # fmt: skip
    held_out = (
        "!part the fruit on {place} from the drinks: {a} for fruit, {b} for drinks",
        "on {place} fruit and drinks are mixed up, they go on {a} and in {b}",
        "!fruit to {a}, drinks to {b}, they all stand on {place}",
    )  # fmt: skip

    def kitchen(self, rng: np.random.Generator, split: Split) -> Wanted:
        of = {c: {k.name: c in k.categories for k in KINDS.values()} for c in ("fruit", "drink")}
        counts = (1, 1) if rng.random() < 0.5 else ((2, 1) if rng.random() < 0.5 else (1, 2))
        place = str(rng.choice(["table", "counter"]))
        kinds = [k for c, n in zip(("fruit", "drink"), counts, strict=True) for k in _kinds(rng, n, of[c])]
        return Wanted(wishes=tuple(wish(rng, k, place) for k in kinds), clutter=1)

    def ask(self, rng: np.random.Generator, split: Split, facts: Facts) -> Asked | None:
        site, sorts = facts.site, self._sorts(facts)
        mixed = [p for p, found in sorts.items() if len(found) == 2 and sum(map(len, found.values())) <= MOST]
        place = one_of(rng, mixed)
        if place is None:
            return None
        open_air = [p for p in site.places.values() if p.kind in ("counter", "table") and p.name != place]
        a = one_of(rng, open_air)
        fridge = one_of(rng, site.candidates("fridge"))
        if a is None or fridge is None:
            return None
        said = {"place": place, "a": a.name, "b": fridge.name}
        slots = {s: of_place(rng, split, n) for s, n in said.items()}
        return Asked(goal=self.goal(facts, place, a.name, fridge), slots=slots)

    @staticmethod
    def _sorts(facts: Facts) -> dict[str, dict[str, list[str]]]:
        """Fruit and drinks by the place where they stand."""
        found: dict[str, dict[str, list[str]]] = {}
        for name in openly(facts):
            for category in ("fruit", "drink"):
                if category in kind(facts.site.things[name].kind).categories:
                    found.setdefault(facts.where[name], {}).setdefault(category, []).append(name)
        return found

    def goal(self, facts: Facts, place: str, a: str, b: Place) -> Goal:
        """Fruit from `place` on `a`, drinks in `b`; () where there is not both, or too much."""
        sorts = self._sorts(facts).get(place, {})
        if len(sorts) < 2 or sum(map(len, sorts.values())) > MOST:
            return ()
        goal: Goal = tuple(atom("on", n, a) for n in sorts["fruit"])
        goal += tuple(atom("in", n, b.name) for n in sorts["drink"])
        return (*goal, *shut_again(b, facts))
