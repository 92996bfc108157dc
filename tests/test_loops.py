"""Loops beside control: the freshest alone is looked at, nothing waits, what is late or old is not acted on."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence

import numpy as np
import pytest

from agent.errors import UserError
from agent.executor import Stop, run_episode
from agent.onboard.loops import BesideControl, Chunk, Loop, LoopConfig, follow
from agent.plan import Plan, PlanError, PlanLate, PrimitiveResult, parse_plan
from robots.fake import FakeRobot
from robots.interface import Command, Observation, Status
from robots.primitives import Body, Outcome
from robots.safety import SafeRobot

PATIENCE_S = 20.0
"""Of the wall's clock, for a thread to do what takes microseconds."""


class Thinker:
    """Says that it is done, when it is let."""

    def __init__(self, *, at_once: bool = False) -> None:
        self.let, self.began, self.asked = threading.Event(), threading.Event(), 0
        if at_once:
            self.let.set()

    def plan(self, instruction: str, observation: Observation, history: Sequence[PrimitiveResult]) -> Plan:
        self.asked += 1
        self.began.set()
        assert self.let.wait(PATIENCE_S)
        if instruction == "nonsense":
            raise PlanError("nonsense", 0, "a call")
        return Plan(instruction=instruction, calls=parse_plan("done()"), text="done()", planner="thinker")


class Counting(FakeRobot):
    """`waited(seconds)` after each wait."""

    def __init__(self, waited: object = None) -> None:
        super().__init__()
        self.waits, self._waited = 0, waited

    def wait(self, seconds: float) -> None:
        super().wait(seconds)
        self.waits += 1
        if self._waited is not None:
            self._waited()  # type: ignore[operator]


def beside(thinker: Thinker, robot: FakeRobot, **config: float) -> BesideControl:
    return BesideControl(thinker, robot, clock=lambda: robot.time_s, config=LoopConfig(**config))


def made_of(loop: Loop[int, float], steps: int) -> None:
    """Until it has done so many."""
    end = time.monotonic() + PATIENCE_S
    while loop.count < steps:
        assert time.monotonic() < end
        time.sleep(1e-3)


def test_a_loop_looks_at_the_newest_alone() -> None:
    let, began = threading.Semaphore(0), threading.Semaphore(0)
    seen: list[int] = []

    def step(value: int) -> float:
        began.release()
        assert let.acquire(timeout=PATIENCE_S)
        seen.append(value)
        return 10 * value

    loop = Loop(step)
    loop.show(1)
    assert began.acquire(timeout=PATIENCE_S)
    for value in (2, 3, 4):
        loop.show(value)  # while it thinks about the first
    let.release(2)
    assert began.acquire(timeout=PATIENCE_S)
    made_of(loop, 2)
    assert seen == [1, 4]
    made = loop.newest
    assert made is not None
    assert (made.seen, made.made) == (4, 40)
    loop.close()


def test_what_goes_wrong_there_is_raised_here_once_and_the_loop_goes_on() -> None:
    loop: Loop[int, float] = Loop(lambda value: 1 / value)
    loop.show(0)
    made_of(loop, 1)
    with pytest.raises(ZeroDivisionError):
        _ = loop.newest
    loop.show(2)
    made_of(loop, 2)
    made = loop.newest
    assert made is not None
    assert made.made == 0.5
    loop.close()


def test_time_passes_for_the_robot_while_a_planner_thinks() -> None:
    thinker = Thinker()
    robot = Counting()
    robot._waited = lambda: thinker.let.set() if robot.waits == 40 else None
    plan = beside(thinker, robot, plan_s=1e6, plan_age_s=1e6).plan("do it", robot.observe(), ())
    assert plan.text == "done()"
    assert robot.waits >= 40


def test_a_planner_that_never_answers_is_late() -> None:
    thinker, robot = Thinker(), Counting()
    with pytest.raises(PlanLate, match=r"no plan for 0\.5 s"):
        beside(thinker, robot, plan_s=0.5).plan("do it", robot.observe(), ())
    assert robot.time_s == pytest.approx(0.5, abs=0.1)
    result = run_episode("do it", Body(robot=robot), beside(thinker, robot, plan_s=0.5))
    assert result.stop is Stop.NO_PLAN
    assert "no plan for" in result.detail
    assert not result.results
    thinker.let.set()


