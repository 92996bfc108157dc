"""The loop: what it performs, what it holds back, and each way in which it ends."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

import agent.perform
from agent.executor import Bounds, EpisodeResult, Event, Finished, Planned, Started, Stop, look_again, run_episode
from agent.grounding import project
from agent.plan import HELD_BEFORE, Plan, PlanError, PrimitiveCall, PrimitiveResult, parse_plan
from agent.verbs import Relation, Verb
from robots.fake import FakeBox, FakeRobot
from robots.interface import Command, Observation, Status
from robots.primitives import Body, Outcome, Target
from robots.safety import Reason, SafetyStop, Veto

RED = FakeBox(name="red block", xy_m=(0.45, 0.1), rgb=(0.8, 0.1, 0.1))
BLUE = FakeBox(name="blue block", xy_m=(0.5, -0.12), rgb=(0.1, 0.1, 0.8), size_m=(0.06, 0.06, 0.03))


class Script:
    """A planner that writes one text after another, and keeps what it was told."""

    def __init__(self, *texts: str) -> None:
        self.texts = list(texts)
        self.told: list[tuple[PrimitiveResult, ...]] = []

    def plan(self, instruction: str, observation: Observation, history: Sequence[PrimitiveResult]) -> Plan:
        self.told.append(tuple(history))
        text = self.texts.pop(0) if len(self.texts) > 1 else self.texts[0]
        return Plan(instruction=instruction, calls=parse_plan(text), text=text, planner="script")


class CountingRobot(FakeRobot):
    """Keeps the commands that were sent."""

    def __init__(self, **options: object) -> None:
        super().__init__(boxes=(RED, BLUE))
        self.sent: list[Command] = []
        self.stops = 0

    def send(self, command: Command) -> Command:
        self.sent.append(command)
        return super().send(command)

    def stop(self) -> None:
        self.stops += 1
        super().stop()


def where(robot: FakeRobot, name: str) -> str:
    """ROW COL of the middle of a box's top."""
    box = robot.boxes[name]
    (row, col), _ = project(robot.observe().frames["front"], [*box.xy_m, box.top_m])
    return f"{round(float(row))} {round(float(col))}"


def run(planner: Script, robot: FakeRobot | None = None, **bounds: float) -> tuple[EpisodeResult, list[Event]]:
    events: list[Event] = []
    body = Body(robot=robot or CountingRobot())
    result = run_episode("do it", body, planner, bounds=Bounds(**bounds), listeners=[events.append])
    return result, events


def test_a_plan_is_carried_out_call_by_call_and_looked_at_after_each() -> None:
    robot = CountingRobot()
    red, blue = where(robot, "red block"), where(robot, "blue block")
    rest = f"place(on blue block @ {blue})\ndone()"
    planner = Script(f"pick(red block @ {red})\n{rest}", rest, "done()")
    result, events = run(planner, robot)
    assert result.stop is Stop.DONE
    assert [r.status for r in result.results] == [Status.SUCCEEDED, Status.SUCCEEDED]
    lying = robot.boxes["red block"]
    assert np.hypot(*np.subtract(lying.xy_m, BLUE.xy_m)) < 0.015  # half a pixel is 2 mm, a grasp 5
    assert lying.bottom_m == pytest.approx(BLUE.top_m)
    assert [type(e) for e in events] == [Planned, Started, Finished, Planned, Started, Finished, Planned]
    assert [len(h) for h in planner.told] == [0, 1, 2]
    first, second = result.results
    assert 0 == first.start_s < first.end_s == second.start_s < second.end_s == result.end_s


def test_done_at_once_moves_nothing() -> None:
    robot = CountingRobot()
    result, events = run(Script("done()"), robot)
    assert (result.stop, result.results, robot.sent) == (Stop.DONE, (), [])
    assert [type(e) for e in events] == [Planned]


@pytest.mark.parametrize(("text", "stop"), [("ask(which block)", Stop.ASKED), ("refuse(no cup here)", Stop.REFUSED)])
def test_asking_and_refusing_end_with_their_words(text: str, stop: Stop) -> None:
    result, _ = run(Script(text))
    assert (result.stop, result.declined) == (stop, parse_plan(text)[0].text)


def test_an_empty_hand_places_nothing_and_does_not_move() -> None:
    robot = CountingRobot()
    result, _ = run(Script("place(aside)\ndone()", "done()"), robot)
    assert [r.status for r in result.results] == [Status.NOT_HOLDING]
    assert robot.sent == []


