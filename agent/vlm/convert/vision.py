"""Published vision models as `ViT`s: SigLIP, CLIP and DINOv2, as the `transformers` library saves them.

A folder of a whole model (image and text) will do; its text half is left out. What each wants its pixels to be is said
in its preprocessor_config.json: SigLIP 2x - 1 of values in 0 to 1, CLIP and DINOv2 each its own mean and deviation.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from agent.vlm.checkpoint import CheckpointError
from agent.vlm.convert.build import build
from agent.vlm.encoders.block import Activation, BlockConfig
from agent.vlm.encoders.vit import ViT, ViTConfig
from agent.vlm.files.folder import Tensors, read_json

_ACTIVATIONS: dict[str, Activation] = {
    "gelu": "gelu", "gelu_pytorch_tanh": "gelu_tanh", "gelu_new": "gelu_tanh", "quick_gelu": "quick_gelu",
}  # fmt: skip
_KINDS = {
    "siglip": "siglip", "siglip_vision_model": "siglip", "clip": "clip", "clip_vision_model": "clip",
    "dinov2": "dinov2",
}  # fmt: skip
# What their configuration classes say where a config.json says nothing: published ones leave out what is usual.
_DEFAULTS: dict[str, dict[str, Any]] = {
    "siglip": {
        "hidden_size": 768, "num_hidden_layers": 12, "num_attention_heads": 12, "intermediate_size": 3072,
        "num_channels": 3, "image_size": 224, "patch_size": 16, "hidden_act": "gelu_pytorch_tanh",
        "layer_norm_eps": 1e-6, "vision_use_head": True,
    },
    "clip": {
        "hidden_size": 768, "num_hidden_layers": 12, "num_attention_heads": 12, "intermediate_size": 3072,
        "num_channels": 3, "image_size": 224, "patch_size": 32, "hidden_act": "quick_gelu", "layer_norm_eps": 1e-5,
    },
    "dinov2": {
        "hidden_size": 768, "num_hidden_layers": 12, "num_attention_heads": 12, "mlp_ratio": 4, "num_channels": 3,
        "image_size": 224, "patch_size": 14, "hidden_act": "gelu", "layer_norm_eps": 1e-6, "qkv_bias": True,
        "layerscale_value": 1.0, "use_swiglu_ffn": False,
    },
}  # fmt: skip


def load_vision(folder: Path) -> ViT:
    """The vision model in a folder of config.json and safetensors, in evaluation mode, float32.

    Raises:
        CheckpointError: another architecture, or a file or tensor that is missing, extra, misshapen or torn.
    """
    config = read_json(folder / "config.json")
    return vision_from(config, Tensors(folder), str(folder))


def vision_from(config: Mapping[str, Any], tensors: Mapping[str, Tensor], name: str) -> ViT:
    """As `load_vision`, from what was read already; `name` is for error messages."""
    given = config.get("model_type")
    kind = _KINDS.get(given) if isinstance(given, str) else None
    if kind is None:
        raise CheckpointError(f"{name} is a {given!r}; vision models that are read: {', '.join(_KINDS)}")
    vision = config.get("vision_config") or {} if given in ("siglip", "clip") else config
    if not isinstance(vision, Mapping):
        raise CheckpointError(f"{name}: vision_config is no JSON object")
    values = {key: _value(vision, key, default, name) for key, default in _DEFAULTS[kind].items()}
    try:
        vit = _dinov2_config(values) if kind == "dinov2" else _clip_config(values, kind)
    except ValueError as error:
        raise CheckpointError(f"{name}: {error}") from error
    source = _Source(tensors, name, "embeddings.patch_embedding")
    try:
        converted = _dinov2(source, vit) if kind == "dinov2" else _clip(source, vit)
    except (RuntimeError, IndexError) as error:
        raise CheckpointError(f"{name}: tensors do not fit each other: {error}") from error
    source.finish()
    return build(lambda: ViT(vit), converted, name, source.published)


def _value(config: Mapping[str, Any], key: str, default: Any, name: str) -> Any:
    """A number, name or flag of the default's type, none of them hostile."""
    value = config.get(key, default)
    wanted = (int, float) if isinstance(default, float) else type(default)
    if not isinstance(value, wanted) or (isinstance(value, bool) != isinstance(default, bool)):
        raise CheckpointError(f"{name}: {key} is {value!r}, it should be like {default!r}")
    if isinstance(value, int) and not isinstance(value, bool) and not 0 < value < 1_000_000:
        raise CheckpointError(f"{name}: {key} is {value}, it should be between 1 and 999999")
    return value


