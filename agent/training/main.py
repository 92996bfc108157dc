"""What `train` does: options -> model, data, loop. See conf/train.yaml."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from agent.artifacts import disk_errors
from agent.errors import UserError, one_of
from agent.training.adapting import ADAPTER, adaptation_of, adapted_model
from agent.training.config import TrainConfig
from agent.training.data import Source, open_sources, words_and_names
from agent.training.distill import open_teacher
from agent.training.loop import train as run
from agent.training.mishaps import out_of_memory
from agent.training.mixture import Mixture, Texts, open_mixture
from agent.training.parallel.world import World, open_world
from agent.training.perception import Names
from agent.training.rounds import rounds_of
from agent.training.saving import finish
from agent.training.shards import ShardError
from agent.training.start import NewModel, new_model
from agent.vlm.checkpoint import CheckpointError, load_checkpoint

VOCABULARY_DRAWS = 2000
"""Bundles of sentences whose words a new model's vocabulary keeps."""


def train(options: Mapping[str, Any]) -> dict[str, Any]:
    """Train into options["out"]; run again with the same to go on. Returns the last figures.

    Raises:
        UserError: no data, a foreign checkpoint, other options than the run in `out` was begun with.
    """
    config = TrainConfig(**{f.name: options[f.name] for f in fields(TrainConfig) if options.get(f.name) is not None})
    with open_world(config.parallel, config.device) as world:
        return _train(options, config, world)


def _train(options: Mapping[str, Any], config: TrainConfig, world: World) -> dict[str, Any]:
    out, start, texts = Path(options["out"]), options.get("start"), options.get("texts")
    say = _say if world.first else _say_nothing
    parts = (options.get("mixture") or {}).get("parts")
    if config.stage != "speak" and bool(options.get("data")) == bool(parts):
        raise UserError(f"stage={config.stage} trains on what? data=FOLDER, or mixture= of several (docs/training.md)")
    if parts and (config.stage == "speak" or not isinstance(parts, Mapping)):
        raise UserError(f"mixture.parts={parts}: it is {{NAME: {{data: FOLDER, weight: 1.0}}, ...}}, and of pictures")
    try:
        if world.first:
            finish(out)
        world.wait()
        adaptation = adaptation_of(options.get("adapt"))
        if adaptation is None and (out / ADAPTER).is_file():
            raise UserError(f"{out} holds a run that adapts a base (adapt=); give another out=")
        if (out / "training.json").is_file() and adaptation is None:
            start = out
        loaded = load_checkpoint(Path(start)) if start else None
        new = NewModel.from_options(options["vlm"])
        vision = loaded.config.vision if loaded else new.vision
        sources = _sources(options, config, texts, vision.map_grid)
        words, names = words_and_names(sources.sources if isinstance(sources, Mixture) else sources)
        heads_from = None
        if start and loaded:
            model, tokenizer = loaded.model(), loaded.tokenizer
            names = replace(Names.from_notes(loaded.training.get("names", vars(names))), pairs=names.pairs)
            heads_from = Path(start) if (Path(start) / "heads.safetensors").is_file() else None
        else:
            for turn in (True, False):  # the first alone fetches the language model, if it is not there yet
                if world.first is turn:
                    model, tokenizer = new_model(new, keep_words=words, seed=config.seed)
                world.wait()
        adapted = None
        if adaptation is not None:
            base = f"{start}" if start else f"a new model of seed {config.seed}"
            torch.manual_seed(config.seed)  # LoRA's first matrices are drawn
            if config.stage == "speak" and adaptation.decoder == "frozen":
                raise UserError("stage=speak trains the decoder alone, and adapt.decoder=frozen leaves it as it is")
            adapted = adapted_model(model, adaptation, base=base, out=out)
            sizes = [sum(p.numel() for p in model.parameters() if p.requires_grad or every) for every in (False, True)]
            say(f"adapt  {sizes[0] / 1e6:.2f} M of {sizes[1] / 1e6:.2f} M numbers learn")
        what = "sentences drawn as they are needed" if config.stage == "speak" else f"{_pictures(sources)}"
        by = f" in {world.size} processes, {world.how}" if world.size > 1 else ""
        say(f"train  {what}, stage {config.stage}, into {out}{by}")
        teacher = None
        if options.get("teacher"):
            teacher = open_teacher(
                Path(options["teacher"]), options["distill"], stage=config.stage, student=model, tokenizer=tokenizer
            )
        rounds = rounds_of(options["evaluate"], options.get("play")) if options.get("evaluate") else None
        played = {k: v for k, v in (options.get("evaluate") or {}).items() if k not in ("every", "patience", "workers")}
        same = {"start": options.get("start"), "vlm": options["vlm"], "evaluate": played}
        if teacher is not None:
            same["teacher"] = {"folder": options["teacher"], **options["distill"]}
        with out_of_memory(config), disk_errors(out):
            figures = run(
                model, tokenizer, names, sources, out, config, say, texts=texts, heads_from=heads_from,
                adapted=adapted, rounds=rounds, same=json.loads(json.dumps(same)), teacher=teacher, world=world,
            )  # fmt: skip
    except (ShardError, CheckpointError, FloatingPointError, OSError) as error:
        raise UserError(str(error)) from error
    objective = options.get("objective")
    if objective is not None and objective not in figures:
        raise one_of("figure to be the objective", objective, figures)
    sought = {} if objective is None else {"objective": figures[objective]}
    return {"steps": config.steps, **{k: round(v, 4) for k, v in figures.items()}, **sought}


def _say(line: str) -> None:
    print(line, flush=True)


def _say_nothing(line: str) -> None:
    """Of several processes the first alone speaks."""


def _pictures(sources: Mixture | Sequence[Source]) -> str:
    if not isinstance(sources, Mixture):
        return f"{sum(map(len, sources))} pictures"
    return " + ".join(f"{len(p)} pictures of {p.name}" for p in sources.parts)


def _sources(
    options: Mapping[str, Any], config: TrainConfig, texts: Texts | None, map_grid: int
) -> Mixture | Sequence[Source]:
    if config.stage != "speak":
        if parts := (options.get("mixture") or {}).get("parts"):
            return open_mixture(parts, map_grid)
        return open_sources([Path(f) for f in str(options["data"]).split(",")], map_grid)
    if texts is None:
        raise UserError("stage=speak draws its sentences from `texts`; see conf/train.yaml")
    rng = np.random.default_rng(config.seed)
    return [[texts(rng) for _ in range(VOCABULARY_DRAWS)]]
