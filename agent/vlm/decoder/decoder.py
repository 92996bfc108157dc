"""Decoder-only LM: one implementation, whose configuration says which member of the family it is.

Shapes: B batch, T new tokens, S all tokens (cached + new), D width, K key-value heads, E head width, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from agent.vlm.config import DecoderConfig
from agent.vlm.decoder.experts import Routing
from agent.vlm.decoder.layer import KeyValues, Layer, Store
from agent.vlm.decoder.linear import linear, product
from agent.vlm.decoder.masks import windowed
from agent.vlm.decoder.norms import make_norm
from agent.vlm.decoder.packed import PackedLinear, can_pack, pack_children
from agent.vlm.decoder.rope import rope_tables

if TYPE_CHECKING:
    from agent.vlm.decoder.cache import KVCache

Cache = list[KeyValues]
"""Per layer, keys and values [B, K, S, E]."""
Masks = dict[int, Tensor | None]
"""By window, who may look: bool[B,1,T,S], or None for all."""


class Grown:
    """Keeps a layer's keys and values by joining tensors: what ONNX export and training can follow."""

    def __init__(self, past: KeyValues | None) -> None:
        self.all = past

    def put(self, k: Tensor, v: Tensor) -> KeyValues:
        """See `Store`."""
        self.all = (k, v) if self.all is None else (torch.cat([self.all[0], k], 2), torch.cat([self.all[1], v], 2))
        return self.all


class Decoder(nn.Module):
    """Embeddings in, hidden states out. The output head is the embedding table (tied) or a table of its own."""

    def __init__(self, c: DecoderConfig) -> None:
        super().__init__()
        self.config = c
        self.embed = nn.Embedding(c.vocabulary, c.width)
        nn.init.normal_(self.embed.weight, std=0.134)  # SmolLM2's own, so that projected images meet its scale
        self.layers = nn.ModuleList(Layer(c, i) for i in range(c.layers))
        self.norm = make_norm(c, c.width)
        self.head: nn.Module | None = None if c.tied else nn.Linear(c.width, c.vocabulary, bias=False)

    def words(self, ids: Tensor) -> Tensor:
        """int64[...] -> embeddings [...,D] as the first layer takes them."""
        x: Tensor = self.embed(ids)
        return x if self.config.embed_scale == 1.0 else x * torch.tensor(self.config.embed_scale, dtype=x.dtype)

    def forward(
        self,
        x: Tensor,
        positions: Tensor,
        mask: Tensor | None,
        past: Cache | None = None,
        routing: Routing | None = None,
    ) -> tuple[Tensor, Cache]:
        """x [B,T,D], positions int64[B,T], mask bool[B,1,T,S] -> hidden [B,T,D] after the last norm, and the cache.

        mask: None = each token sees itself and what stands before it (without a past). Windows are seen to here.
        routing: filled with what the routers of a mixture of experts did.

        Raises:
            ValueError: a past for layers that have windows, whose positions only `extend` knows.
        """
        if past is not None and (any(self.config.windows) or mask is None):
            raise ValueError("layers with windows, and plain causal masks, go on from a KVCache: see Decoder.extend")
        stores = [Grown(None if past is None else past[i]) for i in range(len(self.layers))]
        masks: Masks = {}
        for window in {self.config.window(i) for i in range(len(self.layers))}:
            masks[window] = mask
            if window and (mask is not None or x.shape[1] > window):
                whole = mask if mask is not None else positions[:, None, :, None] >= positions[:, None, None, :]
                masks[window] = windowed(whole, positions, window, self.config.sinks)
        hidden = self.run(x, positions, masks, stores, causal=True, routing=routing)
        return hidden, [s.all for s in stores if s.all is not None]

    def extend(
        self,
        x: Tensor,
        cache: KVCache,
        *,
        valid: Tensor | None = None,
        prefix: int = 0,
        blocks: Tensor | None = None,
        routing: Routing | None = None,
    ) -> Tensor:
        """x [B,T,D] follows what the cache holds, which takes it up -> hidden [B,T,D] after the last norm.

        valid: bool[B,T], False = padding, wherever it stands. prefix: the first so many tokens see each other whole.
        blocks: int64[B,T], tokens of one block see each other both ways, 0 = none.

        Raises:
            ContextError: no room in the cache, or more at once than its windows allow (`KVCache.chunk`).
        """
        place = cache.place(x.shape[0], x.shape[1], valid=valid, prefix=prefix, blocks=blocks)
        stores = [cache.store(i, place) for i in range(len(self.layers))]
        return self.run(x, place.positions, place.masks, stores, causal=place.causal, routing=routing)

    def run(
        self,
        x: Tensor,
        positions: Tensor,
        masks: Masks,
        stores: Sequence[Store],
        *,
        causal: bool,
        routing: Routing | None = None,
    ) -> Tensor:
        """All layers and the last norm. causal: where a window's mask is None, what stands before is seen, else all."""
        ropes = rope_tables(self.config, positions)
        for i, (layer, store) in enumerate(zip(self.layers, stores, strict=True)):
            window = self.config.window(i)
            mask = masks[window]
            x = layer(x, ropes[window], mask, store, causal=causal and mask is None, routing=routing)
        hidden: Tensor = self.norm(x)
        return hidden

    def pack(self) -> None:
        """Lay the weights out for this processor (agent/vlm/decoder/packed.py): faster, but without gradients, and no
        longer in the state dict. Nothing happens where torch has no such layout."""
        for layer in self.layers:
            assert isinstance(layer, Layer)
            layer.pack()
        pack_children(self)
        if self.head is None and can_pack(self.embed.weight):
            self.head = PackedLinear(self.embed.weight)

    def logits(self, hidden: Tensor) -> Tensor:
        """hidden [..., D] -> [..., V]."""
        c = self.config
        z = product(hidden, self.embed.weight) if self.head is None else linear(self.head, hidden)
        if c.logit_scale != 1.0:
            z = z * c.logit_scale
        return torch.tanh(z / c.logit_softcap) * c.logit_softcap if c.logit_softcap else z
