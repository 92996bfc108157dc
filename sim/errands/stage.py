"""A living kitchen for whoever types: `run scene=kitchen`, `chat scene=kitchen`, with an oracle that reads them."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from agent.errors import UserError
from agent.executor import Event, Finished, Started
from agent.plan import Plan, PrimitiveResult, format_plan
from agent.verbs import Relation, Verb
from agent.watched import WatchedRobot
from robots.interface import Observation, Robot, Status
from robots.primitives import Body
from robots.safety import Veto
from sim.errands.goals import Goal, atom, judge
from sim.errands.meanings import Missing, Unclear
from sim.errands.planning import remaining, said
from sim.errands.pointing import pointed
from sim.errands.reading import read
from sim.errands.senses import facts_of_world, taken
from sim.errands.walk import Unsolved
from sim.kitchen.predicates import state_of
from sim.person import Person
from sim.robot import SimRobot
from sim.stage import SimStage
from sim.task import call, with_points

BY_NAME = (Verb.NAVIGATE_TO, Verb.PLACE)
_BASE = ""
_CLAIMS = {Verb.OPEN: "open", Verb.CLOSE: "closed", Verb.WIPE: "wiped"}
_ATOM = re.compile(r"\s*(\w+)\(([^()]*)\)\s*")


class KitchenStage(SimStage):
    """A living kitchen."""

    _oracle: ReadingOracle

    def check_goal(self, goal: str) -> None:
        self._judged(goal)

    def holds(self, goal: str) -> bool:
        return all(self._judged(goal).values())

    def _judged(self, goal: str) -> dict[str, bool]:
        try:
            return judge(parse(goal), state_of(self.world), taken(self.world))
        except (ValueError, KeyError) as e:
            raise UserError(f"goal={goal!r} can't be judged: {e.args[0]!s}") from e

    def witness(self) -> Witness:
        return Witness(self)

    def reader(self) -> ReadingOracle:
        self._oracle = ReadingOracle(self.sim_robot, self.goal)
        return self._oracle

    def body(self, robot: Robot | None = None, *, told: Callable[[Veto], None] | None = None) -> Body:
        person = Person(self.world, lambda: any(a.predicate == "handed" for a in self._oracle.goal))
        return super().body(WatchedRobot(robot or self.robot, person.moved), told=told)


def parse(goal: str) -> Goal:
    """ "in(apple, fridge) and closed(fridge)" as atoms.

    Raises:
        ValueError: it is no goal.
    """
    atoms = []
    for part in goal.split(" and "):
        found = _ATOM.fullmatch(part)
        if found is None:
            raise ValueError(f"expected a predicate such as in(apple, fridge), found {part!r}")
        atoms.append(atom(found[1], *(" ".join(a.split()) for a in found[2].split(","))))
    return tuple(atoms)


class ReadingOracle:
    """The errands' oracle for whoever types: told the goal, or reading each instruction when it is given."""

    name = "oracle"

    def __init__(self, robot: SimRobot, goal: str | None) -> None:
        self._robot, self._told = robot, goal
        self.goal: Goal = ()

    def plan(self, instruction: str, observation: Observation, history: Sequence[PrimitiveResult]) -> Plan:
        """What is left to do; a question where words fit several things, a refusal where they fit none.

        Raises:
            UserError: the instruction can't be read.
        """
        world = self._robot.world
        facts = facts_of_world(world, history)
        try:
            if not history:
                self.goal = parse(self._told) if self._told is not None else read(instruction, facts)
            found = remaining(self.goal, facts, history)
        except Unclear as e:
            found = [call(Verb.ASK, text=said(f"which one: the {' or the '.join(e.fitting)}?"))]
        except Missing as e:
            found = [call(Verb.REFUSE, text=said(f"there is no {e.words} here"))]
        except Unsolved as e:
            found = [call(Verb.REFUSE, text=said(f"I can't: {e}"))]
        at = pointed(world, self._robot.main_picture(), observation.main)
        fixed = {*facts.site.parts, *facts.site.switches}
        calls = tuple(c if c.verb in BY_NAME and c.target in fixed else with_points(c, at) for c in found)
        return Plan(instruction=instruction, calls=calls, text=format_plan(calls), planner=self.name)


class Witness:
    """A listener that takes each call at its word, for a look at the physics afterwards: the last claim about a thing
    stands."""

    def __init__(self, stage: KitchenStage) -> None:
        self._stage = stage
        self._held = stage.world.held() or ""
        self._claims: dict[str, str] = {}
        self._was_on = False
        """What is to be pressed, before it was."""

    def __call__(self, event: Event) -> None:
        if isinstance(event, Started) and event.call.verb is Verb.PRESS:
            self._was_on = self._stage.holds(f"switched_on({event.call.target})")
        if not isinstance(event, Finished) or event.result.status is not Status.SUCCEEDED:
            return
        c = event.result.call
        self._claims.pop(_BASE, None)  # where the robot is is claimed by the last call alone
        if c.verb is Verb.PICK:
            self._held = c.target
            self._claims[c.target] = f"holding({c.target})"
        elif c.verb is Verb.PLACE and self._held:
            word = "in" if c.relation is Relation.IN else "on"
            self._claims[self._held] = f"{word}({self._held}, {c.target})"
            self._held = ""
        elif c.verb is Verb.HAND_OVER and self._held:
            self._claims[self._held], self._held = f"handed({self._held})", ""
        elif c.verb is Verb.NAVIGATE_TO and c.target not in self._stage.names:
            self._claims[_BASE] = f"robot_at({c.target})"
        elif c.verb is Verb.PRESS:
            self._claims[c.target] = f"switched_{'off' if self._was_on else 'on'}({c.target})"
        elif c.verb in _CLAIMS:
            self._claims[c.target] = f"{_CLAIMS[c.verb]}({c.target})"

    def verdicts(self) -> tuple[tuple[str, bool], ...]:
        """The claims that stand, and whether each holds now."""
        return tuple((claim, self._stage.holds(claim)) for claim in self._claims.values())
