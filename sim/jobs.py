"""Which episodes an evaluation consists of: tasks, seeds, control arms, and those that an earlier run has left."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from agent.errors import UserError, listed, one_of
from agent.stage import PlannerSource
from sim.chain import ChainSpec
from sim.controls import Control
from sim.episode import TaskSpec
from sim.goals import GoalError, parse_goal
from sim.suites import find_suite
from sim.task import SPLITS, Split
from sim.tasks.own import OwnTask

Arm = Literal["agent"] | Control
Key = tuple[str, str, str, int]
EXAMPLE = '{"instruction": "...", "objects": ["red block", "green bowl"], "goal": "in(red block, green bowl)"}'


@dataclass(frozen=True, kw_only=True)
class Job:
    """One episode to run. said: the task whose instruction is given instead, in the shuffled arm. film: where to.
    chain: several instructions in a row, of which `spec` has the name, the split and the seed."""

    arm: Arm
    spec: TaskSpec
    said: TaskSpec | None = None
    film: Path | None = None
    chain: ChainSpec | None = None

    @property
    def key(self) -> Key:
        return (self.arm, self.spec.task, self.spec.split, self.spec.seed)


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


def chosen(suite: str, split: str, tasks: Sequence[str] | None) -> list[tuple[Split, str]]:
    """The tasks of a suite that are wanted, in each split that is wanted and that they have.

    Raises:
        UserError: there is no such suite, task or split, or none of the tasks has that split.
    """
    wanted = splits(split)
    found = find_suite(suite)
    if tasks is not None and not tasks:
        raise UserError("tasks=[] names none; leave it out for all of them")
    if tasks:
        there = [found.task(name) for name in dict.fromkeys(listed("tasks", tasks) or ())]
    else:
        there = [t for t in found.tasks if t.declines or split != "declined"]
    pairs = [(s, t.name) for s in wanted for t in there if s in t.splits]
    if not pairs:
        has = sorted({s for t in found.tasks for s in t.splits}, key=SPLITS.index)
        raise UserError(f"split={split}: nothing in {found.name} has that; there is {', '.join(has)}")
    return pairs


def chain_jobs(
    suite: str, wanted: Sequence[tuple[Split, str]], length: int, episodes: int, first: int, out: Path, videos: int
) -> Iterator[Job]:
    """Chains of what is to be acted on, in each split that is wanted."""
    there = find_suite(suite)
    for split in dict.fromkeys(split for split, _ in wanted):
        tasks = tuple(name for s, name in wanted if s == split and not there.task(name).declines)
        for i in range(episodes if tasks else 0):
            chain = ChainSpec(suite=suite, split=split, seed=first + i, length=length, tasks=tasks)
            spec = TaskSpec(suite=suite, task=f"chain{length}", split=split, seed=first + i)
            film = film_of(out, spec) if i < videos else None
            yield Job(arm="agent", spec=spec, film=film, chain=chain)


def film_of(out: Path, spec: TaskSpec) -> Path:
    """Where the film of an episode is."""
    return out / "videos" / f"{spec.split}_{spec.task}_{spec.seed}.mp4"


def main_jobs(specs: Sequence[TaskSpec], out: Path, videos: int) -> Iterator[Job]:
    seen: dict[tuple[str, str], int] = {}
    for spec in specs:
        number = seen.setdefault((spec.task, spec.split), 0)
        seen[spec.task, spec.split] += 1
        film = film_of(out, spec) if number < videos else None
        yield Job(arm="agent", spec=spec, film=film)


def control_jobs(specs: Sequence[TaskSpec], episodes: int, first: int) -> Iterator[Job]:
    """The same scenes with words or picture spoilt (`sim.controls`); shuffled: the next task's words, at another seed.

    Only what is to be acted on: to decline a blank instruction is right.
    """
    acting = [s for s in specs if not s.find().declines]
    kinds = list(dict.fromkeys((s.task, s.split) for s in acting))
    for i, (task, split) in enumerate(kinds):
        mine = [s for s in acting if (s.task, s.split) == (task, split)][:episodes]
        other_task, other_split = kinds[(i + 1) % len(kinds)]
        others = [s for s in acting if (s.task, s.split) == (other_task, other_split)]
        for number, spec in enumerate(mine):
            for arm in ("blank", "contradicted", "blind"):
                yield Job(arm=arm, spec=spec)
            said = others[(number + 1) % len(others)]
            if said is not spec:
                yield Job(arm="shuffled", spec=spec, said=said)


def own_list(path: Path, first: int) -> list[TaskSpec]:
    """A user's instruction list, one JSON object a line: instruction, objects, goal, and perhaps a seed."""
    try:
        lines = path.read_text().splitlines()
    except (OSError, UnicodeDecodeError) as e:
        raise UserError(f"instructions={path} can't be read: {e}") from e
    specs: list[TaskSpec] = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            content = json.loads(line)
            objects = tuple(map(str, content["objects"]))
            own = OwnTask(instruction=str(content["instruction"]), objects=objects, goal=str(content["goal"]))
            if own.goal not in ("ask", "refuse"):
                parse_goal(own.goal)
            seed = int(content.get("seed", first + len(specs)))
            specs.append(TaskSpec(task="own", split="trained", seed=seed, own=own))
        except (ValueError, KeyError, TypeError, GoalError) as e:
            raise UserError(f"{path}, line {number}: {type(e).__name__} {e}; a line is {EXAMPLE}") from e
    if not specs:
        raise UserError(f"instructions={path} has no lines")
    return [replace(s, task=f"own {i + 1}") for i, s in enumerate(specs)] if _repeat(specs) else specs


def _repeat(specs: Sequence[TaskSpec]) -> bool:
    return len({s.seed for s in specs}) < len(specs)


def finished(path: Path, same: dict[str, str]) -> dict[Key, dict[str, Any]]:
    """The episodes that an earlier run left, by key. A line that was cut off is dropped from the file.

    Raises:
        UserError: where they are those of another planner or suite.
    """
    done: dict[Key, dict[str, Any]] = {}
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
            for key, value in {"disturb": None, "policy": None, **same}.items():
                if content.get(key) != value:
                    before = content.get(key)
                    raise UserError(f"{path} holds episodes of {key} {before}, not {value}; give another out=DIR")
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
