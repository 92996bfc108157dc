"""Planners as the configuration names them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from agent.errors import UserError
from agent.plan import Plan, Planner, PrimitiveResult
from agent.stage import Stage
from robots.interface import Observation

if TYPE_CHECKING:
    from agent.onboard.planner import OnnxPlanner


def trained(stage: Stage | None = None, *, name: str, device: str = "cpu") -> Planner:
    """A trained agent: a shipped one's name, or the folder of a bundle or of a checkpoint.

    device: cpu, cuda or tensorrt, what runs a bundle.

    Raises:
        UserError: there is none, its files are damaged, there is no such device, or it was trained on another robot.
    """
    from agent.onboard.manifest import BundleError, fits

    planner = _loaded(name, device)
    if stage is not None:
        try:
            fits(planner.manifest, stage.robot.spec.name)
        except BundleError as e:
            raise UserError(f"planner={name}: {e}") from e
    return planner


class _Trained:
    """A bundle's planner, whose complaints about what it was given are a person's to read."""

    def __init__(self, planner: OnnxPlanner) -> None:
        self._planner = planner
        self.manifest = planner.bundle.manifest

    def plan(self, instruction: str, observation: Observation, history: Sequence[PrimitiveResult]) -> Plan:
        from agent.stream import InstructionTooLongError

        try:
            return self._planner.plan(instruction, observation, history)
        except InstructionTooLongError as e:
            raise UserError(str(e)) from e


@lru_cache(maxsize=1)
def _loaded(name: str, device: str) -> _Trained:
    """Loaded once a process."""
    from agent import load_planner
    from agent.onboard.bundle import BundleError

    folder = Path(name)
    if (folder / "model.safetensors").is_file() and not (folder / "manifest.json").is_file():
        if device != "cpu":
            raise UserError(f"planner={name} is a checkpoint, which plans on the CPU; export it for device={device}")
        return _from_checkpoint(folder)
    try:
        return _Trained(load_planner(name, device=device))
    except BundleError as e:
        raise UserError(f"planner={name}: {e}") from e


def _from_checkpoint(folder: Path) -> _Trained:
    if find_spec("torch") is None:
        raise UserError(
            f'planner={folder} is a checkpoint and needs torch: pip install ".[train]" torch==2.13.0; or export it'
        )
    from agent.vlm.checkpoint import CheckpointError
    from agent.vlm.planning import checkpoint_planner

    try:
        return _Trained(checkpoint_planner(folder))
    except CheckpointError as e:
        raise UserError(f"planner={folder}: {e}") from e
