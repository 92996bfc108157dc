"""Checkpoints of others as they publish them: a folder with config.json and safetensors, whole or in shards.

Nothing is ever unpickled.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from agent.vlm.checkpoint import CheckpointError

M = TypeVar("M", bound=nn.Module)
WHOLE, INDEX = "model.safetensors", "model.safetensors.index.json"


def read_json(path: Path) -> dict[str, Any]:
    """Raises CheckpointError where there is no such file, or no JSON object in it."""
    try:
        data = json.loads(path.read_text())
    except FileNotFoundError:
        raise CheckpointError(f"{path.parent} is no checkpoint: it has no {path.name}") from None
    except (OSError, ValueError, RecursionError) as error:
        raise CheckpointError(f"{path} cannot be read: {error}") from error
    if not isinstance(data, dict):
        raise CheckpointError(f"{path} holds no JSON object")
    return data


def read_tensors(folder: Path) -> dict[str, Tensor]:
    """All tensors of a folder by their published names.

    Raises:
        CheckpointError: no safetensors, or a file that is missing, torn or hostile.
    """
    if (folder / WHOLE).is_file():
        names = [WHOLE]
    elif (folder / INDEX).is_file():
        shards = read_json(folder / INDEX).get("weight_map")
        if not isinstance(shards, dict) or not all(isinstance(n, str) and Path(n).name == n for n in shards.values()):
            raise CheckpointError(f"{folder / INDEX} names no files of its own folder")
        names = sorted(set(shards.values()))
    else:
        raise CheckpointError(f"{folder} has neither {WHOLE} nor {INDEX}; pickled weights are not read")
    tensors: dict[str, Tensor] = {}
    for name in names:
        try:
            tensors |= load_file(str(folder / name))
        except (SafetensorError, OSError, ValueError) as error:
            raise CheckpointError(f"{folder / name} cannot be read: {error}") from error
    return tensors


def build(make: Callable[[], M], weights: Mapping[str, Tensor], name: str, published: Mapping[str, str]) -> M:
    """A module around `weights`, made without memory for weights of its own, in evaluation mode, float32.

    published: what our tensors are called in the checkpoint, for error messages.

    Raises:
        CheckpointError: `make` refuses its configuration, or a tensor is missing, extra or misshapen.
    """
    try:
        with torch.device("meta"):
            module = make()
    except (ValueError, TypeError, RuntimeError, OverflowError) as error:
        raise CheckpointError(f"{name} has a configuration that no model can have: {error}") from error
    own = module.state_dict()
    for key in [*own, *weights]:
        theirs = published.get(key, key)
        if key not in weights:
            raise CheckpointError(f"{name} lacks the tensor {theirs}")
        if key not in own:
            raise CheckpointError(f"{name} has a tensor {theirs} that its configuration does not know")
        has, wanted = list(weights[key].shape), list(own[key].shape)
        if has != wanted:
            raise CheckpointError(f"{name}: {theirs} is {has}, its configuration says {wanted}")
        if not weights[key].is_floating_point():
            raise CheckpointError(f"{name}: {theirs} is {weights[key].dtype}, weights are floating-point numbers")
    module.load_state_dict({k: v.float() for k, v in weights.items()}, assign=True)
    return module.eval()
