"""Members of the family by name, as their authors published them."""

from __future__ import annotations

from agent.vlm.config import DecoderConfig, ExpertsConfig, RopeScaling


def palm(layers: int = 32, width: int = 4096, heads: int = 16) -> DecoderConfig:
    """PaLM 8B; 62B is (64, 8192, 32), 540B (118, 18432, 48).

    Chowdhery et al. 2022, "PaLM: Scaling Language Modeling with Pathways", section 2 and table 1: parallel layers,
    SwiGLU of four times the width, one key-value head of 256, no biases, shared embeddings, 256k SentencePiece tokens,
    2,048 tokens of context; section 5: logits by 1/sqrt(width).
    """
    return DecoderConfig(
        layers=layers, width=width, heads=heads, kv_heads=1, head_width=256, ffn_width=4 * width, vocabulary=256_000,
        rope_theta=1e4, norm="layer", norm_eps=1e-6, parallel=True, logit_scale=width**-0.5, context=2048,
    )  # fmt: skip


def gemma_2b() -> DecoderConfig:
    """Gemma Team 2024, "Gemma: Open Models Based on Gemini Research and Technology", table 1: multi-query, GeGLU."""
    return _gemma(layers=18, width=2048, heads=8, kv_heads=1, ffn_width=16_384, context=8192)


def gemma_7b() -> DecoderConfig:
    """The same, table 1: 16 heads of their own keys and values."""
    return _gemma(layers=28, width=3072, heads=16, kv_heads=16, ffn_width=24_576, context=8192)


def gemma2_2b() -> DecoderConfig:
    """Gemma Team 2024, "Gemma 2: Improving Open Language Models at a Practical Size", table 1 and section 2.

    Windows of 4,096 and whole layers in turn, products capped at 50 and logits at 30, norms before and behind each
    block, grouped queries.
    """
    return _gemma2(layers=26, width=2304, heads=8, kv_heads=4, ffn_width=9216)


def gemma2_9b() -> DecoderConfig:
    """The same, table 1."""
    return _gemma2(layers=42, width=3584, heads=16, kv_heads=8, ffn_width=14_336)


def gemma2_27b() -> DecoderConfig:
    """The same, table 1; heads of 128, and queries scaled by width over heads, (4608 / 32)^-0.5."""
    return _gemma2(
        layers=46, width=4608, heads=32, kv_heads=16, ffn_width=36_864, head_width=128, query_scale=144**-0.5
    )


def gemma3_1b() -> DecoderConfig:
    """Gemma Team 2025, "Gemma 3 Technical Report", section 2: five windowed layers to a whole one, queries and keys
    normalised in place of capped products, rotary base 10k in windows and 1M elsewhere. Windows of 512, context 32k.
    """
    return _gemma3(layers=26, width=1152, heads=4, kv_heads=1, ffn_width=6912, window=512, context=32_768)


def gemma3_4b() -> DecoderConfig:
    """The same; windows of 1,024, context 128k by stretching the whole layers' positions by 8 (section 2)."""
    return _gemma3(
        layers=34, width=2560, heads=8, kv_heads=4, ffn_width=10_240, window=1024, context=131_072,
        rope_scaling=RopeScaling(kind="linear", factor=8.0), vocabulary=262_208,
    )  # fmt: skip


def smollm2_135m() -> DecoderConfig:
    """Allal et al. 2025, "SmolLM2: When Smol Goes Big", appendix; the numbers from its config.json."""
    return DecoderConfig(layers=30, vocabulary=49_152, context=8192)


def llama32_1b() -> DecoderConfig:
    """Llama 3.2 1B (Meta 2024): Grattafiori et al. 2024, "The Llama 3 Herd of Models", and the model's config.json."""
    return DecoderConfig(
        layers=16, width=2048, heads=32, kv_heads=8, head_width=64, ffn_width=8192, vocabulary=128_256,
        rope_theta=5e5, context=131_072, rope_scaling=RopeScaling(kind="llama3", factor=32.0),
    )  # fmt: skip


def mixtral_8x7b() -> DecoderConfig:
    """Jiang et al. 2024, "Mixtral of Experts", table 1: two of eight experts a token, dropless."""
    return DecoderConfig(
        layers=32, width=4096, heads=32, kv_heads=8, head_width=128, ffn_width=14_336, vocabulary=32_000,
        rope_theta=1e6, tied=False, context=32_768, experts=ExpertsConfig(count=8, per_token=2),
    )  # fmt: skip


def switch(count: int = 128, capacity_factor: float = 1.25) -> DecoderConfig:
    """The routing of Switch Transformer in a decoder of Switch-Base's size.

    Fedus et al. 2021, "Switch Transformers", section 2 and table 9: one expert a token, by its probability, in every
    other layer, GeGLU, room for `capacity_factor` times the even share. (The original is an encoder and a decoder.)
    """
    return DecoderConfig(
        layers=12, width=768, heads=12, kv_heads=12, head_width=64, ffn_width=2048, vocabulary=32_128,
        activation="gelu_tanh",
        experts=ExpertsConfig(count=count, per_token=1, every=2, renormalise=False, capacity_factor=capacity_factor),
    )  # fmt: skip


def _gemma(*, layers: int, width: int, heads: int, kv_heads: int, ffn_width: int, context: int) -> DecoderConfig:
    return DecoderConfig(
        layers=layers, width=width, heads=heads, kv_heads=kv_heads, head_width=256, ffn_width=ffn_width,
        vocabulary=256_000, rope_theta=1e4, norm_eps=1e-6, norm_offset=1.0, activation="gelu_tanh",
        embed_scale=width**0.5, context=context,
    )  # fmt: skip


def _gemma2(
    *, layers: int, width: int, heads: int, kv_heads: int, ffn_width: int, head_width: int = 256,
    query_scale: float = 256**-0.5,
) -> DecoderConfig:  # fmt: skip
    return DecoderConfig(
        layers=layers, width=width, heads=heads, kv_heads=kv_heads, head_width=head_width, ffn_width=ffn_width,
        vocabulary=256_000, rope_theta=1e4, norm_eps=1e-6, norm_offset=1.0, activation="gelu_tanh",
        embed_scale=width**0.5, context=8192, post_norms=True, query_scale=query_scale, attention_softcap=50.0,
        logit_softcap=30.0, windows=(4096, 0),
    )  # fmt: skip


def _gemma3(
    *, layers: int, width: int, heads: int, kv_heads: int, ffn_width: int, window: int, context: int,
    rope_scaling: RopeScaling | None = None, vocabulary: int = 262_144,
) -> DecoderConfig:  # fmt: skip
    return DecoderConfig(
        layers=layers, width=width, heads=heads, kv_heads=kv_heads, head_width=256, ffn_width=ffn_width,
        vocabulary=vocabulary, rope_theta=1e6, rope_local_theta=1e4, rope_scaling=rope_scaling, norm_eps=1e-6,
        norm_offset=1.0, activation="gelu_tanh", embed_scale=width**0.5, context=context, post_norms=True,
        qk_norm=True, query_scale=256**-0.5, windows=(window,) * 5 + (0,),
    )  # fmt: skip
