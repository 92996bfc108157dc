"""Slot Attention: the objects of a picture, found without being named.

Shapes: B batch, N picture tokens, K slots, W slot width.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn


class SlotAttention(nn.Module):
    """Slots that compete for the tokens of a picture (Locatello et al. 2020, algorithm 1).

    start: a fixed draw of the noise that slots begin with, so that the same picture gives the same slots in use.
    """

    start: Tensor

    def __init__(self, inputs: int, *, slots: int, width: int, iterations: int = 3, ffn_width: int = 128) -> None:
        super().__init__()
        if slots < 1 or iterations < 1:
            raise ValueError(f"slot attention needs slots and iterations, not {slots} and {iterations}")
        self.iterations = iterations
        self.mean = nn.Parameter(torch.randn(width) * width**-0.5)
        self.log_deviation = nn.Parameter(torch.full((width,), -0.5 * math.log(width)))
        self.register_buffer("start", torch.randn(slots, width))
        self.norm_inputs, self.norm_slots = nn.LayerNorm(inputs), nn.LayerNorm(width)
        self.q = nn.Linear(width, width, bias=False)
        self.k = nn.Linear(inputs, width, bias=False)
        self.v = nn.Linear(inputs, width, bias=False)
        self.update = nn.GRUCell(width, width)
        self.norm_ffn = nn.LayerNorm(width)
        self.fc1, self.fc2 = nn.Linear(width, ffn_width), nn.Linear(ffn_width, width)

    def forward(self, tokens: Tensor, noise: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """tokens [B,N,inputs]; noise [B,K,W], standard normal, for another draw or another number of slots.

        Returns slots [B,K,W], and what share each slot had of each token in the last round [B,K,N]: sums to 1 over K.
        """
        tokens = self.norm_inputs(tokens)
        k, v = self.k(tokens), self.v(tokens)
        noise = self.start.expand(tokens.shape[0], -1, -1) if noise is None else noise
        slots = self.mean + self.log_deviation.exp() * noise
        share = tokens
        for _ in range(self.iterations):
            q = self.q(self.norm_slots(slots)) * slots.shape[-1] ** -0.5
            share = torch.softmax(q @ k.transpose(1, 2), dim=1)
            weights = share + 1e-8  # a slot that lost every token still has a mean to take
            updates = (weights / weights.sum(dim=2, keepdim=True)) @ v
            slots = self.update(updates.flatten(0, 1), slots.flatten(0, 1)).view_as(slots)
            slots = slots + self.fc2(torch.relu(self.fc1(self.norm_ffn(slots))))
        return slots, share
