"""A GGUF file of the Llama family -> the folder as its authors publish it: config.json, tokenizer.json, safetensors.

GGUF stores the rows of the query and key projections permuted for llama.cpp's rotary layout; they are put back here.
Without it a model still runs, and SmolLM2's perplexity on plain sentences doubles (17 to 35).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from tokenizers import AddedToken, Tokenizer
from torch import Tensor

from agent.artifacts import sync_folder
from agent.vlm.checkpoint import save_tensors, save_text
from agent.vlm.files import AGAIN, CheckpointError, shown
from agent.vlm.files.fetch import making, progress
from agent.vlm.files.gguf_file import GgufFile, read_gguf
from agent.vlm.vocabulary import full_tokenizer

_CONTROL = 3
"""In tokenizer.ggml.token_type: a token that no text becomes, unless it is written out."""


def write_pretrained(gguf: Path, folder: Path) -> None:
    """Dequantise a GGUF file of the Llama family into `folder`, which is there whole or not at all.

    Raises:
        CheckpointError: the file is damaged, or of another architecture.
        OSError: the disk is full or not writable.
    """
    source = open_llama(gguf)
    _check_names(source)
    with making(folder) as part:
        if folder.exists():
            return
        part.mkdir()
        weights: dict[str, Tensor] = {}
        with progress(f"unpacking {gguf.name}", sum(e.bytes for e in source.entries.values())) as add:
            for name, entry in source.entries.items():
                weights[_published_name(name)] = torch.from_numpy(llama_tensor(source, name)).half()
                add(entry.bytes)
        save_text(part / "config.json", json.dumps(published_config(source), indent=1))
        tokens, merges = vocabulary_of(source)
        tokenizer = _tokenizer(source, tokens, merges)
        save_text(part / "tokenizer.json", tokenizer.to_str())
        save_tensors(part / "model.safetensors", weights)
        sync_folder(part)
        part.rename(folder)


def open_llama(path: Path) -> GgufFile:
    """Raises CheckpointError where it is damaged, or of another architecture."""
    source = read_gguf(path)
    if source.fields.get("general.architecture") != "llama":
        raise CheckpointError(f"{path} is of architecture {source.fields.get('general.architecture')!a}, not 'llama'")
    return source


def llama_tensor(source: GgufFile, name: str) -> NDArray[np.float32]:
    """One tensor, with q and k un-permuted."""
    array = source.tensor(name)
    for part, key in (("attn_q", "head_count"), ("attn_k", "head_count_kv")):
        if name.endswith(f"{part}.weight"):
            heads = int(source.number(f"llama.attention.{key}"))
            if array.ndim != 2 or heads < 1 or array.shape[0] % (2 * heads):
                raise CheckpointError(f"{source.path}: {name} is {list(array.shape)}, which {heads} heads can't share")
            array = _unpermute(array, heads)
    return np.array(array)


def _unpermute(weight: NDArray[np.float32], heads: int) -> NDArray[np.float32]:
    """Rows from interleaved (GGUF) to half-split (Llama) rotary order."""
    rows, columns = weight.shape
    halves: NDArray[np.float32] = weight.reshape(heads, rows // heads // 2, 2, columns).swapaxes(1, 2)
    return halves.reshape(rows, columns)


def _tokenizer(source: GgufFile, tokens: list[str], merges: list[tuple[str, str]]) -> Tokenizer:
    try:
        tokenizer = full_tokenizer(tokens, merges)
    except Exception as error:  # tokenizers raises bare Exception
        raise CheckpointError(f"{source.path}: its tokens and merges make no tokenizer: {error}") from error
    kinds = source.fields.get("tokenizer.ggml.token_type")
    if not isinstance(kinds, list) or len(kinds) != len(tokens):
        raise CheckpointError(f"{source.path}: the field tokenizer.ggml.token_type is not one number a token")
    control = [t for t, kind in zip(tokens, kinds, strict=True) if kind == _CONTROL]
    tokenizer.add_special_tokens([AddedToken(t, special=True, normalized=False) for t in control])
    return tokenizer


def vocabulary_of(source: GgufFile) -> tuple[list[str], list[tuple[str, str]]]:
    """Tokens in id order and BPE merges in rank order, in the byte-level alphabet of GPT-2."""
    merges: list[tuple[str, str]] = []
    for merge in source.text_list("tokenizer.ggml.merges"):
        left, space, right = merge.partition(" ")
        if not space:
            raise CheckpointError(f"{source.path}: the merge {merge[:60]!a} is not two tokens")
        merges.append((left, right))
    return source.text_list("tokenizer.ggml.tokens"), merges


_PUBLISHED = {
    "attn_norm": "input_layernorm", "attn_q": "self_attn.q_proj", "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj", "attn_output": "self_attn.o_proj", "ffn_norm": "post_attention_layernorm",
    "ffn_gate": "mlp.gate_proj", "ffn_up": "mlp.up_proj", "ffn_down": "mlp.down_proj",
}  # fmt: skip
_PUBLISHED_OUTSIDE = {
    "token_embd.weight": "model.embed_tokens.weight", "output_norm.weight": "model.norm.weight",
    "output.weight": "lm_head.weight",
}  # fmt: skip


def _check_names(source: GgufFile) -> None:
    """Every tensor of such a model is there, and no other."""
    known = {"output.weight"}
    for name in _names(int(source.number("llama.block_count"))):
        if name not in source.entries:
            raise CheckpointError(f"{source.path} lacks the tensor {name}; {AGAIN}")
        known.add(name)
    for name in source.entries:
        if name not in known:
            raise CheckpointError(
                f"{source.path} has a tensor {shown(name)} that no such model of the Llama family has"
            )


def _names(layers: int) -> Iterator[str]:
    yield from ("token_embd.weight", "output_norm.weight")
    for i in range(layers):
        yield from (f"blk.{i}.{part}.weight" for part in _PUBLISHED)


def _published_name(name: str) -> str:
    """From GGUF's name of a tensor to that of the published safetensors."""
    if name in _PUBLISHED_OUTSIDE:
        return _PUBLISHED_OUTSIDE[name]
    _, layer, part, _ = name.split(".")
    return f"model.layers.{layer}.{_PUBLISHED[part]}.weight"


