"""A bundle: a folder with all that the planner needs at run time, the hashes of it, and the proof that it is right.

manifest.json           format, sizes, grammar, normalisation, sha256 of every other file, what it was trained on
manifest.sha256         of manifest.json
tokenizer.json
vision.onnx             image, state -> prefix embeddings, map
decoder.onnx            embeddings, cache -> hidden states, pointer queries, cache
embeddings.safetensors  the token table: int8 rows with their scales, or float rows
golden.safetensors      observations, and what the bundle says to them (agent.onboard.golden)
receipt.json            what export measured of it (agent.onboard.receipt)
MODEL_CARD.md
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load_file

from agent.onboard.manifest import BundleError as BundleError
from agent.onboard.manifest import Manifest, read_manifest
from agent.onboard.sessions import CPU, Engine, open_session
from agent.stream import Stream

Array = NDArray[Any]
Cache = tuple[Array, Array]


class PlannerModel(Protocol):
    """What a planner asks of a model, whatever runs it: a bundle here, torch where one is made."""

    manifest: Manifest
    stream: Stream
    table: NDArray[np.float32]

    def see(self, image: Array, state: Array) -> tuple[Array, Array]:
        """image float32[3,px,px], state float32[S] -> prefix [1,P,D], map [C,M*M]."""
        ...

    def empty_cache(self) -> Cache:
        """Keys and values [L,K,0,E]."""
        ...

    def extend(self, x: Array, cache: Cache) -> tuple[Array, Array, Cache]:
        """x float32[1,T,D] after the cache -> hidden [T,D], pointer queries [T,C], the longer cache."""
        ...

    def embed(self, ids: Sequence[int]) -> Array:
        """[1,T,D]."""
        ...


class Bundle:
    """The opened sessions of a bundle; a `PlannerModel`. engine: what runs it.

    Raises:
        BundleError: see `read_manifest`; or the engine is not to be had.
    """

    def __init__(self, folder: Path, *, engine: Engine = CPU) -> None:
        self.folder = folder
        self.manifest = read_manifest(folder)
        try:
            self.stream = Stream.from_file(folder / "tokenizer.json")
            self.table = read_table(folder / "embeddings.safetensors")
            self.vision = open_session(folder / "vision.onnx", engine)
            self.decoder = open_session(folder / "decoder.onnx", engine)
        except BundleError:
            raise
        except (SafetensorError, KeyError, ValueError, RuntimeError) as error:
            raise BundleError(f"{folder} does not open: {error}") from error
        m = self.manifest
        image, past = self.vision.get_inputs()[0].shape, self.decoder.get_inputs()[1].shape
        said = [3, m.image_px, m.image_px], [m.layers, m.kv_heads, m.head_width]
        if (image[1:], [past[0], past[1], past[3]]) != said or self.table.shape[1:] != (m.width,):
            raise BundleError(f"{folder}/manifest.json gives other sizes than the graphs have; export it again")

    def see(self, image: Array, state: Array) -> tuple[Array, Array]:
        prefix, features = self.vision.run(None, {"image": image[None], "state": state[None]})
        return prefix, features[0]

    def empty_cache(self) -> Cache:
        return empty_cache(self.manifest)

    def extend(self, x: Array, cache: Cache) -> tuple[Array, Array, Cache]:
        hidden, query, keys, values = self.decoder.run(
            None,
            {"x": x, "past_keys": cache[0], "past_values": cache[1], "prefix": np.array(self.manifest.prefix_tokens)},
        )
        return hidden[0], query[0], (keys, values)

    def embed(self, ids: Sequence[int]) -> Array:
        return self.table[np.asarray(ids, dtype=np.int64)][None]


def empty_cache(m: Manifest) -> Cache:
    """Keys and values [L,K,0,E]."""
    empty = np.zeros((m.layers, m.kv_heads, 0, m.head_width), np.float32)
    return empty, empty


def read_table(path: Path) -> NDArray[np.float32]:
    """float32[V,D]. Raises KeyError, ValueError or SafetensorError where the file is none."""
    table = load_file(str(path))
    rows: NDArray[np.float32] = table["rows"].astype(np.float32)
    return rows * table["scales"][:, None] if "scales" in table else rows
