"""The vision-language model: ViT, decoder-only LM, pointer head, tokenizer, checkpoints. Needs the `train` extra."""
