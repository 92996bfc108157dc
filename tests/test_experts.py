"""Experts: the losses in figures, room that runs out, tokens that reach what the router chose."""

from __future__ import annotations

from dataclasses import replace

import pytest

torch = pytest.importorskip("torch")

from agent.vlm.config import DecoderConfig, ExpertsConfig  # noqa: E402
from agent.vlm.decoder import Decoder  # noqa: E402
from agent.vlm.decoder.experts import Experts, Routing  # noqa: E402
from agent.vlm.generation.language import LanguageModel  # noqa: E402
from agent.vlm.small.shrink import SmallNumbers, shrink  # noqa: E402

TINY = DecoderConfig(
    layers=2, width=16, heads=2, kv_heads=1, head_width=8, ffn_width=24, vocabulary=32,
    experts=ExpertsConfig(count=4, per_token=2),
)  # fmt: skip


def test_losses_are_these_figures() -> None:
    logits = torch.log(torch.tensor([[0.7, 0.1, 0.1, 0.1], [0.7, 0.1, 0.1, 0.1]])) + 3.0
    one = Routing(logits=[logits], chosen=[torch.tensor([[0], [0]])])
    assert float(one.balance_loss()) == pytest.approx(4 * 0.7)
    assert float(one.z_loss()) == pytest.approx(9.0, abs=1e-4)
    assert one.load().tolist() == [[1.0, 0.0, 0.0, 0.0]]
    even = Routing(logits=[torch.zeros(2, 4)], chosen=[torch.tensor([[0, 1], [2, 3]])])
    assert float(even.balance_loss()) == pytest.approx(2.0)  # k, as the load is even
    assert float(Routing(logits=[torch.zeros(1, 4)], chosen=[torch.tensor([[1]])]).balance_loss()) == 1.0


def test_balance_loss_is_that_of_transformers() -> None:
    transformers = pytest.importorskip("transformers")
    theirs = transformers.models.mixtral.modeling_mixtral.load_balancing_loss_func
    torch.manual_seed(0)
    model = LanguageModel(Decoder(replace(TINY, layers=1)))
    ids = torch.randint(32, (3, 9))
    mask = torch.ones(3, 9, dtype=torch.bool)
    mask[1, 5:] = False
    routing = Routing(valid=mask)
    everything = Routing()
    with torch.no_grad():
        model.logits(ids, mask, routing=routing)
        model.logits(ids, mask, routing=everything)
    expected = theirs((everything.logits[0],), 4, 2, mask.long())
    assert float(routing.balance_loss()) == pytest.approx(float(expected), abs=1e-6)


@pytest.mark.parametrize("k", [1, 2])
def test_each_token_gets_its_experts_by_their_weights(k: int) -> None:
    """Against every expert computed for every token."""
    torch.manual_seed(0)
    c = replace(TINY, experts=ExpertsConfig(count=4, per_token=k, renormalise=k > 1))
    experts, x = Experts(c), torch.randn(2, 5, 16)
    with torch.no_grad():
        p = (x @ experts.router.weight.T).softmax(dim=-1)
        top = p.topk(k, dim=-1)
        share = torch.zeros_like(p).scatter(-1, top.indices, top.values)
        if k > 1:
            share = share / share.sum(dim=-1, keepdim=True)
        gate = torch.nn.functional.silu(torch.einsum("btd,xfd->btxf", x, experts.gate.weight))
        inner = gate * torch.einsum("btd,xfd->btxf", x, experts.up.weight)
        every = torch.einsum("btxf,xdf->btxd", inner, experts.down.weight)
        expected = (every * share[..., None]).sum(dim=2)
        assert (experts(x) - expected).abs().max() < 1e-6


def test_a_full_expert_lets_tokens_pass_in_their_order() -> None:
    torch.manual_seed(0)
    c = replace(TINY, experts=ExpertsConfig(count=4, per_token=1, renormalise=False, capacity_factor=1.0))
    experts = Experts(c)
    with torch.no_grad():
        experts.router.weight.zero_()[2] = 1.0
    x = torch.rand(1, 8, 16) + 0.1  # all go to expert 2, which has room for 8 / 4 of them
    routing = Routing()
    out = experts.train()(x, routing)
    assert out[0].abs().sum(dim=1).ne(0).tolist() == [True, True, *[False] * 6]
    assert routing.dropped == [pytest.approx(0.75)]
    valid = torch.tensor([[False, *[True] * 5, False, False]])  # padding takes no room: 5 / 4, rounded up
    out = experts(x, Routing(valid=valid))
    assert out[0].abs().sum(dim=1).ne(0)[1:6].tolist() == [True, True, False, False, False]
    assert experts.eval()(x)[0].abs().sum(dim=1).ne(0).all(), "in use nothing is dropped"


