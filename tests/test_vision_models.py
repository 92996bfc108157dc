"""Vision models of others: equal outputs with transformers on tiny random models, and bad folders in one line."""

from __future__ import annotations

import json

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from safetensors.torch import load_file, save_file  # noqa: E402

from agent.vlm.checkpoint import CheckpointError  # noqa: E402
from agent.vlm.convert.vision import load_vision  # noqa: E402
from tests import published  # noqa: E402

SAME = 1e-5
"""Two orders of the same float32 sums, values of order one."""

MODELS = {
    "siglip": published.siglip_vision,
    "siglip without a head": lambda: published.siglip_vision(vision_use_head=False),
    "siglip with a rest of pixels": lambda: published.siglip_vision(image_size=37),
    "clip": published.clip_vision,
    "clip with gelu": lambda: published.clip_vision(hidden_act="gelu"),
    "dinov2": published.dinov2,
    "dinov2 with swiglu": lambda: published.dinov2(use_swiglu_ffn=True),
    "dinov2 without qkv bias": lambda: published.dinov2(qkv_bias=False),
}


def difference(theirs, ours, pixels, **kwargs):
    """Largest differences of the last hidden state and of the pooled one."""
    with torch.no_grad():
        expected = theirs(pixels, **kwargs)
        tokens, pooled = ours(pixels)
    assert tokens.shape == expected.last_hidden_state.shape
    assert expected.last_hidden_state.std() > 0.3  # a test on zeros proves nothing
    gap = float((tokens - expected.last_hidden_state).abs().max())
    if expected.pooler_output is None:
        assert pooled is None
        return gap, 0.0
    return gap, float((pooled - expected.pooler_output).abs().max())


@pytest.mark.parametrize("name", MODELS)
def test_outputs_equal_those_of_transformers(name, tmp_path) -> None:
    theirs = MODELS[name]()
    ours = load_vision(published.save(theirs, tmp_path))
    side = ours.config.image_px
    pixels = torch.randn(2, 3, side, side, generator=torch.Generator().manual_seed(1))
    hidden, pooled = difference(theirs, ours, pixels)
    assert hidden < SAME
    assert pooled < SAME


@pytest.mark.parametrize("name", ["siglip", "clip", "dinov2"])
@pytest.mark.parametrize("size", [(56, 56), (24, 48), (16, 16)])
def test_outputs_equal_at_another_resolution(name, size, tmp_path) -> None:
    theirs = MODELS[name]()
    ours = load_vision(published.save(theirs, tmp_path))
    pixels = torch.randn(1, 3, *size, generator=torch.Generator().manual_seed(2))
    kwargs = {} if name == "dinov2" else {"interpolate_pos_encoding": True}
    hidden, pooled = difference(theirs, ours, pixels, **kwargs)
    assert hidden < SAME
    assert pooled < SAME


@pytest.mark.parametrize("family", ["siglip", "clip"])
def test_the_vision_half_of_a_whole_model_is_read(family, tmp_path) -> None:
    import transformers

    tower = {**published.TOWER, "intermediate_size": 48}
    text = {
        "hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16, "vocab_size": 20,
        "bos_token_id": 1, "eos_token_id": 2,
    }  # fmt: skip
    config, model = {
        "siglip": (transformers.SiglipConfig, transformers.SiglipModel),
        "clip": (transformers.CLIPConfig, transformers.CLIPModel),
    }[family]
    theirs = model(config(vision_config=tower, text_config=text))
    ours = load_vision(published.save(theirs, tmp_path))
    hidden, pooled = difference(theirs.vision_model, ours, torch.randn(1, 3, 32, 32))
    assert hidden < SAME
    assert pooled < SAME


