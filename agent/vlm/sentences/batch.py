"""Sentences of unlike lengths side by side, as one matrix of token ids with places for what is no word.

Shapes: B batch, T tokens.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from agent.vlm.generation.language import NO_LABEL
from agent.vlm.sentences.masks import Style, runs
from agent.vlm.sentences.sentence import Input, Kind, Referral, Sentence, SentenceError, check_objects

PADDING = -1
PLACE = {"image": -2, "video": -3, "state": -4, "object": -5}
"""Ids of places, one for each token of an input. They are negative, so that no text can ever make one."""


class Encoder(Protocol):
    """One kind of input -> embeddings. `tokens`: how many an input of this shape gives; ValueError if it gives none."""

    def tokens(self, shape: tuple[int, ...]) -> int: ...

    def __call__(self, items: Tensor) -> Tensor:
        """[N,...] -> [N,tokens,D]."""
        ...


class ObjectEncoder(Protocol):
    """All objects of a scene -> embeddings. `count`: how many objects an input of this shape gives."""

    @property
    def tokens_each(self) -> int: ...

    def count(self, shape: tuple[int, ...]) -> int: ...

    def __call__(self, items: Tensor) -> Tensor:
        """[N,...] -> [N,K,tokens_each,D]."""
        ...


@dataclass(frozen=True, kw_only=True, eq=False)
class Batch:
    """Padded on the right.

    ids: int64[B,T], of words, or of PLACE, or PADDING. said: bool[B,T], what the decoder writes or wrote itself.
    inputs: the inputs of each kind in reading order. objects: by sentence, the object encoder's input (or None) and the
        numbers of the objects in the order in which they are named.
    """

    ids: Tensor
    said: Tensor
    inputs: Mapping[Kind, tuple[Tensor, ...]]
    objects: tuple[tuple[Tensor | None, tuple[int, ...]], ...]

    @property
    def real(self) -> Tensor:
        """bool[B,T], False = padding."""
        return self.ids != PADDING

    def to(self, device: torch.device | str | None = None, dtype: torch.dtype | None = None) -> Batch:
        """Elsewhere, and its inputs in another floating-point type (the encoders' own)."""
        return Batch(
            ids=self.ids.to(device),
            said=self.said.to(device),
            inputs={kind: tuple(v.to(device, dtype) for v in values) for kind, values in self.inputs.items()},
            objects=tuple((None if item is None else item.to(device, dtype), n) for item, n in self.objects),
        )

    def blocks(self, style: Style) -> Tensor:
        """Which tokens see each other both ways: int64[B,T] for `sentence_masks.block_mask`.

        Each run of given tokens is a block of its own: were two with something said between them one block, what is
        said would see the later one through the earlier one.
        """
        if style == "causal":
            return torch.zeros_like(self.ids)
        return runs(self.real & ~self.said if style == "prefix" else self.ids < PADDING)

    def labels(self) -> Tensor:
        """int64[B,T], the id that follows each token where that is said, NO_LABEL elsewhere."""
        labels = torch.full_like(self.ids, NO_LABEL)
        labels[:, :-1] = torch.where(self.said[:, 1:], self.ids[:, 1:], NO_LABEL)
        return labels


def collate(
    sentences: Sequence[Sentence],
    encode: Callable[[str], list[int]],
    encoders: Mapping[Kind, Encoder],
    object_encoder: ObjectEncoder | None = None,
    *,
    limit: int | None = None,
) -> Batch:
    """Lay sentences out.

    encode: words -> ids. limit: tokens that a sentence may have.

    Raises:
        SentenceError: an input that no encoder takes, objects that do not match the referrals, a sentence too long.
    """
    rows: list[list[int]] = []
    said: list[list[bool]] = []
    inputs: dict[Kind, list[Tensor]] = {}
    objects: list[tuple[Tensor | None, tuple[int, ...]]] = []
    for s in sentences:
        row: list[int] = []
        flags: list[bool] = []
        named: list[int] = []
        check_objects(s, _count(s, object_encoder))
        for piece in s.pieces:
            if isinstance(piece, Input):
                inputs.setdefault(piece.kind, []).append(piece.value)
                ids = [PLACE[piece.kind]] * _tokens(piece, encoders)
            elif isinstance(piece, Referral):
                assert object_encoder is not None  # else check_objects has refused it
                named.append(piece.number)
                ids = [PLACE["object"]] * object_encoder.tokens_each
            else:
                ids = encode(piece.text)
            row += ids
            flags += [not isinstance(piece, Input | Referral) and piece.said] * len(ids)
        if limit is not None and len(row) > limit:
            raise SentenceError(f"sentence {len(rows) + 1} of the batch has {len(row)} tokens, the limit is {limit}")
        rows.append(row)
        said.append(flags)
        objects.append((s.objects, tuple(named)))
    longest = max((len(row) for row in rows), default=0)
    if longest == 0:
        raise SentenceError("a batch without a single token cannot be read")
    return Batch(
        ids=torch.tensor([row + [PADDING] * (longest - len(row)) for row in rows], dtype=torch.int64),
        said=torch.tensor([flags + [False] * (longest - len(flags)) for flags in said], dtype=torch.bool),
        inputs={kind: tuple(values) for kind, values in inputs.items()},
        objects=tuple(objects),
    )


def _tokens(piece: Input, encoders: Mapping[Kind, Encoder]) -> int:
    if piece.kind not in encoders:
        raise SentenceError(
            f"a sentence has <{piece.kind}>, but the model reads {', '.join(encoders) or 'words alone'}"
        )
    if not piece.value.is_floating_point():
        raise SentenceError(f"<{piece.kind}> must be floating-point and normalised, not {piece.value.dtype}")
    try:
        return encoders[piece.kind].tokens(tuple(piece.value.shape))
    except ValueError as error:
        raise SentenceError(str(error)) from error


def _count(s: Sentence, encoder: ObjectEncoder | None) -> int:
    if s.objects is None:
        return 0
    if encoder is None:
        raise SentenceError("a sentence has objects, but the model has no encoder for them")
    try:
        return encoder.count(tuple(s.objects.shape))
    except ValueError as error:
        raise SentenceError(str(error)) from error
