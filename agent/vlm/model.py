"""The multimodal model: an image and a robot state stand where words could, in one token sequence (PaLM-E, section 3).

Shapes: B batch, T tokens, P prefix tokens (image and state), D decoder width, C map width, M map cells a side,
N pointer queries.

Sequence: [image tokens] [state] | instruction, history, plan | instruction, history, plan | ...
The prefix sees itself whole; a segment sees the prefix and its own past, never another segment, so that many sentences
about one picture share the cost of looking at it. In use there is one segment.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from agent.vlm.config import VLMConfig
from agent.vlm.decoder import Cache, Decoder, RMSNorm
from agent.vlm.vision import Vision


def segment_mask(segments: Tensor, prefix: int) -> Tensor:
    """Who may look at whom.

    segments: int64[B,T] of the tokens after the prefix, counted from 1, 0 = padding. Returns bool[B,1,P+T,P+T].
    A padding token looks at itself alone, so that its softmax stays finite.
    """
    b, t = segments.shape
    total = prefix + t
    ids = torch.cat([segments.new_full((b, prefix), -1), segments], dim=1)
    causal = torch.ones(total, total, dtype=torch.bool, device=segments.device).tril()
    same = ids[:, :, None] == ids[:, None, :]
    to_prefix = (ids[:, None, :] == -1) & (ids[:, :, None] != 0)
    mask = to_prefix | (same & causal & (ids[:, :, None] > 0))
    mask |= torch.eye(total, dtype=torch.bool, device=segments.device)
    return mask[:, None]


class VLM(nn.Module):
    """ViT, projector, state encoder, decoder-only LM and pointer head."""

    def __init__(self, config: VLMConfig) -> None:
        super().__init__()
        self.config = config
        d, v = config.decoder.width, config.vision
        self.vision = Vision(v)
        self.decoder = Decoder(config.decoder)
        self.project = nn.Linear(v.width, d)
        self.state = nn.Sequential(nn.Linear(config.state_width, 64), nn.GELU(approximate="tanh"), nn.Linear(64, d))
        self.prefix_norm = RMSNorm(d, config.decoder.norm_eps)
        nn.init.constant_(self.prefix_norm.weight, 0.134)  # the scale of SmolLM2's word embeddings
        self.pointer = nn.Linear(d, v.map_width)
        self.nothing = nn.Linear(d, 1)

    def prefix(self, tokens: Tensor, state: Tensor) -> Tensor:
        """Image tokens [B,G*G,W] and state [B,S] -> prefix embeddings [B,P,D]."""
        joined = torch.cat([self.project(tokens), self.state(state)[:, None]], dim=1)
        return self.prefix_norm(joined)  # type: ignore[no-any-return]

    def read(self, tokens: Tensor, state: Tensor, ids: Tensor, segments: Tensor, positions: Tensor) -> Tensor:
        """Hidden states [B,T,D] of the tokens after the prefix. positions int64[B,T] count from P."""
        prefix = self.prefix(tokens, state)
        p = prefix.shape[1]
        x = torch.cat([prefix, self.decoder.embed(ids).to(prefix.dtype)], dim=1)
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
    return -(pointer_targets(cells, map_grid) * F.log_softmax(logits.float(), dim=1)).sum(dim=1).mean()
