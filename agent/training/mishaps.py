"""Memory that runs out, as one line that says what to change."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from agent.errors import UserError
from agent.training.config import TrainConfig

_SIGNS = ("can't allocate memory", "DefaultCPUAllocator", "out of memory", "Cannot allocate memory")
"""In the messages of torch's processor allocator, of CUDA libraries and of the system."""


@contextmanager
def out_of_memory(config: TrainConfig) -> Iterator[None]:
    """Raises a UserError in place of whatever a lack of memory raises."""
    try:
        yield
    except (MemoryError, RuntimeError, OSError) as error:  # torch.OutOfMemoryError is a RuntimeError
        if not isinstance(error, MemoryError | torch.OutOfMemoryError) and not any(s in str(error) for s in _SIGNS):
            raise
        options = [f"lower pictures ({config.pictures})", f"lower sentences ({config.sentences})"]
        if not config.checkpointing:
            options.append("set checkpointing=true")
        if not config.bf16:
            options.append("set bf16=true")
        where = "the GPU's memory" if isinstance(error, torch.OutOfMemoryError) else "memory"
        raise UserError(f"{where} is full: {', or '.join(options)}; then start=, with another out=, goes on") from error
