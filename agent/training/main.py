"""What `train` does: options -> model, data, loop. See conf/train.yaml."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from agent.errors import UserError
from agent.training.data import open_sources, words_and_names
from agent.training.loop import TrainConfig
from agent.training.loop import train as run
from agent.training.perception import Names
from agent.training.shards import ShardError
from agent.training.start import new_model
from agent.vlm.checkpoint import CheckpointError, load_checkpoint
from agent.vlm.config import VisionConfig


def train(options: Mapping[str, Any]) -> dict[str, Any]:
    """Train into options["out"]; run again with the same to go on. Returns the last figures.

    Raises:
        UserError: no data, a foreign checkpoint, other options than the run in `out` was begun with.
    """
    if not options.get("data"):
        raise UserError("train on what? data=DIR (from `palmetto collect` or `palmetto pictures`), several with commas")
    out = Path(options["out"])
    known = {f.name for f in fields(TrainConfig)}
    config = TrainConfig(**{k: v for k, v in options.items() if k in known and v is not None})
    folders = [Path(f) for f in str(options["data"]).split(",")]
    if config.stage == "speak":
        raise UserError("stage=speak draws its sentences from a program, not from data; on the command line: see, both")
    try:
        sources = open_sources(folders, VisionConfig().map_grid)
        words, names = words_and_names(sources)
        start = out if (out / "training.json").is_file() else options.get("start")
        heads_from = None
        if start:
            loaded = load_checkpoint(Path(start))
            model, tokenizer = loaded.model(), loaded.tokenizer
            names = Names(**{k: tuple(v) for k, v in loaded.training.get("names", vars(names)).items()})
            heads_from = Path(start) if (Path(start) / "heads.safetensors").is_file() else None
        else:
            layers = [int(i) for i in options["layers"]]
            model, tokenizer = new_model(layers=layers, rank=int(options["rank"]), keep_words=words, seed=config.seed)
        print(f"train  {sum(len(s) for s in sources)} pictures, stage {config.stage}, into {out}", flush=True)
        figures = run(
            model, tokenizer, names, sources, out, config, lambda line: print(line, flush=True), heads_from=heads_from
        )
    except (ShardError, CheckpointError, FloatingPointError, OSError) as error:
        raise UserError(str(error)) from error
    return {"steps": config.steps, **{k: round(v, 4) for k, v in figures.items()}}
