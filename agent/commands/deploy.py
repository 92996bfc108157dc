"""`deploy`: the agent on a robot behind ROS 2 topics."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from agent.artifacts import RunRecord, versions
from agent.commands.learning import need
from agent.commands.run import landed
from agent.commands.screen import Screen
from agent.errors import Exit, UserError
from agent.executor import Bounds, Stop
from agent.flight import FlightRecorder
from agent.sentence import clean_instruction
from robots.safety import SafetyConfig

if TYPE_CHECKING:
    from agent.onboard.loops import LoopConfig
    from robots.ros2.config import Ros2Config


def deploy(
    *,
    record: RunRecord,
    robot: Ros2Config,
    planner: Any,
    bundle: str | None,
    instruction: str | None,
    map: str | None,  # noqa: A002 - as it is typed
    token: str,
    wait_s: float,
    bounds: Bounds,
    safety: SafetyConfig,
    loops: LoopConfig,
    recording: str | None,
) -> Exit:
    """See conf/deploy.yaml."""
    from robots.ros2.config import Ros2Config

    if not isinstance(robot, Ros2Config):
        raise UserError("deploy takes a robot behind ROS 2 topics: robot=mobile_panda_ros2 or robot=stretch_ros2")
    need("ros2", "cyclonedds")
    from agent.onboard.deploy import deployment
    from agent.planners import trained
    from robots.ros2.token import TokenError, make_token

    sentence = None if instruction is None else clean_instruction(instruction)
    secret = ""
    if sentence is None:
        try:
            secret = make_token(Path(token).expanduser())
        except TokenError as e:
            raise UserError(str(e)) from e
    rooms = None if map is None else Path(map).expanduser()
    where = f"ROS domain {robot.domain}, network={robot.network}"
    own = None if bundle is None else trained(name=str(Path(bundle).expanduser()))

    def flight() -> FlightRecorder:
        folder = record.out / "flight" if recording == "auto" else Path(str(recording)).expanduser()
        about = {"command": "deploy", "words": list(record.words), "robot": robot.spec().name, "versions": versions()}
        return FlightRecorder(folder, about)

    with deployment(
        robot, rooms=rooms, bounds=bounds, limit_s=wait_s, safety=safety, loops=loops,
        flight=None if recording is None else flight,
    ) as side:  # fmt: skip
        try:
            print(f"robot  {robot.spec().name} in {where}", flush=True)
            mind = side.beside(own or planner(side))
            if sentence is None:
                print(f"port   /errand, token in {token}; Ctrl-C ends", flush=True)
                side.listeners.append(Screen())
                record.figures["errands"] = side.serve(secret, mind, say=lambda words: print(words, flush=True))
                return Exit.DONE
            return _one(record, side, mind, sentence)
        finally:
            landed(record, side.guard.flight)


def _one(record: RunRecord, side: Any, planner: Any, sentence: str) -> Exit:
    screen = Screen()
    record.figures.update(instruction=sentence, calls=screen.calls)
    try:
        with record.timed("errand"):
            ended = side.errand(sentence, planner, [screen])
    except KeyboardInterrupt:
        screen.stopped()
        raise
    stop = None if ended.result is None else ended.result.stop
    record.figures.update(stop=stop, detail=ended.why)
    print(f"{'stopped' if stop is None else stop.value:5}  {ended.why}", flush=True)
    if stop in (Stop.ASKED, Stop.REFUSED):
        return Exit.DECLINED
    return Exit.DONE if stop is Stop.DONE else Exit.FAILED
