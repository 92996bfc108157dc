"""What stands between primitives and a robot on board: the safety kernel, the flight recorder, a thread that keeps
time, and a service by which anybody may stop the robot and only whoever has the token may let it go on.

    guard = Guard(node, robot, config, rooms, flight=flight)
    with guard.kept():
        guard.robot.send(...)
"""

from __future__ import annotations

import hmac
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from agent.errors import UserError
from agent.flight import FlightRecorder
from agent.onboard.loops import STANDARD as LOOPS
from agent.onboard.loops import LoopConfig
from agent.onboard.rooms import Rooms
from agent.watched import WatchedRobot
from robots.interface import Robot
from robots.ros2.node import Node
from robots.ros2.robot import RobotSilent, Ros2Robot
from robots.ros2.service import Server
from robots.ros2.services import AskReply, AskRequest
from robots.safety import Reason, SafeRobot, SafetyConfig, Veto, watching

SAFETY = "/palmetto/safety"
MAY_I = "may I?"
"""The event by which whoever sent an errand is asked for a word."""
MOST_CHARACTERS = 1000
TRY_S = 1.0
"""So long is listened at a time for a robot that has fallen silent."""


class Guard:
    """robot: what is to be commanded. Behind it the kernel, `safe`, and behind that the robot's topics.

    waited: is called after each wait. token: what lets the robot go on after an emergency stop; "": nobody can.

    Raises:
        UserError: the robot can't come to rest as fast as `config.stop_s` says.
    """

    def __init__(
        self,
        node: Node,
        ros2: Ros2Robot,
        config: SafetyConfig,
        rooms: Rooms,
        *,
        loops: LoopConfig = LOOPS,
        flight: FlightRecorder | None = None,
        waited: Callable[[float], None] = lambda seconds: None,
    ) -> None:
        self._ros2, self._loops, self.flight = ros2, loops, flight
        self.token = ""
        self._real_time = ros2.config.clock == "wall"
        # A twin in lockstep stands still while we think, and so must whatever measures time.
        clock = time.monotonic if self._real_time else lambda: ros2.time_s
        try:
            self.safe = SafeRobot(ros2, config, clock, told=None if flight is None else flight.veto)
        except ValueError as e:
            raise UserError(str(e)) from e
        if rooms.map is not None:
            self.safe.mapped(rooms.map)
        self._answers: list[bool] = []
        self._server: Server[Any, Any] = Server(node, SAFETY, AskRequest, AskReply, self._asked)
        inner: Robot = self.safe if flight is None else flight.around(self.safe)
        self.robot = OnBoardRobot(inner, self, waited)

    @contextmanager
    def kept(self) -> Iterator[None]:
        """Time is kept in a thread of its own, whatever the one that commands is busy with."""
        if not self._real_time:
            yield
            return
        with watching(self, self.safe.spec.period_s):
            yield

    def tick(self) -> None:
        """Once a control period. A watchdog that fails is an emergency."""
        try:
            self.safe.tick()
            self._ros2.keep()
            self._server.poll()
        except Exception as e:
            self.safe.emergency_stop(f"the watchdog failed: {type(e).__name__}: {e}")

    def attend(self) -> None:
        """Answers whoever has asked, where no thread does."""
        if not self._real_time:
            self._server.poll()

    def begin(self) -> None:
        """Somebody wants another errand: what stopped the last one does not stop this one, unless it was an emergency
        stop or is so still."""
        if (fault := self.safe.fault) is not None and fault.reason is not Reason.EMERGENCY_STOP:
            if fault.reason is Reason.LOST:
                self._found(0.0)
            self.safe.clear()

    def recover(self, veto: Veto) -> bool:
        """A robot that fell silent goes on when it speaks again within `pause_s`."""
        if veto.reason is not Reason.LOST:
            return self.safe.recover(veto)
        if not self._found(self._loops.pause_s):
            return False
        self.safe.clear()
        return self.safe.fault is None

    def asked_for(self, limit_s: float) -> bool:
        """Whether somebody with the token says yes, waited for at most so long."""
        self._answers.clear()
        for _ in range(int(limit_s / self.safe.spec.period_s)):
            if self._answers:
                return self._answers[-1]
            self.robot.wait(self.safe.spec.period_s)
        return False

    def _found(self, limit_s: float) -> bool:
        """Whether the robot speaks again, tried for so long of the wall's clock, once at least."""
        end_s = time.monotonic() + limit_s
        while True:
            try:
                self._ros2.connect(limit_s=TRY_S)
                return True
            except RobotSilent:
                self.robot.told()
                if time.monotonic() >= end_s:
                    return False

    def _asked(self, request: Any) -> Any:
        """{"do": stop | release | yes | no | state, "by": a name, "token": ...} -> ok and words."""
        try:
            asked = json.loads(request.content) if len(request.content) <= MOST_CHARACTERS else None
            if not isinstance(asked, dict):
                raise ValueError("a short JSON object is expected")
            return AskReply(ok=True, content=self._done(*(str(asked.get(key, "")) for key in ("do", "by", "token"))))
        except ValueError as e:
            return AskReply(ok=False, content=" ".join(str(e).split())[:200])

    def _done(self, do: str, by: str, token: str) -> str:
        if do == "stop":
            self.safe.emergency_stop(f"pressed by {by[:60] or 'somebody'}")
            return "stopping"
        if do == "state":
            return "nothing stops it" if self.safe.fault is None else str(self.safe.fault)
        if do not in ("release", "yes", "no"):
            raise ValueError(f"do={do[:20]!r}: there are stop, release, yes, no, state")
        if not self.token or not hmac.compare_digest(token.encode(), self.token.encode()):
            raise ValueError("this is not the robot's token")
        if do == "release":
            self.safe.release(by)
            if self.flight is not None:
                self.flight.note("released", by=by[:60])
            return "released"
        self._answers.append(do == "yes")
        return "heard"


class OnBoardRobot(WatchedRobot):
    """The guarded robot, as primitives and the executor have it."""

    def __init__(self, robot: Robot, guard: Guard, waited: Callable[[float], None]) -> None:
        super().__init__(robot, waited)
        self._guard = guard

    def recover(self, veto: Veto) -> bool:
        fine = self._guard.recover(veto)
        if self._guard.flight is not None:
            self._guard.flight.note("recovered" if fine else "not recovered", reason=veto.reason.name)
        return fine

    def told(self) -> None:
        """As after a wait: whoever asked for the errand may have changed their mind."""
        self._moved(0.0)