def test_losses_keep_the_experts_in_use() -> None:
    """A router that starts with all on one expert spreads its tokens out under the two losses alone."""
    torch.manual_seed(0)
    experts = Experts(replace(TINY, experts=ExpertsConfig(count=4, per_token=1, renormalise=False)))
    with torch.no_grad():
        experts.router.weight[0] += 0.5
    x = torch.rand(4, 64, 16)
    optimizer = torch.optim.Adam(experts.parameters(), lr=0.02)
    loads = []
    for _ in range(120):
        routing = Routing()
        experts(x, routing)
        loads.append(float(routing.load().max()))
        loss = routing.balance_loss() + 1e-2 * routing.z_loss()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert loads[0] > 0.95
    assert loads[-1] < 0.45


def test_switch_has_experts_in_every_other_layer() -> None:
    from agent.vlm.decoder import presets

    with torch.device("meta"):
        decoder = Decoder(presets.switch(count=2))
    assert [layer.experts is not None for layer in decoder.layers] == [False, True] * 6


def test_no_token_at_all_and_a_router_that_asks_for_float32() -> None:
    experts = Experts(TINY).bfloat16()
    assert experts(torch.zeros(1, 0, 16, dtype=torch.bfloat16)).shape == (1, 0, 16)
    assert experts.router(torch.ones(3, 16, dtype=torch.bfloat16)).dtype == torch.float32
    assert experts(torch.ones(1, 3, 16, dtype=torch.bfloat16)).dtype == torch.bfloat16


def test_training_in_bfloat16_routes_in_float32() -> None:
    """As agent/training/loop.py does by default: weights in float32, products in bfloat16."""
    torch.manual_seed(0)
    model, ids, plain, routing = LanguageModel(Decoder(TINY)), torch.randint(32, (2, 20)), Routing(), Routing()
    with torch.no_grad():
        model.logits(ids, routing=plain)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        z = model.logits(ids, routing=routing)
    z.float().square().mean().backward()
    assert [logits.dtype for logits in routing.logits] == [torch.float32] * 2
    assert (routing.logits[0] - plain.logits[0]).abs().max() < 0.02  # attention before it was in bfloat16
    layer = model.decoder.layers[0].get_submodule("experts")
    assert isinstance(layer, Experts)
    h = torch.randn(5, 16)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        routed = layer.router(h)
        assert layer(h[None]).dtype == torch.float32
    assert torch.equal(routed, torch.nn.functional.linear(h, layer.router.weight))
    assert all(p.grad.isfinite().all() for p in model.parameters())


def test_an_expert_that_nobody_chose_has_a_gradient_of_zeros() -> None:
    torch.manual_seed(0)
    experts = Experts(replace(TINY, experts=ExpertsConfig(count=4, per_token=1, renormalise=False)))
    with torch.no_grad():
        experts.router.weight.zero_()[2] = 1.0
    experts(torch.rand(1, 8, 16)).square().sum().backward()
    for part in (experts.gate, experts.up, experts.down):
        assert part.weight.grad.flatten(1).abs().sum(dim=1).ne(0).tolist() == [False, False, True, False]


def test_small_numbers_leave_the_router_alone() -> None:
    torch.manual_seed(0)
    model = LanguageModel(Decoder(TINY)).eval()
    shrunk = shrink(model.decoder, SmallNumbers(kind="int8"), ("layers.*",))
    assert len(shrunk) == 2 * 4  # q, k, v and o
    assert model.logits(torch.randint(32, (1, 5))).isfinite().all()


def test_gradients_reach_router_and_experts() -> None:
    torch.manual_seed(0)
    model, routing = LanguageModel(Decoder(TINY)), Routing()
    z = model.logits(torch.randint(32, (2, 20)), routing=routing)
    (z.square().mean() + routing.balance_loss() + routing.z_loss()).backward()
    for name, p in model.named_parameters():
        assert p.grad is not None, name
        assert p.grad.abs().sum() > 0, name
