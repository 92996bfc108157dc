"""Who sees whom as literal matrices; caches bounded by their windows; sessions that read only what is new."""

from __future__ import annotations

from dataclasses import replace

import pytest

torch = pytest.importorskip("torch")

from agent.vlm.config import DecoderConfig, RopeScaling  # noqa: E402
from agent.vlm.decoder import Decoder  # noqa: E402
from agent.vlm.decoder.cache import ContextError, KVCache  # noqa: E402
from agent.vlm.decoder.masks import padded, visible, with_self  # noqa: E402
from agent.vlm.generation import language  # noqa: E402
from agent.vlm.generation.language import LanguageModel  # noqa: E402
from agent.vlm.generation.session import Session, shared  # noqa: E402

SUMS = 1e-5
TINY = DecoderConfig(layers=4, width=32, heads=4, kv_heads=2, head_width=8, ffn_width=48, vocabulary=64, rope_theta=1e4)
WINDOWED = replace(TINY, windows=(5, 5, 5, 0), rope_local_theta=100.0)
SINKS = replace(TINY, windows=(5,), sinks=2)


def model(c: DecoderConfig) -> LanguageModel:
    torch.manual_seed(0)
    return LanguageModel(Decoder(c).eval())


def matrix(mask) -> list[list[int]]:
    assert mask.shape[:2] == (1, 1)
    return mask[0, 0].int().tolist()


SIX = torch.arange(6)[None]


def test_sliding_window_is_this_matrix() -> None:
    assert matrix(visible(SIX, SIX, window=3)) == [
        [1, 0, 0, 0, 0, 0],
        [1, 1, 0, 0, 0, 0],
        [1, 1, 1, 0, 0, 0],
        [0, 1, 1, 1, 0, 0],
        [0, 0, 1, 1, 1, 0],
        [0, 0, 0, 1, 1, 1],
    ]


def test_sinks_are_this_matrix() -> None:
    assert matrix(visible(SIX, SIX, window=2, sinks=1)) == [
        [1, 0, 0, 0, 0, 0],
        [1, 1, 0, 0, 0, 0],
        [1, 1, 1, 0, 0, 0],
        [1, 0, 1, 1, 0, 0],
        [1, 0, 0, 1, 1, 0],
        [1, 0, 0, 0, 1, 1],
    ]


def test_prefix_is_this_matrix() -> None:
    assert matrix(visible(SIX, SIX, prefix=3)) == [
        [1, 1, 1, 0, 0, 0],
        [1, 1, 1, 0, 0, 0],
        [1, 1, 1, 0, 0, 0],
        [1, 1, 1, 1, 0, 0],
        [1, 1, 1, 1, 1, 0],
        [1, 1, 1, 1, 1, 1],
    ]


def test_padding_is_this_matrix() -> None:
    positions, keys = padded(torch.tensor([[False, True, True, False, True]]))
    assert positions.tolist() == [[0, 0, 1, 1, 2]]
    assert matrix(with_self(visible(positions, keys))) == [
        [1, 1, 0, 0, 0],  # padding: itself, and what its position lets it see; nobody reads it
        [0, 1, 0, 0, 0],
        [0, 1, 1, 0, 0],
        [0, 1, 1, 1, 0],
        [0, 1, 1, 0, 1],
    ]


def test_a_ring_holds_these_slots() -> None:
    """Window 3, 1 sink, slack 2: the sink's slot, then five in turn."""
    cache = KVCache(replace(TINY, windows=(3,), sinks=1), capacity=50, slack=2)
    for _ in range(5):
        place = cache.place(1, 2)
    assert place.positions.tolist() == [[8, 9]]
    assert place.slots[3].tolist() == [[3, 4]]
    _, held = cache.kept(0)
    assert held.tolist() == [[0, 6, 7, 8, 9, 5]]
    assert matrix(place.masks[3]) == [[1, 1, 1, 1, 0, 0], [1, 0, 1, 1, 1, 0]]


@pytest.mark.parametrize("config", [WINDOWED, SINKS, replace(TINY, attention_softcap=2.0, windows=(4, 0))])
@pytest.mark.parametrize("chunk", [1, 6])
def test_rings_say_what_whole_layers_say(config: DecoderConfig, chunk: int) -> None:
    ours = model(config)
    ids = torch.randint(64, (2, 60), generator=torch.Generator().manual_seed(1))
    cache = ours.new_cache(batch=2, capacity=60, slack=6)
    with torch.no_grad():
        whole = ours.logits(ids)
        parts = [ours.decoder.extend(ours.decoder.words(part), cache) for part in ids.split(chunk, dim=1)]
        assert (ours.decoder.logits(torch.cat(parts, dim=1)) - whole).abs().max() < SUMS
        last = ours.read(ids, ours.new_cache(batch=2, capacity=60, slack=7))
    assert (ours.decoder.logits(last) - whole[:, -1]).abs().max() < SUMS


