"""Long logs with facts: what is asked stands in them, where labels and sources say."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from agent.plan import parse_call  # noqa: E402
from agent.stream import Stream  # noqa: E402
from benchmarks.needle import TOKENIZER, Stage, batch  # noqa: E402
from sim.long_logs import Writer, draw_facts, episode, write  # noqa: E402


@pytest.fixture(scope="module")
def drawn():
    stream, rng = Stream.from_file(TOKENIZER), np.random.default_rng(0)
    episodes = [episode(stream, rng) for _ in range(60)]
    return Writer(stream, episodes), episodes


def test_a_log_has_its_facts_where_they_belong_and_no_more_tokens_than_it_may(drawn) -> None:
    writer, episodes = drawn
    rng = np.random.default_rng(1)
    for _ in range(20):
        early, middle, late = draw_facts(rng, 3)
        lines = write(rng, writer, episodes, 600, [(0.05, early), (0.5, middle), (1.0, late)])
        assert 560 < sum(map(len, lines)) <= 600
        at = [sum(map(len, lines[: lines.index(writer.fact(f))])) for f in (early, middle)]
        assert at[0] <= 30
        assert 180 < at[1] <= 300
        assert lines[-1] == writer.fact(late)


def test_a_fact_and_its_answer_are_calls_of_the_plan_language(drawn) -> None:
    writer, _ = drawn
    said = writer.stream.tokenizer.decode(writer.fact(("key", "red bowl"))[1:-1]).strip()
    assert parse_call(f"say({said})").text == "remember the key is in the red bowl"


def test_a_place_is_answered_from_where_the_log_says_it(drawn) -> None:
    writer, episodes = drawn
    rows = batch(np.random.default_rng(2), writer, episodes, Stage(steps=1, length=120, facts=4, rows=3, gaps=5000))
    asked = rows.source >= 0
    assert asked.sum() == 3 * 4 * 2, "a colour and a kind for each fact"
    row, at = torch.nonzero(asked, as_tuple=True)
    assert torch.equal(rows.ids[row, rows.source[row, at]], rows.label[row, at])
    labelled = rows.label != -100
    following = rows.ids.roll(-1, dims=1)
    assert torch.equal(rows.label[labelled], following[labelled])
    steps = rows.position.diff(dim=1)
    assert (steps >= 1)[rows.ids[:, 1:] > 0].all()
    assert (rows.position[rows.ids > 0] < 120 + 4 * 17 + 5000).all()
