"""Tiny random models of `transformers`, saved as their authors' are, with weights that show every part."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

BASE: dict[str, Any] = {
    "vocab_size": 96, "hidden_size": 32, "intermediate_size": 40, "num_hidden_layers": 3, "num_attention_heads": 4,
    "num_key_value_heads": 2, "head_dim": 12, "max_position_embeddings": 256, "pad_token_id": 0,
    "bos_token_id": 1, "eos_token_id": 2, "attn_implementation": "eager",
}  # fmt: skip
ROPE = {"rope_theta": 1e4}
FAMILY: dict[str, tuple[str, dict[str, Any]]] = {
    "llama": ("Llama", {"tie_word_embeddings": True}),
    "llama, own head": ("Llama", {"num_key_value_heads": 4}),
    "llama, linear": ("Llama", {"rope_parameters": {**ROPE, "rope_type": "linear", "factor": 4.0}}),
    "llama, llama3": (
        "Llama",
        {"rope_parameters": {
            **ROPE, "rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
            "original_max_position_embeddings": 64,
        }},
    ),
    "llama, yarn": (
        "Llama",
        {"rope_parameters": {
            **ROPE, "rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 64,
        }},
    ),
    "gemma": ("Gemma", {"num_key_value_heads": 1}),
    "gemma2": ("Gemma2", {
        "sliding_window": 6, "query_pre_attn_scalar": 20, "attn_logit_softcapping": 2.0, "final_logit_softcapping": 3.0,
    }),
    "gemma3_text": ("Gemma3Text", {
        "num_hidden_layers": 7, "sliding_window": 6, "query_pre_attn_scalar": 20,
        "rope_parameters": {
            "full_attention": {"rope_type": "linear", "factor": 8.0, "rope_theta": 1e6},
            "sliding_attention": {"rope_type": "default", "rope_theta": 1e4},
        },
    }),
    "mixtral": ("Mixtral", {"num_local_experts": 5, "num_experts_per_tok": 2}),
    "mixtral, one expert, windows": ("Mixtral", {
        "num_local_experts": 3, "num_experts_per_tok": 1, "sliding_window": 6,
    }),
}  # fmt: skip
"""By a name for the test: the configuration's class and what differs from BASE."""


def foreign(name: str, **more: Any) -> Any:
    """The model of transformers, random, norms and all, in evaluation mode."""
    import transformers

    kind, changes = FAMILY[name]
    config = getattr(transformers, f"{kind}Config")(**{**BASE, **changes, **more})
    torch.manual_seed(0)
    model = transformers.AutoModelForCausalLM.from_config(config, attn_implementation="eager")
    with torch.no_grad():
        for key, p in model.named_parameters():
            p.normal_(0.0, 0.25 if "norm" in key else 0.15)
            if "norm" in key and not kind.startswith("Gemma"):
                p.add_(1.0)
    return model.eval()


def save_foreign(model: Any, folder: Path, **options: Any) -> Path:
    """As `save_pretrained` writes it."""
    model.save_pretrained(folder, **options)
    return folder
