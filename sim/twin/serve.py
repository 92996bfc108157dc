"""`twin`: a scene behind ROS 2 topics until somebody ends it."""

from __future__ import annotations

import time
from typing import Any, Literal

from agent.artifacts import RunRecord
from agent.errors import Exit, UserError, one_of
from agent.onboard.signals import ended_by_signals
from robots.ros2 import convert
from robots.ros2 import messages as m
from robots.ros2.clock import ARRIVES_S, STEP
from robots.ros2.config import Ros2Config
from robots.ros2.node import NetworkError, Node
from robots.ros2.service import Server
from robots.ros2.services import StepReply, StepRequest
from sim.render import Opened
from sim.stage import open_stage
from sim.twin.channel import Link
from sim.twin.referee import Referee
from sim.twin.twin import Twin

PACES = ("real_time", "lockstep")
MOST_STEP_S = 10.0
BEHIND_S = 0.5


def twin(
    *,
    record: RunRecord,
    scene: Any,
    robot: Ros2Config,
    instruction: str | None,
    renderer: Literal["auto", "gl", "tiny"],
    pace: str,
    link: Link,
    seconds: float | None,
) -> Exit:
    """See conf/twin.yaml. Ctrl-C ends it."""
    if not isinstance(robot, Ros2Config):
        raise UserError("a twin speaks the topics of a robot: robot=mobile_panda_ros2 or stretch_ros2")
    if pace not in PACES:
        raise one_of("pace", pace, PACES)
    stage = open_stage(
        seed=record.seed or 0, scene=scene, robot=robot.spec, renderer=renderer, instruction=instruction or ""
    )
    try:
        with _node(robot) as node, ended_by_signals():
            opened = Opened(renderer=stage.sim_robot.renderer, reason=stage.renderer)
            body = Twin(node, robot, stage.sim_robot, link, eager=pace == "real_time")
            referee = Referee(node, body, stage, opened)
            print(f"twin   seed {record.seed}: {', '.join(stage.names)}", flush=True)
            print(
                f"       {robot.spec().name} in ROS domain {robot.domain}, network={robot.network}, pace={pace}",
                flush=True,
            )
            end_s = None if seconds is None else time.monotonic() + seconds
            if pace == "lockstep":
                Steps(node, body, referee).serve(end_s)
            else:
                in_real_time(body, referee, end_s)
            record.figures.update(told=body.told, heard=body.heard, lost=body.lost, refused=body.refused or None)
        return Exit.DONE
    finally:
        stage.close()


def _node(robot: Ros2Config) -> Node:
    try:
        return Node(domain=robot.domain, network=robot.network)
    except NetworkError as e:
        raise UserError(str(e)) from e


class Steps:
    """Lets the twin run as far as whoever drives it allows."""

    def __init__(self, node: Node, twin: Twin, referee: Referee) -> None:
        self._twin, self._referee = twin, referee
        self._before: dict[int, int] = {}
        self._clock = node.publisher("/clock", m.Clock, "sensor")
        self._server = Server(node, STEP, StepRequest, StepReply, self._step)

    def serve(self, end_s: float | None) -> None:
        """Until that moment of the monotonic clock; None: for ever."""
        while end_s is None or time.monotonic() < end_s:
            self._referee.poll()
            self._twin.answer()
            if self._server.wait(0.02):
                self._server.poll()

    def _step(self, request: Any) -> Any:
        twin = self._twin
        before = self._before.setdefault(request.client, twin.listen() - request.sent)
        end_s = time.monotonic() + ARRIVES_S
        while twin.listen() < before + request.sent and time.monotonic() < end_s:
            time.sleep(2e-4)
        # What DDS itself has lost is not waited for again.
        self._before[request.client] = twin.heard - request.sent
        until_s = min(request.until_ns * 1e-9, twin.now_s + MOST_STEP_S)
        while twin.now_s < until_s - 1e-6:
            twin.tick()
            self._clock.send(m.Clock(clock=convert.stamp(twin.now_s)))
        if request.pictures:
            twin.show()
        return StepReply(now_ns=round(twin.now_s * 1e9), told=twin.told)


def in_real_time(twin: Twin, referee: Referee, end_s: float | None) -> None:
    """A second of the wall a second of the twin's, whose stamps are by the wall's clock as a robot's are."""
    twin.jump_to(time.time())
    said = False
    while end_s is None or time.monotonic() < end_s:
        twin.tick()
        twin.answer()
        if referee.poll():
            twin.jump_to(time.time())
        behind_s = time.time() - twin.now_s
        if behind_s > BEHIND_S:
            if not said:
                print("       this computer is too slow for real time: its clock jumps; use pace=lockstep", flush=True)
            said = True
            twin.jump_to(time.time())
        time.sleep(max(-behind_s, 0.0))
