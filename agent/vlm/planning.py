"""A checkpoint as the planner runs it: by torch, token by token, with the cache that the exported graphs have.

Shapes: P prefix tokens, T new tokens, S tokens of the cache, D decoder width, L layers, K key-value heads,
E head width.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from agent.onboard.bundle import Array, empty_cache
from agent.onboard.bundle import Cache as NumpyCache
from agent.onboard.grounded import ANY
from agent.onboard.manifest import Manifest, grammar_hash
from agent.onboard.planner import TABLETOP_VERBS, OnnxPlanner
from agent.stream import Stream
from agent.verbs import Verb
from agent.vlm.checkpoint import Checkpoint, load_checkpoint
from agent.vlm.decoder import Cache
from agent.vlm.model import VLM

TABLETOP = tuple(v.value for v in TABLETOP_VERBS)


class See(nn.Module):
    """image [1,3,px,px], state [1,S] -> prefix [1,P,D], map [1,C,M*M] as the pointer compares with it."""

    def __init__(self, model: VLM) -> None:
        super().__init__()
        self.model = model

    def forward(self, image: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        tokens, features = self.model.vision(image)
        return self.model.prefix(tokens, state), features.flatten(2) / features.shape[1] ** 0.5


class Extend(nn.Module):
    """x [1,T,D] behind keys and values [L,K,S,E] -> hidden, query, longer cache. `prefix` tokens see each other."""

    def __init__(self, model: VLM) -> None:
        super().__init__()
        self.model = model

    def forward(
        self, x: Tensor, past_keys: Tensor, past_values: Tensor, prefix: Tensor
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        seen = past_keys.shape[2]
        row = torch.arange(x.shape[1]) + seen
        column = torch.arange(seen + x.shape[1])
        mask = ((column[None] <= row[:, None]) | (column[None] < prefix))[None, None]
        past: Cache = [(past_keys[i][None], past_values[i][None]) for i in range(past_keys.shape[0])]
        hidden, cache = self.model.decoder(x, row[None], mask, past)
        keys, values = torch.cat([k for k, _ in cache]), torch.cat([v for _, v in cache])
        return hidden, self.model.query(hidden), keys, values


class TorchModel:
    """A checkpoint as a `PlannerModel`: what a bundle is held against, and what plans before there is one."""

    def __init__(self, loaded: Checkpoint, manifest: Manifest) -> None:
        model = loaded.model()
        self.manifest = manifest
        self.stream = Stream(loaded.tokenizer)
        self.table = model.decoder.embed.weight.detach().float().numpy()
        self._see, self._extend = See(model), Extend(model)

    @torch.inference_mode()
    def see(self, image: Array, state: Array) -> tuple[Array, Array]:
        prefix, features = self._see(torch.from_numpy(image)[None], torch.from_numpy(state)[None])
        return prefix.numpy(), features[0].numpy()

    def empty_cache(self) -> NumpyCache:
        return empty_cache(self.manifest)

    @torch.inference_mode()
    def extend(self, x: Array, cache: NumpyCache) -> tuple[Array, Array, NumpyCache]:
        past = [torch.from_numpy(part) for part in cache]
        hidden, query, keys, values = self._extend(
            torch.from_numpy(x), *past, torch.tensor(self.manifest.prefix_tokens)
        )
        return hidden[0].numpy(), query[0].numpy(), (keys.numpy(), values.numpy())

    def embed(self, ids: Sequence[int]) -> Array:
        return self.table[np.asarray(ids, dtype=np.int64)][None]


def manifest_of(
    loaded: Checkpoint, *, name: str, weights: str = "fp32", verbs: Sequence[str] = TABLETOP,
    robots: Sequence[str] = (), foreign: Sequence[str] = (), sha256: Mapping[str, str] | None = None,
) -> Manifest:  # fmt: skip
    """What a bundle of this checkpoint says of itself."""
    v, d = loaded.config.vision, loaded.config.decoder
    names = loaded.training.get("names", {})
    words = [word for table in ("colours", "kinds", "sizes") for word in names.get(table, ())]
    return Manifest(
        name=name, weights=weights, image_px=v.image_px, map_grid=v.map_grid, map_width=v.map_width,
        prefix_tokens=loaded.config.prefix_tokens, layers=d.layers, kv_heads=d.kv_heads, head_width=d.head_width,
        width=d.width, verbs=list(verbs), grammar=grammar_hash(Verb(w) for w in verbs), sha256=dict(sha256 or {}),
        training=loaded.training, robots=list(robots), words=[*words, "thing", ANY.strip()] if words else (),
        foreign=list(foreign),
    )  # fmt: skip


def checkpoint_planner(folder: Path, *, threads: int = 1) -> OnnxPlanner:
    """The planner of a checkpoint that is not exported.

    Raises:
        CheckpointError: the checkpoint does not load.
    """
    torch.set_num_threads(threads)
    loaded = load_checkpoint(folder)
    return OnnxPlanner(TorchModel(loaded, manifest_of(loaded, name=folder.name)))
