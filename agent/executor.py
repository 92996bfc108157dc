"""The loop: observe, plan, perform, check, plan again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from enum import Enum

from agent.approval import Approval
from agent.errors import UserError
from agent.perform import SCRIPTED, Backends, perform
from agent.plan import (
    HELD_BEFORE,
    Plan,
    PlanError,
    PlanLate,
    Planner,
    PrimitiveCall,
    PrimitiveResult,
    format_call,
    parse_call,
)
from agent.verbs import VERBS, Hand, Verb
from agent.watched import recovered
from robots.interface import Observation, Robot, Status
from robots.primitives import Body, Outcome
from robots.safety import SafetyStop
from robots.spec import RobotSpec


class Stop(Enum):
    """Why an episode ended."""

    DONE = "done"
    ASKED = "asked"
    REFUSED = "refused"
    NO_PLAN = "no plan"  # the planner wrote none in time, or one that the grammar does not have
    REPEATED_FAILURE = "repeated failure"
    TOO_MANY_CALLS = "too many calls"
    OUT_OF_TIME = "out of time"
    HALTED = "halted"  # by the safety kernel, until somebody lets the robot go on


LOOKS = 3
"""After a stop that passes, because of an old picture, so many times is looked whether there is a new one; and so many
plans may come too late."""


@dataclass(frozen=True, kw_only=True)
class Bounds:
    """Where an episode ends at the latest. max_time_s: the robot's clock. max_failures: calls failed in a row.
    None: what the robot's body calls for, see `of`."""

    max_calls: int | None = None
    max_time_s: float | None = None
    max_failures: int = 4

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            number = isinstance(value, int | float) and not isinstance(value, bool)
            if value is not None and not (number and value > 0):
                raise UserError(f"bounds.{field.name}={value} does not fit: give more than 0")

    def of(self, spec: RobotSpec) -> tuple[int, float]:
        """(calls, seconds): 24 and 300 on a fixed base; 40 and 900 for one that drives to each thing and back."""
        calls, seconds = (24, 300.0) if spec.base is None else (40, 900.0)
        return self.max_calls or calls, self.max_time_s or seconds


@dataclass(frozen=True, kw_only=True)
class Planned:
    """The planner has written `plan`, looking at `seen`."""

    plan: Plan
    seen: Observation


@dataclass(frozen=True, kw_only=True)
class Started:
    """`call` begins at `time_s` of the robot's clock; its points lie in `seen`."""

    call: PrimitiveCall
    seen: Observation
    time_s: float


@dataclass(frozen=True, kw_only=True)
class Finished:
    """A call has ended, performed or held back by its precondition."""

    result: PrimitiveResult


Event = Planned | Started | Finished
Listener = Callable[[Event], None]


@dataclass(frozen=True, kw_only=True)
class EpisodeResult:
    """What happened. `declined`: the question or reason of an ask or a refuse, else "". Times: the robot's clock, s."""

    instruction: str
    results: tuple[PrimitiveResult, ...]
    stop: Stop
    detail: str
    declined: str
    start_s: float
    end_s: float


