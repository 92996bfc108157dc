"""The constrained decoder: whatever is chosen among what is allowed, the plan parses to the calls that came out."""

from __future__ import annotations

import numpy as np
import pytest

from agent.onboard.constrain import Grammar, PlanDecoder
from agent.onboard.planner import words_said
from agent.plan import PrimitiveCall, format_plan, parse_plan
from agent.stream import Stream
from agent.verbs import VERBS, Hand, Relation, Side, Verb
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


@pytest.mark.parametrize("seed", range(40))
@pytest.mark.parametrize("holding", [True, False])
def test_every_call_finds_the_hand_as_it_needs_it(grammar: Grammar, seed: int, holding: bool) -> None:
    rng = np.random.default_rng(seed)
    decoder = PlanDecoder(grammar, holding=holding, words=("red", "block"))
    while not decoder.finished:
        allowed = decoder.allowed()
        closing = [t for t in (grammar.point, grammar.end, grammar.was) if t in allowed]
        decoder.advance(int(closing[0] if closing else rng.choice(allowed)), (1, 1))
    hand = Hand.HOLDING if holding else Hand.EMPTY
    for call in decoder.calls:
        spec = VERBS[call.verb]
        assert spec.hand_before in (hand, Hand.ANY)
        hand = hand if spec.hand_after is Hand.ANY else spec.hand_after


def test_a_token_out_of_place_is_refused(grammar: Grammar) -> None:
    with pytest.raises(ValueError, match="can't stand here"):
        PlanDecoder(grammar).advance(grammar.end)


SAYABLE = ("red", "reddish", "small", "block", "zone", "thing", "to", "was", "in", "front")


@pytest.mark.parametrize("seed", range(60))
def test_names_are_made_of_the_words_that_may_be_said(grammar: Grammar, seed: int) -> None:
    rng = np.random.default_rng(seed)
    decoder = PlanDecoder(grammar, words=SAYABLE)
    while not decoder.finished:
        allowed = decoder.allowed()
        closing = [t for t in (grammar.point, grammar.end, grammar.was) if t in allowed]
        token = int(closing[0] if closing and rng.random() < 0.4 else rng.choice(allowed))
        decoder.advance(token, (1, 1) if token == grammar.point else None)
    assert parse_plan(format_plan(decoder.calls)) == tuple(decoder.calls)
    for call in decoder.calls:
        for name in (call.target, call.destination):
            *whole, last = name.split() or [""]
            assert set(whole) <= set(SAYABLE) - {"to", "was", "in", "front"}
            assert not last or any(w.startswith(last) for w in SAYABLE)  # the longest names are cut off
            assert len({*whole, last}) == len(name.split() or [""])


def test_a_word_may_end_where_it_is_whole_and_may_go_on_where_a_longer_one_does(grammar: Grammar) -> None:
    def after(written: str) -> set[str | None]:
        decoder = PlanDecoder(grammar, words=SAYABLE)
        decoder.advance(grammar.stream.calls([PrimitiveCall(verb=Verb.PICK)])[0][0])
        for token in grammar.stream.words(written):
            decoder.advance(token)
        return {grammar.stream.tokenizer.id_to_token(int(i)) for i in decoder.allowed()}

    assert "<point>" in after("red")
    assert after("red") > {"d", "Ġblock"}  # red-dish
    assert "Ġred" not in after("red")
    assert after("redd") == {"i"}
    assert "Ġgreen" not in after("red")


def test_plurals_may_be_the_plurals_of() -> None:
    assert {"box", "baby", "mug", "the"} <= words_said("the boxes babies mugs")
    assert words_said("") == set()
    assert "ga" not in words_said("gas")
