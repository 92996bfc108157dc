"""A language model alone: a decoder and its tokenizer.

Shapes: B batch, T tokens, D width, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from agent.vlm.config import DecoderConfig
from agent.vlm.decoder import Decoder
from agent.vlm.decoder.cache import ContextError, KVCache
from agent.vlm.decoder.experts import Routing
from agent.vlm.decoder.masks import padded, visible, with_self

if TYPE_CHECKING:
    from agent.vlm.convert.words import Words

NO_LABEL = -100
"""What torch's cross entropy leaves out."""
READ_AT_ONCE = 1024
"""Tokens, where no prefix has to be: a long text's feed-forward blocks would take several times the cache's memory."""


class LanguageModel(nn.Module):
    """words: its tokenizer, if it came with one. stop: ids that end a text."""

    def __init__(self, decoder: Decoder, words: Words | None = None, stop: Sequence[int] = ()) -> None:
        super().__init__()
        self.decoder, self.words, self.stop = decoder, words, tuple(stop)

    @property
    def config(self) -> DecoderConfig:
        return self.decoder.config

    def logits(
        self, input_ids: Tensor, attention_mask: Tensor | None = None, *, routing: Routing | None = None
    ) -> Tensor:
        """int64[B,T], bool[B,T] (False = padding, on either side) -> [B,T,V]; of padding, numbers without a meaning.

        Raises:
            ContextError: more tokens than the model's context.
        """
        return self.decoder.logits(self._hidden(input_ids, attention_mask, routing))

    def loss(
        self,
        input_ids: Tensor,
        labels: Tensor,
        attention_mask: Tensor | None = None,
        *,
        routing: Routing | None = None,
    ) -> Tensor:
        """The mean cross entropy of what follows, nats.

        labels: int64[B,T], the id that follows each token, NO_LABEL where nothing is asked: there the head, which is
        most of the cost of a small model with many words, computes nothing either.

        Raises:
            ContextError: more tokens than the model's context.
        """
        asked = labels != NO_LABEL
        hidden = self._hidden(input_ids, attention_mask, routing)
        return F.cross_entropy(self.decoder.logits(hidden[asked]).float(), labels[asked])

    def _hidden(self, input_ids: Tensor, attention_mask: Tensor | None, routing: Routing | None) -> Tensor:
        b, t = input_ids.shape
        c = self.config
        if c.context and t > c.context:
            raise ContextError(f"{t} tokens, but this model's context is {c.context}")
        x = self.decoder.words(input_ids)
        mask: Tensor | None = None
        if attention_mask is None or bool(attention_mask.all()):
            positions = torch.arange(t, device=x.device).expand(b, t)
        else:
            positions, keys = padded(attention_mask.bool())
            mask = with_self(visible(positions, keys))
        hidden, _ = self.decoder(x, positions, mask, routing=routing)
        return hidden  # type: ignore[no-any-return]

    def forward(self, input_ids: Tensor, attention_mask: Tensor | None = None) -> Tensor:
        """See `logits`."""
        return self.logits(input_ids, attention_mask)

    def new_cache(self, *, batch: int = 1, capacity: int | None = None, slack: int = 256) -> KVCache:
        """Room for `capacity` tokens of each sequence; by default the model's whole context.

        Raises:
            ContextError: more than the model's context, or neither is given.
        """
        weight = self.decoder.embed.weight
        room = self.config.context if capacity is None else capacity
        if not room and capacity is None:
            raise ContextError("this model names no context: say how many tokens the cache is to hold")
        return KVCache(
            self.config, batch=batch, capacity=room, slack=slack, dtype=weight.dtype, device=weight.device
        )  # fmt: skip

    def read(self, input_ids: Tensor, cache: KVCache, *, valid: Tensor | None = None, prefix: int = 0) -> Tensor:
        """int64[B,T] goes into the cache, in chunks -> hidden [B,D] of each row's last token.

        valid: bool[B,T], False = padding; each row has a real token. prefix: see `Decoder.extend`.
        """
        t = input_ids.shape[1]
        last = torch.full((len(input_ids),), t - 1) if valid is None else _last(valid)
        hidden: Tensor | None = None
        step = cache.chunk if prefix else min(cache.chunk, READ_AT_ONCE)
        for start in range(0, t, step):
            part = slice(start, min(start + step, t))
            seen = None if valid is None else valid[:, part]
            h = self.decoder.extend(self.decoder.words(input_ids[:, part]), cache, valid=seen, prefix=prefix)
            hidden = h.new_zeros(len(h), h.shape[2]) if hidden is None else hidden
            rows = torch.nonzero((last >= start) & (last < start + h.shape[1]))[:, 0]
            hidden[rows] = h[rows, last[rows] - start]
        assert hidden is not None, "no tokens"
        return hidden


def _last(valid: Tensor) -> Tensor:
    """int64[B]: where each row's last real token stands."""
    steps = torch.arange(valid.shape[1], device=valid.device)
    return torch.where(valid, steps, -1).amax(dim=1)