def test_shards_and_half_precision_are_read(tmp_path) -> None:
    theirs = published.randomise(published.siglip_vision()).half()
    theirs.save_pretrained(tmp_path, max_shard_size="20KB")
    assert not (tmp_path / "model.safetensors").exists()
    hidden, pooled = difference(theirs.float(), load_vision(tmp_path), torch.randn(1, 3, 32, 32))
    assert max(hidden, pooled) < SAME


def test_what_a_configuration_leaves_out_is_what_its_family_has(tmp_path) -> None:
    """google/siglip-base-patch16-224 says of its vision half only what kind it is."""
    published.save(
        published.siglip_vision(image_size=224, patch_size=16, hidden_size=768, num_hidden_layers=1), tmp_path
    )
    config = json.loads((tmp_path / "config.json").read_text())
    kept = {k: config[k] for k in ("model_type", "num_hidden_layers", "num_attention_heads", "intermediate_size")}
    (tmp_path / "config.json").write_text(json.dumps(kept))
    assert load_vision(tmp_path).config.block.width == 768


def break_tensors(change):
    def breaker(folder) -> None:
        tensors = load_file(folder / "model.safetensors")
        change(tensors)
        save_file(tensors, folder / "model.safetensors")

    return breaker


def break_config(**changes):
    def breaker(folder) -> None:
        path = folder / "config.json"
        path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))

    return breaker


def truncate(folder) -> None:
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-1000])


def pickled(folder) -> None:
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")


def elsewhere(folder) -> None:
    (folder / "model.safetensors").rename(folder.parent / "secret.safetensors")
    index = {"weight_map": {"head.probe": "../secret.safetensors"}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))


FC1 = "encoder.layers.1.mlp.fc1.weight"
BAD = {
    "missing": (break_tensors(lambda t: t.pop(FC1)), f"lacks the tensor {FC1}"),
    "extra": (break_tensors(lambda t: t.update(more=torch.zeros(1))), "a tensor more "),
    "misshapen": (break_tensors(lambda t: t.update({FC1: torch.zeros(48, 31)})), rf"{FC1} is \[48, 31\].*\[48, 32\]"),
    "whole numbers": (break_tensors(lambda t: t.update({FC1: torch.zeros(48, 32).int()})), f"{FC1} is torch.int32"),
    "ragged": (
        break_tensors(lambda t: t.update({"encoder.layers.0.self_attn.q_proj.weight": torch.zeros(32, 31)})),
        "do not fit each other",
    ),
    "fewer layers": (break_config(num_hidden_layers=1), r"a tensor encoder\.layers\.1\."),
    "a million layers": (break_config(num_hidden_layers=999_999), r"lacks the tensor encoder\.layers\.2\."),
    "another patch": (break_config(patch_size=4), r"position_embedding.weight is \[16, 32\].*\[64, 32\]"),
    "heads": (break_config(num_attention_heads=5), "5 heads cannot share a width of 32"),
    "activation": (break_config(hidden_act="relu6"), "hidden_act is 'relu6'"),
    "huge": (break_config(hidden_size=10**12), "hidden_size is 1000000000000"),
    "text for a number": (break_config(hidden_size="32"), "hidden_size is '32'"),
    "architecture": (break_config(model_type="resnet"), "is a 'resnet'; vision models that are read: siglip"),
    "torn": (truncate, "model.safetensors is cut off: the tensor"),
    "pickled": (pickled, "pytorch_model.bin is a pickle, and those are never read"),
    "elsewhere": (elsewhere, "names '../secret.safetensors', which is not there"),
    "no json": (lambda folder: (folder / "config.json").write_text("{"), "config.json is no JSON"),
    "no config": (lambda folder: (folder / "config.json").unlink(), "has no config.json"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_folder_is_refused_in_one_line(case, tmp_path) -> None:
    folder = published.save(published.siglip_vision(), tmp_path / "model")
    breaker, message = BAD[case]
    breaker(folder)
    with pytest.raises(CheckpointError, match=message) as caught:
        load_vision(folder)
    assert "\n" not in str(caught.value)
