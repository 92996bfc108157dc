"""A step shared out over the processes of a run."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.fsdp import fully_shard
from torch.distributed.tensor.parallel import ColwiseParallel, ParallelStyle, RowwiseParallel, parallelize_module
from torch.nn.parallel import DistributedDataParallel

from agent.errors import UserError
from agent.training.parallel.norms import join_norms
from agent.training.parallel.world import World
from agent.training.step import Step
from agent.vlm.adapt.lora import lora_layers
from agent.vlm.config import DecoderConfig
from agent.vlm.decoder.layer import Layer
from agent.vlm.encoders.block import Block


def spread(step: Step, world: World) -> nn.Module:
    """What to call in place of `step`, whose weights may lie in parts afterwards.

    Raises:
        UserError: what the run asks for can't be had in several processes that way.
    """
    if world.size == 1 and world.how == "ddp":
        return step
    if step.config.compile and world.how != "ddp":
        raise UserError(f"compile=true goes with parallel=ddp alone, not with {world.how}")
    if world.shares > 1:
        join_norms(step)
    if world.how == "fsdp":
        _fsdp(step, world)
    elif world.how == "tp":
        _tensor_parallel(step, world)
    else:
        index = [torch.cuda.current_device()] if world.device == "cuda" else None
        # Other stages leave some parts alone: the eye in `speak`, the decoder in `see`.
        unused = step.config.stage != "both"
        return DistributedDataParallel(
            step, device_ids=index, forward_sync_buffers=False, find_unused_parameters=unused
        )  # fmt: skip
    return step


def _fsdp(step: Step, world: World) -> None:
    """Blocks are gathered one by one as they are come to, the rest for the whole of a step."""
    mesh = world.mesh()
    # A single number has no parts: every process keeps it, and its gradient is averaged here.
    numbers = {p for p in step.parameters() if p.dim() == 0}
    for number in numbers:
        number.register_post_accumulate_grad_hook(_averaged(world.size))  # type: ignore[no-untyped-call]
    for module in step.modules():
        if isinstance(module, Layer | Block):
            fully_shard(module, mesh=mesh)
    fully_shard(step, mesh=mesh, ignored_params=numbers)


def _averaged(size: int) -> Callable[[Tensor], None]:
    def average(p: Tensor) -> None:
        assert p.grad is not None
        dist.all_reduce(p.grad)
        p.grad /= size

    return average


def _tensor_parallel(step: Step, world: World) -> None:
    decoder = step.model.decoder
    plan = tensor_plan(decoder.config, world.size)
    if any(name.startswith("decoder.") for name in lora_layers(step.model)):
        raise UserError("parallel=tp divides the decoder's own matrices, not LoRA's; use fsdp or ddp with adapt=lora")
    mesh = world.mesh()
    for layer in decoder.layers:
        parallelize_module(layer, mesh, plan)


def tensor_plan(c: DecoderConfig, size: int) -> dict[str, ParallelStyle]:
    """How a layer's matrices are divided (Megatron-LM, section 3): the first of each pair by what comes out, the second
    by what goes in, so that a block needs one sum each way. What its heads do not allow stays whole.

    Raises:
        UserError: there is nothing to divide by so many.
    """
    plan: dict[str, ParallelStyle] = {}
    heads = c.heads % size == 0 and c.kv_heads % size == 0
    if heads:
        plan |= {name: ColwiseParallel() for name in ("q", "k", "v")} | {"o": RowwiseParallel()}
    if c.experts is None and c.ffn_width % size == 0:
        plan |= {name: ColwiseParallel() for name in ("gate", "up")} | {"down": RowwiseParallel()}
    if not plan:
        raise UserError(
            f"parallel=tp over {size} processes: neither {c.heads} heads and {c.kv_heads} key-value heads nor a "
            f"feed-forward width of {c.ffn_width} can be divided by {size}; use fsdp or ddp"
        )
    return plan
