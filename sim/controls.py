"""Control arms: the same episodes with the words or the picture spoilt. What still succeeds does not read, or not look.

blank         nothing is said
shuffled      what is said in another episode
contradicted  something else that could be done in this very scene, to the same thing where there is such a sentence
blind         the right words, and every picture plain grey
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any, Literal
from zlib import crc32

import numpy as np

from agent.watched import WatchedRobot
from robots.interface import CameraFrame, Observation, Robot
from sim.chain import next_task
from sim.episode import TaskSpec, Theatre
from sim.suites import find_suite
from sim.task import Drawn, Task

Control = Literal["blank", "shuffled", "contradicted", "blind"]
CONTROLS: tuple[Control, ...] = ("blank", "shuffled", "contradicted", "blind")
SAID = {
    "blank": "nothing was said", "shuffled": "something else was said", "contradicted": "another goal was named",
    "blind": "the picture was grey",
}  # fmt: skip
_TRIES = 12
_GREY = np.uint8(128)
_ATOM = re.compile(r"(\w+)\(([^,()]+)(?:, *([^,()]+))?\)")


def contradiction(house: Theatre, spec: TaskSpec, drawn: Drawn[Any]) -> tuple[Task[Any], Drawn[Any]] | None:
    """Another instruction for the scene that stands; nothing of it is part of the goal, the same spec gives the same.

    In words of training, whatever the split, so that it can be obeyed. None where nothing else can be asked for.
    """
    rng = np.random.default_rng([spec.seed, crc32(spec.task.encode()), 3])
    there = [t for t in find_suite(spec.suite).tasks if not t.declines]
    wanted = set(_ATOM.findall(drawn.goal))
    subjects = {atom[1] for atom in wanted}
    best: tuple[Task[Any], Drawn[Any]] | None = None
    for _ in range(_TRIES):
        found = next_task(house, there, rng, "trained")
        if found is None:
            break
        atoms = set(_ATOM.findall(found[1].goal))
        if not atoms or atoms & wanted:
            continue
        best = best or found
        if {atom[1] for atom in atoms} & subjects:
            return found
    return best


class Blindfolded(WatchedRobot):
    """`robot` whose pictures are plain grey; depth and joints are as they are."""

    def __init__(self, robot: Robot) -> None:
        super().__init__(robot, lambda seconds: None)

    def observe(self) -> Observation:
        seen = super().observe()
        frames = {
            name: CameraFrame(
                rgb=np.full((*f.depth_m.shape, 3), _GREY), depth_m=f.depth_m, intrinsics=f.intrinsics,
                world_T_camera=f.world_T_camera,
            )
            for name, f in seen.frames.items()
        }  # fmt: skip
        return replace(seen, frames=frames)
