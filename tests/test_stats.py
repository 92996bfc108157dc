"""Wilson's interval against published numbers, and what must hold of any interval."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.stats import Rate, rate_of


@pytest.mark.parametrize(
    ("successes", "n", "low", "high"),
    # Newcombe 1998, Statistics in Medicine 17, table I, method 3.
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilson_against_newcombes_table(successes: int, n: int, low: float, high: float) -> None:
    assert Rate(n=n, successes=successes).wilson_95 == pytest.approx((low, high), abs=5e-5)


@given(st.integers(1, 500), st.data())
def test_the_rate_lies_in_its_interval_and_failures_mirror_successes(n: int, data: st.DataObject) -> None:
    k = data.draw(st.integers(0, n))
    rate, mirror = Rate(n=n, successes=k), Rate(n=n, successes=n - k)
    low, high = rate.wilson_95
    assert rate.rate is not None
    assert 0 <= low <= rate.rate <= high <= 1
    assert mirror.wilson_95 == pytest.approx((1 - high, 1 - low), abs=1e-12)


def test_nothing_tried_is_no_rate() -> None:
    assert rate_of([]).figures() == {"n": 0, "successes": 0, "rate": None, "wilson_95": [0.0, 1.0]}
