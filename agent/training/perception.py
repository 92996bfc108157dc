"""What the eye learns before it is asked anything: what covers each cell, where each named thing is, if it is there.

A thing is asked for by the sum of a colour vector and a kind vector, so that a pair that was never seen together still
has a query: what makes colours and kinds combine freely later.

Shapes: B pictures, C map width, M map cells a side, Q queries, W token width.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from agent.preprocess import cell_from_pixel
from agent.training.shards import Picture
from agent.training.tally import Tally
from agent.vlm.config import VisionConfig
from agent.vlm.model import pointer_losses


@dataclass(frozen=True, kw_only=True)
class Names:
    """The closed word lists of the perception labels, in index order. pairs: the (colour, kind) that are to be asked
    for where they are not; none given, all are. What is never there should not be asked for: it would be learnt."""

    colours: tuple[str, ...]
    kinds: tuple[str, ...]
    sizes: tuple[str, ...]
    pairs: tuple[tuple[str, str], ...] = ()

    @classmethod
    def from_notes(cls, notes: Mapping[str, Sequence[Any]]) -> Names:
        """What `asdict` made of one, through JSON."""
        pairs = tuple((str(colour), str(kind)) for colour, kind in notes.get("pairs", ()))
        return cls(**{k: tuple(notes[k]) for k in ("colours", "kinds", "sizes")}, pairs=pairs)


@dataclass(frozen=True, kw_only=True, eq=False)
class Targets:
    """colour, kind, size int64[B,M,M] (0 = nothing); query_* int64[Q]: asked things, their picture and whether there;
    where_at int64[P] indexes the queries that have exactly one answer, where_cell float32[P,2]; shown float32[B,G*G,N]:
    how much of each name (colours, kinds, sizes, in that order) is in each image token's patch."""

    colour: Tensor
    kind: Tensor
    size: Tensor
    query_picture: Tensor
    query_colour: Tensor
    query_kind: Tensor
    there: Tensor
    where_at: Tensor
    where_cell: Tensor
    shown: Tensor


def make_targets(
    pictures: Sequence[Picture], names: Names, c: VisionConfig, rngs: Sequence[np.random.Generator]
) -> Targets:
    """Labels of a batch. For every thing that is there, one colour-kind pair that is not is asked for too, by chance.

    rngs: of each picture its own, so that its labels do not hang on which others are packed with it.

    A colour that is none of `names`, such as "", is not asked for, and nor are the words of that picture.
    """
    colour_of = {n: i for i, n in enumerate(names.colours)}
    kind_of = {n: i for i, n in enumerate(names.kinds)}
    size_of = {n: i for i, n in enumerate(names.sizes)}
    asked = {(colour_of[colour], kind_of[kind]) for colour, kind in names.pairs}
    map_grid = c.map_grid
    planes: list[np.ndarray] = []
    shown = np.zeros((len(pictures), c.grid**2, len(colour_of) + len(kind_of) + len(size_of)), np.float32)
    queries: list[tuple[int, int, int, float]] = []
    where: list[tuple[int, tuple[float, float]]] = []
    for b, (p, rng) in enumerate(zip(pictures, rngs, strict=True)):
        tables = np.zeros((3, 256), np.int64)
        tables[:, 255] = -100  # unknown: cross entropy passes it over
        for i, o in enumerate(p.objects):
            tables[:, i + 1] = colour_of.get(o.colour, -101) + 1, kind_of[o.kind] + 1, size_of[o.size] + 1
        planes.append(tables[:, p.grid])
        if any(o.colour not in colour_of for o in p.objects):
            continue
        side = map_grid // c.grid
        patches = p.grid.reshape(c.grid, side, c.grid, side).swapaxes(1, 2).reshape(c.grid**2, side * side)
        for i, o in enumerate(p.objects):
            # The root: a block that fills a tenth of its patch must still be heard beside a plate that fills the rest.
            share = np.sqrt((patches == i + 1).mean(axis=1))
            shown[b, :, colour_of[o.colour]] += share
            shown[b, :, len(colour_of) + kind_of[o.kind]] += share
            shown[b, :, len(colour_of) + len(kind_of) + size_of[o.size]] += 0.5 * share
        pairs = [(colour_of[o.colour], kind_of[o.kind]) for o in p.objects]
        for o, pair in zip(p.objects, pairs, strict=True):
            if o.point is None:
                continue
            if pairs.count(pair) == 1:
                cell = cell_from_pixel(o.point, p.rgb.shape[0], p.rgb.shape[1], map_grid)
                where.append((len(queries), cell))
            queries.append((b, *pair, 1.0))
            # Half of the absent things share the colour or the kind of this one: the hard ones.
            other = (
                (pair[0], int(rng.integers(len(kind_of))))
                if rng.random() < 0.5
                else (int(rng.integers(len(colour_of))), pair[1])
            )
            if other not in pairs and (not asked or other in asked):
                queries.append((b, *other, 0.0))
    stacked = torch.from_numpy(np.stack(planes))
    q = np.array(queries, dtype=np.float64).reshape(-1, 4)
    column = [torch.from_numpy(q[:, i].astype(np.int64)) for i in range(3)]
    return Targets(
        colour=stacked[:, 0], kind=stacked[:, 1], size=stacked[:, 2],
        query_picture=column[0], query_colour=column[1], query_kind=column[2],
        there=torch.from_numpy(q[:, 3].astype(np.float32)),
        where_at=torch.tensor([i for i, _ in where], dtype=torch.int64),
        where_cell=torch.tensor([cell for _, cell in where], dtype=torch.float32).reshape(-1, 2),
        shown=torch.from_numpy(shown),
    )  # fmt: skip


