"""Language models as ONNX graphs: the logits of torch, cached, padded and in int8; bundles that tell what ails them."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnxruntime as ort
import pytest
import torch

from agent.errors import UserError
from agent.onboard.bundle import BundleError
from agent.onboard.exporting.language import export, export_language
from agent.onboard.exporting.language_graph import UnsupportedError, in_blocks
from agent.onboard.language import OnnxLanguage
from agent.vlm.config import DecoderConfig, ExpertsConfig
from agent.vlm.decoder import Decoder
from agent.vlm.generation.generate import generate
from agent.vlm.generation.language import LanguageModel

LLAMA = DecoderConfig(layers=2, width=64, heads=4, kv_heads=2, head_width=16, ffn_width=96, vocabulary=90)
GEMMA2 = DecoderConfig(
    layers=4, width=64, heads=4, kv_heads=2, head_width=16, ffn_width=96, vocabulary=90, norm_offset=1.0,
    activation="gelu_tanh", embed_scale=8.0, post_norms=True, query_scale=0.3, attention_softcap=5.0, logit_softcap=3.0,
    windows=(5, 0),
)  # fmt: skip
GEMMA3 = DecoderConfig(
    layers=3, width=64, heads=4, kv_heads=1, head_width=16, ffn_width=96, vocabulary=90, norm_offset=1.0,
    activation="gelu_tanh", post_norms=True, qk_norm=True, rope_theta=1e6, rope_local_theta=1e4, windows=(4, 4, 0),
)  # fmt: skip
PALM = DecoderConfig(
    layers=2, width=64, heads=4, kv_heads=1, head_width=16, ffn_width=128, vocabulary=90, norm="layer", parallel=True,
    logit_scale=0.125,
)  # fmt: skip
UNTIED = DecoderConfig(
    layers=2, width=72, heads=4, kv_heads=4, head_width=16, ffn_width=80, vocabulary=90, tied=False
)  # fmt: skip
FAMILY = {"llama": LLAMA, "gemma 2": GEMMA2, "gemma 3": GEMMA3, "palm": PALM, "untied, odd widths": UNTIED}
ROOM = 40
OLD = [int(n) for n in ort.__version__.split(".")[:2]] < [1, 24]
if OLD:  # Python 3.10 has none newer
    FAMILY = {name: config for name, config in FAMILY.items() if not config.windows}


def made(config: DecoderConfig, stop: tuple[int, ...] = ()) -> LanguageModel:
    torch.manual_seed(0)
    model = LanguageModel(Decoder(config), stop=stop).eval()
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if "norm" in name:  # ones would hide a norm that is left out
                weight.add_(torch.randn_like(weight) * 0.3)
    return model


def exported(model: LanguageModel, folder: Path, weights: str = "fp32") -> OnnxLanguage:
    export_language(model, folder, weights=weights, capacity=ROOM, block=16)  # type: ignore[arg-type]
    return OnnxLanguage(folder)


@pytest.mark.parametrize("name", FAMILY)
def test_logits_of_torch_cached_and_padded(name, tmp_path):
    model = made(FAMILY[name])
    ids = torch.randint(0, 90, (2, 17), generator=torch.Generator().manual_seed(1))
    lengths = np.array([13, 9])
    reading = exported(model, tmp_path).read(2, ROOM)
    with torch.no_grad():
        whole = model.logits(ids)
    padded = ids[:, :13].numpy().copy()
    padded[1, 9:] = 0
    first = reading.on(padded, lengths)
    np.testing.assert_allclose(first, whole[[0, 1], [12, 8]].numpy(), atol=2e-5)
    for step in range(4):
        following = ids[[0, 1], torch.tensor(lengths) + step][:, None].numpy()
        row = whole[[0, 1], torch.tensor(lengths) + step].numpy()
        np.testing.assert_allclose(reading.on(following), row, atol=2e-5)


def test_several_tokens_behind_a_cache(tmp_path):
    model = made(LLAMA)
    ids = torch.randint(0, 90, (1, 20), generator=torch.Generator().manual_seed(2))
    reading = exported(model, tmp_path).read(1, ROOM)
    reading.on(ids[:, :7].numpy())
    with torch.no_grad():
        np.testing.assert_allclose(reading.on(ids[:, 7:].numpy()), model.logits(ids)[:, -1].numpy(), atol=2e-5)


@pytest.mark.parametrize("name", FAMILY)
def test_int8_is_near_and_small(name, tmp_path):
    model = made(FAMILY[name])
    ids = torch.randint(0, 90, (3, 12), generator=torch.Generator().manual_seed(3))
    plain, small = exported(model, tmp_path / "fp32"), exported(model, tmp_path / "int8", "int8")
    truth, near = (m.read(3, ROOM).on(ids.numpy()) for m in (plain, small))
    assert 0 < np.abs(near - truth).max() < 0.1 * truth.std()
    sizes = [(tmp_path / kind / "model.onnx.data").stat().st_size for kind in ("int8", "fp32")]
    assert sizes[0] < 0.45 * sizes[1]


def test_blocks_are_within_half_a_step():
    matrix = np.random.default_rng(0).standard_normal((5, 70)).astype(np.float32)
    rows, scales = in_blocks(matrix, 32)
    assert rows.shape == (5, 3, 32)
    back = ((rows.astype(np.float32) - 128) * scales[..., None]).reshape(5, -1)
    assert (np.abs(back[:, :70] - matrix) <= np.repeat(scales, 32, axis=1)[:, :70] * 0.501).all()
    assert (back[:, 70:] == 0).all()


def test_generates_what_torch_generates(tmp_path):
    prompts = [[1, 2, 3, 4, 5, 6], [7, 8], [9, 10, 11]]
    free = [c.ids for c in generate(made(LLAMA), prompts, max_new=12)]
    stop = (free[1][4],)
    model = made(LLAMA, stop=stop)
    said = [c.ids for c in generate(model, prompts, max_new=12)]
    assert len(said[1]) <= 4 < len(free[1])
    assert exported(model, tmp_path).generate(prompts, max_new=12) == said


def test_what_has_no_graph_is_named(tmp_path):
    with pytest.raises(UnsupportedError, match="experts"):
        exported(made(DecoderConfig(layers=1, width=32, heads=2, kv_heads=1, head_width=16, ffn_width=32, vocabulary=20,
                                    experts=ExpertsConfig(count=2))), tmp_path)  # fmt: skip
    with pytest.raises(UnsupportedError, match="sinks"):
        exported(made(DecoderConfig(layers=1, width=32, heads=2, kv_heads=1, head_width=16, ffn_width=32, vocabulary=20,
                                    windows=(4,), sinks=2)), tmp_path)  # fmt: skip


def test_room_and_rows(tmp_path):
    opened = exported(made(LLAMA), tmp_path)
    with pytest.raises(ValueError, match="41 tokens, but this bundle was made for 40"):
        opened.read(1, 41)
    with pytest.raises(ValueError, match="a token to begin with"):
        opened.generate([[1], []], max_new=2)
    reading = opened.read(2, 6)
    reading.on(np.ones((2, 4), np.int64))
    with pytest.raises(ValueError, match="one sequence alone"):
        reading.on(np.ones((2, 2), np.int64))
    reading.on(np.ones((2, 1), np.int64))
    reading.on(np.ones((2, 1), np.int64))
    with pytest.raises(ValueError, match="7 tokens in a cache for 6"):
        reading.on(np.ones((2, 1), np.int64))


@pytest.mark.skipif(OLD, reason="needs a newer onnxruntime")
def test_an_onnxruntime_that_is_too_old_is_told(tmp_path, monkeypatch):
    exported(made(GEMMA3), tmp_path)
    monkeypatch.setattr("onnxruntime.__version__", "1.23.2")
    with pytest.raises(BundleError, match=r"needs onnxruntime 1\.24 or newer, here is 1\.23\.2"):
        OnnxLanguage(tmp_path)
    with pytest.raises(BundleError, match="1\\.24"):
        exported(made(GEMMA2), tmp_path / "other")
    assert not (tmp_path / "other").exists()
    exported(made(LLAMA), tmp_path / "llama", "int8")


def test_a_damaged_bundle_says_which_file(tmp_path):
    exported(made(LLAMA), tmp_path)
    data = tmp_path / "model.onnx.data"
    data.write_bytes(data.read_bytes()[:-1])
    with pytest.raises(BundleError, match=r"model\.onnx\.data is damaged"):
        OnnxLanguage(tmp_path)
    data.unlink()
    with pytest.raises(BundleError, match=r"lacks model\.onnx\.data"):
        OnnxLanguage(tmp_path)
    manifest = tmp_path / "language.json"
    manifest.write_text(json.dumps({**json.loads(manifest.read_text()), "format": 9}))
    with pytest.raises(BundleError, match="format 9"):
        OnnxLanguage(tmp_path)
    manifest.unlink()
    with pytest.raises(BundleError, match=r"no language\.json"):
        OnnxLanguage(tmp_path)


@pytest.mark.parametrize(
    "change", [{"sha256": {}}, {"sha256": []}, {"capacity": "9"}, {"layers": 3}, {"kv_heads": 1}, {"stop": None}]
)
def test_a_manifest_that_is_not_the_graphs_is_one_line(tmp_path, change):
    exported(made(LLAMA), tmp_path)
    manifest = tmp_path / "language.json"
    manifest.write_text(json.dumps({**json.loads(manifest.read_text()), **change}))
    with pytest.raises(BundleError, match=r"language\.json"):
        OnnxLanguage(tmp_path)


def test_what_was_not_checked_is_no_bundle(tmp_path, monkeypatch):
    odd = DecoderConfig(layers=1, width=36, heads=2, kv_heads=1, head_width=18, ffn_width=32, vocabulary=20)
    with pytest.raises(BundleError, match="head_size"):
        exported(made(odd), tmp_path)
    assert list(tmp_path.iterdir()) == []

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("agent.onboard.exporting.language._check", interrupted)
    with pytest.raises(KeyboardInterrupt):
        exported(made(LLAMA), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_tokens_that_are_none_and_nothing_to_write(tmp_path):
    opened = exported(made(LLAMA), tmp_path)
    for prompt in ([-1], [90]):
        with pytest.raises(ValueError, match="0 to 89"):
            opened.generate([prompt], max_new=1)
    with pytest.raises(ValueError, match="one to be written"):
        opened.generate([[1]], max_new=0)


@pytest.mark.parametrize("context", [-5, 0, "abc", 0.5, True, 10**6])
def test_a_context_that_can_not_be_is_one_line(tmp_path, monkeypatch, context):
    monkeypatch.setattr("agent.onboard.exporting.language.load_pretrained", lambda _: made(replace(LLAMA, context=64)))
    with pytest.raises(UserError, match="context"):
        export({"language": "x", "weights": "int8", "context": context, "out": tmp_path})
    with pytest.raises(UserError, match="one thing"):
        export({"language": "x", "weights": "int8", "checkpoint": "y", "out": tmp_path})
    assert export({"language": "x", "weights": "int8", "context": 64, "out": tmp_path})["agreement"] > 0
