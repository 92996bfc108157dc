"""`train` and `export`: what needs torch, imported when it is asked for."""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from agent.artifacts import RunRecord
from agent.errors import Exit, UserError

INSTALL = {
    "train": 'pip install ".[train]" torch==2.13.0',
    "export": 'pip install ".[export]" torch==2.13.0',
    "ros2": 'pip install ".[ros2]"',
}


def train(*, record: RunRecord, **options: Any) -> Exit:
    """See conf/train.yaml."""
    need("train", "torch")
    if (options.get("strokes") or {}).get("data"):
        from agent.policy.training import train as work
    else:
        from agent.training.main import train as work

    record.figures.update(work({**options, "seed": record.seed, "out": record.out}) or {})
    return Exit.DONE


def export(*, record: RunRecord, **options: Any) -> Exit:
    """See conf/export.yaml."""
    need("export", "torch", "onnx", "onnxscript")
    if options.get("language"):
        from agent.onboard.exporting.language import export as work
    elif is_policy(options.get("checkpoint")):
        from agent.policy.export import export as work
    else:
        from agent.onboard.exporting.bundles import export as work

    record.figures.update(work({**options, "seed": record.seed, "out": record.out}) or {})
    return Exit.DONE


def is_policy(folder: object) -> bool:
    """Whether a policy was trained into that folder, and not a planner."""
    notes = Path(str(folder)) / "training.json"
    try:
        return notes.is_file() and "policy" in json.loads(notes.read_text())
    except (OSError, ValueError):
        return False


def need(command: str, *modules: str) -> None:
    """One line that says what to install where a module is missing."""
    missing = [m for m in modules if find_spec(m) is None]
    if missing:
        raise UserError(f"{command} needs {' and '.join(missing)}: {INSTALL[command]}")
