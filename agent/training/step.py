"""One step forwards as a module: a batch in, what is brought down and what is reported out.

Being one module is what lets torch share it out over processes (agent/training/parallel/spread.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from agent.errors import UserError
from agent.training.batch import Batch
from agent.training.config import TrainConfig
from agent.training.distill import Lesson, Teacher
from agent.training.losses import figures, total, weights
from agent.training.parallel.world import World
from agent.training.perception import PerceptionHeads, Targets
from agent.vlm.model import VLM


class Step(nn.Module):
    """names: of the figures, in their order, once a step has been made."""

    def __init__(
        self,
        model: VLM,
        heads: PerceptionHeads,
        called: Sequence[Sequence[int]],
        config: TrainConfig,
        *,
        world: World | None = None,
        teacher: Teacher | None = None,
    ) -> None:
        super().__init__()
        self.model = model
        self.heads = heads
        self.called = called
        self.config = config
        self.world = world or World()
        self.teacher = teacher  # no module of this one: it does not learn
        self.names: tuple[str, ...] = ()

    def forward(
        self, batch: Batch, targets: Targets | None, lesson: Lesson | None = None
    ) -> tuple[Tensor, Tensor]:  # fmt: skip
        """The loss of this process's rows, and float32[2,F]: each figure's total and count over all processes.

        The processes' gradients are averaged, so their losses are times their number.
        """
        told = None
        if self.teacher is not None and lesson is not None:
            told = self.teacher.tell(lesson, seen=self.config.stage == "both")
        found = figures(self.model, self.heads, batch, targets, self.called, self.config.stage, told)
        self.names = tuple(found)
        halves = torch.stack([torch.stack([t.total.detach().float(), t.count.float()]) for t in found.values()], dim=1)
        halves = self.world.added(halves)
        counts = dict(zip(found, halves[1], strict=True))
        return self.world.shares * total(found, self.config, counts), halves

    def read(self, halves: Tensor, norm: Tensor) -> Reading:
        """What a step came to, on the processor: the only wait for a GPU."""
        numbers = torch.cat([halves.flatten(), norm.detach().float()[None]]).tolist()
        totals, counts = numbers[: len(self.names)], numbers[len(self.names) : -1]
        means = {name: t / c for name, t, c in zip(self.names, totals, counts, strict=True) if c}
        weight = {k: w for k, w in weights(means, self.config).items() if k in means}
        if not weight:
            raise UserError(
                f"stage={self.config.stage} finds nothing to learn in a step's pictures: recorded episodes say what to "
                "do, pictures of sim.pictures also what is where (docs/training.md)"
            )
        loss = sum(w * means[k] for k, w in weight.items())
        words = int(counts[self.names.index("words")]) if "words" in self.names else 0
        return Reading(loss=loss, norm=numbers[-1], means=means, words=words)


@dataclass(frozen=True, kw_only=True)
class Reading:
    """Of a step, over all processes: its loss, its gradient's norm before clipping, the mean of each figure of which
    there was something, and how many tokens had labels."""

    loss: float
    norm: float
    means: dict[str, float]
    words: int
