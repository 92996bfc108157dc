"""A bad network between a robot and us: latency, jitter and loss, drawn from a seed, by the simulated clock."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count

import numpy as np

from agent.errors import UserError


@dataclass(frozen=True, kw_only=True)
class Link:
    """What a message meets, in each direction. latency_s: how long it takes at least. jitter_s: mean of what comes
    on top of it, exponentially distributed. loss: the share that never arrives."""

    latency_s: float = 0.0
    jitter_s: float = 0.0
    loss: float = 0.0

    def __post_init__(self) -> None:
        for name, most in (("latency_s", 10.0), ("jitter_s", 10.0), ("loss", 0.9)):
            if not 0 <= getattr(self, name) <= most:
                raise UserError(f"link.{name}={getattr(self, name)} does not fit: give 0 to {most:g}")


class Channel:
    """Messages under way. What is sent on one topic arrives in order, as over one connection, or not at all."""

    def __init__(self, link: Link, rng: np.random.Generator) -> None:
        self._link, self._rng = link, rng
        self._under_way: list[tuple[float, int, Callable[[], None]]] = []
        self._number = count()
        self._last_s: dict[str, float] = {}
        self.lost = 0

    def put(self, topic: str, now_s: float, arrive: Callable[[], None]) -> None:
        """`arrive()` is called by `deliver` when the message is there."""
        lost, late = self._rng.random() < self._link.loss, float(self._rng.exponential())
        if lost:
            self.lost += 1
            return
        at_s = now_s + self._link.latency_s + late * self._link.jitter_s
        self._last_s[topic] = at_s = max(at_s, self._last_s.get(topic, -np.inf))
        heapq.heappush(self._under_way, (at_s, next(self._number), arrive))

    def deliver(self, now_s: float) -> None:
        """What has arrived by now."""
        for arrive in self._due(now_s):
            arrive()

    def _due(self, now_s: float) -> Iterator[Callable[[], None]]:
        while self._under_way and self._under_way[0][0] <= now_s + 1e-9:
            yield heapq.heappop(self._under_way)[2]
