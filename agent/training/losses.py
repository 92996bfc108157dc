"""What a step is judged by. Only what the agent says is learnt: the prompt has no labels.

Shapes: B pictures, T tokens after the prefix, D decoder width, C map width, M map cells a side.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from agent.training.batch import Batch
from agent.training.config import TrainConfig
from agent.training.perception import PerceptionHeads, Targets, visual_words
from agent.training.tally import Tally
from agent.training.taught import Told, taught_points, taught_words
from agent.vlm.model import VLM, pointer_losses

Figures = dict[str, Tally]
"""Losses by name, and how often what is said or seen is right (`..._right`), which carry no gradient.

Which names there are hangs on the stage and on the mixture, never on a step's pictures: where these show nothing of a
kind, it is 0 of 0."""


def figures(
    model: VLM,
    heads: PerceptionHeads,
    batch: Batch,
    targets: Targets | None,
    called: Sequence[Sequence[int]],
    stage: str,
    told: Told | None = None,
) -> Figures:
    """One forward pass. called: for each name of perception its token ids. targets: None in stage "speak". told: by a
    teacher."""
    if stage == "speak":
        return said(model, batch, None, heard(model, batch), told)
    assert targets is not None, "whoever sees has targets"
    tokens, features = model.vision(batch.image)
    if stage == "see":
        return heads(tokens, features, targets)  # type: ignore[no-any-return]
    hidden = model.read(tokens, batch.state, batch.ids, batch.segments, batch.positions)
    table = model.decoder.embed.weight.detach()
    words = torch.stack([table[list(ids)].mean(0) for ids in called])
    image = model.prefix(tokens, batch.state)[:, :-1]
    named = visual_words(image, targets.shown, words)
    return {**said(model, batch, features, hidden, told), **heads(tokens, features, targets), "named": named}


def heard(model: VLM, batch: Batch) -> Tensor:
    """Hidden states [B,T,D] of sentences about nothing that is seen."""
    hidden, _ = model.decoder(model.decoder.embed(batch.ids), batch.positions, _text_mask(batch.segments))
    return hidden  # type: ignore[no-any-return]


def said(
    model: VLM, batch: Batch, features: Tensor | None, hidden: Tensor, told: Told | None = None
) -> Figures:  # fmt: skip
    """Word and point losses, and how often they are right. hidden [B,T,D], features [B,C,M,M] or None: nothing seen."""
    logits = word_logits(model, batch, hidden)
    each = F.cross_entropy(logits, batch.label, reduction="none")
    out = {"words": Tally.of(each), "words_right": Tally.of(logits.argmax(1) == batch.label)}
    out |= _by_part("words", each, batch.part[batch.label_at // hidden.shape[1]], batch)
    out |= taught_words(each, logits, told) if told is not None else {}
    if features is None:
        return out
    grid = model.config.vision.map_grid
    scores = point_scores(model, batch, features, hidden)
    each = pointer_losses(scores, batch.point_cell, grid)
    out["points"] = Tally.of(each)
    out |= _by_part("points", each, batch.part[batch.point_at // hidden.shape[1]], batch)
    out |= taught_points(each, scores, told) if told is not None else {}
    here = ~torch.isnan(batch.point_cell[:, 0, 0])
    said_nothing = scores.argmax(1) == grid * grid
    peak = scores[:, :-1].argmax(1)
    found = torch.stack([peak // grid, peak % grid], dim=1)[:, None]
    near = ((found - torch.nan_to_num(batch.point_cell, nan=-99.0)).abs().amax(2) <= 1.5).any(1)
    out["points_right"] = Tally.of((near & ~said_nothing)[here])
    out["nothing_right"] = Tally.of(said_nothing[~here])
    return out


def word_logits(model: VLM, batch: Batch, hidden: Tensor) -> Tensor:
    """float32[N,V] of the tokens that are said; only there is a head of many words computed."""
    return model.decoder.logits(hidden.flatten(0, 1)[batch.label_at]).float()


def point_scores(model: VLM, batch: Batch, features: Tensor, hidden: Tensor) -> Tensor:
    """Pointer logits float32[Q,M*M+1], in the order of `batch.point_at`, which goes through the pictures in turn."""
    picture = batch.point_at // hidden.shape[1]
    query = model.query(hidden.flatten(0, 1)[batch.point_at])
    # One product a picture: gathering a map for every point would cost more than the decoder's attention.
    return torch.cat([model.point(query[picture == b], features[b]) for b in range(features.shape[0])]).float()


def total(figures: Figures, config: TrainConfig, counts: Mapping[str, Tensor] | None = None) -> Tensor:
    """What is brought down: the losses by their weights.

    counts: of each figure in all processes together; this is then one process's part of the whole loss. Of what there
    is nothing in a step, the gradient is 0.
    """
    counts = {k: v.count for k, v in figures.items()} if counts is None else counts
    parts = [
        weight * figures[name].total / torch.where(counts[name] > 0, counts[name], 1.0)
        for name, weight in weights(figures, config).items()
    ]
    return torch.stack(parts).sum()


def weights(figures: Iterable[str], config: TrainConfig) -> dict[str, float]:
    """Of each loss in the total. What a teacher tells is learnt in place of the right answers."""
    seeing = config.see_weight if config.stage == "both" else 1.0
    of = {"words": 1.0, "points": config.point_weight, "named": config.word_weight}
    of |= dict.fromkeys(("colour", "kind", "size", "where", "there"), seeing)
    of = {f"{name}_taught" if f"{name}_taught" in figures else name: weight for name, weight in of.items()}
    return {name: weight for name, weight in of.items() if name in figures}


def _by_part(name: str, each: Tensor, part: Tensor, batch: Batch) -> Figures:
    """`name@part`: the mean of a loss over what came from each part of a mixture; nothing where there is one part."""
    if len(batch.parts) < 2:
        return {}
    return {f"{name}@{p}": Tally.of(each.detach()[part == i]) for i, p in enumerate(batch.parts)}


def _text_mask(segments: Tensor) -> Tensor:
    t = segments.shape[1]
    causal = torch.ones(t, t, dtype=torch.bool, device=segments.device).tril()
    return ((segments[:, :, None] == segments[:, None, :]) & causal)[:, None]
