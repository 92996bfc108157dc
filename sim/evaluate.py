"""Success rates that can be trusted: test seeds, intervals, control arms, every episode on record."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Literal

from agent.artifacts import RunRecord, disk_errors, to_json
from agent.errors import Exit, UserError, one_of
from agent.executor import Bounds, Event, Listener
from agent.plan import format_call
from agent.stage import PlannerSource
from agent.watched import WatchedRobot
from robots.spec import RobotSpec
from sim.episode import OwnTask, TaskSpec, planner_of, play, theatre
from sim.goals import GoalError, parse_goal
from sim.progress import Progress
from sim.report import print_report, report
from sim.tasks.base import SPLITS, Split
from sim.tasks.suites import SUITES, families
from sim.workers import count, spread

FIRST_SEED = 2_000_000
ARMS = ("blank", "shuffled")
Arm = Literal["agent", "blank", "shuffled"]


@dataclass(frozen=True, kw_only=True)
class Job:
    """One episode to run. said: the task whose instruction is given instead, in the shuffled arm. film: where to."""

    arm: Arm
    spec: TaskSpec
    said: TaskSpec | None = None
    film: Path | None = None

    @property
    def key(self) -> tuple[str, str, str, int]:
        return (self.arm, self.spec.task, self.spec.split, self.spec.seed)


@dataclass(frozen=True, kw_only=True)
class Setting:
    """What every job of an evaluation has in common; goes to the workers."""

    planner: PlannerSource
    robot: Callable[[], RobotSpec]
    renderer: Literal["auto", "gl", "tiny"]
    bounds: Bounds


def evaluate(
    *,
    record: RunRecord,
    suite: str,
    split: str,
    tasks: list[str] | None,
    episodes: int,
    instructions: str | None,
    arms: int | str,
    planner: PlannerSource,
    robot: Callable[[], RobotSpec],
    renderer: Literal["auto", "gl", "tiny"],
    workers: int | str,
    videos: int,
    bounds: Bounds,
) -> Exit:
    """See conf/evaluate.yaml. Appends to episodes.jsonl; run again with the same `out` it does what is missing."""
    first = record.seed if record.seed is not None else FIRST_SEED
    if first < FIRST_SEED and instructions is None:
        raise UserError(f"seed={first}: tests begin at seed {FIRST_SEED}; what lies below is for training and validation")
    if episodes < 1:
        raise UserError(f"episodes={episodes}: at least 1")
    if instructions is not None:
        specs = own_list(Path(instructions), first)
    else:
        specs = [
            TaskSpec(task=task, split=s, seed=first + i)
            for s in splits(split) for task in chosen(suite, split, tasks) for i in range(episodes)
        ]  # fmt: skip
    name = planner_name(planner)
    if name == "oracle" and arms == "auto":
        arms = 0
        print("control  none: the oracle is told the task, it reads no instruction", flush=True)
    controls = (min(episodes, 25) if instructions is None else len(specs)) if arms == "auto" else int(arms)
    jobs = [*main_jobs(specs, record.out, videos), *control_jobs(specs, controls, first)]
    path = record.out / "episodes.jsonl"
    done = finished(path, {"planner": name, "suite": suite if instructions is None else instructions})
    left = [j for j in jobs if j.key not in done]
    if len(left) < len(jobs):
        print(f"{len(jobs) - len(left)} of {len(jobs)} episodes are in {path} already", flush=True)
    n_workers = min(count(workers), max(len(left), 1))
    setting = Setting(planner=planner, robot=robot, renderer=renderer, bounds=bounds)
    with record.timed("episodes"), Progress(len(left), "episodes") as progress, disk_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(path, "ab") as f:
            for job, line in spread(partial(run_job, setting), left, n_workers):
                line = {"planner": name, "suite": suite if instructions is None else instructions, **line}
                f.write(to_json(line).encode() + b"\n")
                f.flush()
                done[job.key] = line
                progress.advance(bool(line["success"]) if job.arm == "agent" else None)
            os.fsync(f.fileno())
    figures = report([done[j.key] for j in jobs])
    record.figures.update(planner=name, suite=suite, split=split, episodes=episodes, workers=n_workers, **figures)
    print_report(figures)
    print(f"files  {record.out}", flush=True)
    return Exit.DONE


def run_job(setting: Setting, job: Job) -> dict[str, Any]:
    """One episode in this process's theatre -> its line."""
    start = time.perf_counter()
    house = theatre(setting.renderer, setting.robot)
    instruction = ""
    if job.said is not None:
        said = house.set(job.said).instance
        assert said is not None
        instruction = said.instruction
    stage = house.set(job.spec)
    instance = stage.instance
    assert instance is not None
    if job.arm == "agent":
        instruction = instance.instruction
    planner = planner_of(setting.planner, stage)
    listeners: list[Listener] = []
    robot, film = stage.robot, None
    if job.film is not None:
        from agent.recorder import Recorder

        film = Recorder(job.film, instruction, lambda: stage.picture(448))
        robot = WatchedRobot(robot, film.moved)
        listeners.append(film)
    try:
        result, verdict = play(stage, planner, instruction, bounds=setting.bounds, robot=robot, listeners=listeners)
        if film is not None:
            film.still(1.5, "success" if verdict.success else verdict.reason)
    finally:
        if film is not None:
            film.close()
    return {
        "arm": job.arm, "task": job.spec.task, "split": job.spec.split, "seed": job.spec.seed,
        "instruction": instruction, "phrasing": instance.phrasing, "expected": instance.expected, "goal": instance.goal,
        "objects": stage.names, "success": verdict.success, "reason": verdict.reason, "stop": result.stop,
        "declined": result.declined,
        "calls": [{"call": format_call(r.call), "status": r.status, "detail": r.detail} for r in result.results],
        "robot_s": round(result.end_s - result.start_s, 3), "planner_calls": planner.calls,
        "planner_s": round(planner.spent_s, 4), "wall_s": round(time.perf_counter() - start, 3),
    }  # fmt: skip


