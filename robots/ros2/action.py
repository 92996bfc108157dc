"""The port for sentences: the action /errand of type palmetto_msgs/action/Errand, as ROS 2 makes an action of topics.

An action is three services (send_goal, cancel_goal, get_result) and two topics (feedback, status) below NAME/_action
(design.ros2.org, "Actions"). One errand at a time: a goal that comes while another is done is refused. A goal whose
token is not ours is refused, too.
"""

from __future__ import annotations

import hmac
import secrets
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from robots.ros2 import messages as m
from robots.ros2 import services as s
from robots.ros2.convert import stamp
from robots.ros2.node import Node
from robots.ros2.service import Client, Server

NAME = "/errand"
MOST_CHARACTERS = 2000
KEPT = 20
"""Results that are kept for whoever asks for them later."""


class GoalState(IntEnum):
    """action_msgs/msg/GoalStatus."""

    UNKNOWN = 0
    ACCEPTED = 1
    EXECUTING = 2
    CANCELING = 3
    SUCCEEDED = 4
    CANCELED = 5
    ABORTED = 6


_OVER = (GoalState.SUCCEEDED, GoalState.CANCELED, GoalState.ABORTED)


@dataclass
class Goal:
    """A sentence that was accepted. key: of its UUID."""

    key: bytes
    instruction: str
    state: GoalState = GoalState.ACCEPTED
    stop: str = ""
    detail: str = ""


class ErrandServer:
    """Takes sentences; poll it often. `token`: what a goal must bring."""

    def __init__(self, node: Node, token: str) -> None:
        self._token = token
        self._goals: dict[bytes, Goal] = {}
        self._waiting: list[tuple[Any, bytes]] = []
        self.refused = ""
        """Why the last goal was refused, in words."""
        prefix = f"{NAME}/_action"
        self._feedback = node.publisher(f"{prefix}/feedback", s.Feedback, "reliable")
        self._status = node.publisher(f"{prefix}/status", m.GoalStatusArray, "latched", depth=1)
        self._servers: list[Server[Any, Any]] = [
            Server(node, f"{prefix}/send_goal", s.SendGoalRequest, s.SendGoalReply, self._asked),
            Server(node, f"{prefix}/cancel_goal", s.CancelGoalRequest, s.CancelGoalReply, self._cancelled),
            Server(node, f"{prefix}/get_result", s.GetResultRequest, s.GetResultReply, self._result),
        ]

    def poll(self) -> None:
        """Answers whoever has asked."""
        for server in self._servers:
            server.poll()

    @property
    def present(self) -> Goal | None:
        """The goal that is to be done, or is being done."""
        return next((goal for goal in self._goals.values() if goal.state not in _OVER), None)

    def begin(self, goal: Goal) -> None:
        if goal.state is GoalState.ACCEPTED:
            goal.state = GoalState.EXECUTING
        self._tell_states()

    def tell(self, goal: Goal, event: str, text: str) -> None:
        """Feedback: planned, started, finished."""
        self._feedback.send(s.Feedback(goal_id=_uuid(goal.key), event=event, text=text))

    def end(self, goal: Goal, state: GoalState, *, stop: str, detail: str) -> None:
        """It is over; whoever waits for the result gets it."""
        goal.state, goal.stop, goal.detail = state, stop, detail
        for request, key in [w for w in self._waiting if w[1] == goal.key]:
            self._servers[2].reply(request, _reply(goal))
            self._waiting.remove((request, key))
        for old in [g.key for g in self._goals.values() if g.state in _OVER][:-KEPT]:
            del self._goals[old]
        self._tell_states()

    def _asked(self, request: Any) -> Any:
        key = bytes(request.goal_id.uuid)
        self.refused = ""
        if not hmac.compare_digest(request.token.encode(), self._token.encode()):
            self.refused = "a goal without our token"
        elif self.present is not None:
            self.refused = "a goal while another is being done"
        elif not 0 < len(request.instruction) <= MOST_CHARACTERS or key in self._goals:
            self.refused = f"a goal of {len(request.instruction)} characters, or one that has been"
        if not self.refused:
            self._goals[key] = Goal(key=key, instruction=request.instruction)
            self._tell_states()
        return s.SendGoalReply(accepted=not self.refused, stamp=stamp(0.0))

    def _cancelled(self, request: Any) -> Any:
        """All zeros cancel whatever is being done, as in ROS. The errand ends when its robot has stopped."""
        key, goal = bytes(request.goal_info.goal_id.uuid), self.present
        if goal is None or (any(key) and goal.key != key):
            return s.CancelGoalReply(return_code=2)  # ERROR_UNKNOWN_GOAL_ID
        goal.state = GoalState.CANCELING
        self._tell_states()
        return s.CancelGoalReply(return_code=0, goals_canceling=[m.GoalInfo(goal_id=_uuid(goal.key))])

    def _result(self, request: Any) -> Any | None:
        key = bytes(request.goal_id.uuid)
        if key not in self._goals:
            return s.GetResultReply(status=int(GoalState.UNKNOWN))
        if self._goals[key].state in _OVER:
            return _reply(self._goals[key])
        self._waiting = [*self._waiting[-KEPT:], (request, key)]
        return None

    def _tell_states(self) -> None:
        states = [
            m.GoalStatus(goal_info=m.GoalInfo(goal_id=_uuid(g.key)), status=int(g.state)) for g in self._goals.values()
        ]
        self._status.send(m.GoalStatusArray(status_list=states))


class ErrandClient:
    """Sends sentences."""

    def __init__(self, node: Node, token: str) -> None:
        self._token = token
        prefix = f"{NAME}/_action"
        self._send = Client(node, f"{prefix}/send_goal", s.SendGoalRequest, s.SendGoalReply)
        self._cancel = Client(node, f"{prefix}/cancel_goal", s.CancelGoalRequest, s.CancelGoalReply)
        self._get = Client(node, f"{prefix}/get_result", s.GetResultRequest, s.GetResultReply)
        self._heard = node.subscription(f"{prefix}/feedback", s.Feedback, "reliable", depth=100)
        self._asked = 0

    def send(self, instruction: str, *, limit_s: float) -> bytes | None:
        """The goal's key, or None where it was refused. Raises ServiceError where nobody answers."""
        key = secrets.token_bytes(16)
        request = s.SendGoalRequest(goal_id=_uuid(key), instruction=instruction, token=self._token)
        reply = self._send.call(request, limit_s=limit_s)
        if not reply.accepted:
            return None
        self._asked = self._get.send(s.GetResultRequest(goal_id=_uuid(key)))
        return key

    def feedback(self, key: bytes) -> list[tuple[str, str]]:
        """(event, text) of what has come since the last time."""
        return [(f.event, f.text) for f in self._heard.take() if bytes(f.goal_id.uuid) == key]

    def cancel(self, key: bytes, *, limit_s: float) -> bool:
        """Whether it is being cancelled."""
        request = s.CancelGoalRequest(goal_info=m.GoalInfo(goal_id=_uuid(key)))
        return int(self._cancel.call(request, limit_s=limit_s).return_code) == 0

    def result(self) -> tuple[GoalState, str, str] | None:
        """(state, stop, detail) once the errand is over."""
        found = self._get.answer(self._asked)
        return None if found is None else (GoalState(int(found.status)), found.stop, found.detail)


def _uuid(key: bytes) -> m.UUID:
    return m.UUID(uuid=key)


def _reply(goal: Goal) -> Any:
    return s.GetResultReply(status=int(goal.state), stop=goal.stop, detail=goal.detail)
