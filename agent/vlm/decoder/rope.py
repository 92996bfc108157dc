"""Rotary positions (Su et al. 2021), and how they are stretched for long contexts.

Shapes: B batch, T tokens, E head width.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from agent.vlm.config import DecoderConfig, RopeScaling


def rope_table(
    positions: Tensor, head_width: int, theta: float, scaling: RopeScaling | None = None
) -> tuple[Tensor, Tensor]:
    """Cosines and sines float32[B,T,E] of positions int64[B,T], in the half-split layout of Llama."""
    exponent = torch.arange(0, head_width, 2, device=positions.device, dtype=torch.float32) / head_width
    frequency = theta**-exponent
    warmth = 1.0
    if scaling is not None:
        frequency = stretched(frequency, scaling, theta)
        warmth = 0.1 * math.log(scaling.factor) + 1.0 if scaling.kind == "yarn" else 1.0
    angle = positions[..., None].float() * frequency
    angle = torch.cat([angle, angle], dim=-1)
    return angle.cos() * warmth, angle.sin() * warmth


def stretched(frequency: Tensor, s: RopeScaling, theta: float) -> Tensor:
    """The frequencies float32[E/2], rad a token, after scaling."""
    if s.kind == "linear":
        return frequency / s.factor
    if s.kind == "llama3":
        rotations = s.original_context * frequency / (2 * math.pi)
        keep = ((rotations - s.low) / (s.high - s.low)).clamp(0, 1)
    else:
        # YaRN ramps over the index of the frequency, between whole numbers (section 3.2; its code rounds outwards).
        half = len(frequency)
        first, last = (
            half * math.log(s.original_context / (turns * 2 * math.pi)) / math.log(theta) for turns in (s.high, s.low)
        )
        low, high = max(math.floor(first), 0), min(math.ceil(last), 2 * half - 1)
        index = torch.arange(half, device=frequency.device, dtype=torch.float32)
        keep = 1 - ((index - low) / max(high - low, 1e-3)).clamp(0, 1)
    return frequency / s.factor * (1 - keep) + frequency * keep


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Turn x [B,heads,T,E] by its positions."""
    half = x.shape[-1] // 2
    turned = torch.cat([-x[..., half:], x[..., :half]], dim=-1)
    return x * cos[:, None].to(x.dtype) + turned * sin[:, None].to(x.dtype)


def rope_tables(c: DecoderConfig, positions: Tensor) -> dict[int, tuple[Tensor, Tensor]]:
    """By window (see DecoderConfig.windows), the cosines and sines of its layers."""
    whole = rope_table(positions, c.head_width, c.rope_theta, c.rope_scaling)
    local = rope_table(positions, c.head_width, c.rope_local_theta) if c.rope_local_theta else whole
    return {window: local if window else whole for window in {c.window(i) for i in range(c.layers)}}
