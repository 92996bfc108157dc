"""Low-rank adaptation (Hu et al. 2021, "LoRA", section 4.1): W stays, B A learns beside it.

Shapes: I inputs, O outputs, R rank.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from agent.vlm.adapt.swap import put


@dataclass(frozen=True, kw_only=True)
class LoraConfig:
    """How LoRA layers are made.

    rank: R. alpha: the update is alpha / rank times B A. dropout: share of the update's inputs that training leaves
    out. targets: patterns of the names of linear layers (see agent.vlm.adapt.swap).
    """

    rank: int = 8
    alpha: float = 16.0
    dropout: float = 0.0
    targets: tuple[str, ...] = ("*",)

    def __post_init__(self) -> None:
        if self.rank < 1 or not 0 <= self.dropout < 1:
            raise ValueError(f"rank is 1 or more and dropout from 0 to below 1, not {self.rank} and {self.dropout}")


class LoraLinear(nn.Linear):
    """A frozen linear layer and its update: `weight` keeps its name; `lora_a` [R,I] and `lora_b` [O,R] join it."""

    def __init__(self, linear: nn.Linear, config: LoraConfig) -> None:
        nn.Module.__init__(self)
        self.in_features, self.out_features = linear.in_features, linear.out_features
        self.weight, self.bias = linear.weight, linear.bias
        self.weight.requires_grad_(False)
        if self.bias is not None:
            self.bias.requires_grad_(False)
        # B begins at zero, so that the adapted model begins as its base.
        self.lora_a = nn.Parameter(linear.weight.new_empty(config.rank, self.in_features))
        nn.init.normal_(self.lora_a, std=self.in_features**-0.5)
        self.lora_b = nn.Parameter(linear.weight.new_zeros(self.out_features, config.rank))
        self.scale = config.alpha / config.rank
        self.dropout = config.dropout
        self.merged = False

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002 - nn.Linear's own name for it
        """[..., I] -> [..., O]."""
        y = F.linear(input, self.weight, self.bias)
        if self.merged:
            return y
        x = F.dropout(input, self.dropout, self.training)
        return y + self.scale * F.linear(F.linear(x, self.lora_a), self.lora_b)

    @torch.no_grad()
    def merge(self) -> None:
        """Add the update to the weight: as fast as the base. Does nothing the second time."""
        if not self.merged:
            self.weight += self._update()
        self.merged = True

    @torch.no_grad()
    def unmerge(self) -> None:
        """Take the update off again; the weight is then the base's to rounding."""
        if self.merged:
            self.weight -= self._update()
        self.merged = False

    def _update(self) -> Tensor:
        return (self.scale * (self.lora_b.float() @ self.lora_a.float())).to(self.weight.dtype)

    def plain(self) -> nn.Linear:
        """An `nn.Linear` that shares the weight as it is: the base's, or with the update where it is merged."""
        out = nn.Linear(self.in_features, self.out_features, bias=self.bias is not None, device="meta")
        out.weight, out.bias = self.weight, self.bias
        return out.train(self.training)


def lora_layers(model: nn.Module) -> dict[str, LoraLinear]:
    """All LoRA layers by name."""
    return {name: part for name, part in model.named_modules() if isinstance(part, LoraLinear)}


def merge(model: nn.Module) -> None:
    """Add every update to its weight."""
    for layer in lora_layers(model).values():
        layer.merge()


def unmerge(model: nn.Module) -> None:
    """Take every update off its weight."""
    for layer in lora_layers(model).values():
        layer.unmerge()


def bake(model: nn.Module) -> None:
    """Merge, and put plain linear layers in the place of LoRA's: the state dict has the base's names alone."""
    for name, layer in lora_layers(model).items():
        layer.merge()
        put(model, name, layer.plain())
