"""What all errands share: a kitchen that has what they are about, a sentence, a goal, a judge, and the oracle.

A family is one file: its phrasings, the `kitchen` it wants, and `ask`, which finds in any kitchen, in symbols, what may
be asked there: for the scene that was drawn, and in chains for the kitchen as it has become.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np

from agent.plan import Point, PrimitiveCall, PrimitiveResult
from agent.verbs import Verb
from agent.watched import WatchedRobot
from robots.interface import Observation, Robot
from sim.errands.facts import Facts, facts_of_scene
from sim.errands.goals import Goal, holds, judge
from sim.errands.heldout import combination
from sim.errands.planning import remaining, said
from sim.errands.pointing import pointed
from sim.errands.ready import hindrance
from sim.errands.senses import facts_of_world, taken
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
        return not hindrance(robot, drawn.meaning)

    def remaining(self, world: World, drawn: Drawn[Goal], done: Sequence[PrimitiveResult]) -> list[PrimitiveCall]:
        try:
            return remaining(drawn.meaning, facts_of_world(world, done), done)
        except Unsolved as e:
            return [call(Verb.REFUSE, text=said(f"I can't go on: {e}"))]

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


def of_split(split: Split, kind: str, place: str) -> bool:
    """Whether a split speaks of this kind of thing with that place: held-out pairs in `combinations` alone."""
    return combination(kind, place) == (split == "combinations")


def one_of(rng: np.random.Generator, options: Sequence[T]) -> T | None:
    """One of them, all equally likely."""
    return options[int(rng.integers(len(options)))] if options else None
