"""What a step is judged by. Only what the agent says is learnt: the prompt has no labels.

Shapes: B pictures, T tokens after the prefix, D decoder width, C map width, M map cells a side.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from agent.errors import UserError
from agent.training.batch import Batch
from agent.training.config import TrainConfig
from agent.training.perception import PerceptionHeads, Targets, visual_words
from agent.vlm.model import VLM, pointer_losses

Figures = dict[str, Tensor]
"""Losses by name, and how often what is said or seen is right (`..._right`), which carry no gradient."""


def figures(
    model: VLM,
    heads: PerceptionHeads,
    batch: Batch,
    targets: Targets | None,
    called: Sequence[Sequence[int]],
    stage: str,
) -> Figures:
    """One forward pass. called: for each name of perception its token ids. targets: None in stage "speak"."""
    if stage == "speak":
        x = model.decoder.embed(batch.ids)
        hidden, _ = model.decoder(x, batch.positions, _text_mask(batch.segments))
        return said(model, batch, torch.empty(0), hidden)
    assert targets is not None, "whoever sees has targets"
    tokens, features = model.vision(batch.image)
    if stage == "see":
        return heads(tokens, features, targets)  # type: ignore[no-any-return]
    hidden = model.read(tokens, batch.state, batch.ids, batch.segments, batch.positions)
    words = torch.stack([model.decoder.embed.weight[list(ids)].mean(0) for ids in called]).detach()
    image = model.prefix(tokens, batch.state)[:, :-1]
    named = visual_words(image, targets.shown, words)
    return {**said(model, batch, features, hidden), **heads(tokens, features, targets), "named": named}


def said(model: VLM, batch: Batch, features: Tensor, hidden: Tensor) -> Figures:
    """Word and point losses, and how often they are right. hidden [B,T,D], features [B,C,M,M]."""
    if not len(batch.label):
        return {}
    flat = hidden.flatten(0, 1)
    logits = model.decoder.logits(flat[batch.label_at]).float()
    each = F.cross_entropy(logits, batch.label, reduction="none")
    out = {"words": each.mean(), "words_right": (logits.argmax(1) == batch.label).float().mean()}
    out |= _by_part("words", each, batch.part[batch.label_at // hidden.shape[1]], batch)
    if len(batch.point_at) and features.numel():
        grid = model.config.vision.map_grid
        picture = batch.point_at // hidden.shape[1]
        query = model.query(flat[batch.point_at])
        # One product a picture: gathering a map for every point would cost more than the decoder's attention.
        scores = torch.cat([model.point(query[picture == b], features[b]) for b in range(features.shape[0])]).float()
        order = torch.cat([torch.nonzero(picture == b)[:, 0] for b in range(features.shape[0])])
        cells = batch.point_cell[order]
        each = pointer_losses(scores, cells, grid)
        out["points"] = each.mean()
        out |= _by_part("points", each, batch.part[picture[order]], batch)
        here = ~torch.isnan(cells[:, 0, 0])
        said_nothing = scores.argmax(1) == grid * grid
        peak = scores[:, :-1].argmax(1)
        found = torch.stack([peak // grid, peak % grid], dim=1)[:, None]
        near = ((found - torch.nan_to_num(cells, nan=-99.0)).abs().amax(2) <= 1.5).any(1)
        if bool(here.any()):
            out["points_right"] = (near & ~said_nothing)[here].float().mean()
        if bool((~here).any()):
            out["nothing_right"] = said_nothing[~here].float().mean()
    return out


def total(figures: Figures, config: TrainConfig) -> Tensor:
    """What is brought down: the losses by their weights.

    Raises:
        UserError: nothing is known of these pictures that this stage could learn.
    """
    weights = {"words": 1.0, "points": config.point_weight, "named": config.word_weight}
    seeing = config.see_weight if config.stage == "both" else 1.0
    weights |= dict.fromkeys(("colour", "kind", "size", "where", "there"), seeing)
    parts = [weight * figures[name] for name, weight in weights.items() if name in figures]
    if not parts:
        raise UserError(
            f"stage={config.stage} finds nothing to learn in a step's pictures: recorded episodes say what to do, "
            "pictures of sim.pictures also what is where (docs/training.md)"
        )
    return torch.stack(parts).sum()


def _by_part(name: str, each: Tensor, part: Tensor, batch: Batch) -> Figures:
    """`name@part`: the mean of a loss over what came from each part of a mixture; nothing where there is one part."""
    if len(batch.parts) < 2:
        return {}
    return {
        f"{name}@{p}": each[part == i].mean().detach() for i, p in enumerate(batch.parts) if bool((part == i).any())
    }


def _text_mask(segments: Tensor) -> Tensor:
    t = segments.shape[1]
    causal = torch.ones(t, t, dtype=torch.bool, device=segments.device).tril()
    return ((segments[:, :, None] == segments[:, None, :]) & causal)[:, None]
