"""One episode as data, and its line of JSON."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from agent.plan import Marks, PrimitiveResult, parse_call
from robots.interface import RobotState, Status

FORMAT = "palmetto-episodes"
VERSION = 1
TRAIN_SEEDS = range(1_000_000)
VALIDATION_SEEDS = range(1_000_000, 2_000_000)
FIRST_TEST_SEED = 2_000_000

Picture = NDArray[np.uint8]
Expected = Literal["act", "ask", "refuse"]


@dataclass(frozen=True, kw_only=True)
class StepState:
    """The robot as it felt itself. arm_q_rad: joint angles; tool_xyz_m: in the world; gripper_width_m between tips."""

    arm_q_rad: tuple[float, ...]
    gripper_width_m: float
    tool_xyz_m: tuple[float, float, float]
    holding: bool

    @classmethod
    def of(cls, state: RobotState) -> StepState:
        x, y, z = (round(float(v), 6) for v in state.world_T_tool.xyz)
        return cls(
            arm_q_rad=tuple(round(float(q), 6) for q in state.arm_q),
            gripper_width_m=round(float(state.gripper_width_m), 6),
            tool_xyz_m=(x, y, z),
            holding=bool(state.holding),
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class Step:
    """One look, and what came of it.

    plan: the remaining plan that is right here, as text. said: the same in the instruction's own words, as the agent
    learns to write it, and marks: for words in it that fit not just one thing, all the points (row, col) px that they
    fit; "" and none where whoever recorded it had no such plan. call: what was performed; "" where the episode ended.
    status, detail, start_s, end_s: the call's result, robot's clock. picture: decodes the front camera's view.
    """

    picture: Callable[[], Picture]
    state: StepState
    plan: str
    said: str = ""
    marks: Marks = ()
    call: str = ""
    status: Status | None = None
    detail: str = ""
    start_s: float = 0.0
    end_s: float = 0.0

    @cached_property
    def rgb(self) -> Picture:
        """uint8[H,W,3]."""
        return self.picture()

    @property
    def result(self) -> PrimitiveResult | None:
        if self.status is None:
            return None
        return PrimitiveResult(
            call=parse_call(self.call), status=self.status, detail=self.detail, start_s=self.start_s, end_s=self.end_s
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class Episode:
    """One instruction from first look to last. goal: its predicate, "" where it is to be declined.

    success: what the physics said at the end. task: the family; phrasing: the template's id. said: (name, words by
    which the instruction calls that thing).
    """

    seed: int
    suite: str
    task: str
    split: str
    instruction: str
    phrasing: str
    expected: Expected
    goal: str
    objects: tuple[str, ...]
    success: bool
    planner: str
    steps: tuple[Step, ...]
    said: tuple[tuple[str, str], ...] = ()

    def history(self, step: int) -> tuple[PrimitiveResult, ...]:
        """The results of the calls before step number `step`: what a planner was told there."""
        results = (s.result for s in self.steps[:step])
        return tuple(r for r in results if r is not None)


_STEP = ("plan", "said", "call", "detail", "start_s", "end_s")
_EPISODE = ("seed", "suite", "task", "split", "instruction", "phrasing", "expected", "goal", "success", "planner")


def to_line(episode: Episode, places: list[tuple[int, int, int]]) -> str:
    """The episode's line; `places`: (offset, length, crc32) of each step's picture in the shard's picture file."""
    steps = [
        {
            "picture": list(place),
            "state": vars(step.state),
            **{k: getattr(step, k) for k in _STEP},
            "marks": step.marks,
            "status": step.status.value if step.status is not None else None,
        }
        for step, place in zip(episode.steps, places, strict=True)
    ]
    content = {**{k: getattr(episode, k) for k in _EPISODE}, "objects": episode.objects, "said": episode.said}
    content["steps"] = steps
    return json.dumps(content, allow_nan=False, separators=(",", ":"))


def from_line(line: str | bytes, picture: Callable[[tuple[int, int, int]], Picture]) -> Episode:
    """What `to_line` wrote; `picture` loads one from its place."""
    content: dict[str, Any] = json.loads(line)
    steps = tuple(_step(s, picture) for s in content["steps"])
    said = tuple((name, words) for name, words in content.get("said", ()))  # younger than the format
    return Episode(steps=steps, objects=tuple(content["objects"]), said=said, **{k: content[k] for k in _EPISODE})


def _step(content: dict[str, Any], picture: Callable[[tuple[int, int, int]], Picture]) -> Step:
    place: tuple[int, int, int] = tuple(content["picture"])
    state = content["state"]
    return Step(
        picture=lambda: picture(place),
        state=StepState(
            arm_q_rad=tuple(state["arm_q_rad"]), gripper_width_m=state["gripper_width_m"],
            tool_xyz_m=tuple(state["tool_xyz_m"]), holding=state["holding"],
        ),
        status=None if content["status"] is None else Status(content["status"]),
        marks=tuple((words, tuple((r, c) for r, c in points)) for words, points in content.get("marks", ())),
        **{k: content[k] for k in _STEP if k in content},
    )  # fmt: skip
