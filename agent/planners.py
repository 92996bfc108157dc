"""Planners as the configuration names them."""

from __future__ import annotations

from agent.plan import Planner
from agent.stage import Stage


def trained(stage: Stage | None = None, *, name: str) -> Planner:
    """A trained agent: a shipped one's name, or the folder of a checkpoint or bundle. It knows nothing of the stage."""
    from agent import load_planner

    return load_planner(name)
