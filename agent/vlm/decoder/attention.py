"""Attention with grouped queries.

Shapes: B batch, T queries, S keys, H heads, K key-value heads, E head width.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

BRIEF = 1024
"""Tokens, of which all products are kept at once."""


def attend(
    q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None, *, causal: bool, scale: float, softcap: float = 0.0
) -> Tensor:
    """q [B,H,T,E], k and v [B,K,S,E], mask bool[B,1,T,S] or None -> [B,H,T,E].

    causal: where there is no mask, each of T = S tokens sees itself and what stands before it. softcap: products are
    brought under it by c tanh(x / c) (Gemma 2, section 2).
    """
    heads, kv_heads = q.shape[1], k.shape[1]
    if softcap:
        return _capped(q, k, v, mask, causal=causal, scale=scale, softcap=softcap)
    if mask is not None and _learns_briefly(q, k):
        return _by_products(q, k, v, mask, scale)
    if torch.compiler.is_exporting():  # ONNX knows no grouped queries
        k, v = (x.repeat_interleave(heads // kv_heads, dim=1) for x in (k, v))
        return F.scaled_dot_product_attention(q, k, v, attn_mask=mask, is_causal=causal, scale=scale)
    if q.shape[2] == 1 and heads != kv_heads:
        # One token's heads stand side by side as queries of their group: nothing is repeated.
        folded = q.reshape(q.shape[0], kv_heads, heads // kv_heads, q.shape[3])
        return F.scaled_dot_product_attention(folded, k, v, attn_mask=mask, scale=scale).reshape(q.shape)
    return F.scaled_dot_product_attention(
        q, k, v, attn_mask=mask, is_causal=causal, scale=scale, enable_gqa=heads != kv_heads
    )


def _learns_briefly(q: Tensor, k: Tensor) -> bool:
    """Training in bfloat16 on a processor, on rows as short as ours: torch's fused attention takes 1.9 times as long
    there, forwards and back, as `_by_products` (9 heads on 3, 64 wide, 337 tokens, a mask, one AVX-512 core)."""
    return (
        q.requires_grad
        and q.device.type == "cpu"
        and torch.is_autocast_enabled("cpu")
        and q.shape[2] * k.shape[2] <= BRIEF**2
        and not torch.compiler.is_compiling()
    )


def _by_products(q: Tensor, k: Tensor, v: Tensor, mask: Tensor, scale: float) -> Tensor:
    """Under autocast, which says in what the products are; the queries of a group stand below each other."""
    b, heads, t, width = q.shape
    grouped = q.reshape(b, k.shape[1], -1, width)
    scores = (grouped @ k.transpose(-1, -2)).view(b, k.shape[1], -1, t, k.shape[2]) * scale
    scores = scores.float().masked_fill(~mask[:, :, None], float("-inf"))
    share = scores.softmax(dim=-1).view(b, k.shape[1], -1, k.shape[2])
    return (share.to(v.dtype) @ v).view(b, heads, t, width)


def _capped(
    q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None, *, causal: bool, scale: float, softcap: float
) -> Tensor:
    b, heads, t, width = q.shape
    grouped = q.reshape(b, k.shape[1], -1, t, width)
    scores = torch.tanh(grouped @ k[:, :, None].transpose(-1, -2) * (scale / softcap)) * softcap
    if causal:
        mask = torch.ones(t, k.shape[2], dtype=torch.bool, device=q.device).tril()[None, None]
    if mask is not None:
        scores = scores.masked_fill(~mask[:, :, None], float("-inf"))
    share = scores.softmax(dim=-1, dtype=torch.float32).to(v.dtype)
    return (share @ v[:, :, None]).reshape(b, heads, t, width)