def published_config(source: GgufFile) -> dict[str, Any]:
    """config.json as the Llama family's authors write it.

    Raises:
        CheckpointError: a field or tensor is missing.
    """
    if "token_embd.weight" not in source.entries:
        raise CheckpointError(f"{source.path} lacks the tensor token_embd.weight; {AGAIN}")
    sizes = {
        "hidden_size": "embedding_length", "intermediate_size": "feed_forward_length",
        "num_hidden_layers": "block_count", "num_attention_heads": "attention.head_count",
        "num_key_value_heads": "attention.head_count_kv", "max_position_embeddings": "context_length",
        "head_dim": "rope.dimension_count",
    }  # fmt: skip
    ids = {"bos_token_id": "bos_token_id", "eos_token_id": "eos_token_id", "pad_token_id": "padding_token_id"}
    epsilon = source.number("llama.attention.layer_norm_rms_epsilon")
    return {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        **{theirs: int(source.number(f"llama.{key}")) for theirs, key in sizes.items()},
        **{theirs: int(source.number(f"tokenizer.ggml.{key}")) for theirs, key in ids.items()},
        "vocab_size": source.entries["token_embd.weight"].shape[0],
        "rms_norm_eps": float(f"{epsilon:.7g}"),  # stored as float32
        "rope_theta": source.number("llama.rope.freq_base"),
        "hidden_act": "silu",
        "attention_bias": False,
        "mlp_bias": False,
        "tie_word_embeddings": "output.weight" not in source.entries,
        "torch_dtype": "float16",
    }
