"""Checkpoint -> bundle: ONNX graphs, int8 weights, and proof that both say the same. Needs torch, onnx."""

from __future__ import annotations

import json
import tempfile
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import onnxruntime as ort
import torch
from onnxruntime.quantization import QuantType, quantize_dynamic
from safetensors.numpy import save_file
from torch import Tensor, nn

from agent.errors import UserError
from agent.onboard.bundle import FILES, BundleError, Manifest, sha256_of
from agent.onboard.compress import compress_weights, without_traces
from agent.onboard.grounded import ANY
from agent.vlm.checkpoint import Checkpoint, CheckpointError, load_checkpoint
from agent.vlm.decoder import Cache
from agent.vlm.model import VLM

Weights = Literal["fp32", "int8"]
TOLERANCE = 2e-3
"""Largest difference allowed between torch and the fp32 graphs: sums of 576 products in another order."""


class _See(nn.Module):
    def __init__(self, model: VLM) -> None:
        super().__init__()
        self.model = model

    def forward(self, image: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        tokens, features = self.model.vision(image)
        return self.model.prefix(tokens, state), features.flatten(2) / features.shape[1] ** 0.5


class _Extend(nn.Module):
    def __init__(self, model: VLM) -> None:
        super().__init__()
        self.model = model

    def forward(
        self, x: Tensor, past_keys: Tensor, past_values: Tensor, prefix: Tensor
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        seen = past_keys.shape[2]
        row = torch.arange(x.shape[1]) + seen
        column = torch.arange(seen + x.shape[1])
        mask = ((column[None] <= row[:, None]) | (column[None] < prefix))[None, None]
        past: Cache = [(past_keys[i][None], past_values[i][None]) for i in range(past_keys.shape[0])]
        hidden, cache = self.model.decoder(x, row[None], mask, past)
        keys, values = torch.cat([k for k, _ in cache]), torch.cat([v for _, v in cache])
        return hidden, self.model.query(hidden), keys, values


def export_bundle(
    checkpoint: Path, out: Path, *, name: str, weights: Weights = "int8", foreign: Sequence[str] = ()
) -> dict[str, Any]:
    """Write a bundle into `out` and return the figures of its check. foreign: see `Manifest`.

    Raises:
        CheckpointError: the checkpoint does not load.
        BundleError: the graphs do not say what torch says.
    """
    loaded = load_checkpoint(checkpoint)
    model = loaded.model()
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out) as scratch, torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        folder = Path(scratch)
        _export_see(model, folder / "vision32.onnx")
        _export_extend(model, folder / "decoder32.onnx")
        figures = _check(model, folder / "vision32.onnx", folder / "decoder32.onnx")
        if weights == "int8":
            compress_weights(folder / "vision32.onnx", folder / "vision.onnx")
            # QUInt8 and one scale a column: signed weights saturate on processors without VNNI.
            quantize_dynamic(
                folder / "decoder32.onnx", folder / "decoder.onnx", per_channel=True, weight_type=QuantType.QUInt8
            )
        else:
            (folder / "vision32.onnx").rename(folder / "vision.onnx")
            (folder / "decoder32.onnx").rename(folder / "decoder.onnx")
        for graph in ("vision.onnx", "decoder.onnx"):
            without_traces(folder / graph)
        _write_table(model, folder / "embeddings.safetensors")
        (folder / "tokenizer.json").write_text(loaded.tokenizer.to_str())
        for file in FILES:
            (folder / file).replace(out / file)
    manifest = _manifest(loaded, out, name, foreign)
    temporary = out / "manifest.json.part"
    temporary.write_text(manifest.to_json())
    temporary.replace(out / "manifest.json")
    figures["bytes"] = sum((out / f).stat().st_size for f in (*FILES, "manifest.json"))
    return figures


def _export_see(model: VLM, path: Path) -> None:
    px = model.config.vision.image_px
    torch.onnx.export(
        _See(model), (torch.zeros(1, 3, px, px), torch.zeros(1, model.config.state_width)), str(path),
        input_names=["image", "state"], output_names=["prefix", "map"], dynamo=True, external_data=False, verbose=False,
    )  # fmt: skip


def _export_extend(model: VLM, path: Path) -> None:
    c = model.config.decoder
    past = torch.zeros(c.layers, c.kv_heads, 7, c.head_width)
    t, s = torch.export.Dim("t", min=1, max=512), torch.export.Dim("s", min=0, max=1024)
    torch.onnx.export(
        _Extend(model), (torch.zeros(1, 5, c.width), past, past.clone(), torch.tensor(3)), str(path),
        input_names=["x", "past_keys", "past_values", "prefix"], output_names=["hidden", "query", "keys", "values"],
        dynamic_shapes={"x": {1: t}, "past_keys": {2: s}, "past_values": {2: s}, "prefix": None},
        dynamo=True, external_data=False, verbose=False,
    )  # fmt: skip


def _check(model: VLM, vision: Path, decoder: Path) -> dict[str, Any]:
    """Largest differences between torch and the fp32 graphs, whole prompt and cached step."""
    rng = np.random.default_rng(0)
    c = model.config
    image = rng.standard_normal((1, 3, c.vision.image_px, c.vision.image_px)).astype(np.float32)
    state = rng.standard_normal((1, c.state_width)).astype(np.float32)
    see = ort.InferenceSession(str(vision), providers=["CPUExecutionProvider"])
    extend = ort.InferenceSession(str(decoder), providers=["CPUExecutionProvider"])
    prefix, features = see.run(None, {"image": image, "state": state})
    truth = _See(model)(torch.from_numpy(image), torch.from_numpy(state))
    worst = {"prefix": _apart(prefix, truth[0]), "map": _apart(features, truth[1])}
    d = c.decoder
    empty = np.zeros((d.layers, d.kv_heads, 0, d.head_width), np.float32)
    words = model.decoder.embed(torch.arange(30) % d.vocabulary)[None]
    x = np.concatenate([prefix, words.numpy()], axis=1)
    n = np.array(c.prefix_tokens)
    whole = extend.run(None, {"x": x, "past_keys": empty, "past_values": empty, "prefix": n})
    uncached = _Extend(model)(torch.from_numpy(x), *[torch.from_numpy(empty)] * 2, torch.tensor(c.prefix_tokens))
    worst["hidden"], worst["query"] = _apart(whole[0], uncached[0]), _apart(whole[1], uncached[1])
    cut = x.shape[1] - 4
    first = extend.run(None, {"x": x[:, :cut], "past_keys": empty, "past_values": empty, "prefix": n})
    second = extend.run(None, {"x": x[:, cut:], "past_keys": first[2], "past_values": first[3], "prefix": n})
    worst["cached"] = _apart(second[0], uncached[0][:, cut:])
    bad = {k: v for k, v in worst.items() if not v <= TOLERANCE}
    if bad:
        raise BundleError(f"the ONNX graphs differ from torch by more than {TOLERANCE}: {json.dumps(bad)}")
    return {"largest_difference": worst}


def _apart(ours: np.ndarray, theirs: Tensor) -> float:
    """Largest difference as a share of the largest value."""
    reference = theirs.numpy()
    return float(np.abs(ours - reference).max() / max(1.0, np.abs(reference).max()))


def _write_table(model: VLM, path: Path) -> None:
    table = model.decoder.embed.weight.detach().numpy()
    scales = np.maximum(np.abs(table).max(axis=1), 1e-8) / 127.0
    rows = np.clip(np.round(table / scales[:, None]), -127, 127).astype(np.int8)
    save_file({"rows": rows, "scales": scales.astype(np.float32)}, str(path))


def _manifest(loaded: Checkpoint, out: Path, name: str, foreign: Sequence[str]) -> Manifest:
    v, d = loaded.config.vision, loaded.config.decoder
    names = loaded.training.get("names", {})
    words = [word for table in ("colours", "kinds", "sizes") for word in names.get(table, ())]
    return Manifest(
        name=name, image_px=v.image_px, map_grid=v.map_grid, map_width=v.map_width,
        prefix_tokens=loaded.config.prefix_tokens, layers=d.layers, kv_heads=d.kv_heads, head_width=d.head_width,
        width=d.width, sha256={f: sha256_of(out / f) for f in FILES}, training=loaded.training,
        words=[*words, "thing", ANY.strip()] if words else (), foreign=foreign,
    )  # fmt: skip


def export(options: Mapping[str, Any]) -> dict[str, Any]:
    """What the command does; see conf/export.yaml.

    Raises:
        UserError: no checkpoint given, or one that does not load.
    """
    if not options.get("checkpoint"):
        raise UserError("export what? checkpoint=FOLDER, as `palmetto train` wrote it")
    weights: Weights = "int8" if options.get("quantise", True) else "fp32"
    try:
        return export_bundle(
            Path(options["checkpoint"]), Path(options["out"]), name=options["name"], weights=weights,
            foreign=options.get("foreign") or (),
        )  # fmt: skip
    except (CheckpointError, BundleError) as error:
        raise UserError(str(error)) from error
