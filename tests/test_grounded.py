"""What the pointer's belief makes of a plan: carry on, ask, refuse, or be done."""

from __future__ import annotations

import numpy as np
import pytest

from agent.onboard.grounded import Found, find, grounded, pointed
from agent.plan import PrimitiveCall, PrimitiveResult, format_plan, parse_plan
from robots.interface import Status

PLAN = parse_plan("pick(red block @ 10 10)\nplace(in green bowl @ 50 50)\ndone()")
ANY_PLAN = parse_plan("pick(any red block @ 10 10)\nplace(in green bowl @ 50 50)\nlook()\ndone()")
DID = (PrimitiveResult(call=PLAN[0], status=Status.SUCCEEDED, detail="", start_s=0.0, end_s=1.0),)


def _found(nothing: float = 0.0, rival: float = 0.0) -> Found:
    return Found(point=(1, 1), nothing=nothing, rival=rival)


def _text(calls: tuple[PrimitiveCall, ...], found: list[Found], history: tuple[PrimitiveResult, ...] = ()) -> str:
    names = [w for c in calls for w in pointed(c)]
    return format_plan(grounded(calls, list(zip(names, found, strict=True)), history))


def test_what_is_there_is_done() -> None:
    assert _text(PLAN, [_found(), _found()]) == format_plan(PLAN)


def test_what_is_not_there_is_refused_even_if_it_comes_late() -> None:
    assert _text(PLAN, [_found(rival=0.5), _found(nothing=0.9)]) == "refuse(no green bowl here)"


def test_what_fits_two_is_asked() -> None:
    assert _text(PLAN, [_found(rival=0.45), _found()]) == "ask(which red block)"


def test_any_of_several_is_no_question() -> None:
    assert _text(ANY_PLAN, [_found(rival=0.45), _found()]) == format_plan(ANY_PLAN)


def test_none_left_of_all_is_done_but_none_at_first_is_refused() -> None:
    assert _text(ANY_PLAN, [_found(nothing=0.9), _found()], DID) == "done()"
    assert _text(ANY_PLAN, [_found(nothing=0.9), _found()]) == "refuse(no red block here)"


def test_in_the_middle_of_things_nothing_is_declined() -> None:
    assert _text(PLAN, [_found(nothing=0.9), _found(rival=0.5)], DID) == format_plan(PLAN)


@pytest.mark.parametrize(("peaks", "nothing", "rival"), [([(3, 4)], 0.0, 0.0), ([(3, 4), (12, 9)], 0.0, 0.5)])
def test_belief_is_read_off_the_map(peaks: list[tuple[int, int]], nothing: float, rival: float) -> None:
    features = np.zeros((1, 256), np.float32)
    for row, col in peaks:
        features[0, row * 16 + col] = 12.0
    found = find(np.array([1.0, -3.0], np.float32), features, 16, 64, 64)
    assert found.point == (3 * 4 + 2, 4 * 4 + 2) or found.point == (3 * 4 + 1, 4 * 4 + 1)
    assert found.nothing == pytest.approx(nothing, abs=0.01)
    assert found.rival == pytest.approx(rival, abs=0.01)


def test_an_empty_map_is_nothing() -> None:
    assert find(np.array([1.0, 9.0], np.float32), np.zeros((1, 256), np.float32), 16, 64, 64).nothing > 0.9
