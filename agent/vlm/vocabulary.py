"""A smaller vocabulary for `nano`: SmolLM2's tokenizer with the lower-case words of everyday rank, plus our specials;
and the whole one for `base`.

A byte-level BPE stays a byte-level BPE when tokens are dropped, as long as every kept token keeps one merge that makes
it out of kept tokens: words that lost their token fall into smaller pieces, down to single bytes, and nothing is ever
unknown.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable

from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

from agent.stream import SPECIALS

_LOWER = re.compile(r"Ġ?[a-z]+")


def full_tokenizer(tokens: list[str], merges: list[tuple[str, str]]) -> Tokenizer:
    """SmolLM2's tokenizer: digits apart, byte-level BPE."""
    return _tokenizer({t: i for i, t in enumerate(tokens)}, merges)


def _tokenizer(vocabulary: dict[str, int], merges: list[tuple[str, str]]) -> Tokenizer:
    t = Tokenizer(models.BPE(vocab=vocabulary, merges=merges, fuse_unk=False))
    t.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    t.decoder = decoders.ByteLevel()
    return t


def pruned_tokenizer(
    tokens: list[str], merges: list[tuple[str, str]], *, rank: int, keep_words: Iterable[str]
) -> tuple[Tokenizer, list[int]]:
    """The smaller tokenizer, and the row of the full embedding table for each of its non-special ids.

    rank: lower-case tokens made by the first `rank` merges are kept. keep_words: words whose tokens are kept wherever
    they stand in the ranking.
    """
    full = full_tokenizer(tokens, merges)
    index = {t: i for i, t in enumerate(tokens)}
    made_by: dict[str, tuple[str, str]] = {}
    for left, right in merges:
        made_by.setdefault(left + right, (left, right))
    wanted = {left + right for left, right in merges[:rank] if _LOWER.fullmatch(left + right)}
    for word in keep_words:
        wanted.update(full.encode(" " + word).tokens)
    kept = set(pre_tokenizers.ByteLevel.alphabet())
    stack = list(wanted)
    while stack:
        token = stack.pop()
        if token in kept:
            continue
        kept.add(token)
        stack.extend(made_by.get(token, ()))
    rows = sorted(index[t] for t in kept if t in index)
    vocabulary = {tokens[row]: i for i, row in enumerate(rows)}
    kept_merges = [(a, b) for a, b in merges if a in vocabulary and b in vocabulary and a + b in vocabulary]
    return _with_specials(_tokenizer(vocabulary, kept_merges)), rows


def whole_tokenizer(tokens: list[str], merges: list[tuple[str, str]]) -> tuple[Tokenizer, list[int]]:
    """All of SmolLM2's tokens, and ours behind them; with the rows of the embedding table as `pruned_tokenizer`."""
    return _with_specials(full_tokenizer(tokens, merges)), list(range(len(tokens)))


def _with_specials(tokenizer: Tokenizer) -> Tokenizer:
    tokenizer.add_special_tokens([AddedToken(s, special=True, normalized=False) for s in SPECIALS])
    # A round trip through JSON, so that the ids are the ones that a loaded file gives.
    return Tokenizer.from_str(json.dumps(json.loads(tokenizer.to_str())))
