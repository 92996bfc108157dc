"""Normalisation: root-mean-square, or of mean and variance without a bias."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from agent.vlm.config import DecoderConfig


class RMSNorm(nn.Module):
    """Root-mean-square normalisation (Zhang and Sennrich 2019).

    offset: added to the weight; Gemma stores weights less one.
    """

    def __init__(self, width: int, eps: float, offset: float = 0.0) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.full((width,), 1.0 - offset))
        self.eps = eps
        self.offset = offset

    def forward(self, x: Tensor) -> Tensor:
        weight = self.weight + self.offset if self.offset else self.weight
        return F.rms_norm(x, (x.shape[-1],), weight.to(x.dtype), self.eps)


class LayerNorm(nn.Module):
    """Layer normalisation (Ba et al. 2016) without a bias, as PaLM has it."""

    def __init__(self, width: int, eps: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))
        self.eps = eps

    def forward(self, x: Tensor) -> Tensor:
        return F.layer_norm(x, (x.shape[-1],), self.weight.to(x.dtype), None, self.eps)


def make_norm(c: DecoderConfig, width: int) -> RMSNorm | LayerNorm:
    """The norm that the configuration names."""
    return RMSNorm(width, c.norm_eps, c.norm_offset) if c.norm == "rms" else LayerNorm(width, c.norm_eps)
