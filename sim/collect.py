"""Episodes for training: the oracle (or the agent, with the oracle's plans beside it) at work, things going wrong."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Literal

from agent.artifacts import RunRecord, to_json, write_text
from agent.episodes import EpisodeReader, EpisodeWriter
from agent.episodes.layout import INFO
from agent.episodes.records import TRAIN_SEEDS, VALIDATION_SEEDS
from agent.episodes.take import staging
from agent.errors import Exit, UserError, one_of
from agent.executor import Bounds
from agent.planners import trained
from agent.stage import PlannerSource
from robots.spec import RobotSpec
from sim.cluster import RayEngine, ray_cluster, spread_over, unpack
from sim.episode import TaskSpec
from sim.jobs import chosen, planner_name, splits
from sim.progress import Progress
from sim.recording import Played, Setting, run_one, run_packed
from sim.stage import oracle
from sim.suites import suite_robot
from sim.workers import count, spread

MOST_FPS = 60.0
"""Robots here are commanded as often as that."""
SETTINGS = "collection.json"
UNSAID = {"disturbed": 1.0, "questions": False}
"""What collections had before there was a choice."""
ENGINES = ("local", "ray")


def collect(
    *,
    record: RunRecord,
    suite: str,
    split: str,
    tasks: list[str] | None,
    episodes: int,
    planner: PlannerSource,
    planners: Mapping[str, float] | None,
    disturb: float,
    disturbed: float,
    questions: bool,
    fps: float,
    robot: Callable[[], RobotSpec],
    renderer: Literal["auto", "gl", "tiny"],
    workers: int | str,
    engine: str,
    address: str | None,
    bounds: Bounds,
) -> Exit:
    """See conf/collect.yaml. Run again with the same `out`, it does what is missing."""
    first = record.seed or 0
    if episodes < 1 or not 0 <= disturb <= 1 or not 0 <= disturbed <= 1:
        raise UserError(
            f"episodes={episodes} is to be at least 1, and disturb={disturb} and disturbed={disturbed} from 0 to 1"
        )
    if not 0 < fps <= MOST_FPS:
        raise UserError(f"fps={fps:g}: give more than 0 and at most {MOST_FPS:g} frames a second")
    if engine not in ENGINES:
        raise one_of("engine", engine, ENGINES)
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
    setting = Setting(
        suite=suite, planners=cast(planner, planners), robot=robot, renderer=renderer, bounds=bounds, disturb=disturb,
        disturbed=disturbed, questions=questions, fps=float(fps), folder=folder,
    )  # fmt: skip
    who = ", ".join(name if planners is None else f"{name} {weight:g}" for name, _, weight in setting.planners)
    settings = {
        "suite": suite, "planner": who, "disturb": disturb, "disturbed": disturbed, "fps": float(fps),
        "robot": robot().name, "questions": questions,
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
    write_text(folder / SETTINGS, to_json(settings) + "\n")
    tally: Counter[str] = Counter()
    with (
        EpisodeWriter(folder) as writer, record.timed("episodes"), Progress(len(left), "episodes") as progress,
    ):  # fmt: skip
        if writer.dropped:
            print(writer.dropped, flush=True)
        for played in played_by(engine, setting, left, n_workers, address):
            with record.timed("taking in"):
                writer.adopt(played.staged)
            tally.update(
                steps=played.steps, frames=played.frames, successes=played.success, disturbances=played.troubles,
                questions=played.questions, relabelled=played.relabelled,
            )  # fmt: skip
            progress.advance(bool(played.success))
    reader = EpisodeReader(folder)
    record.figures.update(
        suite=suite, planner=who, disturb=disturb, episodes=len(reader), collected=len(left),
        steps=tally["steps"], frames=tally["frames"], successes=tally["successes"],
        disturbances=tally["disturbances"], questions=tally["questions"], relabelled=tally["relabelled"],
        engine=engine, workers=n_workers,
    )  # fmt: skip
    print(f"{len(reader)} episodes in {folder}; of {len(left)} new ones {tally['successes']} succeeded", flush=True)
    return Exit.DONE


def cast(planner: PlannerSource, planners: Mapping[str, float] | None) -> tuple[tuple[str, PlannerSource, float], ...]:
    """Who may play, by name, with weights: `planner` alone, or the several that `planners=` names."""
    if planners is None:
        return ((planner_name(planner), planner, 1.0),)
    if not planners or min(planners.values()) <= 0:
        raise UserError(f"planners={dict(planners)}: give weights above 0, such as {{oracle: 3, nano: 1}}")
    sources: dict[str, Any] = {
        name: oracle if name == "oracle" else partial(trained, name=name) for name in map(str, planners)
    }  # fmt: skip
    return tuple((name, sources[str(name)], float(weight)) for name, weight in planners.items())


def played_by(
    engine: str, setting: Setting, specs: Sequence[TaskSpec], workers: int, address: str | None
) -> Iterator[Played]:
    """The episodes as they get done, each once, its files on this machine."""
    if engine == "local" or not specs:
        for _, played in spread(partial(run_one, setting), specs, workers):
            yield played
        return
    with ray_cluster(address, workers) as ray:
        for _, packed in spread_over(RayEngine(partial(run_packed, setting), ray), specs):
            yield replace(packed.played, staged=unpack(packed, staging(setting.folder)))


def check_same(path: Path, settings: dict[str, Any]) -> None:
    """Raises UserError where the episodes beside `path` came about in another way than these settings."""
    if not path.is_file():
        return
    try:
        before = {**UNSAID, **json.loads(path.read_text())}
    except (ValueError, TypeError) as e:
        raise UserError(f"{path} is damaged ({e}); collect into another out=DIR") from e
    other = [f"{k}={before.get(k)}" for k, v in settings.items() if before.get(k) != v]
    if other:
        raise UserError(f"the episodes in {path.parent} were collected with {', '.join(other)}; give another out=DIR")
