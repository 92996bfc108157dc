"""Numbers of a training run, and the learning rate at each step."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

from agent.errors import UserError

Stage = Literal["see", "speak", "both"]
Curve = Literal["linear", "cosine"]
FREE = frozenset({
    "threads", "save_every", "log_every", "tensorboard", "steps", "decay", "compile", "device", "checkpointing",
    "parallel",
})  # fmt: skip
"""Options that a run may be gone on with otherwise: how long, how fast and where, not what is learnt."""
FLOORS: dict[str, float] = {
    **dict.fromkeys(("steps", "pictures", "sentences", "threads", "save_every", "log_every"), 1),
    **dict.fromkeys(("lr", "lr_new", "weight_decay", "fresh", "warmup", "decay"), 0),
}


@dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """Numbers of a run.

    lr: of the decoder; lr_new: of everything that starts from scratch; both held flat after `warmup` steps and brought
    to zero over the last `decay` steps, along a `curve`. sentences: of a picture, at the most; fresh: so many more to
    choose from, drawn by `texts` and about nothing that is seen. mirrored: the share of pictures that are turned left
    to right. ema: of what is shipped, how much stays from step to step (Polyak averaging); 0 = the last weights are.
    device: cpu, cuda, cuda:N, or auto, which is a GPU where there is one. bf16: products in bfloat16, by autocast.
    checkpointing: blocks are computed once more on the way back, instead of keeping what is inside them. compile: the
    decoder by torch.compile, which needs a C++ compiler; a sixth faster on two cores. parallel: how several processes
    share the work, see `agent.training.parallel.world`. save_every, log_every: steps.
    """

    stage: Stage = "both"
    steps: int = 2000
    pictures: int = 8
    sentences: int = 6
    fresh: int = 0
    mirrored: float = 0.5
    lr: float = 3e-4
    lr_new: float = 6e-4
    weight_decay: float = 0.01
    warmup: int = 50
    decay: int = 500
    curve: Curve = "linear"
    clip: float = 1.0
    point_weight: float = 0.5
    see_weight: float = 0.3
    word_weight: float = 1.0
    ema: float = 0.0
    seed: int = 0
    threads: int = 2
    device: str = "auto"
    bf16: bool = True
    checkpointing: bool = False
    compile: bool = False
    parallel: str = "ddp"
    save_every: int = 200
    log_every: int = 20
    tensorboard: bool = True

    def __post_init__(self) -> None:
        for name, kind in (("stage", Stage), ("curve", Curve)):
            if getattr(self, name) not in get_args(kind):
                raise UserError(f"{name}={getattr(self, name)}: there are {', '.join(get_args(kind))}")
        for name, floor in FLOORS.items():
            if not getattr(self, name) >= floor:
                raise UserError(f"{name}={getattr(self, name)} does not fit: give {floor} or more")
        if not 0 <= self.mirrored <= 1:
            raise UserError(f"mirrored={self.mirrored} is a share, from 0 to 1")
        if not 0 <= self.ema < 1:
            raise UserError(f"ema={self.ema} is what stays at each step, from 0 (none) to below 1, such as 0.999")

    def changed(self, stored: Mapping[str, Any]) -> list[str]:
        """The options that an earlier run, as `asdict` made it, had otherwise, and that must not change in it."""
        before = {**asdict(TrainConfig()), **stored}
        return sorted(k for k, v in asdict(self).items() if before[k] != v and k not in FREE)


def learning_rate(config: TrainConfig, step: int) -> float:
    """Factor on the learning rates: warm-up, flat, then down to zero, straight or along half a cosine."""
    left = max(0.0, min(1.0, (config.steps - step) / max(config.decay, 1)))
    if config.curve == "cosine":
        left = 0.5 - 0.5 * math.cos(math.pi * left)
    return min(left, (step + 1) / max(config.warmup, 1))
