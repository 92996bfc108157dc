"""A new model: the decoder cut out of SmolLM2, its vocabulary pruned, the rest from scratch."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import torch
from tokenizers import Tokenizer

from agent.vlm.checkpoint import tie_specials
from agent.vlm.config import DecoderConfig, VLMConfig
from agent.vlm.convert.smollm2 import cached_gguf, load_into, read_tensors, read_vocabulary
from agent.vlm.model import VLM
from agent.vlm.vocabulary import pruned_tokenizer

LIKENESS = {
    "<instruction>": "task", "<history>": "done so far", "<plan>": "next", "<point>": "here", "<end>": "then",
    "<ok>": "success", "<failed>": "failed", "<navigate_to>": "go to", "<pick>": "pick", "<place>": "place",
    "<push>": "push", "<open>": "open", "<close>": "close", "<look>": "look", "<say>": "say", "<ask>": "ask",
    "<refuse>": "refuse", "<done>": "done", "<pad>": "end",
}  # fmt: skip


def new_model(*, layers: Sequence[int], rank: int, keep_words: Iterable[str], seed: int) -> tuple[VLM, Tokenizer]:
    """layers: which of SmolLM2's 30 layers to keep, in order. rank, keep_words: see `pruned_tokenizer`."""
    torch.manual_seed(seed)
    path = cached_gguf()
    tokenizer, rows = pruned_tokenizer(*read_vocabulary(path), rank=rank, keep_words=keep_words)
    size = -(-tokenizer.get_vocab_size() // 64) * 64
    model = VLM(VLMConfig(decoder=DecoderConfig(layers=len(layers), vocabulary=size)))
    load_into(model.decoder, read_tensors(path), list(layers), rows)
    tie_specials(model, tokenizer, LIKENESS)
    return model, tokenizer
