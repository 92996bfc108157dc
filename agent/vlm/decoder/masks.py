"""Who may look at whom. True = may look.

Shapes: B batch, T tokens that look (queries), S tokens that are looked at (keys).
"""

from __future__ import annotations

import torch
from torch import Tensor


def visible(queries: Tensor, keys: Tensor, *, window: int = 0, sinks: int = 0, prefix: int = 0) -> Tensor:
    """bool[B,1,T,S] from the positions of both, int64[B,T] and int64[B,S]; a key at -1 is seen by nobody.

    A token sees itself and what stands before it, no further back than `window` tokens, itself included (0 = all);
    beyond that the first `sinks` tokens (StreamingLLM, Xiao et al. 2023). The first `prefix` tokens see each other
    whole, however far apart (prefix LM: Raffel et al. 2020, section 3.2.1; PaLM-E's images).
    """
    q, k = queries[:, None, :, None], keys[:, None, None, :]
    mask = (k <= q) & near(queries, keys, window, sinks) if window else k <= q
    if prefix:
        mask = mask | ((k < prefix) & (q < prefix))
    return mask & (k >= 0)


def windowed(whole: Tensor, positions: Tensor, window: int, sinks: int) -> Tensor:
    """bool[B,1,T,T]: `whole` within the window; tokens that see each other, such as an image's, go on doing so however
    far apart they are (PaliGemma 2, as its published code has it)."""
    return whole & (near(positions, positions, window, sinks) | whole.transpose(-1, -2))


def near(queries: Tensor, keys: Tensor, window: int, sinks: int) -> Tensor:
    """bool[B,1,T,S]: not further back than the window, or a sink."""
    q, k = queries[:, None, :, None], keys[:, None, None, :]
    inside = k > q - window
    return inside | ((k >= 0) & (k < sinks)) if sinks else inside


def kin(queries: Tensor, keys: Tensor) -> Tensor:
    """bool[B,1,T,S]: of one block, by the blocks of both, int64[B,T] and int64[B,S], 0 = none."""
    return ((queries[:, :, None] == keys[:, None, :]) & (queries[:, :, None] > 0))[:, None]


def padded(valid: Tensor) -> tuple[Tensor, Tensor]:
    """Of an attention mask bool[B,T], False = padding, wherever it stands: positions int64[B,T], and as keys.

    Real tokens count from 0. As keys, padding is at -1, where nobody looks.
    """
    positions = valid.long().cumsum(1) - 1
    return positions.clamp_min(0), torch.where(valid, positions, -1)


def with_self(mask: Tensor) -> Tensor:
    """bool[B,1,T,T]: padding looks at itself, so that its softmax stays finite."""
    return mask | torch.eye(mask.shape[-1], dtype=torch.bool, device=mask.device)
