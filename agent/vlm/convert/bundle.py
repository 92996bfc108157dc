"""A bundle back into torch, to learn further from what ships: int8 weights as the numbers that they stand for.

    python -m agent.vlm.convert.bundle agent/checkpoints/nano outputs/nano     # then: palmetto train start=outputs/nano

The graphs hold some weights under the model's own names and some by number, in the order in which they are used.
Batch norms were folded into the convolutions; here a norm that leaves what comes as it is takes the bias. Needs onnx.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import GraphProto, NodeProto, numpy_helper
from torch import Tensor, nn

from agent.onboard.bundle import read_table
from agent.onboard.manifest import Manifest, read_manifest
from agent.stream import Stream
from agent.vlm.checkpoint import Checkpoint, CheckpointError, load_weights, save_checkpoint
from agent.vlm.config import DecoderConfig, VisionConfig, VLMConfig
from agent.vlm.model import VLM
from agent.vlm.vision import ConvNorm

Array = NDArray[Any]
IN_BLOCK = ("qkv", "out", "fc1", "fc2")
IN_LAYER = ("q", "k", "v", "o", "gate", "up", "down")
"""The order in which a block's and a layer's products are taken."""


def checkpoint_from_bundle(folder: Path) -> Checkpoint:
    """The checkpoint whose model says what the bundle says, as far as int8 lets it.

    Raises:
        BundleError: see `read_manifest`.
        CheckpointError: the graphs are not those of a model of this kind.
    """
    manifest = read_manifest(folder)
    table = read_table(folder / "embeddings.safetensors")
    try:
        eye = onnx.load(str(folder / "vision.onnx")).graph
        decoder = onnx.load(str(folder / "decoder.onnx")).graph
        weights = {**_eye(eye), **_decoder(decoder, manifest.layers), "decoder.embed.weight": table}
        model = VLM(_config(manifest, weights))
        _fill(model, weights)
    except (KeyError, ValueError) as error:
        raise CheckpointError(f"{folder} holds no graphs that could be taken back into torch: {error}") from error
    tokenizer = Stream.from_file(folder / "tokenizer.json").tokenizer
    return Checkpoint(
        config=model.config, tokenizer=tokenizer, weights=model.state_dict(), training=dict(manifest.training)
    )


def _config(m: Manifest, weights: Mapping[str, Array]) -> VLMConfig:
    grid = round((m.prefix_tokens - 1) ** 0.5)
    vision = VisionConfig(
        image_px=m.image_px, grid=grid, map_grid=m.map_grid, map_width=m.map_width,
        stem=tuple(len(weights[f"vision.{n}.conv.weight"]) for n in ("down2", "down4", "down8")),  # type: ignore[arg-type]
        width=weights["vision.position"].shape[1],
        layers=len({k.split(".")[2] for k in weights if k.startswith("vision.blocks.")}),
    )  # fmt: skip
    decoder = DecoderConfig(
        layers=m.layers, width=m.width, kv_heads=m.kv_heads, head_width=m.head_width,
        heads=len(weights["decoder.layers.0.q.weight"]) // m.head_width,
        ffn_width=len(weights["decoder.layers.0.gate.weight"]), vocabulary=len(weights["decoder.embed.weight"]),
    )  # fmt: skip
    return VLMConfig(decoder=decoder, vision=vision, state_width=weights["state.0.weight"].shape[1])


def _stored(graph: GraphProto) -> dict[str, Array]:
    """Every weight by its name in the graph, whole: int8 and float16 ones as floats."""
    found = {t.name: numpy_helper.to_array(t) for t in graph.initializer}
    for node in graph.node:
        if node.op_type == "DequantizeLinear" and node.input[0] in found:
            packed, scale = found[node.input[0]], found[node.input[1]]
            axis = next((a.i for a in node.attribute if a.name == "axis"), 1)
            shape = [-1 if i == axis else 1 for i in range(packed.ndim)]
            found[node.output[0]] = packed.astype(np.float32) * scale.reshape(shape)
        elif node.op_type == "Cast" and node.input[0] in found:
            found[node.output[0]] = found[node.input[0]].astype(np.float32)
    return found


def _products(graph: GraphProto, found: Mapping[str, Array]) -> Iterator[Array]:
    """The matrices [out,in] that activations are multiplied with, in the order of the graph."""
    for node in graph.node:
        if node.op_type == "MatMul" and node.input[1] in found and found[node.input[1]].ndim == 2:
            yield found[node.input[1]].T
        elif node.op_type == "MatMulNBits":
            yield _from_blocks(node, found)


def _from_blocks(node: NodeProto, found: Mapping[str, Array]) -> Array:
    """Rows of blocks of bytes, zero in their middle, with a scale each (onnxruntime's MatMulNBits)."""
    said = {a.name: a.i for a in node.attribute}
    if said["bits"] != 8 or (len(node.input) > 3 and node.input[3]):
        raise ValueError(f"{node.name} has weights of {said['bits']} bits; only int8 and float bundles are read")
    rows, columns = said["N"], said["K"]
    packed = found[node.input[1]].reshape(rows, -1, said["block_size"]).astype(np.float32) - 128.0
    return (packed * found[node.input[2]].reshape(rows, -1, 1)).reshape(rows, -1)[:, :columns]


def _eye(graph: GraphProto) -> dict[str, Array]:
    found = _stored(graph)
    named = {k.removeprefix("model."): v for k, v in found.items() if k.startswith("model.")}
    weights = {k: v for k, v in named.items() if not k.endswith((".int8", ".scale", ".half"))}
    products = list(_products(graph, found))
    blocks = (len(products) - 1) // len(IN_BLOCK)
    names = [f"vision.blocks.{i}.{part}.weight" for i in range(blocks) for part in IN_BLOCK] + ["project.weight"]
    weights |= dict(zip(names, products, strict=True))
    return weights


def _decoder(graph: GraphProto, layers: int) -> dict[str, Array]:
    found = _stored(graph)
    weights = {k.removeprefix("model."): v for k, v in found.items() if k.startswith("model.")}
    names = [f"decoder.layers.{i}.{part}.weight" for i in range(layers) for part in IN_LAYER]
    return weights | dict(zip([*names, "pointer.weight", "nothing.weight"], _products(graph, found), strict=True))


def _fill(model: VLM, weights: Mapping[str, Array]) -> None:
    """Every tensor of the model; a folded bias goes to the norm behind its convolution."""
    tensors: dict[str, Tensor] = {}
    for name, value in weights.items():
        at = name.replace(".conv.weight_bias", ".norm.bias")
        tensors[at] = torch.from_numpy(np.array(value, dtype=np.float32))
    for name, module in model.named_modules():
        if isinstance(module, ConvNorm):
            norm = module.norm
            tensors[f"{name}.norm.weight"] = torch.full_like(norm.weight, (1.0 + norm.eps) ** 0.5)
            tensors |= {f"{name}.norm.{k}": v for k, v in _unmoved(norm).items()}
    load_weights(model, tensors, "the bundle")


def _unmoved(norm: nn.BatchNorm2d) -> dict[str, Tensor]:
    zeros = torch.zeros(norm.num_features)
    return {"running_mean": zeros, "running_var": torch.ones_like(zeros), "num_batches_tracked": torch.tensor(1)}


def main(arguments: list[str]) -> None:
    if len(arguments) != 2:
        raise SystemExit("python -m agent.vlm.convert.bundle BUNDLE OUT")
    loaded = checkpoint_from_bundle(Path(arguments[0]))
    save_checkpoint(Path(arguments[1]), loaded.model(), loaded.tokenizer, {**loaded.training, "step": 0})


if __name__ == "__main__":
    main(sys.argv[1:])
