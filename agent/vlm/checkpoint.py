"""Checkpoints: a folder of safetensors and JSON. Nothing is ever unpickled.

config.json        VLMConfig
tokenizer.json     the tokenizer with our special tokens
model.safetensors  the weights
training.json      step, configuration and history of the run that made it
optimizer.safetensors, heads.safetensors, live.safetensors   only where training can go on
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import save_file
from tokenizers import Tokenizer
from torch import Tensor

from agent.vlm.config import VLMConfig
from agent.vlm.files import CheckpointError as CheckpointError
from agent.vlm.files import load_tensors
from agent.vlm.model import VLM


@dataclass(frozen=True, kw_only=True, eq=False)
class Checkpoint:
    """A loaded checkpoint."""

    config: VLMConfig
    tokenizer: Tokenizer
    weights: Mapping[str, Tensor]
    training: dict[str, Any] = field(default_factory=dict)

    def model(self) -> VLM:
        """The model with these weights, in evaluation mode.

        Raises:
            CheckpointError: a tensor is missing, extra or misshapen.
        """
        model = VLM(self.config)
        load_weights(model, self.weights, "model.safetensors")
        return model.eval()


def load_weights(module: torch.nn.Module, weights: Mapping[str, Tensor], name: str) -> None:
    """Fill `module`, every tensor accounted for.

    Raises:
        CheckpointError: naming the first tensor that does not fit.
    """
    own = module.state_dict()
    for key in [*own, *weights]:
        if key not in weights:
            raise CheckpointError(f"{name} lacks the tensor {key}")
        if key not in own:
            raise CheckpointError(f"{name} has a tensor {key} that this model does not know")
        if own[key].shape != weights[key].shape:
            raise CheckpointError(f"{name}: {key} is {list(weights[key].shape)}, this model has {list(own[key].shape)}")
    module.load_state_dict({k: v.to(own[k].dtype) for k, v in weights.items()})


def save_tensors(path: Path, tensors: Mapping[str, Tensor], metadata: Mapping[str, str] | None = None) -> None:
    """Write under a temporary name, sync, rename.

    Raises:
        OSError: no room on the disk, or no right to write there.
    """
    temporary = path.with_name(path.name + ".part")
    plain = {k: v.detach().contiguous().cpu() for k, v in tensors.items()}
    try:
        save_file(plain, str(temporary), metadata=dict(metadata) if metadata else None)
    except SafetensorError as error:
        if found := re.search(r"os error (\d+)", str(error)):
            raise OSError(int(found[1]), os.strerror(int(found[1])), str(temporary)) from error
        raise
    with open(temporary, "rb") as f:
        os.fsync(f.fileno())
    temporary.replace(path)


def save_text(path: Path, text: str) -> None:
    """Write under a temporary name, sync, rename."""
    temporary = path.with_name(path.name + ".part")
    with open(temporary, "w") as f:
        f.write(text)
        f.flush()
        os.fsync(f.fileno())
    temporary.replace(path)


def save_checkpoint(
    folder: Path,
    model: VLM,
    tokenizer: Tokenizer,
    training: dict[str, Any],
    *,
    weights: Mapping[str, Tensor] | None = None,
) -> None:
    """Write a checkpoint; `training.json` comes last, so that its step never runs ahead of the weights.

    weights: in place of the model's own.
    """
    folder.mkdir(parents=True, exist_ok=True)
    save_text(folder / "config.json", json.dumps(model.config.to_json(), indent=1))
    save_text(folder / "tokenizer.json", tokenizer.to_str())
    save_tensors(folder / "model.safetensors", model.state_dict() if weights is None else weights)
    save_text(folder / "training.json", json.dumps(training, indent=1))


def load_checkpoint(folder: Path) -> Checkpoint:
    """Raises CheckpointError where a file is missing, torn or foreign."""
    for name in ("config.json", "tokenizer.json", "model.safetensors"):
        if not (folder / name).is_file():
            raise CheckpointError(f"{folder} is no checkpoint: it has no {name}")
    try:
        config = VLMConfig.from_json(json.loads((folder / "config.json").read_text()))
        tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        weights = load_tensors(folder / "model.safetensors")
        notes = folder / "training.json"
        training = json.loads(notes.read_text()) if notes.is_file() else {}
    except CheckpointError:
        raise
    except (ValueError, TypeError, KeyError) as error:
        raise CheckpointError(f"{folder} is damaged or of another kind: {error}") from error
    except Exception as error:  # tokenizers raises bare Exception
        raise CheckpointError(f"{folder}/tokenizer.json does not load: {error}") from error
    return Checkpoint(config=config, tokenizer=tokenizer, weights=weights, training=training)


def tie_specials(model: VLM, tokenizer: Tokenizer, likeness: Mapping[str, str]) -> None:
    """Start each new special token's embedding at the mean of the words it is like."""
    with torch.no_grad():
        weight = model.decoder.embed.weight
        for special, words in likeness.items():
            ids = tokenizer.encode(" " + words, add_special_tokens=False).ids
            weight[tokenizer.token_to_id(special)] = weight[ids].mean(0)
