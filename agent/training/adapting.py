"""Training part by part: options -> an adapted model, and what a checkpoint of it holds. See conf/adapt/."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from agent.errors import UserError
from agent.vlm.adapt.adapt import PARTS, Adaptation, Adapted, adapt, load_adapter
from agent.vlm.adapt.lora import LoraConfig, lora_layers
from agent.vlm.model import VLM

ADAPTER = "adapter.safetensors"


def adaptation_of(options: Mapping[str, Any] | None) -> Adaptation | None:
    """None where every part learns in full.

    Raises:
        UserError: no such way to learn, or a rank or dropout that can't be.
    """
    if options is None or all(options[part] == "full" for part in PARTS):
        return None
    lora = options["lora"]
    try:
        config = LoraConfig(rank=int(lora["rank"]), alpha=float(lora["alpha"]), dropout=float(lora["dropout"]))
        return Adaptation(**{part: options[part] for part in PARTS}, lora=config)
    except (ValueError, TypeError) as error:
        raise UserError(f"adapt: {error}") from error


def adapted_model(model: VLM, adaptation: Adaptation, *, base: str, out: Path) -> Adapted:
    """Adapt the base; where `out` holds a run, with what that has learnt.

    Raises:
        CheckpointError: the run's adapter is torn, or belongs to another base.
        UserError: the run in `out` adapts otherwise, or nothing would learn.
    """
    if all(adaptation.learning(part) == "frozen" for part in PARTS):
        raise UserError("adapt: every part is frozen; nothing would learn")
    if not (out / ADAPTER).is_file():
        if (out / "training.json").is_file():
            raise UserError(f"{out} holds a run in which everything learns; give another out=")
        try:
            return adapt(model, adaptation, base=base)
        except ValueError as error:
            raise UserError(f"adapt: {error}") from error
    found = load_adapter(out / ADAPTER, model)
    if found.adaptation != adaptation:
        raise UserError(f"{out} holds a run that adapts otherwise; give another out=")
    return found


def whole_weights(model: VLM, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Of a state dict of the model, with every update added to its weight, under the names of the base."""
    weights = {k: v for k, v in state.items() if not k.endswith((".lora_a", ".lora_b"))}
    for name, layer in lora_layers(model).items():
        update = layer.update(state[f"{name}.lora_a"], state[f"{name}.lora_b"])
        weights[f"{name}.weight"] = weights[f"{name}.weight"] + update
    return weights
