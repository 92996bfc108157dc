"""Linear layers with weights in 8 or 4 bits, for inference. Weights are unpacked where they are used.

Shapes: O outputs, I inputs, G group size, N groups in a row (the last may be shorter).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TypeVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

GROUPS = (32, 64, 128)
"""Group sizes of int4."""


Layer = TypeVar("Layer", bound="SmallLinear")


class SmallLinear(nn.Module, ABC):
    """What the packed layers have in common: sizes, a bias in float, and a way to be made of a linear layer."""

    bias: Tensor | None

    def __init__(self, inputs: int, outputs: int, *, bias: bool) -> None:
        super().__init__()
        self.inputs, self.outputs = inputs, outputs
        self.register_buffer("bias", torch.zeros(outputs) if bias else None)

    @abstractmethod
    def pack(self, weight: Tensor) -> None:
        """Take over a weight, float[O,I]."""

    @abstractmethod
    def unpacked(self) -> Tensor:
        """The weight as it is used, float32[O,I]."""

    @torch.no_grad()
    def fill(self: Layer, linear: nn.Linear) -> Layer:
        """Take over weight and bias; returns itself, in evaluation mode, where the layer was."""
        self.pack(linear.weight.detach().float().cpu())
        if self.bias is not None:
            self.bias.copy_(linear.bias.detach())
        return self.to(linear.weight.device).eval()


class Int8Linear(SmallLinear):
    """One scale an output: w = scale * weight, weight in -127 to 127.

    activations: whether the inputs become int8, too, a scale a token (Dettmers et al. 2022, "LLM.int8()", section 2,
    vector-wise). Then products are of integers: two to three times as fast as float32 on processors with VNNI; without
    it, sums of unsigned 8-bit products may saturate.
    """

    weight: Tensor
    scale: Tensor

    def __init__(self, inputs: int, outputs: int, *, bias: bool, activations: bool = False) -> None:
        super().__init__(inputs, outputs, bias=bias)
        self.activations = activations
        self.register_buffer("weight", torch.zeros(outputs, inputs, dtype=torch.int8))
        self.register_buffer("scale", torch.zeros(outputs))

    def pack(self, weight: Tensor) -> None:
        self.scale.copy_(weight.abs().amax(dim=1) / 127)
        self.weight.copy_(torch.round(weight / _divisor(self.scale)[:, None]).clamp(-127, 127))

    def unpacked(self) -> Tensor:
        return self.weight.float() * self.scale[:, None]

    def forward(self, x: Tensor) -> Tensor:
        """[..., I] -> [..., O]."""
        if self.activations:
            whole, token = int8_tokens(x)
            y = integer_products(whole, self.weight) * token
        else:
            y = F.linear(x, self.weight.to(x.dtype))
        y = (y * self.scale).to(x.dtype)
        return y if self.bias is None else y + self.bias.to(x.dtype)


class Int4Linear(SmallLinear):
    """One scale (float16) for G neighbours in a row: w = scale * (q - zero), q in 0 to 15, two q a byte.

    zero_point: whether each group has a zero of its own, for weights that lean to one side; otherwise zero is 8. The
    low halves of a row's bytes are the row's first half, the high halves its second.
    """

    packed: Tensor
    scale: Tensor
    zero: Tensor | None

    def __init__(self, inputs: int, outputs: int, *, bias: bool, group: int, zero_point: bool = False) -> None:
        super().__init__(inputs, outputs, bias=bias)
        if group not in GROUPS:
            raise ValueError(f"groups of {group}: there are {', '.join(map(str, GROUPS))}")
        self.group = group
        groups = -(-inputs // group)
        self.register_buffer("packed", torch.zeros(outputs, -(-inputs // 2), dtype=torch.uint8))
        self.register_buffer("scale", torch.zeros(outputs, groups, dtype=torch.float16))
        self.register_buffer("zero", torch.zeros(outputs, groups, dtype=torch.uint8) if zero_point else None)

    def pack(self, weight: Tensor) -> None:
        rows = F.pad(weight, (0, self.scale.shape[1] * self.group - self.inputs))
        groups = rows.view(self.outputs, -1, self.group)
        if self.zero is None:
            self.scale.copy_(groups.abs().amax(dim=2) / 7)
            zero = torch.full_like(groups[..., :1], 8)
        else:
            low, high = groups.amin(dim=2).clamp_max(0), groups.amax(dim=2).clamp_min(0)
            self.scale.copy_((high - low) / 15)
            self.zero.copy_(torch.round(-low / _divisor(self.scale.float())).clamp(0, 15))
            zero = self.zero[..., None].float()
        scale = _divisor(self.scale.float())[..., None]
        q = (torch.round(groups / scale) + zero).clamp(0, 15).to(torch.uint8).view(self.outputs, -1)
        half = self.packed.shape[1]
        low_half, high_half = q[:, :half], q[:, half : 2 * half]
        self.packed.copy_(low_half | high_half << 4)

    def unpacked(self) -> Tensor:
        return self._unpacked(torch.float32)

    def _unpacked(self, dtype: torch.dtype) -> Tensor:
        q = torch.empty(self.outputs, 2, self.packed.shape[1], dtype=dtype, device=self.packed.device)
        q[:, 0] = self.packed & 15
        q[:, 1] = self.packed >> 4
        rows = q.view(self.outputs, -1)[:, : self.inputs]
        whole = self.inputs // self.group
        for part, at in (
            (rows[:, : whole * self.group].view(self.outputs, whole, self.group), slice(0, whole)),
            (rows[:, None, whole * self.group :], slice(whole, None)),
        ):
            if part.numel():
                part.sub_(8 if self.zero is None else self.zero[:, at, None]).mul_(self.scale[:, at, None])
        return rows

    def forward(self, x: Tensor) -> Tensor:
        """[..., I] -> [..., O]."""
        return F.linear(x, self._unpacked(x.dtype), None if self.bias is None else self.bias.to(x.dtype))


def _divisor(scale: Tensor) -> Tensor:
    """The scale; 1 where it is zero, as everything that it is for."""
    return torch.where(scale > 0, scale, torch.ones_like(scale))


def int8_tokens(x: Tensor) -> tuple[Tensor, Tensor]:
    """float[..., I] -> int8[..., I] and the scale float32[..., 1] of each token: its largest value becomes 127."""
    scale = x.float().abs().amax(dim=-1, keepdim=True).clamp_min(1e-5) / 127
    return torch.round(x / scale).clamp(-127, 127).to(torch.int8), scale


def integer_products(x: Tensor, weight: Tensor) -> Tensor:
    """x int8[..., I], weight int8[O,I] -> float32[..., O], of sums that are whole numbers."""
    if x.device.type != "cpu":  # on a GPU the integer product takes no short sequences
        return F.linear(x.float(), weight.float())
    product = torch._int_mm(x.reshape(-1, x.shape[-1]), weight.t())
    return product.float().view(*x.shape[:-1], -1)
