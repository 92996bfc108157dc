"""What a robot saw, was told and did, written down beside it without ever holding it up.

    flight = FlightRecorder(folder, about={"robot": "stretch"})
    robot = flight.around(SafeRobot(driver, config, clock=time.monotonic, told=flight.veto))
    run_episode(sentence, Body(robot=robot), planner, listeners=[flight])

A thread of its own hashes, encodes and writes. What it can't keep up with is left out, counted, and the count recorded.
"""

from __future__ import annotations

import queue
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from agent.executor import Event, Finished, Planned, Started
from agent.flight.disk import Segments
from agent.flight.seen import Sight, state_fields
from agent.plan import format_call
from agent.watched import newest, recovered
from robots.interface import Command, Observation, Robot, RobotState
from robots.safety import SafetyStop, Veto
from robots.spec import RobotSpec

Fields = dict[str, Any]

QUEUE = 512
"""Records that may wait to be written: eight seconds of commands."""
CLOSING_S = 5.0
RETRY_S = 1.0
"""Between two tries at a disk that was full."""
AT_A_TIME = 64


@dataclass(frozen=True, kw_only=True)
class FlightConfig:
    """pictures_hz: of the robot's clock, the most that are kept of each camera; quality: of JPEG. bytes: see
    Segments."""

    pictures_hz: float = 2.0
    quality: int = 85
    segment_bytes: int = 8 * 2**20
    most_bytes: int = 512 * 2**20


@dataclass(kw_only=True)
class _Entry:
    kind: str
    time_s: float
    fields: Fields = field(default_factory=dict)
    sight: Sight | None = None


class FlightRecorder:
    """A listener of `run_episode`, and, `around` a robot, of all that passes through it. Thread-safe.

    about: what the recording is of, plain values. say: is told once that the disk is full.
    """

    def __init__(
        self,
        folder: Path,
        about: Mapping[str, Any],
        config: FlightConfig = FlightConfig(),
        *,
        say: Callable[[str], None] = lambda line: print(line, file=sys.stderr, flush=True),
    ) -> None:
        self._segments = Segments(folder, about, segment_bytes=config.segment_bytes, most_bytes=config.most_bytes)
        self.folder, self.config, self._say = folder, config, say
        self._queue: queue.Queue[_Entry | None] = queue.Queue(QUEUE)
        self._lost: Counter[str] = Counter()
        self._lock = threading.Lock()
        self.dropped: Counter[str] = Counter()
        """Records that were left out, by kind."""
        self._full_s: float | None = None
        self._said = False
        self._clock = 0.0
        self._thread = threading.Thread(target=self._work, name="flight recorder", daemon=True)
        self._thread.start()

    def note(self, kind: str, time_s: float | None = None, **fields: Any) -> None:
        """One record; never waits. fields: plain values."""
        self._put(_Entry(kind=kind, time_s=self._clock if time_s is None else time_s, fields=fields))

    def observed(self, seen: Observation, *, pictures: bool) -> None:
        """An observation's hash and state, with its pictures where they are due."""
        self._clock = seen.time_s
        self._put(_Entry(kind="observation", time_s=seen.time_s, sight=Sight.of(seen, pictures=pictures)))

    def veto(self, veto: Veto) -> None:
        """For `SafeRobot(..., told=flight.veto)`."""
        self.note("veto", reason=veto.reason.name, detail=veto.detail, kernel_s=veto.time_s)

    def __call__(self, event: Event) -> None:
        if isinstance(event, Planned):
            plan = event.plan
            self.note("plan", event.seen.time_s, instruction=plan.instruction, text=plan.text, planner=plan.planner)
        elif isinstance(event, Started):
            self.note("call", event.time_s, call=format_call(event.call))
        elif isinstance(event, Finished):
            result = event.result
            self.note("result", result.end_s, call=format_call(result.call), status=result.status.value,
                      detail=result.detail)  # fmt: skip

    def around(self, robot: Robot) -> RecordedRobot:
        """The robot, recorded."""
        return RecordedRobot(robot, self)

    def close(self) -> str:
        """Writes what still waits and the end; returns the last record's hash, to be kept elsewhere. May be called
        twice. Waits five seconds at most."""
        if self._thread.is_alive():
            with suppress(queue.Full):
                self._queue.put(_Entry(kind="end", time_s=self._clock), timeout=CLOSING_S)
                self._queue.put(None, timeout=CLOSING_S)
            self._thread.join(CLOSING_S)
        return self._segments.head.hex()

    # Inside

    def _put(self, entry: _Entry) -> None:
        try:
            self._queue.put_nowait(entry)
        except queue.Full:
            with self._lock:
                self._lost[entry.kind] += 1
                self.dropped[entry.kind] += 1

    def _work(self) -> None:
        while (entry := self._queue.get()) is not None:
            self._write(entry)
        self._segments.close()

    def _write(self, entry: _Entry) -> None:
        if self._full_s is not None and time.monotonic() - self._full_s < RETRY_S and entry.kind != "end":
            self._left_out(entry.kind)
            return
        try:
            with self._lock:
                lost, self._lost = self._lost, Counter()
            if lost:
                try:
                    self._segments.append({"kind": "dropped", "time_s": entry.time_s, "records": dict(lost)})
                except OSError:
                    with self._lock:
                        self._lost += lost
                    raise
            if entry.sight is None:
                self._segments.append({"kind": entry.kind, "time_s": entry.time_s, **entry.fields})
            else:
                self._see(entry, entry.sight)
            self._full_s = None
        except OSError as e:
            self._full_s = time.monotonic()
            self._left_out(entry.kind)
            if not self._said:
                self._said = True
                self._say(f"palmetto: {self.folder} can't be written ({e.strerror}): not recorded; the robot goes on")
        except (TypeError, ValueError) as e:
            self._segments.append({"kind": "unwritable", "time_s": entry.time_s, "of": entry.kind, "why": str(e)[:200]})

    def _see(self, entry: _Entry, sight: Sight) -> None:
        self._segments.append({"kind": "observation", "time_s": entry.time_s, **sight.fields()})
        for name, jpeg in sight.pictures(self.config.quality):
            self._segments.append({"kind": "picture", "time_s": entry.time_s, "camera": name}, jpeg)

    def _left_out(self, kind: str) -> None:
        with self._lock:
            self._lost[kind] += 1
            self.dropped[kind] += 1


