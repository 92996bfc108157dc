"""Disguised sentences: said and planned in the same new words, and nothing claimed about what they name."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np

from agent.plan import parse_call, parse_plan
from agent.training.shards import Sentence
from sim.lexicon import COLOURS, KINDS
from sim.pictures import OTHER_SHARE
from sim.said import sentence
from sim.symbolic import SymbolicState
from sim.tasks.disguise import adorned, disguised, estranged
from sim.tasks.foreign import FOREIGN
from sim.tasks.suites import sample


def sentences(n: int) -> list[Sentence]:
    rng = np.random.default_rng(1)
    out = []
    for family in rng.choice(list(OTHER_SHARE), size=n):
        instance = sample(str(family), rng)
        where = {o.name: (0.4, 0.5 * i, 0.0) for i, o in enumerate(instance.objects)}
        at = {name: (10 * i, i) for i, name in enumerate(where)}
        state = SymbolicState(xyz_m=where, held=None, start_xyz_m=where)
        out.append(sentence(instance, state, (), at.get))
    return out


def test_what_is_planned_is_what_is_said() -> None:
    rng = np.random.default_rng(2)
    changed = 0
    for plain in sentences(400):
        said = disguised(plain, rng)
        before, after = parse_plan(plain.plan), parse_plan(said.plan)
        assert [c.verb for c in before] == [c.verb for c in after]
        for b, a in zip(before, after, strict=True):
            if a.target == b.target:
                assert (a.point, a.relation, a.side) == (b.point, b.relation, b.side)
                continue
            changed += 1
            assert a.point is None, "nobody knows where a thing is that there may not be"
            new = set(a.target.split()) - set(b.target.split())
            for word in new:
                assert re.search(rf"\b{word}", said.instruction), (said.instruction, a.target)
            assert not {w for w in new if w in COLOURS or w in KINDS}
        assert all(parse_call(call) for call, _ in said.history)
    assert changed > 100


def test_one_thing_has_one_name_throughout() -> None:
    """In a swap each thing is named twice at least."""
    rng = np.random.default_rng(3)
    plain = Sentence(
        family="swap",
        instruction="Swap the red block and the blue cube",
        history=(("pick(red block)", "succeeded"),),
        plan="place(aside)\npick(blue block @ 3 4)\nplace(where red block was)\npick(red block @ 1 2)\n"
        "place(where blue block was)\ndone()",
    )
    for _ in range(30):
        said = disguised(plain, rng)
        calls = parse_plan(said.plan)
        red, blue = calls[3].target, calls[1].target
        assert calls[2].target == red
        assert calls[4].target == blue
        assert said.history[0][0] == f"pick({red})"


def test_a_doubtful_one_is_left_as_it_is() -> None:
    rng = np.random.default_rng(4)
    plain = Sentence(family="pick", instruction="can you lift the can", history=(), plan="pick(cylinder @ 1 2)\ndone()")
    assert all(disguised(plain, rng) == plain for _ in range(40))


def test_a_word_that_says_nothing_changes_no_point() -> None:
    rng = np.random.default_rng(5)
    changed = 0
    for plain in sentences(200):
        said = adorned(plain, rng)
        for b, a in zip(parse_plan(plain.plan), parse_plan(said.plan), strict=True):
            assert (a.verb, a.point, a.destination_point) == (b.verb, b.point, b.destination_point)
            if a.target != b.target:
                changed += 1
                (new,) = set(a.target.split()) - set(b.target.split())
                assert a.target.replace(f"{new} ", "") == b.target
                assert re.search(rf"\b{new}\b", said.instruction), (said.instruction, a.target)
        assert [points for _, points in said.marks] == [points for _, points in plain.marks]
    assert changed > 80


def test_what_no_scene_has_is_looked_for_and_not_found() -> None:
    rng = np.random.default_rng(6)
    changed = 0
    for plain in sentences(200):
        said = estranged(plain, rng)
        before, after = parse_plan(plain.plan), parse_plan(said.plan)
        assert [c.verb for c in before] == [c.verb for c in after]
        marks = dict(said.marks)
        for b, a in zip(before, after, strict=True):
            if a.target == b.target:
                assert a.point == b.point
                continue
            changed += 1
            (new,) = set(a.target.split()) - set(b.target.split())
            assert new in {word for words in FOREIGN.values() for word in words}
            assert a.point is None
            assert marks[a.target] == (), "nothing such is there"
            assert re.search(rf"\b{new}", said.instruction), (said.instruction, a.target)
    assert changed > 60
    begun = replace(plain, history=(("pick(red block)", "succeeded"),))
    assert estranged(begun, rng) == begun
