"""push: slide a thing along the table with the finger tips."""

from __future__ import annotations

from robots.interface import Status
from robots.primitives.base import Body, Outcome, Target
from robots.relations import Side


def push(body: Body, target: Target, *, side: Side | None = None, destination: Target | None = None) -> Outcome:
    """Slide `target` until it is clearly at `side` of the table, or onto `destination`."""
    return Outcome(status=Status.UNREACHABLE, detail="not yet")
