"""What verbs declare is kept: preconditions, failures, time limits, by robots that stand still and those that drive."""

from __future__ import annotations

import inspect
import re
import sys
from dataclasses import replace
from types import ModuleType

import numpy as np
import pytest

import agent.perform
from agent.executor import hindrance
from agent.perform import perform
from agent.plan import parse_call
from agent.verbs import VERBS, Hand, Verb
from robots import mobile, primitives
from robots.fake import FakeBox, FakeRobot
from robots.interface import Status
from robots.mobile_panda import mobile_panda
from robots.primitives import Body, Outcome
from robots.spec import RobotSpec, panda
from robots.stretch import stretch

CALLS = {
    Verb.NAVIGATE_TO: "navigate_to(table)", Verb.PICK: "pick(mug @ 100 100)", Verb.PLACE: "place(on mug @ 100 100)",
    Verb.PUSH: "push(mug @ 100 100 to left)", Verb.OPEN: "open(fridge @ 100 100)",
    Verb.CLOSE: "close(fridge @ 100 100)", Verb.PULL: "pull(drawer @ 100 100)", Verb.PRESS: "press(lamp @ 100 100)",
    Verb.POUR: "pour(mug @ 100 100)", Verb.WIPE: "wipe(stain @ 100 100)", Verb.HAND_OVER: "hand_over(person)",
    Verb.LOOK: "look()",
}  # fmt: skip
STANDING = (Verb.PICK, Verb.PLACE, Verb.PUSH, Verb.LOOK)
ROBOTS = [(panda(), STANDING), (mobile_panda(), tuple(CALLS)), (stretch(), tuple(CALLS))]
CASES = [pytest.param(spec, verb, id=f"{spec.name} {verb.value}") for spec, verbs in ROBOTS for verb in verbs]


SEEN = FakeRobot(boxes=(FakeBox(name="block", xy_m=(0.45, 0.1), rgb=(0.8, 0.1, 0.1)),)).observe()


def test_every_verb_that_moves_is_declared_and_done_by_robots_that_drive() -> None:
    moving = {v for v, spec in VERBS.items() if Status.TIMED_OUT in spec.failures}
    assert set(CALLS) == moving
    functions = {getattr(mobile, v.value, None) or getattr(mobile, f"{v.value}_", None) for v in moving}
    assert None not in functions
    assert len(functions) == len(moving)


@pytest.mark.parametrize(("spec", "verb"), CASES)
def test_a_primitive_that_goes_on_and_on_is_stopped_at_its_verbs_limit(
    spec: RobotSpec, verb: Verb, monkeypatch: pytest.MonkeyPatch
) -> None:
    robot = FakeRobot(spec=spec)
    body = Body(robot=robot)
    whole = body.robot
    began: list[bool] = []
    clock, stopped = [0.0], list[float]()

    def endless(body: Body, *_: object, **__: object) -> Outcome:
        began.append(True)
        while clock[0] < 1000.0:
            body.robot.wait(0.5)
        raise AssertionError("nobody stopped it")

    drives = spec.base is not None
    monkeypatch.setattr(mobile if drives else agent.perform, verb.value, endless, raising=False)
    if verb in agent.perform.AT_TARGET:
        monkeypatch.setitem(agent.perform.AT_TARGET, verb, endless)

    def wait(seconds: float) -> None:
        clock[0] += seconds

    monkeypatch.setattr(robot, "wait", wait)
    monkeypatch.setattr(robot, "stop", lambda: stopped.append(clock[0]))
    outcome = perform(parse_call(CALLS[verb]), body, SEEN)
    assert began
    assert outcome.status is Status.TIMED_OUT
    limit_s = VERBS[verb].time_limit_s
    assert outcome.detail == f"{verb.value} was not done after {limit_s:g} s"
    assert stopped == [pytest.approx(limit_s, abs=0.6)]
    assert body.robot is whole


@pytest.mark.parametrize("verb", CALLS, ids=lambda verb: verb.value)
def test_a_hand_that_is_not_as_the_verb_needs_it_holds_the_call_back(verb: Verb) -> None:
    call, needs = parse_call(CALLS[verb]), VERBS[verb].hand_before
    seen = {full: replace(SEEN, state=replace(SEEN.state, holding=full)) for full in (False, True)}
    found = {full: hindrance(call, one) for full, one in seen.items()}
    assert (found[True] is not None) == (needs is Hand.EMPTY)
    assert (found[False] is not None) == (needs is Hand.HOLDING)
    for outcome in found.values():
        assert outcome is None or outcome.status in VERBS[verb].failures


def functions_of(module: ModuleType, verb: Verb) -> ModuleType:
    function = getattr(module, verb.value, None) or getattr(module, f"{verb.value}_")
    return sys.modules[function.__module__]


@pytest.mark.parametrize("verb", CALLS, ids=lambda verb: verb.value)
@pytest.mark.parametrize("package", [primitives, mobile], ids=["standing", "driving"])
def test_no_primitive_ends_in_a_way_that_its_verb_does_not_declare(package: ModuleType, verb: Verb) -> None:
    """By its own source: every status that is written there."""
    if package is primitives and verb not in STANDING:
        assert not hasattr(primitives, verb.value)
        return
    source = inspect.getsource(functions_of(package, verb))
    named = {Status[name] for name in re.findall(r"Outcome\(\s*status=Status\.(\w+)", source)}
    # Doors are one file for three verbs, of which each can do what the others do.
    assert named <= {Status.SUCCEEDED, *VERBS[verb].failures}, f"{verb.value}: {named - set(VERBS[verb].failures)}"


def test_a_call_without_a_point_moves_nothing_and_says_so() -> None:
    for spec in (mobile_panda(), stretch()):
        robot = FakeRobot(spec=spec)
        for text in (
            "pick(mug)",
            "open(fridge)",
            "press(lamp)",
            "push(mug to left)",
            "push(mug @ 5 5 to next to bowl)",
        ):
            outcome = perform(parse_call(text), Body(robot=robot), SEEN)
            assert outcome.status is Status.TARGET_NOT_FOUND, (text, outcome)
        assert robot.time_s == 0.0
        with pytest.raises(ValueError, match="one of them"):
            mobile.push(Body(robot=robot), primitives.Target(words="mug", xyz_m=np.zeros(3)))