def splits(split: str) -> tuple[Split, ...]:
    """The splits of the tasks that a choice stands for. `declined` is not one: it chooses among the tasks."""
    if split == "all":
        return SPLITS
    if split == "declined":
        return ("trained",)
    for s in SPLITS:
        if s == split:
            return (s,)
    raise one_of("split", split, (*SPLITS, "declined", "all"))


def chosen(suite: str, split: str, tasks: Sequence[str] | None) -> list[str]:
    """The tasks of a suite that are wanted."""
    from sim.tasks.suites import DECLINED

    if suite not in SUITES:
        raise one_of("suite", suite, SUITES)
    there = list(families(suite))
    for task in tasks or ():
        if task not in there:
            raise one_of(f"task in {suite}", task, there)
    if tasks:
        return list(tasks)
    declined = {name for name, _ in DECLINED}
    return [t for t in there if t in declined] if split == "declined" else there


def main_jobs(specs: Sequence[TaskSpec], out: Path, videos: int) -> Iterator[Job]:
    seen: dict[tuple[str, str], int] = {}
    for spec in specs:
        number = seen.setdefault((spec.task, spec.split), 0)
        seen[spec.task, spec.split] += 1
        film = out / "videos" / f"{spec.split}_{spec.task}_{spec.seed}.mp4" if number < videos else None
        yield Job(arm="agent", spec=spec, film=film)


def control_jobs(specs: Sequence[TaskSpec], episodes: int, first: int) -> Iterator[Job]:
    """The same scenes with nothing said, and with what was said in another's: of the next task, at another seed.

    Only what is to be acted on: to decline a blank instruction is right.
    """
    from sim.tasks.suites import DECLINED

    declined = {name for name, _ in DECLINED}
    acting = [s for s in specs if s.task not in declined and not (s.own and s.own.goal in ("ask", "refuse"))]
    kinds = list(dict.fromkeys((s.task, s.split) for s in acting))
    for i, (task, split) in enumerate(kinds):
        mine = [s for s in acting if (s.task, s.split) == (task, split)][:episodes]
        other_task, other_split = kinds[(i + 1) % len(kinds)]
        others = [s for s in acting if (s.task, s.split) == (other_task, other_split)]
        for number, spec in enumerate(mine):
            yield Job(arm="blank", spec=spec)
            said = others[(number + 1) % len(others)]
            if said is not spec:
                yield Job(arm="shuffled", spec=spec, said=said)


def own_list(path: Path, first: int) -> list[TaskSpec]:
    """A user's instruction list, one JSON object a line: instruction, objects, goal, and perhaps a seed."""
    try:
        lines = path.read_text().splitlines()
    except (OSError, UnicodeDecodeError) as e:
        raise UserError(f"instructions={path} can't be read: {e}") from e
    specs = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            content = json.loads(line)
            own = OwnTask(
                instruction=str(content["instruction"]), objects=tuple(map(str, content["objects"])), goal=str(content["goal"])
            )
            if own.goal not in ("ask", "refuse"):
                parse_goal(own.goal)
            specs.append(TaskSpec(task="own", split="trained", seed=int(content.get("seed", first + len(specs))), own=own))
        except (ValueError, KeyError, TypeError, GoalError) as e:
            raise UserError(
                f"{path}, line {number}: {type(e).__name__} {e}; a line is "
                '{"instruction": "...", "objects": ["red block", ...], "goal": "in(red block, green bowl)", "seed": 2000001}'
            ) from e
    if not specs:
        raise UserError(f"instructions={path} has no lines")
    return [replace(s, task=f"own {i + 1}") for i, s in enumerate(specs)] if _repeat(specs) else specs


def _repeat(specs: Sequence[TaskSpec]) -> bool:
    return len({s.seed for s in specs}) < len(specs)


def finished(path: Path, same: dict[str, str]) -> dict[tuple[str, str, str, int], dict[str, Any]]:
    """The episodes that an earlier run left, by key. A line that was cut off is dropped from the file.

    Raises:
        UserError: where they are those of another planner or suite.
    """
    done: dict[tuple[str, str, str, int], dict[str, Any]] = {}
    if not path.exists():
        return done
    whole = 0
    with open(path, "rb") as f:
        for line in f:
            try:
                content = json.loads(line) if line.endswith(b"\n") else None
            except ValueError:
                content = None
            if content is None:
                break
            whole += len(line)
            for key, value in same.items():
                if content[key] != value:
                    raise UserError(f"{path} holds episodes of {key} {content[key]}, not {value}; give another out=DIR")
            done[content["arm"], content["task"], content["split"], content["seed"]] = content
    if whole < path.stat().st_size:
        print(f"{path}: dropped a line that was cut off", flush=True)
        os.truncate(path, whole)
    return done


def planner_name(source: PlannerSource) -> str:
    """As `planner=` has it."""
    keywords = getattr(source, "keywords", {})
    function = getattr(source, "func", source)
    return str(keywords.get("name", getattr(function, "__name__", "planner")))


__all__ = ["Event", "Job", "Setting", "evaluate", "run_job"]
