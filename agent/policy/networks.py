"""The policies' networks: a diffusion transformer trained by flow matching, and a small regression to hold it against.

Shape letters: B batch, N patches, D width, K steps of a chunk, A numbers of a step, S numbers of the state.

Both see alike: three views (at the stroke's start, 0.4 s ago, now) are cut into spacetime patches, each of 8x8 cells
and all three moments, by convolutions (early convolutions: Xiao et al. 2021); the state is one token more; a
transformer joins them. From that, one small network guesses a chunk of actions: that is `RegressionPolicy`.
`FlowPolicy` takes noise along a learned flow to what that guess is off by (flow matching: Lipman et al. 2023;
transformers with adaptive norms: Peebles and Xie 2023, DiT; for action chunks: Black
et al. 2024, pi0). Two more outputs say whether the stroke is done, or stuck.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import asdict, dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import silu

from agent.policy.chunks import STEPS, WIDTH
from agent.policy.features import SIZE
from agent.policy.view import CELLS, CHANNELS

Kind = Literal["flow", "regression"]
MOMENTS = 3
PATCHES = (CELLS // 8) ** 2
HEADS_OUT = 2
SPREAD = 0.1
"""Of what flows around a guess, in units of chunks.SCALE."""
LONGEST = 200.0
"""Wave numbers of a time in [0, 1], at the most."""


@dataclass(frozen=True, kw_only=True)
class PolicyConfig:
    """Sizes. flow_steps: of Euler's method, from noise to a chunk."""

    kind: Kind = "flow"
    width: int = 96
    heads: int = 4
    see_layers: int = 2
    act_layers: int = 3
    flow_steps: int = 4

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


class Attention(nn.Module):
    """Of queries [B,Q,D] over keys and values [B,M,D]."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.q, self.kv, self.out = nn.Linear(width, width), nn.Linear(width, 2 * width), nn.Linear(width, width)

    def forward(self, x: Tensor, other: Tensor) -> Tensor:
        b, q, d = x.shape
        m, e = other.shape[1], d // self.heads
        query = self.q(x).reshape(b, q, self.heads, e).transpose(1, 2)
        key, value = self.kv(other).reshape(b, m, 2, self.heads, e).permute(2, 0, 3, 1, 4)
        weights = torch.softmax(query @ key.transpose(-1, -2) / math.sqrt(e), dim=-1)
        return torch.as_tensor(self.out((weights @ value).transpose(1, 2).reshape(b, q, d)))


class Block(nn.Module):
    """A pre-norm transformer layer over [B,N,D]."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.one, self.two = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attend = Attention(width, heads)
        self.mix = nn.Sequential(nn.Linear(width, 3 * width), nn.GELU(), nn.Linear(3 * width, width))

    def forward(self, x: Tensor) -> Tensor:
        y = self.one(x)
        x = x + self.attend(y, y)
        return torch.as_tensor(x + self.mix(self.two(x)))


class Seeing(nn.Module):
    """views float32[B,15,48,48] in [0,1] and state [B,S] -> tokens [B,N+1,D], the state's last."""

    def __init__(self, config: PolicyConfig) -> None:
        super().__init__()
        d = config.width
        self.patches = nn.Sequential(
            nn.Conv2d(MOMENTS * CHANNELS, 32, 3, 2, 1), nn.GELU(), nn.Conv2d(32, 64, 3, 2, 1), nn.GELU(),
            nn.Conv2d(64, d, 3, 2, 1),
        )  # fmt: skip
        self.state = nn.Sequential(nn.Linear(SIZE, 2 * d), nn.GELU(), nn.Linear(2 * d, d))
        self.place = nn.Parameter(0.02 * torch.randn(1, PATCHES, d))
        self.blocks = nn.ModuleList(Block(d, config.heads) for _ in range(config.see_layers))
        self.norm = nn.LayerNorm(d)

    def forward(self, views: Tensor, state: Tensor) -> Tensor:
        x = self.patches(views - 0.5).flatten(2).transpose(1, 2) + self.place
        x = torch.cat([x, self.state(state)[:, None]], dim=1)
        for block in self.blocks:
            x = block(x)
        return torch.as_tensor(self.norm(x))


