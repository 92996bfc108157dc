"""What a twin knows and no robot does: scenes from seeds, the oracle's plans, and whether an errand was carried out.

Asked by services of type palmetto_msgs/srv/Ask, JSON in and out; for benchmarks and rehearsals. A robot serves none.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np

from agent import told
from agent.errors import PalmettoError
from agent.executor import EpisodeResult, Stop
from agent.onboard.asked import JUDGE, PLAN, RESET
from agent.onboard.rooms import ROOMS
from agent.plan import Planner
from robots.interface import Robot
from robots.ros2 import messages as m
from robots.ros2.node import Node
from robots.ros2.service import Server
from robots.ros2.services import AskReply, AskRequest
from robots.sliding import SlidingRobot
from sim.episode import TaskSpec, draw_task, verdict
from sim.render import Opened
from sim.scenes import MappedScene
from sim.stage import SimStage, oracle
from sim.task import SPLITS
from sim.twin.twin import Twin


class Referee:
    """Serves RESET, PLAN and JUDGE, and says on ROOMS what map the robot is given. stage: what stands at first."""

    def __init__(self, node: Node, twin: Twin, stage: SimStage, opened: Opened) -> None:
        self._twin, self._stage, self._opened = twin, stage, opened
        self._planner: Planner
        self._rooms = node.publisher(ROOMS, m.String, "latched", depth=1)
        answers: dict[str, Callable[[dict[str, Any]], Any]] = {
            RESET: self._reset, PLAN: self._plan, JUDGE: self._judge,
        }  # fmt: skip
        self._servers = [
            Server(node, name, AskRequest, AskReply, lambda q, answer=answer: _answered(answer, q))  # type: ignore[misc]
            for name, answer in answers.items()
        ]
        self._begin(stage, np.random.default_rng(0), at_s=twin.now_s)

    def poll(self) -> int:
        """Answers who has asked; how many that were."""
        return sum(server.poll() for server in self._servers)

    def _begin(self, stage: SimStage, rng: np.random.Generator, *, at_s: float) -> None:
        self._stage, self._planner = stage, oracle(stage)
        robot: Robot = stage.body().robot
        self._twin.robot = robot.robot if isinstance(robot, SlidingRobot) else robot
        self._twin.begin(rng, at_s=at_s)
        scene = stage.world.scene
        rooms = {"map": scene.told().to_json(), "ajar": dict(scene.ajar())} if isinstance(scene, MappedScene) else {}
        self._rooms.send(m.String(data=json.dumps(rooms)))

    def _reset(self, asked: dict[str, Any]) -> Any:
        """{suite, task, split, seed} -> {instruction, expected}."""
        split = next(s for s in SPLITS if s == asked["split"])
        at_s = self._twin.now_s
        spec = TaskSpec(suite=str(asked["suite"]), task=str(asked["task"]), split=split, seed=int(asked["seed"]))
        task, drawn = draw_task(self._stage.sim_robot, spec)
        stage = SimStage(self._stage.sim_robot, self._opened, task=task, drawn=drawn)
        self._begin(stage, np.random.default_rng([spec.seed, 7]), at_s=at_s)
        return {"instruction": drawn.instruction, "expected": drawn.expected}

    def _plan(self, asked: dict[str, Any]) -> Any:
        """{instruction, history} -> {plan}: the oracle's, with points in the main camera's picture of now."""
        history = told.from_json(asked["history"])
        plan = self._planner.plan(str(asked["instruction"]), self._stage.sim_robot.observe(), history)
        return {"plan": plan.text}

    def _judge(self, asked: dict[str, Any]) -> Any:
        """{stop, declined, history} -> {success, reason}, once the world has come to rest."""
        result = EpisodeResult(
            instruction="", results=told.from_json(asked["history"]), stop=Stop(asked["stop"]), detail="",
            declined=str(asked["declined"]), start_s=0.0, end_s=0.0,
        )  # fmt: skip
        if self._stage.task is None:
            raise ValueError("this scene was set for no task: ask for a reset first")
        self._stage.world.settle()
        found = verdict(self._stage, result)
        return {"success": found.success, "reason": found.reason, "lost": self._twin.lost}


def _answered(answer: Callable[[dict[str, Any]], Any], request: Any) -> Any:
    try:
        return AskReply(ok=True, content=json.dumps(answer(json.loads(request.content))))
    except (PalmettoError, ValueError, KeyError, TypeError, StopIteration) as e:
        return AskReply(ok=False, content=f"{type(e).__name__}: {' '.join(str(e).split())}"[:300])
