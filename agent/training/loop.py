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
from agent.training.feed import Feed
from agent.training.journal import Journal
from agent.training.losses import figures, total
from agent.training.mixture import Mixture, Part, Texts
from agent.training.optimizer import make_optimizer, set_rate
from agent.training.perception import Names, PerceptionHeads
from agent.training.recompute import recompute_blocks
from agent.training.rounds import Rounds, best_round, success
from agent.training.run import Run
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
) -> dict[str, float]:
    """Train, saving into `out` as it goes; goes on from what `out` already holds. Returns the last figures,
    and where rounds were played `success`, the best.

    texts: draws the sentences of stage "speak", and the fresh ones of "both". heads_from: a checkpoint whose perception
    heads a new run starts with. adapted: how `model` learns, if not in full, with what `out` holds of it. rounds: when
    to play, and when to end for it. same: what else must be as it was, as JSON, for a run to be gone on with.

    Raises:
        CheckpointError: `out` holds a run with another configuration.
        FloatingPointError: the loss or its gradient is no longer a number.
        PalmettoError: the disk is full.
    """
    device = chosen_device(config.device, bf16=config.bf16)
    torch.set_num_threads(config.threads)
    torch.manual_seed(config.seed)
    heads = PerceptionHeads(model.config.vision, names)
    if heads_from is not None:
        load_weights(heads, load_tensors(heads_from / "heads.safetensors"), "heads.safetensors")
    mixture = None if config.stage == "speak" else _mixed(sources)
    learning = nn.ModuleDict({"model": model, "heads": heads}).to(device)
    run = Run(
        out=out, model=model, heads=heads, optimizer=make_optimizer(model, heads, config), tokenizer=tokenizer,
        names=names, config=config, adapted=adapted, data={**(same or {}), **(mixture.notes() if mixture else {})},
    )  # fmt: skip
    progress = run.begin()
    if config.checkpointing:
        recompute_blocks(model)
    if config.compile:
        model.decoder.compile(dynamic=True)
    stream = Stream(tokenizer)
    called = [stream.words(n) for n in (*names.colours, *names.kinds, *names.sizes)]
    feed = Feed(
        mixture=mixture, texts=texts, stream=stream, model=model.config, names=names, config=config, device=device
    )
    journal = Journal(out, report, start=progress.step, steps=config.steps, tensorboard=config.tensorboard)
    with journal, closing(feed.batches(progress.step)) as batches:
        _begin_learning(model, adapted, config)
        for step in range(progress.step, config.steps):
            if rounds is not None and rounds.over(progress.rounds):
                report(f"step {step}: {rounds.patience} rounds brought nothing better; the best is in {out / 'best'}")
                break
            batch, targets = next(batches)
            torch.manual_seed(int(np.random.SeedSequence([config.seed, step]).generate_state(1)[0]))
            set_rate(run.optimizer, learning_rate(config, step))
            with torch.autocast(device.type, dtype=torch.bfloat16, enabled=config.bf16):
                found = figures(model, heads, batch, targets, called, config.stage)
                loss = total(found, config)
            run.optimizer.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            steepness = nn.utils.clip_grad_norm_(learning.parameters(), config.clip)
            values = torch.stack([v.detach().float() for v in (loss, steepness, *found.values())]).tolist()
            if not all(map(math.isfinite, values[:2])):
                raise FloatingPointError(_no_number(step, values[0], out, config))
            run.optimizer.step()
            if run.ema is not None:
                run.ema.update(step)
            progress.step = step + 1
            progress.seen += len(batch.label_at) if config.stage == "speak" else config.pictures
            for name, value in zip(found, values[2:], strict=True):
                progress.means[name] = INERTIA * progress.means.get(name, value) + (1 - INERTIA) * value
            if progress.step % config.log_every == 0:
                journal.note(
                    progress.step, loss=values[0], lr=learning_rate(config, step), means=progress.means
                )  # fmt: skip
            played = rounds is not None and rounds.due(progress.step)
            if rounds is not None and played:
                journal.round(rounds.hold(run, progress))
                _begin_learning(model, adapted, config)
            if played or progress.step % config.save_every == 0 or progress.step == config.steps:
                run.save(progress)
    best = {} if not progress.rounds else {"success": success(best_round(progress.rounds))}
    return {**progress.means, **best}


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
