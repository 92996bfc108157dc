"""The model: who sees whom, cached against uncached, packed against alone, and pretrained weights that are right."""

from __future__ import annotations

import math

import pytest

torch = pytest.importorskip("torch")

from agent.stream import Stream  # noqa: E402
from agent.training.batch import make_batch  # noqa: E402
from agent.vlm.decoder import Decoder, rope_table, rotate  # noqa: E402
from agent.vlm.model import pointer_loss, pointer_targets, segment_mask  # noqa: E402
from tests.tiny import tiny_stream, tiny_tokenizer  # noqa: E402
from tests.tiny_model import tiny_config, tiny_model, tiny_picture  # noqa: E402

SUMS = 2e-5
"""Tolerance between two orders of the same float32 sums, values of order one."""


def test_segment_mask_is_this_matrix() -> None:
    # Prefix of 2, then two tokens of sentence 1, two of sentence 2, one of padding.
    expected = [
        [1, 1, 0, 0, 0, 0, 0],
        [1, 1, 0, 0, 0, 0, 0],
        [1, 1, 1, 0, 0, 0, 0],
        [1, 1, 1, 1, 0, 0, 0],
        [1, 1, 0, 0, 1, 0, 0],
        [1, 1, 0, 0, 1, 1, 0],
        [0, 0, 0, 0, 0, 0, 1],
    ]
    mask = segment_mask(torch.tensor([[1, 1, 2, 2, 0]]), prefix=2)
    assert mask.shape == (1, 1, 7, 7)
    assert mask[0, 0].int().tolist() == expected


def test_rotary_products_depend_on_distance_alone() -> None:
    q, k = torch.randn(1, 1, 1, 16), torch.randn(1, 1, 1, 16)

    def product(i: int, j: int) -> float:
        (ci, si), (cj, sj) = (rope_table(torch.tensor([[n]]), 16, 1e5) for n in (i, j))
        return float((rotate(q, ci, si) * rotate(k, cj, sj)).sum())

    assert product(9, 4) == pytest.approx(product(105, 100), abs=1e-4)
    assert product(9, 4) != pytest.approx(product(9, 5), abs=1e-4)


def test_a_sentence_in_a_pack_is_read_as_if_alone() -> None:
    model, stream, picture = tiny_model(), tiny_stream(), tiny_picture(1)
    packed = make_batch([picture], stream, model.config)
    alone = make_batch([_only(picture, 1)], stream, model.config)
    with torch.no_grad():
        tokens, _ = model.vision(packed.image)
        whole = model.read(tokens, packed.state, packed.ids, packed.segments, packed.positions)
        single = model.read(tokens, alone.state, alone.ids, alone.segments, alone.positions)
    inside = packed.segments[0] == 2
    n = int(inside.sum())
    assert n == int((alone.segments[0] == 1).sum()) > 5
    assert (whole[0, inside] - single[0, :n]).abs().max() < SUMS


def test_cached_decoding_equals_uncached() -> None:
    model, stream, picture = tiny_model(), tiny_stream(), tiny_picture(2)
    batch = make_batch([_only(picture, 0)], stream, model.config)
    n = int((batch.segments[0] == 1).sum())
    with torch.no_grad():
        tokens, _ = model.vision(batch.image)
        whole = model.read(tokens, batch.state, batch.ids, batch.segments, batch.positions)[:, :n]
        prefix = model.prefix(tokens, batch.state)
        words = model.decoder.embed(batch.ids[:, :n])
        hidden, cache = model.extend(torch.cat([prefix, words[:, :4]], dim=1), None, prefix.shape[1])
        steps = [hidden[:, prefix.shape[1] :]]
        for i in range(4, n):
            hidden, cache = model.extend(words[:, i : i + 1], cache, prefix.shape[1])
            steps.append(hidden)
    assert (torch.cat(steps, dim=1) - whole).abs().max() < SUMS


def test_labels_are_the_tokens_that_follow() -> None:
    stream, picture = tiny_stream(), tiny_picture(3)
    batch = make_batch([picture, tiny_picture(4)], stream, tiny_config())
    flat = batch.ids.flatten()
    assert torch.equal(flat[batch.label_at + 1], batch.label)
    assert (flat[batch.point_at] == stream.special["<point>"]).all()
    text = Stream(tiny_tokenizer()).tokenizer.decode(batch.label.tolist(), skip_special_tokens=False)
    assert text.startswith("<pick> red block<point><end><place> in green bowl<point><end><done>")


def test_pointer_loss_is_least_at_the_point() -> None:
    target = torch.tensor([[[5.0, 9.0]]])

    def loss(row: int, column: int) -> float:
        logits = torch.full((1, 257), -4.0)
        logits[0, row * 16 + column] = 4.0
        return float(pointer_loss(logits, target, 16))

    assert loss(5, 9) < loss(5, 10) < loss(5, 13)


def test_pointer_targets_share_themselves_out() -> None:
    nan = float("nan")
    cells = torch.tensor([[[2.0, 3.0], [nan, nan]], [[2.0, 3.0], [12.0, 9.0]], [[nan, nan], [nan, nan]]])
    one, two, none = pointer_targets(cells, 16)
    assert one.argmax() == two[: 8 * 16].argmax() == 2 * 16 + 3
    assert float(two[: 7 * 16].sum()) == pytest.approx(0.5, abs=1e-3)
    assert float(two[7 * 16 : -1].sum()) == pytest.approx(0.5, abs=1e-3)
    assert float(none[-1]) == 1.0
    assert float(one[-1]) == 0.0


def test_smollm2_keeps_its_perplexity() -> None:
    """WEIGHTS: 17 to 18 on plain sentences; 35 when the rows of q and k are left permuted."""
    pytest.importorskip("gguf")
    from agent.vlm.config import DecoderConfig
    from agent.vlm.convert.smollm2 import cached_gguf, load_into, read_tensors, read_vocabulary
    from agent.vlm.vocabulary import full_tokenizer, pruned_tokenizer

    path = cached_gguf()
    tokens, merges = read_vocabulary(path)
    decoder = Decoder(DecoderConfig(layers=30, vocabulary=49152)).eval()
    load_into(decoder, read_tensors(path), list(range(30)), list(range(49152)))
    text = (
        "The quick brown fox jumps over the lazy dog. The capital of France is Paris, and the river that runs through "
        "it is called the Seine. Water boils at one hundred degrees."
    )
    ids = torch.tensor([full_tokenizer(tokens, merges).encode(text).ids])
    n = ids.shape[1]
    with torch.no_grad():
        mask = torch.ones(n, n, dtype=torch.bool).tril()[None, None]
        hidden, _ = decoder(decoder.embed(ids), torch.arange(n)[None], mask)
        loss = torch.nn.functional.cross_entropy(decoder.logits(hidden)[0, :-1], ids[0, 1:])
    assert math.exp(float(loss)) == pytest.approx(18.2, abs=0.3)

    small, rows = pruned_tokenizer(tokens, merges, rank=3000, keep_words=["cylinder"])
    assert small.encode(" put the cylinder").tokens == ["Ġput", "Ġthe", "Ġcylinder"]
    assert small.decode(small.encode(" zyzzyva naïve 42").ids) == " zyzzyva naïve 42"
    assert [tokens[rows[i]] for i in small.encode(" put the cylinder").ids] == ["Ġput", "Ġthe", "Ġcylinder"]


def _only(picture, index):  # type: ignore[no-untyped-def]
    from dataclasses import replace

    return replace(picture, sentences=(picture.sentences[index],))
