"""Calls that bring an atom about: going there, seeing it, opening, taking, putting, one after another, in symbols."""

from __future__ import annotations

from collections.abc import Sequence

from agent.plan import PrimitiveCall, PrimitiveResult
from agent.verbs import Relation, Verb
from robots.interface import Status
from sim.errands.attempts import SEARCHING, barred, refused, tried
from sim.errands.effects import after
from sim.errands.facts import AWAY, PERSON, Facts
from sim.errands.goals import Atom, Goal
from sim.errands.site import Place
from sim.kitchen.things import kind
from sim.task import call

AT_HAND_M = 0.95
"""The best height to put things down at."""


class Unsolved(ValueError):
    """A goal that the planner does not know how to reach from here."""


class Absent(ValueError):
    """A thing that somebody has taken away, and may bring back."""


class Walk:
    """Calls so far, and the symbols after them. seen_now: what is seen before any of them. refused: places where
    putting down failed of late. at: where the robot went last. tried: where it went, or that it looked, since it last
    did anything else. lost: what it has just not found. barred: things before which there was no room to stand, and
    whether they still are where they then were."""

    def __init__(self, facts: Facts, goal: Goal, done: Sequence[PrimitiveResult]) -> None:
        self.facts, self.goal, self.refused = facts, goal, refused(done)
        went = [r.call.target for r in done if r.call.verb is Verb.NAVIGATE_TO and r.status is Status.SUCCEEDED]
        self.at = went[-1] if went else ""
        self.tried, self.barred = tried(done), barred(done)
        self.seen_now = facts.seen
        missed = bool(done) and done[-1].status is Status.TARGET_NOT_FOUND
        self.lost = done[-1].call.target if missed else ""
        self.calls: list[PrimitiveCall] = []

    def do(self, c: PrimitiveCall) -> None:
        self.facts = after(c, self.facts)
        self.calls.append(c)
        self.tried = (*self.tried, c.target) if c.verb in SEARCHING else ()
        if c.verb is Verb.NAVIGATE_TO:
            self.at = c.target

    def order(self) -> list[Atom]:
        """The goal in its order, but first what needs the thing that is in the hand; what goes behind one door comes
        together, and then it is shut: of two open doors one may be in the way of the other."""
        held, places = self.facts.held, self.facts.site.places
        atoms = sorted(self.goal, key=lambda a: not (held is not None and a.arguments[0] == held))

        def door(a: Atom) -> str:
            if a.predicate == "closed":
                return a.arguments[0]
            place = places.get(a.arguments[-1]) if a.predicate in ("in", "on") else None
            return "" if place is None else place.guard

        first: dict[str, int] = {}
        for i, a in enumerate(atoms):
            first.setdefault(door(a), i)
        rank = {a: (first[door(a)] if door(a) else i, a.predicate == "closed", i) for i, a in enumerate(atoms)}
        return sorted(atoms, key=lambda a: rank[a])

    def achieve(self, a: Atom) -> None:
        """The calls for one atom that is not so yet."""
        name, other = a.arguments[0], a.arguments[-1]
        match a.predicate:
            case "on" | "in":
                self.put(name, other)
            case "open":
                self.open(name)
            case "closed":
                self.empty_hand()
                self.shut(name)
            case "switched_on" | "switched_off":
                self.empty_hand()
                self.go(name)
                self.see(name)
                self.do(call(Verb.PRESS, name))
            case "wiped":
                self.take(self.wiper())
                self.go(name)
                self.see(name)
                self.do(call(Verb.WIPE, name))
            case "contains":
                self.take(self.source(other))
                self.go(name)
                self.see(name)
                self.do(call(Verb.POUR, name))
            case "holding":
                self.take(name)
            case "handed":
                self.take(name)
                self.do(call(Verb.HAND_OVER, PERSON))
            case _:
                self.do(call(Verb.NAVIGATE_TO, name))

    def go(self, name: str) -> None:
        """Ends with a place, part, switch, thing or stain in reach."""
        if name in self.facts.near:
            return
        loose = name in self.facts.where or name in self.facts.site.stains
        unseen = loose and (name not in self.facts.seen or name == self.lost)
        # What is not seen from here is gone to by the name of where it is, and then by itself.
        if unseen and not self.approach(name):
            raise Unsolved(f"the {name} is seen from nowhere")
        if name not in self.facts.near:
            self.do(call(Verb.NAVIGATE_TO, name if loose else self.facts.site.front_of(name)))

    def approach(self, name: str) -> bool:
        """To where a thing or stain is; if the robot is there and does not see it (its own arm may hide it), there
        once more, which is beside, a look around, beside once more, and to its neighbours. False: all of that was done.
        """
        spot = self.spot(name)
        # What lies on the floor has no place to go to: a look has to find it.
        return self.search(["", ""] if spot[0] == name else [spot[0], spot[0], "", spot[0], *spot[1:], spot[0]])

    def search(self, left: list[str]) -> bool:
        """Goes on with the next of these places, "" for a look, that was not tried; False where all were."""
        for went in self.tried:
            if went in left:
                left.remove(went)
        if not left:
            return False
        self.do(call(Verb.NAVIGATE_TO, left[0]) if left[0] else call(Verb.LOOK))
        return True

    def spot(self, name: str) -> tuple[str, ...]:
        """What the map calls the place of a thing or stain; of a worktop the unit under it, then those beside that.
        Itself on the floor."""
        site = self.facts.site
        where = site.stains.get(name) or self.facts.place_of(name)
        place = site.places.get(where)
        if place is None:
            return (name,)
        unit = self.facts.unit_at.get(name, place.units[0])
        here = place.units.index(unit) if unit in place.units else 0
        beside = sorted(place.units, key=lambda u: abs(place.units.index(u) - here))
        stand = [u for u in beside if not u.endswith("corner")]  # nobody stands in front of a corner
        whole = len(place.units) == 1 or unit.endswith("corner")
        return tuple(dict.fromkeys((place.name, *stand) if whole else stand))

    def see(self, name: str) -> None:
        """What a call points at should be in the picture: going there turns the head to it, and if that was not enough
        a look around, then from beside; then the call is tried as it is."""
        if name in self.facts.seen:
            return
        if name not in self.facts.where and name not in self.facts.site.stains:
            there = self.facts.site.front_of(name)
            self.search([there, there, "", there])
        else:
            self.approach(name)

    def front(self, name: str) -> str:
        """What is gone to once more for a part, a switch, a thing or a stain: what is not seen, by where it is."""
        loose = name in self.facts.where or name in self.facts.site.stains
        return self.spot(name)[0] if loose and name not in self.seen_now else self.facts.site.front_of(name)

    def open(self, part: str) -> None:
        if part and part not in self.facts.opened:
            self.empty_hand()
            self.go(part)
            self.see(part)
            self.do(call(Verb.OPEN, part))

    def shut(self, part: str) -> None:
        """Also what stands ajar."""
        if part and part not in self.facts.shut:
            self.go(part)
            self.see(part)
            self.do(call(Verb.CLOSE, part))

    def take(self, name: str) -> None:
        """Ends with the thing in the hand."""
        if self.facts.held == name:
            return
        if name not in self.facts.where:
            raise Unsolved(f"there is no {name}")
        if self.facts.place_of(name) == AWAY:
            raise Absent(f"somebody has taken the {name}")
        self.empty_hand()
        self.open(self.facts.guard_of(name))
        self.go(name)
        self.see(name)
        self.do(call(Verb.PICK, name))

    def put(self, name: str, where: str) -> None:
        """The thing in or on a place, a kind of place, or another thing."""
        site = self.facts.site
        if where in self.facts.where:
            self.take(name)
            self.go(where)
            self.see(where)
            relation = Relation.IN if "container" in kind(site.things[where].kind).categories else Relation.ON
            self.do(call(Verb.PLACE, where, relation=relation))
            return
        place = self.choose(name, where)
        if self.barred.get(name):
            self.shut(place.guard)
            self.take(name)
        if self.facts.held == name and place.guard and place.guard not in self.facts.opened:
            self.empty_hand()
        # Both hands' work first: what opens is opened before the hand is full.
        if self.facts.held != name:
            self.open(place.guard)
        self.take(name)
        self.go(place.name)
        self.do(call(Verb.PLACE, place.name, relation=Relation.IN if place.enclosed else Relation.ON))

    def choose(self, name: str, where: str) -> Place:
        """Of all places of that name or kind that the thing fits, the best."""
        spec = self.facts.site.things[name]
        fitting = [p for p in self.facts.site.candidates(where) if p.takes(spec)]
        if not fitting:
            raise Unsolved(f"no {where} that the {name} fits")
        return min(fitting, key=self._cost)

    def _cost(self, place: Place) -> tuple[float, ...]:
        facts = self.facts
        there = sum(where == place.name for where in facts.where.values())
        high = min(abs(level.height_m - AT_HAND_M) for level in place.levels)
        shut = bool(place.guard) and place.guard not in facts.opened
        return (place.name in self.refused, shut, place.name not in facts.near, there > 5, round(high, 1), there)

    def empty_hand(self) -> None:
        """Puts what is held aside: on a worktop, or on a table, as near as there is one."""
        held = self.facts.held
        if held is None:
            return
        wanted = {a.arguments[1] for a in self.goal if a.predicate in ("on", "in") and a.arguments[0] != held}
        spec = self.facts.site.things[held]
        free = [p for p in self.facts.site.places.values() if p.kind in ("counter", "table") and p.takes(spec)]
        if not free:
            raise Unsolved(f"nowhere to put the {held} aside")
        # What the open door of a cupboard under a counter bars goes to a table.
        barred = held in self.barred
        place = min(
            free, key=lambda p: (barred and p.kind == "counter", p.kind in wanted or p.name in wanted, *self._cost(p))
        )
        self.go(place.name)
        self.do(call(Verb.PLACE, place.name, relation=Relation.ON))

    def wiper(self) -> str:
        """What to wipe with: what is held, or what lies openly, a sponge rather than a brush."""
        things = self.facts.site.things
        usable = [n for n in self.facts.where if "wipes" in kind(things[n].kind).properties]
        if not usable:
            raise Unsolved("nothing here wipes")
        order = ("sponge", "dish cloth", "dish brush")
        return min(usable, key=lambda n: (
            n != self.facts.held, self.facts.hidden(n), order.index(things[n].kind), n not in self.facts.near
        ))  # fmt: skip

    def source(self, what: str) -> str:
        """What to pour from: a package, not a cup that was filled."""
        full = [n for n, content in self.facts.contents.items() if content == what]
        full = [n for n in full if "container" not in kind(self.facts.site.things[n].kind).categories]
        if not full:
            raise Unsolved(f"there is no {what} to pour")
        return min(full, key=lambda n: (n != self.facts.held, self.facts.hidden(n), n not in self.facts.near))
