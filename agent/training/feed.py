"""Batches in step order, made a few steps ahead by one other thread.

Each is made from (seed, step) alone, so a run that goes on sees what an unbroken one would have seen.
"""

from __future__ import annotations

from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import torch

from agent.stream import Stream
from agent.training.batch import Batch, level, make_batch
from agent.training.config import TrainConfig
from agent.training.device import moved
from agent.training.mixture import Mixture, Texts
from agent.training.perception import Names, Targets, make_targets
from agent.vlm.config import VLMConfig

AHEAD = 3


@dataclass(frozen=True, kw_only=True, eq=False)
class Feed:
    """What makes a step's batch. mixture: None in stage "speak", whose sentences `texts` draws."""

    mixture: Mixture | None
    texts: Texts | None
    stream: Stream
    model: VLMConfig
    names: Names
    config: TrainConfig
    device: torch.device

    def batch(self, step: int) -> tuple[Batch, Targets | None]:
        """What step `step` learns from; targets of perception where pictures are seen."""
        if self.mixture is None:
            assert self.texts is not None, "stage 'speak' draws its sentences from `texts`"
            rng = np.random.default_rng([self.config.seed, step])
            bundles = level([self.texts(rng) for _ in range(self.config.pictures)], self.stream)
            return moved(make_batch(bundles, self.stream, self.model, None), self.device), None
        texts = self.texts if self.config.stage == "both" else None
        pictures, part, rng = self.mixture.draw(step, self.config, texts)
        batch = make_batch(pictures, self.stream, self.model, rng, part, self.mixture.names)
        targets = make_targets(pictures, self.names, self.model.vision, rng)
        return moved(batch, self.device), moved(targets, self.device)

    def batches(self, start: int) -> Generator[tuple[Batch, Targets | None]]:
        """Those of step `start` and all after it."""
        steps = self.config.steps
        with ThreadPoolExecutor(1) as pool:
            ahead = [pool.submit(self.batch, s) for s in range(start, min(start + AHEAD, steps))]
            for step in range(start, steps):
                ready = ahead.pop(0).result()
                if step + AHEAD < steps:
                    ahead.append(pool.submit(self.batch, step + AHEAD))
                yield ready
