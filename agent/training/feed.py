"""Batches in step order, made a few steps ahead by one other thread.

Each is made from (seed, step) alone, so a run that goes on sees what an unbroken one would have seen.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import torch

from agent.stream import Stream
from agent.training.batch import Batch, augment, level, make_batch
from agent.training.config import TrainConfig
from agent.training.device import moved
from agent.training.distill import Lesson, Teacher, moved_lesson
from agent.training.mixture import Mixture, Texts, row_generators
from agent.training.perception import Names, Targets, make_targets
from agent.training.shards import Picture
from agent.vlm.config import VLMConfig

AHEAD = 3
Fed = tuple[Batch, Targets | None, Lesson | None]


@dataclass(frozen=True, kw_only=True, eq=False)
class Feed:
    """What makes a step's batch. mixture: None in stage "speak", whose sentences `texts` draws. rows: which of a step's
    pictures are this process's. teacher: who reads them, too."""

    mixture: Mixture | None
    texts: Texts | None
    stream: Stream
    model: VLMConfig
    names: Names
    config: TrainConfig
    device: torch.device
    rows: Sequence[int]
    teacher: Teacher | None = None

    def batch(self, step: int) -> Fed:
        """What step `step` learns from; targets of perception where pictures are seen."""
        if self.mixture is None:
            assert self.texts is not None, "stage 'speak' draws its sentences from `texts`"
            drawn = [self.texts(rng) for rng in row_generators(self.config.seed, step, self.rows)]
            pictures = level(drawn, self.stream)
            return self._there(make_batch(pictures, self.stream, self.model), None, pictures)
        texts = self.texts if self.config.stage == "both" else None
        pictures, part, rngs = self.mixture.draw(step, self.config, texts, self.rows)
        pictures = [replace(p, rgb=augment(p.rgb, rng)) for p, rng in zip(pictures, rngs, strict=True)]
        batch = make_batch(pictures, self.stream, self.model, part, self.mixture.names)
        return self._there(batch, make_targets(pictures, self.names, self.model.vision, rngs), pictures)

    def _there(self, batch: Batch, targets: Targets | None, pictures: Sequence[Picture]) -> Fed:
        lesson = None if self.teacher is None else moved_lesson(self.teacher.lesson(pictures), self.device)
        return moved(batch, self.device), None if targets is None else moved(targets, self.device), lesson

    def batches(self, start: int) -> Generator[Fed]:
        """Those of step `start` and all after it."""
        steps = self.config.steps
        with ThreadPoolExecutor(1) as pool:
            ahead = [pool.submit(self.batch, s) for s in range(start, min(start + AHEAD, steps))]
            for step in range(start, steps):
                ready = ahead.pop(0).result()
                if step + AHEAD < steps:
                    ahead.append(pool.submit(self.batch, step + AHEAD))
                yield ready
