"""Small numbers: how far from the weights they may be, what is packed where, and that training sees what is shipped."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from hypothesis import given, settings  # noqa: E402
from hypothesis import strategies as st  # noqa: E402

from agent.vlm.checkpoint import save_tensors  # noqa: E402
from agent.vlm.config import DecoderConfig  # noqa: E402
from agent.vlm.decoder import Decoder  # noqa: E402
from agent.vlm.files import CheckpointError, load_tensors, read_header  # noqa: E402
from agent.vlm.small.quant import GROUPS, Int4Linear, Int8Linear, int8_tokens, integer_products  # noqa: E402
from agent.vlm.small.shrink import SmallNumbers, load_small, save_small, shrink  # noqa: E402
from agent.vlm.small.ternary import TernaryLinear, TernaryTraining, ternary, train_ternary  # noqa: E402

KINDS = [
    SmallNumbers(kind="int8"),
    SmallNumbers(kind="int8_activations"),
    SmallNumbers(kind="int4", group=32),
    SmallNumbers(kind="int4", group=128, zero_point=True),
    SmallNumbers(kind="ternary"),
]
CONFIG = DecoderConfig(layers=2, width=64, heads=4, kv_heads=2, head_width=16, ffn_width=192, vocabulary=50)


def decoder(seed: int = 0) -> Decoder:
    torch.manual_seed(seed)
    return Decoder(CONFIG).eval()


def hidden(model: Decoder):
    n = 12
    x = torch.randn(2, n, CONFIG.width, generator=torch.Generator().manual_seed(3))
    with torch.no_grad():
        return model(x, torch.arange(n).expand(2, n), torch.ones(n, n, dtype=torch.bool).tril()[None, None])[0]


def linear(inputs: int, outputs: int, seed: int = 0, shift: float = 0.0):
    torch.manual_seed(seed)
    layer = torch.nn.Linear(inputs, outputs)
    with torch.no_grad():
        layer.weight.copy_(0.1 * torch.randn(outputs, inputs) + shift)
    return layer


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 300), st.integers(1, 9), st.integers(0, 99), st.sampled_from([0.0, 0.2]))
def test_int8_is_half_a_step_from_the_weight(inputs: int, outputs: int, seed: int, shift: float) -> None:
    layer = linear(inputs, outputs, seed, shift)
    small = Int8Linear(inputs, outputs, bias=True).fill(layer)
    assert ((small.unpacked() - layer.weight).abs() <= 0.5001 * small.scale[:, None]).all()
    x = torch.randn(3, inputs)
    with torch.no_grad():
        exact = torch.nn.functional.linear(x, small.unpacked(), layer.bias)
        assert (small(x) - exact).abs().max() < 1e-4


@settings(max_examples=60, deadline=None)
@given(
    st.integers(1, 300), st.integers(1, 9), st.integers(0, 99), st.sampled_from(GROUPS), st.booleans(),
    st.sampled_from([0.0, 0.3]),
)  # fmt: skip
def test_int4_is_half_a_step_from_the_weight(
    inputs: int, outputs: int, seed: int, group: int, zero_point: bool, shift: float
) -> None:
    layer = linear(inputs, outputs, seed, shift)
    small = Int4Linear(inputs, outputs, bias=True, group=group, zero_point=zero_point).fill(layer)
    step = small.scale.float().repeat_interleave(group, dim=1)[:, :inputs]
    # Beyond the half: float16 rounds the scale (2^-11 of seven steps), and the zero lies on a whole step.
    assert ((small.unpacked() - layer.weight).abs() <= (1.01 if zero_point else 0.51) * step).all()
    x = torch.randn(3, inputs)
    with torch.no_grad():
        assert (small(x) - torch.nn.functional.linear(x, small.unpacked(), layer.bias)).abs().max() < 1e-4


def test_a_zero_point_is_better_for_weights_that_lean_to_one_side() -> None:
    layer = linear(256, 16, shift=0.3)
    small = {zero: Int4Linear(256, 16, bias=True, group=32, zero_point=zero).fill(layer) for zero in (False, True)}
    wrong = {zero: float((s.unpacked() - layer.weight).detach().std()) for zero, s in small.items()}
    assert wrong[True] < 0.75 * wrong[False]


def test_four_bits_lie_where_they_should() -> None:
    layer = torch.nn.Linear(32, 1, bias=False)
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([[7.0, -7.0, 1.0, 0.0, *[0.0] * 12, 3.0, 5.0, -1.0, 2.0, *[0.0] * 12]]))
    small = Int4Linear(32, 1, bias=False, group=32).fill(layer)
    assert small.packed[0, :5].tolist() == [0xBF, 0xD1, 0x79, 0xA8, 0x88]  # high half: the second half of the row
    assert small.scale.tolist() == [[1.0]]
    assert torch.equal(small.unpacked(), layer.weight)


def test_two_bits_lie_where_they_should() -> None:
    layer = torch.nn.Linear(8, 2, bias=False)
    rows = [[3.0, -3.0, 0.0, 3.0, -3.0, -3.0, 3.0, 3.0], [0.0, 0.0, 0.0, 0.0, 3.0, 3.0, -3.0, -3.0]]
    with torch.no_grad():
        layer.weight.copy_(torch.tensor(rows))
    small = TernaryLinear(8, 2, bias=False).fill(layer)
    # Quarters of row 0, plus one: (2, 0), (1, 2), (0, 0), (2, 2).
    assert small.packed[0].tolist() == [2 | 1 << 2 | 0 << 4 | 2 << 6, 0 | 2 << 2 | 0 << 4 | 2 << 6]
    assert float(small.scale) == pytest.approx(33 / 16)
    assert torch.equal(small.unpacked().sign(), layer.weight.sign())


def test_ternary_is_this_matrix() -> None:
    whole, scale = ternary(torch.tensor([[0.4, -0.1, 1.0], [-0.6, 0.2, 0.1]]))
    assert float(scale) == pytest.approx(0.4)
    assert whole.tolist() == [[1, 0, 1], [-1, 0, 0]]  # 0.2 / 0.4 is a half, and rounds to the even


def test_tokens_become_int8_each_by_its_own_largest() -> None:
    x = torch.tensor([[0.5, -1.27, 0.01], [100.0, 50.0, -25.0], [0.0, 0.0, 0.0]])
    whole, scale = int8_tokens(x)
    assert whole.tolist() == [[50, -127, 1], [127, 64, -32], [0, 0, 0]]
    assert (whole * scale - x).abs().max() <= 0.5 * scale.max()


def test_integer_products_are_exact() -> None:
    generator = torch.Generator().manual_seed(0)
    for tokens, inputs, outputs in ((1, 576, 192), (5, 1537, 3), (40, 64, 577)):
        x = torch.randint(-127, 128, (2, tokens, inputs), dtype=torch.int8, generator=generator)
        signs = torch.randint(-1, 2, (outputs, inputs), dtype=torch.int8, generator=generator)
        assert torch.equal(integer_products(x, signs).long(), x.long() @ signs.long().t())


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 70), st.integers(1, 9), st.integers(0, 99))
def test_what_trained_as_ternary_ships_as_ternary(inputs: int, outputs: int, seed: int) -> None:
    layer = linear(inputs, outputs, seed)
    training, shipped = TernaryTraining(layer), TernaryLinear(inputs, outputs, bias=True).fill(layer)
    x = torch.randn(4, inputs)
    with torch.no_grad():
        assert (training(x) - shipped(x)).abs().max() < 1e-4


def test_gradients_go_straight_through_the_rounding() -> None:
    layer = TernaryTraining(linear(16, 4))
    x, upstream = torch.randn(3, 16, requires_grad=True), torch.randn(3, 4)
    layer(x).backward(upstream)
    whole, scale = ternary(layer.weight.detach())
    tokens, token_scale = int8_tokens(x.detach())
    assert torch.allclose(layer.weight.grad, upstream.t() @ (tokens * token_scale), atol=1e-5)
    assert torch.allclose(x.grad, upstream @ (whole * scale), atol=1e-5)


def test_ternary_training_learns() -> None:
    """A ternary teacher is found again, from random weights, through the rounding."""
    generator = torch.Generator().manual_seed(1)
    teacher = torch.randint(-1, 2, (8, 24), generator=generator).float()
    layer = TernaryTraining(linear(24, 8))
    optimizer = torch.optim.Adam(layer.parameters(), lr=1e-2)
    losses = []
    for _ in range(300):
        x = torch.randn(64, 24, generator=generator)
        loss = (layer(x) - x @ teacher.t()).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.02 * losses[0]
    assert torch.equal(ternary(layer.weight.detach())[0], teacher)


@pytest.mark.parametrize("numbers", KINDS, ids=lambda n: n.kind)
def test_a_small_model_comes_back_from_its_file(numbers: SmallNumbers, tmp_path: Path) -> None:
    model = decoder()
    names = shrink(model, numbers, ("layers.*",))
    assert len(names) == 14
    save_small(tmp_path / "small.safetensors", model)
    fresh = decoder(seed=1)
    load_small(tmp_path / "small.safetensors", fresh)
    assert torch.equal(hidden(fresh), hidden(model))
    bits = {"int8": 8.6, "int8_activations": 8.6, "int4": 4.6 if numbers.group == 32 else 4.3, "ternary": 2.1}[
        numbers.kind
    ]
    stored = sum(
        e.bytes for n, e in read_header(tmp_path / "small.safetensors").entries.items() if n.startswith("layers")
    )
    plain = sum(p.numel() for n, p in decoder().named_parameters() if n.startswith("layers"))
    assert stored * 8 / plain < bits + 1  # norms and scales


@pytest.mark.parametrize(
    ("numbers", "likeness"), [(KINDS[0], 0.9999), (KINDS[1], 0.999), (KINDS[2], 0.98), (KINDS[3], 0.97)]
)
def test_a_small_model_says_nearly_the_same(numbers: SmallNumbers, likeness: float) -> None:
    model = decoder()
    before = hidden(model)
    shrink(model, numbers)
    alike = torch.nn.functional.cosine_similarity(before, hidden(model), dim=-1)
    assert likeness < float(alike.min()) < 1.0


def test_only_what_is_named_is_packed_and_training_names_stay() -> None:
    model = decoder()
    keys = set(model.state_dict())
    assert train_ternary(model, ["layers.*.up", "layers.0.down"]) == ["layers.0.up", "layers.0.down", "layers.1.up"]
    assert set(model.state_dict()) == keys
    trained = hidden(model)
    shrink(model, SmallNumbers(kind="ternary"), ("layers.*.up", "layers.0.down"))
    assert isinstance(model.get_submodule("layers.1.up"), TernaryLinear)
    assert type(model.get_submodule("layers.1.down")) is torch.nn.Linear
    assert (hidden(model) - trained).abs().max() < 1e-4


def test_what_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"'\*\.query'.*layers\.0\.q"):
        shrink(decoder(), SmallNumbers(kind="int8"), ("*.query",))
    with pytest.raises(ValueError, match="groups of 48: there are 32, 64, 128"):
        shrink(decoder(), SmallNumbers(kind="int4", group=48))
    with pytest.raises(ValueError, match="'int3'; there are: int8, int8_activations, int4, ternary"):
        SmallNumbers(kind="int3")
    path = tmp_path / "small.safetensors"
    model = decoder()
    save_tensors(path, model.state_dict())
    with pytest.raises(CheckpointError, match="palmetto-small-1"):
        load_small(path, model)


@pytest.mark.parametrize("how", ["layers", "kind", "group", "missing", "shape"])
def test_a_foreign_small_file_is_one_line(tmp_path: Path, how: str) -> None:
    path = tmp_path / "small.safetensors"
    model = decoder()
    shrink(model, SmallNumbers(kind="int4"), ("layers.0.q",))
    save_small(path, model)
    tensors, notes = load_tensors(path), dict(read_header(path).metadata)
    said = json.loads(notes["layers"])["layers.0.q"]
    if how == "layers":
        notes["layers"] = json.dumps({"layers.9.q": said})
    elif how == "kind":
        notes["layers"] = json.dumps({"layers.0.q": {**said, "kind": "float3"}})
    elif how == "group":
        notes["layers"] = json.dumps({"layers.0.q": {**said, "group": 1}})
    elif how == "missing":
        del tensors["layers.0.q.scale"]
    else:
        tensors["layers.0.q.packed"] = tensors["layers.0.q.packed"][:3]
    save_tensors(path, tensors, notes)
    named = {"layers": r"layers\.9\.q", "kind": "float3", "group": "groups of 1", "missing": r"layers\.0\.q\.scale"}
    with pytest.raises(CheckpointError, match=named.get(how, r"layers\.0\.q\.packed")) as refused:
        load_small(path, decoder())
    assert "\n" not in str(refused.value)
