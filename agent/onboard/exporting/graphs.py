"""A VLM as two ONNX graphs, vision and decoder, and how far these are from torch. Needs torch, onnx."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
import torch

from agent.onboard.bundle import Array, PlannerModel
from agent.preprocess import image_input
from agent.vlm.model import VLM
from agent.vlm.planning import Extend, See

WORDS_READ = 30
STEPPED = 4
"""Of these so many by a cached step."""


@torch.no_grad()
def write_graphs(model: VLM, folder: Path) -> None:
    """vision.onnx and decoder.onnx in float32."""
    c, px = model.config.decoder, model.config.vision.image_px
    past = torch.zeros(c.layers, c.kv_heads, 7, c.head_width)
    t, s = torch.export.Dim("t", min=1, max=512), torch.export.Dim("s", min=0, max=1024)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            See(model), (torch.zeros(1, 3, px, px), torch.zeros(1, model.config.state_width)),
            str(folder / "vision.onnx"), input_names=["image", "state"], output_names=["prefix", "map"],
            dynamo=True, external_data=False, verbose=False,
        )  # fmt: skip
        torch.onnx.export(
            Extend(model), (torch.zeros(1, 5, c.width), past, past.clone(), torch.tensor(3)),
            str(folder / "decoder.onnx"), input_names=["x", "past_keys", "past_values", "prefix"],
            output_names=["hidden", "query", "keys", "values"],
            dynamic_shapes={"x": {1: t}, "past_keys": {2: s}, "past_values": {2: s}, "prefix": None},
            dynamo=True, external_data=False, verbose=False,
        )  # fmt: skip


def without_traces(path: Path) -> None:
    """Takes out of a graph what the exporter notes beside it: files and lines, of this machine, that it came from."""
    model = onnx.load(str(path))
    graph = model.graph
    noted = (model, graph, *graph.node, *graph.value_info, *graph.input, *graph.output, *graph.initializer)
    for one in noted:
        del one.metadata_props[:]
        one.doc_string = ""
    onnx.save(model, str(path))


def tensors_apart(ours: PlannerModel, theirs: PlannerModel, rgbs: Sequence[Array]) -> dict[str, float]:
    """Largest difference of each tensor over some pictures, as a share of that tensor's largest value.

    Each is seen with a state from a generator, then a prompt is read whole, and its last tokens again by a cached step.
    """
    rng = np.random.default_rng(0)
    worst: dict[str, float] = {}
    for rgb in rgbs:
        image = image_input(rgb, ours.manifest.image_px)
        state = rng.standard_normal(5).astype(np.float32)
        x = theirs.embed(rng.integers(0, len(theirs.table), WORDS_READ).tolist())
        said = [_tensors(model, image, state, x) for model in (ours, theirs)]
        for name, value in said[0].items():
            other = said[1][name]
            apart = float(np.abs(value - other).max() / max(1.0, np.abs(other).max()))
            worst[name] = max(worst.get(name, 0.0), apart)
    return worst


def _tensors(model: PlannerModel, image: Array, state: Array, words: Array) -> dict[str, Array]:
    prefix, features = model.see(image, state)
    x = np.concatenate([prefix, words], axis=1).astype(np.float32)
    hidden, query, _ = model.extend(x, model.empty_cache())
    cut = x.shape[1] - STEPPED
    _, _, cache = model.extend(x[:, :cut], model.empty_cache())
    stepped, _, _ = model.extend(x[:, cut:], cache)
    return {"prefix": prefix, "map": features, "hidden": hidden, "query": query, "cached": stepped}
