"""Who may look at whom, as boolean matrices.

Shapes: B batch, T tokens, S all tokens (cached + new).
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from agent.vlm.decoder.masks import kin, with_self

Style = Literal["causal", "inputs", "prefix"]
"""causal: every token sees its past (PaLM-E on a decoder that was trained so).
inputs: and the tokens of a picture, or of inputs that stand side by side, see each other (Gemma 3; nano).
prefix: and what is given sees itself whole, only what is said is causal (PaliGemma: Beyer et al. 2024, figure 2)."""


def runs(member: Tensor) -> Tensor:
    """Number the runs of True: bool[B,T] -> int64[B,T], 1 for the first run, 0 where False."""
    before = torch.cat([torch.zeros_like(member[:, :1]), member[:, :-1]], dim=1)
    return (member & ~before).cumsum(dim=1) * member


def block_mask(blocks: Tensor, real: Tensor, segments: Tensor | None = None) -> Tensor:
    """Causal, but for tokens of one block, which see each other both ways.

    blocks: int64[B,T], 0 = none. real: bool[B,T], False = padding. segments: int64[B,T], sentences that share what
    stands before them and do not see each other, 0 = what they share. Returns bool[B,1,T,T], True = may look.
    A padding token looks at itself alone, so that its softmax stays finite; nobody else looks at it.
    """
    t = blocks.shape[1]
    causal = torch.ones(t, t, dtype=torch.bool, device=blocks.device).tril()
    mask = (causal | kin(blocks, blocks)) & (real[:, :, None] & real[:, None, :])[:, None]
    if segments is not None:
        shared = segments == 0
        mask = mask & (shared[:, None, :] | (segments[:, :, None] == segments[:, None, :]))[:, None]
    return with_self(mask)


def extension_mask(real: Tensor, new: int) -> Tensor:
    """For `new` further tokens behind cached ones, causal among themselves: real bool[B,T] -> bool[B,1,new,T+new]."""
    b = real.shape[0]
    causal = torch.ones(new, new, dtype=torch.bool, device=real.device).tril()
    return torch.cat([real[:, None].expand(b, new, -1), causal.expand(b, new, new)], dim=2)[:, None]
