"""Smaller weights for ONNX graphs: fp16, int8 or int4. Needs onnx.

Products of a decoder are taken in integers where its weights are integers; an eye's convolutions, slower in integers
than in floats on most processors, are kept in float, and only its file shrinks.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal, get_args

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import GraphProto, NodeProto, TensorProto, helper, numpy_helper
from onnxruntime.quantization.matmul_nbits_quantizer import MatMulNBitsQuantizer
from safetensors.numpy import save_file

Weights = Literal["fp32", "fp16", "int8", "int4"]
KINDS: tuple[Weights, ...] = get_args(Weights)
SMALLEST_FIRST: tuple[Weights, ...] = ("int4", "int8", "fp16", "fp32")
LEAST_VALUES = 2048
BLOCKS = {"int8": (8, 64, True), "int4": (4, 32, False)}
"""Of a decoder: bits, how many weights along a row share a scale, and whether zero is in their middle. Activations are
brought to int8 by such blocks, too: with one scale a row (onnxruntime's dynamic quantisation) outliers spoil the rest,
and 2.2 % of nano's calls were others than torch's, with blocks 0.2 %."""
IN_INTEGERS = 4
"""MatMulNBits' `accuracy_level` for products in int8."""


def shrink_vision(source: Path, target: Path, weights: Weights) -> None:
    if weights == "fp32":
        onnx.save(onnx.load(str(source)), str(target))
    elif weights == "fp16":
        _stored_in_half(source, target)
    else:  # four bits are too few for convolutions: their filters have no rows of blocks
        _stored_in_bytes(source, target)


def shrink_decoder(source: Path, target: Path, weights: Weights) -> None:
    if weights in ("fp32", "fp16"):
        shrink_vision(source, target, weights)
        return
    bits, block, symmetric = BLOCKS[weights]
    quantizer = MatMulNBitsQuantizer(
        onnx.load(str(source)), bits=bits, block_size=block, is_symmetric=symmetric, accuracy_level=IN_INTEGERS
    )
    with _quiet():
        quantizer.process()
    onnx.save(quantizer.model.model, str(target))


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the quantizers' lines about what they leave alone."""
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(logging.NOTSET)


def write_table(table: NDArray[np.float32], path: Path, weights: Weights) -> None:
    """The token table float32[V,D]: int8 rows with a scale each, or rows in float."""
    if weights in ("fp32", "fp16"):
        rows = table.astype(np.float32 if weights == "fp32" else np.float16)
        save_file({"rows": np.ascontiguousarray(rows)}, str(path))
        return
    scales = np.maximum(np.abs(table).max(axis=1), 1e-8) / 127.0
    rounded = np.clip(np.round(table / scales[:, None]), -127, 127).astype(np.int8)
    save_file({"rows": rounded, "scales": scales.astype(np.float32)}, str(path))


def _stored_in_half(source: Path, target: Path) -> None:
    """Every large weight as float16, brought to float32 when the graph is opened."""
    model = onnx.load(str(source))
    graph = model.graph
    kept: list[TensorProto] = []
    unpacking: list[NodeProto] = []
    for tensor in graph.initializer:
        if tensor.data_type != TensorProto.FLOAT or int(np.prod(tensor.dims)) < LEAST_VALUES:
            kept.append(tensor)
            continue
        kept.append(numpy_helper.from_array(numpy_helper.to_array(tensor).astype(np.float16), f"{tensor.name}.half"))
        unpacking.append(helper.make_node("Cast", [f"{tensor.name}.half"], [tensor.name], to=TensorProto.FLOAT))
    _replace(model, kept, unpacking, target)


def _stored_in_bytes(source: Path, target: Path) -> None:
    """The weights of every Conv, MatMul and Gemm as int8, one scale an output channel, and DequantizeLinear."""
    model = onnx.load(str(source))
    graph = model.graph
    kept: list[TensorProto] = []
    unpacking: list[NodeProto] = []
    for tensor in graph.initializer:
        axis = _output_axis(graph, tensor)
        if axis is None:
            kept.append(tensor)
            continue
        values = numpy_helper.to_array(tensor)
        others = tuple(i for i in range(values.ndim) if i != axis)
        scale = np.maximum(np.abs(values).max(axis=others), 1e-12) / 127.0
        shape = [-1 if i == axis else 1 for i in range(values.ndim)]
        packed = np.clip(np.round(values / scale.reshape(shape)), -127, 127).astype(np.int8)
        kept.append(numpy_helper.from_array(packed, f"{tensor.name}.int8"))
        kept.append(numpy_helper.from_array(scale.astype(np.float32), f"{tensor.name}.scale"))
        unpacking.append(
            helper.make_node(
                "DequantizeLinear", [f"{tensor.name}.int8", f"{tensor.name}.scale"], [tensor.name], axis=axis
            )
        )
    _replace(model, kept, unpacking, target)


def _replace(model: onnx.ModelProto, initializers: list[TensorProto], unpacking: list[NodeProto], target: Path) -> None:
    graph = model.graph
    nodes = [*unpacking, *graph.node]
    del graph.initializer[:], graph.node[:]
    graph.initializer.extend(initializers)
    graph.node.extend(nodes)
    onnx.checker.check_model(model)
    onnx.save(model, str(target))


def _output_axis(graph: GraphProto, tensor: TensorProto) -> int | None:
    """The axis of output channels, where every use of the tensor agrees on one; None: leave it as it is."""
    if tensor.data_type != TensorProto.FLOAT or int(np.prod(tensor.dims)) < LEAST_VALUES:
        return None
    found = set()
    for node in graph.node:
        for place, name in enumerate(node.input):
            if name != tensor.name:
                continue
            if node.op_type == "Conv" and place == 1:
                found.add(0)
            elif node.op_type == "MatMul" and place == 1 and len(tensor.dims) == 2:
                found.add(1)
            elif node.op_type == "Gemm" and place == 1:
                transposed = any(a.name == "transB" and a.i for a in node.attribute)
                found.add(0 if transposed else 1)
            else:
                return None
    return found.pop() if len(found) == 1 else None
