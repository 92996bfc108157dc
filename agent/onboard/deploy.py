"""The agent on a robot: sentences in, errands done, told to whoever asked; without torch, pybullet or hydra.

with deployment(config, planner_source, map=None) as robot_side:
    robot_side.errand("put the cup in the sink")      # one sentence
    robot_side.serve(token)                            # or whatever comes by the port, until Ctrl-C
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from agent.approval import Approval, at_the_terminal
from agent.errors import PalmettoError, UserError
from agent.executor import Bounds, EpisodeResult, Event, Finished, Listener, Planned, Started, Stop, run_episode
from agent.flight import FlightRecorder
from agent.onboard.asked import AskedPlanner
from agent.onboard.guard import MAY_I, Guard
from agent.onboard.loops import STANDARD as LOOPS
from agent.onboard.loops import BesideControl, LoopConfig
from agent.onboard.rooms import Rooms, hear_rooms, read_rooms
from agent.onboard.signals import ended_by_signals
from agent.plan import Planner, format_call
from agent.sentence import clean_instruction
from robots.calibration import CalibrationError
from robots.ros2.action import ErrandServer, Goal, GoalState
from robots.ros2.config import Ros2Config
from robots.ros2.node import NetworkError, Node
from robots.ros2.robot import RobotSilent, Ros2Robot
from robots.safety import STANDARD, SafetyConfig, SafetyStop

IDLE_S = 0.05
"""How long somebody who sends a sentence waits at most until it is heard."""
ROOMS_S = 1.0
WORD_S = 60.0
"""How long a person's word is waited for, before a call that needs one; then it is a no."""


class Cancelled(Exception):
    """Whoever asked for the errand wants it no more. Raised where the robot waits, caught where the errand began."""


@dataclass(frozen=True, kw_only=True)
class Ended:
    """How an errand ended. result: None where it was cancelled, or never begun; `why` then says it."""

    result: EpisodeResult | None
    why: str
    state: GoalState


