"""One layer of the decoder: attention and feed-forward, in turn or side by side.

Shapes: B batch, T new tokens, S all tokens (cached + new), D width, H heads, K key-value heads, E head width.
"""

from __future__ import annotations

from typing import Protocol

from torch import Tensor, nn

from agent.vlm.config import DecoderConfig
from agent.vlm.decoder.activation import ACTIVATIONS
from agent.vlm.decoder.attention import attend
from agent.vlm.decoder.experts import Experts, Routing
from agent.vlm.decoder.linear import linear
from agent.vlm.decoder.norms import make_norm
from agent.vlm.decoder.packed import PackedLinear, join, pack_children
from agent.vlm.decoder.rope import rotate

Rope = tuple[Tensor, Tensor]
KeyValues = tuple[Tensor, Tensor]
"""Keys and values [B,K,S,E]."""


class Store(Protocol):
    """Where a layer's keys and values are kept."""

    def put(self, k: Tensor, v: Tensor) -> KeyValues:
        """Take new ones [B,K,T,E]; gives all that may be looked at."""


class Layer(nn.Module):
    """Attention with grouped queries and a feed-forward block or experts, each behind its norm."""

    def __init__(self, c: DecoderConfig, index: int = 0) -> None:
        super().__init__()
        self.config = c
        self.scale = c.query_scale or c.head_width**-0.5
        self.attn_norm = make_norm(c, c.width)
        self.q = nn.Linear(c.width, c.heads * c.head_width, bias=False)
        self.k = nn.Linear(c.width, c.kv_heads * c.head_width, bias=False)
        self.v = nn.Linear(c.width, c.kv_heads * c.head_width, bias=False)
        self.o = nn.Linear(c.heads * c.head_width, c.width, bias=False)
        if c.qk_norm:
            self.q_norm, self.k_norm = make_norm(c, c.head_width), make_norm(c, c.head_width)
        if not c.parallel:
            self.ffn_norm = make_norm(c, c.width)
        if c.post_norms:
            self.attn_post_norm, self.ffn_post_norm = make_norm(c, c.width), make_norm(c, c.width)
        self.qkv: PackedLinear | None = None
        self.gate_up: PackedLinear | None = None
        self.experts = Experts(c) if c.has_experts(index) else None
        if self.experts is None:
            self.gate = nn.Linear(c.width, c.ffn_width, bias=False)
            self.up = nn.Linear(c.width, c.ffn_width, bias=False)
            self.down = nn.Linear(c.ffn_width, c.width, bias=False)

    def forward(
        self,
        x: Tensor,
        rope: Rope,
        mask: Tensor | None,
        store: Store,
        *,
        causal: bool = False,
        routing: Routing | None = None,
    ) -> Tensor:
        """x [B,T,D]; mask bool[B,1,T,S], True = may look, or None: all, or with `causal` what stands before."""
        h = self.attn_norm(x)
        attended = self._attention(h, rope, mask, store, causal)
        if self.config.parallel:
            return x + attended + self._feed_forward(h, routing)
        if self.config.post_norms:
            x = x + self.attn_post_norm(attended)
            return x + self.ffn_post_norm(self._feed_forward(self.ffn_norm(x), routing))  # type: ignore[no-any-return]
        x = x + attended
        return x + self._feed_forward(self.ffn_norm(x), routing)

    def _attention(self, h: Tensor, rope: Rope, mask: Tensor | None, store: Store, causal: bool) -> Tensor:
        c = self.config
        b, t, _ = h.shape
        if self.qkv is None:
            parts = (linear(m, h) for m in (self.q, self.k, self.v))
            q, k, v = (x.view(b, t, -1, c.head_width).transpose(1, 2) for x in parts)
        else:
            heads = self.qkv(h).view(b, t, -1, c.head_width).transpose(1, 2)
            q, k, v = heads.split([c.heads, c.kv_heads, c.kv_heads], dim=1)
        if c.qk_norm:
            q, k = self.q_norm(q), self.k_norm(k)
        q, (k, v) = rotate(q, *rope), store.put(rotate(k, *rope), v)
        y = attend(q, k, v, mask, causal=causal, scale=self.scale, softcap=c.attention_softcap)
        return linear(self.o, y.transpose(1, 2).reshape(b, t, -1))

    def _feed_forward(self, h: Tensor, routing: Routing | None) -> Tensor:
        if self.experts is not None:
            return self.experts(h, routing)  # type: ignore[no-any-return]
        if self.gate_up is None:
            gate, up = linear(self.gate, h), linear(self.up, h)
        else:
            gate, up = self.gate_up(h).chunk(2, dim=-1)
        return linear(self.down, ACTIVATIONS[self.config.activation](gate) * up)

    def pack(self) -> None:
        """See `Decoder.pack`."""
        self.qkv = join(self, ("q", "k", "v"))
        if self.experts is None:
            self.gate_up = join(self, ("gate", "up"))
        pack_children(self)
