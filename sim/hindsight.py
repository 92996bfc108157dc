"""What an episode that failed has carried out all the same: another sentence of its suite, found by predicates.

Hindsight: Andrychowicz et al. 2017 relabel goals of states; here a sentence of the same suite takes the instruction's
place for those looks from which on everything that was done belongs to it. The tabletop has such sentences.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from agent.executor import Event, Planned, Started
from agent.plan import PrimitiveCall, PrimitiveResult, format_plan, renamed
from agent.verbs import Verb
from robots.interface import Observation, Status
from sim.claims import NOTHING, Claims
from sim.oracle import deed_of, deeds, remaining_calls
from sim.predicates import explain
from sim.stage import SimStage
from sim.symbolic import Facts, SymbolicState
from sim.tasks.base import Instance, Pick
from sim.tasks.suites import sample_about
from sim.tasks.tabletop import Told
from sim.teacher import symbolic_state

FAMILIES = ("joined", "put", "stack", "relation", "push", "pick")
DRAWS = 120
"""Sentences of each family that are held against what was done; a relation of two things among five is one in 80."""
STILL_M = 0.005
DONE = (PrimitiveCall(verb=Verb.DONE),)


@dataclass(frozen=True, kw_only=True)
class Relabel:
    """instruction, and its goal, which are true; plans: by the number of a look, what was right there."""

    instruction: str
    goal: str
    plans: tuple[tuple[int, str], ...]


@dataclass(frozen=True, kw_only=True, eq=False)
class Deed:
    """A call that succeeded, at a look: in names of the scene, what it moved, and how things were before."""

    look: int
    result: PrimitiveResult
    subject: str
    before: SymbolicState


class Hindsight:
    """A listener of `run_episode` on a stage of the tabletop."""

    def __init__(self, stage: SimStage) -> None:
        self._world = stage.world
        self._claims = Claims(stage.world, stage.holds)
        self._start = symbolic_state(stage.world, {}).xyz_m
        self._deeds: list[Deed] = []
        self._looks = 0
        self._held = ""
        self._begun: tuple[PrimitiveCall, SymbolicState] | None = None

    def __call__(self, event: Event) -> None:
        if isinstance(event, Planned):
            self._looks += 1
        elif isinstance(event, Started):
            self._begun = (self._named(event.call, event.seen), symbolic_state(self._world, self._start))
        elif self._begun is not None:
            call, before = self._begun
            if event.result.status is Status.SUCCEEDED and call.verb in (Verb.PICK, Verb.PLACE, Verb.PUSH):
                self._held = call.target if call.verb is Verb.PICK else self._held
                subject = call.target if call.verb is Verb.PUSH else self._held
                result = replace(event.result, call=call)
                self._deeds.append(Deed(look=self._looks - 1, result=result, subject=subject, before=before))

    def relabel(self, rng: np.random.Generator) -> Relabel | None:
        """Of the sentences that are true now and were not before, one that tells most of what was done."""
        best: tuple[Instance, list[Deed]] | None = None
        for family in FAMILIES if self._deeds else ():
            for _ in range(DRAWS):
                instance = sample_about(self._world.scene.specs, family, rng)
                ours = None if instance is None else self._carried_out(instance)
                if instance is not None and ours is not None and (best is None or len(ours) > len(best[1])):
                    best = (instance, ours)
        if best is None:
            return None
        instance, ours = best
        words = dict(instance.said)
        plans = []
        for i, deed in enumerate(ours):
            if all(_still(deed.before, d) for d in ours[i:]):
                calls = [renamed(d.result.call, words) for d in ours[i:]]
                plans.append((deed.look, format_plan([*calls, *DONE])))
        last = self._looks - 1
        if last > ours[-1].look:
            plans.append((last, format_plan(DONE)))
        return Relabel(instruction=instance.instruction, goal=instance.goal, plans=tuple(plans))

    def _carried_out(self, instance: Instance) -> list[Deed] | None:
        """The deeds that a sentence is made true by, if it is: the last ones, all of its own things."""
        subjects = {move.subject for move in instance.program}
        ours: list[Deed] = []
        for deed in reversed(self._deeds):
            if deed.subject not in subjects:
                break
            ours.insert(0, deed)
        if not ours or {d.subject for d in ours} != subjects or ours[0].result.call.verb is Verb.PLACE:
            return None
        if Facts(instance.objects, ours[0].before).holds(instance.goal):
            return None  # it was so already
        done = [d.result for d in ours]
        meant = [deed_of(move) for move in instance.program if not isinstance(move, Pick)]
        if sorted(deeds(done)) != sorted(meant):
            return None  # it has come about, but by a call that names something else
        left = remaining_calls(instance, symbolic_state(self._world, self._start), done)
        return ours if tuple(left) == DONE and all(explain(self._world, instance.goal).values()) else None

    def _named(self, call: PrimitiveCall, seen: Observation) -> PrimitiveCall:
        """The call with the names of the things that it spoke of; unknown ones keep their words."""
        names = {}
        for words, point in ((call.target, call.point), (call.destination, call.destination_point)):
            if words and (name := self._claims.called(words, point, seen)) != NOTHING:
                names[words] = name
        return renamed(call, names)


def _still(then: SymbolicState, deed: Deed) -> bool:
    """Whether what a later call points at was there before, too: points are those of the later picture, and the camera
    of the table does not move. What was in the hand meanwhile is not pointed at."""
    call = deed.result.call
    named = [n for n in (call.target, call.destination) if n in then.xyz_m]
    return all(np.linalg.norm(np.subtract(then.xyz_m[n], deed.before.xyz_m[n])) < STILL_M for n in named)


def can_relabel(stage: SimStage) -> bool:
    """Whether the stage is one of the tabletop's."""
    return stage.drawn is not None and isinstance(stage.drawn.meaning, Told)
