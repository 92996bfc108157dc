"""Sentences without pictures: at their beginning and half done, each history fitting the plan that remains."""

from __future__ import annotations

import numpy as np

from agent.plan import parse_call, parse_plan
from agent.training.shards import Sentence
from agent.verbs import Verb
from sim.texts import bundle


def drawn() -> list[Sentence]:
    rng = np.random.default_rng(5)
    return [s for _ in range(150) for s in bundle(rng, sentences=8).sentences]


def test_some_begin_and_some_are_half_done() -> None:
    shares = [bool(s.history) for s in drawn() if s.family not in ("absent", "ambiguous", "match")]
    assert 0.25 < np.mean(shares) < 0.6
    assert not any(s.history for s in drawn() if s.family in ("absent", "ambiguous", "match"))
    assert any(s.family == "match" for s in drawn())


def test_what_was_done_and_what_remains_go_through_one_hand() -> None:
    failed = 0
    for said in drawn():
        held = ""
        succeeded = [parse_call(call) for call, status in said.history if status == "succeeded"]
        lost = [call for call, status in said.history if status == "not holding"]
        failed += len(said.history) - len(succeeded)
        for call in [*succeeded, *parse_plan(said.plan)] if not lost else []:
            if call.verb is Verb.PICK:
                assert not held, said
                held = call.target
            elif call.verb is Verb.PLACE:
                assert held, said
                held = ""
            elif call.verb is Verb.PUSH:
                assert not held, said
    assert failed > 10, "histories tell of failures, too"


def test_a_call_that_failed_is_tried_again() -> None:
    again = [
        parse_call(s.history[-1][0]).target == parse_plan(s.plan)[0].target
        for s in drawn()
        if s.history and s.history[-1][1] == "grasp failed"
    ]
    assert len(again) > 5
    assert all(again)
