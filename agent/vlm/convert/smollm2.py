"""SmolLM2-135M-Instruct as a folder of config.json, safetensors and tokenizer.json, made once in the user cache."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from tokenizers import AddedToken

from agent.vlm.checkpoint import CheckpointError, save_tensors, save_text
from agent.vlm.convert.weights import source_names
from agent.vlm.decoder import Decoder
from agent.vlm.presets import smollm2_135m
from agent.vlm.smollm2 import cached_gguf, load_into, read_tensors, read_vocabulary
from agent.vlm.vocabulary import full_tokenizer

SMOLLM2 = "smollm2-135m-instruct"
SPECIALS = 17
"""The first ids are no words: <|endoftext|>, <|im_start|>, <|im_end|>, <repo_name>, ..."""
END_OF_TEXT, END_OF_TURN = 0, 2


def smollm2_folder(cache: Path | None = None) -> Path:
    """The folder, beside the GGUF file in the user cache; made from it where it is not there, weights in float16.

    Raises:
        CheckpointError: the file can't be had, or the package that reads it is not there.
    """
    try:
        gguf = cached_gguf(cache)
        folder = gguf.parent / SMOLLM2
        if not (folder / "config.json").is_file():
            _write(gguf, folder)
    except (OSError, ImportError) as error:
        raise CheckpointError(f"{SMOLLM2}: {error}") from error
    return folder


def _write(gguf: Path, folder: Path) -> None:
    """config.json last: where it is, the rest is whole."""
    folder.mkdir(parents=True, exist_ok=True)
    c = smollm2_135m()
    decoder = Decoder(c)
    load_into(decoder, read_tensors(gguf), list(range(c.layers)), list(range(c.vocabulary)))
    state = decoder.state_dict()
    save_tensors(
        folder / "model.safetensors",
        {theirs: state[ours].to(torch.float16) for ours, (theirs,) in source_names(c).items()},
    )
    tokens, merges = read_vocabulary(gguf)
    tokenizer = full_tokenizer(tokens, merges)
    tokenizer.add_special_tokens([AddedToken(t, special=True, normalized=False) for t in tokens[:SPECIALS]])
    save_text(folder / "tokenizer.json", tokenizer.to_str())
    config = {
        "architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_act": "silu", "hidden_size": c.width,
        "intermediate_size": c.ffn_width, "num_hidden_layers": c.layers, "num_attention_heads": c.heads,
        "num_key_value_heads": c.kv_heads, "head_dim": c.head_width, "rms_norm_eps": c.norm_eps,
        "rope_theta": c.rope_theta, "max_position_embeddings": c.context, "tie_word_embeddings": c.tied,
        "vocab_size": c.vocabulary, "bos_token_id": 1, "eos_token_id": [END_OF_TEXT, END_OF_TURN],
        "torch_dtype": "float16",
    }  # fmt: skip
    save_text(folder / "config.json", json.dumps(config, indent=1))
