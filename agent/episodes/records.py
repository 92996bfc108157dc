"""One episode as data: what was seen and planned at each decision, and what was felt and done in between."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from agent.plan import Marks, PrimitiveResult, parse_call
from robots.interface import RobotState, Status

TRAIN_SEEDS = range(1_000_000)
VALIDATION_SEEDS = range(1_000_000, 2_000_000)

Picture = NDArray[np.uint8]
Numbers = NDArray[np.float32]
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


@dataclass(frozen=True, kw_only=True)
class Question:
    """Something asked of one look, and the answer that is true there. kind: affordance, success, q1 to q4."""

    kind: str
    question: str
    answer: str


@dataclass(frozen=True, kw_only=True, eq=False)
class Step:
    """One look, and what came of it.

    plan: the remaining plan that is right here, as text. said: the same in the instruction's own words, as the agent
    learns to write it, and marks: for words in it that fit not just one thing, all the points (row, col) px that they
    fit; "" and none where whoever recorded it had no such plan. call: what was performed; "" where the episode ended.
    status, detail, start_s, end_s: the call's result, robot's clock. picture: decodes the main camera's view.
    questions: asked of this picture.
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
    questions: tuple[Question, ...] = ()

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
class Facts:
    """What is known of an episode as a whole. goal: its predicate, "" where it is to be declined.

    success: what the physics said at the end; None where nobody knows. task: the family; phrasing: the template's id.
    said: (name, words by which the instruction calls that thing). seed: None for what was no draw. robot: its name.
    origin: what whoever made it needs to do it again, as strict JSON; "" where it can't be done again.
    relabelled: of an episode that failed, another instruction that it did carry out (hindsight: Andrychowicz et al.
    2017), with that one's goal and, by the looks' numbers, the plans that were then right; "" and none elsewhere.
    """

    seed: int | None
    suite: str
    task: str
    split: str
    instruction: str
    phrasing: str
    expected: Expected
    goal: str
    objects: tuple[str, ...]
    success: bool | None
    planner: str
    said: tuple[tuple[str, str], ...] = ()
    robot: str = ""
    origin: str = ""
    relabelled: str = ""
    relabelled_goal: str = ""
    relabelled_plans: tuple[tuple[int, str], ...] = ()


@dataclass(frozen=True, kw_only=True, eq=False)
class Episode(Facts):
    """One instruction from first look to last: the facts, and the moments of decision."""

    steps: tuple[Step, ...]

    def history(self, step: int) -> tuple[PrimitiveResult, ...]:
        """The results of the calls before step number `step`: what a planner was told there."""
        results = (s.result for s in self.steps[:step])
        return tuple(r for r in results if r is not None)


@dataclass(frozen=True, kw_only=True)
class Language:
    """What holds in words at a frame. plan: what remains; subtask: the call under way; question and answer: asked of
    this very frame; tool_call: the call that begins here, as JSON. "" where there is none."""

    instruction: str = ""
    plan: str = ""
    subtask: str = ""
    question: str = ""
    answer: str = ""
    tool_call: str = ""


@dataclass(frozen=True, kw_only=True, eq=False)
class Frame:
    """One moment of the recording.

    time_s: the robot's clock when it was measured. state, action: float32[n], float32[m], named and with units in the
    dataset's `Layout`; action is where the robot was told to be by the next frame. pictures: by camera.
    """

    time_s: float
    state: Numbers
    action: Numbers
    language: Language = Language()
    pictures: Mapping[str, Picture] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, eq=False)
class Window:
    """Frames start to stop of one episode, stacked. time_s float64[T], state float32[T,n], action float32[T,m],
    pictures: by camera uint8[T,H,W,3]; language: one each."""

    start: int
    time_s: NDArray[np.float64]
    state: Numbers
    action: Numbers
    language: tuple[Language, ...]
    pictures: Mapping[str, Picture]

    def __len__(self) -> int:
        return len(self.time_s)
