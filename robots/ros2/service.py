"""Services as rmw_cyclonedds has them: a topic of requests and one of replies, matched by who asked and a count."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from typing import Any, Generic, TypeVar

from robots.ros2 import names
from robots.ros2.node import Node, Publisher, Subscription, profile, wait_for

Q = TypeVar("Q")
A = TypeVar("A")
DEPTH = 10


class ServiceError(RuntimeError):
    """Nobody answered in time; the message is one line."""


class Client(Generic[Q, A]):
    """Asks the service `name` with requests of type Q, for replies of type A."""

    def __init__(self, node: Node, name: str, request: type[Q], reply: type[A]) -> None:
        self.name = name
        self._asks: Publisher[Any] = Publisher(node, names.request(name), request, profile("reliable", DEPTH))
        self._hears: Subscription[Any] = Subscription(node, names.reply(name), reply, profile("reliable", DEPTH))
        self._client, self._number = secrets.randbits(63), 0

    @property
    def there(self) -> bool:
        """Whether somebody serves."""
        return self._asks.heard and self._hears.spoken

    def send(self, request: Q) -> int:
        """Asks; the number by which `answer` finds the reply."""
        self._number += 1
        setattr(request, "client", self._client)  # noqa: B010 - the header of any request
        setattr(request, "number", self._number)  # noqa: B010
        self._asks.send(request)
        return self._number

    def answer(self, number: int) -> A | None:
        """The reply to that request, if it has come."""
        return next((a for a in self._hears.take() if (a.client, a.number) == (self._client, number)), None)

    def call(self, request: Q, *, limit_s: float) -> A:
        """Asks and waits, of the wall clock, at most so long.

        Raises:
            ServiceError: there is nobody, or no reply.
        """
        end = time.monotonic() + limit_s
        if not self.there and not wait_for(lambda: self.there, limit_s):
            raise ServiceError(f"nobody serves {self.name}")
        number = self.send(request)
        while (left := end - time.monotonic()) > 0:
            if self._hears.wait(left) and (found := self.answer(number)) is not None:
                return found
        raise ServiceError(f"{self.name} has not answered for {limit_s:g} s")


class Server(Generic[Q, A]):
    """Serves `name`: `answer` makes replies of requests, when it is polled. None: later, by `reply`."""

    def __init__(
        self, node: Node, name: str, request: type[Q], reply: type[A], answer: Callable[[Q], A | None]
    ) -> None:
        self._hears: Subscription[Any] = Subscription(node, names.request(name), request, profile("reliable", DEPTH))
        self._tells: Publisher[Any] = Publisher(node, names.reply(name), reply, profile("reliable", DEPTH))
        self._answer = answer

    def poll(self) -> int:
        """Answers what has been asked; how many that were."""
        asked = self._hears.take()
        for request in asked:
            if (found := self._answer(request)) is not None:
                self.reply(request, found)
        return len(asked)

    def wait(self, seconds: float) -> bool:
        """Whether somebody has asked, after at most `seconds` of the wall clock."""
        return self._hears.wait(seconds)

    def reply(self, request: Any, answer: Any) -> None:
        """The answer to that request."""
        answer.client, answer.number = request.client, request.number
        self._tells.send(answer)
