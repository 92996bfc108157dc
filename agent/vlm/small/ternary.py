"""Linear layers with weights -1, 0 and 1 and inputs in int8 (Ma et al. 2024, "The Era of 1-bit LLMs", section 2).

BitNet b1.58: weights are divided by the mean of their absolute values and rounded; the inputs of each token are scaled
to 8 bits. Training keeps the weights in float and passes gradients straight through the rounding (Bengio et al. 2013).
The norm that stands before a layer is the model's own.

Shapes: O outputs, I inputs.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from agent.vlm.adapt.swap import matching_linears, swap_linears
from agent.vlm.small.quant import SmallLinear, int8_tokens, integer_products

EPSILON = 1e-5


def ternary(weight: Tensor) -> tuple[Tensor, Tensor]:
    """float[O,I] -> -1, 0 or 1 as float[O,I], and the scale float[]: the mean of absolute values."""
    scale = weight.abs().mean().clamp_min(EPSILON)
    return torch.round(weight / scale).clamp(-1, 1), scale


class TernaryTraining(nn.Linear):
    """A linear layer that computes as `TernaryLinear` will, and learns. Its tensors' names are `nn.Linear`'s."""

    def __init__(self, linear: nn.Linear) -> None:
        nn.Module.__init__(self)
        self.in_features, self.out_features = linear.in_features, linear.out_features
        self.weight, self.bias = linear.weight, linear.bias

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002 - nn.Linear's own name for it
        """[..., I] -> [..., O]."""
        whole, scale = ternary(self.weight)
        weight = self.weight + (whole * scale - self.weight).detach()
        tokens, token_scale = int8_tokens(input)
        x = input + ((tokens * token_scale).to(input.dtype) - input).detach()
        return F.linear(x, weight, self.bias)


class TernaryLinear(SmallLinear):
    """For inference: four weights a byte, one scale for all. Products are of integers and exact.

    Bits 0 and 1 of a row's bytes are the row's first quarter, plus one; bits 2 and 3 its second, and so on.
    """

    packed: Tensor
    scale: Tensor

    def __init__(self, inputs: int, outputs: int, *, bias: bool) -> None:
        super().__init__(inputs, outputs, bias=bias)
        self.register_buffer("packed", torch.zeros(outputs, -(-inputs // 4), dtype=torch.uint8))
        self.register_buffer("scale", torch.zeros(()))

    def pack(self, weight: Tensor) -> None:
        whole, scale = ternary(weight)
        self.scale.copy_(scale)
        rows = F.pad(whole, (0, 4 * self.packed.shape[1] - self.inputs)) + 1
        quarters = rows.to(torch.uint8).chunk(4, dim=1)
        self.packed.copy_(quarters[0] | quarters[1] << 2 | quarters[2] << 4 | quarters[3] << 6)

    def _whole(self) -> Tensor:
        """int8[O,I]."""
        bits = torch.cat([self.packed & 3, self.packed >> 2 & 3, self.packed >> 4 & 3, self.packed >> 6], dim=1)
        return bits.view(torch.int8).sub_(1)[:, : self.inputs]

    def unpacked(self) -> Tensor:
        return self._whole().float() * self.scale

    def forward(self, x: Tensor) -> Tensor:
        """[..., I] -> [..., O]."""
        tokens, token_scale = int8_tokens(x)
        y = (integer_products(tokens, self._whole()) * (token_scale * self.scale)).to(x.dtype)
        return y if self.bias is None else y + self.bias.to(x.dtype)


def train_ternary(model: nn.Module, targets: Sequence[str]) -> list[str]:
    """Have the linear layers of these names train as ternary ones, in place, from the weights that they have.

    Raises:
        ValueError: a pattern that fits none.
    """
    names = matching_linears(model, targets)
    swap_linears(model, names, TernaryTraining)
    return names
