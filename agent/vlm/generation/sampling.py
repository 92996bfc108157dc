"""Which token comes next: the likeliest, or one drawn.

Shapes: B batch, V vocabulary.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor


@dataclass(frozen=True, kw_only=True)
class Sampling:
    """temperature: 0 = always the likeliest. top_k: only so many of the likeliest, 0 = all. top_p: only the likeliest
    that have this much probability together (Holtzman et al. 2020), after top_k."""

    temperature: float = 0.0
    top_k: int = 0
    top_p: float = 1.0

    def __post_init__(self) -> None:
        if self.temperature < 0 or self.top_k < 0 or not 0 < self.top_p <= 1:
            raise ValueError(f"temperature and top_k are at least 0 and top_p above 0 and at most 1, not {self}")


def narrowed(logits: Tensor, s: Sampling) -> Tensor:
    """Logits [B,V] -> probabilities float32[B,V] after temperature, top_k and top_p; ties at the edge of top_k stay."""
    z = logits.float() / s.temperature
    if 0 < s.top_k < z.shape[-1]:
        z = z.masked_fill(z < z.topk(s.top_k, dim=-1).values[..., -1:], float("-inf"))
    p = z.softmax(dim=-1)
    if s.top_p < 1:
        ranked, order = p.sort(dim=-1, descending=True)
        # What stands before a token has to be less than top_p: the first always stays.
        before = ranked.cumsum(dim=-1) - ranked
        p = torch.zeros_like(p).scatter(-1, order, ranked * (before < s.top_p))
        p = p / p.sum(dim=-1, keepdim=True)
    return p


def choose(logits: Tensor, s: Sampling, rng: np.random.Generator | None) -> Tensor:
    """Logits [B,V] -> int64[B]. One draw of `rng` a row; none where the likeliest is taken.

    Raises:
        ValueError: a temperature without an rng.
    """
    if s.temperature == 0:
        return logits.argmax(dim=-1)
    if rng is None:
        raise ValueError("drawing tokens takes a np.random.Generator")
    total = narrowed(logits, s).double().cumsum(dim=-1)
    draw = torch.from_numpy(rng.random((len(logits), 1))).to(total.device) * total[:, -1:]
    return torch.searchsorted(total, draw, right=True)[:, 0].clamp_max(logits.shape[-1] - 1)
