"""What a sentence that a family of errands says asks for, here: the words in its slots as a goal."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from agent.errors import UserError
from sim.errands.facts import Facts
from sim.errands.go_to import STAY
from sim.errands.goals import Goal, atom
from sim.errands.heard import Heard
from sim.errands.need import Indirect
from sim.errands.several import ClearTable, Groceries, SortFruit
from sim.errands.site import Place
from sim.errands.stow import shut_again
from sim.kitchen.things import kind
from sim.kitchen.vocabulary import meant

Slots = Mapping[str, str]


class Unread(UserError):
    """A sentence that no rule reads, whatever is here."""


class Unclear(UserError):
    """Words that fit several things. fitting: their names."""

    def __init__(self, words: str, fitting: tuple[str, ...]) -> None:
        super().__init__(f"{words!r} may be {' or '.join(fitting)}: say which")
        self.fitting = fitting


class Missing(UserError):
    """Words that fit nothing here. words: without the article."""

    def __init__(self, words: str, what: str, there: tuple[str, ...]) -> None:
        super().__init__(f"there is no {words!r} {what}; there are {', '.join(there)}")
        self.words = words.removeprefix("the ")


def one(words: str, names: Iterable[str], what: str) -> str:
    """The one of the names that is meant.

    Raises:
        Unclear, Missing: there is none, or more.
    """
    there = tuple(dict.fromkeys(names))
    found = meant(words, there)
    if not found:
        raise Missing(words, what, there)
    if len(found) > 1:
        raise Unclear(words, found)
    return found[0]


def goal_of(said: Heard, facts: Facts) -> Goal:
    """What it asks for.

    Raises:
        UserError: its words fit nothing here, or too much, or there is nothing that it could ask for.
    """
    family, slots, site = said.family, said.slots, facts.site
    if isinstance(family, Indirect | ClearTable | Groceries | SortFruit):
        goal = _of_several(said, facts)
        if not goal:
            raise UserError(f"there is nothing here that would be the one right answer to {family.name!r}")
        return goal
    if family.name in _OF:
        return _OF[family.name](slots, facts)
    where = slots.get("place") or {"throw_away": "bin", "put_in_fridge": "fridge"}.get(family.name, "")
    if not meant(where, site.places):
        raise UserError(f"there is no place {where!r} here; there are {', '.join(site.places)}")
    return put(one(slots["x"], site.things, "here"), where, facts)


def put(x: str, where: str, facts: Facts) -> Goal:
    """The thing x in or on what `where` means: a place, a kind of place of which there are several, or a thing; what
    was shut is shut in the end."""
    site = facts.site
    places = meant(where, site.places)
    if not places and meant(where, site.things):
        vessel = one(where, site.things, "here")
        if vessel == x:
            raise UserError(f"nothing goes into itself or on top of itself, not the {x} either")
        inside = "container" in kind(site.things[vessel].kind).categories
        return (atom("in" if inside else "on", x, vessel),)
    if not places:
        raise UserError(f"there is no place {where!r} here; there are {', '.join(site.places)}")
    # "the drawer", "the shelf" of several: any of that kind.
    kinds = {site.places[p].kind for p in places}
    name = places[0] if len(places) == 1 else next(iter(kinds)) if len(kinds) == 1 else places[0]
    first = site.places.get(name) or site.candidates(name)[0]
    ends = shut_again(first, facts) if len(places) == 1 and first.guard else ()
    return (atom("in" if first.enclosed else "on", x, name), *ends)


def wiped(words: str, facts: Facts) -> Goal:
    """All stains that are meant, by themselves or by their place, wiped."""
    site = facts.site
    by_place, by_name = meant(words, site.places), meant(words, site.stains)
    stains = [s for s, place in site.stains.items() if (place in by_place or s in by_name) and s in facts.dirty]
    if not stains:
        raise UserError(f"there is no stain on {words!r}; stains: {', '.join(facts.dirty) or 'none'}")
    return tuple(atom("wiped", s) for s in stains)


def poured(words: str, y: str, facts: Facts) -> Goal:
    """What `words` name, or what is in what they name, in the vessel y."""
    site = facts.site
    vessel = one(y, site.things, "here")
    source = [n for n in meant(words, site.things) if n in facts.contents]
    what = facts.contents[source[0]] if source else words.removeprefix("some ").removeprefix("the ")
    if what not in facts.contents.values():
        raise UserError(f"nothing here has {what!r} in it")
    return (atom("contains", vessel, what),)


def gone_to(words: str, facts: Facts) -> Goal:
    """In front of furniture, or of a place; of what is alike that which people call so."""
    there = (*facts.site.units, *facts.site.places)
    called = tuple(u for u in there if not u.endswith(STAY))
    return (atom("robot_at", one(words, called if meant(words, called) else there, "to go to")),)


def _taken_out(slots: Slots, facts: Facts) -> Goal:
    """Out of the place that is said, of several alike the thing that is in there."""
    site = facts.site
    within = meant(slots["place"], site.places)
    inside = {n: s for n, s in site.things.items() if facts.place_of(n) in within}
    x = one(slots["x"], inside if meant(slots["x"], inside) else site.things, "here")
    ends = tuple(a for p in within for a in shut_again(site.places[p], facts) if facts.place_of(x) == p)
    return (*put(x, slots["there"], facts), *ends)


def _place(words: str, facts: Facts) -> Place:
    return facts.site.places[one(words, facts.site.places, "to put things")]


def _of_several(said: Heard, facts: Facts) -> Goal:
    family, slots, site = said.family, said.slots, facts.site
    if isinstance(family, Indirect):
        tables = (_place(slots["table"], facts),) if "table" in slots else site.candidates("table")
        return family.goal(facts, next(iter(tables), None))
    if isinstance(family, ClearTable):
        return family.goal(facts, _place(slots["table"], facts).name, site.candidates("sink")[0].name)
    if isinstance(family, Groceries):
        there = (_place(slots["place"], facts).name,) if "place" in slots else tuple(site.places)
        return next((goal for place in there if (goal := family.goal(facts, place))), ())
    assert isinstance(family, SortFruit), "the last of those that are about several things"
    place = _place(slots["place"], facts).name
    return family.goal(facts, place, _place(slots["a"], facts).name, _place(slots["b"], facts))


_OF: dict[str, Callable[[Slots, Facts], Goal]] = {
    "go_to": lambda s, f: gone_to(s["place"], f),
    "pick_up": lambda s, f: (atom("holding", one(s["x"], f.site.things, "here")),),
    "hand_over": lambda s, f: (atom("handed", one(s["x"], f.site.things, "here")),),
    "open": lambda s, f: (atom("open", one(s["part"], f.site.parts, "that opens")),),
    "close": lambda s, f: (atom("closed", one(s["part"], f.site.parts, "that opens")),),
    "switch_on": lambda s, f: (atom("switched_on", one(s["x"], f.site.switches, "with a switch")),),
    "switch_off": lambda s, f: (atom("switched_off", one(s["x"], f.site.switches, "with a switch")),),
    "wipe": lambda s, f: wiped(s["place"], f),
    "pour": lambda s, f: poured(s["what"] if "what" in s else s["x"], s["y"], f),
    "take_out": _taken_out,
}  # fmt: skip
