"""Samples a second of training nano: our loop beside `transformers`' Trainer, in one run, in turns.

    python benchmarks/training.py [data=FOLDER] [steps=8] [rounds=3] [pictures=2] [sentences=8] [threads=2]

All train the same torch module (nano's sizes, random weights, with its perception heads) by the same loss, the same
AdamW, in bfloat16, on the same examples, which every arm reads and decodes as it comes to them. A sample is a sentence
about a picture, so a step of two pictures with eight sentences each is 16 samples whoever makes it. The arms:

    ours            `agent.training.loop.train`: sentences about one picture packed behind it, batches made ahead
    Trainer packed  the Trainer, given our packed batches as its collator makes them
    Trainer         as one would use it without our packing: a row for each sentence, with its own picture before it

A step's time is from its end to the next one's; the first two steps of a round are left out. CPU seconds are of the
whole process, which other work on the machine disturbs less. Before it begins, it checks that packed and unpacked rows
have the same loss. Without data=, pictures are made first. Needs the train and bench extras, and transformers.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import torch
from tokenizers import Tokenizer
from torch import Tensor, nn
from torch.utils.data import Dataset, SequentialSampler
from transformers import Trainer, TrainerCallback, TrainingArguments

from agent.stream import Stream
from agent.training.batch import Batch, augment, make_batch
from agent.training.config import TrainConfig
from agent.training.data import open_sources, words_and_names
from agent.training.loop import train
from agent.training.losses import figures, said, total
from agent.training.mixture import Mixture, Part
from agent.training.optimizer import make_optimizer
from agent.training.perception import Names, PerceptionHeads, Targets, make_targets
from agent.training.shards import Picture
from agent.vlm.config import DecoderConfig, VLMConfig
from agent.vlm.model import VLM

TOKENIZER = Path(__file__).parents[1] / "agent/checkpoints/nano/tokenizer.json"
WARM = 2


@dataclass(frozen=True, kw_only=True)
class Task:
    """What every arm trains."""

    config: TrainConfig
    mixture: Mixture
    names: Names
    tokenizer: Tokenizer

    def model(self) -> VLM:
        torch.manual_seed(0)
        vocabulary = -(-self.tokenizer.get_vocab_size() // 64) * 64
        return VLM(VLMConfig(decoder=DecoderConfig(vocabulary=vocabulary)))

    @property
    def samples(self) -> float:
        """A step, in the mean."""
        steps = range(self.config.steps)
        return sum(len(p.sentences) for s in steps for p in self.mixture.draw(s, self.config)[0]) / len(steps)


Marks = list[tuple[float, float]]
"""(wall, CPU) seconds at the end of each step."""


def ours(task: Task) -> Marks:
    marks: Marks = []

    def mark(line: str) -> None:
        marks.append((time.perf_counter(), time.process_time()))

    with tempfile.TemporaryDirectory() as folder:
        train(task.model(), task.tokenizer, task.names, task.mixture, Path(folder), task.config, mark)
    return marks


class Whole(nn.Module):
    """Model and heads as the Trainer wants them: a batch in, a loss out."""

    def __init__(self, task: Task) -> None:
        super().__init__()
        self.model = task.model().train()
        self.heads = PerceptionHeads(self.model.config.vision, task.names)
        stream, names = Stream(task.tokenizer), task.names
        self.called = [stream.words(n) for n in (*names.colours, *names.kinds, *names.sizes)]
        self.how = task.config

    def forward(self, batch: Batch, targets: Targets) -> dict[str, Tensor]:
        found = figures(self.model, self.heads, batch, targets, self.called, self.how.stage)
        return {"loss": total(found, self.how)}  # the Trainer wants no more of it

    def train(self, mode: bool = True) -> Whole:
        """As in our loop, the eye's norms keep the means that they have."""
        super().train(mode)
        for part in self.model.vision.modules():
            if isinstance(part, nn.BatchNorm2d):
                part.eval()
        return self


class Clock(TrainerCallback):  # type: ignore[misc]  # transformers is not typed
    def __init__(self) -> None:
        self.marks: Marks = []

    def on_step_end(self, *_: Any, **__: Any) -> None:
        self.marks.append((time.perf_counter(), time.process_time()))


class InOrder(Trainer):  # type: ignore[misc]
    def _get_train_sampler(self, *_: Any) -> SequentialSampler:
        return SequentialSampler(self.train_dataset)


Drawn = tuple[list[Picture], list[np.random.Generator]]


class Steps(Dataset[Drawn]):
    """Item i: the pictures of step i, read when they are asked for."""

    def __init__(self, task: Task, *, packed: bool) -> None:
        self._task, self._packed = task, packed

    def __len__(self) -> int:
        return self._task.config.steps

    def __getitem__(self, i: int) -> Drawn:
        pictures, _, rngs = self._task.mixture.draw(i, self._task.config)
        pictures = [replace(p, rgb=augment(p.rgb, rng)) for p, rng in zip(pictures, rngs, strict=True)]
        if self._packed:
            return pictures, rngs
        return alone(pictures), [rng for p, rng in zip(pictures, rngs, strict=True) for _ in p.sentences]


