"""What a run learns from: sources with weights, which may change with the step.

    parts = {"say": {"data": "data/say", "weight": 3}, "act": {"data": "data/act", "weight": [[0, 0.2], [4000, 2]]}}

gives at step 0 fifteen pictures of `say` for one of `act`, at step 4000 and later three for two, and in between what
lies on a straight line: a curriculum.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np

from agent.errors import UserError
from agent.training.config import TrainConfig
from agent.training.data import Source, open_sources
from agent.training.mirror import mirrored
from agent.training.shards import Picture, Shard

Texts = Callable[[np.random.Generator], Picture]
"""Draws a bundle of sentences about nothing that is seen."""
Knots = tuple[tuple[int, float], ...]
"""(step, weight), steps rising; straight lines between them, level before the first and behind the last."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Part:
    """A source by name. sources: those that it is joined of, all of whose pictures are alike likely."""

    name: str
    sources: Sequence[Source]
    weight: Knots = ((0, 1.0),)

    def __len__(self) -> int:
        return sum(map(len, self.sources))

    def weight_at(self, step: int) -> float:
        steps, weights = zip(*self.weight, strict=True)
        return float(np.interp(step, steps, weights))

    def notes(self) -> dict[str, Any]:
        """What must be the same for a run to go on: which pictures there are, and their weight; not where they lie."""
        seeds = [s for source in self.sources if isinstance(source, Shard) for s in source.seeds]
        crc = crc32(np.array(seeds, np.int64).tobytes())
        return {"pictures": len(self), "seeds_crc32": crc, "weight": [list(k) for k in self.weight]}


class Mixture:
    """Parts, and the draw of each step from a generator of (seed, step): the same however often a run was cut off."""

    def __init__(self, parts: Sequence[Part]) -> None:
        self.parts = tuple(parts)
        self._ends = [np.cumsum([len(s) for s in p.sources]) for p in self.parts]
        for step in sorted({s for p in self.parts for s, _ in p.weight}):
            if not sum(p.weight_at(step) for p in self.parts) > 0:
                raise UserError(f"mixture: at step {step} every weight is 0; give one part a weight there")

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(p.name for p in self.parts)

    @property
    def sources(self) -> list[Source]:
        """All sources of all parts."""
        return [s for p in self.parts for s in p.sources]

    def notes(self) -> dict[str, Any]:
        """By option, what a run that goes on must find as it was; see `Part.notes`."""
        if len(self.parts) == 1:
            return {"data": self.parts[0].notes()}
        return {f"mixture.parts.{p.name}": p.notes() for p in self.parts}

    def draw(
        self, step: int, config: TrainConfig, texts: Texts | None = None, rows: Sequence[int] | None = None
    ) -> tuple[list[Picture], list[int], list[np.random.Generator]]:
        """A step's pictures, each with at most `sentences` of its sentences; which part each is of; the generator of
        each for whatever else is left to chance in it.

        rows: those of the step's pictures that are wanted, for runs in several processes; None = all. They are the
        same whoever asks for them, with whichever others.
        """
        rng = np.random.default_rng([config.seed, step])
        of = [0] * config.pictures
        if len(self.parts) > 1:
            weights = np.array([p.weight_at(step) for p in self.parts])
            of = rng.choice(len(self.parts), config.pictures, p=weights / weights.sum()).tolist()
        indices = rng.integers(np.array([len(self.parts[i]) for i in of]))
        rows = range(config.pictures) if rows is None else rows
        rngs = row_generators(config.seed, step, rows)
        pictures = []
        for row, own in zip(rows, rngs, strict=True):
            i, index = of[row], indices[row]
            at = int(np.searchsorted(self._ends[i], index, side="right"))
            picture = self.parts[i].sources[at][int(index) - (0 if at == 0 else int(self._ends[i][at - 1]))]
            pictures.append(_varied(picture, config, texts, own))
        return pictures, [of[row] for row in rows], rngs


def row_generators(seed: int, step: int, rows: Sequence[int]) -> list[np.random.Generator]:
    """What is left to chance in each of a step's pictures comes from a generator of its own."""
    return [np.random.default_rng([seed, step, 1 + row]) for row in rows]


def _varied(p: Picture, config: TrainConfig, texts: Texts | None, rng: np.random.Generator) -> Picture:
    """Mirrored or not, with fresh sentences, and of all of them as many as are wanted."""
    if rng.random() < config.mirrored:
        p = mirrored(p)
    if texts is not None and config.fresh:
        said = texts(rng).sentences[: config.fresh]
        p = replace(p, sentences=(*p.sentences, *(replace(s, marks=()) for s in said)))
    if len(p.sentences) > config.sentences:
        keep = sorted(rng.choice(len(p.sentences), config.sentences, replace=False))
        p = replace(p, sentences=tuple(p.sentences[i] for i in keep))
    return p


def open_mixture(parts: Mapping[str, Any], map_grid: int) -> Mixture:
    """As conf/mixture/ has it: name -> data (a folder, or several with commas between) and weight.

    Raises:
        UserError: a part without data, or a weight that is none.
        ShardError: see `open_sources`.
    """
    opened = []
    for name, given in parts.items():
        if not isinstance(given, Mapping) or not given.get("data") or given.keys() - {"data", "weight"}:
            raise UserError(f"mixture.parts.{name}={given}: a part is {{data: FOLDER, weight: 1.0}}")
        folders = [Path(f) for f in str(given["data"]).split(",")]
        weight = knots(given.get("weight", 1.0), f"mixture.parts.{name}.weight")
        opened.append(Part(name=str(name), sources=open_sources(folders, map_grid), weight=weight))
    return Mixture(opened)


def knots(given: Any, option: str) -> Knots:
    """A weight, or [[step, weight], ...].

    Raises:
        UserError: it is neither, steps do not rise, or a weight is below 0.
    """
    pairs = [[0, given]] if isinstance(given, int | float) else given
    try:
        found = tuple((int(step), float(weight)) for step, weight in pairs)
    except (TypeError, ValueError):
        found = ()
    rising = all(a[0] < b[0] for a, b in pairwise(found))
    if not found or not rising or not all(0 <= w < float("inf") for _, w in found):
        raise UserError(f"{option}={given} is no weight: 0 or more, or [[step, weight], ...] with steps that rise")
    return found
