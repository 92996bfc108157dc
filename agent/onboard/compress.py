"""Weights of an ONNX graph in int8, one scale an output channel, unpacked where they are used.

For the eye, whose convolutions are slower in integers than in floats on most processors: the file shrinks to a
quarter, the arithmetic stays as it was.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import GraphProto, NodeProto, TensorProto, helper, numpy_helper

LEAST_VALUES = 2048


def compress_weights(source: Path, target: Path) -> None:
    """Write `source` to `target` with the weights of every Conv, MatMul and Gemm as int8 and DequantizeLinear."""
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
    nodes = [*unpacking, *graph.node]
    del graph.initializer[:], graph.node[:]
    graph.initializer.extend(kept)
    graph.node.extend(nodes)
    onnx.checker.check_model(model)
    onnx.save(model, str(target))


def without_traces(path: Path) -> None:
    """Takes out of a graph what the exporter notes beside it: files and lines, of this machine, that it came from."""
    model = onnx.load(str(path))
    graph = model.graph
    noted = (model, graph, *graph.node, *graph.value_info, *graph.input, *graph.output, *graph.initializer)
    for one in noted:
        del one.metadata_props[:]
        one.doc_string = ""
    onnx.save(model, str(path))


def _output_axis(graph: GraphProto, tensor: TensorProto) -> int | None:
    """The axis of output channels, where every use of the tensor agrees on one; None: leave it as it is."""
    if tensor.data_type != TensorProto.FLOAT or int(np.prod(tensor.dims)) < LEAST_VALUES:
        return None
    axes = set()
    for node in graph.node:
        for place, name in enumerate(node.input):
            if name != tensor.name:
                continue
            if node.op_type == "Conv" and place == 1:
                axes.add(0)
            elif node.op_type == "MatMul" and place == 1 and len(tensor.dims) == 2:
                axes.add(1)
            elif node.op_type == "Gemm" and place == 1:
                transposed = any(a.name == "transB" and a.i for a in node.attribute)
                axes.add(0 if transposed else 1)
            else:
                return None
    return axes.pop() if len(axes) == 1 else None
