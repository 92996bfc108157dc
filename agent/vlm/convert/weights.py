"""Tensors of others -> a decoder, every one of them accounted for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import torch
from torch import Tensor

from agent.vlm.checkpoint import CheckpointError
from agent.vlm.config import DecoderConfig
from agent.vlm.decoder import Decoder


def source_names(c: DecoderConfig, prefix: str = "model.", head: str = "lm_head.weight") -> dict[str, tuple[str, ...]]:
    """Of each of our tensors, the name that transformers gives it; several where they are stacked here.

    prefix: what stands before the decoder's names; PaliGemma and other models that hold a decoder have one of theirs.
    """
    names: dict[str, tuple[str, ...]] = {"embed.weight": (f"{prefix}embed_tokens.weight",)}
    for i in range(c.layers):
        theirs = f"{prefix}layers.{i}."
        for ours, name in _layer(c, c.has_experts(i)).items():
            names[f"layers.{i}.{ours}"] = tuple(theirs + part for part in name)
    names["norm.weight"] = (f"{prefix}norm.weight",)
    if not c.tied:
        names["head.weight"] = (head,)
    return names


def _layer(c: DecoderConfig, experts: bool) -> dict[str, tuple[str, ...]]:
    names = {"attn_norm": "input_layernorm"}
    names.update({part: f"self_attn.{part}_proj" for part in "qkvo"})
    if c.qk_norm:
        names.update(q_norm="self_attn.q_norm", k_norm="self_attn.k_norm")
    if c.post_norms:
        names.update(attn_post_norm="post_attention_layernorm", ffn_norm="pre_feedforward_layernorm")
        names.update(ffn_post_norm="post_feedforward_layernorm")
    elif not c.parallel:
        names.update(ffn_norm="post_attention_layernorm")
    if not experts:
        names.update({part: f"mlp.{part}_proj" for part in ("gate", "up", "down")})
    out: dict[str, tuple[str, ...]] = {f"{ours}.weight": (f"{theirs}.weight",) for ours, theirs in names.items()}
    if experts:
        assert c.experts is not None
        out["experts.router.weight"] = ("block_sparse_moe.gate.weight",)
        for ours, theirs in {"gate": "w1", "up": "w3", "down": "w2"}.items():
            out[f"experts.{ours}.weight"] = tuple(
                f"block_sparse_moe.experts.{e}.{theirs}.weight" for e in range(c.experts.count)
            )
    return out


def load_decoder(
    c: DecoderConfig, tensors: Mapping[str, Tensor], *, dtype: torch.dtype = torch.float32, prefix: str = "model.",
    head: str = "lm_head.weight", foreign: tuple[str, ...] = (),
) -> Decoder:  # fmt: skip
    """A decoder with these weights, in evaluation mode. foreign: beginnings of names that belong to other parts.

    Raises:
        CheckpointError: naming the tensor that is missing, extra or misshapen.
    """
    if max(c.layers, c.experts.count if c.experts else 0) > len(tensors):
        raise CheckpointError(f"{c.layers} layers are told, but the weights have only {len(tensors)} tensors")
    with torch.device("meta"):
        decoder = Decoder(c)
    shapes = {name: tuple(t.shape) for name, t in decoder.state_dict().items()}
    names = source_names(c, prefix, head)
    wanted = {theirs for group in names.values() for theirs in group}
    missing = next((theirs for group in names.values() for theirs in group if theirs not in tensors), None)
    if missing is not None:
        raise CheckpointError(f"the weights lack the tensor {missing}")
    for extra in _extra(tensors, wanted, foreign):
        if extra != head or not torch.equal(tensors[extra], tensors[names["embed.weight"][0]]):
            raise CheckpointError(f"the weights have a tensor {extra} that this model does not know")
    state = {}
    for ours, group in names.items():
        shape = shapes[ours] if len(group) == 1 else shapes[ours][1:]
        parts = [_fitting(tensors[theirs], theirs, shape).to(dtype, copy=True) for theirs in group]
        state[ours] = parts[0] if len(group) == 1 else torch.stack(parts)
    decoder.load_state_dict(state, assign=True)
    return decoder.eval()


def _extra(tensors: Mapping[str, Tensor], wanted: set[str], foreign: tuple[str, ...]) -> Iterator[str]:
    """Old checkpoints carry the rotary frequencies, which follow from the configuration."""
    for name in tensors:
        if name not in wanted and not name.startswith(foreign) and not name.endswith("rotary_emb.inv_freq"):
            yield name


def _fitting(tensor: Tensor, name: str, shape: tuple[int, ...]) -> Tensor:
    if tuple(tensor.shape) != shape:
        raise CheckpointError(f"the tensor {name} is {list(tensor.shape)}, this model has {list(shape)}")
    if not tensor.is_floating_point():
        raise CheckpointError(f"the tensor {name} is {tensor.dtype}, not numbers with a point")
    return tensor
