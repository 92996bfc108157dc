"""What a model is made of, as numbers. Stored beside every checkpoint as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal


@dataclass(frozen=True, kw_only=True)
class RopeScaling:
    """How rotary frequencies are stretched so that a model reads further than it was first trained.

    kind "linear": all by `factor` (Chen et al. 2023, "Extending context window ... via position interpolation").
    "llama3": long waves by `factor`, short ones not, between them in between (Llama 3.1's model card and code).
    "yarn": the same by rotations within the first context, and warmer attention (Peng et al. 2023, section 3).
    original_context: tokens of the first training. low, high: rotations within it below which a frequency is stretched
    whole, and above which it is not (Llama 3: 1 and 4, YaRN: 1 and 32).
    """

    kind: Literal["linear", "llama3", "yarn"]
    factor: float
    original_context: int = 8192
    low: float = 1.0
    high: float = 4.0


@dataclass(frozen=True, kw_only=True)
class ExpertsConfig:
    """A sparse mixture of experts in place of a feed-forward block (Shazeer et al. 2017).

    count, per_token: experts, and how many each token goes to. every: each layer of so many, counted from the last of
    the group, has experts (Switch Transformer: 2). renormalise: whether the weights of a token's experts sum to 1
    (Mixtral) or are their probabilities (Switch). capacity_factor: while training, an expert takes at most this times
    its even share of a batch's tokens and lets the others pass (Fedus et al. 2021, section 2.2); 0 = no limit.
    """

    count: int
    per_token: int = 2
    every: int = 1
    renormalise: bool = True
    capacity_factor: float = 0.0


@dataclass(frozen=True, kw_only=True)
class DecoderConfig:
    """A decoder-only LM. By default nano's: Llama-style (Touvron et al. 2023; SmolLM2 for the numbers).

    See agent/vlm/decoder/presets.py for the members of the family, each with its source.

    parallel: attention and feed-forward read the same norm and are added together (PaLM, section 2). norm "layer" has
    no bias; norm_offset is added to the norms' weights. post_norms: norms behind attention and feed-forward, too.
    qk_norm: queries and keys are normalised a head. activation: of the gated feed-forward (SwiGLU, GeGLU). tied: the
    output head is the embedding table. embed_scale, logit_scale: factors on word embeddings and logits. query_scale:
    factor on attention's products; 0 = head_width^-0.5. attention_softcap, logit_softcap: c tanh(x / c); 0 = none.
    windows: by layer, repeated: how many tokens back (itself included) a token sees, 0 = all. sinks: tokens at the
    start that every window sees (Xiao et al. 2023). rope_local_theta: of layers with a window; 0 = as the others,
    scaling included. context: the most tokens; 0 = not limited.
    """

    layers: int = 5
    width: int = 576
    heads: int = 9
    kv_heads: int = 3
    head_width: int = 64
    ffn_width: int = 1536
    vocabulary: int = 8192
    rope_theta: float = 1e5
    norm_eps: float = 1e-5
    activation: Literal["silu", "gelu_tanh"] = "silu"
    parallel: bool = False
    norm: Literal["rms", "layer"] = "rms"
    norm_offset: float = 0.0
    post_norms: bool = False
    qk_norm: bool = False
    tied: bool = True
    embed_scale: float = 1.0
    logit_scale: float = 1.0
    query_scale: float = 0.0
    attention_softcap: float = 0.0
    logit_softcap: float = 0.0
    windows: tuple[int, ...] = ()
    sinks: int = 0
    rope_local_theta: float = 0.0
    rope_scaling: RopeScaling | None = None
    experts: ExpertsConfig | None = None
    context: int = 0

    def __post_init__(self) -> None:
        if self.heads % self.kv_heads:
            raise ValueError(f"{self.heads} heads can't share {self.kv_heads} key-value heads evenly")
        if self.post_norms and self.parallel:
            raise ValueError("parallel blocks have one norm; post_norms is for blocks in turn")
        if self.experts is not None and not 1 <= self.experts.per_token <= self.experts.count:
            raise ValueError(f"{self.experts.per_token} experts a token of {self.experts.count}")

    def window(self, layer: int) -> int:
        """How many tokens back the layer sees, 0 = all."""
        return self.windows[layer % len(self.windows)] if self.windows else 0

    def has_experts(self, layer: int) -> bool:
        return self.experts is not None and (layer + 1) % self.experts.every == 0

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> DecoderConfig:
        """Raises TypeError on unknown fields."""
        scaling, experts = data.get("rope_scaling"), data.get("experts")
        return cls(**{
            **data,
            "windows": tuple(data.get("windows", ())),
            "rope_scaling": RopeScaling(**scaling) if scaling else None,
            "experts": ExpertsConfig(**experts) if experts else None,
        })  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class VisionConfig:
    """A convolutional stem, then a ViT over grid x grid tokens, and a finer map for pointing."""

    image_px: int = 192
    stem: tuple[int, int, int] = (32, 64, 128)
    width: int = 192
    layers: int = 4
    heads: int = 6
    grid: int = 8
    map_grid: int = 48
    map_width: int = 64


@dataclass(frozen=True, kw_only=True)
class VLMConfig:
    """The whole model. `state_width`: numbers in the robot-state vector (see agent.preprocess)."""

    decoder: DecoderConfig = field(default_factory=DecoderConfig)
    vision: VisionConfig = field(default_factory=VisionConfig)
    state_width: int = 5

    @property
    def prefix_tokens(self) -> int:
        """Image tokens and the state token, which stand before every instruction."""
        return self.vision.grid**2 + 1

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> VLMConfig:
        """Raises TypeError on unknown fields."""
        vision = dict(data["vision"])
        vision["stem"] = tuple(vision["stem"])
        return cls(
            decoder=DecoderConfig.from_json(data["decoder"]),
            vision=VisionConfig(**vision),
            state_width=data["state_width"],
        )
