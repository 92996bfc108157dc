"""Matrix products in float32 by oneDNN, forwards and backwards.

torch's own float32 products go through MKL, which on processors of another maker than Intel runs at half of what they
can do. Measured on one AVX-512 core with 256 tokens and SmolLM2's shapes: 84 to 98 GFLOP/s by `nn.Linear`, 200 to 235
by this, forwards and for both gradients (the head: 79 and 160, gradients 73 to 96 and 100 to 177).
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F


def linear(module: nn.Module, x: Tensor) -> Tensor:
    """What the module makes of x [...,D]; a plain `nn.Linear` by oneDNN where that can be."""
    if type(module) is nn.Linear and getattr(module, "bias", None) is None and not _is_hooked(module):
        return product(x, module.weight)
    return module(x)  # type: ignore[no-any-return]


def product(x: Tensor, weight: Tensor) -> Tensor:
    """x [...,D] by weight [N,D] -> [...,N]."""
    if torch.compiler.is_compiling() or not (_plain(x) and _plain(weight)) or not _available():
        return F.linear(x, weight)
    out: Tensor = _Product.apply(x.reshape(-1, x.shape[-1]), weight)  # type: ignore[no-untyped-call]
    return out.view(*x.shape[:-1], -1)


def _plain(x: Tensor) -> bool:
    """Some float32 in this processor's memory, and to stay so: under autocast it is not."""
    return (
        x.dtype == torch.float32 and x.device.type == "cpu" and x.numel() > 0 and not torch.is_autocast_enabled("cpu")
    )


def _is_hooked(module: nn.Module) -> bool:
    return bool(module._forward_hooks or module._forward_pre_hooks or module._backward_hooks)


def _available() -> bool:
    return torch._C._get_mkldnn_enabled() and hasattr(torch.ops.mkldnn, "_linear_pointwise")


class _Product(torch.autograd.Function):
    """a [M,K] by b [N,K], in any strides -> [M,N]. Its gradients are such products, and so have gradients."""

    @staticmethod
    def forward(a: Tensor, b: Tensor) -> Tensor:
        out: Tensor = torch.ops.mkldnn._linear_pointwise(a, b, None, "none", [], "")
        return out

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Tensor], output: Tensor) -> None:
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, Tensor | None]:
        a, b = ctx.saved_tensors
        to_a, to_b = ctx.needs_input_grad
        return product(grad, b.t()) if to_a else None, product(grad.t(), a.t()) if to_b else None
