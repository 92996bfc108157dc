"""Tiny models of others with random weights, saved as their authors publish them. Needs transformers."""

from __future__ import annotations

from pathlib import Path

import torch

TOWER = {
    "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "image_size": 32, "patch_size": 8,
}  # fmt: skip


def randomise(model, seed: int = 0):
    """Every tensor away from its first value, so that a bias or a norm that is left out shows."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, p in model.named_parameters():
            noise = torch.randn(p.shape, generator=generator)
            matrix = p.ndim > 1 and not any(word in name for word in ("embedding", "probe", "token"))
            p.add_(noise * 0.3) if not matrix else p.copy_(noise * p[0].numel() ** -0.5)
    return model.eval()


def save(model, folder: Path) -> Path:
    randomise(model).save_pretrained(folder)
    return folder


def siglip_vision(**changes):
    from transformers import SiglipVisionConfig, SiglipVisionModel

    return SiglipVisionModel(SiglipVisionConfig(**{**TOWER, "intermediate_size": 48, **changes}))


def clip_vision(**changes):
    from transformers import CLIPVisionConfig, CLIPVisionModel

    return CLIPVisionModel(CLIPVisionConfig(**{**TOWER, "intermediate_size": 48, **changes}))


def dinov2(**changes):
    from transformers import Dinov2Config, Dinov2Model

    return Dinov2Model(Dinov2Config(**{**TOWER, **changes}))


def paligemma(kind="gemma", **changes):
    from transformers import PaliGemmaConfig, PaliGemmaForConditionalGeneration

    text = {
        "model_type": kind, "hidden_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4,
        "num_key_value_heads": 1, "head_dim": 16, "intermediate_size": 64, "vocab_size": 100,
        **changes,
    }  # fmt: skip
    vision = {**TOWER, "model_type": "siglip_vision_model", "vision_use_head": False, "intermediate_size": 48}
    return PaliGemmaForConditionalGeneration(
        PaliGemmaConfig(vision_config=vision, text_config=text, projection_dim=48, image_token_index=99)
    )
