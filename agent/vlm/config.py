"""What a model is made of, as numbers. Stored beside every checkpoint as JSON."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True, kw_only=True)
class DecoderConfig:
    """A Llama-style decoder-only LM (Touvron et al. 2023; SmolLM2 for the numbers)."""

    layers: int = 5
    width: int = 576
    heads: int = 9
    kv_heads: int = 3
    head_width: int = 64
    ffn_width: int = 1536
    vocabulary: int = 8192
    rope_theta: float = 1e5
    norm_eps: float = 1e-5


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
            decoder=DecoderConfig(**data["decoder"]), vision=VisionConfig(**vision), state_width=data["state_width"]
        )
