"""Demonstrations on the disk: shards of a few hundred strokes, one compressed npz each, never pickled."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from agent.artifacts import replacing
from agent.errors import UserError
from agent.policy.features import VERBS
from agent.verbs import Verb

ARRAYS = ("start", "views", "features", "chunks", "done", "stuck", "taught", "lengths", "verbs", "kinds")


@dataclass(frozen=True, kw_only=True, eq=False)
class Demo:
    """One stroke, T looks 0.1 s apart.

    start: uint8[5,N,N], the view before it began. views: uint8[T,5,N,N]. features: float32[T,S]. chunks:
    float32[T,K,7]. done, stuck: bool[T]. taught: False where a learner drove, whose motion nobody should imitate. kind:
    how it was disturbed.
    """

    verb: Verb
    kind: str
    start: NDArray[np.uint8]
    views: NDArray[np.uint8]
    features: NDArray[np.float32]
    chunks: NDArray[np.float32]
    done: NDArray[np.bool_]
    stuck: NDArray[np.bool_]
    taught: bool = True


@dataclass(frozen=True, kw_only=True, eq=False)
class Demos:
    """Many strokes in a row. first: int64[E], where each begins; length: int64[E]; verb: int64[E], of VERBS; taught:
    bool[E]."""

    start: NDArray[np.uint8]
    views: NDArray[np.uint8]
    features: NDArray[np.float32]
    chunks: NDArray[np.float32]
    done: NDArray[np.bool_]
    stuck: NDArray[np.bool_]
    taught: NDArray[np.bool_]
    first: NDArray[np.int64]
    length: NDArray[np.int64]
    verb: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.length)


def write_demos(path: Path, demos: Sequence[Demo]) -> None:
    """A shard, whole or not at all."""
    with replacing(path) as temporary, open(temporary, "wb") as file:
        np.savez_compressed(
            file, start=np.stack([d.start for d in demos]), views=np.concatenate([d.views for d in demos]),
            features=np.concatenate([d.features for d in demos]), chunks=np.concatenate([d.chunks for d in demos]),
            done=np.concatenate([d.done for d in demos]), stuck=np.concatenate([d.stuck for d in demos]),
            taught=np.array([d.taught for d in demos]), lengths=np.array([len(d.done) for d in demos]),
            verbs=np.array([VERBS.index(d.verb) for d in demos]), kinds=np.array([d.kind for d in demos]),
        )  # fmt: skip


def read_demos(folders: Sequence[Path]) -> Demos:
    """All shards of some folders, by name.

    Raises:
        UserError: there are none, or one is damaged.
    """
    paths = [path for folder in folders for path in sorted(folder.glob("*.npz"))]
    if not paths:
        raise UserError(
            f"no demonstrations in {', '.join(map(str, folders))}; make some: python -m sim.strokes out=DIR"
        )
    parts: dict[str, list[NDArray[np.generic]]] = {name: [] for name in ARRAYS}
    for path in paths:
        try:
            with open(path, "rb") as file, np.load(file, allow_pickle=False) as shard:
                for name in ARRAYS:
                    parts[name].append(shard[name])
        except (OSError, ValueError, KeyError, EOFError, BadZipFile) as error:
            raise UserError(f"{path} is no shard of demonstrations: {error}") from error
    joined = {name: np.concatenate(arrays) for name, arrays in parts.items()}
    length = joined["lengths"].astype(np.int64)
    return Demos(
        start=joined["start"].astype(np.uint8, copy=False), views=joined["views"].astype(np.uint8, copy=False),
        features=joined["features"].astype(np.float32, copy=False),
        chunks=joined["chunks"].astype(np.float32, copy=False), done=joined["done"].astype(np.bool_, copy=False),
        stuck=joined["stuck"].astype(np.bool_, copy=False), taught=joined["taught"].astype(np.bool_, copy=False),
        first=np.cumsum(length) - length, length=length, verb=joined["verbs"].astype(np.int64),
    )  # fmt: skip
