"""A kitchen for a sentence that somebody typed: with what it names, as it must be found, and for a robot that can."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from agent.errors import UserError
from robots.mobile_panda import mobile_panda
from robots.spec import RobotSpec
from sim.errands.base import Wanted
from sim.errands.facts import facts_of_scene
from sim.errands.goals import Goal, holds
from sim.errands.heard import Heard, heard
from sim.errands.meanings import Unread
from sim.errands.need import Indirect
from sim.errands.planning import remaining
from sim.errands.reading import kinds_in, read
from sim.errands.ready import hindrance
from sim.errands.senses import facts_of_world
from sim.errands.several import ClearTable, Groceries, SortFruit
from sim.errands.walk import Unsolved
from sim.kitchen.filling import Wish
from sim.kitchen.rooms import KitchenScene, State, sample_kitchen
from sim.kitchen.vocabulary import meant
from sim.naming import SceneError
from sim.render import Opened
from sim.robot import SimRobot

if TYPE_CHECKING:
    from sim.errands.stage import KitchenStage

DRAWS, SINGLE = 60, 24
"""Kitchens that are looked at for one sentence; the first have one of each piece of furniture, as far as they can."""
REACHED = 12
"""Of those that have what it names, so many are looked at with the robot in them."""
PARTS = (
    "fridge", "cupboard", "sink cupboard", "wall cupboard", "microwave",
    *(f"{level} {side}drawer" for level in ("top", "middle", "bottom") for side in ("", "left ", "right ")),
    "left cupboard", "right cupboard", "left wall cupboard", "right wall cupboard",
)  # fmt: skip
"""What may have to stand open."""
SWITCHES = ("lamp", "left burner", "right burner", "microwave")
KEPT = {"fridge": "fridge", "drawer": "drawer", "cupboard": "cupboard", "cabinet": "cupboard", "press": "cupboard",
        "refrigerator": "fridge", "icebox": "fridge"}  # fmt: skip
"""Words that end what something is taken out of, and the kind of place that they mean."""


@dataclass(frozen=True, kw_only=True)
class KitchenChoice:
    """A kitchen from the seed, with what the sentence names. clutter: 0 to 3, none to very many other things. stains:
    how many there are."""

    clutter: int = 1
    stains: int = 1

    def draw(self, seed: int, sentence: str) -> KitchenScene:
        """The first kitchen of a seed that has what the sentence is about; "" for any."""
        return next(self.draws(seed, sentence))[0]

    def draws(self, seed: int, sentence: str) -> Iterator[tuple[KitchenScene, Goal]]:
        """Kitchens of a seed, and what the sentence asks for in each: one at least.

        Where it can be read in none, or is not about anything, the first of all, with no goal.

        Raises:
            UserError: no kitchen has room for what it names.
        """
        rng = np.random.default_rng(seed)
        ways = heard(sentence)
        reason, first, fitting = "what the sentence is about never fitted in", None, 0
        for n in range(DRAWS):
            wanted = self._wanted(rng, sentence, ways)
            try:
                scene = sample_kitchen(
                    rng, seed=seed, wishes=wanted.wishes, clutter=wanted.clutter, state=wanted.state,
                    paired=False if n < SINGLE or wanted.named else None,
                )  # fmt: skip
            except SceneError as e:
                reason = str(e)
                continue
            first = first or scene
            goal = _asked(sentence, scene) if sentence else None
            if goal:
                fitting += 1
                yield scene, goal
            elif goal is None:
                break
        if first is None:
            raise UserError(f"no such kitchen: {reason}")
        if not fitting:
            yield first, ()

    def reset(self, robot: SimRobot, seed: int, sentence: str) -> None:
        """The robot into a kitchen in which it can do what the sentence asks for, as far as that can be told.

        Raises:
            UserError: it could in none of those that were looked at.
        """
        reason = ""
        for n, (scene, goal) in enumerate(self.draws(seed, sentence)):
            robot.reset(scene)
            facts = facts_of_world(robot.world, ())
            if goal and all(holds(a, facts) for a in goal):
                reason = "it is so already"
            else:
                reason = hindrance(robot, goal) if goal else ""
            if not reason:
                return
            if n + 1 == REACHED:
                break
        raise UserError(f"in no kitchen of seed={seed} can {robot.spec.name} do that; in the last one {reason}")

    def _wanted(self, rng: np.random.Generator, sentence: str, ways: list[Heard]) -> Wanted:
        """What the sentence names, on the counter, or in what something is to be taken out of, and what it changes
        not so yet."""
        for way in ways:
            if isinstance(way.family, Indirect | ClearTable | Groceries | SortFruit):
                return way.family.kitchen(rng, "trained")
        said = sentence.lower()
        out_of = re.search(r"\b(?:out of|from|in) the (?:[\w-]+ )*?(" + "|".join(KEPT) + r")\b", said)
        taken = out_of is not None and (" out of " in said or " from " in said or _says(ways, "take_out"))
        places = [KEPT[out_of[1]] if taken and out_of is not None and i == 0 else "counter"
                  for i in range(len(kinds_in(sentence)))]  # fmt: skip
        wishes = [Wish(kind=k, place=p) for k, p in zip(kinds_in(sentence), places, strict=True)]
        if re.search(r"\b(?:wipe|clean|spill|mess|stain|scrub|rub)", said) and "sponge" not in kinds_in(sentence):
            wishes.append(Wish(kind="sponge", place="counter"))
        state = State(stains=self.stains)
        for way in ways:
            state = _before(way, state)
        return Wanted(wishes=tuple(wishes), clutter=self.clutter, state=state)

    def robot(self) -> RobotSpec:
        """What `robot=suite` is."""
        return mobile_panda()

    def stage(self, robot: SimRobot, opened: Opened, goal: str | None) -> KitchenStage:
        """A stage for this sort of scene.

        Raises:
            UserError: the robot does not drive.
        """
        from sim.errands.stage import KitchenStage

        if robot.spec.base is None:
            raise UserError(f"robot={robot.spec.name} stands still; in a kitchen use robot=mobile_panda or stretch")
        return KitchenStage(robot, opened, goal=goal)


def _says(ways: list[Heard], family: str) -> bool:
    return any(way.family.name == family for way in ways)


def _before(way: Heard, state: State) -> State:
    """What is to be shut stands open, what is to be switched off is lit."""
    if way.family.name == "close":
        found = meant(way.slots["part"], PARTS)
        return replace(state, openings={found[0]: 0.9}) if found else state
    if way.family.name == "switch_off":
        found = meant(way.slots["x"], SWITCHES)
        return replace(state, lit=found[:1])
    return state


def _asked(sentence: str, scene: KitchenScene) -> Goal | None:
    """What it asks for in a kitchen; () where that is not there, is so already, or no plan leads there; None where no
    kitchen will make it readable."""
    facts = facts_of_scene(scene)
    try:
        goal = read(sentence, facts)
        if all(holds(a, facts) for a in goal):
            return ()
        remaining(goal, facts)
    except Unread:
        return None
    except (UserError, Unsolved):
        return ()
    return goal