def trainer(task: Task, *, packed: bool) -> Marks:
    """packed: given our rows; else a row for each sentence."""
    whole, stream = Whole(task), Stream(task.tokenizer)

    def collate(given: Sequence[Drawn]) -> dict[str, object]:
        ((pictures, rngs),) = given
        batch = make_batch(pictures, stream, whole.model.config)
        return {"batch": batch, "targets": make_targets(pictures, task.names, whole.model.config.vision, rngs)}

    clock = Clock()
    with tempfile.TemporaryDirectory() as folder:
        arguments = TrainingArguments(
            output_dir=folder, use_cpu=True, bf16=task.config.bf16, max_steps=task.config.steps,
            per_device_train_batch_size=1, max_grad_norm=task.config.clip, lr_scheduler_type="constant",
            logging_strategy="no", save_strategy="no", report_to=[], remove_unused_columns=False,
            dataloader_pin_memory=False, disable_tqdm=True,
        )  # fmt: skip
        InOrder(
            model=whole, args=arguments, train_dataset=Steps(task, packed=packed), data_collator=collate,
            callbacks=[clock], optimizers=(make_optimizer(whole.model, whole.heads, task.config), None),
        ).train()  # fmt: skip
    return clock.marks


def alone(pictures: Sequence[Picture]) -> list[Picture]:
    """A picture for each sentence."""
    return [replace(p, sentences=(s,)) for p in pictures for s in p.sentences]


def same_loss(task: Task) -> tuple[float, float]:
    """Of a step's words, packed and a row each, in float32."""
    model, stream = task.model().eval(), Stream(task.tokenizer)
    found = []
    first = task.mixture.draw(0, task.config)[0]
    for pictures in (first, alone(first)):
        batch = make_batch(pictures, stream, model.config)
        with torch.no_grad():
            tokens, features = model.vision(batch.image)
            hidden = model.read(tokens, batch.state, batch.ids, batch.segments, batch.positions)
            found.append(float(said(model, batch, features, hidden)["words"].mean))
    return found[0], found[1]


def main(words: Sequence[str]) -> None:
    given = dict(w.split("=", 1) for w in words)
    steps, rounds, threads = (int(given.get(k, d)) for k, d in (("steps", 8), ("rounds", 3), ("threads", 2)))
    config = TrainConfig(
        steps=steps, pictures=int(given.get("pictures", 2)), sentences=int(given.get("sentences", 8)), threads=threads,
        warmup=0, decay=0, log_every=1, save_every=steps, tensorboard=False,
    )  # fmt: skip
    torch.set_num_threads(threads)
    with tempfile.TemporaryDirectory() as made:
        folder = Path(given.get("data", made))
        if "data" not in given:
            from sim.pictures import main as make

            make(["kind=say", "count=60", "first_seed=0", f"out={made}", "workers=1"])
        sources = open_sources([folder], VLMConfig().vision.map_grid)
        mixture = Mixture([Part(name="data", sources=sources)])
        task = Task(
            config=config, mixture=mixture, names=words_and_names(sources)[1],
            tokenizer=Tokenizer.from_file(str(TOKENIZER)),
        )  # fmt: skip
        compare(task, rounds)


def compare(task: Task, rounds: int) -> None:
    packed, unpacked = same_loss(task)
    print(f"loss of a step's words: packed {packed:.5f}, a row each {unpacked:.5f}")
    assert abs(packed - unpacked) < 1e-3 * packed
    arms: dict[str, Callable[[], Marks]] = {
        "ours": lambda: ours(task),
        "Trainer packed": lambda: trainer(task, packed=True),
        "Trainer": lambda: trainer(task, packed=False),
    }
    times: dict[str, Marks] = {name: [] for name in arms}
    for number in range(rounds):
        for name, run in arms.items():
            marks = run()
            spent = [(b[0] - a[0], b[1] - a[1]) for a, b in pairwise(marks)][WARM - 1 :]
            times[name] += spent
            wall, cpu = (median(column) for column in zip(*spent, strict=True))
            print(f"round {number + 1}  {name:15} {wall:.3f} s, {cpu:.3f} CPU s a step", flush=True)
    print(
        "\n| | s a step | samples a second | CPU s a step | ours is faster by | in CPU s |\n|---|---|---|---|---|---|"
    )
    own = [median(column) for column in zip(*times["ours"], strict=True)]
    for name, spent in times.items():
        wall, cpu = (median(column) for column in zip(*spent, strict=True))
        rate = task.samples / wall
        print(f"| {name} | {wall:.3f} | {rate:.1f} | {cpu:.3f} | {wall / own[0]:.2f} | {cpu / own[1]:.2f} |")


if __name__ == "__main__":
    main(sys.argv[1:])
