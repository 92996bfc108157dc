"""Where a run computes, and how its tensors come there."""

from __future__ import annotations

import re
from dataclasses import fields, replace
from typing import TypeVar

import torch
from torch import Tensor

from agent.errors import UserError

Tensors = TypeVar("Tensors")


def chosen_device(name: str, *, bf16: bool, several: bool = False) -> torch.device:
    """`auto` is the first GPU where there is one, else the processor; in one of several processes its own GPU.

    Raises:
        UserError: there is no such device, or it can't compute in bfloat16.
    """
    if not re.fullmatch(r"auto|cpu|cuda(:\d+)?", name):
        raise UserError(f"device={name}: there are auto, cpu, cuda and cuda:N")
    if name == "cpu" or (name == "auto" and not torch.cuda.is_available()):
        return torch.device("cpu")
    if not torch.cuda.is_available():
        raise UserError(f"device={name}: this torch finds no GPU; use device=cpu, or install torch for CUDA")
    if several and name not in ("auto", "cuda"):
        raise UserError(f"device={name}: of several processes each takes a GPU of its own; use device=auto")
    own = torch.cuda.current_device() if several else 0
    device = torch.device("cuda", own) if name in ("auto", "cuda") else torch.device(name)
    if device.index >= torch.cuda.device_count():
        raise UserError(f"device={name}: there are {torch.cuda.device_count()} GPUs, counted from 0")
    if bf16 and torch.cuda.get_device_capability(device) < (8, 0):
        raise UserError(f"device={name} is too old to compute in bfloat16; set bf16=false, or device=cpu")
    return device


def moved(tensors: Tensors, device: torch.device) -> Tensors:
    """A dataclass of tensors, on the device. To a GPU the copy goes on while this returns: its memory is pinned."""
    if device.type == "cpu":
        return tensors
    there = {
        f.name: (value.pin_memory() if device.type == "cuda" else value).to(device, non_blocking=True)
        for f in fields(tensors)  # type: ignore[arg-type]
        if isinstance(value := getattr(tensors, f.name), Tensor)
    }
    return replace(tensors, **there)  # type: ignore[type-var]
