"""One text that is read again and again with a new end: what it began with is not computed again.

At each step of an episode the planner's prompt is the instruction and the history, which have grown by one line. The
longest common beginning of the old ids and the new stays in the cache; only the rest is read.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from agent.vlm.decoder.cache import ContextError
from agent.vlm.generation.language import LanguageModel


class Session:
    """A cache for one text, and the ids in it. computed: how many tokens the last `read` went through the model for.

    capacity, slack: see `KVCache`; where layers have windows, a text that goes back by more than `slack` tokens is read
    whole.
    """

    def __init__(self, model: LanguageModel, *, capacity: int | None = None, slack: int = 256) -> None:
        self.model = model
        self.cache = model.new_cache(capacity=capacity, slack=slack)
        self.ids: list[int] = []
        self.computed = 0

    @torch.no_grad()
    def read(self, ids: Sequence[int], *, room: int = 0) -> Tensor:
        """The text is `ids` now -> hidden [1,D] of its last token. room: tokens that are to follow.

        Raises:
            ContextError: more than the capacity.
        """
        if not 0 < len(ids) + room <= self.cache.capacity:
            raise ContextError(f"{len(ids)} tokens and {room} to follow for a cache of {self.cache.capacity}")
        common = self.cache.truncate(min(shared(self.ids, ids), len(ids) - 1))
        self.ids = list(ids)
        rest = torch.tensor([self.ids[common:]], device=self.model.decoder.embed.weight.device)
        self.computed = len(ids) - common
        return self.model.read(rest, self.cache)


def shared(a: Sequence[int], b: Sequence[int]) -> int:
    """How many ids both begin with."""
    return next((i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))
