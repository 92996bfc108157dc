"""Thinking at its own rate beside control: a planner's and a policy's loop, each in a thread of its own.

Control never waits for either. A loop is shown what is seen, and looks at the newest alone: what it had no time for is
replaced, never queued. What it made is worth something only as long as what it was made from is fresh.

    planner = BesideControl(planner, robot, clock=lambda: robot.time_s)         # a Planner again
    outcome = follow(robot, step, rate_hz=30.0, clock=lambda: robot.time_s)     # step: Observation -> Chunk
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

import numpy as np

from agent.errors import UserError
from agent.plan import Plan, PlanLate, Planner, PrimitiveResult
from agent.watched import newest
from robots.interface import Command, Observation, Robot, Status
from robots.primitives import Outcome

S = TypeVar("S")
A = TypeVar("A")


@dataclass(frozen=True, kw_only=True)
class LoopConfig:
    """Seconds. plan_s: a planner that has not answered by then is late. plan_age_s: a plan whose picture is older by
    the robot's clock is not acted on. silent_s: without an action of a policy for so long, its call ends. pause_s: so
    long a network may be gone without the errand being given up; the robot stands meanwhile.

    Raises:
        UserError: one is not more than 0.
    """

    plan_s: float = 30.0
    plan_age_s: float = 10.0
    silent_s: float = 1.0
    pause_s: float = 30.0

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if not 0 < value < float("inf"):
                raise UserError(f"loops.{name}={value} does not fit: give more than 0 seconds")


STANDARD = LoopConfig()
"""As `conf/deploy.yaml` has it."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Made(Generic[S, A]):
    """What a step made of what it saw, and how long that took by the wall's clock, in seconds."""

    seen: S
    made: A
    took_s: float


class Loop(Generic[S, A]):
    """`step` in a thread of its own, on the newest it was shown, at most `rate_hz` times a second (None: as it can)."""

    def __init__(self, step: Callable[[S], A], *, rate_hz: float | None = None, name: str = "loop") -> None:
        self._step, self._period_s = step, 0.0 if rate_hz is None else 1.0 / rate_hz
        self._changed = threading.Condition()
        self._shown: list[S] = []
        self._made: Made[S, A] | None = None
        self._error: BaseException | None = None
        self._over = False
        self.count = 0
        """Steps so far."""
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def show(self, seen: S) -> None:
        """Never waits: what was shown before and not looked at is forgotten."""
        with self._changed:
            self._shown = [seen]
            self._changed.notify()

    @property
    def newest(self) -> Made[S, A] | None:
        """What was made last. Raises what the step raised, once."""
        with self._changed:
            if self._error is not None:
                error, self._error = self._error, None
                raise error
            return self._made

    def close(self) -> None:
        """No further step begins; one that is under way is not waited for."""
        with self._changed:
            self._over = True
            self._changed.notify()

    def _run(self) -> None:
        while True:
            with self._changed:
                while not self._shown and not self._over:
                    self._changed.wait()
                if self._over:
                    return
                seen = self._shown.pop()
            began_s = time.monotonic()
            made, error = None, None
            try:
                made = Made(seen=seen, made=self._step(seen), took_s=time.monotonic() - began_s)
            except Exception as e:  # it is raised where somebody asks for what was made
                error = e
            with self._changed:
                self._made, self._error, self.count = made or self._made, error, self.count + 1
            time.sleep(max(0.0, began_s + self._period_s - time.monotonic()))


Question = tuple[str, Observation, tuple[PrimitiveResult, ...]]


class BesideControl:
    """A planner in its own thread, while time passes for the robot: watchdogs, the base's driver and whoever cancels
    are served as ever. clock: the robot's, by which observations are stamped."""

    def __init__(
        self, planner: Planner, robot: Robot, *, clock: Callable[[], float], config: LoopConfig = STANDARD
    ) -> None:
        self._robot, self._clock, self._config = robot, clock, config
        self._loop: Loop[Question, Plan] = Loop(lambda question: planner.plan(*question), name="planner")

    def plan(self, instruction: str, observation: Observation, history: Sequence[PrimitiveResult]) -> Plan:
        """The planner's.

        Raises:
            PlanLate: there is none in time, or the picture that it was made from is old.
        """
        question: Question = (instruction, observation, tuple(history))
        self._loop.show(question)
        began_s = self._clock()
        while (made := self._loop.newest) is None or made.seen is not question:
            if self._clock() - began_s > self._config.plan_s:
                raise PlanLate(f"no plan for {self._config.plan_s:g} s")
            self._robot.wait(self._robot.spec.period_s)
        if (age_s := self._clock() - observation.time_s) > self._config.plan_age_s:
            raise PlanLate(f"the plan is of a picture {age_s:.1f} s old: it took {made.took_s:.1f} s")
        return made.made

    def close(self) -> None:
        self._loop.close()


@dataclass(frozen=True, kw_only=True, eq=False)
class Chunk:
    """What a policy wants to be done: commands[i] at start_s + i * period_s of the robot's clock, where start_s is when
    what it saw was seen. over: it is done with its call, or can go no further, and how."""

    start_s: float
    period_s: float
    commands: Sequence[Command] = ()
    over: Outcome | None = None

    def at(self, now_s: float) -> Command | None:
        """The command of a moment, arms and heads straight from one to the next; None where it wants nothing then."""
        place = (now_s - self.start_s) / self.period_s
        k = int(np.floor(place))
        if not 0 <= k < len(self.commands):
            return None
        one, other = self.commands[k], self.commands[min(k + 1, len(self.commands) - 1)]
        share = place - k

        def between(a: np.ndarray | None, b: np.ndarray | None) -> np.ndarray | None:
            return a if a is None or b is None else a + share * (b - a)

        return replace(one, arm_q=between(one.arm_q, other.arm_q), head_q=between(one.head_q, other.head_q))


def follow(
    robot: Robot,
    step: Callable[[Observation], Chunk],
    *,
    rate_hz: float,
    clock: Callable[[], float],
    config: LoopConfig = STANDARD,
) -> Outcome:
    """Lets a policy move the robot until it says that its call is over. Control goes on at the robot's own rate and
    takes of the newest chunk what is due now; where nothing is, the robot brakes and holds.

    Whoever calls bounds the time (`agent.limited`). Raises SafetyStop as the robot does.
    """
    loop: Loop[Observation, Chunk] = Loop(step, rate_hz=rate_hz, name="policy")
    look_s, acted_s = -np.inf, clock()
    try:
        while True:
            now_s = clock()
            if now_s >= look_s:
                loop.show(newest(robot))
                look_s = now_s + 1.0 / rate_hz
            made = loop.newest
            chunk = None if made is None else made.made
            if chunk is not None and chunk.over is not None:
                robot.stop()
                return chunk.over
            command = None if chunk is None else chunk.at(now_s)
            acted_s = acted_s if command is None else now_s
            if now_s - acted_s > config.silent_s:
                robot.stop()
                return Outcome(status=Status.TIMED_OUT, detail=f"the policy wanted nothing for {config.silent_s:g} s")
            robot.send(command or Command())
            robot.wait(robot.spec.period_s)
    finally:
        loop.close()
