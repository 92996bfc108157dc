"""Decoder-only LM in the Llama family.

Shapes: B batch, T new tokens, S all tokens (cached + new), D width, H heads, K key-value heads, E head width, L layers.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from agent.vlm.config import DecoderConfig

Cache = list[tuple[Tensor, Tensor]]
"""Per layer, keys and values [B, K, S, E]."""


class RMSNorm(nn.Module):
    """Root-mean-square normalisation (Zhang and Sennrich 2019)."""

    def __init__(self, width: int, eps: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))
        self.eps = eps

    def forward(self, x: Tensor) -> Tensor:
        return F.rms_norm(x, (x.shape[-1],), self.weight.to(x.dtype), self.eps)


def rope_table(positions: Tensor, head_width: int, theta: float) -> tuple[Tensor, Tensor]:
    """Cosines and sines [B, T, E] of rotary positions (Su et al. 2021), in the half-split layout of Llama."""
    exponent = torch.arange(0, head_width, 2, device=positions.device, dtype=torch.float32) / head_width
    angle = positions[..., None].float() * (theta**-exponent)
    angle = torch.cat([angle, angle], dim=-1)
    return angle.cos(), angle.sin()


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Turn x [B, heads, T, E] by its positions."""
    half = x.shape[-1] // 2
    turned = torch.cat([-x[..., half:], x[..., :half]], dim=-1)
    return x * cos[:, None].to(x.dtype) + turned * sin[:, None].to(x.dtype)


class Layer(nn.Module):
    """Attention with grouped queries, then SwiGLU, each behind its norm."""

    def __init__(self, c: DecoderConfig) -> None:
        super().__init__()
        self.heads, self.kv_heads, self.head_width = c.heads, c.kv_heads, c.head_width
        self.attn_norm = RMSNorm(c.width, c.norm_eps)
        self.q = nn.Linear(c.width, c.heads * c.head_width, bias=False)
        self.k = nn.Linear(c.width, c.kv_heads * c.head_width, bias=False)
        self.v = nn.Linear(c.width, c.kv_heads * c.head_width, bias=False)
        self.o = nn.Linear(c.heads * c.head_width, c.width, bias=False)
        self.ffn_norm = RMSNorm(c.width, c.norm_eps)
        self.gate = nn.Linear(c.width, c.ffn_width, bias=False)
        self.up = nn.Linear(c.width, c.ffn_width, bias=False)
        self.down = nn.Linear(c.ffn_width, c.width, bias=False)

    def forward(
        self, x: Tensor, cos: Tensor, sin: Tensor, mask: Tensor, past: tuple[Tensor, Tensor] | None
    ) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """x [B,T,D]; mask bool[B,1,T,S], True = may look; returns x and this layer's keys and values."""
        b, t, _ = x.shape
        h = self.attn_norm(x)
        q = rotate(self.q(h).view(b, t, self.heads, self.head_width).transpose(1, 2), cos, sin)
        k = rotate(self.k(h).view(b, t, self.kv_heads, self.head_width).transpose(1, 2), cos, sin)
        v = self.v(h).view(b, t, self.kv_heads, self.head_width).transpose(1, 2)
        if past is not None:
            k, v = torch.cat([past[0], k], dim=2), torch.cat([past[1], v], dim=2)
        groups = self.heads // self.kv_heads
        y = F.scaled_dot_product_attention(
            q, k.repeat_interleave(groups, dim=1), v.repeat_interleave(groups, dim=1), attn_mask=mask
        )
        x = x + self.o(y.transpose(1, 2).reshape(b, t, -1))
        h = self.ffn_norm(x)
        return x + self.down(F.silu(self.gate(h)) * self.up(h)), (k, v)


class Decoder(nn.Module):
    """Embeddings in, hidden states out. The output head is the embedding table (tied)."""

    def __init__(self, c: DecoderConfig) -> None:
        super().__init__()
        self.config = c
        self.embed = nn.Embedding(c.vocabulary, c.width)
        nn.init.normal_(self.embed.weight, std=0.134)  # SmolLM2's own, so that projected images meet its scale
        self.layers = nn.ModuleList(Layer(c) for _ in range(c.layers))
        self.norm = RMSNorm(c.width, c.norm_eps)

    def forward(self, x: Tensor, positions: Tensor, mask: Tensor, past: Cache | None = None) -> tuple[Tensor, Cache]:
        """x [B,T,D], positions int64[B,T], mask bool[B,1,T,S] -> hidden [B,T,D] after the last norm, and the cache."""
        cos, sin = rope_table(positions, self.config.head_width, self.config.rope_theta)
        cache: Cache = []
        for i, layer in enumerate(self.layers):
            x, kv = layer(x, cos, sin, mask, None if past is None else past[i])
            cache.append(kv)
        return self.norm(x), cache

    def logits(self, hidden: Tensor) -> Tensor:
        """hidden [..., D] -> [..., V]."""
        return F.linear(hidden, self.embed.weight)
