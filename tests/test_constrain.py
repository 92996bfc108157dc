"""The constrained decoder: whatever is chosen among what is allowed, the plan parses to the calls that came out."""

from __future__ import annotations

import numpy as np
import pytest

from agent.onboard.constrain import Grammar, PlanDecoder
from agent.plan import PrimitiveCall, format_plan, parse_plan
from agent.stream import Stream
from agent.verbs import Relation, Side, Verb
from tests.tiny import tiny_stream


@pytest.fixture(scope="module")
def grammar() -> Grammar:
    return Grammar(tiny_stream())


@pytest.mark.parametrize("seed", range(200))
def test_random_choices_parse(grammar: Grammar, seed: int) -> None:
    rng = np.random.default_rng(seed)
    decoder = PlanDecoder(grammar)
    while not decoder.finished:
        allowed = decoder.allowed()
        # Ends are made likelier, or names would always run to their limit.
        closing = [t for t in (grammar.point, grammar.end, grammar.was) if t in allowed]
        token = int(closing[0] if closing and rng.random() < 0.4 else rng.choice(allowed))
        decoder.advance(token, (int(rng.integers(224)), int(rng.integers(224))) if token == grammar.point else None)
    calls = tuple(decoder.calls)
    assert parse_plan(format_plan(calls)) == calls


PLANS = [
    [PrimitiveCall(verb=Verb.PICK, target="red block", point=(1, 2))],
    [PrimitiveCall(verb=Verb.PLACE, relation=r, target="green bowl", point=(3, 4)) for r in Relation if r.takes_point],
    [PrimitiveCall(verb=Verb.PLACE, relation=Relation.ASIDE)],
    [PrimitiveCall(verb=Verb.PLACE, relation=Relation.WHERE, target="small red block")],
    [PrimitiveCall(verb=Verb.PUSH, target="red block", point=(9, 9), side=s) for s in Side],
    [
        PrimitiveCall(
            verb=Verb.PUSH, target="red block", point=(9, 9), destination="blue zone", destination_point=(5, 6)
        )
    ],
    [PrimitiveCall(verb=Verb.SAY, text="which red block"), PrimitiveCall(verb=Verb.LOOK)],
]


@pytest.mark.parametrize("calls", PLANS, ids=lambda c: c[0].verb.value)
def test_every_kind_of_call_can_be_written(grammar: Grammar, calls: list[PrimitiveCall]) -> None:
    stream: Stream = grammar.stream
    whole = [*calls, PrimitiveCall(verb=Verb.DONE)]
    ids, points = stream.calls(whole)
    at = {i: point for i, _, point in points}
    decoder = PlanDecoder(grammar)
    for i, token in enumerate(ids):
        assert token in decoder.allowed()
        decoder.advance(token, at.get(i))
    assert decoder.finished
    assert decoder.calls == whole


def test_verbs_that_the_robot_lacks_are_never_allowed(grammar: Grammar) -> None:
    decoder = PlanDecoder(grammar, verbs=[Verb.PICK, Verb.DONE])
    assert {grammar.stream.verb_of[int(i)] for i in decoder.allowed()} == {Verb.PICK, Verb.DONE}


def test_a_token_out_of_place_is_refused(grammar: Grammar) -> None:
    with pytest.raises(ValueError, match="can't stand here"):
        PlanDecoder(grammar).advance(grammar.end)
