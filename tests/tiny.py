"""A tokenizer small enough to make in a test: whole words of a short list, single letters for the rest."""

from __future__ import annotations

from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

from agent.stream import SPECIALS, Stream

WORDS = (  # noqa: SIM905  # a sentence of words reads better than a list
    "red green blue small block bowl zone cylinder which put the in on left right of front behind aside where was to "
    "back up pick there is no here stack push and"
).split()


def tiny_tokenizer() -> Tokenizer:
    """Byte-level BPE with one merge chain a word."""
    vocabulary = {c: i for i, c in enumerate(sorted(pre_tokenizers.ByteLevel.alphabet()))}
    merges: list[tuple[str, str]] = []
    for word in WORDS:
        left = "Ġ"
        for letter in word:
            if left + letter not in vocabulary:
                vocabulary[left + letter] = len(vocabulary)
                merges.append((left, letter))
            left += letter
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=merges))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken(s, special=True, normalized=False) for s in SPECIALS])
    return tokenizer


def tiny_stream() -> Stream:
    return Stream(tiny_tokenizer())
