"""Who may look at whom, as literal matrices."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from agent.vlm.decoder.masks import windowed  # noqa: E402
from agent.vlm.sentences.batch import PADDING, PLACE, Batch  # noqa: E402
from agent.vlm.sentences.masks import block_mask, extension_mask, runs  # noqa: E402

IMAGE, STATE = PLACE["image"], PLACE["state"]


def matrix(text: str) -> list[list[int]]:
    return [[int(c) for c in row] for row in text.split()]


def batch() -> Batch:
    """word image image word | word word (said) | image word | word (said); and a shorter one, padded."""
    ids = [
        [7, IMAGE, IMAGE, 8, 9, 10, IMAGE, 11, 12],
        [7, STATE, 9, PADDING, PADDING, PADDING, PADDING, PADDING, PADDING],
    ]
    said = [[0, 0, 0, 0, 1, 1, 0, 0, 1], [0, 0, 1, 0, 0, 0, 0, 0, 0]]
    return Batch(ids=torch.tensor(ids), said=torch.tensor(said).bool(), inputs={}, objects=())


CAUSAL = """
100000000
110000000
111000000
111100000
111110000
111111000
111111100
111111110
111111111
"""
INPUTS = """
100000000
111000000
111000000
111100000
111110000
111111000
111111100
111111110
111111111
"""
PREFIX = """
111100000
111100000
111100000
111100000
111110000
111111000
111111110
111111110
111111111
"""
PADDED = {
    "causal": "100000000 110000000 111000000 000100000 000010000 000001000 000000100 000000010 000000001",
    "inputs": "100000000 110000000 111000000 000100000 000010000 000001000 000000100 000000010 000000001",
    "prefix": "110000000 110000000 111000000 000100000 000010000 000001000 000000100 000000010 000000001",
}


@pytest.mark.parametrize(("style", "expected"), [("causal", CAUSAL), ("inputs", INPUTS), ("prefix", PREFIX)])
def test_a_mask_is_this_matrix(style, expected) -> None:
    b = batch()
    mask = block_mask(b.blocks(style), b.real)
    assert mask.shape == (2, 1, 9, 9)
    assert mask[0, 0].int().tolist() == matrix(expected)
    assert mask[1, 0].int().tolist() == matrix(PADDED[style])


def test_pictures_side_by_side_are_one_block_and_apart_are_two() -> None:
    ids = torch.tensor([[IMAGE, IMAGE, STATE, 5, IMAGE]])
    b = Batch(ids=ids, said=torch.zeros(1, 5, dtype=torch.bool), inputs={}, objects=())
    assert b.blocks("inputs").tolist() == [[1, 1, 1, 0, 2]]
    assert block_mask(b.blocks("inputs"), b.real)[0, 0].int().tolist() == matrix("11100 11100 11100 11110 11111")


def test_nobody_looks_at_padding_wherever_it_stands() -> None:
    real = torch.tensor([[0, 1, 1, 1, 0]]).bool()
    mask = block_mask(torch.tensor([[0, 1, 1, 0, 0]]), real)
    assert mask[0, 0].int().tolist() == matrix("10000 01100 01100 01110 00001")


def test_runs_are_numbered() -> None:
    assert runs(torch.tensor([[1, 1, 0, 1, 0, 0, 1]]).bool()).tolist() == [[1, 1, 0, 2, 0, 0, 3]]


def test_further_tokens_see_what_was_real_and_their_own_past() -> None:
    real = torch.tensor([[1, 1, 1], [1, 0, 0]]).bool()
    mask = extension_mask(real, 2)
    assert mask.shape == (2, 1, 2, 5)
    assert mask[:, 0].int().tolist() == [matrix("11110 11111"), matrix("10010 10011")]


def test_labels_are_the_said_words_that_follow() -> None:
    no = -100
    assert batch().labels().tolist() == [
        [no, no, no, 9, 10, no, no, 12, no],
        [no, 9, no, no, no, no, no, no, no],
    ]


def test_a_block_is_whole_in_a_window_and_the_rest_is_not() -> None:
    whole = torch.tensor([
        [1, 1, 1, 1, 0, 0],
        [1, 1, 1, 1, 0, 0],
        [1, 1, 1, 1, 0, 0],
        [1, 1, 1, 1, 0, 0],
        [1, 1, 1, 1, 1, 0],
        [1, 1, 1, 1, 1, 1],
    ]).bool()[None, None]  # fmt: skip
    expected = torch.tensor([
        [1, 1, 1, 1, 0, 0],
        [1, 1, 1, 1, 0, 0],
        [1, 1, 1, 1, 0, 0],
        [1, 1, 1, 1, 0, 0],
        [0, 0, 0, 1, 1, 0],
        [0, 0, 0, 0, 1, 1],
    ]).bool()[None, None]  # fmt: skip
    assert torch.equal(windowed(whole, torch.arange(6)[None], 2, 0), expected)
