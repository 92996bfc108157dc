"""Plans that can't be meant are known, and give way to the likeliest that can."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import agent
from agent.onboard import search
from agent.onboard.bundle import Bundle
from agent.onboard.constrain import Grammar
from agent.onboard.grounded import Found
from agent.onboard.search import DOUBTFUL, TOSS_UP, branches, consistent, preferred, reconsidered, understood
from agent.onboard.writer import Writer, Written
from agent.plan import PrimitiveCall, format_plan, parse_plan
from agent.preprocess import planner_inputs
from agent.verbs import Relation, Verb
from sim.robot import open_sim_robot
from sim.said import plain_calls
from sim.scenes import sample_scene
from sim.tasks.suites import families, sample

FOLDER = Path(agent.__file__).parent / "checkpoints" / "nano"


def plan(*calls: str) -> tuple[PrimitiveCall, ...]:
    """With a point for each name, as the grammar has it."""
    return tuple(parse_plan("\n".join((*calls, "done()"))))


@pytest.mark.parametrize(
    "calls",
    [
        ("pick(a @ 1 1)", "place(on a @ 1 1)"),
        ("pick(a @ 1 1)", "place(left of a @ 1 1)"),
        ("pick(a @ 1 1)", "place(on b @ 2 2)", "pick(b @ 2 2)", "place(on c @ 3 3)"),
        ("pick(a @ 1 1)", "place(in b @ 2 2)", "pick(a @ 1 1)", "place(in b @ 2 2)"),
        ("push(a @ 1 1 to a @ 1 1)",),
        ("push(a @ 1 1 to left)", "pick(a @ 1 1)", "place(aside)", "push(a @ 1 1 to left)"),
    ],
)
def test_what_can_not_be_meant(calls: tuple[str, ...]) -> None:
    assert not consistent(plan(*calls))


@pytest.mark.parametrize(
    "calls",
    [
        ("pick(b @ 2 2)", "place(on c @ 3 3)", "pick(a @ 1 1)", "place(on b @ 2 2)"),
        ("pick(a @ 1 1)", "place(on b @ 2 2)", "pick(a @ 1 1)", "place(aside)", "pick(b @ 2 2)", "place(in c @ 3 3)"),
        ("push(a @ 1 1 to left)", "push(a @ 1 1 to front)"),
        ("place(aside)", "pick(a @ 1 1)", "place(in b @ 2 2)"),
        ("place(on a @ 1 1)",),
        ("pick(a @ 1 1)", "place(left of b @ 2 2)", "pick(b @ 2 2)", "place(in c @ 3 3)"),
    ],
)
def test_what_can(calls: tuple[str, ...]) -> None:
    assert consistent(plan(*calls))


def test_nothing_that_is_asked_for_is_thought_inconsistent() -> None:
    rng = np.random.default_rng(11)
    for family in families():
        for _ in range(60):
            instance = sample(family, rng)
            calls = plain_calls(instance.program or instance.intended, lambda name: (1, 1))
            assert consistent(calls), (instance.instruction, format_plan(calls))


def test_a_branch_parts_at_one_token_and_goes_on_with_the_likeliest() -> None:
    bundle = Bundle(FOLDER)
    m, robot = bundle.manifest, open_sim_robot()
    robot.reset(sample_scene(np.random.default_rng(0), seed=1))
    image, state = planner_inputs(robot.observe(), m.image_px)
    robot.close()
    writer = Writer(
        bundle, Grammar(bundle.stream), image=image, state=state, prompt=bundle.stream.prompt("stack them all", ()),
        picture_px=(224, 224), verbs=(Verb.PICK, Verb.PLACE, Verb.PUSH, Verb.DONE), words=m.words, holding=False,
        favoured=np.zeros(0, np.int64), bonus=0.0,
    )  # fmt: skip
    likeliest = writer.likeliest()
    tokens = [step.token for step in likeliest.trace]
    found = branches(writer, likeliest)
    assert len(found) > 2
    for other in found:
        theirs = [step.token for step in other.trace]
        at = next(i for i, (a, b) in enumerate(zip(tokens, theirs, strict=False)) if a != b)
        step = other.trace[at]
        assert step.logs.max() - step.log_likelihood <= DOUBTFUL
        assert all(s.log_likelihood == s.logs.max() for i, s in enumerate(other.trace) if i != at)
        assert not other.likeliest


def written(calls: tuple[PrimitiveCall, ...], log_likelihood: float, nothing: float = 0.0) -> Written:
    found = (("a", Found(point=(1, 1), nothing=nothing, rival=0.0)),)
    return Written(calls=calls, found=found, log_likelihood=log_likelihood, likeliest=False)


def test_the_likeliest_that_can_be_meant_takes_its_place(monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = written(plan("pick(a @ 1 1)", "place(on a @ 1 1)"), -1.0)
    right, missing = plan("pick(a @ 1 1)", "place(on b @ 2 2)"), plan("pick(c @ 1 1)", "place(on b @ 2 2)")
    others = [written(missing, -2.0, nothing=0.9), written(wrong.calls, -2.5), written(right, -4.0)]
    monkeypatch.setattr(search, "branches", lambda writer, plan: others)

    class NoWriter(Writer):
        def __init__(self) -> None: ...

    assert reconsidered(NoWriter(), wrong) is others[2]
    others.pop()
    assert reconsidered(NoWriter(), wrong) is others[0], "better one that is asked about than one that can't be"
    others[:] = [written(right, -1.0 - DOUBTFUL - 0.1)]
    assert reconsidered(NoWriter(), wrong) is wrong, "it is sure of what it says"
    sound = written(plan("pick(a @ 1 1)", "place(aside)"), -3.0)
    assert sound.calls[1].relation is Relation.ASIDE
    assert reconsidered(NoWriter(), sound) is sound


KNOWN = frozenset(["red", "black", "block", "cylinder", "box", "thing"])


def named(target: str, place: str, log_likelihood: float, *, missing: str = "", double: str = "") -> Written:
    calls = plan(f"pick({target} @ 1 1)", f"place(in {place} @ 2 2)")
    found = tuple(
        (name, Found(point=(1, 1), nothing=0.9 * (name == missing), rival=0.4 * (name == double)))
        for name in (target, place)
    )
    return Written(calls=calls, found=found, log_likelihood=log_likelihood, likeliest=False)


@pytest.mark.parametrize(
    ("other", "taken"),
    [
        (named("red block", "black box", -17.9), True),
        (named("red block", "black box", -18.1), False),
        (named("red block", "black thing", -8.9), True),
        (named("red block", "black thing", -9.1), False),
        (named("red cylinder", "black box", -2.0), False),
        (named("red block", "black box", -2.0, missing="black box"), False),
        (named("red block", "black box", -9.9, double="black box"), True),
        (named("red block", "black box", -10.1, double="black box"), False),
    ],
)
def test_an_unknown_word_may_stand_for_a_known_one_that_is_there(
    monkeypatch: pytest.MonkeyPatch, other: Written, taken: bool
) -> None:
    said = named("red block", "black hamper", -1.0, missing="black hamper")
    written = {"likeliest": replace(other, log_likelihood=0.0), "given": other}

    class Fixed(Writer):
        def __init__(self) -> None: ...

        def likeliest(self, **_: object) -> Written:
            return written["likeliest"]

        def given(self, calls: object) -> Written:
            return written["given"]

    monkeypatch.setattr(search, "branches", lambda *_, **__: [])
    assert (understood(Fixed(), said, KNOWN) is other) == taken
    assert understood(Fixed(), said, frozenset()) is said, "a bundle that lists no words"
    assert understood(Fixed(), said, KNOWN, frozenset(["hamper"])) is said, "it stands for nothing else"
    plain = named("red block", "black box", -1.0, missing="black box")
    assert understood(Fixed(), plain, KNOWN) is plain, "a known word stands for itself"


def test_of_two_readings_the_one_that_needs_no_question(monkeypatch: pytest.MonkeyPatch) -> None:
    said = named("red block", "black hamper", -1.0, missing="black hamper")
    readings = [named("red block", "black box", -3.0, double="black box"), named("red block", "black cylinder", -6.0)]

    class Said(Writer):
        def __init__(self) -> None: ...

        def likeliest(self, **_: object) -> Written:
            return readings[0]

        def given(self, calls: object) -> Written:
            return next(r for r in readings if r.calls == calls)

    monkeypatch.setattr(search, "branches", lambda *_, **__: readings[1:])
    assert understood(Said(), said, KNOWN) is readings[1]
    rivals = named("red block", "black hamper", -1.0, double="black hamper")
    readings.pop()
    assert understood(Said(), rivals, KNOWN) is rivals, "that is asked about in the words that were said"


def test_of_two_plans_about_as_likely_the_one_whose_things_are_there(monkeypatch: pytest.MonkeyPatch) -> None:
    said = named("red block", "black box", -1.0, missing="black box")
    others = [
        named("red block", "black box", -1.5, double="black box"),
        written(plan("pick(a @ 1 1)", "place(on a @ 1 1)"), -1.6),
        named("red block", "black cylinder", -1.9),
    ]
    monkeypatch.setattr(search, "branches", lambda *_, **__: others)

    class NoWriter(Writer):
        def __init__(self) -> None: ...

    assert preferred(NoWriter(), said) is others[2]
    others[2] = named("red block", "black cylinder", -1.1 - TOSS_UP)
    assert preferred(NoWriter(), said) is said, "it is sure of what it says"
    seen = named("red block", "black box", -1.0)
    assert preferred(NoWriter(), seen) is seen
