"""What was done with what result, as JSON: how one process tells another."""

from __future__ import annotations

import json
from collections.abc import Sequence

from agent.plan import PrimitiveResult, format_call, parse_call
from robots.interface import Status


def to_json(history: Sequence[PrimitiveResult]) -> str:
    """As text for `from_json`."""
    return json.dumps([
        {"call": format_call(r.call), "status": r.status.value, "detail": r.detail, "start_s": r.start_s, "end_s":
        r.end_s} for r in history
    ])  # fmt: skip


def from_json(text: str) -> tuple[PrimitiveResult, ...]:
    """What `to_json` wrote.

    Raises:
        ValueError: the text is no such history.
    """
    try:
        return tuple(
            PrimitiveResult(
                call=parse_call(str(one["call"])), status=Status(one["status"]), detail=str(one["detail"]),
                start_s=float(one["start_s"]), end_s=float(one["end_s"]),
            )
            for one in json.loads(text)
        )  # fmt: skip
    except (KeyError, TypeError) as e:
        raise ValueError(f"no history: {e!r}") from e
