"""Planners as the configuration names them."""

from __future__ import annotations

from functools import lru_cache

from agent.plan import Planner
from agent.stage import Stage


def trained(stage: Stage | None = None, *, name: str) -> Planner:
    """A trained agent: a shipped one's name, or the folder of a checkpoint or bundle. It knows nothing of the stage."""
    return _loaded(name)


@lru_cache(maxsize=1)
def _loaded(name: str) -> Planner:
    from agent import load_planner

    return load_planner(name)
