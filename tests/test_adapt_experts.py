"""LoRA on the matrices of experts: each has an update of its own, and the router stays as it is."""

from __future__ import annotations

from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from agent.vlm.adapt.adapt import Adaptation, Adapted, adapt, load_adapter  # noqa: E402
from agent.vlm.adapt.lora import LoraConfig, LoraExpertLinear, bake, lora_layers, merge, unmerge  # noqa: E402
from agent.vlm.config import DecoderConfig, ExpertsConfig  # noqa: E402
from agent.vlm.decoder import Decoder  # noqa: E402
from agent.vlm.decoder.experts import ExpertLinear, Routing  # noqa: E402
from agent.vlm.files import load_tensors  # noqa: E402
from agent.vlm.generation.language import LanguageModel  # noqa: E402

MIXTRAL = DecoderConfig(
    layers=2, width=16, heads=2, kv_heads=1, head_width=8, ffn_width=24, vocabulary=32,
    experts=ExpertsConfig(count=4, per_token=2),
)  # fmt: skip
IDS = torch.arange(40).view(2, 20) % 32


def model(seed: int = 0) -> LanguageModel:
    torch.manual_seed(seed)
    return LanguageModel(Decoder(MIXTRAL)).eval()


def taught(base: LanguageModel, *targets: str) -> Adapted:
    """A few steps of training towards nothing sensible."""
    frozen = Adaptation(vision="frozen", projector="frozen", pointer="frozen", lora=LoraConfig(rank=3, targets=targets))
    adapted = adapt(base, frozen, base="tiny mixture")
    adapted.train()
    optimizer = torch.optim.Adam([p for p in base.parameters() if p.requires_grad], lr=1e-2)
    for _ in range(5):
        optimizer.zero_grad()
        routing = Routing()
        (base.logits(IDS, routing=routing).square().mean() + routing.balance_loss()).backward()
        optimizer.step()
    base.eval()
    return adapted


def test_gradients_reach_the_updates_alone() -> None:
    base, adapted = model(), model()
    taught(adapted, "*")
    before = base.state_dict()
    assert sum(isinstance(layer, LoraExpertLinear) for layer in lora_layers(adapted).values()) == 2 * 3
    for name, parameter in adapted.named_parameters():
        if name.endswith((".lora_a", ".lora_b")):
            assert parameter.grad is not None, name
            assert parameter.grad.abs().sum() > 0, name
        else:
            assert parameter.grad is None, name
            assert torch.equal(parameter, before[name]), name
    assert not any("router" in name for name in lora_layers(adapted))


def test_each_expert_has_an_update_of_its_own() -> None:
    """Against the weights with B A added, expert by expert."""
    torch.manual_seed(0)
    layer = LoraExpertLinear(ExpertLinear(3, 8, 5), LoraConfig(rank=2, alpha=6.0))
    torch.nn.init.normal_(layer.lora_b)
    parts = {0: torch.randn(4, 8), 2: torch.randn(2, 8)}
    with torch.no_grad():
        out = layer(parts)
        assert list(out) == [0, 2]
        for x, part in out.items():
            w = layer.weight[x] + 3.0 * layer.lora_b[x] @ layer.lora_a[x]
            assert part.shape == (len(parts[x]), 5)
            assert torch.allclose(part, parts[x] @ w.T, atol=1e-5)


def test_merged_equals_unmerged_and_unmerging_gives_the_base_back() -> None:
    adapted = model()
    before = {name: tensor.clone() for name, tensor in adapted.state_dict().items()}
    taught(adapted, "*.experts.*")
    with torch.no_grad():
        apart = adapted.logits(IDS)
        merge(adapted)
        merge(adapted)  # the second time does nothing
        together = adapted.logits(IDS)
        weight = adapted.get_parameter("decoder.layers.0.experts.gate.weight").clone()
        unmerge(adapted)
        again = adapted.logits(IDS)
    assert (apart - model().logits(IDS)).abs().max() > 1e-2, "the adapter was taught something"
    assert (together - apart).abs().max() < 1e-5
    assert (again - apart).abs().max() < 1e-5
    name = "decoder.layers.0.experts.gate.weight"
    assert ((weight - before[name]).flatten(1).abs().amax(dim=1) > 1e-4).all(), "every expert was"
    assert (adapted.get_parameter(name) - before[name]).abs().max() < 1e-6


def test_baked_it_has_the_names_of_its_base_alone() -> None:
    adapted, plain = model(), model(1)
    taught(adapted, "*")
    expected = adapted.logits(IDS)
    bake(adapted)
    plain.load_state_dict(adapted.state_dict())
    assert (plain.logits(IDS) - expected).abs().max() < 1e-5


def test_its_file_makes_its_base_the_taught_model(tmp_path: Path) -> None:
    adapted, fresh = model(), model()
    taught(adapted, "*.experts.down", "*.q").save(tmp_path / "adapter.safetensors")
    names = set(load_tensors(tmp_path / "adapter.safetensors"))
    parts = ("q", "experts.down")
    assert names == {f"decoder.layers.{i}.{part}.lora_{ab}" for i in (0, 1) for part in parts for ab in "ab"}
    load_adapter(tmp_path / "adapter.safetensors", fresh)
    assert torch.equal(fresh.logits(IDS), adapted.logits(IDS))
