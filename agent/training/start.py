"""A new model: SmolLM2's decoder or layers out of it, its vocabulary whole or pruned, the rest from scratch."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch
from tokenizers import Tokenizer

from agent.vlm.checkpoint import CheckpointError, tie_specials
from agent.vlm.config import VisionConfig, VLMConfig
from agent.vlm.convert.smollm2 import cached_gguf, load_into, read_config, read_tensors, read_vocabulary
from agent.vlm.model import VLM
from agent.vlm.vocabulary import pruned_tokenizer, whole_tokenizer

LIKENESS = {
    "<instruction>": "task", "<history>": "done so far", "<plan>": "next", "<point>": "here", "<end>": "then",
    "<ok>": "success", "<failed>": "failed", "<navigate_to>": "go to", "<pick>": "pick", "<place>": "place",
    "<push>": "push", "<open>": "open", "<close>": "close", "<look>": "look", "<say>": "say", "<ask>": "ask",
    "<refuse>": "refuse", "<done>": "done", "<pad>": "end",
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class NewModel:
    """What a model without a past is made of; see conf/vlm/.

    layers: of SmolLM2's 30, in order. rank: see `pruned_tokenizer`; 0 = the whole vocabulary.
    """

    layers: tuple[int, ...]
    rank: int
    vision: VisionConfig

    @classmethod
    def from_options(cls, options: Mapping[str, Any]) -> NewModel:
        vision = {**options["vision"], "stem": tuple(options["vision"]["stem"])}
        return cls(
            layers=tuple(int(i) for i in options["layers"]), rank=int(options["rank"]), vision=VisionConfig(**vision)
        )


def new_model(new: NewModel, *, keep_words: Iterable[str], seed: int) -> tuple[VLM, Tokenizer]:
    """keep_words: see `pruned_tokenizer`.

    Raises:
        OSError: SmolLM2 can't be had.
        CheckpointError: its file is damaged or has no such layers, or no model can have such sizes.
    """
    torch.manual_seed(seed)
    path = cached_gguf()
    words = read_vocabulary(path)
    tokenizer, rows = (
        pruned_tokenizer(*words, rank=new.rank, keep_words=keep_words) if new.rank else whole_tokenizer(*words)
    )
    size = -(-tokenizer.get_vocab_size() // 64) * 64
    sizes = replace(read_config(path), layers=len(new.layers), vocabulary=size, context=0)
    try:
        model = VLM(VLMConfig(decoder=sizes, vision=new.vision))
    except ValueError as error:
        raise CheckpointError(f"no model has these sizes: {error}") from error
    load_into(model.decoder, read_tensors(path), list(new.layers), rows)
    tie_specials(model, tokenizer, LIKENESS)
    return model, tokenizer
