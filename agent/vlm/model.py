"""The multimodal model: an image and a robot state stand where words could, in one token sequence (PaLM-E, section 3).

Shapes: B batch, T tokens, P prefix tokens (image and state), D decoder width, C map width, M map cells a side,
N pointer queries.

Sequence: [image tokens] [state] | instruction, history, plan | instruction, history, plan | ...
The prefix sees itself whole; a segment sees the prefix and its own past, never another segment, so that many sentences
about one picture share the cost of looking at it. In use there is one segment.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from agent.vlm.config import VLMConfig
from agent.vlm.decoder import Cache, Decoder, RMSNorm
from agent.vlm.sentences.batch import Encoder
from agent.vlm.sentences.masks import block_mask
from agent.vlm.sentences.multimodal import MultimodalLM
from agent.vlm.sentences.sentence import Kind
from agent.vlm.vision import Vision


def segment_mask(segments: Tensor, prefix: int) -> Tensor:
    """Who may look at whom.

    segments: int64[B,T] of the tokens after the prefix, counted from 1, 0 = padding. Returns bool[B,1,P+T,P+T].
    A padding token looks at itself alone, so that its softmax stays finite.
    """
    ids = F.pad(segments, (prefix, 0))
    blocks = F.pad(torch.zeros_like(segments), (prefix, 0), value=1)
    real = F.pad(segments > 0, (prefix, 0), value=True)
    return block_mask(blocks, real, ids)


class VLM(MultimodalLM):
    """nano and base: one picture and one state before the words, and a pointer head that reads off points.

    As a `MultimodalLM` it reads `sentence("<image><state>" + words, ...)`; `read` and `extend` are the same by tensors,
    for training many sentences on one picture and for export.
    """

    def __init__(self, config: VLMConfig) -> None:
        d, v = config.decoder.width, config.vision
        vision = Vision(v)  # before the decoder, for seeds to give the weights that they gave
        super().__init__(Decoder(config.decoder), {}, style="inputs")
        self.config = config
        self.vision = vision
        self.project = nn.Linear(v.width, d)
        self.state = nn.Sequential(nn.Linear(config.state_width, 64), nn.GELU(approximate="tanh"), nn.Linear(64, d))
        self.prefix_norm = RMSNorm(d, config.decoder.norm_eps)
        nn.init.constant_(self.prefix_norm.weight, 0.134)  # the scale of SmolLM2's word embeddings
        self.pointer = nn.Linear(d, v.map_width)
        self.nothing = nn.Linear(d, 1)

    def readers(self) -> Mapping[Kind, Encoder]:
        """See `MultimodalLM`; the parts are this model's own, under the names that its checkpoints have."""
        return {"image": _Picture(self), "state": _State(self)}

    def prefix(self, tokens: Tensor, state: Tensor) -> Tensor:
        """Image tokens [B,G*G,W] and state [B,S] -> prefix embeddings [B,P,D]."""
        joined = torch.cat([self.project(tokens), self.state(state)[:, None]], dim=1)
        return self.prefix_norm(joined)  # type: ignore[no-any-return]

    def read(self, tokens: Tensor, state: Tensor, ids: Tensor, segments: Tensor, positions: Tensor) -> Tensor:
        """Hidden states [B,T,D] of the tokens after the prefix. positions int64[B,T] count from P."""
        prefix = self.prefix(tokens, state)
        p = prefix.shape[1]
        x = torch.cat([prefix, self.decoder.words(ids).to(prefix.dtype)], dim=1)
        start = torch.arange(p, device=ids.device).expand(ids.shape[0], p)
        hidden, _ = self.decoder(x, torch.cat([start, positions], dim=1), segment_mask(segments, p))
        return hidden[:, p:]  # type: ignore[no-any-return]

    def extend(self, x: Tensor, past: Cache | None, prefix_tokens: int) -> tuple[Tensor, Cache]:
        """Cached decoding: x [B,T,D] follows the cache. The first `prefix_tokens` of the sequence see each other."""
        b, t, _ = x.shape
        seen = 0 if past is None else past[0][0].shape[2]
        row = torch.arange(seen, seen + t, device=x.device)
        column = torch.arange(seen + t, device=x.device)
        mask = (column[None] <= row[:, None]) | (column[None] < prefix_tokens)
        hidden, cache = self.decoder(x, row.expand(b, t), mask[None, None].expand(b, 1, t, seen + t), past)
        return hidden, cache

    def query(self, hidden: Tensor) -> Tensor:
        """hidden [...,D] -> [...,C+1]: what to look for in the map, and how sure one must be to have found it."""
        return torch.cat([self.pointer(hidden), self.nothing(hidden)], dim=-1)

    def point(self, query: Tensor, features: Tensor) -> Tensor:
        """Pointer logits: query [N,C+1] in one map [C,M,M] -> [N,M*M+1]; the last says "nothing like that here"."""
        scores = query[:, :-1] @ features.flatten(1) / features.shape[0] ** 0.5
        return torch.cat([scores, query[:, -1:]], dim=1)


