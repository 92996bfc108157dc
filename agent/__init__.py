"""The mind: pixels and words -> plan -> calls of primitives."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from agent.onboard.planner import OnnxPlanner

__all__ = ["load_planner"]

CHECKPOINTS = Path(__file__).parent / "checkpoints"


def load_planner(name_or_folder: str | Path, *, threads: int = 1) -> OnnxPlanner:
    """The planner that ships under a name ("nano"), or the one in a bundle's folder. Needs no torch.

    Raises:
        BundleError: there is none of that name, or its files are missing or damaged.
    """
    from agent.onboard.planner import OnnxPlanner

    shipped = CHECKPOINTS / str(name_or_folder)
    return OnnxPlanner.from_folder(shipped if shipped.is_dir() else Path(name_or_folder), threads=threads)
