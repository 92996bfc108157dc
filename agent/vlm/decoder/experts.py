"""A sparse mixture of experts: each token goes through the few feed-forward blocks that a router chooses for it.

Shapes: B batch, T tokens, N tokens in all, D width, F feed-forward width, X experts, k experts a token,
I inputs, O outputs of a matrix.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from agent.vlm.config import DecoderConfig
from agent.vlm.decoder.activation import ACTIVATIONS
from agent.vlm.decoder.linear import product


@dataclass(kw_only=True, eq=False)
class Routing:
    """What the routers of one pass did, layer by layer, for the losses below, which are means over layers: the papers
    add each layer's up, so that their weights (1e-2 for balance, 1e-3 for z) are for so many times the mean.

    valid: bool[B,T], False = padding, which takes no expert's room and counts for no loss. logits: float32[N,X] a
    layer, of valid tokens. chosen: int64[N,k] a layer. dropped: share of the choices that found no room, a layer.
    """

    valid: Tensor | None = None
    logits: list[Tensor] = field(default_factory=list)
    chosen: list[Tensor] = field(default_factory=list)
    dropped: list[float] = field(default_factory=list)

    def balance_loss(self) -> Tensor:
        """Load balancing, the mean over layers (Switch Transformer, equation 4; with k > 1 as Mixtral counts).

        X times the sum over experts of the share of tokens that chose it times its mean probability: k where the load
        is even, more where it is not.
        """
        return torch.stack([_balance(z, c) for z, c in zip(self.logits, self.chosen, strict=True)]).mean()

    def z_loss(self) -> Tensor:
        """The mean squared log-partition of the routers' logits (ST-MoE, Zoph et al. 2022, equation 5)."""
        return torch.stack([z.logsumexp(dim=-1).square().mean() for z in self.logits]).mean()

    def load(self) -> Tensor:
        """float32[layers,X]: share of the choices that fell on each expert."""
        return torch.stack([
            torch.bincount(c.flatten(), minlength=z.shape[1]) / c.numel()
            for z, c in zip(self.logits, self.chosen, strict=True)
        ])  # fmt: skip


def _balance(logits: Tensor, chosen: Tensor) -> Tensor:
    count = logits.shape[1]
    share = F.one_hot(chosen, count).float().sum(dim=1).mean(dim=0)
    return count * (share * logits.softmax(dim=-1).mean(dim=0)).sum()


class Router(nn.Linear):
    """Which expert a token should go to. A class of its own, as it computes in float32 (Switch Transformer, section
    2.4) and so is neither packed, nor made small, nor given LoRA."""

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002 - nn.Linear's own name for it
        """[N,D] -> float32[N,X], under autocast, too."""
        with torch.autocast(input.device.type, enabled=False):
            return F.linear(input.float(), self.weight.float())


class ExpertLinear(nn.Module):
    """One matrix of each expert, side by side: `weight` [X,O,I], each as `nn.Linear` starts."""

    weight: Tensor

    def __init__(self, count: int, inputs: int, outputs: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(count, outputs, inputs).uniform_(-(inputs**-0.5), inputs**-0.5))

    def forward(self, parts: Mapping[int, Tensor]) -> dict[int, Tensor]:
        """By expert, its tokens [n,I] -> [n,O].

        Taken apart in one go: with `weight[x]` the gradient of every expert would be a tensor of all experts' size.
        """
        weights = self.weight.unbind()
        return {x: product(h, weights[x]) for x, h in parts.items()}


class Experts(nn.Module):
    """Router and experts."""

    def __init__(self, c: DecoderConfig) -> None:
        super().__init__()
        assert c.experts is not None
        self.config, self.experts = c, c.experts
        count, d, f = c.experts.count, c.width, c.ffn_width
        self.router = Router(d, count, bias=False)
        self.gate, self.up = ExpertLinear(count, d, f), ExpertLinear(count, d, f)
        self.down = ExpertLinear(count, f, d)

    def forward(self, x: Tensor, routing: Routing | None = None) -> Tensor:
        """x [B,T,D] -> [B,T,D]; tokens that find no room pass as zero, so that the residual alone carries them."""
        flat = x.reshape(-1, x.shape[-1])
        logits = self.router(flat)
        weight, chosen = logits.softmax(dim=-1).topk(self.experts.per_token, dim=-1)
        if self.experts.renormalise:
            weight = weight / weight.sum(dim=-1, keepdim=True)
        keep = self._keep(chosen, routing)
        if routing is not None:
            rows = slice(None) if routing.valid is None else routing.valid.flatten()
            routing.logits.append(logits[rows])
            routing.chosen.append(chosen[rows])
            routing.dropped.append(0.0 if keep is None else 1.0 - float(keep[rows].float().mean()))
        count, goes = self.experts.count, chosen if keep is None else chosen.masked_fill(~keep, self.experts.count)
        sizes = torch.bincount(goes.flatten(), minlength=count)[:count].tolist()
        choice = goes.flatten().argsort(stable=True)[: sum(sizes)]  # by expert, and in the tokens' order
        token = choice // self.experts.per_token
        parts = {x: h for x, h in enumerate(torch.split(flat[token], sizes)) if len(h)}
        y = torch.cat([flat[:0], *(part.to(flat.dtype) for part in self._through(parts).values())])
        y = y * weight.flatten()[choice, None].to(y.dtype)
        return torch.zeros_like(flat).index_add(0, token, y).view_as(x)

    def _through(self, parts: Mapping[int, Tensor]) -> dict[int, Tensor]:
        activation = ACTIVATIONS[self.config.activation]
        gate, up = self.gate(parts), self.up(parts)
        return self.down({x: activation(gate[x]) * up[x] for x in parts})  # type: ignore[no-any-return]

    def _keep(self, chosen: Tensor, routing: Routing | None) -> Tensor | None:
        """bool[N,k]: choices that find room. All first choices are served before any second one; None = dropless."""
        if not self.training or not self.experts.capacity_factor:
            return None
        n, k = chosen.shape
        valid = None if routing is None or routing.valid is None else routing.valid.flatten()
        real = n if valid is None else int(valid.sum())
        room = math.ceil(self.experts.capacity_factor * real * k / self.experts.count)
        wish = F.one_hot(chosen.T.reshape(-1), self.experts.count)
        if valid is not None:
            wish = wish * valid.repeat(k)[:, None]
        place = (wish.cumsum(dim=0) * wish).sum(dim=1)
        return (place <= room).view(k, n).T
