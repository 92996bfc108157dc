"""What `export` holds a bundle against torch on: moments of the tabletop, and episodes at equal seeds."""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import numpy as np

from agent.artifacts import RunRecord
from agent.errors import PalmettoError
from agent.executor import Bounds
from agent.onboard.golden import Look
from agent.plan import renamed, without_points
from agent.stage import PlannerSource
from sim.compare import compared, read
from sim.evaluate import evaluate
from sim.kinematic import NOTHING_FAILS, Failures, rollout
from sim.naming import SceneError
from sim.pictures import arrange
from sim.render import open_renderer
from sim.robot import SimRobot
from sim.room import rooms
from sim.scenes import sample_scene
from sim.stage import panda
from sim.tasks.base import SPLITS
from sim.tasks.suites import families, sample
from sim.world import World

FIRST_SEED = 1_700_000
"""Of validation."""
LOOP_SEED = 2_500_000
"""Of closed loops; none of these are among the seeds of an evaluation of a thousand episodes a family."""
FAILURES = Failures(grasp=0.1, slip=0.07, moved=0.05)


def looks(*, first_seed: int = FIRST_SEED, renderer: Literal["auto", "gl", "tiny"] = "auto") -> Iterator[Look]:
    """Moments of tabletop episodes without end: every family and split in turn, half of them when something went wrong.

    What was done is remembered in the sentence's own words, as the planner remembers it.
    """
    robot = SimRobot(World(spec=panda()), open_renderer(renderer).renderer)
    kinds = list(itertools.product(families(), SPLITS))
    for number in itertools.count():
        family, split = kinds[number % len(kinds)]
        rng = np.random.default_rng([first_seed + number, 21])
        try:
            instance = sample(family, rng, split)
            scene = sample_scene(rng, objects=instance.objects, seed=first_seed + number, room=rooms(instance.program))
        except SceneError:
            continue  # too crowded a draw; the next one is as good
        steps = list(rollout(instance, scene, rng, failures=FAILURES if number % 2 else NOTHING_FAILS))
        step = steps[int(rng.integers(len(steps)))]
        robot.reset(scene)
        arrange(robot.world, step.state)
        said = dict(instance.said)
        history = tuple(replace(r, call=without_points(renamed(r.call, said))) for r in step.history)
        yield Look(instruction=instance.instruction, observation=robot.observe(), history=history)


def closed_loop(
    planners: Mapping[str, PlannerSource], *, episodes: int, suite: str = "tabletop", split: str = "trained",
    workers: int | str = "auto", renderer: Literal["auto", "gl", "tiny"] = "auto",
) -> dict[str, Any]:  # fmt: skip
    """The same episodes with each of these planners: successes, and McNemar's test against torch.

    episodes: about so many, the same number of each family.

    Raises:
        PalmettoError: fewer episodes than families.
    """
    tasks = families()
    each = episodes // len(tasks)
    if not each:
        raise PalmettoError(f"episodes={episodes}: at least {len(tasks)}, one a family, or 0 for no closed loop")
    lines = {}
    with tempfile.TemporaryDirectory() as scratch:
        for name, planner in planners.items():
            print(f"loop     {name}", flush=True)
            record = RunRecord(command="evaluate", out=Path(scratch) / name, seed=LOOP_SEED)
            evaluate(
                record=record, suite=suite, split=split, tasks=None, episodes=each, instructions=None, arms=0,
                planner=planner, robot=panda, renderer=renderer, workers=workers, videos=0,
                bounds=Bounds(),
            )  # fmt: skip
            lines[name] = read(record.out)
    keys = list(lines["torch"])
    against = {name: compared(lines["torch"], mine, keys)["all"] for name, mine in lines.items() if name != "torch"}
    return {
        "episodes": len(keys), "suite": suite, "split": split,
        "successes": {name: sum(bool(v["success"]) for v in mine.values()) for name, mine in lines.items()},
        "against_torch": against,
    }  # fmt: skip
