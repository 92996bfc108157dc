"""A language model as one ONNX graph, in float32 or with int8 weights. Needs torch and onnx.

The graph reads tokens behind what a cache holds and gives the logits of what follows; keys and values are written in
place into buffers of the caller (`agent.onboard.language`), so that a step copies nothing. Attention is onnxruntime's
GroupQueryAttention, rotary positions included. In int8 every matrix has one scale for each block of a row, and the
products are taken in integers, the activations brought to int8 block by block, too (MatMulNBits with 8 bits): outliers
spoil their own block alone. The table of words is stored once, for reading and for the head.

Shapes: B batch, T new tokens, S slots of the cache, D width, K key-value heads, E head width, V vocabulary.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, nn

from agent.vlm.config import DecoderConfig
from agent.vlm.decoder import Decoder
from agent.vlm.decoder.layer import Layer
from agent.vlm.decoder.norms import LayerNorm, RMSNorm
from agent.vlm.decoder.rope import rope_tables

Weights = Literal["fp32", "int8"]
ZERO = 128
"""What a weight of 0.0 is as uint8."""
IN_INTEGERS = 4
"""MatMulNBits' `accuracy_level` for products in int8."""
MS = "com.microsoft"


class UnsupportedError(ValueError):
    """A member of the family that the graph can't express; says what."""


def write_graph(decoder: Decoder, path: Path, *, weights: Weights, capacity: int, block: int = 64) -> None:
    """Write `path` and, beside it, its weights in `path`.data.

    capacity: most tokens of a sequence. block: weights that share a scale, 16, 32, 64, ...

    Raises:
        UnsupportedError: experts, or windows with sinks.
    """
    c = decoder.config
    if c.experts is not None:
        raise UnsupportedError("experts have no ONNX graph yet; only dense decoders do")
    if c.sinks and any(c.windows):
        raise UnsupportedError("windows with sinks have no ONNX graph: onnxruntime's attention knows windows alone")
    with torch.no_grad():
        graph = _Graph(c, weights, block)
        graph.decoder(decoder, capacity)
    model = helper.make_model(
        helper.make_graph(graph.nodes, "language model", graph.inputs, graph.outputs, graph.tensors),
        opset_imports=[helper.make_opsetid("", 20), helper.make_opsetid(MS, 1)],
        ir_version=10,
    )
    data = path.with_name(path.name + ".data")
    data.unlink(missing_ok=True)  # onnx would append to it
    onnx.save(model, str(path), save_as_external_data=True, location=data.name, size_threshold=4096)


def oldest_version(c: DecoderConfig, weights: Weights) -> str:
    """The oldest onnxruntime that runs the graph as meant. Tried: before 1.24 windows are counted otherwise (without an
    error), before 1.22 products of 8 bits are not there."""
    return "1.24" if any(c.windows) else "1.22" if weights == "int8" else "1.20"


def in_blocks(matrix: NDArray[np.float32], block: int) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """float32[N,D] -> uint8[N,D/block,block] around ZERO and the scales float32[N,D/block]; D is filled with zeros."""
    rows, width = matrix.shape
    filled = np.pad(matrix, ((0, 0), (0, -width % block))).reshape(rows, -1, block)
    scale = np.maximum(np.abs(filled).max(axis=2), 1e-12) / 127.0
    return np.rint(filled / scale[..., None] + ZERO).astype(np.uint8), scale.astype(np.float32)


