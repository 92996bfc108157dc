"""Generation: batches of any lengths as each alone, draws as asked for, candidates as scored one by one."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from agent.onboard.tokenwise import TokenDecoder, vocabulary_of  # noqa: E402
from agent.plan import parse_plan  # noqa: E402
from agent.plan_grammar import plan_grammar  # noqa: E402
from agent.vlm.config import DecoderConfig  # noqa: E402
from agent.vlm.decoder import Decoder  # noqa: E402
from agent.vlm.generation.generate import generate  # noqa: E402
from agent.vlm.generation.language import LanguageModel  # noqa: E402
from agent.vlm.generation.sampling import Sampling, choose, narrowed  # noqa: E402
from agent.vlm.generation.score import log_probabilities  # noqa: E402
from agent.vlm.generation.session import Session  # noqa: E402
from tests.tiny import tiny_tokenizer  # noqa: E402

TINY = DecoderConfig(
    layers=3, width=32, heads=4, kv_heads=2, head_width=8, ffn_width=48, vocabulary=tiny_tokenizer().get_vocab_size(),
    context=400,
)  # fmt: skip
KINDS = {"whole": TINY, "windows": replace(TINY, windows=(6, 6, 0)), "sinks": replace(TINY, windows=(6,), sinks=2)}


def model(c: DecoderConfig = TINY, stop: tuple[int, ...] = ()) -> LanguageModel:
    torch.manual_seed(0)
    lm = LanguageModel(Decoder(c).eval(), stop=stop)
    with torch.no_grad():
        for p in lm.parameters():
            p.mul_(2.0)  # or the likeliest token would be the last one again
    return lm


PROMPTS = [np.random.default_rng(n).integers(0, 200, size=n).tolist() for n in (5, 17, 1, 9)]


@pytest.mark.parametrize("kind", KINDS)
def test_a_batch_of_any_lengths_goes_on_as_each_alone(kind: str) -> None:
    lm = model(KINDS[kind])
    together = generate(lm, PROMPTS, max_new=12)
    for prompt, found in zip(PROMPTS, together, strict=True):
        ids, beliefs = list(prompt), []
        with torch.no_grad():
            for _ in range(12):
                logs = lm.logits(torch.tensor([ids]))[0, -1].log_softmax(dim=-1)
                ids.append(int(logs.argmax()))
                beliefs.append(float(logs.max()))
        assert list(found.ids) == ids[len(prompt) :]
        assert found.log_probabilities == pytest.approx(beliefs, abs=1e-4)
        assert not found.ended
    assert len({c.ids for c in together}) > 1


def test_a_stop_token_ends_one_row_and_not_the_others() -> None:
    free = generate(model(), PROMPTS, max_new=10)
    stop = free[0].ids[3]
    found = generate(model(stop=(stop,)), PROMPTS, max_new=10)
    for a, b in zip(free, found, strict=True):
        n = a.ids.index(stop) if stop in a.ids else 10
        assert b.ids == a.ids[:n]
        assert b.ended == (stop in a.ids)


def test_the_same_seed_draws_the_same_text() -> None:
    def drawn(seed: int) -> list[tuple[int, ...]]:
        rng = np.random.default_rng(seed)
        return [c.ids for c in generate(model(), PROMPTS, max_new=8, sampling=Sampling(temperature=1.0), rng=rng)]

    assert drawn(1) == drawn(1) != drawn(2)


def test_draws_have_the_probabilities_asked_for() -> None:
    logits = torch.tensor([[2.0, 1.0, 0.0, -1.0, -9.0]]).expand(20_000, 5)
    rng = np.random.default_rng(0)
    for s in (
        Sampling(temperature=1.0), Sampling(temperature=2.0, top_k=3), Sampling(temperature=0.7, top_p=0.6),
        Sampling(temperature=1.5, top_k=4, top_p=0.8),
    ):  # fmt: skip
        expected = narrowed(logits[:1], s)[0]
        found = torch.bincount(choose(logits, s, rng), minlength=5) / 20_000
        assert (found - expected).abs().max() < 0.015  # four standard deviations of a share of 20,000
        assert (found[expected == 0] == 0).all()


@pytest.mark.parametrize("seed", range(20))
def test_narrowing_is_that_of_transformers(seed: int) -> None:
    warpers = pytest.importorskip("transformers.generation.logits_process")
    logits = torch.randn(3, 50, generator=torch.Generator().manual_seed(seed)) * 3
    rng = np.random.default_rng(seed)
    s = Sampling(temperature=rng.uniform(0.3, 2.0), top_k=int(rng.integers(1, 50)), top_p=rng.uniform(0.05, 1.0))
    z = warpers.TemperatureLogitsWarper(s.temperature)(None, logits)
    z = warpers.TopPLogitsWarper(s.top_p)(None, warpers.TopKLogitsWarper(s.top_k)(None, z))
    assert torch.allclose(narrowed(logits, s), z.softmax(dim=-1), atol=1e-6)


def test_sampling_that_makes_no_sense_is_refused() -> None:
    with pytest.raises(ValueError, match="drawing tokens takes"):
        choose(torch.zeros(1, 4), Sampling(temperature=1.0), None)
    for bad in ({"temperature": -1.0}, {"top_p": 0.0}, {"top_p": 1.5}, {"top_k": -1}):
        with pytest.raises(ValueError, match="at least 0"):
            Sampling(**bad)
    with pytest.raises(ValueError, match="a token to begin with"):
        generate(model(), [[1], []], max_new=1)


@pytest.mark.parametrize("kind", KINDS)
def test_candidates_are_as_likely_as_one_by_one(kind: str) -> None:
    lm, rng = model(KINDS[kind]), np.random.default_rng(0)
    prompt = rng.integers(0, 200, size=30).tolist()
    candidates = [rng.integers(0, 200, size=n).tolist() for n in (1, 4, 9, 2, 1)]
    session = Session(lm, capacity=60, slack=16)
    found = log_probabilities(lm, prompt, candidates, session=session)
    assert session.computed == 30
    for candidate, value in zip(candidates, found, strict=True):
        with torch.no_grad():
            logs = lm.logits(torch.tensor([prompt + candidate]))[0, 29:-1].log_softmax(dim=-1)
        assert value == pytest.approx(float(logs[range(len(candidate)), candidate].sum()), abs=2e-4)
    assert log_probabilities(lm, prompt, candidates, session=session) == pytest.approx(found, abs=1e-4)
    assert session.computed == 1, "the prompt is there already"
    every = [[i] for i in range(TINY.vocabulary)]
    assert np.exp(log_probabilities(lm, prompt, every)).sum() == pytest.approx(1.0, abs=1e-4)


def test_candidates_leave_the_session_as_it_was() -> None:
    lm = model()
    session = Session(lm, capacity=100)
    expected = generate(lm, [PROMPTS[1]], max_new=8)
    log_probabilities(lm, PROMPTS[1], [[1, 2, 3], [4, 5]], session=session)
    assert generate(lm, [PROMPTS[1]], max_new=8, session=session)[0].ids == expected[0].ids


@pytest.mark.parametrize("kind", KINDS)
def test_a_session_goes_on_from_what_it_wrote(kind: str) -> None:
    lm = model(KINDS[kind])
    session, text = Session(lm, capacity=200), list(PROMPTS[1])
    for step in range(5):
        found = generate(lm, [text], max_new=6, session=session)[0]
        assert found.ids == generate(lm, [text], max_new=6)[0].ids
        if step:
            assert session.computed == 4, "the token that was drawn last and three new ones"
        text = [*text, *found.ids, 7, 8, 9]


VOCABULARY = vocabulary_of(tiny_tokenizer())


@pytest.mark.parametrize("seed", range(5))
def test_a_model_that_knows_nothing_writes_plans_within_its_budget(seed: int) -> None:
    lm, rng = model(), np.random.default_rng(seed)
    grammar = plan_grammar(words=["red", "green", "block", "bowl"])
    decoders = [TokenDecoder(VOCABULARY, grammar, budget=30) for _ in PROMPTS]
    found = generate(
        lm, PROMPTS, max_new=30, sampling=Sampling(temperature=2.0), rng=rng, constraints=decoders
    )  # fmt: skip
    for decoder, continuation in zip(decoders, found, strict=True):
        assert continuation.ended
        text = tiny_tokenizer().decode(list(continuation.ids))
        assert text == decoder.text
        assert parse_plan(text)
        assert all(p <= 1e-6 for p in continuation.log_probabilities)
