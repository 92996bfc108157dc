"""A GGUF file of a Llama that is small enough for tests, written byte by byte, so that hostile ones can be, too."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

WIDTH, HEADS, KV_HEADS, HEAD, FFN, LAYERS = 32, 4, 2, 8, 64, 2
TOKENS = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", *"abcdefgh", "ab", "Ġ", "Ġa"]
MERGES = ["a b", "Ġ a"]
F32, F16, Q8_0 = 0, 1, 8
_LETTERS = {4: "I", 5: "i", 6: "f", 10: "Q"}


def text(value: str) -> bytes:
    return struct.pack("<Q", len(value.encode())) + value.encode()


def value(kind: int, content: Any) -> bytes:
    """A field's type and content: 4, 5, 6, 10 numbers, 8 text, 9 a list of text or of int32."""
    if kind == 8:
        return struct.pack("<I", 8) + text(content)
    if kind == 9:
        inner = 8 if content and isinstance(content[0], str) else 5
        items = b"".join(text(c) if inner == 8 else struct.pack("<i", c) for c in content)
        return struct.pack("<IIQ", 9, inner, len(content)) + items
    return struct.pack(f"<I{_LETTERS[kind]}", kind, content)


def llama_fields() -> dict[str, bytes]:
    """By name, each as `value` writes it."""
    numbers = {
        "block_count": LAYERS, "context_length": 128, "embedding_length": WIDTH, "feed_forward_length": FFN,
        "attention.head_count": HEADS, "attention.head_count_kv": KV_HEADS, "rope.dimension_count": HEAD,
    }  # fmt: skip
    return {
        "general.architecture": value(8, "llama"),
        **{f"llama.{k}": value(4, v) for k, v in numbers.items()},
        "llama.rope.freq_base": value(6, 1e4),
        "llama.attention.layer_norm_rms_epsilon": value(6, 1e-5),
        "tokenizer.ggml.tokens": value(9, TOKENS),
        "tokenizer.ggml.token_type": value(9, [3, 3, 3, *[1] * (len(TOKENS) - 3)]),
        "tokenizer.ggml.merges": value(9, MERGES),
        "tokenizer.ggml.bos_token_id": value(4, 1),
        "tokenizer.ggml.eos_token_id": value(4, 2),
        "tokenizer.ggml.padding_token_id": value(4, 2),
    }


def llama_tensors(seed: int = 0) -> dict[str, np.ndarray]:
    """float32 by name, as GGUF orders the rows of q and k (interleaved)."""
    rng = np.random.default_rng(seed)

    def w(*shape: int) -> np.ndarray:
        return (0.2 * rng.standard_normal(shape)).astype(np.float32)

    out = {"token_embd.weight": w(len(TOKENS), WIDTH), "output_norm.weight": 1 + w(WIDTH)}
    for i in range(LAYERS):
        parts = {
            "attn_norm": 1 + w(WIDTH), "attn_q": w(HEADS * HEAD, WIDTH), "attn_k": w(KV_HEADS * HEAD, WIDTH),
            "attn_v": w(KV_HEADS * HEAD, WIDTH), "attn_output": w(WIDTH, HEADS * HEAD), "ffn_norm": 1 + w(WIDTH),
            "ffn_gate": w(FFN, WIDTH), "ffn_up": w(FFN, WIDTH), "ffn_down": w(WIDTH, FFN),
        }  # fmt: skip
        out |= {f"blk.{i}.{name}.weight": tensor for name, tensor in parts.items()}
    return out


def gguf_bytes(
    fields: Mapping[str, bytes] | Sequence[tuple[str, bytes]],
    tensors: Mapping[str, np.ndarray],
    *,
    quantised: bool = False,
    version: int = 3,
    alignment: int = 32,
) -> bytes:
    """A whole file. quantised: matrices in Q8_0 instead of float32."""
    pairs = list(fields.items()) if isinstance(fields, Mapping) else list(fields)
    out = b"GGUF" + struct.pack("<IQQ", version, len(tensors), len(pairs))
    out += b"".join(text(key) + content for key, content in pairs)
    data = b""
    for name, array in tensors.items():
        q8 = quantised and array.ndim == 2
        data += bytes(-len(data) % alignment)
        kind, at = (Q8_0, len(data)) if q8 else (F32, len(data))
        sizes = array.shape[::-1]
        out += text(name) + struct.pack(f"<I{len(sizes)}QIQ", len(sizes), *sizes, kind, at)
        data += _q8(array) if q8 else array.tobytes()
    return out + bytes(-len(out) % alignment) + data


def _q8(array: np.ndarray) -> bytes:
    """Blocks of 32: a float16 scale, and 32 int8."""
    blocks = array.reshape(-1, 32)
    scale = (np.abs(blocks).max(axis=1, keepdims=True) / 127).astype(np.float16)
    whole = np.round(blocks / scale.astype(np.float32)).astype(np.int8)
    return b"".join(s.tobytes() + w.tobytes() for s, w in zip(scale, whole, strict=True))
