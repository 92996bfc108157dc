"""PaliGemma (Beyer et al. 2024): a SigLIP vision model, a linear projector and a Gemma decoder, one multimodal LM.

Three details that are easy to miss: pictures come before the words and see the prompt, and it them, both ways; the
prompt ends in a newline; the pictures' embeddings are not multiplied by Gemma's sqrt(width), words are.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from agent.vlm.checkpoint import CheckpointError
from agent.vlm.convert_vision import vision_from
from agent.vlm.encoders.pictures import ImageEncoder
from agent.vlm.encoders.project import Projector
from agent.vlm.foreign import build, read_json, read_tensors
from agent.vlm.multimodal import LanguageModel, MultimodalLM

DecoderFrom = Callable[[Mapping[str, Any], dict[str, Tensor]], LanguageModel]
"""(text_config, tensors) -> decoder. The tensors have the names of a Gemma folder of its own: `model.layers.0. ...`."""


def load_paligemma(folder: Path, decoder_from: DecoderFrom) -> MultimodalLM:
    """PaliGemma or PaliGemma 2 from a folder as published: config.json and safetensors.

    Its sentences are `sentence("<image>" * n + "<bos>" + prompt + "\\n", said=answer, images=...)` with pictures
    float32[3,height,width] of values -1 to 1.

    Raises:
        CheckpointError: another architecture, or a file or tensor that is missing, extra, misshapen or torn.
    """
    config, name = read_json(folder / "config.json"), str(folder)
    if config.get("model_type") != "paligemma":
        raise CheckpointError(f"{name} is a {config.get('model_type')!r}, not a paligemma")
    halves = [config.get(key) for key in ("vision_config", "text_config")]
    vision, text = (half if isinstance(half, dict) else {} for half in halves)
    if not vision or not text:
        raise CheckpointError(f"{name}: config.json lacks vision_config or text_config")
    eyes, project, words = _halves(read_tensors(folder), name)
    # PaliGemma has no pooling head, whether its config.json says so or not.
    vit = vision_from({"model_type": "siglip_vision_model", **vision, "vision_use_head": False}, eyes, name)
    width = text.get("hidden_size", 2048)
    projector = build(
        lambda: Projector(vit.config.block.width, width),
        {k.replace("multi_modal_projector.", ""): v for k, v in project.items()},
        name,
        {f"linear.{part}": f"multi_modal_projector.linear.{part}" for part in ("weight", "bias")},
    )
    # Whom a word sees is said by our mask; how many there may be, published files leave to Gemma's own default.
    gemma = {"max_position_embeddings": 8192, **text}
    gemma.pop("use_bidirectional_attention", None)
    return MultimodalLM(decoder_from(gemma, words), {"image": ImageEncoder(vit, projector)}, style="prefix").eval()


def _halves(tensors: Mapping[str, Tensor], name: str) -> tuple[dict[str, Tensor], ...]:
    """Vision, projector and decoder tensors, under the names that each would have alone.

    Older files begin with `language_model.model.`, newer ones with `model.language_model.`.
    """
    vision: dict[str, Tensor] = {}
    project: dict[str, Tensor] = {}
    words: dict[str, Tensor] = {}
    for key, tensor in tensors.items():
        part, _, rest = key.removeprefix("model.").partition(".")
        if part == "vision_tower":
            vision[key] = tensor
        elif part == "multi_modal_projector":
            project[f"{part}.{rest}"] = tensor
        elif part == "language_model":
            words[rest if rest.startswith(("model.", "lm_head.")) else f"model.{rest}"] = tensor
        elif part == "lm_head":
            words[key] = tensor
        else:
            raise CheckpointError(f"{name} has a tensor {key} that no PaliGemma has")
    return vision, project, words
