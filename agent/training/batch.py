"""Pictures and sentences -> packed tensors. Many sentences about one picture stand in one row behind its prefix.

A row is as long as the longest of its step, so what is not sentence is padding: with 2 pictures of 8 sentences 10 % of
the tokens, with 8 pictures 21 %. Sentences without pictures are shared out evenly instead (`level`).

Shapes: B pictures, T tokens after the prefix, N labelled tokens, Q points.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from agent.plan import PrimitiveResult, parse_call, parse_plan
from agent.preprocess import cell_from_pixel, image_input
from agent.stream import Stream
from agent.training.shards import Picture, Sentence
from agent.vlm.config import VLMConfig
from robots.interface import Status


@dataclass(frozen=True, kw_only=True, eq=False)
class Batch:
    """One training step's tensors.

    image float32[B,3,px,px]; state float32[B,S]; ids, segments, positions int64[B,T];
    label_at int64[N]: flat index into B*T of the token whose successor is label int64[N];
    point_at int64[Q]: flat index of the <point> tokens, point_cell float32[Q,K,2] the (row, col) in cells
    that are right there, nan where there are fewer than K; all nan: nothing in the picture is.
    part int64[B]: which of `parts`, the names of a mixture, each picture came from.
    """

    image: Tensor
    state: Tensor
    ids: Tensor
    segments: Tensor
    positions: Tensor
    label_at: Tensor
    label: Tensor
    point_at: Tensor
    point_cell: Tensor
    part: Tensor
    parts: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Encoded:
    """A sentence as tokens; points: index into `plan` with all the (row, col) px that are right there."""

    prompt: list[int]
    plan: list[int]
    points: list[tuple[int, tuple[tuple[int, int], ...]]]


def encode_sentence(stream: Stream, s: Sentence) -> Encoded:
    """Prompt and plan of a sentence as token ids."""
    history = [
        PrimitiveResult(call=parse_call(call), status=Status(status), detail="", start_s=0.0, end_s=0.0)
        for call, status in s.history
    ]
    plan, found = stream.calls(parse_plan(s.plan))
    marks = dict(s.marks)
    points: list[tuple[int, tuple[tuple[int, int], ...]]] = []
    for i, words, point in found:
        if words in marks:
            points.append((i, marks[words]))
        elif point is not None:
            points.append((i, (point,)))
    return Encoded(prompt=stream.prompt(s.instruction, history), plan=plan, points=points)


def augment(rgb: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Exposure, contrast, colour cast and noise of a cheap camera. uint8[H,W,3] -> the same."""
    gain = rng.uniform(0.85, 1.15) * rng.uniform(0.95, 1.05, size=3)
    out = (rgb.astype(np.float32) - 128.0) * rng.uniform(0.9, 1.1) + 128.0
    out = out * gain + rng.uniform(-10, 10)
    if rng.random() < 0.5:
        out += rng.uniform(0, 6) * rng.standard_normal(rgb.shape, dtype=np.float32)
    return np.clip(out, 0, 255).astype(np.uint8)


def make_batch(
    pictures: Sequence[Picture],
    stream: Stream,
    config: VLMConfig,
    part: Sequence[int] = (),
    parts: tuple[str, ...] = (),
) -> Batch:
    """Pack pictures as they are. part: of each picture.

    Positions start behind the prefix even where none is read, so that words learn at the positions they will have.
    """
    prefix, grid = config.prefix_tokens, config.vision.map_grid
    images, rows = [], []
    for p in pictures:
        images.append(image_input(p.rgb, config.vision.image_px))
        rows.append([encode_sentence(stream, s) for s in p.sentences])
    length = max([sum(len(e.prompt) + len(e.plan) for e in row) for row in rows] + [1])
    length = -(-length // 16) * 16
    ids = np.zeros((len(rows), length), np.int64)
    segments, positions = np.zeros_like(ids), np.zeros_like(ids)
    label_at: list[int] = []
    label: list[int] = []
    point_at: list[int] = []
    point_cell: list[list[tuple[float, float]]] = []
    for b, (row, p) in enumerate(zip(rows, pictures, strict=True)):
        at = 0
        for k, e in enumerate(row):
            n = len(e.prompt) + len(e.plan)
            ids[b, at : at + n] = e.prompt + e.plan
            segments[b, at : at + n] = k + 1
            positions[b, at : at + n] = prefix + np.arange(n)
            start = at + len(e.prompt)
            label_at += [b * length + start - 1 + i for i in range(len(e.plan))]
            label += e.plan
            for i, right in e.points:
                point_at.append(b * length + start + i)
                point_cell.append([cell_from_pixel(point, p.rgb.shape[0], p.rgb.shape[1], grid) for point in right])
            at += n
    most = max([len(c) for c in point_cell] + [1])
    cells = np.full((len(point_cell), most, 2), np.nan, np.float32)
    for q, right_there in enumerate(point_cell):
        cells[q, : len(right_there)] = np.array(right_there, np.float32).reshape(-1, 2)
    return Batch(
        image=torch.from_numpy(np.stack(images)),
        state=torch.from_numpy(np.stack([p.state for p in pictures])),
        ids=torch.from_numpy(ids),
        segments=torch.from_numpy(segments),
        positions=torch.from_numpy(positions),
        label_at=torch.tensor(label_at, dtype=torch.int64),
        label=torch.tensor(label, dtype=torch.int64),
        point_at=torch.tensor(point_at, dtype=torch.int64),
        point_cell=torch.from_numpy(cells),
        part=torch.tensor(part or [0] * len(pictures), dtype=torch.int64),
        parts=parts,
    )


def level(bundles: Sequence[Picture], stream: Stream) -> list[Picture]:
    """The same sentences, about nothing that is seen, in as many rows of nearly one length: the longest first, each to
    the row that is shortest yet (Graham 1969, "Bounds on multiprocessing timing anomalies")."""
    said = [(s, encode_sentence(stream, s)) for b in bundles for s in b.sentences]
    rows: list[list[Sentence]] = [[] for _ in bundles]
    filled = [0] * len(rows)
    for s, e in sorted(said, key=lambda pair: -len(pair[1].prompt) - len(pair[1].plan)):
        shortest = filled.index(min(filled))
        rows[shortest].append(s)
        filled[shortest] += len(e.prompt) + len(e.plan)
    return [replace(b, sentences=tuple(row)) for b, row in zip(bundles, rows, strict=True)]
