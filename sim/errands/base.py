"""What all errands share: a kitchen that has what they are about, a sentence, a goal, a judge, and the oracle.

A family is one file: its phrasings, the `kitchen` it wants, and `ask`, which finds in any kitchen, in symbols, what may
be asked there: for the scene that was drawn, and in chains for the kitchen as it has become.
"""

from __future__ import annotations

import re
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

import numpy as np

from agent.plan import Point, PrimitiveCall, PrimitiveResult
from agent.verbs import Verb
from agent.watched import WatchedRobot
from robots.geometry import Float
from robots.interface import Observation, Robot
from robots.mobile.navigate import goals
from robots.mobile.press import way_to
from robots.mobile.sight import odom_T_world
from robots.primitives import Body, Outcome, Target
from sim.errands.facts import Facts, facts_of_scene
from sim.errands.goals import Goal, holds, judge
from sim.errands.heldout import combination
from sim.errands.planning import remaining
from sim.errands.pointing import pointed
from sim.errands.room import all_around, hand_fits, has_room, palm_fits
from sim.errands.senses import facts_of_world, taken
from sim.errands.site import HIGH_M, LOW_M
from sim.errands.walk import Unsolved
from sim.errands.words import CLASSES, Said
from sim.kitchen.filling import Wish
from sim.kitchen.predicates import state_of
from sim.kitchen.rooms import START_CLEAR_M, KitchenScene, State, sample_kitchen
from sim.kitchen.setting import KitchenSetting
from sim.naming import SceneError
from sim.person import Person
from sim.robot import SimRobot
from sim.sayings import Sayings
from sim.task import Drawn, Expected, Split, Task, call
from sim.world import World

OPENED = 0.82
"""So far robots open doors, at least, and drawers."""
T = TypeVar("T")
ALL: tuple[Split, ...] = ("trained", "combinations", "phrasings")
WORDS: tuple[Split, ...] = ("trained", "phrasings")


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """A kitchen to draw: see sim.kitchen.rooms.sample_kitchen. named: it has one cabinet of drawers and one cupboard,
    so that `state` can call them by name."""

    wishes: tuple[Wish, ...] = ()
    state: State = field(default_factory=State)
    clutter: int = 1
    named: bool = False


@dataclass(frozen=True, kw_only=True)
class Asked:
    """Something to ask for. slots: of the sentence, what they are and are called; plain: slots of mere words."""

    goal: Goal
    slots: Mapping[str, Said] = field(default_factory=dict)
    plain: Mapping[str, Sequence[str]] = field(default_factory=dict)
    expected: Expected = "act"
    reply: str = ""


