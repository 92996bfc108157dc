"""The mind: pixels and words -> plan -> calls of primitives."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from agent.onboard.planner import OnnxPlanner

__all__ = ["load_planner"]

CHECKPOINTS = Path(__file__).parent / "checkpoints"


def load_planner(name_or_folder: str | Path, *, threads: int = 1, device: str = "cpu") -> OnnxPlanner:
    """The planner that ships under a name ("nano"), or the one in a bundle's folder. Needs no torch.

    device: cpu, cuda or tensorrt, what onnxruntime runs it on.

    Raises:
        BundleError: there is none of that name, its files are missing or damaged, or there is no such device.
    """
    from agent.onboard.planner import OnnxPlanner
    from agent.onboard.sessions import Engine

    shipped = CHECKPOINTS / str(name_or_folder)
    folder = shipped if shipped.is_dir() else Path(name_or_folder)
    return OnnxPlanner.from_folder(folder, engine=Engine(device=device, threads=threads))
