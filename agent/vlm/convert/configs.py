"""config.json of others -> DecoderConfig. What this decoder can't express is refused, never passed over."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal

from agent.vlm.checkpoint import CheckpointError
from agent.vlm.config import DecoderConfig, ExpertsConfig, RopeScaling

Json = Mapping[str, Any]

_GEMMA = {
    "head_dim": 256, "rms_norm_eps": 1e-6, "tie_word_embeddings": True, "rope_theta": 1e4,
    "hidden_activation": "gelu_pytorch_tanh",
}  # fmt: skip
_DEFAULTS: dict[str, dict[str, Any]] = {
    "llama": {"rms_norm_eps": 1e-6, "tie_word_embeddings": False, "rope_theta": 1e4, "hidden_act": "silu"},
    "mixtral": {
        "rms_norm_eps": 1e-5, "tie_word_embeddings": False, "rope_theta": 1e6, "hidden_act": "silu",
        "num_local_experts": 8, "num_experts_per_tok": 2,
    },
    "gemma": {**_GEMMA},
    "gemma2": {
        **_GEMMA, "query_pre_attn_scalar": 256, "sliding_window": 4096, "attn_logit_softcapping": 50.0,
        "final_logit_softcapping": 30.0, "sliding_window_pattern": 2,
    },
    "gemma3_text": {
        **_GEMMA, "query_pre_attn_scalar": 256, "sliding_window": 4096, "sliding_window_pattern": 6,
        "rope_theta": 1e6, "rope_local_base_freq": 1e4, "vocab_size": 262_208, "num_attention_heads": 8,
        "num_key_value_heads": 4, "max_position_embeddings": 131_072,
    },
}  # fmt: skip
"""What a config.json that leaves a field out means by it, as `transformers` reads it."""


def decoder_config(config: Json) -> DecoderConfig:
    """The decoder that a config.json of transformers describes.

    Raises:
        CheckpointError: another architecture, a field missing, or one with a value that this decoder does not have.
    """
    kind = config.get("model_type")
    if not isinstance(kind, str) or kind not in _READERS:
        raise CheckpointError(f"model_type {kind!r} is not one of: {', '.join(_READERS)}")
    given = {**_DEFAULTS[kind], **config}
    for flag in ("attention_bias", "mlp_bias", "use_bidirectional_attention"):
        if given.get(flag):
            raise CheckpointError(f"config.json: {flag} is {given[flag]!r}, which this decoder does not have")
    try:
        return _READERS[kind](given)
    except CheckpointError:
        raise
    except (TypeError, ValueError, KeyError, AttributeError, ZeroDivisionError) as error:
        raise CheckpointError(f"config.json of a {kind} model can't be read: {error!r}") from error


def _common(c: Json) -> dict[str, Any]:
    heads, width = _whole(c, "num_attention_heads"), _whole(c, "hidden_size")
    return {
        "layers": _whole(c, "num_hidden_layers"), "width": width, "heads": heads,
        "kv_heads": _whole(c, "num_key_value_heads") if c.get("num_key_value_heads") else heads,
        "head_width": _whole(c, "head_dim") if c.get("head_dim") else width // heads,
        "ffn_width": _whole(c, "intermediate_size"), "vocabulary": _whole(c, "vocab_size"),
        "norm_eps": float(c["rms_norm_eps"]), "tied": bool(c["tie_word_embeddings"]),
        "context": _whole(c, "max_position_embeddings"), "activation": _activation(c),
    }  # fmt: skip


def _whole(c: Json, name: str) -> int:
    value = c.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise CheckpointError(f"config.json: {name} is {value!r}, not a positive whole number")
    return value


def _activation(c: Json) -> Literal["silu", "gelu_tanh"]:
    # Gemma's first config.json says "gelu" and means the approximation by tanh, as Google's own code has it.
    name = c.get("hidden_activation") or c.get("hidden_act")
    gemma = str(c["model_type"]).startswith("gemma")
    if gemma and name in ("gelu", "gelu_pytorch_tanh"):
        return "gelu_tanh"
    if not gemma and name == "silu":
        return "silu"
    raise CheckpointError(f"config.json: the activation {name!r} is not one that a {c['model_type']} model has")


def _rope(c: Json, kind: str | None = None) -> tuple[float, RopeScaling | None]:
    """Base and scaling of all layers, or of those of one kind, in the newer or the older way of writing."""
    parameters = c.get("rope_parameters") or {}
    if kind is not None and isinstance(parameters.get(kind), Mapping):
        parameters = parameters[kind]
    r = {"rope_theta": c["rope_theta"], **(c.get("rope_scaling") or {}), **parameters}
    return float(r["rope_theta"]), _scaling(r, c)


def _scaling(r: Json, c: Json) -> RopeScaling | None:
    kind = r.get("rope_type") or r.get("type") or "default"
    for field in ("attention_factor", "mscale", "mscale_all_dim", "partial_rotary_factor"):
        if r.get(field) not in (None, 1.0):
            raise CheckpointError(f"config.json: rope {field} {r[field]!r} is not something this decoder has")
    if kind == "default":
        return None
    if kind not in ("linear", "llama3", "yarn") or r.get("truncate") is False:
        raise CheckpointError(f"config.json: rope_type {kind!r} is not one of: default, linear, llama3, yarn")
    before = int(r.get("original_max_position_embeddings") or c["max_position_embeddings"])
    if kind == "linear":
        return RopeScaling(kind="linear", factor=float(r["factor"]))
    if kind == "llama3":
        low, high = float(r["low_freq_factor"]), float(r["high_freq_factor"])
        return RopeScaling(kind="llama3", factor=float(r["factor"]), original_context=before, low=low, high=high)
    low, high = float(r.get("beta_slow") or 1), float(r.get("beta_fast") or 32)
    return RopeScaling(kind="yarn", factor=float(r["factor"]), original_context=before, low=low, high=high)


def _windows(c: Json) -> tuple[int, ...]:
    layers, period = _whole(c, "num_hidden_layers"), int(c["sliding_window_pattern"])
    kinds = c.get("layer_types") or [
        "sliding_attention" if (i + 1) % period else "full_attention" for i in range(layers)
    ]
    if len(kinds) != layers or not set(kinds) <= {"sliding_attention", "full_attention"}:
        raise CheckpointError(f"config.json: layer_types must be {layers} of sliding_attention and full_attention")
    return tuple(_whole(c, "sliding_window") if kind == "sliding_attention" else 0 for kind in kinds)


def _llama(c: Json) -> DecoderConfig:
    theta, scaling = _rope(c)
    return DecoderConfig(**_common(c), rope_theta=theta, rope_scaling=scaling)


def _mixtral(c: Json) -> DecoderConfig:
    theta, scaling = _rope(c)
    experts = ExpertsConfig(count=_whole(c, "num_local_experts"), per_token=_whole(c, "num_experts_per_tok"))
    windows = (_whole(c, "sliding_window"),) if c.get("sliding_window") else ()
    return DecoderConfig(**_common(c), rope_theta=theta, rope_scaling=scaling, experts=experts, windows=windows)


def _gemma_common(c: Json) -> dict[str, Any]:
    common = _common(c)
    return {**common, "norm_offset": 1.0, "embed_scale": common["width"] ** 0.5}


def _gemma(c: Json) -> DecoderConfig:
    theta, scaling = _rope(c)
    return DecoderConfig(**_gemma_common(c), rope_theta=theta, rope_scaling=scaling)


def _gemma2(c: Json) -> DecoderConfig:
    theta, scaling = _rope(c)
    return DecoderConfig(
        **_gemma_common(c), rope_theta=theta, rope_scaling=scaling, post_norms=True, windows=_windows(c),
        query_scale=float(c["query_pre_attn_scalar"]) ** -0.5,
        attention_softcap=float(c["attn_logit_softcapping"] or 0),
        logit_softcap=float(c["final_logit_softcapping"] or 0),
    )  # fmt: skip


def _gemma3(c: Json) -> DecoderConfig:
    theta, scaling = _rope(c, "full_attention")
    local, local_scaling = _rope(
        {**c, "rope_theta": c["rope_local_base_freq"], "rope_scaling": None}, "sliding_attention"
    )
    if local_scaling is not None:
        raise CheckpointError("config.json: only the layers without a window may have their positions scaled")
    return DecoderConfig(
        **_gemma_common(c), rope_theta=theta, rope_scaling=scaling, rope_local_theta=local, post_norms=True,
        qk_norm=True, windows=_windows(c), query_scale=float(c["query_pre_attn_scalar"]) ** -0.5,
        attention_softcap=float(c.get("attn_logit_softcapping") or 0),
        logit_softcap=float(c.get("final_logit_softcapping") or 0),
    )  # fmt: skip


_READERS: dict[str, Callable[[Json], DecoderConfig]] = {
    "llama": _llama, "mixtral": _mixtral, "gemma": _gemma, "gemma2": _gemma2, "gemma3_text": _gemma3,
}  # fmt: skip
ARCHITECTURES = tuple(_READERS)
"""The model types that can be read."""
