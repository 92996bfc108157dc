"""How likely given texts are after a prompt; for affordances and choices (SayCan: Ahn et al. 2022, section 3).

Shapes: N candidates, T tokens of all of them together, S slots of the cache.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from agent.vlm.decoder.decoder import Grown, Masks
from agent.vlm.decoder.masks import visible
from agent.vlm.generation.language import LanguageModel
from agent.vlm.generation.session import Session


@torch.no_grad()
def log_probabilities(
    model: LanguageModel, prompt: Sequence[int], candidates: Sequence[Sequence[int]], *, session: Session | None = None
) -> list[float]:
    """Of each candidate after the prompt, the sum over its tokens, nats.

    The prompt is read once, and all candidates side by side in one pass behind it: each sees the prompt and itself.
    session: what it has read of the prompt already is not computed again; it holds the prompt afterwards.

    Raises:
        ValueError: no candidate, or an empty one, or an empty prompt.
        ContextError: the prompt and a candidate do not fit the model's context.
    """
    if not prompt or not candidates or not all(candidates):
        raise ValueError("the prompt and each candidate need a token")
    longest = max(len(c) for c in candidates)
    session = session or Session(model, capacity=len(prompt) + longest)
    last = session.read(prompt, room=longest)
    first = model.decoder.logits(last)[0].float().log_softmax(dim=-1)
    total = [float(first[c[0]]) for c in candidates]
    if longest == 1:
        return total
    device = last.device
    # The last token of a candidate predicts nothing that is asked for.
    ids = torch.tensor([i for c in candidates for i in c[:-1]], device=device)
    following = torch.tensor([i for c in candidates for i in c[1:]], device=device)
    owner = torch.tensor([n for n, c in enumerate(candidates) for _ in c[1:]], device=device)
    offset = torch.tensor([i for c in candidates for i in range(len(c) - 1)], device=device)
    hidden = _branches(model, session, ids, owner, offset)
    beliefs = model.decoder.logits(hidden).float().log_softmax(dim=-1).gather(1, following[:, None])[:, 0]
    for n, belief in zip(owner.tolist(), beliefs.tolist(), strict=True):
        total[n] += belief
    return total


def _branches(model: LanguageModel, session: Session, ids: Tensor, owner: Tensor, offset: Tensor) -> Tensor:
    """Hidden states [T,D] of tokens that follow the session's text side by side; its cache stays as it is."""
    decoder, cache = model.decoder, session.cache
    positions = (cache.lengths[0] + offset)[None]
    kin = owner[None, None, :, None] == owner[None, None, None, :]
    masks: Masks = {}
    stores = []
    for i in range(decoder.config.layers):
        past, held = cache.kept(i)
        stores.append(Grown(past))
        window = decoder.config.window(i)
        if window not in masks:
            sinks = decoder.config.sinks
            own = visible(positions, positions, window=window, sinks=sinks) & kin
            masks[window] = torch.cat([visible(positions, held, window=window, sinks=sinks), own], dim=3)
    return decoder.run(decoder.words(ids)[None], positions, masks, stores, causal=False)[0]