def visual_words(prefix: Tensor, shown: Tensor, name_embeddings: Tensor) -> Tally:
    """How far the image tokens are from the words for what they show: 1 - cosine, over patches with something.

    prefix [B,G*G,D]; shown [B,G*G,N]; name_embeddings [N,D]. A language model knows how to find a word again that stood
    earlier in its context; this lets it find things in pictures the same way from the first step on.
    """
    target = shown @ name_embeddings
    something = shown.sum(-1) > 0.1
    return Tally.of(1 - F.cosine_similarity(prefix.float()[something], target[something], dim=-1))


class PerceptionHeads(nn.Module):
    """Heads for learning to see; thrown away once the language model reads the tokens."""

    def __init__(self, c: VisionConfig, names: Names) -> None:
        super().__init__()
        self.counts = (len(names.colours) + 1, len(names.kinds) + 1, len(names.sizes) + 1)
        self.cover = nn.Conv2d(c.map_width, sum(self.counts), 1)
        self.point_colour = nn.Embedding(self.counts[0] - 1, c.map_width)
        self.point_kind = nn.Embedding(self.counts[1] - 1, c.map_width)
        self.token_colour = nn.Embedding(self.counts[0] - 1, c.width)
        self.token_kind = nn.Embedding(self.counts[1] - 1, c.width)
        self.read = nn.Linear(c.width, c.width)
        self.bias = nn.Parameter(torch.tensor(-2.0))

    def forward(self, tokens: Tensor, features: Tensor, t: Targets) -> dict[str, Tally]:
        """tokens [B,G*G,W], features [B,C,M,M] -> named losses and accuracies (the latter carry no gradient)."""
        cover = self.cover(features).float().split(self.counts, dim=1)
        out: dict[str, Tally] = {}
        for name, logits, target in zip(("colour", "kind", "size"), cover, (t.colour, t.kind, t.size), strict=True):
            weight = torch.ones(logits.shape[1], device=logits.device)
            weight[0] = 0.2  # most cells are table
            weighed = (weight[target.clamp(min=0)] * (target >= 0)).sum()
            out[name] = Tally(F.cross_entropy(logits, target, weight=weight, reduction="sum"), weighed)
            out[f"{name}_right"] = Tally.of((logits.argmax(1) == target)[target > 0].float())
        query = (self.point_colour(t.query_colour) + self.point_kind(t.query_kind))[t.where_at]
        # One product a picture, whose queries stand side by side: gathering a map for each would cost ten times that.
        picture, maps = t.query_picture[t.where_at], features.float().flatten(2)
        logits = torch.cat([query[picture == b] @ maps[b] for b in range(len(maps))]) / features.shape[1] ** 0.5
        silent = logits.new_full((len(logits), 1), -1e4)
        where = pointer_losses(torch.cat([logits, silent], dim=1), t.where_cell[:, None], features.shape[-1])
        out["where"] = Tally.of(where)
        peak = logits.argmax(1)
        found = torch.stack([peak // features.shape[-1], peak % features.shape[-1]], dim=1)
        out["where_right"] = Tally.of(((found - t.where_cell).abs().amax(1) <= 1.5).float())
        asked = self.token_colour(t.query_colour) + self.token_kind(t.query_kind)
        heard = torch.einsum("qw,qtw->qt", asked, self.read(tokens).float()[t.query_picture]) / tokens.shape[-1] ** 0.5
        there = torch.logsumexp(heard, dim=1) + self.bias
        out["there"] = Tally.of(F.binary_cross_entropy_with_logits(there, t.there, reduction="none"))
        out["there_right"] = Tally.of(((there > 0) == (t.there > 0.5)).float())
        return out
