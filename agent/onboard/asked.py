"""A planner that asks a digital twin for its oracle's plans, and what else a twin can be asked."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from agent.errors import PalmettoError
from agent.plan import Plan, PrimitiveResult, parse_plan
from agent.told import to_json
from robots.interface import Observation
from robots.ros2.node import Node
from robots.ros2.service import Client, ServiceError
from robots.ros2.services import AskReply, AskRequest

RESET, PLAN, JUDGE = "/twin/reset", "/twin/plan", "/twin/judge"
ANSWERS_S = 120.0
"""To draw a kitchen that an errand can be done in takes seconds, on a busy computer many."""


class Asked:
    """Asks one service of a twin, JSON in and out."""

    def __init__(self, node: Node, name: str) -> None:
        self._name = name
        self._client = Client(node, name, AskRequest, AskReply)

    def __call__(self, content: Mapping[str, Any], *, limit_s: float = ANSWERS_S) -> dict[str, Any]:
        """Raises PalmettoError: there is no twin, or it can't."""
        try:
            reply = self._client.call(AskRequest(content=json.dumps(dict(content))), limit_s=limit_s)
        except ServiceError as e:
            raise PalmettoError(f"{e}: only a twin (palmetto twin) does, a robot has none") from e
        if not reply.ok:
            raise PalmettoError(f"{self._name}: {reply.content[:300]}")
        found: dict[str, Any] = json.loads(reply.content)
        return found


class AskedPlanner:
    """The oracle of a twin. It looks at its own world, not at the observation, which must be of now."""

    name = "oracle"

    def __init__(self, node: Node) -> None:
        self._ask = Asked(node, PLAN)

    def plan(self, instruction: str, observation: Observation, history: Sequence[PrimitiveResult]) -> Plan:
        text = str(self._ask({"instruction": instruction, "history": to_json(history)})["plan"])
        return Plan(instruction=instruction, calls=parse_plan(text), text=text, planner=self.name)