class FlowBlock(nn.Module):
    """One layer of the diffusion transformer: a chunk's steps [B,K,D] among themselves, then over what is seen."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width, elementwise_affine=False)
        self.among, self.over = Attention(width, heads), Attention(width, heads)
        self.mix = nn.Sequential(nn.Linear(width, 3 * width), nn.GELU(), nn.Linear(3 * width, width))
        self.adapt = nn.Linear(width, 9 * width)
        nn.init.zeros_(self.adapt.weight)  # adaLN-Zero: each layer begins as the identity
        nn.init.zeros_(self.adapt.bias)

    def forward(self, x: Tensor, seen: Tensor, condition: Tensor) -> Tensor:
        s1, b1, g1, s2, b2, g2, s3, b3, g3 = self.adapt(silu(condition))[:, None].chunk(9, dim=-1)
        y = self.norm(x) * (1 + s1) + b1
        x = x + g1 * self.among(y, y)
        x = x + g2 * self.over(self.norm(x) * (1 + s2) + b2, seen)
        return torch.as_tensor(x + g3 * self.mix(self.norm(x) * (1 + s3) + b3))


class Policy(nn.Module, ABC):
    """What both kinds have: the seeing part, a guess, and the two heads."""

    def __init__(self, config: PolicyConfig) -> None:
        super().__init__()
        self.config = config
        self.seeing = Seeing(config)
        d = config.width
        self.ends = nn.Sequential(nn.Linear(d, d), nn.GELU(), nn.Linear(d, HEADS_OUT))
        self.guess = nn.Sequential(nn.Linear(d, 4 * d), nn.GELU(), nn.Linear(4 * d, STEPS * WIDTH))

    def guessed(self, seen: Tensor) -> Tensor:
        """[B,K,A]"""
        return torch.as_tensor(self.guess(seen[:, -1]).reshape(-1, STEPS, WIDTH))

    def apart(self, seen: Tensor, chunk: Tensor, weight: Tensor) -> Tensor:
        """Mean absolute error of the guess, as in ACT."""
        return (weight * (self.guessed(seen) - chunk).abs().mean(dim=(1, 2))).mean()

    @abstractmethod
    def loss(self, seen: Tensor, chunk: Tensor, weight: Tensor) -> Tensor:
        """Of imitating chunk [B,K,A], with a weight [B] for each."""

    @abstractmethod
    def act(self, seen: Tensor, noise: Tensor) -> Tensor:
        """A chunk [B,K,A]; noise [B,K,A] is what a flow begins with."""

    def forward(self, views: Tensor, state: Tensor, noise: Tensor) -> tuple[Tensor, Tensor]:
        """Chunk [B,K,A], and the probabilities [B,2] of being done and of being stuck."""
        seen = self.seeing(views, state)
        return self.act(seen, noise), torch.sigmoid(self.ends(seen[:, -1]))


class FlowPolicy(Policy):
    """What a guess is off by, in SPREAD, flows from noise at t = 0 to what it is at t = 1."""

    def __init__(self, config: PolicyConfig) -> None:
        super().__init__(config)
        d = config.width
        self.into, self.out = nn.Linear(WIDTH, d), nn.Linear(d, WIDTH)
        self.step = nn.Parameter(0.02 * torch.randn(1, STEPS, d))
        self.when = nn.Sequential(nn.Linear(d, d), nn.SiLU(), nn.Linear(d, d))
        self.blocks = nn.ModuleList(FlowBlock(d, config.heads) for _ in range(config.act_layers))
        self.norm = nn.LayerNorm(d)
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)
        waves = torch.exp(torch.linspace(0.0, math.log(LONGEST), d // 2))
        self.register_buffer("waves", waves, persistent=False)
        self.waves: Tensor

    def velocity(self, x: Tensor, t: Tensor, seen: Tensor) -> Tensor:
        """[B,K,A] at x [B,K,A] and times t [B]."""
        angle = t[:, None] * self.waves
        condition = self.when(torch.cat([torch.sin(angle), torch.cos(angle)], dim=-1)) + seen[:, -1]
        h = self.into(x) + self.step
        for block in self.blocks:
            h = block(h, seen, condition)
        return torch.as_tensor(self.out(self.norm(h)))

    def loss(self, seen: Tensor, chunk: Tensor, weight: Tensor) -> Tensor:
        """Lipman et al. 2023, equation 23, straight paths; and the guess's own, from which alone the eye learns."""
        fixed = seen.detach()
        goal = (chunk - self.guessed(fixed).detach()) / SPREAD
        source = torch.randn_like(chunk)
        t = torch.rand(len(chunk), device=chunk.device)
        at = t[:, None, None]
        error = self.velocity((1 - at) * source + at * goal, t, fixed) - (goal - source)
        return (weight * (error**2).mean(dim=(1, 2))).mean() + self.apart(seen, chunk, weight)

    def act(self, seen: Tensor, noise: Tensor) -> Tensor:
        y, n = noise, self.config.flow_steps
        for i in range(n):
            y = y + self.velocity(y, torch.full_like(y[:, 0, 0], i / n), seen) / n
        return self.guessed(seen) + SPREAD * y


class RegressionPolicy(Policy):
    """The guess alone."""

    def loss(self, seen: Tensor, chunk: Tensor, weight: Tensor) -> Tensor:
        return self.apart(seen, chunk, weight)

    def act(self, seen: Tensor, noise: Tensor) -> Tensor:
        return self.guessed(seen) + 0 * noise  # so that both kinds of graph take the same


def build(config: PolicyConfig) -> Policy:
    """The network of a configuration.

    Raises:
        ValueError: there is no such kind.
    """
    kinds: dict[str, type[Policy]] = {"flow": FlowPolicy, "regression": RegressionPolicy}
    if config.kind not in kinds:
        raise ValueError(f"policy kind {config.kind!r}: there are {', '.join(kinds)}")
    return kinds[config.kind](config)