def test_a_full_hand_picks_nothing_and_does_not_move() -> None:
    robot = CountingRobot()
    red, blue = where(robot, "red block"), where(robot, "blue block")
    moved: list[int] = []
    planner = Script(f"pick(red block @ {red})\ndone()", f"pick(blue block @ {blue})\ndone()", "done()")
    events: list[Event] = []

    def count(event: Event) -> None:
        events.append(event)
        moved.append(len(robot.sent))

    result = run_episode("take it", Body(robot=robot), planner, listeners=[count])
    assert [r.status for r in result.results] == [Status.SUCCEEDED, Status.HAND_FULL]
    assert moved[2] == moved[-1], "commands were sent after the first call"


@pytest.mark.parametrize("point", ["", " @ 0 500"])
def test_what_has_no_point_or_no_depth_is_not_found_and_nothing_moves(point: str) -> None:
    robot = CountingRobot()
    result, _ = run(Script(f"pick(red block{point})\ndone()", "done()"), robot)
    assert [r.status for r in result.results] == [Status.TARGET_NOT_FOUND]
    assert robot.sent == []


def test_failures_in_a_row_end_it_and_a_success_between_does_not_count() -> None:
    result, _ = run(Script("place(aside)\ndone()"), max_failures=3)
    assert (result.stop, len(result.results)) == (Stop.REPEATED_FAILURE, 3)
    assert "not holding" in result.detail
    texts = ["place(aside)\ndone()", "place(aside)\ndone()", "say(well)\ndone()"] * 3 + ["done()"]
    result, _ = run(Script(*texts), max_failures=3)
    assert (result.stop, len(result.results)) == (Stop.DONE, 9)


def test_calls_are_bounded() -> None:
    result, _ = run(Script("say(on and on)\ndone()"), max_calls=5)
    assert (result.stop, len(result.results)) == (Stop.TOO_MANY_CALLS, 5)


def test_the_robots_time_is_bounded() -> None:
    robot = CountingRobot()
    red = where(robot, "red block")
    planner = Script(f"pick(red block @ {red})\ndone()", "place(aside)\ndone()")
    result, _ = run(planner, robot, max_time_s=1.0)
    assert (result.stop, len(result.results)) == (Stop.OUT_OF_TIME, 1)


class Raw:
    """A planner that returns these calls, or raises."""

    def __init__(self, *calls: PrimitiveCall, error: BaseException | None = None) -> None:
        self.calls = calls
        self.error = error

    def plan(self, instruction: str, observation: Observation, history: Sequence[PrimitiveResult]) -> Plan:
        if self.error is not None:
            raise self.error
        return Plan(instruction=instruction, calls=self.calls, text="", planner="raw")


@pytest.mark.parametrize(
    "planner",
    [
        Raw(),
        Raw(PrimitiveCall(verb=Verb.PICK, target="Red Block!", point=(1, 2))),
        Raw(PrimitiveCall(verb=Verb.PLACE, target="bowl) done(", point=(1, 2), relation=Relation.IN)),
        Raw(PrimitiveCall(verb=Verb.SAY, text="ok)\npick(x")),
        Raw(error=PlanError("blah", 0, "a call")),
    ],
)
def test_what_the_grammar_does_not_have_is_not_performed(planner: Raw) -> None:
    robot = CountingRobot()
    result = run_episode("do it", Body(robot=robot), planner)
    assert (result.stop, result.results, robot.sent) == (Stop.NO_PLAN, (), [])
    assert result.detail


def test_an_interrupt_stops_the_robot_and_goes_on_upwards() -> None:
    robot = CountingRobot()
    with pytest.raises(KeyboardInterrupt):
        run_episode("do it", Body(robot=robot), Raw(error=KeyboardInterrupt()))
    assert robot.stops == 1


