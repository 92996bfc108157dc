"""Writing a plan after one look: the likeliest under the grammar, or one given, with how likely it is."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agent.onboard.bundle import PlannerModel
from agent.onboard.constrain import Grammar, PlanDecoder
from agent.onboard.grounded import Found, find, pointed
from agent.plan import PrimitiveCall
from agent.stream import POINT
from agent.verbs import Verb

Array = NDArray[Any]
MAX_TOKENS = 160
"""Of a plan. The longest of 9,000 drawn ones had 59."""


@dataclass(frozen=True, kw_only=True)
class Choice:
    """One token of a plan being written, and what was known before it.

    allowed, logs: what might have come, and how likely each was (nats); found: where it points, if it does; hidden,
    cache: what the model made of all before it.
    """

    token: int
    allowed: Array
    logs: Array
    found: Found | None
    hidden: Array
    cache: tuple[Array, Array]

    @property
    def log_likelihood(self) -> float:
        """Of the token, nats."""
        return float(self.logs[np.flatnonzero(self.allowed == self.token)[0]])

    def others(self, within: float) -> list[tuple[float, int]]:
        """The other tokens that are at most so many nats less likely than the likeliest, and by how many."""
        gaps = self.logs.max() - self.logs
        return [
            (float(gaps[i]), int(self.allowed[i]))
            for i in np.flatnonzero(gaps <= within)
            if self.allowed[i] != self.token
        ]


@dataclass(frozen=True, kw_only=True)
class Written:
    """calls of a plan; found: for each name that has a point, in order, what the pointer found; log_likelihood: of all
    tokens, nats, among those that were allowed; likeliest: whether every token was the likeliest; trace: how it was
    written."""

    calls: tuple[PrimitiveCall, ...]
    found: tuple[tuple[str, Found], ...]
    log_likelihood: float
    likeliest: bool
    trace: tuple[Choice, ...] = ()


class Writer:
    """What the model makes of one picture and one prompt.

    picture_px: (height, width) that points are in. verbs, words, holding: see `PlanDecoder`. favoured: ids that get
    `bonus` on their logits.
    """

    def __init__(
        self, bundle: PlannerModel, grammar: Grammar, *, image: Array, state: Array, prompt: Sequence[int],
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

    def likeliest(
        self, *, words: Iterable[str] | None = None, begin: Sequence[Choice] = (), then: int | None = None
    ) -> Written:
        """Token by token, the likeliest that may stand.

        words: what names may be made of this time. begin, then: a part of a plan that was written, and the token to
        stand in the place of its last.
        """
        decoder, trace = self._decoder(words), list(begin[:-1])
        for step in trace:
            decoder.advance(step.token, step.found.point if step.found else None)
        hidden, cache = (begin[-1].hidden, begin[-1].cache) if begin else (self._hidden, self._cache)
        while not decoder.finished and len(trace) < MAX_TOKENS:
            allowed, logs = self._beliefs(decoder, hidden)
            token = int(allowed[logs.argmax()]) if then is None else then
            rows, query, longer = self._bundle.extend(self._bundle.embed([token]), cache)
            found = self._advance(decoder, token, query[-1])
            trace.append(Choice(token=token, allowed=allowed, logs=logs, found=found, hidden=hidden, cache=cache))
            hidden, cache, then = rows[-1], longer, None
        return _written(decoder, trace)

    def given(self, calls: Sequence[PrimitiveCall]) -> Written | None:
        """These calls, in one pass, their points looked for anew; None where they can't stand."""
        ids, _ = self._bundle.stream.calls(calls)
        rows, queries, _ = self._bundle.extend(self._bundle.embed(ids), self._cache)
        before = np.concatenate([self._hidden[None], rows[:-1]])
        decoder, trace = self._decoder(), list[Choice]()
        for token, hidden, query in zip(ids, before, queries, strict=True):
            allowed, logs = self._beliefs(decoder, hidden)
            if token not in allowed:
                return None
            found = self._advance(decoder, token, query)
            trace.append(Choice(token=token, allowed=allowed, logs=logs, found=found, hidden=hidden, cache=self._cache))
        return _written(decoder, trace)

    def _decoder(self, words: Iterable[str] | None = None) -> PlanDecoder:
        words = self._words if words is None else words
        return PlanDecoder(self._grammar, self._verbs, words=words, holding=self._holding)

    def _beliefs(self, decoder: PlanDecoder, hidden: Array) -> tuple[Array, Array]:
        """What may come next, and how likely each of it is (log)."""
        allowed = decoder.allowed()
        logits = self._bundle.table[allowed] @ hidden + self._bonus[allowed]
        logits -= logits.max()
        return allowed, logits - np.log(np.exp(logits).sum())

    def _advance(self, decoder: PlanDecoder, token: int, query: Array) -> Found | None:
        found = None
        if token == self._point_id:
            found = find(query, self._features, self._bundle.manifest.map_grid, *self._picture_px)
        decoder.advance(token, found.point if found else None)
        return found


def _written(decoder: PlanDecoder, trace: Sequence[Choice]) -> Written:
    names = [words for call in decoder.calls for words in pointed(call)]
    return Written(
        calls=tuple(decoder.calls),
        found=tuple(zip(names, (step.found for step in trace if step.found), strict=False)),
        log_likelihood=sum(step.log_likelihood for step in trace),
        likeliest=all(step.log_likelihood == step.logs.max() for step in trace),
        trace=tuple(trace),
    )
