"""Success rates that can be trusted: test seeds, intervals, control arms, every episode on record."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal
from zlib import crc32

import numpy as np

from agent.artifacts import RunRecord, disk_errors, to_json, write_text
from agent.errors import Exit, UserError
from agent.executor import Bounds, Listener
from agent.plan import format_call
from agent.policy.backends import Choice
from agent.stage import PlannerSource
from agent.watched import WatchedRobot
from robots.interface import Robot
from robots.spec import RobotSpec
from sim.causes import Critic
from sim.chain import play_chain
from sim.controls import Blindfolded, contradiction
from sim.disturb import DisturbedRobot, Disturber, chosen_kinds
from sim.episode import TaskSpec, Theatre, TimedPlanner, play, theatre
from sim.jobs import Job, chain_jobs, chosen, control_jobs, film_of, finished, main_jobs, own_list, planner_name
from sim.probe import Probe
from sim.progress import Progress
from sim.report import chain_line, print_report, report, too_few
from sim.report_page import html, markdown
from sim.stage import SimStage
from sim.suites import suite_robot
from sim.workers import count, spread

if TYPE_CHECKING:
    from agent.recorder import Recorder

FIRST_SEED = 2_000_000
LONGEST_CHAIN = 20
FILM_PX = 448
MOST_CONTROLS = 25
"""Control episodes a task and arm, where it is left open."""


@dataclass(frozen=True, kw_only=True)
class Setting:
    """What every job of an evaluation has in common; goes to the workers."""

    planner: PlannerSource
    robot: Callable[[], RobotSpec]
    renderer: Literal["auto", "gl", "tiny"]
    bounds: Bounds
    probe: bool = False
    truth: bool = False
    """The planner is the oracle itself: there is nobody to hold its calls against."""
    trouble: tuple[str, ...] = ()
    trouble_chance: float = 0.0
    policy: Choice = field(default_factory=Choice)


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
    policy: Choice | None = None,
    video_failures: bool = False,
    chain: int = 0,
    probe: bool = False,
    disturb: str | list[str] | None = None,
    disturb_chance: float = 0.3,
) -> Exit:
    """See conf/evaluate.yaml. Appends to episodes.jsonl; run again with the same `out` it does what is missing."""
    policy = policy or Choice()
    first = record.seed if record.seed is not None else FIRST_SEED
    if first < FIRST_SEED and instructions is None:
        raise UserError(f"seed={first}: tests begin at {FIRST_SEED}; seeds below are for training and validation")
    if episodes < 1:
        raise UserError(f"episodes={episodes}: at least 1")
    if not 0 <= chain <= LONGEST_CHAIN or (chain and instructions is not None):
        raise UserError(f"chain={chain}: 0 for none, up to {LONGEST_CHAIN} instructions of a suite in a row")
    if instructions is not None:
        specs = own_list(Path(instructions), first)
    else:
        wanted = chosen(suite, split, tasks)
        specs = [TaskSpec(suite=suite, task=t, split=s, seed=first + i) for s, t in wanted for i in range(episodes)]
    name = planner_name(planner)
    if instructions is None:
        robot = suite_robot(suite, robot)
    trouble = chosen_kinds(disturb) if disturb is not None else ()
    if not 0 <= disturb_chance <= 1:
        raise UserError(f"disturb_chance={disturb_chance} is the chance of a call to be disturbed, from 0 to 1")
    setting = Setting(
        planner=planner, robot=robot, renderer=renderer, bounds=bounds, probe=probe or name == "oracle",
        truth=name == "oracle", trouble=trouble, trouble_chance=disturb_chance,
        policy=policy,
    )  # fmt: skip
    if suite.endswith(".py") and instructions is None:
        rehearse(setting, specs[0])
    if name == "oracle" and arms == "auto":
        arms = 0
        print("control  none: the oracle is told the task, it reads no instruction", flush=True)
    if arms != "auto" and (not isinstance(arms, int) or arms < 0):
        raise UserError(f"arms={arms}: auto, or how many control episodes a task and arm, from 0 on")
    most = min(episodes, MOST_CONTROLS) if instructions is None else len(specs)
    controls = most if isinstance(arms, str) else arms
    jobs = [*main_jobs(specs, record.out, videos), *control_jobs(specs, controls, first)]
    if chain:
        jobs = list(chain_jobs(suite, wanted, chain, episodes, first, record.out, videos))
        if not jobs:
            raise UserError(f"chain={chain}: none of these tasks is to be acted on, and a chain is of what is")
    path = record.out / "episodes.jsonl"
    head = {"planner": name, "suite": suite if instructions is None else instructions, "robot": robot().name}
    policy.backends()  # what is wrong with it shows at once
    if others := {verb.value: name for verb, name in policy.by_verb.items() if name != "scripted"}:
        head["policy"] = ",".join(f"{verb} {name}" for verb, name in others.items()) + f" {policy.checkpoint}"
    if trouble:
        head["disturb"] = f"{','.join(trouble)} {disturb_chance:g}"
    done = finished(path, head)
    left = [j for j in jobs if j.key not in done]
    if len(left) < len(jobs):
        print(f"{len(jobs) - len(left)} of {len(jobs)} episodes are in {path} already", flush=True)
    n_workers = min(count(workers), max(len(left), 1))
    with record.timed("episodes"), Progress(len(left), "episodes") as progress, disk_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(path, "ab") as f:
            for job, line in spread(partial(run_job, setting), left, n_workers):
                text = to_json({**head, **line})
                f.write(text.encode() + b"\n")
                f.flush()
                done[job.key] = line = json.loads(text)
                progress.advance(bool(line["success"]) if job.arm == "agent" else None)
            os.fsync(f.fileno())
    if video_failures:
        with record.timed("films"):
            film_failures(setting, [j for j in jobs if j.arm == "agent" and not done[j.key]["success"]], record.out)
    lines = [done[j.key] for j in jobs]
    figures = report(lines)
    record.figures.update(planner=name, suite=suite, split=split, episodes=episodes, workers=n_workers, **figures)
    print_report(figures)
    warnings = too_few(figures)
    for warning in warnings:
        print(warning)
    there = {j.key: film.relative_to(record.out) for j in jobs if (film := film_of(record.out, j.spec)).is_file()}
    title = f"{name} on {head['suite']}, split {split}"
    write_text(record.out / "report.md", markdown(title, figures, warnings))
    write_text(record.out / "report.html", html(title, figures, warnings, lines, there))
    print(f"files  {record.out}", flush=True)
    return Exit.DONE


def film_failures(setting: Setting, jobs: Sequence[Job], out: Path) -> None:
    """Plays what failed once more, with a camera; the same seed is the same episode."""
    left = [replace(j, film=film_of(out, j.spec)) for j in jobs if not film_of(out, j.spec).exists()]
    with Progress(len(left), "films of failures") as progress:
        for job, line in spread(partial(run_job, setting), left, 1):
            progress.advance(None)
            if line["success"]:
                print(
                    f"{job.spec.task} {job.spec.seed} succeeded when it was played again: its planner is left to chance"
                )


def rehearse(setting: Setting, spec: TaskSpec) -> None:
    """Sets a task file's first scene, judges it and asks its oracle, so that what is wrong with it shows at once.

    Raises:
        UserError: what is wrong.
    """
    stage = theatre(setting.renderer, setting.robot).set(spec)
    assert stage.task is not None, "a task's stage has its task"
    assert stage.drawn is not None, "... and what was drawn of it"
    stage.task.teacher(stage.sim_robot, stage.drawn).plan(stage.drawn.instruction, stage.robot.observe(), ())


def run_job(setting: Setting, job: Job) -> dict[str, Any]:
    """One episode, or one chain, in this process's theatre -> its line."""
    start = time.perf_counter()
    house = theatre(setting.renderer, setting.robot)
    instruction = ""
    if job.said is not None:
        said = house.set(job.said).drawn
        assert said is not None
        instruction = said.instruction
    listeners: list[Listener] = []
    if job.chain is not None:
        robot, film, probe, disturber = _watchers(setting, house, job, "", listeners)
        with closing(film) if film is not None else nullcontext(), ending(disturber):
            chained = play_chain(
                house, job.chain, setting.planner, setting.bounds, robot=robot, listeners=listeners,
                backends=setting.policy.backends(),
            )  # fmt: skip
        line = chain_line(chained, job.chain.length)
    else:
        stage = house.set(job.spec)
        drawn = stage.drawn
        assert drawn is not None, "a task's stage has what was drawn"
        other = contradiction(house, job.spec, drawn) if job.arm == "contradicted" else None
        if job.arm in ("agent", "blind"):
            instruction = drawn.instruction
        elif other is not None:
            instruction = other[1].instruction
        planner = TimedPlanner(setting.planner(stage))
        robot, film, probe, disturber = _watchers(setting, house, job, instruction, listeners)
        critic = None
        if job.arm == "agent" and not setting.truth and job.spec.own is None:
            assert stage.task is not None, "a task's stage has its task"
            critic = Critic(stage.task.teacher(stage.sim_robot, drawn), instruction)
            listeners.append(critic)
        with closing(film) if film is not None else nullcontext(), ending(disturber):
            result, verdict = play(
                stage, planner, instruction, bounds=setting.bounds, robot=robot, listeners=listeners,
                backends=setting.policy.backends(),
            )  # fmt: skip
            if film is not None:
                film.still(1.5, "success" if verdict.success else verdict.reason)
        line = {
            "instruction": instruction, "phrasing": drawn.phrasing, "expected": drawn.expected, "goal": drawn.goal,
            "objects": stage.names, "success": verdict.success, "reason": verdict.reason, "stop": result.stop,
            "declined": result.declined,
            "calls": [{"call": format_call(r.call), "status": r.status, "detail": r.detail} for r in result.results],
            "robot_s": round(result.end_s - result.start_s, 3), "planner_calls": planner.calls,
            "planner_s": round(planner.spent_s, 4),
        }  # fmt: skip
        if critic is not None and critic.first is not None:
            line["astray"] = {"cause": critic.first[0], "call": critic.first[1]}
        if other is not None:
            line["obeyed"] = all(other[0].parts(stage.world, other[1]).values())
    return {
        "arm": job.arm, "task": job.spec.task, "split": job.spec.split, "seed": job.spec.seed, **line,
        **({"probe": probe.readings.as_line()} if probe is not None else {}),
        **({"disturbed": disturber.done} if disturber is not None else {}),
        "wall_s": round(time.perf_counter() - start, 3),
    }  # fmt: skip


