"""How far long work has come: a bar on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import sys
from time import perf_counter
from types import TracebackType

EVERY_S = 30.0


class Progress:
    """Counts up to `total`; shows the rate, and the share of successes where they are told."""

    def __init__(self, total: int, unit: str) -> None:
        self._total = total
        self._unit = unit
        self._done = self._told = self._successes = 0
        self._start = self._shown = perf_counter()
        self._live = sys.stderr.isatty()

    def __enter__(self) -> Progress:
        if self._live and self._total:
            from rich.console import Console
            from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
            from rich.progress import Progress as Bar

            self._bar = Bar(
                TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(),
                console=Console(stderr=True), transient=True,
            )  # fmt: skip
            self._task = self._bar.add_task(self._unit, total=self._total)
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live and self._total:
            self._bar.stop()
        if self._done:
            print(self._line(), file=sys.stderr, flush=True)

    def advance(self, success: bool | None = None) -> None:
        """One more is done."""
        self._done += 1
        if success is not None:
            self._told += 1
            self._successes += success
        if self._live:
            self._bar.update(self._task, advance=1, description=self._line())
        elif perf_counter() - self._shown > EVERY_S:
            self._shown = perf_counter()
            print(self._line(), file=sys.stderr, flush=True)

    def _line(self) -> str:
        seconds = perf_counter() - self._start
        share = f", {self._successes / self._told:.1%} succeeded" if self._told else ""
        return f"{self._done}/{self._total} {self._unit}, {self._done / max(seconds, 1e-9):.2f} a second{share}"