def _activation(name: str) -> Activation:
    if name not in _ACTIVATIONS:
        raise ValueError(f"hidden_act is {name!r}; known are {', '.join(_ACTIVATIONS)}")
    return _ACTIVATIONS[name]


def _clip_config(v: Mapping[str, Any], kind: str) -> ViTConfig:
    block = BlockConfig(
        width=v["hidden_size"], heads=v["num_attention_heads"], ffn_width=v["intermediate_size"],
        activation=_activation(v["hidden_act"]), norm_eps=v["layer_norm_eps"],
    )  # fmt: skip
    clip = kind == "clip"
    return ViTConfig(
        image_px=v["image_size"], patch_px=v["patch_size"], channels=v["num_channels"], layers=v["num_hidden_layers"],
        block=block, patch_bias=not clip, class_token=clip, norm_embeddings=clip, norm_tokens=not clip,
        pool="class" if clip else "attention" if v["vision_use_head"] else "none",
    )  # fmt: skip


def _dinov2_config(v: Mapping[str, Any]) -> ViTConfig:
    ffn_width = int(v["hidden_size"] * v["mlp_ratio"])
    if v["use_swiglu_ffn"]:  # two thirds, rounded up to a multiple of 8
        ffn_width = (int(ffn_width * 2 / 3) + 7) // 8 * 8
    block = BlockConfig(
        width=v["hidden_size"], heads=v["num_attention_heads"], ffn_width=ffn_width,
        activation="swiglu" if v["use_swiglu_ffn"] else _activation(v["hidden_act"]), norm_eps=v["layer_norm_eps"],
        qkv_bias=v["qkv_bias"], layer_scale=v["layerscale_value"],
    )  # fmt: skip
    return ViTConfig(
        image_px=v["image_size"], patch_px=v["patch_size"], channels=v["num_channels"], layers=v["num_hidden_layers"],
        block=block, class_token=True, pool="class",
    )  # fmt: skip


class _Source:
    """Published tensors below the prefix that the model stands under, each to be taken once."""

    def __init__(self, tensors: Mapping[str, Tensor], name: str, anchor: str) -> None:
        prefixes = [key.partition(anchor)[0] for key in tensors if anchor in key]
        if not prefixes:
            raise CheckpointError(f"{name} lacks the tensor {anchor}.weight")
        self.name, self.prefix, self._tensors = name, prefixes[0], tensors
        self.left = {key[len(self.prefix) :] for key in tensors if key.startswith(self.prefix)}
        self.published: dict[str, str] = {}

    def take(self, theirs: str, ours: str) -> dict[str, Tensor]:
        """One tensor under our name."""
        if theirs not in self.left:
            raise CheckpointError(f"{self.name} lacks the tensor {self.prefix}{theirs}")
        self.left.remove(theirs)
        self.published[ours] = self.prefix + theirs
        return {ours: self._tensors[self.prefix + theirs]}

    def pair(self, theirs: str, ours: str, *, bias: bool = True) -> dict[str, Tensor]:
        """Weight and bias of one layer."""
        out = self.take(f"{theirs}.weight", f"{ours}.weight")
        return out | self.take(f"{theirs}.bias", f"{ours}.bias") if bias else out

    def stack(self, theirs: list[str], ours: str, *, bias: bool = True) -> dict[str, Tensor]:
        """Layers that share their input as one: their rows one below the other."""
        parts = [self.pair(key, ours, bias=bias) for key in theirs]
        return {key: torch.cat([p[key] for p in parts]) for key in parts[0]}

    def positions(self, theirs: str, class_token: str | None) -> dict[str, Tensor]:
        """Learned positions [G*G,W]; the class token's own is part of the token in our ViT."""
        out = self.take(theirs, "position")
        if class_token is None:
            return out
        table = out["position"].flatten(0, -2)
        token = self.take(class_token, "class_token")["class_token"].flatten()
        return {"class_token": token + table[0], "position": table[1:]}

    def finish(self) -> None:
        """Raises CheckpointError where a tensor was never asked for; two that say nothing about pictures may be."""
        for key in self.left - {"embeddings.position_ids", "embeddings.mask_token"}:
            raise CheckpointError(f"{self.name} has a tensor {self.prefix}{key} that its configuration does not know")