class _Picture:
    """A VLM's eye as an `Encoder`: the norm of its prefix is the same for every token."""

    def __init__(self, model: VLM) -> None:
        self.model = model

    def tokens(self, shape: tuple[int, ...]) -> int:
        v = self.model.config.vision
        if shape != (3, v.image_px, v.image_px):
            raise ValueError(f"a picture has shape {list(shape)}, this model takes {[3, v.image_px, v.image_px]}")
        return v.grid**2

    def __call__(self, items: Tensor) -> Tensor:
        tokens, _ = self.model.vision(items)
        return self.model.prefix_norm(self.model.project(tokens))  # type: ignore[no-any-return]


class _State:
    """A VLM's state encoder as an `Encoder`."""

    def __init__(self, model: VLM) -> None:
        self.model = model

    def tokens(self, shape: tuple[int, ...]) -> int:
        if shape != (self.model.config.state_width,):
            raise ValueError(f"a state has shape {list(shape)}, this model takes [{self.model.config.state_width}]")
        return 1

    def __call__(self, items: Tensor) -> Tensor:
        return self.model.prefix_norm(self.model.state(items))[:, None]  # type: ignore[no-any-return]


def pointer_targets(cells: Tensor, map_grid: int, sigma_cells: float = 0.7) -> Tensor:
    """The distribution that a pointer should have: a Gaussian round each right cell, or all on "nothing".

    cells float32[N,K,2], cell centres at integers, nan = none -> float32[N,M*M+1].
    """
    axis = torch.arange(map_grid, dtype=torch.float32, device=cells.device)
    row = torch.exp(-((axis - cells[..., :1]) ** 2) / (2 * sigma_cells**2))
    column = torch.exp(-((axis - cells[..., 1:]) ** 2) / (2 * sigma_cells**2))
    weight = torch.nan_to_num((row[..., :, None] * column[..., None, :]).flatten(2), nan=0.0)
    weight = weight / weight.sum(dim=2, keepdim=True).clamp_min(1e-9)
    nothing = torch.isnan(cells[:, :, 0]).all(dim=1, keepdim=True).float()
    weight = torch.cat([weight.sum(dim=1), nothing], dim=1)
    return weight / weight.sum(dim=1, keepdim=True)


def pointer_loss(logits: Tensor, cells: Tensor, map_grid: int) -> Tensor:
    """Cross entropy: logits [N,M*M+1] against `pointer_targets` of cells float32[N,K,2]."""
    return pointer_losses(logits, cells, map_grid).mean()


def pointer_losses(logits: Tensor, cells: Tensor, map_grid: int) -> Tensor:
    """`pointer_loss` of each pointer alone, [N]."""
    return -(pointer_targets(cells, map_grid) * F.log_softmax(logits.float(), dim=1)).sum(dim=1)
