"""What of each weight a process keeps: all of it, or the part that FSDP or tensor parallelism left here.

Optimizer, mean of weights and clipping work on these parts as on any tensors; checkpoints hold whole tensors, so a run
may go on with another number of processes.
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.tensor import DTensor, distribute_tensor


def part(tensor: Tensor) -> Tensor:
    """What this process has of it, in the same memory."""
    tensor = tensor.detach()
    return tensor.to_local() if isinstance(tensor, DTensor) else tensor


def whole(own: Tensor, like: Tensor) -> Tensor:
    """All of a tensor that lies over the processes as `like` does, of which this one has `own`. All must ask."""
    if not isinstance(like, DTensor) or own.dim() != like.dim():
        return own
    spread = DTensor.from_local(own, like.device_mesh, like.placements, shape=like.shape, stride=like.stride())
    return spread.full_tensor()


def shared_out(tensor: Tensor, like: Tensor) -> Tensor:
    """The inverse of `whole`: this process's part of a tensor that all have."""
    if not isinstance(like, DTensor) or tensor.dim() != like.dim():
        return tensor
    there = tensor.to(like.device_mesh.device_type)
    return part(distribute_tensor(there, like.device_mesh, like.placements, src_data_rank=None))


def whole_state(module: nn.Module) -> dict[str, Tensor]:
    """Its state dict, of whole tensors. All processes must ask."""
    return {name: whole(part(t), t) if isinstance(t, DTensor) else t for name, t in module.state_dict().items()}


class Leaves:
    """Each weight's part as a parameter of its own, for an optimizer that knows nothing of processes."""

    def __init__(self, parameters: Iterable[nn.Parameter]) -> None:
        self._leaf = {p: nn.Parameter(part(p)) if isinstance(p, DTensor) else p for p in parameters}
        self._spread = [(p, leaf) for p, leaf in self._leaf.items() if leaf is not p]

    def __getitem__(self, parameter: nn.Parameter) -> nn.Parameter:
        return self._leaf.get(parameter, parameter)

    def layouts(self) -> dict[nn.Parameter, nn.Parameter]:
        """Leaf -> the weight that it is of."""
        return {leaf: p for p, leaf in self._leaf.items()}

    def forget_gradients(self) -> None:
        """Of the step before. Not `zero_grad` of a module: between FSDP's ways there and back it has other weights."""
        for p in self._leaf:
            p.grad = self._leaf[p].grad = None

    def take_gradients(self) -> None:
        """After a step's way back. The parts are looked up anew: FSDP lays some elsewhere when they are first used."""
        for p, leaf in self._spread:
            leaf.data = part(p)
            leaf.grad = None if p.grad is None else part(p.grad)

    def clip(self, most: float) -> Tensor:
        """Bring the gradient's norm, over all weights and processes, down to `most`; gives what it was."""
        if not self._spread:
            return nn.utils.clip_grad_norm_(self._leaf, most)
        ours = [leaf.grad for _, leaf in self._spread if leaf.grad is not None]
        alike = [p.grad for p, leaf in self._leaf.items() if leaf is p and p.grad is not None]
        device = next(iter(self._leaf)).device
        squares = _squared(ours, device)
        dist.all_reduce(squares)
        norm = (squares + _squared(alike, device)).sqrt()
        torch._foreach_mul_([*ours, *alike], (most / (norm + 1e-6)).clamp(max=1.0))
        return norm


def _squared(tensors: list[Tensor], device: torch.device) -> Tensor:
    """The sum of their squares."""
    if not tensors:
        return torch.zeros((), device=device)
    return torch.stack(torch._foreach_norm(tensors)).square().sum()
