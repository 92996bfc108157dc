"""Shows an episode on the terminal, as it happens."""

from __future__ import annotations

from time import perf_counter
from typing import Any

from agent.executor import Event, Finished, Planned, Started
from agent.plan import PrimitiveCall, format_call, without_points
from robots.interface import Status


class Screen:
    """A listener of `run_episode`.

    first_motion: wall clock at the first call's start, or None. plans: as generated. calls: for result.json.
    """

    def __init__(self) -> None:
        self._shown: tuple[PrimitiveCall, ...] = ()
        self._number = 0
        self._present: Started | None = None
        self.first_motion: float | None = None
        self.plans: list[str] = []
        self.calls: list[dict[str, Any]] = []

    def __call__(self, event: Event) -> None:
        if isinstance(event, Planned):
            self._plan(event)
        elif isinstance(event, Started):
            if self.first_motion is None:
                self.first_motion = perf_counter()
            self._number += 1
            self._present = event
            print(f"{self._number:>3}  {format_call(event.call)} ...", end="", flush=True)
        elif isinstance(event, Finished):
            result = event.result
            detail = f": {result.detail}" if result.detail else ""
            print(f" {result.status.value}{detail} ({result.end_s - result.start_s:.1f} s)", flush=True)
            self._present = None
            self._note(result.call, result.status, result.detail, result.start_s, result.end_s)

    def stopped(self) -> None:
        """The call under way, if any, was broken off."""
        if self._present is not None:
            print(" stopped", flush=True)
            self._note(self._present.call, Status.STOPPED, "interrupted", self._present.time_s, None)

    def _note(self, call: PrimitiveCall, status: Status, detail: str, start_s: float, end_s: float | None) -> None:
        end = None if end_s is None else round(end_s, 3)
        self.calls.append(
            {"call": format_call(call), "status": status, "detail": detail, "start_s": round(start_s, 3), "end_s": end}
        )

    def _plan(self, event: Planned) -> None:
        self.plans.append(event.plan.text.strip())
        expected = tuple(without_points(c) for c in event.plan.calls)
        if expected != self._shown:
            head = "plan " if not self._shown else "again"
            for call in event.plan.calls:
                print(f"{head}  {format_call(call)}", flush=True)
                head = "     "
        self._shown = expected[1:]
