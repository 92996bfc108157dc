"""Five instructions in a row in one living scene, counted as CALVIN counts them (Mees et al. 2022, section V).

An instruction is given where the ones before it have left things; the chain ends with the first that is not carried
out. What counts is how many were, on average, and the share of chains that got to 1, 2, ... of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from zlib import crc32

import numpy as np

from agent.executor import Bounds, Listener
from agent.perform import SCRIPTED, Backends
from agent.plan import format_call
from agent.stage import PlannerSource
from robots.interface import Robot
from sim.episode import TaskSpec, Theatre, TimedPlanner, draw_task, play
from sim.stage import SimStage
from sim.suites import find_suite
from sim.task import SPLITS, Drawn, Split, Task

_DRAWS = 200
_BEGINNINGS = 30
NOTHING_LEFT = "nothing more could be asked for"


@dataclass(frozen=True, kw_only=True)
class ChainSpec:
    """One chain to be. tasks: those that it is drawn from."""

    suite: str
    split: Split
    seed: int
    length: int
    tasks: tuple[str, ...]

    def generator(self) -> np.random.Generator:
        """Where the choice of tasks, and all instructions but the first, come from."""
        return np.random.default_rng([self.seed, crc32(f"{self.suite}/chain".encode()), SPLITS.index(self.split)])


@dataclass(frozen=True, kw_only=True)
class Link:
    """One instruction of a chain and what came of it."""

    task: str
    instruction: str
    goal: str
    success: bool
    reason: str
    calls: tuple[dict[str, Any], ...]


@dataclass(frozen=True, kw_only=True)
class ChainResult:
    """links: up to the first that failed. robot_s: of the robot's clock, over all of them."""

    links: tuple[Link, ...]
    robot_s: float
    planner_calls: int
    planner_s: float

    @property
    def solved(self) -> int:
        """How many in a row were carried out."""
        return sum(link.success for link in self.links)


def play_chain(
    house: Theatre,
    spec: ChainSpec,
    source: PlannerSource,
    bounds: Bounds,
    *,
    robot: Robot | None = None,
    listeners: Sequence[Listener] = (),
    backends: Backends = SCRIPTED,
) -> ChainResult:
    """The chain of a spec: the same spec and planner give the same."""
    rng = spec.generator()
    suite = find_suite(spec.suite)
    task, drawn = _begin(house, spec, rng)
    body = SimStage(house.robot, house.opened).body(robot)
    safe = body.robot
    links: list[Link] = []
    start_s, planner_calls, planner_s = house.robot.world.time_s, 0, 0.0
    for number in range(spec.length):
        if number:
            found = next_task(house, [suite.task(name) for name in spec.tasks], rng, spec.split)
            if found is None:
                links.append(Link(task="", instruction="", goal="", success=False, reason=NOTHING_LEFT, calls=()))
                break
            task, drawn = found
        # What the robot knows goes on; who else acts in the world is this instruction's.
        body.robot = task.around(safe, house.robot.world, drawn)
        stage = SimStage(house.robot, house.opened, task=task, drawn=drawn)
        planner = TimedPlanner(source(stage))
        result, verdict = play(
            stage, planner, drawn.instruction, bounds=bounds, body=body, listeners=listeners, backends=backends
        )
        planner_calls, planner_s = planner_calls + planner.calls, planner_s + planner.spent_s
        calls = tuple({"call": format_call(r.call), "status": r.status, "detail": r.detail} for r in result.results)
        links.append(
            Link(
                task=task.name, instruction=drawn.instruction, goal=drawn.goal, success=verdict.success,
                reason=verdict.reason, calls=calls,
            )
        )  # fmt: skip
        if not verdict.success:
            break
    robot_s = house.robot.world.time_s - start_s
    return ChainResult(links=tuple(links), robot_s=robot_s, planner_calls=planner_calls, planner_s=planner_s)


def _begin(house: Theatre, spec: ChainSpec, rng: np.random.Generator) -> tuple[Task[Any], Drawn[Any]]:
    """The first task, whose scene has enough in it, if one of so many draws has."""
    for _ in range(_BEGINNINGS):
        first = TaskSpec(suite=spec.suite, task=_choose(rng, spec.tasks), split=spec.split, seed=spec.seed)
        task, drawn = draw_task(house.robot, first)
        if task.begins_chain(drawn):
            break
    return task, drawn


def next_task(
    house: Theatre, tasks: Sequence[Task[Any]], rng: np.random.Generator, split: Split
) -> tuple[Task[Any], Drawn[Any]] | None:
    """Something that can be asked for in the scene as it stands and is not so already; None after so many draws."""
    world = house.robot.world
    for _ in range(_DRAWS):
        task = tasks[int(rng.integers(len(tasks)))]
        drawn = task.here(rng, split, world)
        if drawn is None or drawn.expected != "act" or all(task.parts(world, drawn).values()):
            continue
        if task.ready(house.robot, drawn):
            return task, drawn
    return None


def _choose(rng: np.random.Generator, names: Sequence[str]) -> str:
    return names[int(rng.integers(len(names)))]
