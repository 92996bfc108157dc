"""A sparse mixture of experts: each token goes through the few feed-forward blocks that a router chooses for it.

Shapes: B batch, T tokens, N tokens in all, D width, F feed-forward width, X experts, k experts a token.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from agent.vlm.config import DecoderConfig
from agent.vlm.decoder.activation import ACTIVATIONS


@dataclass(kw_only=True, eq=False)
class Routing:
    """What the routers of one pass did, layer by layer, for the losses below.

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


class Experts(nn.Module):
    """Router and experts. The router computes in float32 (Switch Transformer, section 2.4)."""

    def __init__(self, c: DecoderConfig) -> None:
        super().__init__()
        assert c.experts is not None
        self.config, self.experts = c, c.experts
        count, d, f = c.experts.count, c.width, c.ffn_width
        self.router = nn.Linear(d, count, bias=False)
        self.gate = _weights(count, f, d)
        self.up = _weights(count, f, d)
        self.down = _weights(count, d, f)

    def forward(self, x: Tensor, routing: Routing | None = None) -> Tensor:
        """x [B,T,D] -> [B,T,D]; tokens that find no room pass as zero, so that the residual alone carries them."""
        flat = x.reshape(-1, x.shape[-1])
        logits = F.linear(flat.float(), self.router.weight.float())
        weight, chosen = logits.softmax(dim=-1).topk(self.experts.per_token, dim=-1)
        if self.experts.renormalise:
            weight = weight / weight.sum(dim=-1, keepdim=True)
        keep = self._keep(chosen, routing)
        if routing is not None:
            rows = slice(None) if routing.valid is None else routing.valid.flatten()
            routing.logits.append(logits[rows])
            routing.chosen.append(chosen[rows])
            routing.dropped.append(0.0 if keep is None else 1.0 - float(keep[rows].float().mean()))
        out = torch.zeros_like(flat)
        for expert in torch.unique(chosen).tolist():
            hit = chosen == expert
            token, slot = torch.where(hit if keep is None else hit & keep)
            if len(token) == 0:
                continue
            y = self._through(expert, flat[token])
            out = out.index_add(0, token, y * weight[token, slot, None].to(y.dtype))
        return out.view_as(x)

    def _through(self, expert: int, h: Tensor) -> Tensor:
        gate = ACTIVATIONS[self.config.activation](F.linear(h, self.gate[expert]))
        return F.linear(gate * F.linear(h, self.up[expert]), self.down[expert])

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


def _weights(count: int, rows: int, columns: int) -> nn.Parameter:
    """Each expert as `nn.Linear` starts."""
    bound = columns**-0.5
    return nn.Parameter(torch.empty(count, rows, columns).uniform_(-bound, bound))