class _Graph:
    """Nodes and tensors of a graph that grows; each method returns the name of what it made."""

    def __init__(self, c: DecoderConfig, weights: Weights, block: int) -> None:
        self.c, self.weights, self.block = c, weights, block
        self.nodes: list[onnx.NodeProto] = []
        self.tensors: list[TensorProto] = []
        self.inputs = [
            helper.make_tensor_value_info("ids", TensorProto.INT64, ["B", "T"]),
            helper.make_tensor_value_info("last", TensorProto.INT64, ["B"]),
            helper.make_tensor_value_info("ends", TensorProto.INT32, ["B"]),
            helper.make_tensor_value_info("longest", TensorProto.INT32, [1]),
        ]
        self.outputs = [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["B", c.vocabulary])]

    def decoder(self, decoder: Decoder, capacity: int) -> None:
        """ids int64[B,T]; last int64[B], where each row's last new token stands; ends int32[B], the index of that token
        in its sequence; longest int32[1], the longest sequence with its new tokens -> logits float32[B,V]."""
        c = self.c
        tables = {w: self._rope(w, capacity, decoder) for w in {c.window(i) for i in range(c.layers)}}
        x = self._embedding(decoder)
        for i, layer in enumerate(decoder.layers):
            assert isinstance(layer, Layer)
            x = self._layer(layer, i, x, *tables[c.window(i)])
        at = self._node("Unsqueeze", "last", self._tensor("behind", np.array([1])))
        hidden = self._norm("norm", decoder.norm, self._node("GatherND", x, at, batch_dims=1))
        if decoder.head is None:
            z = self._head(hidden)
        else:
            assert isinstance(decoder.head, nn.Linear)
            z = self._linear("head", decoder.head.weight, hidden)
        if c.logit_scale != 1.0:
            z = self._times(z, c.logit_scale)
        if c.logit_softcap:
            z = self._times(self._node("Tanh", self._times(z, 1 / c.logit_softcap)), c.logit_softcap)
        self.nodes.append(helper.make_node("Identity", [z], ["logits"]))

    def _layer(self, layer: Layer, i: int, x: str, cos: str, sin: str) -> str:
        c, at = self.c, f"layers.{i}."
        h = self._norm(at + "attn_norm", layer.attn_norm, x)
        attended = self._attention(layer, i, h, cos, sin)
        if c.parallel:
            return self._node("Add", self._node("Add", x, attended), self._feed_forward(layer, at, h))
        if c.post_norms:
            x = self._node("Add", x, self._norm(at + "attn_post_norm", layer.attn_post_norm, attended))
            out = self._feed_forward(layer, at, self._norm(at + "ffn_norm", layer.ffn_norm, x))
            return self._node("Add", x, self._norm(at + "ffn_post_norm", layer.ffn_post_norm, out))
        x = self._node("Add", x, attended)
        return self._node("Add", x, self._feed_forward(layer, at, self._norm(at + "ffn_norm", layer.ffn_norm, x)))

    def _attention(self, layer: Layer, i: int, h: str, cos: str, sin: str) -> str:
        c, at = self.c, f"layers.{i}."
        if c.qk_norm:
            q = self._heads_norm(at + "q_norm", layer.q_norm, self._linear(at + "q", layer.q.weight, h), c.heads)
            k = self._heads_norm(at + "k_norm", layer.k_norm, self._linear(at + "k", layer.k.weight, h), c.kv_heads)
            read = [q, k, self._linear(at + "v", layer.v.weight, h)]
        else:
            joined = torch.cat([layer.q.weight, layer.k.weight, layer.v.weight])
            read = [self._linear(at + "qkv", joined, h), "", ""]
        shape: list[str | int | None] = ["B", c.kv_heads, "S", c.head_width]
        kept = [f"{kind}.{i}" for kind in ("keys", "values")]
        self.inputs += [helper.make_tensor_value_info(k, TensorProto.FLOAT, shape) for k in kept]
        self.outputs += [helper.make_tensor_value_info(f"{k}.new", TensorProto.FLOAT, shape) for k in kept]
        y = at + "attended"
        self.nodes.append(
            helper.make_node(
                "GroupQueryAttention", [*read, *kept, "ends", "longest", cos, sin], [y, *(f"{k}.new" for k in kept)],
                domain=MS, num_heads=c.heads, kv_num_heads=c.kv_heads, scale=layer.scale, softcap=c.attention_softcap,
                local_window_size=c.window(i) or -1, do_rotary=1, rotary_interleaved=0,
            )
        )  # fmt: skip
        return self._linear(at + "o", layer.o.weight, y)

    def _feed_forward(self, layer: Layer, at: str, h: str) -> str:
        gate, up = self._linear(at + "gate", layer.gate.weight, h), self._linear(at + "up", layer.up.weight, h)
        if self.c.activation == "silu":
            active = self._node("QuickGelu", gate, domain=MS, alpha=1.0)  # x sigmoid(x)
        else:
            active = self._node("Gelu", gate, approximate="tanh")
        return self._linear(at + "down", layer.down.weight, self._node("Mul", active, up))

    def _embedding(self, decoder: Decoder) -> str:
        table = _numpy(decoder.embed.weight)
        if self.weights == "fp32":
            x = self._node("Gather", self._tensor("words", table), "ids")
        else:
            rows, scales = in_blocks(table, self.block)
            words, factors = self._tensor("words", rows), self._tensor("words.scales", scales)
            read = self._node("Cast", self._node("Gather", words, "ids"), to=TensorProto.FLOAT)
            read = self._node("Sub", read, self._tensor("zero", np.array(ZERO, np.float32)))
            factor = self._node("Unsqueeze", self._node("Gather", factors, "ids"), self._tensor("inner", np.array([3])))
            flat = self._tensor("flat", np.array([0, 0, -1]))
            x = self._node("Reshape", self._node("Mul", read, factor), flat)
            if table.shape[1] % self.block:
                ends = [self._tensor(n, np.array([v])) for n, v in (("0", 0), ("width", table.shape[1]), ("axis", 2))]
                x = self._node("Slice", x, *ends)
        return x if self.c.embed_scale == 1.0 else self._times(x, self.c.embed_scale)

    def _head(self, hidden: str) -> str:
        """Logits by the table of words itself."""
        if self.weights == "fp32":
            return self._node("Gemm", hidden, "words", transB=1)
        return self._product(hidden, "words", self.c.vocabulary, self.c.width)

    def _linear(self, name: str, matrix: Tensor, x: str) -> str:
        """x [...,D] by the matrix [N,D]."""
        weight = _numpy(matrix)
        if self.weights == "fp32":
            return self._node("MatMul", x, self._tensor(name, np.ascontiguousarray(weight.T)))
        rows, scales = in_blocks(weight, self.block)
        self._tensor(name, rows)
        self._tensor(f"{name}.scales", scales)
        return self._product(x, name, *weight.shape)

    def _product(self, x: str, name: str, rows: int, width: int) -> str:
        return self._node(
            "MatMulNBits", x, name, f"{name}.scales", domain=MS, N=rows, K=width, bits=8, block_size=self.block,
            accuracy_level=IN_INTEGERS,
        )  # fmt: skip

    def _norm(self, name: str, norm: object, x: str) -> str:
        assert isinstance(norm, RMSNorm | LayerNorm)
        if isinstance(norm, LayerNorm):
            weight = self._tensor(name, _numpy(norm.weight))
            return self._node("LayerNormalization", x, weight, axis=-1, epsilon=norm.eps)
        weight = self._tensor(name, _numpy(norm.weight + norm.offset))
        return self._node("SimplifiedLayerNormalization", x, weight, axis=-1, epsilon=norm.eps)

    def _heads_norm(self, name: str, norm: object, x: str, heads: int) -> str:
        split = self._tensor(f"{name}.split", np.array([0, 0, heads, self.c.head_width]))
        joined = self._tensor(f"{name}.joined", np.array([0, 0, heads * self.c.head_width]))
        return self._node("Reshape", self._norm(name, norm, self._node("Reshape", x, split)), joined)

    def _rope(self, window: int, capacity: int, decoder: Decoder) -> tuple[str, str]:
        """Cosines and sines float32[capacity, E/2] of the layers with that window."""
        half = self.c.head_width // 2
        cos, sin = rope_tables(decoder.config, torch.arange(capacity)[None])[window]
        return (
            self._tensor(f"cos.{window}", _numpy(cos[0, :, :half])),
            self._tensor(f"sin.{window}", _numpy(sin[0, :, :half])),
        )

    def _times(self, x: str, factor: float) -> str:
        return self._node("Mul", x, self._tensor(f"factor {factor}", np.array(factor, np.float32)))

    def _tensor(self, name: str, values: NDArray[np.generic]) -> str:
        if all(t.name != name for t in self.tensors):
            self.tensors.append(numpy_helper.from_array(np.ascontiguousarray(values), name))
        return name

    def _node(self, op: str, *inputs: str, domain: str = "", **attributes: Any) -> str:
        name = f"{op}.{len(self.nodes)}"
        self.nodes.append(helper.make_node(op, inputs, [name], name=name, domain=domain, **attributes))
        return name


def _numpy(x: Tensor) -> NDArray[np.float32]:
    return np.ascontiguousarray(x.detach().float().numpy())