def test_a_plan_of_an_old_picture_is_made_again() -> None:
    thinker, robot = Thinker(), Counting()
    robot._waited = lambda: thinker.let.set() if robot.time_s > 1.0 else None
    thinking = beside(thinker, robot, plan_s=1e6, plan_age_s=0.9)
    with pytest.raises(PlanLate, match="old"):
        thinking.plan("do it", robot.observe(), ())
    again = Thinker()
    old = robot.time_s
    robot._waited = lambda: again.let.set() if robot.time_s > old + 1.0 else None
    # The first plan comes late; by the second look the planner has become fast.
    result = run_episode("do it", Body(robot=robot), beside(again, robot, plan_s=1e6, plan_age_s=0.9))
    assert result.stop is Stop.DONE or again.asked == 3
    assert again.asked >= 2


def test_what_is_no_plan_is_said_as_ever() -> None:
    robot = Counting()
    thinking = beside(Thinker(at_once=True), robot, plan_s=1e6, plan_age_s=1e6)
    with pytest.raises(PlanError):
        thinking.plan("nonsense", robot.observe(), ())
    assert thinking.plan("do it", robot.observe(), ()).text == "done()"


def test_a_chunk_goes_straight_from_one_action_to_the_next() -> None:
    commands = [Command(arm_q=np.array([0.0, 1.0]), gripper_width_m=0.01), Command(arm_q=np.array([1.0, 1.0]))]
    chunk = Chunk(start_s=10.0, period_s=0.1, commands=commands)
    assert chunk.at(9.99) is None
    half = chunk.at(10.05)
    assert half is not None
    np.testing.assert_allclose(half.arm_q, [0.5, 1.0])
    assert half.gripper_width_m == 0.01
    last = chunk.at(10.15)
    assert last is not None
    np.testing.assert_allclose(last.arm_q, [1.0, 1.0])
    assert chunk.at(10.21) is None


def test_a_policy_moves_the_robot_behind_the_kernel_until_it_is_done() -> None:
    wire = FakeRobot()
    robot = SafeRobot(wire)
    goal = wire.spec.home_q_rad + np.array([0.2, 0, 0, 0, 0, 0, -0.2])

    def step(seen: Observation) -> Chunk:
        if np.abs(seen.state.arm_q - goal).max() < 1e-3:
            over = Outcome(status=Status.SUCCEEDED, detail="there")
            return Chunk(start_s=seen.time_s, period_s=0.1, over=over)
        shares = np.clip(np.arange(1, 4000) / 20, 0.0, 1.0)[:, None]
        way = seen.state.arm_q + shares * (goal - seen.state.arm_q)
        return Chunk(start_s=seen.time_s, period_s=0.1, commands=[Command(arm_q=q) for q in way])

    outcome = follow(robot, step, rate_hz=30.0, clock=lambda: wire.time_s, config=LoopConfig(silent_s=1e6))
    assert outcome == Outcome(status=Status.SUCCEEDED, detail="there")
    np.testing.assert_allclose(wire.state().arm_q, goal, atol=2e-3)
    assert not robot.vetoes


def test_a_policy_that_says_nothing_ends_its_call_and_the_robot_stands() -> None:
    let, wire = threading.Event(), FakeRobot()

    def step(seen: Observation) -> Chunk:
        assert let.wait(PATIENCE_S)
        return Chunk(start_s=seen.time_s, period_s=0.1)

    outcome = follow(SafeRobot(wire), step, rate_hz=30.0, clock=lambda: wire.time_s)
    let.set()
    assert outcome.status is Status.TIMED_OUT
    assert wire.time_s == pytest.approx(1.0, abs=0.1)
    np.testing.assert_array_equal(wire.state().arm_q, wire.spec.home_q_rad)


def test_a_length_of_time_is_one() -> None:
    with pytest.raises(UserError, match=r"loops\.pause_s"):
        LoopConfig(pause_s=-1.0)
