"""Runs shared by two processes, as torchrun would start them, and the same runs by one.

python -m tests.training_pair FOLDER RUN...    as one of the processes; RUN is a name in RUNS
"""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from agent.training.distill import Teacher
from agent.training.loop import train
from agent.training.parallel.world import Parallel, World, open_world
from agent.training.rounds import Rounds
from agent.training.taught import DistillConfig
from agent.vlm.adapt.adapt import Adaptation, adapt
from agent.vlm.checkpoint import load_checkpoint
from agent.vlm.model import VLM
from tests.tiny import tiny_tokenizer
from tests.tiny_model import NAMES, tiny_config, tiny_picture
from tests.training_runs import RICH, mixture

BOTH = replace(RICH, pictures=5, steps=6, decay=0, lr=3e-3)
"""Of five rows the two processes have two and three."""
STAGES = {
    "both": BOTH,
    "see": replace(BOTH, stage="see", ema=0.0, fresh=0),
    "speak": replace(BOTH, stage="speak", ema=0.0),
    "lora": BOTH,
    "taught": replace(BOTH, steps=3),
    "rounds": replace(BOTH, steps=6),
}


@dataclass(frozen=True, kw_only=True)
class Kind:
    """A run: what of, shared out how, and after how many steps it is cut off."""

    stage: str
    how: Parallel
    until: int = 0


RUNS = {
    "both-fsdp": Kind(stage="both", how="fsdp"),
    "both-tp": Kind(stage="both", how="tp"),
    "cut-fsdp": Kind(stage="both", how="fsdp", until=3),
    "cut-tp": Kind(stage="both", how="tp", until=3),
    "see-ddp": Kind(stage="see", how="ddp"),
    "speak-fsdp": Kind(stage="speak", how="fsdp"),
    "lora-fsdp": Kind(stage="lora", how="fsdp"),
    "taught-ddp": Kind(stage="taught", how="ddp"),
    "rounds-ddp": Kind(stage="rounds", how="ddp"),
}


def pair_model(seed: int = 0) -> VLM:
    """Like `tiny_model`, with heads that two can share out."""
    torch.manual_seed(seed)
    tiny = tiny_config()
    return VLM(replace(tiny, decoder=replace(tiny.decoder, heads=4, kv_heads=2)))


def run(folder: Path, out: str, stage: str, world: World, until: int = 0) -> None:
    """One of STAGES in `folder`/`out`, by as many processes as there are."""
    config, model, tokenizer = STAGES[stage], pair_model(), tiny_tokenizer()
    config = replace(config, steps=until or config.steps, checkpointing=world.how == "fsdp")
    torch.manual_seed(1)
    adapted = adapt(model, Adaptation(vision="frozen"), base="tiny") if stage == "lora" else None
    teacher = None
    if stage == "taught":
        teacher = Teacher(
            pair_model(7), tokenizer, student=model, student_tokenizer=tokenizer, config=DistillConfig(words=0.8)
        )  # fmt: skip

    def play(checkpoint: Path) -> tuple[int, int]:
        assert world.first, "the first process alone plays"
        return (0, 5, 5, 5, 5, 5)[load_checkpoint(checkpoint).training["step"] - 1], 10

    train(
        model, tokenizer, NAMES, mixture(folder), folder / out, config, lambda line: None, world=world, adapted=adapted,
        texts=lambda rng: tiny_picture(int(rng.integers(1000))), teacher=teacher,
        rounds=Rounds(play=play, every=1, patience=2) if stage == "rounds" else None,
    )  # fmt: skip


def together(arguments: list[list[str]], *, cwd: tuple[Path, Path] | None = None, port: int) -> list[tuple[int, str]]:
    """Both processes, by their command lines: exit code, and what each wrote."""
    root = Path(__file__).parents[1]
    environment = {**os.environ, "PYTHONPATH": str(root), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    environment |= {"WORLD_SIZE": str(len(arguments)), "OMP_NUM_THREADS": "1"}
    begun = [
        subprocess.Popen(
            [sys.executable, *words], cwd=(cwd or (root, root))[rank], text=True, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, env={**environment, "RANK": str(rank), "LOCAL_RANK": str(rank)},
        )
        for rank, words in enumerate(arguments)
    ]  # fmt: skip
    try:
        said = [process.communicate(timeout=300)[0] for process in begun]
    finally:
        for process in begun:
            process.kill()
    return [(process.returncode, text) for process, text in zip(begun, said, strict=True)]


if __name__ == "__main__":
    with open_world("ddp", "cpu") as world:
        for name in sys.argv[2:]:
            kind = RUNS[name]
            run(Path(sys.argv[1]), name, kind.stage, replace(world, how=kind.how), kind.until)
