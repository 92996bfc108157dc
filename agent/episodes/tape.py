"""Records an episode of `run_episode` as it happens: frames at a steady rate, and each look with what came of it.

    tape = Tape(take, robot, pictures=..., clock=..., instruction=..., right=...)
    run_episode(instruction, Body(robot=TapedRobot(robot, tape)), planner, listeners=[tape])
    writer.save(take, tape.end(facts))

Frame k is due at start + k / fps of the robot's clock. It shows what was measured when the clock had come there: at
most one wait of the robot late, 1/60 s as a rule; of several that come due within one wait, the earlier ones hold what
was measured before. Recording reads the state and draws pictures, and changes nothing: the episode is the same without
it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from agent.episodes.layout import Camera, Layout
from agent.episodes.records import Frame, Language, Numbers, Picture, Question, Step, StepState
from agent.episodes.take import Take
from agent.executor import Event, Finished, Planned, Started
from agent.plan import Marks, PrimitiveCall, PrimitiveResult, format_call
from agent.watched import WatchedRobot
from robots.chain import SLIDING, read_urdf
from robots.interface import Command, Observation, Robot, RobotState
from robots.spec import RobotSpec

Right = Callable[[Observation, Sequence[PrimitiveResult]], tuple[str, str, Marks]]
"""The plan that is right at a look, in full names and in the instruction's own words, and the marks of the latter."""
Ask = Callable[[Observation], Sequence[Question]]
"""Questions about a look, with the answers that are true now."""


class Tape:
    """A listener of `run_episode`; a `TapedRobot` tells it of commands and of time.

    pictures: what the cameras of the take's layout show now. clock: the robot's, s. right: writes the plan that is
    right where the agent is, whoever acts; None: what the planner wrote. ask: None for no questions.
    """

    def __init__(
        self, take: Take, robot: Robot, *, pictures: Callable[[], Mapping[str, Picture]], clock: Callable[[], float],
        instruction: str, right: Right | None = None, ask: Ask | None = None,
    ) -> None:  # fmt: skip
        self._take, self._robot, self._pictures, self._clock = take, robot, pictures, clock
        self._right, self._ask = right, ask
        self._words = Language(instruction=instruction)
        self._history: list[PrimitiveResult] = []
        self._step: tuple[int, Step] | None = None
        self._goal = command_numbers(robot.spec, robot.state(), Command())
        self._start_s: float | None = None
        self._captured = self._looks = 0
        self._pending: Frame | None = None

    def __call__(self, event: Event) -> None:
        if isinstance(event, Planned):
            if self._start_s is None:
                self._start_s = self._clock()
            right = (event.plan.text, "", ()) if self._right is None else self._right(event.seen, tuple(self._history))
            self._words = replace(self._words, plan=right[0], subtask="")
            rgb = event.seen.main.rgb
            questions = tuple(self._ask(event.seen)) if self._ask is not None else ()
            self._finish_step()
            step = Step(
                picture=lambda: rgb, state=StepState.of(event.seen.state), plan=right[0], said=right[1], marks=right[2],
                start_s=event.seen.time_s, end_s=event.seen.time_s, questions=questions,
            )  # fmt: skip
            self._step = (max(self._captured - 1, 0), step)
            if not self._captured:
                self._capture()
            if questions and self._pending is not None:  # a frame has room for one: each kind in turn
                asked = questions[self._looks % len(questions)]
                said = replace(self._pending.language, question=asked.question, answer=asked.answer)
                self._pending = replace(self._pending, language=said)
            self._looks += 1
        elif isinstance(event, Started) and self._step is not None:
            number, step = self._step
            self._step = (number, replace(step, call=format_call(event.call), start_s=event.time_s))
            words = format_call(event.call)
            self._words = replace(self._words, subtask=words, tool_call=tool_call(event.call))
            if self._pending is not None and self._captured == 1:  # what is called at the very first look
                before = self._pending.language
                said = replace(self._words, question=before.question, answer=before.answer)
                self._pending = replace(self._pending, language=said)
                self._words = replace(self._words, tool_call="")
        elif isinstance(event, Finished) and self._step is not None:
            r, (number, step) = event.result, self._step
            self._history.append(r)
            done = replace(step, status=r.status, detail=r.detail, start_s=round(r.start_s, 4), end_s=round(r.end_s, 4))
            self._step = (number, done)
            self._finish_step()

    def sent(self, command: Command) -> None:
        """The robot was told this."""
        goal = command_numbers(self._robot.spec, None, command)
        self._goal = np.where(np.isnan(goal), self._goal, goal).astype(np.float32)

    def moved(self) -> None:
        """The robot's clock went on."""
        if self._start_s is None:
            return
        now, fps = self._clock(), self._take.layout.fps
        # A thousandth of a period early is on time: sums of control periods fall short by less.
        due = int((now - self._start_s) * fps + 1e-3) + 1 - self._captured
        for _ in range(due - 1):
            assert self._pending is not None, "the first look was captured"
            self._keep(self._pending)
        if due > 0:
            self._capture()

    def end(self) -> None:
        """The episode is over: what is held back goes into the take."""
        self._finish_step()
        if self._pending is not None:
            self._take.frame(replace(self._pending, action=self._goal))
            self._pending = None

    def _capture(self) -> None:
        state = self._robot.state()
        self._keep(
            Frame(
                time_s=self._clock(), state=state_numbers(self._robot.spec, state), action=self._goal,
                language=self._words, pictures=self._pictures(),
            )
        )  # fmt: skip
        self._words = replace(self._words, tool_call="")

    def _keep(self, frame: Frame) -> None:
        """The next frame; the one before it goes into the take, now that it is known where the robot was told to go."""
        if self._pending is not None:
            self._take.frame(replace(self._pending, action=self._goal))
        self._pending = frame
        self._captured += 1

    def _finish_step(self) -> None:
        if self._step is not None:
            number, step = self._step
            self._take.look(step, frame=number)
            self._step = None