class OnBoard:
    """A connected robot behind the safety kernel, its planner and the port. What a planner source takes for its stage
    is this."""

    task = drawn = None

    def __init__(
        self,
        node: Node,
        robot: Ros2Robot,
        rooms: Rooms,
        bounds: Bounds,
        *,
        safety: SafetyConfig = STANDARD,
        loops: LoopConfig = LOOPS,
        flight: FlightRecorder | None = None,
    ) -> None:
        self.node, self.ros2, self.loops, self._bounds = node, robot, loops, bounds
        self._port: ErrandServer | None = None
        self.guard = Guard(node, robot, safety, rooms, loops=loops, flight=flight, waited=self._waited)
        self.robot = self.guard.robot
        self._approval = Approval(safety.approve, self._asked)
        self._body = rooms.body(self.robot)
        self.listeners: list[Listener] = [] if flight is None else [flight]

    def reader(self) -> Planner:
        """What `planner=oracle` is: the twin's."""
        return AskedPlanner(self.node)

    def beside(self, planner: Planner) -> Planner:
        """The planner in a thread of its own, where time goes on while it thinks."""
        if self.ros2.config.clock != "wall":
            return planner
        return BesideControl(planner, self.robot, clock=lambda: self.ros2.time_s, config=self.loops)

    def errand(self, instruction: str, planner: Planner, listeners: Sequence[Listener] = ()) -> Ended:
        """Does what a sentence says. However it ends, the robot has stopped then.

        Raises:
            UserError: the sentence is none.
        """
        sentence = clean_instruction(instruction)
        heard = [*self.listeners, *listeners]
        try:
            self.guard.begin()
            result = run_episode(
                sentence, self._body, planner, bounds=self._bounds, listeners=heard, approval=self._approval
            )
        except Cancelled:
            return Ended(result=None, why="cancelled", state=GoalState.CANCELED)
        except SafetyStop as e:
            return Ended(result=None, why=str(e), state=GoalState.ABORTED)
        finally:
            self.robot.stop()
        done = result.stop in (Stop.DONE, Stop.ASKED, Stop.REFUSED)
        state = GoalState.SUCCEEDED if done else GoalState.ABORTED
        return Ended(result=result, why=result.declined or result.detail, state=state)

    def serve(self, token: str, planner: Planner, *, say: Callable[[str], None], most: int | None = None) -> int:
        """Does the errands that come by the port, one after another, until Ctrl-C, or `most`; how many those were."""
        self._port = port = ErrandServer(self.node, token)
        self.guard.token = token
        count = 0
        while most is None or count < most:
            try:
                self.ros2.wait(IDLE_S)
            except RobotSilent as e:
                say(f"       {e}; waiting for it")
                self._reconnect()
            self._attend()
            if port.refused:
                say(f"       refused {port.refused}")
                port.refused = ""
            if (goal := port.present) is not None:
                self._serve_one(port, goal, planner, say)
                count += 1
        return count

    def _serve_one(self, port: ErrandServer, goal: Goal, planner: Planner, say: Callable[[str], None]) -> None:
        say(f"errand {goal.instruction!r}")
        port.begin(goal)

        def tell(event: Event) -> None:
            port.tell(goal, *_said(event))

        try:
            ended = self.errand(goal.instruction, planner, [tell])
        except PalmettoError as e:
            ended = Ended(result=None, why=str(e), state=GoalState.ABORTED)
        except KeyboardInterrupt:
            port.end(goal, GoalState.ABORTED, stop="stopped", detail="the agent was ended")
            raise
        stop = ended.result.stop.value if ended.result is not None else "stopped"
        port.end(goal, ended.state, stop=stop, detail=ended.why)
        say(f"{stop:5}  {ended.why}")

    def _reconnect(self) -> None:
        """Waits, for as long as it takes, until the robot speaks again."""
        while True:
            try:
                self.ros2.connect(limit_s=5.0)
                return
            except RobotSilent:
                self._attend()

    def _attend(self) -> None:
        self.guard.attend()
        if self._port is not None:
            self._port.poll()

    def _waited(self, seconds: float) -> None:
        """After each wait of the robot: has somebody changed their mind?"""
        self._attend()
        if self._port is not None and (goal := self._port.present) is not None and goal.state is GoalState.CANCELING:
            raise Cancelled

    def _asked(self, call: str) -> bool:
        """Whether a person says that this may be done: whoever sent the errand, or who sits at the terminal."""
        if self._port is None or (goal := self._port.present) is None:
            return at_the_terminal(call)
        self._port.tell(goal, MAY_I, call)
        return self.guard.asked_for(WORD_S)


@contextmanager
def deployment(
    config: Ros2Config,
    *,
    rooms: Path | None,
    bounds: Bounds,
    limit_s: float,
    safety: SafetyConfig = STANDARD,
    loops: LoopConfig = LOOPS,
    flight: Callable[[], FlightRecorder] | None = None,
) -> Iterator[OnBoard]:
    """The robot's topics joined, waited for at most `limit_s`, the safety kernel before it and its time kept. On the
    way out the robot is stopped. flight: begins the recorder, once there is something to record.

    Raises:
        UserError: there is no such network.
        PalmettoError: no robot speaks there; the message names the topics.
    """
    told = read_rooms(rooms) if rooms is not None else None
    try:
        node = Node(domain=config.domain, network=config.network)
    except NetworkError as e:
        raise UserError(str(e)) from e
    with node, ended_by_signals():
        try:
            robot = Ros2Robot(config, node)
        except CalibrationError as e:
            raise UserError(str(e)) from e
        try:
            try:
                robot.connect(limit_s=limit_s)
            except RobotSilent as e:
                raise PalmettoError(str(e)) from e
            where = told if told is not None else hear_rooms(node, limit_s=ROOMS_S)
            kept = None if flight is None else flight()
            side = OnBoard(node, robot, where, bounds, safety=safety, loops=loops, flight=kept)
            with side.guard.kept():
                yield side
        finally:
            robot.close()


def _said(event: Event) -> tuple[str, str]:
    """What is told of an event: its name, and words."""
    if isinstance(event, Planned):
        return "planned", event.plan.text.strip()
    if isinstance(event, Started):
        return "started", format_call(event.call)
    assert isinstance(event, Finished)
    detail = f": {event.result.detail}" if event.result.detail else ""
    return "finished", f"{format_call(event.result.call)} {event.result.status.value}{detail}"
