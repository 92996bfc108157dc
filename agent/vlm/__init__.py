"""The vision-language model: ViT, decoder-only LM, pointer head, tokenizer, checkpoints. Needs the `train` extra."""

from agent.vlm.convert.pretrained import load_pretrained

__all__ = ["load_pretrained"]
