"""One task from its seed: draw it, set the scene, let a planner act, judge. What `evaluate` and `collect` share."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal
from zlib import crc32

import numpy as np

from agent.executor import Bounds, EpisodeResult, Listener, Stop, run_episode
from agent.perform import SCRIPTED, Backends
from agent.plan import Plan, Planner, PrimitiveResult
from robots.interface import Observation, Robot, Status
from robots.primitives import Body
from robots.spec import RobotSpec
from sim.apart import apart
from sim.naming import SceneError
from sim.render import Opened, open_renderer
from sim.robot import SimRobot
from sim.stage import SimStage
from sim.suites import find_suite
from sim.task import SPLITS, Drawn, Split, Task, TaskError
from sim.tasks.base import Instance
from sim.tasks.own import OwnLine, OwnTask
from sim.tasks.tabletop import Told
from sim.world import World

_DRAWS = 60


@dataclass(frozen=True, kw_only=True)
class TaskSpec:
    """One episode to be: a task's draw by split and seed, or, with `own`, a line of somebody's list. suite: its name,
    or the path of a task file."""

    task: str
    split: Split
    seed: int
    own: OwnTask | None = None
    suite: str = "tabletop"

    def __str__(self) -> str:
        return f"{self.task}, seed {self.seed}"

    def find(self) -> Task[Any]:
        """The task itself.

        Raises:
            UserError: there is no such suite or task.
        """
        return OwnLine(self.own) if self.own is not None else find_suite(self.suite).task(self.task)

    def generator(self) -> np.random.Generator:
        """Where all of its chance comes from."""
        key = self.task if self.suite == "tabletop" else f"{self.suite.rpartition('/')[2]}/{self.task}"
        return np.random.default_rng([self.seed, crc32(key.encode()), SPLITS.index(self.split)])


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """How an episode was judged. reason: "" for a success, else what went wrong, in words."""

    success: bool
    reason: str


def draw_task(robot: SimRobot, spec: TaskSpec) -> tuple[Task[Any], Drawn[Any]]:
    """The task and what was drawn of it, with its scene set up in the robot's world; the same spec gives the same.

    Redrawn, from the same generator, where there is no room, where it can't be done as things stand, or where the goal
    is true from the start.

    Raises:
        TaskError: nothing that could be done in so many draws.
    """
    task, rng = spec.find(), spec.generator()
    reason = "it is done from the start, or can't be"
    for _ in range(_DRAWS):
        try:
            drawn = task.draw(rng, spec.split, spec.seed)
            robot.world.reset(drawn.scene)
            if spec.suite != "tabletop":
                apart(robot.world)
        except SceneError as e:
            if spec.own is not None:
                raise
            reason = str(e)
            continue
        if drawn.expected != "act" or spec.own is not None:
            return task, drawn
        if not all(task.parts(robot.world, drawn).values()) and task.ready(robot, drawn):
            return task, drawn
    raise TaskError(f"{task.name}, seed {spec.seed}: no scene for it in {_DRAWS} draws; the last one: {reason}")


def draw(robot: SimRobot, spec: TaskSpec) -> Instance:
    """A tabletop instance, with its scene set up: see `draw_task`."""
    _, drawn = draw_task(robot, spec)
    assert isinstance(drawn.meaning, Told), "only the tabletop has instances"
    return drawn.meaning.instance


@dataclass(eq=False)
class Theatre:
    """A world that stands ready for one episode after another, in one process."""

    robot: SimRobot
    opened: Opened

    def set(self, spec: TaskSpec) -> SimStage:
        """The stage with the task's scene on it."""
        task, drawn = draw_task(self.robot, spec)
        return SimStage(self.robot, self.opened, task=task, drawn=drawn)


_open: dict[tuple[str, str], Theatre] = {}


def theatre(renderer: Literal["auto", "gl", "tiny"], robot: Callable[[], RobotSpec]) -> Theatre:
    """This process's theatre, opened once for each robot.

    By the robot's name: `robot` itself is another object each time that it comes out of a pickle.
    """
    spec = robot()
    key = (renderer, spec.name)
    if key not in _open:
        opened = open_renderer(renderer)
        _open[key] = Theatre(robot=SimRobot(World(spec=spec), opened.renderer), opened=opened)
    return _open[key]


def play(
    stage: SimStage,
    planner: Planner,
    instruction: str,
    *,
    bounds: Bounds,
    robot: Robot | None = None,
    body: Body | None = None,
    listeners: Sequence[Listener] = (),
    backends: Backends = SCRIPTED,
) -> tuple[EpisodeResult, Verdict]:
    """One episode on a stage that is set, judged once the world has come to rest. body: one that goes on in a chain."""
    body = body or stage.body(robot)
    result = run_episode(instruction, body, planner, bounds=bounds, listeners=listeners, backends=backends)
    stage.world.settle()
    return result, verdict(stage, result)


def verdict(stage: SimStage, result: EpisodeResult) -> Verdict:
    """A success is the goal, true in the physics; for what can't be done, the right way to decline."""
    task, drawn = stage.task, stage.drawn
    assert task is not None, "a stage without a task can't be judged"
    assert drawn is not None, "a stage with a task has what was drawn of it"
    declined = {Stop.ASKED: "ask", Stop.REFUSED: "refuse"}.get(result.stop, "act")
    if drawn.expected != "act":
        fine = declined == drawn.expected
        return Verdict(success=fine, reason="" if fine else f"should {drawn.expected}, but {result.stop.value}")
    parts = task.parts(stage.world, drawn)
    if all(parts.values()):
        return Verdict(success=True, reason="")
    if declined != "act":
        return Verdict(success=False, reason=f"false alarm: {declined}: {result.declined}")
    missing = ", ".join(part for part, met in parts.items() if not met)
    failures = [f"{r.call.verb.value} {r.status.value}" for r in result.results if r.status is not Status.SUCCEEDED]
    because = f" after {failures[-1]}" if failures else ""
    return Verdict(success=False, reason=f"{result.stop.value}{because}: not {missing}")


@dataclass(eq=False)
class TimedPlanner:
    """A planner, and the wall-clock seconds that its calls took."""

    planner: Planner
    calls: int = 0
    spent_s: float = 0.0

    def plan(self, instruction: str, observation: Observation, history: Sequence[PrimitiveResult]) -> Plan:
        start = time.perf_counter()
        try:
            return self.planner.plan(instruction, observation, history)
        finally:
            self.calls += 1
            self.spent_s += time.perf_counter() - start
