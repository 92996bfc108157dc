"""The cells of `benchmarks/palme.py`: what each begins with, learns from, and lets learn."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

import torch
from omegaconf import OmegaConf
from tokenizers import Tokenizer

import agent
from agent.config import options, split_raw
from agent.training.start import NewModel, new_model
from agent.vlm.checkpoint import Checkpoint
from agent.vlm.convert.bundle import checkpoint_from_bundle
from agent.vlm.model import VLM
from sim.lexicon import COLOURS

Start = Literal["nano", "words", "random"]
STARTS: Mapping[Start, str] = {
    "nano": "nano's decoder: SmolLM2's layers after 22,000 tabletop pictures of eight sentences",
    "words": "SmolLM2's layers",
    "random": "an untrained decoder",
}
"""What a cell's language model begins with. The eye is nano's everywhere, with the weights that ship (int8)."""


@dataclass(frozen=True, kw_only=True)
class Cell:
    """tamp: examples a task. mixture: goes on with tabletop sentences, and kitchens' questions where there are some,
    beside TAMP. frozen: the language model stays as it is. objects: reads slots in place of pictures. steps: of 32
    sentences."""

    start: Start
    tamp: int = 320
    mixture: bool = False
    frozen: bool = False
    objects: bool = False
    steps: int = 200


CELLS: dict[str, Cell] = {
    "full": Cell(start="nano", mixture=True),
    "single": Cell(start="words"),
    "objects_full": Cell(start="nano", objects=True, steps=300),
    "objects_single": Cell(start="words", objects=True, steps=300),
    "full_frozen": Cell(start="nano", mixture=True, frozen=True),
    "single_frozen": Cell(start="words", frozen=True),
    "objects_random": Cell(start="random", objects=True, steps=300),
    "single_random": Cell(start="random"),
    "full_all": Cell(start="nano", mixture=True, tamp=3200, steps=2500),
    "objects_full_all": Cell(start="nano", objects=True, tamp=3200, steps=3000),
}
"""By name; in the order of their worth."""


@cache
def nano() -> Checkpoint:
    """What ships, in torch."""
    return checkpoint_from_bundle(Path(agent.__file__).parent / "checkpoints/nano")


def begin(start: Start) -> tuple[VLM, Tokenizer]:
    """The model that a cell begins with."""
    torch.manual_seed(0)
    if start == "nano":
        return nano().model(), nano().tokenizer
    found = OmegaConf.to_container(options(split_raw("train", [])), resolve=True)
    assert isinstance(found, dict), "a command's options have names"
    words = {*COLOURS, "object", "thing", "leftmost", "rightmost", "aside", "possible", "grasp", "stack"}
    model, tokenizer = new_model(NewModel.from_options(found["vlm"]), keep_words=words, seed=0)
    eye = ("vision.", "project.", "state.", "prefix_norm.")
    model.load_state_dict({**model.state_dict(), **{k: v for k, v in nano().weights.items() if k.startswith(eye)}})
    if start == "random":
        torch.manual_seed(0)
        model.decoder = type(model.decoder)(model.config.decoder)
    return model, tokenizer