class TapedRobot(WatchedRobot):
    """`robot`, and a tape that hears of each command, as it was really sent, and of each wait."""

    def __init__(self, robot: Robot, tape: Tape) -> None:
        super().__init__(robot, lambda _: tape.moved())
        self._tape = tape

    def send(self, command: Command) -> Command:
        sent = super().send(command)
        self._tape.sent(sent)
        return sent


def robot_layout(spec: RobotSpec, cameras: Sequence[Camera], fps: float) -> Layout:
    """What `Tape` records of a robot."""
    sliding = _sliding(spec)
    joints = tuple(f"{n}_{'m' if n in sliding else 'rad'}" for n in spec.joint_names)
    base = ("base_x_m", "base_y_m", "base_yaw_rad") if spec.base else ()
    head = ("head_pan_rad", "head_tilt_rad") if spec.head else ()
    tool = ("tool_x_m", "tool_y_m", "tool_z_m", "tool_qx", "tool_qy", "tool_qz", "tool_qw")
    twist = ("base_forward_m_s", "base_left_m_s", "base_turn_rad_s") if spec.base else ()
    return Layout(
        robot=spec.name, fps=fps, cameras=tuple(cameras),
        state=(*joints, "gripper_width_m", "holding", *tool, *base, *head),
        action=(*joints, "gripper_width_m", *twist, *head),
    )  # fmt: skip


def state_numbers(spec: RobotSpec, state: RobotState) -> Numbers:
    """float32[n], in the order of `robot_layout`; tool and base in the world."""
    tool, base = state.world_T_tool, state.world_T_base
    parts = [state.arm_q, [state.gripper_width_m, float(state.holding)], tool.xyz, tool.quat_xyzw]
    if spec.base:
        x, y, z, w = base.quat_xyzw
        parts += [base.xyz[:2], [np.arctan2(2 * (w * z + x * y), 1 - 2 * (y * y + z * z))]]
    if spec.head:
        parts.append(np.zeros(2) if state.head_q is None else state.head_q)
    return np.concatenate([np.asarray(p, dtype=np.float64) for p in parts]).astype(np.float32)


def command_numbers(spec: RobotSpec, state: RobotState | None, command: Command) -> Numbers:
    """float32[m] of a command, in the order of `robot_layout`; what it leaves as it is: from `state`, else NaN."""
    unknown = np.full(spec.dof, np.nan), np.nan, np.full(2, np.nan)
    held = unknown if state is None else (state.arm_q, state.gripper_width_m, state.head_q)
    width = held[1] if command.gripper_width_m is None else command.gripper_width_m
    parts = [held[0] if command.arm_q is None else command.arm_q, [width]]
    if spec.base:
        still = np.full(3, np.nan if state is None else 0.0)
        parts.append(still if command.base_twist is None else command.base_twist)
    if spec.head:
        parts.append((np.zeros(2) if held[2] is None else held[2]) if command.head_q is None else command.head_q)
    return np.concatenate([np.asarray(p, dtype=np.float64) for p in parts]).astype(np.float32)


def tool_call(call: PrimitiveCall) -> str:
    """A call as JSON, in the form of a function call that chat models write; points are (row, col) px."""
    given = {
        "target": call.target, "point": call.point, "relation": call.relation and call.relation.value,
        "side": call.side and call.side.value, "destination": call.destination,
        "destination_point": call.destination_point, "text": call.text, "region": call.region and call.region.value,
        "spot": call.spot, "beside": call.beside and call.beside.value,
    }  # fmt: skip
    arguments = {k: v for k, v in given.items() if v not in ("", None)}
    return json.dumps({"type": "function", "function": {"name": call.verb.value, "arguments": arguments}})


def _sliding(spec: RobotSpec) -> set[str]:
    """The joints that slide."""
    telescopes = {t.name for t in spec.telescopes}
    return telescopes | {j.name for j in read_urdf(spec.urdf).values() if j.kind == SLIDING}
