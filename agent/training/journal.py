"""What a run says of itself while it goes: a line on the screen, figures.jsonl, and TensorBoard.

figures.jsonl has one object a line: step (done), loss (of that step), lr (factor), per_s (steps a second since the run
was begun or gone on with), and the running means of all figures; `name@part` is of one part of a mixture. Another run
in the same folder takes up both where the checkpoint is, so nothing is there twice.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any, TextIO

from agent.artifacts import write_text
from agent.training.rounds import success

FIGURES = "figures.jsonl"


class Journal:
    """Written to `out` from step `start` on, None = nowhere; `report` shows a line."""

    def __init__(
        self, out: Path | None, report: Callable[[str], None], *, start: int, steps: int, tensorboard: bool
    ) -> None:
        self._report, self._start, self._steps = report, start, steps
        self._began = time.monotonic()
        self._file: TextIO | None = None
        self._board: Any = None
        if out is None:
            return
        out.mkdir(parents=True, exist_ok=True)
        path = out / FIGURES
        write_text(path, "".join(_until(path, start)))
        self._file = open(path, "a")  # noqa: SIM115 - closed by `close`
        if tensorboard and find_spec("tensorboard"):
            from torch.utils.tensorboard import SummaryWriter

            self._board = SummaryWriter(str(out / "tensorboard"), purge_step=start + 1 if start else None)

    def note(self, step: int, *, loss: float, lr: float, means: Mapping[str, float]) -> None:
        """After `step` steps."""
        per_s = (step - self._start) / (time.monotonic() - self._began)
        text = " ".join(f"{k} {v:.3f}" for k, v in means.items())
        self._report(f"step {step}/{self._steps} {per_s:.2f}/s lr x{lr:.2f} {text}")
        self._write(step, {"loss": loss, "lr": lr, "per_s": round(per_s, 3), **means})

    def round(self, note: Mapping[str, Any]) -> None:
        """A round of episodes; see `agent.training.rounds`."""
        self._report(f"step {note['step']}: {note['successes']} of {note['episodes']} validation episodes succeeded")
        self._write(note["step"], {"success": success(note)})

    def _write(self, step: int, figures: Mapping[str, float]) -> None:
        if self._file is None:
            return
        self._file.write(json.dumps({"step": step, **figures}) + "\n")
        self._file.flush()
        if self._board is not None:
            for name, value in figures.items():
                self._board.add_scalar(name.replace("@", "/"), value, step)

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
        if self._board is not None:
            self._board.close()

    def __enter__(self) -> Journal:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _until(path: Path, step: int) -> list[str]:
    """The whole lines of an earlier run up to a step."""
    if not path.is_file() or not step:
        return []
    kept = []
    for line in path.read_text().splitlines(keepends=True):
        try:
            if line.endswith("\n") and json.loads(line)["step"] <= step:
                kept.append(line)
        except (ValueError, KeyError, TypeError):
            continue  # cut off in the middle
    return kept
