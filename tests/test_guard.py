"""What stands before a robot on board, beside drivers that do what these tests say, by the clock on the wall."""

from __future__ import annotations

import threading
import time

import numpy as np
import pytest

pytest.importorskip("cyclonedds")

from agent.executor import Bounds, Stop
from agent.flight import FlightRecorder, read
from agent.onboard import stop as stopping
from agent.onboard.deploy import OnBoard
from agent.onboard.loops import LoopConfig
from agent.onboard.rooms import Rooms
from agent.plan import Plan, parse_plan
from robots.interface import Command
from robots.ros2.action import GoalState
from robots.ros2.node import Node, wait_for
from robots.ros2.token import make_token
from robots.safety import Reason, SafetyConfig
from tests.test_ros2_robot import config, drivers, robot  # noqa: F401 - fixtures

PATIENCE_S = 20.0


class Says:
    """Plans one text after another; `thinking(number)` meanwhile."""

    def __init__(self, *texts, thinking=lambda number: None):
        self.texts, self.thinking, self.count = texts, thinking, 0

    def plan(self, instruction, observation, history):
        self.count += 1
        self.thinking(self.count)
        text = self.texts[min(len(history), len(self.texts) - 1)]
        return Plan(instruction=instruction, calls=parse_plan(text), text=text, planner="says")


@pytest.fixture
def side(robot, tmp_path):  # noqa: F811
    flight = FlightRecorder(tmp_path / "flight", {"robot": robot.spec.name})
    found = OnBoard(robot.node, robot, Rooms(), Bounds(), loops=LoopConfig(pause_s=PATIENCE_S), flight=flight,
                    safety=SafetyConfig(max_age_s=3.0))  # fmt: skip
    with found.guard.kept():
        yield found
    flight.close()


def drive(side, seconds=0.4):
    """At speed, ahead."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        side.robot.send(Command(base_twist=np.array([0.3, 0.0, 0.0])))
        side.robot.wait(side.robot.spec.period_s)


def stands(drivers):  # noqa: F811
    return wait_for(lambda: bool(drivers.twists) and not drivers.twists[-1].any(), PATIENCE_S)


def test_a_veto_holds_the_robot_and_is_in_the_record(side, drivers, tmp_path):  # noqa: F811
    q = side.robot.state().arm_q
    side.robot.send(Command(arm_q=np.full(len(q), np.nan)))
    side.robot.wait(0.05)
    assert side.guard.safe.vetoes[-1].reason is Reason.NOT_FINITE
    side.guard.flight.close()
    kinds = [(e.kind, e.fields.get("reason")) for e in read(tmp_path / "flight")]
    assert ("veto", "NOT_FINITE") in kinds
    assert any(kind == "command" for kind, _ in kinds)


def test_a_robot_that_hears_nothing_for_too_long_is_braked_by_the_kernel(side, drivers):  # noqa: F811
    drive(side)
    assert drivers.twists[-1][0] > 0.05
    assert stands(drivers), "nobody has commanded it since; this thread does nothing"
    assert Reason.LATE in [veto.reason for veto in side.guard.safe.vetoes]


def test_an_emergency_stop_latches_until_somebody_with_the_token_lets_go(side, drivers, tmp_path, capsys):  # noqa: F811
    token = tmp_path / "token"
    side.guard.token = make_token(token)
    words = ["--domain", str(side.ros2.config.domain), "--token", str(token)]
    with Node(domain=side.ros2.config.domain) as other:
        drive(side)
        assert stopping.ask(other, "stop", by="Ada") == (True, "stopping")
        assert stands(drivers)
        ended = side.errand("say hello", Says("say(hello)\ndone()", "done()"))
        assert ended.state is GoalState.ABORTED
        assert ended.why == "emergency stop: pressed by Ada"
        assert ended.result is None
        assert stopping.ask(other, "release", by="Ada", token="a guess") == (False, "this is not the robot's token")
        assert not stopping.ask(other, "release", by=" ", token=side.guard.token)[0], "a person has a name"
        assert not stopping.ask(other, "dance")[0]
        assert not side.guard._asked(type("Request", (), {"content": "[" * 5000})()).ok
        assert side.errand("say hello", Says("done()")).state is GoalState.ABORTED
        assert stopping.main([*words, "--state"]) == 0
        assert stopping.main([*words, "--release", "Ada"]) == 0
        assert capsys.readouterr().out == "emergency stop: pressed by Ada\nreleased\n"
        assert side.errand("say hello", Says("say(hello)\ndone()", "done()")).state is GoalState.SUCCEEDED


def test_an_errand_works_through_a_network_that_is_gone_for_a_while(side, drivers):  # noqa: F811
    def thinking(number):
        if number == 2:
            drivers.joints_silent = True
            # It comes back when the robot has been given up once.
            back = threading.Thread(
                target=lambda: wait_for(lambda: bool(side.guard.safe.fault), PATIENCE_S) and speak()
            )
            back.start()
            assert wait_for(lambda: bool(side.guard.safe.fault), PATIENCE_S)

    def speak():
        time.sleep(0.3)
        drivers.joints_silent = False

    planner = side.beside(Says("say(hello)\ndone()", "done()", thinking=thinking))
    ended = side.errand("say hello", planner)
    assert ended.result is not None, ended.why
    assert ended.result.stop is Stop.DONE
    assert [veto.reason for veto in side.guard.safe.vetoes] == [Reason.LOST]


def test_a_robot_that_stays_silent_ends_the_errand_and_the_next_one_is_done(side, drivers):  # noqa: F811
    side.guard._loops = LoopConfig(pause_s=0.1)

    def thinking(number):
        drivers.joints_silent = True
        assert wait_for(lambda: bool(side.guard.safe.fault), PATIENCE_S)

    ended = side.errand("say hello", side.beside(Says("say(hello)\ndone()", "done()", thinking=thinking)))
    assert ended.state is GoalState.ABORTED
    assert "does not answer" in ended.why
    drivers.joints_silent = False
    assert side.errand("say hello", Says("say(hello)\ndone()", "done()")).state is GoalState.SUCCEEDED


def test_a_watchdog_that_fails_is_an_emergency(side, monkeypatch):
    monkeypatch.setattr(side.ros2, "keep", lambda: 1 / 0)
    assert wait_for(lambda: side.guard.safe._pressed is not None, PATIENCE_S)
    assert "watchdog" in side.errand("say hello", Says("done()")).why


def test_a_call_that_needs_a_word_is_done_after_one_alone(side):
    side.guard.token = "a secret of tests"
    with Node(domain=side.ros2.config.domain) as other:
        for do, said in (("no", False), ("yes", True)):
            told = threading.Timer(0.2, lambda do=do: stopping.ask(other, do, token=side.guard.token))
            told.start()
            assert side.guard.asked_for(PATIENCE_S) is said
            told.join()
    assert side.guard.asked_for(0.1) is False, "an empty chair is a no"
