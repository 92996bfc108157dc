"""Learning from a larger model's distributions instead of single right answers (Gemma 2, Team Gemma 2024, section 3.2,
"Knowledge distillation"; Hinton et al. 2015).

Shapes: N labelled tokens, A those at which the teacher is heard, Q points, V vocabulary, M map cells a side.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from agent.errors import UserError
from agent.training.tally import Tally


@dataclass(frozen=True, kw_only=True)
class DistillConfig:
    """words, points: which share of what is learnt there is the teacher's distribution; the rest is the right answer.
    Gemma 2 has 1. temperature: both distributions are taken at; above 1 what the teacher holds unlikely counts more.
    """

    words: float = 1.0
    points: float = 1.0
    temperature: float = 1.0

    def __post_init__(self) -> None:
        for name in ("words", "points"):
            if not 0 <= getattr(self, name) <= 1:
                raise UserError(f"distill.{name}={getattr(self, name)} is a share, from 0 to 1")
        if not 0 < self.temperature < float("inf"):
            raise UserError(f"distill.temperature={self.temperature}: give a number above 0")


@dataclass(frozen=True, kw_only=True, eq=False)
class Told:
    """A teacher's distributions. at int64[A]: for which of the N; words float32[A,V]; points float32[Q,M*M+1]."""

    at: Tensor
    words: Tensor
    points: Tensor | None
    config: DistillConfig


def divergences(belief: Tensor, logits: Tensor, temperature: float = 1.0) -> Tensor:
    """KL(belief || softmax(logits / t)) t^2 of each row, float32[rows]; t^2 keeps gradients as large at any t (Hinton
    et al. 2015, section 2)."""
    logp = F.log_softmax(logits.float() / temperature, dim=1)
    return (torch.xlogy(belief, belief) - belief * logp).sum(1) * temperature**2


def taught_words(each: Tensor, logits: Tensor, told: Told) -> dict[str, Tally]:
    """What is learnt at each labelled token instead of its cross entropy, each[N], and how far the two models are
    apart. logits float32[N,V]."""
    apart = divergences(told.words, logits[told.at], told.config.temperature)
    mixed = told.config.words * apart + (1 - told.config.words) * each[told.at]
    return {"words_taught": Tally.of(each.index_copy(0, told.at, mixed)), "words_apart": Tally.of(apart.detach())}


def taught_points(each: Tensor, scores: Tensor, told: Told) -> dict[str, Tally]:
    """The same of points: each[Q], scores float32[Q,M*M+1]."""
    if told.points is None:
        return {}
    apart = divergences(told.points, scores, told.config.temperature)
    mixed = told.config.points * apart + (1 - told.config.points) * each
    return {"points_taught": Tally.of(mixed), "points_apart": Tally.of(apart.detach())}
