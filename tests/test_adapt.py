"""Adaptation: what learns and what does not, merged against unmerged, and adapters that fit their own base alone."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from agent.stream import Stream  # noqa: E402
from agent.training.batch import make_batch  # noqa: E402
from agent.vlm.adapt.adapt import PARTS, Adaptation, Adapted, adapt, load_adapter, part_of, weights_sha256  # noqa: E402
from agent.vlm.adapt.lora import LoraConfig, LoraLinear, bake, lora_layers, merge, unmerge  # noqa: E402
from agent.vlm.adapt.swap import matching_linears, swap_linears  # noqa: E402
from agent.vlm.checkpoint import save_tensors  # noqa: E402
from agent.vlm.config import DecoderConfig  # noqa: E402
from agent.vlm.decoder import Decoder  # noqa: E402
from agent.vlm.files import CheckpointError, load_tensors, read_header  # noqa: E402
from agent.vlm.model import VLM  # noqa: E402
from tests.tiny import tiny_tokenizer  # noqa: E402
from tests.tiny_model import tiny_model, tiny_picture  # noqa: E402

SUMS = 2e-5
"""Tolerance between two orders of the same float32 sums, values of order one."""
ATTENTION = LoraConfig(rank=4, alpha=8.0, targets=("decoder.layers.*.q", "decoder.layers.*.v"))


def answer(model: VLM):
    """Logits, pointer queries and scores about one picture, as one row."""
    batch = make_batch([tiny_picture(1)], Stream(tiny_tokenizer()), model.config)
    tokens, features = model.vision(batch.image)
    hidden = model.read(tokens, batch.state, batch.ids, batch.segments, batch.positions)
    query = model.query(hidden[0])
    return torch.cat(
        [model.decoder.logits(hidden).flatten(), query.flatten(), model.point(query, features[0]).flatten()]
    )


def taught(adapted: Adapted, steps: int = 3) -> Adapted:
    """A few steps of training towards nothing sensible."""
    adapted.train()
    optimizer = torch.optim.SGD([p for p in adapted.model.parameters() if p.requires_grad], lr=1e-2)
    for _ in range(steps):
        optimizer.zero_grad()
        answer(adapted.model).square().mean().backward()
        torch.nn.utils.clip_grad_norm_(adapted.model.parameters(), 1.0)
        optimizer.step()
    adapted.model.eval()
    return adapted


@pytest.mark.parametrize(
    "learning",
    [
        {"vision": "frozen", "projector": "full", "decoder": "frozen", "pointer": "frozen"},
        {"vision": "full", "projector": "full", "decoder": "frozen", "pointer": "full"},
        {"vision": "frozen", "projector": "frozen", "decoder": "lora", "pointer": "frozen"},
        {"vision": "lora", "projector": "full", "decoder": "lora", "pointer": "full"},
        {"vision": "full", "projector": "full", "decoder": "full", "pointer": "full"},
    ],
)
def test_gradients_and_changes_are_where_they_should_be_alone(learning: dict[str, str]) -> None:
    model = tiny_model()
    before = {k: v.clone() for k, v in model.state_dict().items()}
    adapted = taught(adapt(model, Adaptation(**learning), base="tiny"))
    for name, parameter in model.named_parameters():
        lora = name.endswith((".lora_a", ".lora_b"))
        learns = lora or learning[part_of(name)] == "full"
        assert (parameter.grad is not None) == learns, name
        if learns:
            assert bool(parameter.grad.isfinite().all())
    for name, tensor in model.state_dict().items():
        if name in before and learning[part_of(name)] != "full":
            assert torch.equal(tensor, before[name]), f"{name} changed, its batch norm statistics perhaps"
    for part, how in learning.items():
        changed = [
            n for n, v in model.state_dict().items() if part_of(n) == part and not torch.equal(v, before.get(n, v + 1))
        ]
        assert bool(changed) == (how != "frozen"), part
    assert set(adapted.tensors()) == {
        n for n in model.state_dict() if n.endswith((".lora_a", ".lora_b")) or learning[part_of(n)] == "full"
    }


def test_every_parameter_belongs_to_one_part() -> None:
    parts = {part_of(name) for name in tiny_model().state_dict()}
    assert parts == set(PARTS)
    assert part_of("encoders.image.vit.patch.weight") == "vision"
    assert part_of("encoders.image.project.linear.weight") == "projector"
    with pytest.raises(ValueError, match=r"audio\.weight"):
        part_of("audio.weight")


def test_an_untaught_adapter_changes_nothing_and_a_taught_one_does() -> None:
    base, model = tiny_model(), tiny_model()
    adapted = adapt(
        model, Adaptation(vision="frozen", projector="frozen", pointer="frozen", lora=ATTENTION), base="tiny"
    )
    assert sorted(lora_layers(model)) == [f"decoder.layers.{i}.{p}" for i in (0, 1) for p in "qv"]
    with torch.no_grad():
        assert torch.equal(answer(model), answer(base))
    taught(adapted)
    with torch.no_grad():
        assert (answer(model) - answer(base)).abs().max() > 100 * SUMS


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_merged_equals_unmerged_and_unmerging_gives_the_base_back(dtype) -> None:
    model = tiny_model()
    taught(adapt(model, Adaptation(lora=LoraConfig(rank=3, dropout=0.3)), base="tiny"))
    layer = model.get_submodule("decoder.layers.0.q").to(dtype)
    assert isinstance(layer, LoraLinear)
    before, x = layer.weight.clone(), torch.randn(5, 48, dtype=dtype)
    with torch.no_grad():
        apart = layer(x)
        layer.merge()
        layer.merge()  # the second time does nothing
        together = layer(x)
        layer.unmerge()
    tolerance = SUMS if dtype is torch.float32 else 1e-12
    assert (apart - layer(x)).abs().max() < tolerance
    assert (apart - together).abs().max() < (tolerance if dtype is torch.float32 else SUMS)  # the update is float32
    assert (layer.weight - before).abs().max() < 1e-6
    model.float()
    with torch.no_grad():
        whole = answer(model)
        merge(model)
        merged = answer(model)
        unmerge(model)
        assert (answer(model) - whole).abs().max() < 10 * SUMS
        assert (merged - whole).abs().max() < 10 * SUMS


def test_dropout_is_for_training_alone() -> None:
    layer = LoraLinear(torch.nn.Linear(64, 8), LoraConfig(rank=4, dropout=0.5))
    torch.nn.init.normal_(layer.lora_b)
    x = torch.randn(3, 64)
    assert not torch.equal(layer(x), layer(x))
    layer.eval()
    assert torch.equal(layer(x), layer(x))


def test_a_baked_model_is_a_plain_one() -> None:
    model = tiny_model()
    taught(adapt(model, Adaptation(), base="tiny"))
    with torch.no_grad():
        whole = answer(model)
    bake(model)
    plain = tiny_model(seed=1)
    plain.load_state_dict(model.state_dict())  # strict: the base's names and no others
    with torch.no_grad():
        assert (answer(plain.eval()) - whole).abs().max() < 10 * SUMS


def test_an_adapter_file_makes_its_base_the_taught_model(tmp_path: Path) -> None:
    model = tiny_model()
    adapted = taught(adapt(model, Adaptation(vision="frozen", lora=ATTENTION), base="tiny-1"))
    adapted.save(tmp_path / "adapter.safetensors")
    notes = read_header(tmp_path / "adapter.safetensors").metadata
    assert notes["base"] == "tiny-1"
    assert notes["base_sha256"] == weights_sha256(tiny_model().state_dict())
    fresh = tiny_model()
    again = load_adapter(tmp_path / "adapter.safetensors", fresh)
    assert again.adaptation == adapted.adaptation
    assert torch.equal(answer(fresh), answer(model))
    whole = sum(v.numel() * v.element_size() for v in model.state_dict().values())
    assert (tmp_path / "adapter.safetensors").stat().st_size < whole / 2


def test_an_adapter_of_smollm2_has_a_few_megabytes() -> None:
    """Rank 8 on every linear layer, in float32; nothing is allocated for it."""
    with torch.device("meta"):
        decoder = Decoder(DecoderConfig(layers=30, vocabulary=49152))
        swap_linears(decoder, matching_linears(decoder, ["*"]), lambda linear: LoraLinear(linear, LoraConfig(rank=8)))
    learning = [p for n, p in decoder.named_parameters() if n.endswith((".lora_a", ".lora_b"))]
    assert len(learning) == 2 * 7 * 30
    assert 1e6 < sum(p.numel() * 4 for p in learning) < 10e6


def test_another_base_is_refused_with_both_hashes(tmp_path: Path) -> None:
    path = tmp_path / "adapter.safetensors"
    adapt(tiny_model(), Adaptation(lora=ATTENTION), base="tiny").save(path)
    other = tiny_model(seed=5)
    before = {k: v.clone() for k, v in other.state_dict().items()}
    with pytest.raises(CheckpointError) as refused:
        load_adapter(path, other)
    said = str(refused.value)
    assert weights_sha256(tiny_model().state_dict()) in said
    assert weights_sha256(before) in said
    assert "'tiny'" in said
    assert "\n" not in said
    assert {k: v.tolist() for k, v in other.state_dict().items()} == {k: v.tolist() for k, v in before.items()}


def test_one_changed_number_is_another_base() -> None:
    model = tiny_model()
    digest = weights_sha256(model.state_dict())
    with torch.no_grad():
        model.get_parameter("decoder.layers.1.up.weight")[3, 4] += 1e-6
    assert weights_sha256(model.state_dict()) != digest
    assert weights_sha256({"a": torch.zeros(2, 3)}) != weights_sha256({"a": torch.zeros(3, 2)})


@pytest.mark.parametrize("how", ["format", "adaptation", "rank", "lacks", "foreign", "shape"])
def test_a_foreign_adapter_is_one_line(tmp_path: Path, how: str) -> None:
    path = tmp_path / "adapter.safetensors"
    adapt(tiny_model(), Adaptation(lora=ATTENTION), base="tiny").save(path)
    tensors, notes = load_tensors(path), dict(read_header(path).metadata)
    key = "decoder.layers.0.q.lora_a"
    said = json.loads(notes["adaptation"])
    if how == "format":
        notes["format"] = "other"
    elif how == "adaptation":
        notes["adaptation"] = '["decoder"]'
    elif how == "rank":
        notes["adaptation"] = json.dumps({**said, "lora": {**said["lora"], "rank": -1}})
    elif how == "lacks":
        del tensors[key]
    elif how == "foreign":
        tensors["decoder.extra"] = torch.zeros(1)
    else:
        tensors[key] = tensors[key][:2]
    save_tensors(path, tensors, notes)
    named = {"format": "other", "foreign": r"decoder\.extra", "lacks": key, "shape": key}.get(how, "adaptation")
    with pytest.raises(CheckpointError, match=named) as refused:
        load_adapter(path, tiny_model())
    assert "\n" not in str(refused.value)


def test_what_cannot_be_adapted_is_said() -> None:
    with pytest.raises(ValueError, match=r"'\*\.query'.*decoder\.layers\.0\.q"):
        adapt(tiny_model(), Adaptation(lora=LoraConfig(targets=("*.query",))), base="tiny")
    with pytest.raises(ValueError, match="vision=lora"):
        adapt(tiny_model(), Adaptation(vision="lora", lora=ATTENTION), base="tiny")
    with pytest.raises(ValueError, match="decoder=thawed: there are frozen, lora, full"):
        Adaptation(decoder="thawed")
    model = tiny_model()
    adapt(model, Adaptation(), base="tiny")
    with pytest.raises(ValueError, match="already"):
        adapt(model, Adaptation(), base="tiny")
