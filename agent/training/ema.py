"""A running mean of the weights, which is shipped in their place (Polyak and Juditsky 1992)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from agent.training.parallel.parts import part


class Ema:
    """shadow: by name, the mean of each parameter that learns, or of this process's part of it. Statistics of batch
    norms are means already."""

    def __init__(self, model: nn.Module, decay: float) -> None:
        self.decay = decay
        self.layout = {name: p for name, p in model.named_parameters() if p.requires_grad}
        self.shadow = {name: p.clone() for name, p in self.live.items()}

    @property
    def live(self) -> dict[str, Tensor]:
        """The weights themselves, of which these are the mean."""
        return {name: part(p) for name, p in self.layout.items()}

    @torch.no_grad()
    def update(self, step: int) -> None:
        """After step `step`, from 0. Young means forget faster: min(decay, (1 + step) / (10 + step)), so that a short
        run is not the mean with what it began as."""
        stays = min(self.decay, (1 + step) / (10 + step))
        torch._foreach_lerp_(list(self.shadow.values()), list(self.live.values()), 1 - stays)

    @contextmanager
    def shown(self) -> Iterator[dict[str, Tensor]]:
        """The model has the mean's weights for as long as this lasts; gives those that it had."""
        self._swap()
        try:
            yield self.shadow
        finally:
            self._swap()

    @torch.no_grad()
    def _swap(self) -> None:
        for name, p in self.live.items():
            mean = self.shadow[name].clone()
            self.shadow[name].copy_(p)
            p.copy_(mean)