def _clip(source: _Source, c: ViTConfig) -> dict[str, Tensor]:
    out = source.pair("embeddings.patch_embedding", "patch", bias=c.patch_bias)
    class_token = "embeddings.class_embedding" if c.class_token else None
    out |= source.positions("embeddings.position_embedding.weight", class_token)
    if c.norm_embeddings:
        out |= source.pair("pre_layrnorm", "first_norm")  # so it is spelled
    for i in range(c.layers):
        theirs, ours = f"encoder.layers.{i}.", f"blocks.{i}."
        out |= source.stack([f"{theirs}self_attn.{p}_proj" for p in "qkv"], f"{ours}qkv")
        out |= source.pair(f"{theirs}self_attn.out_proj", f"{ours}out")
        for a, b in (("layer_norm1", "norm1"), ("layer_norm2", "norm2"), ("mlp.fc1", "fc1"), ("mlp.fc2", "fc2")):
            out |= source.pair(theirs + a, ours + b)
    out |= source.pair("post_layernorm", "norm")
    if c.pool == "attention":
        out["pool.probe"] = source.take("head.probe", "pool.probe")["pool.probe"].flatten()
        for part in ("weight", "bias"):
            joined = source.take(f"head.attention.in_proj_{part}", f"pool.kv.{part}")[f"pool.kv.{part}"]
            out[f"pool.q.{part}"], out[f"pool.kv.{part}"] = joined[: c.block.width], joined[c.block.width :]
        for a, b in (("attention.out_proj", "out"), ("layernorm", "norm"), ("mlp.fc1", "fc1"), ("mlp.fc2", "fc2")):
            out |= source.pair(f"head.{a}", f"pool.{b}")
    return out


def _dinov2(source: _Source, c: ViTConfig) -> dict[str, Tensor]:
    out = source.pair("embeddings.patch_embeddings.projection", "patch")
    out |= source.positions("embeddings.position_embeddings", "embeddings.cls_token")
    swiglu = c.block.activation == "swiglu"
    names = ("weights_in", "weights_out") if swiglu else ("fc1", "fc2")
    for i in range(c.layers):
        theirs, ours = f"encoder.layer.{i}.", f"blocks.{i}."
        attention = [f"{theirs}attention.attention.{p}" for p in ("query", "key", "value")]
        out |= source.stack(attention, f"{ours}qkv", bias=c.block.qkv_bias)
        out |= source.pair(f"{theirs}attention.output.dense", f"{ours}out")
        out |= source.pair(f"{theirs}mlp.{names[0]}", f"{ours}fc1") | source.pair(
            f"{theirs}mlp.{names[1]}", f"{ours}fc2"
        )
        for n in "12":
            out |= source.pair(f"{theirs}norm{n}", f"{ours}norm{n}")
            out |= source.take(f"{theirs}layer_scale{n}.lambda1", f"{ours}scale{n}")
    return out | source.pair("layernorm", "norm")
