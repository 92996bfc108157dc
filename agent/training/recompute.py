"""Gradient checkpointing: what is inside a block is computed once more on the way back, and not kept (Chen et al. 2016,
"Training deep nets with sublinear memory cost"). Convolutions are kept: twice through would count twice in their norms.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor
from torch.utils.checkpoint import checkpoint

from agent.vlm.decoder.decoder import Grown
from agent.vlm.decoder.layer import Layer
from agent.vlm.encoders.block import Block
from agent.vlm.model import VLM


def recompute_blocks(model: VLM) -> None:
    """From now on, in the eye and in the decoder, while training. Decoding with a cache is as it was."""
    for module in model.modules():
        if isinstance(module, Layer | Block):
            _recompute(module)


def _recompute(block: Layer | Block) -> None:
    once: Callable[..., Tensor] = block.forward

    def again(x: Tensor, *args: Any, **options: Any) -> Tensor:
        if not block.training:
            return once(x, *args, **options)
        return checkpoint(_fresh, x, *args, use_reentrant=False, **options)  # type: ignore[no-any-return]

    def _fresh(x: Tensor, *args: Any, **options: Any) -> Tensor:
        """The keys and values of a sequence are put where no other pass has put them."""
        return once(x, *(Grown(None) if isinstance(a, Grown) else a for a in args), **options)

    block.forward = again  # type: ignore[method-assign]