class RecordedRobot:
    """`robot`, with every observation, command and wait noted."""

    def __init__(self, robot: Robot, flight: FlightRecorder) -> None:
        self._robot, self._flight = robot, flight
        self._due_s = -1.0

    @property
    def spec(self) -> RobotSpec:
        return self._robot.spec

    def observe(self) -> Observation:
        return self._noted(self._robot.observe())

    def latest(self) -> Observation:
        return self._noted(newest(self._robot))

    def _noted(self, seen: Observation) -> Observation:
        due = seen.time_s >= self._due_s or seen.time_s < self._due_s - 2 / self._flight.config.pictures_hz
        if due:
            self._due_s = seen.time_s + 1 / self._flight.config.pictures_hz
        self._flight.observed(seen, pictures=due)
        return seen

    def state(self) -> RobotState:
        return self._robot.state()

    def send(self, command: Command) -> Command:
        sent = self._robot.send(command)
        self._flight.note("command", wish=_plain(command), sent=_plain(sent))
        return sent

    def wait(self, seconds: float) -> None:
        self._robot.wait(seconds)
        self._flight.note("wait", seconds=float(seconds))

    def stop(self) -> None:
        self._robot.stop()
        fields: Fields = {}
        with suppress(SafetyStop):  # stopped by a fault, it says nothing more of itself
            fields = state_fields(self._robot.state())
        self._flight.note("stop", **fields)

    def recover(self, veto: Veto) -> bool:
        fine = recovered(self._robot, veto)
        self._flight.note("recovered" if fine else "not recovered", reason=veto.reason.name)
        return fine

    def close(self) -> None:
        self._robot.close()


def _plain(command: Command) -> Fields:
    """A command's numbers; what is none is written as a word, since JSON has no such number."""
    out: Fields = {}
    for name in ("base_twist", "arm_q", "gripper_width_m", "head_q"):
        value = getattr(command, name)
        if value is not None:
            out[name] = [_number(v) for v in value] if name != "gripper_width_m" else _number(value)
    return out


def _number(value: Any) -> float | str:
    number = float(value)
    return number if abs(number) < float("inf") else repr(number)
