"""Low-rank adaptation (Hu et al. 2021, "LoRA", section 4.1): W stays, B A learns beside it.

Shapes: I inputs, O outputs, R rank, X experts.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from agent.vlm.adapt.swap import put
from agent.vlm.decoder.experts import ExpertLinear


@dataclass(frozen=True, kw_only=True)
class LoraConfig:
    """How LoRA layers are made.

    rank: R. alpha: the update is alpha / rank times B A. dropout: share of the update's inputs that training leaves
    out. targets: patterns of the names of linear layers and of experts' matrices (see agent.vlm.adapt.swap).
    """

    rank: int = 8
    alpha: float = 16.0
    dropout: float = 0.0
    targets: tuple[str, ...] = ("*",)

    def __post_init__(self) -> None:
        if self.rank < 1 or not 0 <= self.dropout < 1:
            raise ValueError(f"rank is 1 or more and dropout from 0 to below 1, not {self.rank} and {self.dropout}")
        if not 0 < self.alpha < math.inf:
            raise ValueError(f"alpha is above 0, not {self.alpha}")


class LoraLayer(nn.Module, ABC):
    """A frozen layer and its update: `weight` keeps its name; `lora_a` [R,I] and `lora_b` [O,R] join it."""

    weight: Tensor

    def _begin(self, config: LoraConfig) -> None:
        """Freeze what there is, and add what learns."""
        for parameter in self.parameters():
            parameter.requires_grad_(False)
        *experts, outputs, inputs = self.weight.shape
        if config.rank > min(inputs, outputs):
            raise ValueError(f"rank {config.rank} is more than a matrix of {outputs} x {inputs} can have")
        # B begins at zero, so that the adapted model begins as its base.
        self.lora_a = nn.Parameter(self.weight.new_empty(*experts, config.rank, inputs))
        nn.init.normal_(self.lora_a, std=inputs**-0.5)
        self.lora_b = nn.Parameter(self.weight.new_zeros(*experts, outputs, config.rank))
        self.scale = config.alpha / config.rank
        self.dropout = config.dropout
        self.merged = False

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
        return self.update(self.lora_a, self.lora_b)

    def update(self, a: Tensor, b: Tensor) -> Tensor:
        """What matrices [...,R,I] and [...,O,R] add to the weight."""
        return (self.scale * (b.float() @ a.float())).to(self.weight.dtype)

    def _beside(self, x: Tensor, a: Tensor, b: Tensor) -> Tensor:
        """[..., I] -> [..., O], what the update adds."""
        x = F.dropout(x, self.dropout, self.training)
        return self.scale * F.linear(F.linear(x, a), b)

    @abstractmethod
    def plain(self) -> nn.Module:
        """The layer without LoRA, which shares the weight as it is: the base's, or with the update where merged."""


class LoraLinear(LoraLayer, nn.Linear):
    """Of an `nn.Linear`."""

    def __init__(self, linear: nn.Linear, config: LoraConfig) -> None:
        nn.Module.__init__(self)
        self.in_features, self.out_features = linear.in_features, linear.out_features
        self.weight, self.bias = linear.weight, linear.bias
        self._begin(config)

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002 - nn.Linear's own name for it
        """[..., I] -> [..., O]."""
        y = F.linear(input, self.weight, self.bias)
        return y if self.merged else y + self._beside(input, self.lora_a, self.lora_b)

    def plain(self) -> nn.Linear:
        """See `LoraLayer.plain`."""
        out = nn.Linear(self.in_features, self.out_features, bias=self.bias is not None, device="meta")
        out.weight, out.bias = self.weight, self.bias
        return out.train(self.training)


class LoraExpertLinear(LoraLayer, ExpertLinear):
    """Of one matrix of each expert: an update of its own for each, `lora_a` [X,R,I] and `lora_b` [X,O,R]."""

    def __init__(self, linear: ExpertLinear, config: LoraConfig) -> None:
        nn.Module.__init__(self)
        self.weight = linear.weight
        self._begin(config)

    def forward(self, parts: Mapping[int, Tensor]) -> dict[int, Tensor]:
        """By expert, its tokens [n,I] -> [n,O]."""
        out = super().forward(parts)
        if self.merged:
            return out
        a, b = self.lora_a.unbind(), self.lora_b.unbind()
        return {x: out[x] + self._beside(h, a[x], b[x]) for x, h in parts.items()}

    def plain(self) -> ExpertLinear:
        """See `LoraLayer.plain`."""
        count, outputs, inputs = self.weight.shape
        with torch.device("meta"):
            out = ExpertLinear(count, inputs, outputs)
        out.weight = self.weight
        return out.train(self.training)


KINDS: dict[type[nn.Module], Callable[..., LoraLayer]] = {nn.Linear: LoraLinear, ExpertLinear: LoraExpertLinear}
"""Which layers can be adapted, and what each becomes. An expert's router is none of them: it stays as it is."""


def put_lora(model: nn.Module, name: str, config: LoraConfig) -> None:
    """The layer of this name, which is one of KINDS, gets its update."""
    layer = model.get_submodule(name)
    put(model, name, KINDS[type(layer)](layer, config))


def lora_layers(model: nn.Module) -> dict[str, LoraLayer]:
    """All LoRA layers by name."""
    return {name: part for name, part in model.named_modules() if isinstance(part, LoraLayer)}


def merge(model: nn.Module) -> None:
    """Add every update to its weight."""
    for layer in lora_layers(model).values():
        layer.merge()


def unmerge(model: nn.Module) -> None:
    """Take every update off its weight."""
    for layer in lora_layers(model).values():
        layer.unmerge()


def bake(model: nn.Module) -> None:
    """Merge, and put plain layers in the place of LoRA's: the state dict has the base's names alone."""
    for name, layer in lora_layers(model).items():
        layer.merge()
        put(model, name, layer.plain())
