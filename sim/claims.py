"""What the calls of an episode claim of the world, for a look at the physics afterwards."""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np

from agent.executor import Event, Finished, Started
from agent.grounding import ground
from agent.plan import Point, PrimitiveCall
from agent.verbs import Relation, Verb
from robots.interface import Observation, Status
from sim.lexicon import canonical
from sim.predicates import ORIGIN_M
from sim.world import World

NOTHING = "nothing so called"
_ANYTHING = re.compile(r"(?:any )?(?:thing|object|item|piece|one)")
_WHERE = re.compile(r"at\((.+), (.+)\)")


class Claims:
    """A listener of `run_episode`. Takes each call at its word: `place(in green bowl)` claims that what the calls
    before it say is held lies in the green bowl, whatever the hand really did.

    Of two claims about one thing the later stands. `truth` judges a predicate in the world.
    """

    def __init__(self, world: World, truth: Callable[[str], bool]) -> None:
        self._world = world
        self._truth = truth
        self._held = world.held() or ""
        self._start = world.poses()
        self._standing: dict[str, str] = {}
        self._pending: tuple[str, str] = ("", "")

    @property
    def last(self) -> str:
        """What the last call claims, or would if it had succeeded, as a predicate; "" where none speaks of it."""
        return self._pending[1]

    def __call__(self, event: Event) -> None:
        if isinstance(event, Started):
            self._pending = self._claim(event.call, event.seen)
        elif isinstance(event, Finished) and event.result.status is Status.SUCCEEDED:
            subject, predicate = self._pending
            if event.result.call.verb is Verb.PICK:
                self._held = subject
            elif event.result.call.verb is Verb.PLACE:
                self._held = ""
            self._standing.pop(subject, None)
            if predicate:
                self._standing[subject] = predicate

    def verdicts(self) -> tuple[tuple[str, bool], ...]:
        """The claims that stand, and whether each holds now."""
        return tuple((p, self.holds(p)) for p in self._standing.values())

    def holds(self, predicate: str) -> bool:
        """Whether a claim is true of the world now."""
        if NOTHING in predicate:
            return False
        where = _WHERE.fullmatch(predicate)
        if where is None or where[2] not in self._start:
            return self._truth(predicate)
        # The scene's own memory is of its first moment; in a chat an instruction may begin long after.
        apart = self._world.pose(where[1]).xyz - self._start[where[2]].xyz
        return float(np.linalg.norm(apart[:2])) <= ORIGIN_M and self._world.held() != where[1]

    def _claim(self, call: PrimitiveCall, seen: Observation) -> tuple[str, str]:
        """The thing that `call` moves and what will be true of it."""
        if call.verb is Verb.PICK:
            subject = self.called(call.target, call.point, seen)
            return subject, f"holding({subject})"
        if call.verb is Verb.PUSH:
            subject = self.called(call.target, call.point, seen)
            if call.side is not None:
                return subject, f"at({subject}, {call.side.value})"
            if not call.destination:
                return subject, ""  # a place of the board or a spot: no predicate speaks of it
            there = self.called(call.destination, call.destination_point, seen)
            return subject, f"near({subject}, {there})" if call.beside is not None else f"on({subject}, {there})"
        if call.verb is Verb.PLACE and call.relation is not None and self._held:
            if call.relation is Relation.ASIDE:
                return self._held, f"not holding({self._held})"
            reference = self.called(call.target, call.point, seen)
            word = "at" if call.relation is Relation.WHERE else call.relation.value.replace(" ", "_")
            return self._held, f"{word}({self._held}, {reference})"
        return "", ""

    def called(self, words: str, point: Point | None, seen: Observation) -> str:
        """The object that goes by `words`; of several, the one nearest to the point."""
        reference = canonical(words)
        meant = reference.kind or reference.colour or reference.size or _ANYTHING.fullmatch(words)
        fitting = [
            s.name for s in self._world.scene.specs
            if s.name == words or (meant and reference.fits(s.size, s.colour, s.kind))
        ]  # fmt: skip
        exact = [name for name in fitting if name == words]
        if len(exact or fitting) == 1:
            return (exact or fitting)[0]
        xyz = None if point is None else ground(seen.main, point)
        if not fitting or xyz is None:
            return fitting[0] if fitting else NOTHING
        return min(fitting, key=lambda name: float(np.linalg.norm(self._world.pose(name).xyz - xyz)))
