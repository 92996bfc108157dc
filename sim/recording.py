"""One episode of a collection: played, recorded, asked about, judged, and labelled by hindsight where it failed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal
from zlib import crc32

import numpy as np

from agent.artifacts import to_json
from agent.episodes import Camera, Facts, Layout, Question, Take
from agent.episodes.take import staging
from agent.episodes.tape import Tape, TapedRobot, robot_layout
from agent.executor import Bounds, Listener
from agent.plan import Marks, Planner, PrimitiveResult
from agent.stage import PlannerSource
from agent.watched import WatchedRobot
from robots.interface import Observation
from robots.spec import RobotSpec
from sim.asked import Asker
from sim.cluster import Packed, pack
from sim.disturb import Disturber
from sim.episode import TaskSpec, Verdict, play, theatre
from sim.hindsight import Hindsight, Relabel, can_relabel
from sim.stage import SimStage


@dataclass(frozen=True, kw_only=True)
class Setting:
    """What the workers of a collection share. planners: (name, where it comes from, its weight). disturb: chance a
    call, in `disturbed` of the episodes."""

    suite: str
    planners: tuple[tuple[str, PlannerSource, float], ...]
    robot: Callable[[], RobotSpec]
    renderer: Literal["auto", "gl", "tiny"]
    bounds: Bounds
    disturb: float
    disturbed: float
    questions: bool
    fps: float
    folder: Path

    def cast(self, spec: TaskSpec) -> tuple[PlannerSource, str, float]:
        """Who plays an episode, by what name, and the chance of trouble in it: the same whenever it is played."""
        rng = np.random.default_rng([spec.seed, crc32(spec.task.encode()), 4])
        which, trouble = rng.random(2)
        weights = np.cumsum([weight for _, _, weight in self.planners])
        at = min(int(np.searchsorted(weights, which * weights[-1], side="right")), len(weights) - 1)
        name, source, _ = self.planners[at]
        return source, name, self.disturb if trouble < self.disturbed else 0.0


@dataclass(frozen=True, kw_only=True)
class Played:
    """One episode, recorded and waiting to be taken in. troubles: how often it was disturbed. relabelled: 1 where it
    carried out another sentence."""

    staged: Path
    success: int
    steps: int
    frames: int
    troubles: int
    questions: int
    relabelled: int


def run_one(setting: Setting, spec: TaskSpec) -> Played:
    """Plays one episode and records it, in files of its own."""
    stage = theatre(setting.renderer, setting.robot).set(spec)
    drawn = stage.drawn
    assert drawn is not None, "a task's stage has what was drawn of it"
    source, name, disturb = setting.cast(spec)
    planner = source(stage)
    with Take(staging(setting.folder), stage_layout(stage, setting.fps)) as take:
        played = perform(
            stage, planner, take, spec, disturb=disturb, questions=setting.questions, bounds=setting.bounds
        )
        origin = {
            "disturb": disturb, "questions": setting.questions, "renderer": setting.renderer,
            "bounds": vars(setting.bounds),
        }  # fmt: skip
        again = played.relabel
        facts = Facts(
            seed=spec.seed, suite=setting.suite, task=spec.task, split=spec.split, instruction=drawn.instruction,
            phrasing=drawn.phrasing, expected=drawn.expected, goal=drawn.goal, objects=stage.names,
            success=played.verdict.success, planner=name, said=drawn.said,
            robot=stage.robot.spec.name, origin=to_json(origin), relabelled=again.instruction if again else "",
            relabelled_goal=again.goal if again else "", relabelled_plans=again.plans if again else (),
        )  # fmt: skip
        staged = take.close(facts)
    return Played(
        staged=staged, success=int(played.verdict.success), steps=take.looks, frames=take.frames,
        troubles=played.troubles, questions=played.questions, relabelled=int(again is not None),
    )  # fmt: skip


def run_packed(setting: Setting, spec: TaskSpec) -> Packed:
    """The same on a machine that may not see the dataset's disk."""
    return pack(lambda folder: run_one(replace(setting, folder=folder), spec))


def stage_layout(stage: SimStage, fps: float) -> Layout:
    """What is recorded of a stage: the robot, and its main camera."""
    spec = stage.robot.spec
    if spec.cameras:
        mount = spec.camera(spec.main_camera)
        height, width = mount.height, mount.width
    else:
        height, width = stage.world.camera.height, stage.world.camera.width
    return robot_layout(spec, (Camera(name=spec.main_camera, height=height, width=width),), fps)


@dataclass(frozen=True, kw_only=True)
class Performed:
    """How an episode went. questions: how many were asked. relabel: where it failed, what it did instead."""

    troubles: int
    verdict: Verdict
    questions: int
    relabel: Relabel | None


def perform(
    stage: SimStage, planner: Planner, take: Take, spec: TaskSpec, *, disturb: float, questions: bool, bounds: Bounds
) -> Performed:
    """One episode onto a take."""
    drawn, world = stage.drawn, stage.world
    assert stage.task is not None, "a task's stage has its task"
    assert drawn is not None, "... and what was drawn of it"
    teacher = stage.task.teacher(stage.sim_robot, drawn)
    instruction = drawn.instruction
    asked = Counter[str]()

    def right(seen: Observation, history: Sequence[PrimitiveResult]) -> tuple[str, str, Marks]:
        plan = teacher.plan(instruction, seen, history)
        said = teacher.sentence(seen, history)
        return plan.text, said.plan, said.marks

    def ask(seen: Observation) -> tuple[Question, ...]:
        found = asker.ask(seen)
        asked.update(q.kind for q in found)
        return found

    camera = take.layout.cameras[0].name
    asker = Asker(stage, np.random.default_rng([spec.seed, crc32(spec.task.encode()), 2]))
    tape = Tape(
        take, stage.robot, pictures=lambda: {camera: stage.sim_robot.main_picture().rgb}, clock=lambda: world.time_s,
        instruction=instruction, right=right, ask=ask if questions else None,
    )  # fmt: skip
    disturber = Disturber(world, np.random.default_rng([spec.seed, 1]), probability=disturb)
    hindsight = Hindsight(stage) if can_relabel(stage) else None
    robot = TapedRobot(WatchedRobot(stage.robot, disturber.moved), tape)
    listeners: list[Listener] = [asker, *([hindsight] if hindsight is not None else []), tape, disturber]
    _, verdict = play(stage, planner, instruction, bounds=bounds, robot=robot, listeners=listeners)
    tape.end()
    other = None
    if hindsight is not None and not verdict.success:
        other = hindsight.relabel(np.random.default_rng([spec.seed, crc32(spec.task.encode()), 3]))
    return Performed(
        troubles=len(disturber.done), verdict=verdict, questions=sum(asked.values()), relabel=other
    )  # fmt: skip