def test_a_prefix_sees_itself_whole_in_the_cache_too() -> None:
    ours = model(TINY)
    x = torch.randn(1, 12, 32, generator=torch.Generator().manual_seed(1))
    positions = torch.arange(12)[None]
    cache = ours.new_cache(capacity=12)
    with torch.no_grad():
        whole, _ = ours.decoder(x, positions, visible(positions, positions, prefix=5))
        parts = [ours.decoder.extend(x[:, :7], cache, prefix=5), ours.decoder.extend(x[:, 7:], cache, prefix=5)]
    assert (torch.cat(parts, dim=1) - whole).abs().max() < SUMS
    with pytest.raises(ContextError, match="prefix of 5 tokens must be taken up at once"):
        ours.decoder.extend(x[:, :3], ours.new_cache(capacity=12), prefix=5)
    begun = ours.new_cache(capacity=12)
    ours.decoder.extend(x[:, :3], begun)
    with pytest.raises(ContextError, match="prefix of 5 tokens must be taken up at once"):
        ours.decoder.extend(x[:, 3:], begun, prefix=5)


def test_memory_is_bounded_by_the_windows() -> None:
    """Bytes of two tensors a layer, 2 heads of 8 float32, one slot more for padding."""
    slot = 2 * 2 * 8 * 4
    for capacity in (1_000, 32_000):
        assert KVCache(TINY, capacity=capacity).nbytes == 4 * (capacity + 1) * slot
        window = 5 + 256 + 1
        assert KVCache(WINDOWED, capacity=capacity).nbytes == (3 * window + capacity + 1) * slot
        assert KVCache(SINKS, capacity=capacity).nbytes == 4 * (2 + window) * slot


def test_memory_does_not_grow_as_tokens_come() -> None:
    ours = model(SINKS)
    cache = ours.new_cache(capacity=10_000, slack=16)
    before = cache.nbytes
    with torch.no_grad():
        for _ in range(40):
            ours.read(torch.randint(64, (1, 16)), cache)
    assert cache.lengths == [640]
    assert cache.nbytes == before == 4 * 2 * 2 * 8 * 4 * (2 + 5 + 16 + 1)


def test_a_long_text_is_read_in_pieces(monkeypatch) -> None:
    """Layers that see everything, too: rows of different lengths, the shorter padded in front."""
    monkeypatch.setattr(language, "READ_AT_ONCE", 7)
    ours = model(TINY)
    ids = torch.randint(64, (2, 40), generator=torch.Generator().manual_seed(1))
    valid = torch.ones(2, 40, dtype=torch.bool)
    valid[1, :11] = False
    pieces = []
    extend = ours.decoder.extend

    def counted(x, *rest, **options):
        pieces.append(x.shape[1])
        return extend(x, *rest, **options)

    monkeypatch.setattr(ours.decoder, "extend", counted)
    with torch.no_grad():
        whole = ours.logits(ids, valid)[:, -1]
        last = ours.read(ids, ours.new_cache(batch=2, capacity=40), valid=valid)
        assert pieces == [7, 7, 7, 7, 7, 5]
        ours.read(ids[:1], ours.new_cache(capacity=40), prefix=20)
        assert pieces[6:] == [40], "a prefix is taken up at once"
    assert (ours.decoder.logits(last) - whole).abs().max() < SUMS


@pytest.mark.parametrize("config", [TINY, WINDOWED, SINKS], ids=["whole", "5 to 1", "sinks"])
def test_a_session_reads_only_what_is_new(config: DecoderConfig) -> None:
    """A prompt that grows by a line a step, with what was generated at its end thrown away again."""
    ours, g = model(config), torch.Generator().manual_seed(1)
    session, text = Session(ours, capacity=400, slack=32), torch.randint(64, (30,), generator=g).tolist()
    for step in range(20):
        with torch.no_grad():
            expected = ours.logits(torch.tensor([text]))[:, -1]
            found = ours.decoder.logits(session.read(text))
        assert (found - expected).abs().max() < SUMS
        assert session.computed == (30 if step == 0 else 9), "the last old token and eight new ones"
        session.read([*text, *torch.randint(64, (10,), generator=g).tolist()])
        text = [*text[:-1], (text[-1] + 1) % 64, *torch.randint(64, (8,), generator=g).tolist()]


