"""Questions about what a planner sees at each look of an episode, with answers that are true of the world then.

affordance    "Is it possible to pick the red block now?"
success       "The robot tried to pick the red block. Was the last call successful?"
q1 to q4      PaLM-E's, as `sim.questions` asks them (Driess et al. 2023, section 6.2)

So that no question tells its answer, each form of words is asked as often with each of its answers: an affordance has
its answer first and then its words, in turn; q2 to q4 are asked where every answer could be right, of which one is
drawn; a call that failed is asked about when it happens, and then, once, a later call of the same verb that succeeded.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from agent.episodes import Question
from agent.executor import Event, Finished
from agent.plan import PrimitiveCall, PrimitiveResult
from agent.verbs import Relation, Verb
from robots.interface import Observation, Status
from sim.claims import Claims
from sim.lexicon import COLOURS, KINDS, MOVABLE_KINDS, SIZES, canonical_name
from sim.points import points
from sim.predicates import inside, state_of
from sim.questions import ASK, q1, q2, q3, q4
from sim.scenes import PlacedObject, Scene
from sim.stage import SimStage
from sim.tamp.base import below_now
from sim.tamp.scene import Layout
from sim.tasks.meaning import resting
from sim.tasks.phrasing import choose

YES, NO = "Yes", "No"
TRIES = 40
"""Draws of the words of a question about a scene that stands."""
LEAST = {"q2": 1, "q3": 2, "q4": 3}
"""Things of different colours that a question speaks of."""


class Asker:
    """A listener of `run_episode`; called with a look, it asks. Of scenes without blocks and cylinders on a table it
    asks after the last call alone."""

    def __init__(self, stage: SimStage, rng: np.random.Generator) -> None:
        self._stage, self._world, self._rng = stage, stage.world, rng
        specs = self._world.scene.specs
        self._table = isinstance(self._world.scene, Scene) and all(s.kind in KINDS for s in specs)
        self._claims = Claims(self._world, stage.holds) if self._table else None
        self._last: PrimitiveResult | None = None
        self._owed: Counter[Verb] = Counter()
        self._wanted = YES if rng.random() < 0.5 else NO

    def __call__(self, event: Event) -> None:
        if self._claims is not None:
            self._claims(event)
        if isinstance(event, Finished):
            self._last = event.result

    def ask(self, seen: Observation) -> tuple[Question, ...]:
        """What is asked of this look: one question of each kind at the most."""
        found = [self._success()]
        self._last = None
        if self._table:
            there = points(self._world, self._stage.sim_robot.main_picture(), seen.main)
            now = layout_now(self._stage)
            found.append(self._affordance(now, there))
            if self._world.held() is None and all(there.values()) and not self._put_away():
                found += [self._about(now, kind) for kind in ("q1", "q2", "q3", "q4")]
        return tuple(q for q in found if q is not None)

    def _success(self) -> Question | None:
        """Whether the last call came to what it was for; not asked where the robot's word and the physics differ."""
        if self._last is None:
            return None
        call, good = self._last.call, self._last.status is Status.SUCCEEDED
        if good != self._true(call):
            return None
        if good:
            if not self._owed[call.verb]:
                return None
            self._owed[call.verb] -= 1
        else:
            if self._owed[call.verb]:
                return None  # one failure after another is asked about once
            self._owed[call.verb] += 1
        question = f"The robot tried to {in_words(call)}. Was the last call successful?"
        return Question(kind="success", question=question, answer=YES if good else NO)

    def _true(self, call: PrimitiveCall) -> bool:
        if self._claims is not None and self._claims.last:
            return self._claims.holds(self._claims.last)
        held = self._world.held() is not None
        if call.verb in (Verb.PICK, Verb.PLACE):
            return held == (call.verb is Verb.PICK)
        return self._last is not None and self._last.status is Status.SUCCEEDED

    def _affordance(self, now: Layout, there: Mapping[str, object]) -> Question | None:
        """Whether something can be taken, or, with something in the hand, put somewhere."""
        kind = {o.spec.name: o.spec.kind for o in now.scene.objects}
        movable = [n for n in kind if kind[n] in MOVABLE_KINDS]
        free = [n for n in movable if now.above(n) is None and there[n]]
        held = self._world.held()
        if held is None:
            bare = [n for n in free if kind.get(now.below.get(n, ""), "") not in ("bowl", "box")]
            possible = {YES: bare, NO: [n for n in movable if now.above(n) is not None] + self._absent(MOVABLE_KINDS)}
            form = "Is it possible to pick the {} now?"
            options = [form.format(name) for name in possible[self._wanted]]
        else:
            places = [n for n in kind if kind[n] not in MOVABLE_KINDS and now.above(n) is None and there[n]]
            places += [n for n in free if n != held and n not in now.below]
            others = [n for n in movable if n != held and n not in places]
            pairs = [(held, p) for p in places]
            if self._wanted == NO:
                pairs = [(other, p) for other in others for p in places if p != other]
                pairs += [(held, name) for name in self._absent(("bowl", "box", "plate", "zone", *MOVABLE_KINDS))]
            words = {name: resting(kind.get(name, name.split()[-1])).value for _, name in pairs}
            options = [f"Is it possible to put the {a} {words[b]} the {b} now?" for a, b in pairs]
        if not options:
            return None
        answer = self._wanted
        self._wanted = NO if answer == YES else YES
        return Question(kind="affordance", question=choose(self._rng, options), answer=answer)

    def _absent(self, kinds: Sequence[str]) -> list[str]:
        """Names of some things that are not here."""
        here = {(s.colour, s.kind) for s in self._world.scene.specs}
        pairs = [(c, k) for c in COLOURS for k in kinds if (c, k) not in here]
        drawn = self._rng.choice(len(pairs), min(4, len(pairs)), replace=False)
        return [canonical_name(colour=pairs[int(i)][0], kind=pairs[int(i)][1]) for i in drawn]

    def _put_away(self) -> bool:
        """Whether anything lies in a bowl or box: on which side of it is it then, and is it on the table?"""
        state = state_of(self._world)
        hollow = [n for n, t in state.things.items() if t.kind in ("bowl", "box")]
        return any(inside(state, n, h) for h in hollow for n in state.things if n != h)

    def _about(self, now: Layout, kind: str) -> Question | None:
        """One of PaLM-E's questions about things that a colour alone tells apart."""
        rng, common = self._rng, Counter(o.spec.colour for o in now.scene.objects)
        bare = all(o.spec.kind in MOVABLE_KINDS for o in now.scene.objects)  # a small bowl is larger than a large block
        if kind == "q1":
            for _ in range(TRIES):
                asked = q1(rng, "")
                truth = asked.truth(now) if bare or not set(asked.form.split()) & set(SIZES) else None
                if truth is not None:
                    return Question(kind=kind, question=asked.question, answer=truth)
            return None
        only = [o.spec for o in now.scene.objects if common[o.spec.colour] == 1]
        there = [s.colour for s in only if kind != "q4" or s.kind in MOVABLE_KINDS]
        if len(there) < LEAST[kind]:
            return None
        asks = {"q2": q2, "q3": q3, "q4": q4}[kind]
        answers = ASK[kind][1]
        found: dict[str, dict[str, list[str]]] = {}
        for _ in range(TRIES):
            asked = asks(rng, "", there)
            truth = asked.truth(now)
            if truth is not None:
                found.setdefault(asked.form, {}).setdefault(truth, []).append(asked.question)
        forms = [form for form, said in found.items() if len(said) == len(answers)]
        if not forms:
            return None
        said, answer = found[choose(rng, forms)], choose(rng, answers)
        return Question(kind=kind, question=choose(rng, said[answer]), answer=answer)


def layout_now(stage: SimStage) -> Layout:
    """What stands on what in the living world, and where."""
    world, scene = stage.world, stage.world.scene
    assert isinstance(scene, Scene), "a table's scene"
    placed = []
    for name, pose in world.poses().items():
        x, y, z = (float(v) for v in pose.xyz)
        placed.append(PlacedObject(spec=world.object_spec(name), xy_m=(x, y), z_m=z, yaw_rad=pose.yaw_rad))
    return Layout(scene=replace(scene, objects=tuple(placed)), below=below_now(state_of(world)))


def in_words(call: PrimitiveCall) -> str:
    """A call as one would say it: "pick the red block", "put it in the green bowl"."""
    target = call.target if call.target.startswith("any ") else f"the {call.target}"
    if call.verb is Verb.PLACE:
        relation = call.relation.value if call.relation is not None else "on"
        return "put it aside" if call.relation is Relation.ASIDE else f"put it {relation} {target}"
    if call.verb is Verb.PUSH:
        side = f" to the {call.side.value}" if call.side is not None else ""
        return f"push {target}{side or (f' to the {call.destination}' if call.destination else '')}"
    verb = call.verb.value.replace("_", " ")
    return f"{verb} {target}" if call.target else verb
