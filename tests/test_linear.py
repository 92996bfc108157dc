"""Products by oneDNN: those of `nn.Linear`, gradients too."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from agent.vlm.decoder.linear import linear, product


@pytest.mark.parametrize("shape", [(5, 32), (3, 7, 32), (1, 1, 32), (2, 2, 3, 32)])
@pytest.mark.parametrize("rows", [1, 24, 100])
def test_values_and_gradients_of_torch(shape, rows):
    generator = torch.Generator().manual_seed(0)
    values, weights = torch.randn(shape, generator=generator), torch.randn(rows, 32, generator=generator)
    found = []
    for multiply in (product, F.linear):
        x, w = values.clone().requires_grad_(), weights.clone().requires_grad_()
        y = multiply(x, w)
        (y.sin().sum()).backward()
        found.append((y.detach(), x.grad, w.grad))
    for ours, torchs in zip(*found, strict=True):
        assert ours.shape == torchs.shape
        torch.testing.assert_close(ours, torchs, atol=2e-5, rtol=1e-5)


def test_strides_and_frozen_sides():
    x = torch.randn(32, 9).t()  # not contiguous
    w = torch.randn(32, 16).t().requires_grad_()
    product(x, w).sum().backward()
    torch.testing.assert_close(w.grad, x.sum(0).expand(16, 32), atol=1e-5, rtol=1e-5)
    frozen = torch.randn(16, 32)
    x = torch.randn(9, 32, requires_grad=True)
    product(x, frozen).sum().backward()
    torch.testing.assert_close(x.grad, frozen.sum(0).expand(9, 32), atol=1e-5, rtol=1e-5)
    assert frozen.grad is None


def test_what_it_leaves_to_torch():
    x, module = torch.randn(4, 32), nn.Linear(32, 8, bias=False)
    with torch.autocast("cpu", torch.bfloat16):
        assert product(x, module.weight).dtype == torch.bfloat16
    assert product(x.double(), module.weight.double()).dtype == torch.float64
    assert product(x[:0], module.weight).shape == (0, 8)
    with_bias = nn.Linear(32, 8)
    torch.testing.assert_close(linear(with_bias, x), with_bias(x))

    class Twice(nn.Linear):
        def forward(self, x):
            return 2 * super().forward(x)

    other = Twice(32, 8, bias=False)
    torch.testing.assert_close(linear(other, x), 2 * F.linear(x, other.weight))


def test_second_derivatives_are_those_of_torch():
    generator = torch.Generator().manual_seed(1)
    values, weights = torch.randn(4, 6, generator=generator), torch.randn(5, 6, generator=generator)
    found = []
    for multiply in (product, F.linear):
        x, w = values.clone().requires_grad_(), weights.clone().requires_grad_()
        first = torch.autograd.grad(multiply(x, w).sin().sum(), (x, w), create_graph=True)
        found.append(torch.autograd.grad(sum((g**2).sum() for g in first), (x, w)))
    for ours, torchs in zip(*found, strict=True):
        torch.testing.assert_close(ours, torchs, atol=1e-4, rtol=1e-4)
    hessian = torch.autograd.functional.hessian
    hessians = [hessian(lambda w, m=m: (m(values, w) ** 2).sum(), weights) for m in (product, F.linear)]
    assert hessians[1].abs().max() > 1
    torch.testing.assert_close(*hessians, atol=1e-4, rtol=1e-4)


def test_compiled_as_one_graph():
    assert torch._dynamo.explain(product)(torch.randn(4, 8), torch.randn(3, 8)).graph_break_count == 0


def test_hooks_are_called_and_functional_gradients_work():
    module, seen = nn.Linear(6, 3, bias=False), []
    handle = module.register_forward_hook(lambda *_: seen.append(1))
    linear(module, torch.randn(2, 6))
    handle.remove()
    linear(module, torch.randn(2, 6))
    assert seen == [1]
    x, w = torch.randn(4, 6), torch.randn(5, 6)
    grads = [torch.func.grad(lambda w, m=m: (m(x, w) ** 2).sum())(w) for m in (product, F.linear)]
    torch.testing.assert_close(*grads, atol=1e-4, rtol=1e-4)
    assert product(x, torch.empty(0, 6)).shape == (4, 0)