def test_a_window_that_has_moved_on_is_read_again_whole() -> None:
    ours = model(WINDOWED)
    text = torch.randint(64, (120,), generator=torch.Generator().manual_seed(1)).tolist()
    session = Session(ours, capacity=200, slack=16)
    session.read(text)
    with torch.no_grad():
        expected = ours.logits(torch.tensor([text[:60]]))[:, -1]
        assert (ours.decoder.logits(session.read(text[:60])) - expected).abs().max() < SUMS
    assert session.computed == 60
    whole = Session(model(TINY), capacity=200)
    whole.read(text)
    whole.read(text[:60])
    assert whole.computed == 1


def test_shared_beginning() -> None:
    assert [shared([1, 2, 3], b) for b in ([1, 2, 4], [1, 2], [], [5], [1, 2, 3, 4])] == [2, 2, 0, 0, 3]


def test_padding_may_be_longer_than_a_chunk() -> None:
    ours = model(WINDOWED)
    ids = torch.randint(64, (3, 30), generator=torch.Generator().manual_seed(1))
    valid = torch.ones(3, 30, dtype=torch.bool)
    valid[0, :20] = False
    valid[1, 3:] = False
    with torch.no_grad():
        last = ours.decoder.logits(ours.read(ids, ours.new_cache(batch=3, capacity=30, slack=6), valid=valid))
        for row in range(3):
            assert (last[row] - ours.logits(ids[row][valid[row]][None])[0, -1]).abs().max() < SUMS
        none = torch.zeros(3, 4, dtype=torch.bool)
        assert ours.read(ids[:, :4], ours.new_cache(batch=3, capacity=9), valid=none).isfinite().all()


def test_too_much_is_one_line() -> None:
    ours = model(replace(TINY, context=20))
    with pytest.raises(ContextError, match="21 tokens, but this model's context is 20"):
        ours.logits(torch.zeros(1, 21, dtype=torch.long))
    with pytest.raises(ContextError, match="30 tokens, but this model's context is 20"):
        ours.new_cache(capacity=30)
    with pytest.raises(ContextError, match="12 tokens for a cache that takes 11"):
        ours.read(torch.zeros(1, 12, dtype=torch.long), ours.new_cache(capacity=11))
    with pytest.raises(ContextError, match="2 sequences for a cache of 1"):
        ours.read(torch.zeros(2, 3, dtype=torch.long), ours.new_cache())
    with pytest.raises(ContextError, match="15 tokens and 10 to follow for a cache of 20"):
        Session(ours).read([1] * 15, room=10)
    with pytest.raises(ContextError, match="names no context"):
        model(TINY).new_cache()
    cache = model(WINDOWED).new_cache(capacity=100, slack=8)
    with pytest.raises(ContextError, match="9 tokens at once; windows with slack 8 take 8"):
        model(WINDOWED).decoder.extend(torch.zeros(1, 9, 32), cache)


def test_scaled_positions_reach_further() -> None:
    """Under linear scaling by 4, position 40 is turned as 10 was; llama3 and yarn leave the fastest waves alone."""
    from agent.vlm.decoder.rope import rope_table, stretched

    at = torch.tensor([[40]])
    plain, _ = rope_table(torch.tensor([[10]]), 16, 1e4)
    linear, _ = rope_table(at, 16, 1e4, RopeScaling(kind="linear", factor=4.0))
    assert torch.allclose(plain, linear, atol=1e-6)
    frequency = 1e4 ** -(torch.arange(32) / 32)
    for scaling in (
        RopeScaling(kind="llama3", factor=8.0, original_context=512),
        RopeScaling(kind="yarn", factor=8.0, original_context=512, low=1.0, high=32.0),
    ):
        ratio = stretched(frequency, scaling, 1e4) / frequency
        assert ratio[0] == 1.0
        assert ratio[-1] == pytest.approx(1 / 8)
        assert (ratio.diff() <= 1e-6).all()


@pytest.mark.parametrize(("capacity", "slack"), [(0, 4), (-3, 4), (8, 0)])
def test_a_cache_for_nothing_is_one_line(capacity: int, slack: int) -> None:
    with pytest.raises(ContextError, match=f"not {capacity} and {slack}"):
        LanguageModel(Decoder(WINDOWED)).new_cache(capacity=capacity, slack=slack)
