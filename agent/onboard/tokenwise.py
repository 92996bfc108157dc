"""Decoding constrained by a grammar of characters, with any tokenizer: at every token, which ones may follow.

A token is a string of characters, whatever the tokenizer cut them from; it may follow where all of its characters may,
one after the other, and where what is then left can still be finished with the tokens that remain.
"""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from agent.expressions import NOTHING, Expression

Ids = NDArray[np.int64]
Floats = NDArray[np.float64]
_REMEMBERED = 64
"""Grammars, and states of each, whose tokens are kept; the tokens of a state are at most as many as there are."""

K = TypeVar("K")
V = TypeVar("V")


class Vocabulary:
    """What a tokenizer's tokens say.

    texts: by id; None where a token says nothing that a grammar could have (special tokens, bytes of other scripts).
    """

    def __init__(self, texts: Sequence[str | None]) -> None:
        self.texts = tuple(texts)
        self.characters = sorted({c for t in self.texts if t for c in t})
        number = {c: i for i, c in enumerate(self.characters)}
        self.lengths = np.array([len(t or "") for t in self.texts], dtype=np.int64)
        self.codes = np.full((len(self.texts), int(self.lengths.max(initial=0))), -1, dtype=np.int32)
        for i, value in enumerate(self.texts):
            if value:
                self.codes[i, : len(value)] = [number[c] for c in value]
        self._under: OrderedDict[Expression, TokenGrammar] = OrderedDict()

    def under(self, grammar: Expression) -> TokenGrammar:
        """The tokens that a grammar can use."""
        return _remembered(self._under, grammar, lambda: TokenGrammar(self, grammar))


class TokenGrammar:
    """The tokens of a vocabulary that are made of a grammar's characters, and where each leads from a state.

    All tokens are walked at once, a character at a time, through a table of states that grows as they are met.
    """

    def __init__(self, vocabulary: Vocabulary, grammar: Expression) -> None:
        """Raises ValueError: characters of the grammar that no token says alone; a text could not always be ended."""
        missing = sorted(grammar.alphabet.difference(t for t in vocabulary.texts if t and len(t) == 1))
        if missing:
            raise ValueError(f"the vocabulary has no token for each of {''.join(missing)!r}")
        self._column = {c: i for i, c in enumerate(sorted(grammar.alphabet))}
        column = np.array([self._column.get(c, -1) for c in vocabulary.characters] + [-1], dtype=np.int32)
        codes = column[vocabulary.codes]
        usable = (vocabulary.lengths > 0) & ((codes >= 0).sum(axis=1) == vocabulary.lengths)
        self._ids = np.flatnonzero(usable)
        self._codes, self._lengths = codes[usable], vocabulary.lengths[usable]
        self._states: list[Expression] = []
        self._number: dict[Expression, int] = {}
        self._rows = np.zeros((0, len(self._column)), dtype=np.int32)
        self._filled: list[bool] = []
        self._known: OrderedDict[Expression, tuple[Ids, Floats]] = OrderedDict()

    def following(self, state: Expression) -> tuple[Ids, Floats]:
        """The ids that may come in this state, in order, and for each the fewest characters that must come after it."""
        return _remembered(self._known, state, lambda: self._walk(state))

    def _walk(self, state: Expression) -> tuple[Ids, Floats]:
        token = np.arange(len(self._ids))
        at = np.full(len(token), self._of(state), dtype=np.int32)
        ends = np.full(len(token), -1, dtype=np.int32)
        for place in range(self._codes.shape[1]):
            for number in np.unique(at).tolist():
                self._fill(number)
            at = self._rows[at, self._codes[token, place]]
            token, at = token[at >= 0], at[at >= 0]
            over = self._lengths[token] == place + 1
            ends[token[over]] = at[over]
            token, at = token[~over], at[~over]
            if not len(token):
                break
        needs = np.array([s.shortest for s in self._states], dtype=np.float64)
        return self._ids[ends >= 0], needs[ends[ends >= 0]]

    def _of(self, state: Expression) -> int:
        """The state's number; a new one's row is not filled yet."""
        found = self._number.get(state)
        if found is None:
            found = self._number[state] = len(self._states)
            self._states.append(state)
            self._filled.append(False)
            if found == len(self._rows):
                more = np.full((max(64, len(self._rows)), self._rows.shape[1]), -1, dtype=np.int32)
                self._rows = np.concatenate([self._rows, more])
        return found

    def _fill(self, number: int) -> None:
        if self._filled[number]:
            return
        self._filled[number] = True
        state = self._states[number]
        for char in state.first:
            after = state.after(char)
            if after is not NOTHING and after.shortest < np.inf:
                self._rows[number, self._column[char]] = self._of(after)


def _remembered(known: OrderedDict[K, V], key: K, make: Callable[[], V]) -> V:
    """The value that is known for the key, or made now; the one that was not asked for the longest is forgotten."""
    value = known.pop(key) if key in known else make()
    known[key] = value
    if len(known) > _REMEMBERED:
        known.popitem(last=False)
    return value


class TokenDecoder:
    """One text of a grammar being written, token by token. finished: whether nothing more may come."""

    def __init__(
        self, vocabulary: Vocabulary, grammar: Expression, *, budget: int | None = None, stop: int | None = None
    ) -> None:
        """budget: tokens within which the text is finished. stop: the id that ends a text which could go on.

        Raises:
            ValueError: characters of the grammar that are no tokens, or a budget that no text fits.
        """
        if grammar.shortest > (np.inf if budget is None else budget):
            raise ValueError(f"no text of this grammar fits {budget} tokens")
        self._texts, self._tokens = vocabulary.texts, vocabulary.under(grammar)
        self._state, self._budget, self._stop = grammar, budget, stop
        self.ids: list[int] = []
        self.finished = self._over()

    @property
    def text(self) -> str:
        """What was written."""
        return "".join(self._texts[i] or "" for i in self.ids)

    def allowed(self) -> Ids:
        """The ids of which one must come next; none when finished."""
        if self.finished:
            return np.zeros(0, dtype=np.int64)
        ids, needs = self._tokens.following(self._state)
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
        self._state = self._state.after_text(self._texts[token] or "")
        self.finished = self._over()

    def _over(self) -> bool:
        """Where nothing can follow; or something could, but no id is there to say that it does not."""
        return self._state.ends and (self._stop is None or not len(self._tokens.following(self._state)[0]))


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
