"""`twin`, which says in one line what is not installed."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

from agent.artifacts import RunRecord
from agent.errors import Exit, UserError


def twin(*, record: RunRecord, **options: Any) -> Exit:
    """See conf/twin.yaml."""
    if find_spec("cyclonedds") is None:
        raise UserError('a twin speaks through cyclonedds, which is not installed: pip install ".[ros2]"')
    from sim.twin.serve import twin as serve

    return serve(record=record, **options)
