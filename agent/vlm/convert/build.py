"""A module around the weights of others, every one of them accounted for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar

import torch
from torch import Tensor, nn

from agent.vlm.files import CheckpointError

M = TypeVar("M", bound=nn.Module)


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
