"""Requests and replies of services, and of the action `palmetto_msgs/action/Errand`, with the header that
rmw_cyclonedds puts before each: who asked (uint64) and a count (int64), so that a reply finds its request
(ros2/rmw_cyclonedds#503).

    Errand.action                       Ask.srv
    string instruction                  string content
    string token                        ---
    ---                                 bool ok
    string stop                         string content
    string detail
    ---
    string event                        event: planned, started, finished
    string text
"""

# No `from __future__ import annotations`: cyclonedds reads the types of the fields.
from dataclasses import dataclass, field

from cyclonedds.idl import IdlStruct
from cyclonedds.idl.types import int8, int64, sequence, uint8, uint64

from robots.ros2.messages import UUID, GoalInfo, Time


@dataclass
class TriggerRequest(IdlStruct, typename="std_srvs.srv.dds_.Trigger_Request_"):
    client: uint64 = 0
    number: int64 = 0
    structure_needs_at_least_one_member: uint8 = 0


@dataclass
class TriggerReply(IdlStruct, typename="std_srvs.srv.dds_.Trigger_Response_"):
    client: uint64 = 0
    number: int64 = 0
    success: bool = False
    message: str = ""


@dataclass
class AskRequest(IdlStruct, typename="palmetto_msgs.srv.dds_.Ask_Request_"):
    client: uint64 = 0
    number: int64 = 0
    content: str = ""


@dataclass
class AskReply(IdlStruct, typename="palmetto_msgs.srv.dds_.Ask_Response_"):
    client: uint64 = 0
    number: int64 = 0
    ok: bool = False
    content: str = ""


@dataclass
class StepRequest(IdlStruct, typename="palmetto_msgs.srv.dds_.Step_Request_"):
    """until_ns: the twin's clock may run up to there. sent: messages that it must have heard before. pictures: whether
    the newest pictures are wanted."""

    client: uint64 = 0
    number: int64 = 0
    until_ns: int64 = 0
    sent: int64 = 0
    pictures: bool = False


@dataclass
class StepReply(IdlStruct, typename="palmetto_msgs.srv.dds_.Step_Response_"):
    """now_ns: where its clock is. told: messages that it has sent since it began."""

    client: uint64 = 0
    number: int64 = 0
    now_ns: int64 = 0
    told: int64 = 0


@dataclass
class CancelGoalRequest(IdlStruct, typename="action_msgs.srv.dds_.CancelGoal_Request_"):
    client: uint64 = 0
    number: int64 = 0
    goal_info: GoalInfo = field(default_factory=GoalInfo)


@dataclass
class CancelGoalReply(IdlStruct, typename="action_msgs.srv.dds_.CancelGoal_Response_"):
    client: uint64 = 0
    number: int64 = 0
    return_code: int8 = 0
    goals_canceling: sequence[GoalInfo] = field(default_factory=list)


@dataclass
class SendGoalRequest(IdlStruct, typename="palmetto_msgs.action.dds_.Errand_SendGoal_Request_"):
    client: uint64 = 0
    number: int64 = 0
    goal_id: UUID = field(default_factory=UUID)
    instruction: str = ""
    token: str = ""


@dataclass
class SendGoalReply(IdlStruct, typename="palmetto_msgs.action.dds_.Errand_SendGoal_Response_"):
    client: uint64 = 0
    number: int64 = 0
    accepted: bool = False
    stamp: Time = field(default_factory=Time)


@dataclass
class GetResultRequest(IdlStruct, typename="palmetto_msgs.action.dds_.Errand_GetResult_Request_"):
    client: uint64 = 0
    number: int64 = 0
    goal_id: UUID = field(default_factory=UUID)


@dataclass
class GetResultReply(IdlStruct, typename="palmetto_msgs.action.dds_.Errand_GetResult_Response_"):
    client: uint64 = 0
    number: int64 = 0
    status: int8 = 0
    stop: str = ""
    detail: str = ""


@dataclass
class Feedback(IdlStruct, typename="palmetto_msgs.action.dds_.Errand_FeedbackMessage_"):
    goal_id: UUID = field(default_factory=UUID)
    event: str = ""
    text: str = ""
