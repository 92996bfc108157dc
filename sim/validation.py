"""A few closed-loop episodes on validation seeds, for training to be stopped by."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from agent.executor import Bounds
from agent.planners import trained
from sim.episode import TaskSpec, theatre
from sim.episode import play as play_episode
from sim.jobs import chosen
from sim.suites import find_suite
from sim.workers import count, spread

FIRST_SEED = 1_000_000


def play(
    agent: Path, *, suite: str, split: str, tasks: Sequence[str] | None, episodes: int, workers: int | str
) -> tuple[int, int]:
    """`episodes` of each task, by the agent in a folder, a checkpoint or a bundle -> how many of how many succeeded.

    Raises:
        UserError: no such suite, split or task.
    """
    specs = [
        TaskSpec(suite=suite, task=t, split=s, seed=FIRST_SEED + i)
        for s, t in chosen(suite, split, tasks)
        for i in range(episodes)
    ]
    work = partial(_succeeds, agent)
    done = [success for _, success in spread(work, specs, min(count(workers), len(specs)))]
    return sum(done), len(done)


def _succeeds(agent: Path, spec: TaskSpec) -> bool:
    stage = theatre("auto", find_suite(spec.suite).robot).set(spec)
    assert stage.drawn is not None, "a task's stage has what was drawn of it"
    planner = trained(stage, name=str(agent))
    _, verdict = play_episode(stage, planner, stage.drawn.instruction, bounds=Bounds())
    return verdict.success