class Errand(Task[Goal]):
    """A family of errands; the meaning of a drawn one is its goal."""

    splits: tuple[Split, ...] = WORDS
    trained: tuple[str, ...]
    held_out: tuple[str, ...]

    @abstractmethod
    def kitchen(self, rng: np.random.Generator, split: Split) -> Wanted:
        """One that has what this asks for."""

    @abstractmethod
    def ask(self, rng: np.random.Generator, split: Split, facts: Facts) -> Asked | None:
        """Something to ask for as things stand: possible, and not so already; None where this draw finds nothing."""

    def draw(self, rng: np.random.Generator, split: Split, seed: int) -> Drawn[Goal]:
        wanted = self.kitchen(rng, split)
        scene = sample_kitchen(
            rng, seed=seed, wishes=wanted.wishes, clutter=wanted.clutter, state=wanted.state,
            paired=False if wanted.named else None,
        )  # fmt: skip
        _clear_start(scene)
        drawn = self._drawn(rng, split, scene, facts_of_scene(scene))
        if drawn is None:
            raise SceneError(f"nothing to ask for in this kitchen by {self.name}")
        return drawn

    def here(self, rng: np.random.Generator, split: Split, world: World) -> Drawn[Goal] | None:
        scene = world.scene
        if not isinstance(scene, KitchenScene):
            return None
        return self._drawn(rng, split, scene, facts_of_world(world, ()))

    def _drawn(
        self, rng: np.random.Generator, split: Split, scene: KitchenScene, facts: Facts
    ) -> Drawn[Goal] | None:  # fmt: skip
        asked = self.ask(rng, split, facts)
        if asked is None:
            return None
        if asked.expected == "act":
            if all(holds(a, facts) for a in asked.goal):
                return None
            try:
                remaining(asked.goal, facts)
            except Unsolved:
                return None
        sayings = Sayings(trained=self.trained, held_out=self.held_out, classes=CLASSES)
        slots = {slot: (said.words,) for slot, said in asked.slots.items()}
        instruction, phrasing = sayings.say(rng, split, {**slots, **asked.plain}, {})
        return Drawn(
            scene=scene, instruction=instruction, meaning=asked.goal, phrasing=f"{self.name}:{phrasing}",
            expected=asked.expected, reply=asked.reply, goal=" and ".join(str(a) for a in asked.goal),
            said=tuple((s.name, s.bare) for s in asked.slots.values() if s.name != s.bare),
        )  # fmt: skip

    def judge(self, world: World, drawn: Drawn[Goal]) -> dict[str, bool]:
        # What is to be declined is judged by what was said; there is no goal.
        return judge(drawn.meaning, state_of(world), taken(world)) or {"declined": False}

    def ready(self, robot: SimRobot, drawn: Drawn[Goal]) -> bool:
        """Whether things of the goal, and what is taken for it, stand neither too low nor too high, the arm reaches
        each, and each stain and button, from some place to stand, once what it is in is open, with room for the hand
        above, and there is room for it where it is to go."""
        facts, scene = facts_of_world(robot.world, ()), robot.world.scene
        if not isinstance(scene, KitchenScene):
            return False
        room, state = scene.told(), state_of(robot.world)
        travels = {h.part: h.travel for h in room.handles}
        ajar = {name: share * travels[name] for name, share in state.openings.items() if share > 0.0}
        body = Body(robot=robot, map=room, ajar=ajar)
        for a in drawn.meaning:
            name, place = a.arguments[0], a.arguments[-1]
            put = a.predicate in ("on", "in") and place in facts.site.places
            if put and not has_room(state, facts.site.things[name], place):
                return False
        planned = self.remaining(robot.world, drawn, ())
        if planned[0].verb is Verb.REFUSE:
            return False
        # What is wiped with and poured from is no part of the goal.
        named = {name for a in drawn.meaning for name in a.arguments}
        named |= {c.target for c in planned if c.verb is Verb.PICK}
        things = {name for name in named if name in facts.where} - {facts.held}
        switched = [a.arguments[0] for a in drawn.meaning if a.predicate.startswith("switched")]
        standing = odom_T_world(robot.state()).apply(all_around(state))
        if any(b.switch in switched and way_to(body, b, standing) is None for b in room.buttons):
            return False
        stains = [a.arguments[0] for a in drawn.meaning if a.predicate == "wiped"]
        if not all(in_reach(body, name, np.array(facts.site.stains_m[name])) for name in stains):
            return False
        if not all(LOW_M <= float(state.things[name].pose.xyz[2]) <= HIGH_M for name in things):
            return False
        for name in sorted(things):
            shelved = facts.site.places.get(facts.place_of(name))
            low = shelved is not None and shelved.kind == "shelf"
            if not facts.hidden(name) and not low and not hand_fits(room, ajar, state.things[name]):
                return False
            part = facts.guard_of(name) if facts.hidden(name) else ""
            handle = next((h for h in room.handles if h.part == part), None)
            thing, at = state.things[name], robot.world.pose(name).apply([0.0, 0.0, 0.02])
            body.ajar = dict(ajar)
            if handle is not None:
                body.ajar[part] = OPENED * handle.travel
                if not handle.turns:  # things come along with a drawer
                    out = handle.motion(body.ajar[part]) @ handle.motion(ajar.get(part, 0.0)).inverse()
                    thing, at = replace(thing, pose=out @ thing.pose), out.apply(at)
            drawer = shelved is not None and shelved.kind == "drawer"
            if drawer and not palm_fits(room, body.ajar, thing, robot.spec):
                return False
            if not in_reach(body, name, at):
                return False
        return True

    def remaining(self, world: World, drawn: Drawn[Goal], done: Sequence[PrimitiveResult]) -> list[PrimitiveCall]:
        try:
            return remaining(drawn.meaning, facts_of_world(world, done), done)
        except Unsolved as e:
            said = re.sub(r"[^a-zA-Z0-9 ,.?!:;'/-]+", " ", f"I can't go on: {e}")  # what texts of a plan may be made of
            return [call(Verb.REFUSE, text=said.strip()[:150].strip())]

    def around(self, robot: Robot, world: World, drawn: Drawn[Goal]) -> Robot:
        handed = any(a.predicate == "handed" for a in drawn.meaning)
        return WatchedRobot(robot, Person(world, lambda: True).moved) if handed else robot

    def pointed(self, drawn: Drawn[Goal], c: PrimitiveCall, at: Mapping[str, Point | None]) -> PrimitiveCall:
        """What the map knows by its name is gone to, and filled, by its name."""
        setting = drawn.scene.setting
        assert isinstance(setting, KitchenSetting), "kitchens are drawn here"
        fixed = {*setting.named, *(s.called(b.switch) for s in setting.furniture for b in s.unit.buttons)}
        if c.verb in (Verb.NAVIGATE_TO, Verb.PLACE) and c.target in fixed:
            return c
        return super().pointed(drawn, c, at)

    def points(self, robot: SimRobot, seen: Observation) -> Mapping[str, Point | None]:
        """In the picture of the robot's head."""
        return pointed(robot.world, robot.main_picture(), seen.main)


def _clear_start(scene: KitchenScene) -> None:
    """Raises SceneError where what stands open is where the robot starts, or too near for it to turn."""
    for solid in scene.told().solids_now(scene.ajar()):
        if solid.part in scene.setting.openings:
            local = solid.pose.inverse().apply([0.0, 0.0, float(solid.pose.xyz[2])])
            if float(np.linalg.norm(np.maximum(np.abs(local[:2]) - solid.half_m[:2], 0.0))) < START_CLEAR_M:
                raise SceneError(f"the robot would start in the open {solid.part}")


def in_reach(body: Body, name: str, xyz_m: Float) -> bool:
    """Whether there is a place to stand from which the arm reaches something at a point [3] in the world."""
    found = goals(body, Target(words=name, xyz_m=xyz_m))
    return not isinstance(found, Outcome) and len(found[0]) > 0


def of_split(split: Split, kind: str, place: str) -> bool:
    """Whether a split speaks of this kind of thing with that place: held-out pairs in `combinations` alone."""
    return combination(kind, place) == (split == "combinations")


def one_of(rng: np.random.Generator, options: Sequence[T]) -> T | None:
    """One of them, all equally likely."""
    return options[int(rng.integers(len(options)))] if options else None