def run_episode(
    instruction: str,
    body: Body,
    planner: Planner,
    *,
    bounds: Bounds = Bounds(),
    listeners: Sequence[Listener] = (),
    approval: Approval | None = None,
    backends: Backends = SCRIPTED,
) -> EpisodeResult:
    """Carry out `instruction`: look, plan, perform the plan's first call, and again, until the plan is done().

    What is in the hand already is told to the planner as a pick that the history begins with. approval: asks a person
    before calls of some verbs. backends: what performs a verb, where it is not its script.

    Ctrl-C stops the robot where it is and goes on upwards as KeyboardInterrupt.
    """
    history: list[PrimitiveResult] = []
    max_calls, max_time_s = bounds.of(body.robot.spec)
    # "Where X was" speaks of the beginning of this instruction; what is in the hand since then is kept.
    held = body.grasp.words if body.grasp is not None else None
    body.origins = {words: xyz for words, xyz in body.origins.items() if words == held}
    seen = body.robot.observe()
    start_s = seen.time_s
    before: tuple[PrimitiveResult, ...] = ()
    if held is not None and seen.state.holding:
        pick = PrimitiveCall(verb=Verb.PICK, target=held)
        before = (PrimitiveResult(
            call=pick, status=Status.SUCCEEDED, detail=HELD_BEFORE, start_s=start_s, end_s=start_s,
        ),)  # fmt: skip

    def tell(event: Event) -> None:
        for listener in listeners:
            listener(event)

    def ended(stop: Stop, detail: str = "", declined: str = "") -> EpisodeResult:
        return EpisodeResult(
            instruction=instruction, results=tuple(history), stop=stop, detail=detail, declined=declined,
            start_s=start_s, end_s=seen.time_s,
        )  # fmt: skip

    try:
        while True:
            try:
                plan, seen = thought(planner, instruction, seen, (*before, *history), body.robot)
                call = checked(plan)
            except (PlanError, PlanLate) as e:
                return ended(Stop.NO_PLAN, str(e))
            except SafetyStop as e:
                return ended(Stop.HALTED, str(e))
            tell(Planned(plan=plan, seen=seen))
            if VERBS[call.verb].ends_plan:
                stops = {Verb.DONE: Stop.DONE, Verb.ASK: Stop.ASKED, Verb.REFUSE: Stop.REFUSED}
                return ended(stops[call.verb], declined=call.text)
            if len(history) == max_calls:
                return ended(Stop.TOO_MANY_CALLS, f"{max_calls} calls and not done")
            if seen.time_s - start_s > max_time_s:
                return ended(Stop.OUT_OF_TIME, f"{max_time_s:.0f} s and not done")
            tell(Started(call=call, seen=seen, time_s=seen.time_s))
            outcome = hindrance(call, seen)
            if outcome is None and approval is not None:
                outcome = approval.refusal(call)
            if outcome is None:
                outcome = perform(call, body, seen, then=plan.calls[1:], backends=backends)
            before_s, halted = seen.time_s, ""
            try:
                seen = look_again(body.robot)
            except SafetyStop as e:
                halted = str(e)
            result = PrimitiveResult(
                call=call, status=outcome.status, detail=outcome.detail, start_s=before_s, end_s=seen.time_s
            )
            history.append(result)
            tell(Finished(result=result))
            if halted:
                return ended(Stop.HALTED, halted)
            if failed_in_a_row(history) == bounds.max_failures:
                return ended(Stop.REPEATED_FAILURE, f"{outcome.status.value}: {outcome.detail}")
    except KeyboardInterrupt:
        body.robot.stop()
        raise


def look_again(robot: Robot) -> Observation:
    """What the robot sees. One that was stopped by what passes (what it saw was old) goes on when it sees afresh.

    Raises:
        SafetyStop: it stands still for another reason, or what it sees stays old.
    """
    for _ in range(LOOKS):
        try:
            return robot.observe()
        except SafetyStop as e:
            if not recovered(robot, e.veto):
                raise
    return robot.observe()


def thought(
    planner: Planner, instruction: str, seen: Observation, history: Sequence[PrimitiveResult], robot: Robot
) -> tuple[Plan, Observation]:
    """The plan, and the observation that its points lie in: a new one where `seen` grew old meanwhile.

    Raises:
        PlanError: the planner wrote none.
        PlanLate: nor in time, looked at afresh so many times.
        SafetyStop: the robot, which the planner of a real one lets go on, was stopped for good.
    """
    for left in range(LOOKS, 0, -1):
        try:
            return planner.plan(instruction, seen, history), seen
        except PlanLate:
            if left == 1:
                raise
        except SafetyStop as e:
            if left == 1 or not recovered(robot, e.veto):
                raise
        seen = look_again(robot)
    raise AssertionError("the last look plans or raises")


def checked(plan: Plan) -> PrimitiveCall:
    """The plan's first call, if its text is in the grammar; a planner is not trusted to have kept to it."""
    if not plan.calls:
        raise PlanError(plan.text, 0, "a call")
    call = plan.calls[0]
    if parse_call(format_call(call)) != call:
        raise PlanError(format_call(call), 0, "a call that reads as it is written")
    return call


def hindrance(call: PrimitiveCall, seen: Observation) -> Outcome | None:
    """Why `call` can't start with the hand as it is, or None. Nothing has moved yet."""
    needs = VERBS[call.verb].hand_before
    if needs is Hand.EMPTY and seen.state.holding:
        return Outcome(status=Status.HAND_FULL, detail=f"{call.verb.value} needs an empty hand")
    if needs is Hand.HOLDING and not seen.state.holding:
        return Outcome(status=Status.NOT_HOLDING, detail=f"{call.verb.value} needs something in the hand")
    return None


def failed_in_a_row(history: Sequence[PrimitiveResult]) -> int:
    """How many of the last calls failed."""
    count = 0
    for result in reversed(history):
        if result.status is Status.SUCCEEDED:
            break
        count += 1
    return count
