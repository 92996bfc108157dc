"""Writing a plan after one look: the likeliest under the grammar, or one given, with how likely it is."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agent.onboard.bundle import Bundle
from agent.onboard.constrain import Grammar, PlanDecoder
from agent.onboard.grounded import Found, find, pointed
from agent.plan import PrimitiveCall
from agent.stream import POINT
from agent.verbs import Verb

Array = NDArray[Any]
MAX_TOKENS = 160
"""Of a plan. The longest of 9,000 drawn ones had 59."""


@dataclass(frozen=True, kw_only=True)
class Written:
    """calls of a plan; found: for each name that has a point, in order, what the pointer found; log_likelihood: of all
    tokens, nats, among those that were allowed; likeliest: whether every token was the likeliest."""

    calls: tuple[PrimitiveCall, ...]
    found: tuple[tuple[str, Found], ...]
    log_likelihood: float
    likeliest: bool


class Writer:
    """What the model makes of one picture and one prompt.

    picture_px: (height, width) that points are in. verbs, words, holding: see `PlanDecoder`. favoured: ids that get
    `bonus` on their logits.
    """

    def __init__(
        self, bundle: Bundle, grammar: Grammar, *, image: Array, state: Array, prompt: Sequence[int],
        picture_px: tuple[int, int], verbs: Iterable[Verb], words: Iterable[str] | None, holding: bool,
        favoured: Array, bonus: float,
    ) -> None:  # fmt: skip
        self._bundle = bundle
        self._grammar = grammar
        self._picture_px = picture_px
        self._verbs, self._holding = tuple(verbs), holding
        self._words = None if words is None else frozenset(words)
        self._bonus = np.zeros(len(bundle.table), np.float32)
        self._bonus[favoured] = bonus
        prefix, self._features = bundle.see(image, state)
        hidden, _, self._cache = bundle.extend(
            np.concatenate([prefix, bundle.embed(prompt)], axis=1), bundle.empty_cache()
        )
        self._hidden = hidden[-1]
        self._point_id = bundle.stream.special[POINT]

    def likeliest(self, *, words: Iterable[str] | None = None) -> Written:
        """Token by token, the likeliest that may stand. words: what names may be made of this time."""
        decoder, found, total = self._decoder(words), list[Found](), 0.0
        hidden, cache = self._hidden, self._cache
        for _ in range(MAX_TOKENS):
            allowed, logs = self._beliefs(decoder, hidden)
            best = int(logs.argmax())
            token, total = int(allowed[best]), total + float(logs[best])
            rows, query, cache = self._bundle.extend(self._bundle.embed([token]), cache)
            hidden = rows[-1]
            self._advance(decoder, token, query[-1], found)
            if decoder.finished:
                break
        return _written(decoder, found, total, likeliest=True)

    def given(self, calls: Sequence[PrimitiveCall]) -> Written | None:
        """These calls, in one pass, their points looked for anew; None where they can't stand."""
        ids, _ = self._bundle.stream.calls(calls)
        rows, queries, _ = self._bundle.extend(self._bundle.embed(ids), self._cache)
        before = np.concatenate([self._hidden[None], rows[:-1]])
        decoder, found, total, likeliest = self._decoder(), list[Found](), 0.0, True
        for token, hidden, query in zip(ids, before, queries, strict=True):
            allowed, logs = self._beliefs(decoder, hidden)
            at = np.flatnonzero(allowed == token)
            if not len(at):
                return None
            total += float(logs[at[0]])
            likeliest = likeliest and int(logs.argmax()) == at[0]
            self._advance(decoder, token, query, found)
        return _written(decoder, found, total, likeliest=likeliest)

    def _decoder(self, words: Iterable[str] | None = None) -> PlanDecoder:
        words = self._words if words is None else words
        return PlanDecoder(self._grammar, self._verbs, words=words, holding=self._holding)

    def _beliefs(self, decoder: PlanDecoder, hidden: Array) -> tuple[Array, Array]:
        """What may come next, and how likely each of it is (log)."""
        allowed = decoder.allowed()
        logits = self._bundle.table[allowed] @ hidden + self._bonus[allowed]
        logits -= logits.max()
        return allowed, logits - np.log(np.exp(logits).sum())

    def _advance(self, decoder: PlanDecoder, token: int, query: Array, found: list[Found]) -> None:
        point = None
        if token == self._point_id:
            found.append(find(query, self._features, self._bundle.manifest.map_grid, *self._picture_px))
            point = found[-1].point
        decoder.advance(token, point)


def _written(decoder: PlanDecoder, found: list[Found], total: float, *, likeliest: bool) -> Written:
    names = [words for call in decoder.calls for words in pointed(call)]
    return Written(
        calls=tuple(decoder.calls), found=tuple(zip(names, found, strict=False)), log_likelihood=total,
        likeliest=likeliest,
    )  # fmt: skip
