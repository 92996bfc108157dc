"""Putting other layers in the place of a model's linear ones, by name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fnmatch import fnmatchcase

from torch import nn


def matching_linears(
    model: nn.Module, patterns: Sequence[str], kinds: Sequence[type[nn.Module]] = (nn.Linear,)
) -> list[str]:
    """Names of the linear layers, of these kinds exactly, that fit any of the patterns (`decoder.layers.*.q`).

    In a pattern * stands for anything, dots included.

    Raises:
        ValueError: a pattern fits none; the message names some that there are.
    """
    names = [name for name, part in model.named_modules() if type(part) in kinds]
    for pattern in patterns:
        if not any(fnmatchcase(name, pattern) for name in names):
            some = ", ".join(names[:4]) or "none at all"
            raise ValueError(f"no linear layer is called {pattern!r}; there are {len(names)}: {some}, ...")
    return [name for name in names if any(fnmatchcase(name, pattern) for pattern in patterns)]


def swap_linears(model: nn.Module, names: Sequence[str], make: Callable[[nn.Linear], nn.Module]) -> None:
    """Replace each named linear layer by `make` of it."""
    for name in names:
        linear = model.get_submodule(name)
        assert isinstance(linear, nn.Linear), name
        put(model, name, make(linear))


def put(model: nn.Module, name: str, part: nn.Module) -> None:
    """`part` becomes model's submodule `name`."""
    parent, _, own = name.rpartition(".")
    setattr(model.get_submodule(parent), own, part)
