"""Recorded episodes again in the simulation: the same scene, the same calls, and whether all came out the same."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from agent.artifacts import RunRecord
from agent.episodes import EpisodeReader, Step, Take
from agent.episodes.arrow import read_table
from agent.episodes.check import robot_named
from agent.episodes.index import mark
from agent.episodes.records import Facts
from agent.episodes.take import FRAMES, LOOKS_FILE
from agent.errors import UserError
from agent.executor import Bounds
from agent.plan import Plan, PrimitiveResult, format_plan, parse_call, parse_plan
from robots.interface import Observation
from robots.spec import RobotSpec
from sim.episode import TaskSpec, theatre
from sim.progress import Progress
from sim.recording import perform, stage_layout
from sim.suites import find_suite
from sim.task import SPLITS


class Again:
    """A planner that says what was done: at look k, the call that was performed then."""

    def __init__(self, steps: Sequence[Step]) -> None:
        self._steps = steps

    def plan(self, instruction: str, observation: Observation, history: Sequence[PrimitiveResult]) -> Plan:
        step = self._steps[min(len(history), len(self._steps) - 1)]
        calls = (parse_call(step.call),) if step.call else parse_plan(step.plan)[-1:]
        return Plan(instruction=instruction, calls=calls, text=format_plan(calls), planner="again")


def replay(*, record: RunRecord, reader: EpisodeReader, which: Sequence[int]) -> bool:
    """Plays episodes `which` again, one after another, and says of each where it differs, if it does.

    Raises:
        UserError: an episode that did not come from the simulation.
    """
    same, told = 0, []
    with Progress(len(which), "episodes") as progress:
        for index in which:
            difference = again(reader, index, record.out / ".replay")
            same += not difference
            told.append({"episode": index, "same": not difference, "difference": difference})
            if difference:
                print(f"episode {index}: {difference}", flush=True)
            progress.advance(not difference)
    record.figures.update(replayed=told, same=same)
    print(f"{same} of {len(which)} episodes came out the same, bit for bit", flush=True)
    return same == len(which)


def again(reader: EpisodeReader, index: int, folder: Path) -> str:
    """The first thing in which an episode, played again, differs from its recording; "" if in nothing."""
    facts, steps = reader.facts(index), reader.steps(index)
    dataset, entry = reader.entry(index)
    origin = _origin(facts, index)
    spec = TaskSpec(suite=facts.suite, task=facts.task, split=_split(facts.split), seed=int(facts.seed or 0))
    robot = _robot(facts)
    stage = theatre(origin["renderer"], lambda: robot).set(spec)
    assert stage.drawn is not None, "a task's stage has what was drawn of it"
    if stage.drawn.instruction != facts.instruction:
        return f"another instruction is drawn: {stage.drawn.instruction!r}, not {facts.instruction!r}"
    layout = stage_layout(stage, dataset.layout.fps)
    if difference := dataset.layout.same(layout):
        return f"recorded otherwise: {difference}"
    shutil.rmtree(folder, ignore_errors=True)
    try:
        with Take(folder, layout) as take:
            performed = perform(
                stage, Again(steps), take, spec, disturb=float(origin["disturb"]),
                questions=bool(origin.get("questions")), bounds=Bounds(**origin["bounds"]),
            )  # fmt: skip
            take.close(facts)
        compared = ((folder / FRAMES, entry.data), *(((folder / LOOKS_FILE, entry.looks[0]),) if entry.looks else ()))
        for mine, theirs in compared:
            if difference := _differs(mine, theirs):
                return difference
        for camera in layout.cameras:
            name = f"{camera.name}.mp4"
            recorded = next((f for f in entry.files if f.path.startswith(f"videos/{camera.key}/")), None)
            if recorded is not None and mark(folder, name).crc32 != recorded.crc32:
                return f"the video of camera {camera.name} has other bytes"
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    success = performed.verdict.success
    return "" if success == facts.success else f"success {success}, not {facts.success}"


def _differs(mine: Path, theirs: Path) -> str:
    """The first column and row in which a recording differs from an earlier one; "" if in none."""
    now, before = read_table(mine), read_table(theirs)
    if len(now) != len(before):
        return f"{len(now)} {theirs.parts[-3]} rows, not {len(before)}"
    for name in now.column_names:
        if name == "questions" and name not in before.column_names:
            continue  # recorded before there was such a column
        if not now.column(name).equals(before.column(name)):
            values = zip(now.column(name).to_pylist(), before.column(name).to_pylist(), strict=True)
            row, (one, other) = next((i, v) for i, v in enumerate(values) if v[0] != v[1])
            shown = "" if isinstance(one, bytes) else f": {str(one)[:60]}, not {str(other)[:60]}"
            return f"{name} differs from {theirs.parts[-3]} row {row} on{shown}"
    return ""


def _origin(facts: Facts, index: int) -> dict[str, Any]:
    if not facts.origin or facts.seed is None:
        raise UserError(f"episode {index} did not come from the simulation, so it can't be played again there")
    try:
        found: dict[str, Any] = json.loads(facts.origin)
        Bounds(**found["bounds"])
        float(found["disturb"])
    except (ValueError, KeyError, TypeError) as e:
        raise UserError(f"episode {index}: its origin is damaged: {e}") from e
    return found


def _split(split: str) -> Any:
    if split not in SPLITS:
        raise UserError(f"split {split!r} of the episode is none of {', '.join(SPLITS)}")
    return split


def _robot(facts: Facts) -> RobotSpec:
    own = find_suite(facts.suite).robot()
    return own if own.name == facts.robot else robot_named(facts.robot)
