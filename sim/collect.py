"""Episodes for training: the oracle (or the agent, with the oracle's plans beside it) at work, things going wrong."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np

from agent.artifacts import RunRecord, to_json, write_text
from agent.episodes import Camera, EpisodeReader, EpisodeWriter, Facts, Layout, Take
from agent.episodes.layout import INFO
from agent.episodes.records import TRAIN_SEEDS, VALIDATION_SEEDS
from agent.episodes.tape import Tape, TapedRobot, robot_layout
from agent.episodes.writer import staging
from agent.errors import Exit, UserError
from agent.executor import Bounds
from agent.plan import Marks, Planner, PrimitiveResult
from agent.stage import PlannerSource
from agent.watched import WatchedRobot
from robots.interface import Observation
from robots.spec import RobotSpec
from sim.disturb import Disturber
from sim.episode import TaskSpec, Verdict, play, theatre
from sim.jobs import chosen, planner_name, splits
from sim.progress import Progress
from sim.stage import SimStage
from sim.suites import suite_robot
from sim.workers import count, spread

MOST_FPS = 60.0
"""Robots here are commanded as often as that."""
SETTINGS = "collection.json"


@dataclass(frozen=True, kw_only=True)
class Setting:
    """What the workers of a collection share."""

    suite: str
    planner: PlannerSource
    planner_name: str
    robot: Callable[[], RobotSpec]
    renderer: Literal["auto", "gl", "tiny"]
    bounds: Bounds
    disturb: float
    fps: float
    folder: Path


def collect(
    *,
    record: RunRecord,
    suite: str,
    split: str,
    tasks: list[str] | None,
    episodes: int,
    planner: PlannerSource,
    disturb: float,
    fps: float,
    robot: Callable[[], RobotSpec],
    renderer: Literal["auto", "gl", "tiny"],
    workers: int | str,
    bounds: Bounds,
) -> Exit:
    """See conf/collect.yaml. Run again with the same `out`, it does what is missing."""
    first = record.seed or 0
    if episodes < 1 or not 0 <= disturb <= 1:
        raise UserError(f"episodes={episodes} is to be at least 1, and disturb={disturb} from 0 to 1")
    if not 0 < fps <= MOST_FPS:
        raise UserError(f"fps={fps:g}: give more than 0 and at most {MOST_FPS:g} frames a second")
    last = first + episodes - 1
    allowed = next((r for r in (TRAIN_SEEDS, VALIDATION_SEEDS) if first in r), None)
    if allowed is None or last not in allowed:
        raise UserError(
            f"seeds {first} to {last}: collecting takes training seeds, below {TRAIN_SEEDS.stop}, or validation seeds, "
            f"below {VALIDATION_SEEDS.stop}"
        )
    if splits(split) != ("trained",):
        raise UserError(f"split={split}: what is held out stays out of the episodes; leave split at trained")
    wanted = chosen(suite, split, tasks)
    specs = [TaskSpec(suite=suite, task=t, split=s, seed=first + i) for i in range(episodes) for s, t in wanted]
    robot = suite_robot(suite, robot)
    folder = record.out
    settings = {
        "suite": suite, "planner": planner_name(planner), "disturb": disturb, "fps": float(fps), "robot": robot().name,
    }  # fmt: skip
    check_same(folder / SETTINGS, settings)
    there = set[tuple[str, int | None]]()
    if (folder / INFO).exists():
        reader = EpisodeReader(folder)
        there = {(f.task, f.seed) for f in map(reader.facts, range(len(reader)))}
    left = [s for s in specs if (s.task, s.seed) not in there]
    if there:
        print(f"{len(specs) - len(left)} of {len(specs)} episodes are in {folder} already", flush=True)
    n_workers = count(workers)
    setting = Setting(
        suite=suite, planner=planner, planner_name=planner_name(planner), robot=robot, renderer=renderer, bounds=bounds,
        disturb=disturb, fps=float(fps), folder=folder,
    )  # fmt: skip
    write_text(folder / SETTINGS, to_json(settings) + "\n")
    tally: Counter[str] = Counter()
    with (
        EpisodeWriter(folder) as writer, record.timed("episodes"), Progress(len(left), "episodes") as progress,
    ):  # fmt: skip
        if writer.dropped:
            print(writer.dropped, flush=True)
        for _, played in spread(partial(run_one, setting), left, n_workers):
            with record.timed("taking in"):
                writer.adopt(played.staged)
            tally.update(
                steps=played.steps, frames=played.frames, successes=played.success, disturbances=played.troubles
            )
            progress.advance(bool(played.success))
    reader = EpisodeReader(folder)
    record.figures.update(
        suite=suite, planner=setting.planner_name, disturb=disturb, episodes=len(reader), collected=len(left),
        steps=tally["steps"], frames=tally["frames"], successes=tally["successes"],
        disturbances=tally["disturbances"], workers=n_workers,
    )  # fmt: skip
    print(f"{len(reader)} episodes in {folder}; of {len(left)} new ones {tally['successes']} succeeded", flush=True)
    return Exit.DONE


def check_same(path: Path, settings: dict[str, Any]) -> None:
    """Raises UserError where the episodes beside `path` came about in another way than these settings."""
    if not path.is_file():
        return
    try:
        before = json.loads(path.read_text())
    except ValueError as e:
        raise UserError(f"{path} is damaged ({e}); collect into another out=DIR") from e
    other = [f"{k}={before.get(k)}" for k, v in settings.items() if before.get(k) != v]
    if other:
        raise UserError(f"the episodes in {path.parent} were collected with {', '.join(other)}; give another out=DIR")


@dataclass(frozen=True, kw_only=True)
class Played:
    """One episode, recorded and waiting to be taken in. troubles: how often it was disturbed."""

    staged: Path
    success: int
    steps: int
    frames: int
    troubles: int


def run_one(setting: Setting, spec: TaskSpec) -> Played:
    """Plays one episode and records it, in files of its own."""
    stage = theatre(setting.renderer, setting.robot).set(spec)
    drawn = stage.drawn
    assert drawn is not None, "a task's stage has what was drawn of it"
    planner = setting.planner(stage)
    with Take(staging(setting.folder), stage_layout(stage, setting.fps)) as take:
        troubles, verdict = perform(stage, planner, take, spec, disturb=setting.disturb, bounds=setting.bounds)
        origin = {"disturb": setting.disturb, "renderer": setting.renderer, "bounds": vars(setting.bounds)}
        facts = Facts(
            seed=spec.seed, suite=setting.suite, task=spec.task, split=spec.split, instruction=drawn.instruction,
            phrasing=drawn.phrasing, expected=drawn.expected, goal=drawn.goal, objects=stage.names,
            success=verdict.success, planner=setting.planner_name, said=drawn.said, robot=stage.robot.spec.name,
            origin=to_json(origin),
        )  # fmt: skip
        staged = take.close(facts)
    return Played(staged=staged, success=int(verdict.success), steps=take.looks, frames=take.frames, troubles=troubles)


def stage_layout(stage: SimStage, fps: float) -> Layout:
    """What is recorded of a stage: the robot, and its main camera."""
    spec = stage.robot.spec
    if spec.cameras:
        mount = spec.camera(spec.main_camera)
        height, width = mount.height, mount.width
    else:
        height, width = stage.world.camera.height, stage.world.camera.width
    return robot_layout(spec, (Camera(name=spec.main_camera, height=height, width=width),), fps)


def perform(
    stage: SimStage, planner: Planner, take: Take, spec: TaskSpec, *, disturb: float, bounds: Bounds
) -> tuple[int, Verdict]:
    """One episode onto a take: how often it was disturbed, and how it was judged."""
    drawn, world = stage.drawn, stage.world
    assert stage.task is not None, "a task's stage has its task"
    assert drawn is not None, "... and what was drawn of it"
    teacher = stage.task.teacher(stage.sim_robot, drawn)
    instruction = drawn.instruction

    def right(seen: Observation, history: Sequence[PrimitiveResult]) -> tuple[str, str, Marks]:
        plan = teacher.plan(instruction, seen, history)
        said = teacher.sentence(seen, history)
        return plan.text, said.plan, said.marks

    camera = take.layout.cameras[0].name
    tape = Tape(
        take, stage.robot, pictures=lambda: {camera: stage.sim_robot.main_picture().rgb}, clock=lambda: world.time_s,
        instruction=instruction, right=right,
    )  # fmt: skip
    disturber = Disturber(world, np.random.default_rng([spec.seed, 1]), probability=disturb)
    robot = TapedRobot(WatchedRobot(stage.robot, disturber.moved), tape)
    _, verdict = play(stage, planner, instruction, bounds=bounds, robot=robot, listeners=[tape, disturber])
    tape.end()
    return len(disturber.done), verdict