@pytest.mark.parametrize(
    ("text", "name", "wanted"),
    [
        ("pick(red block @ {red})\ndone()", "pick", {"words": ["red block"]}),
        ("push(red block @ {red} to left)\ndone()", "push", {"words": ["red block"], "side": "left"}),
        ("push(red block @ {red} to blue block @ {blue})\ndone()", "push", {"words": ["red block", "blue block"]}),
        ("look()\ndone()", "look", {"words": []}),
    ],
)
def test_each_call_reaches_its_primitive_with_points_in_the_world(
    text: str, name: str, wanted: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    robot = CountingRobot()
    got: list[tuple[tuple[object, ...], dict[str, object]]] = []

    def primitive(body: Body, *arguments: object, **named: object) -> Outcome:
        got.append((arguments, named))
        return Outcome(status=Status.SUCCEEDED, detail="")

    monkeypatch.setattr(agent.perform, name, primitive)
    run(Script(text.format(red=where(robot, "red block"), blue=where(robot, "blue block")), "done()"), robot)
    ((arguments, named),) = got
    targets = [x for x in (*arguments, named.get("destination")) if isinstance(x, Target)]
    assert [t.words for t in targets] == wanted["words"]
    assert getattr(named.get("side"), "value", None) == wanted.get("side")
    for target in targets:
        box = robot.boxes[target.words]
        np.testing.assert_allclose(target.xyz_m, [*box.xy_m, box.top_m], atol=0.006)  # a pixel spans 4 mm


def test_where_a_thing_was_speaks_of_this_instruction() -> None:
    robot = CountingRobot()
    body = Body(robot=robot)
    red, aside = where(robot, "red block"), "place(aside)\ndone()"
    run_episode("move it", body, Script(f"pick(red block @ {red})\ndone()", aside, "done()"))
    first = body.origins["red block"]
    red = where(robot, "red block")
    run_episode("move it again", body, Script(f"pick(red block @ {red})\ndone()", "done()"))
    assert np.linalg.norm(body.origins["red block"] - first) > 0.05
    kept = body.origins["red block"]
    run_episode("put it back", body, Script("place(where red block was)\ndone()", "done()"))
    np.testing.assert_array_equal(body.origins["red block"], kept)
    np.testing.assert_allclose(robot.boxes["red block"].xy_m, kept[:2], atol=0.01)


def test_place_where_and_aside_need_no_point(monkeypatch: pytest.MonkeyPatch) -> None:
    got: list[tuple[Relation, Target | None]] = []

    def place(body: Body, relation: Relation, target: Target | None) -> Outcome:
        got.append((relation, target))
        return Outcome(status=Status.SUCCEEDED, detail="")

    robot = CountingRobot()
    red = where(robot, "red block")
    monkeypatch.setattr(agent.perform, "place", place)
    aside, back = "place(aside)\ndone()", "place(where blue block was)\ndone()"
    run(Script(f"pick(red block @ {red})\ndone()", aside, back, "done()"), robot)
    assert [r for r, _ in got] == [Relation.ASIDE, Relation.WHERE]
    assert got[0][1] is None
    assert got[1][1] is not None
    assert (got[1][1].words, got[1][1].xyz_m) == ("blue block", None)


def test_what_is_held_from_before_is_told_to_the_planner_and_to_nobody_else(monkeypatch: pytest.MonkeyPatch) -> None:
    robot = FakeRobot(boxes=(RED, BLUE))
    body = Body(robot=robot)
    first = Script(f"pick(red block @ {where(robot, 'red block')})\ndone()", "done()")
    run_episode("take it", body, first)
    assert [len(h) for h in first.told] == [0, 1]
    second = Script("place(aside)\ndone()", "done()")
    result = run_episode("put it away", body, second)
    assert [[(r.call.verb, r.call.target, r.detail == HELD_BEFORE) for r in h] for h in second.told] == [
        [(Verb.PICK, "red block", True)],
        [(Verb.PICK, "red block", True), (Verb.PLACE, "", False)],
    ]
    assert [r.call.verb for r in result.results] == [Verb.PLACE]


class Stale(FakeRobot):
    """Says so many times that what it sees is old, and each time needs to be let go on."""

    def __init__(self, times: int, reason: Reason = Reason.STALE) -> None:
        super().__init__()
        self.left, self.stands, self.reason = times, False, reason

    def observe(self) -> Observation:
        self.stands = self.stands or self.left > 0
        if self.stands:
            raise SafetyStop(Veto(reason=self.reason, detail="", time_s=0.0))
        return super().observe()

    def recover(self, veto: Veto) -> bool:
        if veto.reason is not Reason.STALE:
            return False
        self.left, self.stands = self.left - 1, False
        return True


def test_a_robot_that_saw_something_old_looks_again() -> None:
    robot = Stale(2)
    assert look_again(robot).time_s == 0.0
    assert not robot.stands
    with pytest.raises(SafetyStop):
        look_again(Stale(9))


def test_a_robot_that_stopped_for_another_reason_is_not_let_go_on() -> None:
    robot = Stale(1, Reason.EMERGENCY_STOP)
    with pytest.raises(SafetyStop, match="emergency stop"):
        look_again(robot)
    assert robot.stands
