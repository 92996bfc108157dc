"""Short runs with everything on that could differ after an interruption; also in a process of their own, to be killed.

python -m tests.training_runs FOLDER    killed by SIGKILL in the middle of its second save
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from agent.training.loop import TrainConfig, train
from agent.training.mixture import Mixture, open_mixture
from agent.training.rounds import Rounds
from agent.vlm.files import load_tensors
from tests.tiny import tiny_tokenizer
from tests.tiny_model import NAMES, tiny_model, tiny_picture, tiny_shards

RICH = TrainConfig(
    stage="both", steps=8, pictures=3, sentences=3, fresh=1, warmup=2, decay=5, curve="cosine", ema=0.9, lr=1e-2,
    threads=1, save_every=3, log_every=1, bf16=False, tensorboard=False,
)  # fmt: skip
PARTS: dict[str, dict[str, Any]] = {
    "say": {"data": "say", "weight": [[0, 1], [8, 0]]},
    "act": {"data": "act", "weight": [[0, 0.2], [4, 3]]},
}


def mixture(folder: Path) -> Mixture:
    """Two parts with weights that change, of shards in `folder`."""
    for name, count in (("say", 12), ("act", 5)):
        if not (folder / name).exists():
            tiny_shards(folder / name, count)
    return open_mixture({k: {**v, "data": folder / v["data"]} for k, v in PARTS.items()}, 16)


def rich_run(
    folder: Path,
    out: str,
    config: TrainConfig = RICH,
    report: Callable[[str], None] = lambda line: None,
    rounds: Rounds | None = None,
) -> dict[str, float]:
    texts = lambda rng: tiny_picture(int(rng.integers(1000)))  # noqa: E731
    torch.manual_seed(1)
    return train(
        tiny_model(), tiny_tokenizer(), NAMES, mixture(folder), folder / out, config, report, texts=texts, rounds=rounds
    )  # fmt: skip


def losses(out: Path) -> list[dict[str, float]]:
    """What figures.jsonl says, but for the speed."""
    lines = [json.loads(line) for line in (out / "figures.jsonl").read_text().splitlines()]
    return [{k: v for k, v in line.items() if k != "per_s"} for line in lines]


def kept(out: Path) -> dict[str, torch.Tensor]:
    """Every tensor of a run, by file and name."""
    return {f"{p.name}/{k}": v for p in sorted(out.glob("*.safetensors")) for k, v in load_tensors(p).items()}


def _die_in_the_second_save() -> None:
    real, left = Path.replace, 7

    def replace(self: Path, target: Path) -> Path:
        nonlocal left
        if (self.parent.parent / "training.json").is_file() and self.parent.name == "next":
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)
        return real(self, target)

    Path.replace = replace  # type: ignore[method-assign, assignment]


if __name__ == "__main__":
    _die_in_the_second_save()
    rich_run(Path(sys.argv[1]), "killed")
