"""Going on with prompts of different lengths, all at once.

Shapes: B batch, T tokens, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from agent.vlm.decoder.cache import KVCache
from agent.vlm.generation.language import LanguageModel
from agent.vlm.generation.sampling import Sampling, choose
from agent.vlm.generation.session import Session


class Constraint(Protocol):
    """What a text may go on with, token by token; see `agent.onboard.tokenwise`."""

    @property
    def finished(self) -> bool:
        """Whether nothing more may come."""

    def allowed(self) -> NDArray[np.int64]:
        """The ids of which one must come next."""

    def advance(self, token: int) -> None:
        """Take the next token."""


@dataclass(frozen=True, kw_only=True)
class Continuation:
    """ids: what was written, without the token that ended it. log_probabilities: of each, nats, as the model has them
    (before temperature; where the text is constrained, among what was allowed). ended: by a stop token or by its
    constraint, not by the limit."""

    ids: tuple[int, ...]
    log_probabilities: tuple[float, ...]
    ended: bool


@torch.no_grad()
def generate(
    model: LanguageModel,
    prompts: Sequence[Sequence[int]],
    *,
    max_new: int,
    sampling: Sampling | None = None,
    rng: np.random.Generator | None = None,
    constraints: Sequence[Constraint] | None = None,
    session: Session | None = None,
) -> list[Continuation]:
    """Each prompt's continuation by at most `max_new` tokens.

    session: what it has read of the prompt already is not computed again; for one prompt.

    Raises:
        ValueError: an empty prompt, a session for several, or constraints that are not one a prompt.
        ContextError: a prompt and `max_new` more tokens do not fit the model's context.
    """
    if not prompts or not all(prompts):
        raise ValueError("each prompt needs a token to begin with")
    if constraints is not None and len(constraints) != len(prompts):
        raise ValueError(f"{len(constraints)} constraints for {len(prompts)} prompts")
    if session is None:
        room = max(len(p) for p in prompts) + max_new
        cache = model.new_cache(batch=len(prompts), capacity=room)
        hidden = _read(model, prompts, cache)
    else:
        if len(prompts) != 1:
            raise ValueError(f"a session goes on with one prompt, not {len(prompts)}")
        hidden, cache = session.read(prompts[0], room=max_new), session.cache
    rows = [_Row(model.stop, None if constraints is None else constraints[i]) for i in range(len(prompts))]
    sampling = sampling or Sampling()
    for step in range(max_new):
        logits = _masked(model.decoder.logits(hidden).float(), rows)
        tokens = choose(logits, sampling, rng)
        beliefs = logits.log_softmax(dim=-1).gather(1, tokens[:, None])[:, 0].tolist()
        for row, token, belief in zip(rows, tokens.tolist(), beliefs, strict=True):
            row.take(token, belief)
        if step + 1 == max_new or all(row.ended for row in rows):
            break
        # Rows that have ended go on in their own slots, where nobody looks, so that no mask is needed.
        hidden = model.decoder.extend(model.decoder.words(tokens[:, None]), cache)[:, -1]
        if session is not None:
            session.ids.extend(tokens.tolist())
    return [Continuation(ids=tuple(r.ids), log_probabilities=tuple(r.beliefs), ended=r.ended) for r in rows]


def _read(model: LanguageModel, prompts: Sequence[Sequence[int]], cache: KVCache) -> Tensor:
    longest = max(len(p) for p in prompts)
    device = model.decoder.embed.weight.device
    ids = torch.tensor([[*p, *[0] * (longest - len(p))] for p in prompts], device=device)
    lengths = torch.tensor([len(p) for p in prompts], device=device)
    valid = torch.arange(longest, device=device) < lengths[:, None]
    return model.read(ids, cache, valid=None if bool(valid.all()) else valid)


class _Row:
    def __init__(self, stop: Sequence[int], constraint: Constraint | None) -> None:
        self.stop, self.constraint = set(stop), constraint
        self.ids: list[int] = []
        self.beliefs: list[float] = []
        self.ended = constraint is not None and constraint.finished

    def take(self, token: int, belief: float) -> None:
        if self.ended:
            return
        if self.constraint is None and token in self.stop:
            self.ended = True
            return
        if self.constraint is not None:
            self.constraint.advance(token)
            self.ended = self.constraint.finished
            if token in self.stop:
                return
        self.ids.append(token)
        self.beliefs.append(belief)


def _masked(logits: Tensor, rows: Sequence[_Row]) -> Tensor:
    """Where a text is constrained, only what may follow."""
    if all(row.constraint is None or row.ended for row in rows):
        return logits
    out = logits.clone()
    for i, row in enumerate(rows):
        if row.constraint is not None and not row.ended:
            allowed = torch.from_numpy(row.constraint.allowed()).to(logits.device)
            out[i] = float("-inf")
            out[i, allowed] = logits[i, allowed]
    return out
