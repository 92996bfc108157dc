"""Decoding constrained by a grammar of characters, with any tokenizer: at every token, which ones may follow.

A token is a string of characters, whatever the tokenizer cut them from; it may follow where all of its characters may,
one after the other, and where what is then left can still be finished with the tokens that remain.
"""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from agent.expressions import NOTHING, Expression

Ids = NDArray[np.int64]
_REMEMBERED = 128
"""States whose tokens are kept. A token table is at most as long as the vocabulary."""


class Vocabulary:
    """What a tokenizer's tokens say, as a tree of characters.

    texts: by id; None where a token says nothing that a grammar could have (special tokens, bytes of other scripts).
    """

    def __init__(self, texts: Sequence[str | None]) -> None:
        self._root = _Branch()
        self.texts = tuple(texts)
        for i, value in enumerate(texts):
            if value:
                self._root.add(value, i)
        self._known: OrderedDict[Expression, tuple[Ids, NDArray[np.float64]]] = OrderedDict()

    def following(self, state: Expression) -> tuple[Ids, NDArray[np.float64]]:
        """The ids that may come in this state, and for each the fewest characters that must come after it."""
        found = self._known.pop(state, None)
        if found is None:
            pairs: list[tuple[int, float]] = []
            stack = [(self._root, state)]
            while stack:
                branch, at = stack.pop()
                for char, further in branch.children.items():
                    after = at.after(char)
                    if after is not NOTHING and after.shortest < np.inf:
                        pairs.extend((i, after.shortest) for i in further.ids)
                        stack.append((further, after))
            pairs.sort()
            found = np.array([i for i, _ in pairs], dtype=np.int64), np.array([n for _, n in pairs], dtype=np.float64)
        self._known[state] = found
        if len(self._known) > _REMEMBERED:
            self._known.popitem(last=False)
        return found

    def lacks(self, grammar: Expression) -> str:
        """Characters of the grammar that no token says alone: without them a text could not always be finished."""
        return "".join(sorted(c for c in grammar.alphabet if c not in {t for t in self.texts if t and len(t) == 1}))


class _Branch:
    __slots__ = ("children", "ids")

    def __init__(self) -> None:
        self.children: dict[str, _Branch] = {}
        self.ids: list[int] = []

    def add(self, value: str, i: int) -> None:
        branch = self
        for char in value:
            branch = branch.children.setdefault(char, _Branch())
        branch.ids.append(i)


class TokenDecoder:
    """One text of a grammar being written, token by token. finished: whether nothing more may come."""

    def __init__(
        self, vocabulary: Vocabulary, grammar: Expression, *, budget: int | None = None, stop: int | None = None
    ) -> None:
        """budget: tokens within which the text is finished. stop: the id that ends a text which could go on.

        Raises:
            ValueError: characters of the grammar that are no tokens, or a budget that no text fits.
        """
        missing = vocabulary.lacks(grammar)
        if missing:
            raise ValueError(f"the vocabulary has no token for each of {missing!r}")
        if grammar.shortest > (np.inf if budget is None else budget):
            raise ValueError(f"no text of this grammar fits {budget} tokens")
        self._vocabulary, self._state, self._budget, self._stop = vocabulary, grammar, budget, stop
        self.ids: list[int] = []
        self.finished = self._over()

    @property
    def text(self) -> str:
        """What was written."""
        return "".join(self._vocabulary.texts[i] or "" for i in self.ids)

    def allowed(self) -> Ids:
        """The ids of which one must come next; none when finished."""
        if self.finished:
            return np.zeros(0, dtype=np.int64)
        ids, needs = self._vocabulary.following(self._state)
        if self._budget is not None:
            ids = ids[needs < self._budget - len(self.ids)]
        if self._state.ends:
            assert self._stop is not None, "finished, were there no id that says so"
            ids = np.append(ids, np.int64(self._stop))
        return ids

    def advance(self, token: int) -> None:
        """Take the next token.

        Raises:
            ValueError: it is not among `allowed()`.
        """
        if token not in self.allowed():
            raise ValueError(f"token {token} can't stand here")
        if self._state.ends and token == self._stop:
            self.finished = True
            return
        self.ids.append(token)
        self._state = self._state.after_text(self._vocabulary.texts[token] or "")
        self.finished = self._over()

    def _over(self) -> bool:
        """Where nothing can follow; or something could, but no id is there to say that it does not."""
        return self._state.ends and (self._stop is None or not len(self._vocabulary.following(self._state)[0]))


def vocabulary_of(tokenizer: Tokenizer) -> Vocabulary:
    """What the tokens of a byte-level BPE or of a SentencePiece-like tokenizer say, special tokens left out.

    Raises:
        ValueError: a tokenizer whose decoder is of another kind.
    """
    data = json.loads(tokenizer.to_str())
    special = {t["id"] for t in data.get("added_tokens", ()) if t["special"]}
    kinds = list(_kinds(data.get("decoder")))
    if "ByteLevel" in kinds:
        alphabet = _byte_alphabet()
    elif "Metaspace" not in kinds and "Replace" not in kinds:
        raise ValueError(f"a tokenizer with the decoder {kinds} is not one that can be constrained here")
    else:
        alphabet = None
    size = tokenizer.get_vocab_size()
    names = [None if i in special else tokenizer.id_to_token(i) for i in range(size)]
    return Vocabulary([None if name is None else _says(name, alphabet) for name in names])


def _kinds(decoder: dict[str, object] | None) -> Iterable[str]:
    if decoder is not None:
        yield str(decoder["type"])
        for inner in decoder.get("decoders", ()):  # type: ignore[attr-defined]
            yield from _kinds(inner)


def _byte_alphabet() -> dict[str, str]:
    """The characters that stand for bytes in byte-level BPE (Radford et al. 2019), each to its byte as Latin-1."""
    shown = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    hidden = [b for b in range(256) if b not in set(shown)]
    return {**{chr(b): chr(b) for b in shown}, **{chr(256 + n): chr(b) for n, b in enumerate(hidden)}}


def _says(token: str, alphabet: dict[str, str] | None) -> str:
    """In SentencePiece's way of writing a low line is a space, and <0x0A> a byte."""
    if alphabet is not None:
        return "".join(alphabet.get(c, c) for c in token)
    if len(token) == 6 and token.startswith("<0x") and token.endswith(">"):
        return chr(int(token[3:5], 16))
    return token.replace("\u2581", " ")
