"""One task from its seed: draw it, set the scene, let a planner act, judge. What `evaluate` and `collect` share."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal
from zlib import crc32

import numpy as np

from agent.executor import Bounds, EpisodeResult, Listener, Stop, run_episode
from agent.plan import Plan, Planner, PrimitiveResult
from robots.interface import Observation, Robot, Status
from robots.primitives import Body
from robots.spec import RobotSpec
from sim import bullet  # noqa: F401, before whatever imports pybullet
from sim.naming import SceneError
from sim.predicates import evaluate, explain
from sim.render import Opened, open_renderer
from sim.robot import SimRobot
from sim.room import pushes_have_a_way, rooms
from sim.scenes import sample_scene, scene_from_names
from sim.stage import SimStage
from sim.tasks.base import SPLITS, Expected, Instance, Split
from sim.tasks.suites import sample
from sim.world import World

_DRAWS = 60


@dataclass(frozen=True, kw_only=True)
class OwnTask:
    """A line of an instruction list. goal: a predicate, "ask" or "refuse"."""

    instruction: str
    objects: tuple[str, ...]
    goal: str


@dataclass(frozen=True, kw_only=True)
class TaskSpec:
    """One episode to be: a family's draw by split and seed, or, with `own`, a line of somebody's list."""

    task: str
    split: Split
    seed: int
    own: OwnTask | None = None


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """How an episode was judged. reason: "" for a success, else what went wrong, in words."""

    success: bool
    reason: str


def draw(robot: SimRobot, spec: TaskSpec) -> Instance:
    """The task, with its scene set up in the robot's world; the same spec gives the same.

    Redrawn, from the same generator, where there is no room, where what is to be pushed is walled in, or where the goal
    is true from the start.
    """
    world = robot.world
    if spec.own is not None:
        return _own(world, spec.seed, spec.own)
    rng = np.random.default_rng([spec.seed, crc32(spec.task.encode()), SPLITS.index(spec.split)])
    for _ in range(_DRAWS):
        instance = sample(spec.task, rng, spec.split)
        try:
            world.reset(sample_scene(rng, objects=instance.objects, seed=spec.seed, room=rooms(instance.program)))
        except SceneError:
            continue
        if instance.expected != "act":
            return instance
        if not evaluate(world, instance.goal) and pushes_have_a_way(robot, instance.program):
            return instance
    raise RuntimeError(f"no scene for {spec} in {_DRAWS} draws")


def _own(world: World, seed: int, own: OwnTask) -> Instance:
    declines: dict[str, Expected] = {"ask": "ask", "refuse": "refuse"}
    expected = declines.get(own.goal, "act")
    scene = scene_from_names(own.objects, seed)
    world.reset(scene)
    return Instance(
        family="own", split="trained", instruction=own.instruction, phrasing="", objects=scene.specs, program=(),
        goal=own.goal if expected == "act" else "", expected=expected,
    )  # fmt: skip


@dataclass(eq=False)
class Theatre:
    """A world that stands ready for one episode after another, in one process."""

    robot: SimRobot
    opened: Opened

    def set(self, spec: TaskSpec) -> SimStage:
        """The stage with the task's scene on it."""
        instance = draw(self.robot, spec)
        return SimStage(self.robot, self.opened, instance=instance)


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
    listeners: Sequence[Listener] = (),
) -> tuple[EpisodeResult, Verdict]:
    """One episode on a stage that is set, judged once the world has come to rest."""
    result = run_episode(instruction, Body(robot=robot or stage.robot), planner, bounds=bounds, listeners=listeners)
    stage.world.settle()
    return result, verdict(stage, result)


def verdict(stage: SimStage, result: EpisodeResult) -> Verdict:
    """A success is the goal, true in the physics; for what can't be done, the right way to decline."""
    instance = stage.instance
    assert instance is not None, "a stage without a task can't be judged"
    declined = {Stop.ASKED: "ask", Stop.REFUSED: "refuse"}.get(result.stop, "act")
    if instance.expected != "act":
        fine = declined == instance.expected
        return Verdict(success=fine, reason="" if fine else f"should {instance.expected}, but {result.stop.value}")
    parts = explain(stage.world, instance.goal)
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