def _watchers(
    setting: Setting, house: Theatre, job: Job, instruction: str, listeners: list[Listener]
) -> tuple[Robot, Recorder | None, Probe | None, Disturber | None]:
    """The robot as it is disturbed, probed and filmed, and who does so; they listen, too."""
    robot: Robot = house.robot if job.arm != "blind" else Blindfolded(house.robot)
    film, probe, disturber = None, None, None
    if setting.trouble:
        disturber = Disturber(
            house.robot.world, np.random.default_rng([job.spec.seed, crc32(job.spec.task.encode()), 2]),
            probability=setting.trouble_chance, most=3, kinds=setting.trouble,
        )  # fmt: skip
        robot = DisturbedRobot(robot, disturber)
        listeners.append(disturber)
    if setting.probe:
        probe = Probe(house.robot)
        robot = WatchedRobot(robot, probe.moved)
        listeners.append(probe)
    if job.film is not None:
        from agent.recorder import Recorder

        film = Recorder(job.film, instruction, partial(SimStage(house.robot, house.opened).picture, FILM_PX))
        robot = WatchedRobot(robot, film.moved)
        listeners.append(film)
    return robot, film, probe, disturber


@contextmanager
def ending(disturber: Disturber | None) -> Iterator[None]:
    """Nobody stands in the way when the next episode begins."""
    try:
        yield
    finally:
        if disturber is not None:
            disturber.end()
