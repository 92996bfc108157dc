"""One training loop for the three stages: see (perception alone), speak (sentences alone), both.

All chance of a step, of its data and of its dropout, comes from (seed, step), so that a run that was cut off goes on as
the unbroken one would have.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tokenizers import Tokenizer
from torch import nn

from agent.stream import Stream
from agent.training.config import TrainConfig as TrainConfig
from agent.training.config import learning_rate as learning_rate
from agent.training.data import Source
from agent.training.device import chosen_device
from agent.training.distill import Teacher
from agent.training.feed import Feed
from agent.training.journal import Journal
from agent.training.mixture import Mixture, Part, Texts
from agent.training.optimizer import set_rate
from agent.training.parallel.spread import spread
from agent.training.parallel.world import World
from agent.training.perception import Names, PerceptionHeads
from agent.training.recompute import recompute_blocks
from agent.training.rounds import Rounds, best_round, success
from agent.training.run import Run
from agent.training.step import Step
from agent.vlm.adapt.adapt import Adapted
from agent.vlm.checkpoint import load_weights
from agent.vlm.files import load_tensors
from agent.vlm.model import VLM

INERTIA = 0.98
"""Of the running means of the figures."""


def train(
    model: VLM,
    tokenizer: Tokenizer,
    names: Names,
    sources: Sequence[Source] | Mixture,
    out: Path,
    config: TrainConfig,
    report: Callable[[str], None],
    texts: Texts | None = None,
    heads_from: Path | None = None,
    adapted: Adapted | None = None,
    rounds: Rounds | None = None,
    same: dict[str, Any] | None = None,
    teacher: Teacher | None = None,
    world: World = World(),  # noqa: B008 - frozen
) -> dict[str, float]:
    """Train, saving into `out` as it goes; goes on from what `out` already holds. Returns the last figures,
    and where rounds were played `success`, the best.

    texts: draws the sentences of stage "speak", and the fresh ones of "both". heads_from: a checkpoint whose perception
    heads a new run starts with. adapted: how `model` learns, if not in full, with what `out` holds of it. rounds: when
    to play, and when to end for it. same: what else must be as it was, as JSON, for a run to be gone on with. teacher:
    whose distributions are learnt. world: the processes that share the run, each of which calls this.

    Raises:
        CheckpointError: `out` holds a run with another configuration.
        FloatingPointError: the loss or its gradient is no longer a number.
        PalmettoError: the disk is full.
    """
    device = chosen_device(config.device, bf16=config.bf16, several=world.size > 1)
    torch.set_num_threads(config.threads)
    torch.manual_seed(config.seed)
    heads = PerceptionHeads(model.config.vision, names)
    if heads_from is not None:
        load_weights(heads, load_tensors(heads_from / "heads.safetensors"), "heads.safetensors")
    mixture = None if config.stage == "speak" else _mixed(sources)
    run = Run(
        out=out, model=model, heads=heads, tokenizer=tokenizer, names=names, config=config, adapted=adapted,
        data={**(same or {}), **(mixture.notes() if mixture else {})}, world=world,
    )  # fmt: skip
    progress = run.begin()
    stream = Stream(tokenizer)
    called = [stream.words(n) for n in (*names.colours, *names.kinds, *names.sizes)]
    teacher = teacher.to(device) if teacher is not None else None
    step_of = Step(model, heads, called, config, world=world, teacher=teacher).to(device)
    if config.checkpointing:
        recompute_blocks(model)
    if config.compile:
        model.decoder.compile(dynamic=True)
    make = spread(step_of, world)
    run.optimise(progress)
    feed = Feed(
        mixture=mixture, texts=texts, stream=stream, model=model.config, names=names, config=config, device=device,
        rows=world.rows(config.pictures), teacher=teacher,
    )  # fmt: skip
    report = report if world.first else _say_nothing
    journal = Journal(
        out if world.first else None, report, start=progress.step, steps=config.steps, tensorboard=config.tensorboard
    )
    with journal, closing(feed.batches(progress.step)) as batches:
        _begin_learning(model, adapted, config)
        for step in range(progress.step, config.steps):
            if rounds is not None and rounds.over(progress.rounds):
                report(f"step {step}: {rounds.patience} rounds brought nothing better; the best is in {out / 'best'}")
                break
            fed = next(batches)
            torch.manual_seed(step_seed(config.seed, step, world))
            set_rate(run.optimizer, learning_rate(config, step))
            with torch.autocast(device.type, dtype=torch.bfloat16, enabled=config.bf16):
                loss, halves = make(*fed)
            loss.backward()
            run.leaves.take_gradients()
            found = step_of.read(halves, run.leaves.clip(config.clip))
            if not math.isfinite(found.loss) or not math.isfinite(found.norm):
                raise FloatingPointError(_no_number(step, found.loss, out, config))
            run.optimizer.step()
            run.leaves.forget_gradients()
            if run.ema is not None:
                run.ema.update(step)
            progress.step = step + 1
            progress.seen += found.words if config.stage == "speak" else config.pictures
            for name, value in found.means.items():
                progress.means[name] = INERTIA * progress.means.get(name, value) + (1 - INERTIA) * value
            if progress.step % config.log_every == 0:
                journal.note(progress.step, loss=found.loss, lr=learning_rate(config, step), means=progress.means)
            played = rounds is not None and rounds.due(progress.step)
            if rounds is not None and played:
                journal.round(rounds.hold(run, progress))
                _begin_learning(model, adapted, config)
            if played or progress.step % config.save_every == 0 or progress.step == config.steps:
                run.save(progress)
    best = {} if not progress.rounds else {"success": success(best_round(progress.rounds))}
    return {**progress.means, **best}


def step_seed(seed: int, step: int, world: World) -> int:
    """Of what is left to chance in a step's own computing, dropout: processes that have other rows have another."""
    own = [world.rank] if world.shares > 1 and world.rank else []
    return int(np.random.SeedSequence([seed, step, *own]).generate_state(1)[0])


def _say_nothing(line: str) -> None:
    """Of several processes the first alone speaks."""


def _mixed(sources: Sequence[Source] | Mixture) -> Mixture:
    return sources if isinstance(sources, Mixture) else Mixture([Part(name="data", sources=sources)])


def _begin_learning(model: VLM, adapted: Adapted | None, config: TrainConfig) -> None:
    """Training mode. Once words are read off the pictures, batch norms go on with the means that they have."""
    (adapted or model).train()
    if config.stage == "both":
        for part in model.vision.modules():
            if isinstance(part, nn.BatchNorm2d):
                part.eval()


def _no_number(step: int, loss: float, out: Path, config: TrainConfig) -> str:
    what = f"the loss is {loss}" if not math.isfinite(loss) else "its gradient is not finite"
    saved = f"; start={out} and another out= go on from what is saved" if (out / "training.json").is_file() else ""
    return f"step {step}: {what}; lower lr ({config.lr}) or lr_new ({config.lr_new}), or set bf16=false{saved}"
