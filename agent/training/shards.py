"""Training pictures on disk: a folder of shards, each one file, each written whole or not at all.

A shard is one safetensors file:
    jpeg uint8[bytes], jpeg_end int64[N]: the pictures one after another
    grid uint8[N,M,M]: which object covers each cell of the map; 0 = none, i = objects[i-1]
    state float32[N,S]: robot-state vectors (agent.preprocess.state_input)
    notes uint8[bytes], notes_end int64[N]: one JSON object a picture (see Note)
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from agent.plan import Marks

JPEG_QUALITY = 92


@dataclass(frozen=True, kw_only=True)
class Sentence:
    """One instruction about a picture: what was done already, and the plan that remains, in the plan language.

    marks: for words in the plan that fit not just one thing, all the points they fit: none, or several.
    """

    family: str
    instruction: str
    history: tuple[tuple[str, str], ...]  # (call as text, status value)
    plan: str
    marks: Marks = ()


@dataclass(frozen=True, kw_only=True)
class SeenObject:
    """An object in the picture. point: (row, col) px of the point that stands for it, or None where it is hidden."""

    colour: str
    kind: str
    size: str
    point: tuple[int, int] | None


@dataclass(frozen=True, kw_only=True, eq=False)
class Picture:
    """One training picture with all that is known of it. rgb uint8[H,W,3], grid uint8[M,M], state float32[S]."""

    seed: int
    rgb: NDArray[np.uint8]
    grid: NDArray[np.uint8]
    state: NDArray[np.float32]
    objects: tuple[SeenObject, ...]
    sentences: tuple[Sentence, ...]


class ShardError(ValueError):
    """A shard that cannot be read; names the file."""


def write_shard(path: Path, pictures: Sequence[Picture]) -> None:
    """Write all pictures to `path`, through a temporary name that is synced and renamed."""
    jpegs = [_encode(p.rgb) for p in pictures]
    notes = [_note(p) for p in pictures]
    tensors: dict[str, np.ndarray[Any, Any]] = {
        "jpeg": np.concatenate(jpegs),
        "jpeg_end": np.cumsum([len(j) for j in jpegs], dtype=np.int64),
        "grid": np.stack([p.grid for p in pictures]),
        "state": np.stack([p.state for p in pictures]).astype(np.float32),
        "notes": np.frombuffer(b"".join(notes), dtype=np.uint8),
        "notes_end": np.cumsum([len(n) for n in notes], dtype=np.int64),
    }
    temporary = path.with_name(path.name + ".part")
    save_file(tensors, str(temporary))
    with open(temporary, "rb") as f:
        os.fsync(f.fileno())
    temporary.replace(path)


def _encode(rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
    done, data = cv2.imencode(".jpg", rgb[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    if not done:
        raise ValueError(f"could not encode a picture of shape {rgb.shape}")
    return np.asarray(data, dtype=np.uint8).reshape(-1)


def _note(p: Picture) -> bytes:
    data = {
        "seed": p.seed,
        "objects": [[o.colour, o.kind, o.size, o.point] for o in p.objects],
        "sentences": [[s.family, s.instruction, s.history, s.plan, s.marks] for s in p.sentences],
    }
    return json.dumps(data, separators=(",", ":")).encode()


class Shard:
    """A shard opened for reading by index; the pictures stay encoded until asked for."""

    def __init__(self, path: Path) -> None:
        try:
            with safe_open(str(path), framework="numpy") as f:
                self._t: dict[str, Any] = {k: f.get_tensor(k) for k in f.keys()}  # noqa: SIM118 - not a dict
            self._jpeg_start = np.concatenate([[0], self._t["jpeg_end"]])
            self._note_start = np.concatenate([[0], self._t["notes_end"]])
        except (SafetensorError, KeyError, OSError) as error:
            raise ShardError(f"{path} is not a whole shard ({error}); delete it and collect again") from error
        self.path = path

    def __len__(self) -> int:
        return len(self._t["jpeg_end"])

    @cached_property
    def seeds(self) -> list[int]:
        """Of all pictures."""
        return [self._note(i)["seed"] for i in range(len(self))]

    def _note(self, i: int) -> dict[str, Any]:
        note: dict[str, Any] = json.loads(self._t["notes"][self._note_start[i] : self._note_start[i + 1]].tobytes())
        return note

    def notes(self, i: int) -> Picture:
        """Picture i without its pixels."""
        return self._picture(i, np.zeros((0, 0, 3), np.uint8))

    def __getitem__(self, i: int) -> Picture:
        data = self._t["jpeg"][self._jpeg_start[i] : self._jpeg_start[i + 1]]
        bgr = cv2.imdecode(data, cv2.IMREAD_COLOR)
        if bgr is None:
            raise ShardError(f"{self.path}: picture {i} does not decode")
        return self._picture(i, np.ascontiguousarray(bgr[..., ::-1]).astype(np.uint8, copy=False))

    def _picture(self, i: int, rgb: NDArray[np.uint8]) -> Picture:
        note = self._note(i)
        return Picture(
            seed=note["seed"],
            rgb=rgb,
            grid=self._t["grid"][i],
            state=self._t["state"][i],
            objects=tuple(
                SeenObject(colour=c, kind=k, size=s, point=None if p is None else (p[0], p[1]))
                for c, k, s, p in note["objects"]
            ),
            sentences=tuple(
                Sentence(
                    family=f,
                    instruction=i,
                    history=tuple((c, s) for c, s in h),
                    plan=p,
                    marks=tuple((w, tuple((row, col) for row, col in at)) for w, at in m),
                )
                for f, i, h, p, m in note["sentences"]
            ),
        )


def list_shards(folder: Path) -> list[Path]:
    """All whole shards of a folder in name order.

    Raises:
        ShardError: where there is none.
    """
    paths = sorted(folder.glob("*.safetensors"))
    if not paths:
        raise ShardError(f"{folder} holds no shards (*.safetensors); make some with: python launch.py collect")
    return paths
