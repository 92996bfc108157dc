"""A decoder that reads multimodal sentences: encoders' embeddings stand where words could (PaLM-E: Driess et al. 2023,
section 3).

Shapes: B batch, T tokens, t new tokens, S all tokens (cached + new), D decoder width, V vocabulary, N inputs of a kind.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn

from agent.vlm.decoder import Cache, Decoder
from agent.vlm.decoder.cache import KVCache
from agent.vlm.sentences.batch import PLACE, Batch, Encoder, ObjectEncoder, collate
from agent.vlm.sentences.masks import Style, block_mask, extension_mask
from agent.vlm.sentences.sentence import Kind, Sentence, SentenceError


def fill(x: Tensor, ids: Tensor, place: int, features: Tensor) -> Tensor:
    """Put `features` [N,D] where `ids` int64[B,T] has `place`, in reading order: [B,T,D] -> [B,T,D].

    Raises:
        SentenceError: as many features as places there must be.
    """
    at = ids == place
    if (places := int(at.sum())) != features.shape[0]:
        raise SentenceError(f"{places} places (id {place}) for {features.shape[0]} embeddings")
    return x.masked_scatter(at[..., None], features.to(x.dtype)) if places else x


@dataclass(frozen=True, kw_only=True, eq=False)
class Reading:
    """What was read so far: the decoder's cache, which of its columns are no padding, and how long each sentence is.

    real: bool[B,S]. lengths: int64[B].
    """

    cache: Cache | KVCache
    real: Tensor
    lengths: Tensor


class MultimodalLM(nn.Module):
    """Encoders by kind, an encoder for objects, and a decoder; `style` says who sees whom."""

    def __init__(
        self,
        decoder: Decoder,
        encoders: Mapping[Kind, Encoder],
        object_encoder: ObjectEncoder | None = None,
        *,
        style: Style = "prefix",
    ) -> None:
        super().__init__()
        self.decoder = decoder
        self.encoders = nn.ModuleDict({kind: cast(nn.Module, encoder) for kind, encoder in encoders.items()})
        self.object_encoder = object_encoder
        self.style: Style = style

    def readers(self) -> Mapping[Kind, Encoder]:
        """What reads each kind of input."""
        return cast(Mapping[Kind, Encoder], dict(self.encoders.items()))

    def collate(
        self, sentences: Sequence[Sentence], encode: Callable[[str], list[int]], *, limit: int | None = None
    ) -> Batch:
        """`agent.vlm.sentences.batch.collate` for this model's encoders."""
        return collate(sentences, encode, self.readers(), self.object_encoder, limit=limit)

    def embed(self, batch: Batch) -> Tensor:
        """[B,T,D]: words by the decoder's table, all else by its encoder.

        Raises:
            SentenceError: an encoder that gives another number of embeddings than it said.
        """
        readers = self.readers()
        features = {PLACE[kind]: torch.cat(_by_shape(v, readers[kind])) for kind, v in batch.inputs.items() if v}
        if any(numbers for _, numbers in batch.objects):
            features[PLACE["object"]] = self._named_objects(batch)
        x = self.decoder.words(batch.ids.clamp(min=0))
        for place in PLACE.values():
            x = fill(x, batch.ids, place, features.get(place, x.new_zeros(0, x.shape[-1])))
        return x

    def _named_objects(self, batch: Batch) -> Tensor:
        """[N,D]: the tokens of every object as often as it is named."""
        if self.object_encoder is None:
            raise SentenceError("a batch names objects, but the model has no encoder for them")
        named = [(item, torch.tensor(numbers)) for item, numbers in batch.objects if item is not None and numbers]
        scenes = _by_shape([item for item, _ in named], self.object_encoder)
        chosen = [scene[numbers - 1].flatten(0, 1) for scene, (_, numbers) in zip(scenes, named, strict=True)]
        return torch.cat(chosen)

    def prefill(self, batch: Batch, *, room: int | None = None) -> tuple[Tensor, Reading]:
        """Hidden states [B,T,D] (those of padding mean nothing), and what `step` goes on from.

        room: tokens that may follow, for which a `KVCache` is made at once: faster, and what decoders with windows ask
        for, but without gradients. None = a cache that grows by joining.

        Raises:
            ContextError: more than the decoder's context.
        """
        x, real, blocks = self.embed(batch), batch.real, batch.blocks(self.style)
        lengths, t = real.sum(dim=1), x.shape[1]
        if room is None:
            positions = torch.arange(t, device=x.device).expand(x.shape[0], -1)
            hidden, grown = self.decoder(x, positions, block_mask(blocks, real))
            return hidden, Reading(cache=grown, real=real, lengths=lengths)
        cache = KVCache(
            self.decoder.config, batch=x.shape[0], capacity=t + room, slack=t, dtype=x.dtype, device=x.device
        )  # fmt: skip
        hidden = self.decoder.extend(x, cache, valid=real, blocks=blocks)
        return hidden, Reading(cache=cache, real=real, lengths=lengths)

    def step(self, ids: Tensor, reading: Reading) -> tuple[Tensor, Reading]:
        """Go on with said words int64[B,t]: hidden states [B,t,D], and what was read with them."""
        new = ids.shape[1]
        x, cache = self.decoder.words(ids), reading.cache
        if isinstance(cache, KVCache):
            hidden: Tensor = self.decoder.extend(x, cache)
        else:
            positions = reading.lengths[:, None] + torch.arange(new, device=ids.device)
            hidden, cache = self.decoder(x, positions, extension_mask(reading.real, new), cache)
        real = torch.cat([reading.real, torch.ones_like(ids, dtype=torch.bool)], dim=1)
        return hidden, Reading(cache=cache, real=real, lengths=reading.lengths + new)

    def forward(self, batch: Batch) -> Tensor:
        """Logits [B,T,V]; against `batch.labels()` they are what training asks for."""
        hidden, _ = self.prefill(batch)
        return self.decoder.logits(hidden)


def _by_shape(items: Sequence[Tensor], encoder: Callable[[Tensor], Tensor]) -> list[Tensor]:
    """Encode inputs of one shape together; results in the order of the inputs."""
    groups: dict[tuple[int, ...], list[int]] = {}
    for i, item in enumerate(items):
        groups.setdefault(tuple(item.shape), []).append(i)
    out: dict[int, Tensor] = {}
    for members in groups.values():
        encoded = encoder(torch.stack([items[i] for i in members]))
        out.update(zip(members, encoded, strict=True))
    return [out[i] for i in range(len(items))]
