"""The cells of `benchmarks/palme.py`: what each begins with, learns from, and lets learn; and their training."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import torch
from omegaconf import OmegaConf

import agent
from agent.config import options as composed
from agent.config import split_raw
from agent.errors import UserError
from agent.training.data import open_sources, words_and_names
from agent.training.main import train
from agent.training.start import NewModel, new_model
from agent.vlm.checkpoint import Checkpoint, save_checkpoint
from agent.vlm.convert.bundle import checkpoint_from_bundle
from agent.vlm.model import VLM

Start = Literal["words", "eye", "random", "nano"]
STARTS: Mapping[Start, str] = {
    "words": "SmolLM2's layers, an untrained eye",
    "eye": "SmolLM2's layers, nano's eye",
    "random": "an untrained decoder, nano's eye",
    "nano": "nano: SmolLM2's layers and an eye, after 22,000 tabletop pictures",
}
"""What a cell begins with. nano's weights are those that ship, in int8."""
MIXTURE = {"tamp": 0.6, "tabletop": 0.15, "kitchen": 0.15, "board": 0.1}
"""Share of the pictures of each part."""


@dataclass(frozen=True, kw_only=True)
class Cell:
    """tamp: examples a task. mixture: with the other parts, or TAMP alone. decoder: how the language model learns.
    objects: reads slots in place of pictures. steps: of 24 TAMP pictures, what else is in the mixture not counted."""

    start: Start
    tamp: int = 320
    mixture: bool = False
    decoder: Literal["full", "frozen"] = "full"
    objects: bool = False
    steps: int = 120


CELLS: dict[str, Cell] = {
    "full": Cell(start="nano", mixture=True),
    "single": Cell(start="eye"),
    "objects_full": Cell(start="nano", objects=True),
    "objects_single": Cell(start="eye", objects=True),
    "full_frozen": Cell(start="nano", mixture=True, decoder="frozen"),
    "single_frozen": Cell(start="eye", decoder="frozen"),
    "full_random": Cell(start="random", mixture=True),
    "single_random": Cell(start="random"),
    "objects_random": Cell(start="random", objects=True),
    "single_scratch": Cell(start="words"),
    "full_all": Cell(start="nano", mixture=True, tamp=3200, steps=480),
}
"""By name; in the order of their worth."""
PICTURES = 24


def folder_of_start(out: Path, start: Start, data: Path) -> Path:
    """A checkpoint of what cells begin with; made once."""
    folder = out / "starts" / start
    if (folder / "training.json").is_file():
        return folder
    nano = checkpoint_from_bundle(Path(agent.__file__).parent / "checkpoints/nano")
    notes = {"step": 0, "names": nano.training["names"]}
    if start == "nano":
        save_checkpoint(folder, nano.model(), nano.tokenizer, notes)
        return folder
    words, _ = words_and_names(open_sources([d for d in sorted(data.iterdir()) if _is_training(d)], 48))
    model, tokenizer = new_model(NewModel.from_options(_defaults()["vlm"]), keep_words=words, seed=0)
    if start != "words":
        _take_eye(model, nano)
    if start == "random":
        torch.manual_seed(0)
        model.decoder = type(model.decoder)(model.config.decoder)
    save_checkpoint(folder, model, tokenizer, notes)
    return folder


def _is_training(folder: Path) -> bool:
    return folder.name.startswith(("tamp_", "tabletop", "kitchen_train"))


def _take_eye(model: VLM, nano: Checkpoint) -> None:
    own = model.state_dict()
    eye = {k: v for k, v in nano.weights.items() if k.startswith(("vision.", "project.", "state.", "prefix_norm."))}
    model.load_state_dict({**own, **eye})


def train_cell(out: Path, name: str, cell: Cell, data: Path, **further: Any) -> Path:
    """Trains a cell of pictures by `palmetto train`'s own code; returns the checkpoint's folder.

    Raises:
        UserError: as `palmetto train`.
    """
    if cell.objects:
        raise UserError(f"{name} reads objects; see benchmarks/palme_slots.py")
    tamp = {"data": str(data / f"tamp_{cell.tamp}"), "weight": MIXTURE["tamp"]}
    others = {p: {"data": str(data / p), "weight": w} for p, w in MIXTURE.items() if p != "tamp"}
    others = {p: given for p, given in others.items() if (data / p).is_dir()} if cell.mixture else {}
    share = MIXTURE["tamp"] / (MIXTURE["tamp"] + sum(MIXTURE[p] for p in others))
    steps = round(cell.steps / share)
    options = _defaults() | {
        "mixture": {"parts": {"tamp": tamp, **others}}, "start": str(folder_of_start(out, cell.start, data)),
        "steps": steps, "decay": steps // 2, "warmup": 10, "pictures": PICTURES, "sentences": 2, "mirrored": 0.0,
        "lr": 3e-4, "lr_new": 3e-4 if cell.start != "words" else 1e-3, "see_weight": 0.0, "word_weight": 0.0,
        "threads": 1, "save_every": 50, "log_every": 10, "tensorboard": False, "device": "cpu", "evaluate": None,
        "out": str(out / "runs" / name), **further,
    }  # fmt: skip
    options["adapt"] = {**options["adapt"], "decoder": cell.decoder}
    train(options)
    return out / "runs" / name


def _defaults() -> dict[str, Any]:
    """What `palmetto train` does when nothing is said."""
    found = OmegaConf.to_container(composed(split_raw("train", [])), resolve=True)
    assert isinstance(found, dict), "a command's options have names"
    return {str(k): v for k, v in found.items()} | {"texts": None, "play": None}


def shorter(cell: Cell, steps: int | None) -> Cell:
    """The cell with other steps, where some are given."""
    return cell if steps is None else replace(cell, steps=steps)
