"""AdamW over what learns: the decoder at one rate, all that starts from scratch at another."""

from __future__ import annotations

import torch

from agent.training.config import TrainConfig
from agent.training.parallel.parts import Leaves
from agent.training.perception import PerceptionHeads
from agent.vlm.model import VLM


def make_optimizer(
    model: VLM, heads: PerceptionHeads, config: TrainConfig, leaves: Leaves | None = None
) -> torch.optim.AdamW:
    """Each group keeps its rate as `base`, which `set_rate` scales. leaves: stand for weights that lie in parts."""
    ids = {id(p) for p in model.decoder.parameters()}
    learning = [p for p in [*model.parameters(), *heads.parameters()] if p.requires_grad]
    decoder, new = ([p for p in learning if (id(p) in ids) == wanted] for wanted in (True, False))
    if leaves is not None:
        decoder, new = ([leaves[p] for p in group] for group in (decoder, new))
    groups = [{"params": p, "base": base} for p, base in ((decoder, config.lr), (new, config.lr_new)) if p]
    return torch.optim.AdamW(groups, lr=config.lr, betas=(0.9, 0.98), weight_decay=config.weight_decay, fused=True)


def set_rate(optimizer: torch.optim.Optimizer, factor: float) -> None:
    """factor: of each group's own rate; see `learning_rate`."""
    for group in optimizer.param_groups:
        group["lr"] = group["base"] * factor
