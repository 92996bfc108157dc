"""The parts that every vision transformer here is made of: norms, activations, the encoder block, the pooling head.

Shapes: B batch, N tokens, W width, H heads, E head width, F feed-forward width.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

Activation = Literal["gelu", "gelu_tanh", "quick_gelu", "swiglu"]
NormKind = Literal["layer", "rms"]


@dataclass(frozen=True, kw_only=True)
class BlockConfig:
    """One block. The defaults are those of ViT (Dosovitskiy et al. 2021, section 3.1).

    activation: `gelu_tanh` in SigLIP, `quick_gelu` in CLIP, `swiglu` in the largest DINOv2.
    layer_scale: first value of the learned factor on each branch (LayerScale, Touvron et al. 2021, section 3; DINOv2
        has it); None = no factor.
    qk_norm, parallel: normalised queries and keys, and attention beside the feed-forward part instead of before it
        (ViT-22B: Dehghani et al. 2023, section 2, which also has `norm="rms"` and `qkv_bias=False`).

    Raises:
        ValueError: the heads do not share the width out.
    """

    width: int = 768
    heads: int = 12
    ffn_width: int = 3072
    activation: Activation = "gelu"
    norm: NormKind = "layer"
    norm_eps: float = 1e-6
    qkv_bias: bool = True
    layer_scale: float | None = None
    qk_norm: bool = False
    parallel: bool = False

    def __post_init__(self) -> None:
        if self.heads < 1 or self.width % self.heads:
            raise ValueError(f"{self.heads} heads cannot share a width of {self.width}")


def make_norm(kind: NormKind, width: int, eps: float) -> nn.Module:
    """LayerNorm, or RMSNorm, which is LayerNorm without bias and centring."""
    return nn.LayerNorm(width, eps=eps) if kind == "layer" else nn.RMSNorm(width, eps=eps)


def activate(x: Tensor, kind: Activation) -> Tensor:
    """x [...,F], or [...,2F] for `swiglu`, whose first half is the gate (Shazeer 2020) -> [...,F]."""
    if kind == "swiglu":
        gate, up = x.chunk(2, dim=-1)
        return F.silu(gate) * up
    if kind == "quick_gelu":
        return x * torch.sigmoid(1.702 * x)
    return F.gelu(x, approximate="tanh" if kind == "gelu_tanh" else "none")


def split_heads(x: Tensor, heads: int) -> Tensor:
    """[B,N,W] -> [B,H,N,E]."""
    return x.view(*x.shape[:-1], heads, -1).transpose(1, 2)


class Block(nn.Module):
    """Pre-norm transformer encoder block; every token sees every other."""

    def __init__(self, c: BlockConfig) -> None:
        super().__init__()
        self.config = c
        self.norm1 = make_norm(c.norm, c.width, c.norm_eps)
        self.norm2 = nn.Identity() if c.parallel else make_norm(c.norm, c.width, c.norm_eps)
        self.qkv = nn.Linear(c.width, 3 * c.width, bias=c.qkv_bias)
        self.out = nn.Linear(c.width, c.width)
        self.fc1 = nn.Linear(c.width, (2 if c.activation == "swiglu" else 1) * c.ffn_width)
        self.fc2 = nn.Linear(c.ffn_width, c.width)
        if c.qk_norm:
            self.q_norm = make_norm(c.norm, c.width // c.heads, c.norm_eps)
            self.k_norm = make_norm(c.norm, c.width // c.heads, c.norm_eps)
        if c.layer_scale is not None:
            self.scale1 = nn.Parameter(torch.full((c.width,), c.layer_scale))
            self.scale2 = nn.Parameter(torch.full((c.width,), c.layer_scale))

    def attend(self, h: Tensor) -> Tensor:
        """[B,N,W], normalised -> [B,N,W]."""
        c = self.config
        q, k, v = (split_heads(part, c.heads) for part in self.qkv(h).chunk(3, dim=-1))
        if c.qk_norm:
            q, k = self.q_norm(q), self.k_norm(k)
        out: Tensor = self.out(F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2))
        return out * self.scale1 if c.layer_scale is not None else out

    def feed_forward(self, h: Tensor) -> Tensor:
        """[B,N,W], normalised -> [B,N,W]."""
        out: Tensor = self.fc2(activate(self.fc1(h), self.config.activation))
        return out * self.scale2 if self.config.layer_scale is not None else out

    def forward(self, x: Tensor) -> Tensor:
        h = self.norm1(x)
        if self.config.parallel:
            return x + self.attend(h) + self.feed_forward(h)
        x = x + self.attend(h)
        return x + self.feed_forward(self.norm2(x))


class AttentionPool(nn.Module):
    """One learned query looks at all tokens (Zhai et al. 2022, section 3.2, "multihead attention pooling"; SigLIP)."""

    def __init__(self, c: BlockConfig) -> None:
        super().__init__()
        self.config = c
        self.probe = nn.Parameter(torch.randn(c.width) * c.width**-0.5)
        self.q, self.kv = nn.Linear(c.width, c.width), nn.Linear(c.width, 2 * c.width)
        self.out = nn.Linear(c.width, c.width)
        self.norm = make_norm(c.norm, c.width, c.norm_eps)
        self.fc1 = nn.Linear(c.width, (2 if c.activation == "swiglu" else 1) * c.ffn_width)
        self.fc2 = nn.Linear(c.ffn_width, c.width)

    def forward(self, tokens: Tensor) -> Tensor:
        """[B,N,W] -> [B,W]."""
        heads = self.config.heads
        q = split_heads(self.q(self.probe).expand(tokens.shape[0], 1, -1), heads)
        k, v = (split_heads(part, heads) for part in self.kv(tokens).chunk(2, dim=-1))
        x = self.out(F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2))[:, 0]
        out: Tensor = x + self.fc2(activate(self.fc1(self.norm(x)), self.config.activation))
        return out
