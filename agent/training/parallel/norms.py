"""Batch norms whose statistics are of the whole step, whichever process has which of its pictures.

torch's own SyncBatchNorm is for GPUs alone; this one is for any.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn


class _Added(torch.autograd.Function):
    """The sum over all processes; each one's gradient is the sum of what all make of it."""

    @staticmethod
    def forward(ctx: Any, part: Tensor) -> Tensor:
        out = part.clone()
        dist.all_reduce(out)
        return out

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        out = grad.contiguous().clone()
        dist.all_reduce(out)
        return out


class JoinedBatchNorm2d(nn.BatchNorm2d):
    """What `nn.BatchNorm2d` does, for pictures [B,C,H,W] some of which lie in each process."""

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002 - its parent's own name for it
        if not self.training:
            return super().forward(input)
        assert self.running_mean is not None
        assert self.running_var is not None
        assert self.num_batches_tracked is not None
        assert self.momentum is not None
        x, over = input.float(), (0, 2, 3)
        count = _added(x.new_full((), x.numel() / x.shape[1]))
        mean = _added(x.sum(over)) / count
        centred = x - mean[:, None, None]
        variance = _added(centred.square().sum(over)) / count
        with torch.no_grad():
            self.running_mean.lerp_(mean, self.momentum)
            self.running_var.lerp_(variance * count / (count - 1), self.momentum)
            self.num_batches_tracked.add_(1)
        y = centred * (variance + self.eps).rsqrt()[:, None, None]
        return (y * self.weight[:, None, None] + self.bias[:, None, None]).to(input.dtype)


def _added(part: Tensor) -> Tensor:
    out: Tensor = _Added.apply(part)  # type: ignore[no-untyped-call]
    return out


def join_norms(module: nn.Module) -> None:
    """Every batch norm in it, in place: the same weights and statistics by the same names."""
    for part in module.modules():
        if type(part) is nn.BatchNorm2d:
            part.__class__ = JoinedBatchNorm2d
