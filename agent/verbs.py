"""One declaration a verb: its arguments, preconditions, effects, failures and time limit.

The grammar (`agent.plan`), the constrained decoder (`agent.onboard.constrain`), the executor's checks, the oracle and
`docs/plan-language.md` are all derived from the table VERBS; nothing else says what a verb takes.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from robots.interface import Status
from robots.relations import SPOT, Beside, Region, Relation, Side

__all__ = ["SPOT", "VERBS", "Argument", "Beside", "Hand", "Region", "Relation", "Side", "Verb", "VerbSpec"]


class Verb(Enum):
    """The closed set of things that a plan may call for. The value is the word in the plan."""

    NAVIGATE_TO = "navigate_to"
    PICK = "pick"
    PLACE = "place"
    PUSH = "push"
    OPEN = "open"
    CLOSE = "close"
    PULL = "pull"
    PRESS = "press"
    POUR = "pour"
    WIPE = "wipe"
    HAND_OVER = "hand_over"
    LOOK = "look"
    SAY = "say"
    ASK = "ask"
    REFUSE = "refuse"
    DONE = "done"


class Hand(Enum):
    """What a verb needs of the hand before it starts."""

    EMPTY = "empty"
    HOLDING = "holding"
    ANY = "any"


class Argument(Enum):
    """The kinds of argument that the grammar knows."""

    NONE = "nothing"
    TARGET = "a thing and its point"
    RELATION = "a relation, a thing and its point"
    DESTINATION = "a thing and its point, then 'to' a side, a place, another thing, beside it, or a spot"
    TEXT = "words for the person"


@dataclass(frozen=True, kw_only=True)
class VerbSpec:
    """The one declaration of a verb. `ends_plan`: nothing may follow it.

    hand_before, its precondition, is checked by `agent.executor`; time_limit_s, of the robot's clock, is kept by
    `agent.perform`, which then says TIMED_OUT. A robot that drives takes the longest: it may have to stand elsewhere.
    """

    verb: Verb
    argument: Argument
    hand_before: Hand
    hand_after: Hand
    effect: str
    failures: tuple[Status, ...]
    time_limit_s: float
    ends_plan: bool = False


_MOVING = (
    Status.TARGET_NOT_FOUND,
    Status.UNREACHABLE,
    Status.PATH_BLOCKED,
    Status.TIMED_OUT,
    Status.STOPPED,
    Status.LIMIT,
)

VERBS: dict[Verb, VerbSpec] = {
    s.verb: s
    for s in (
        VerbSpec(
            verb=Verb.NAVIGATE_TO, argument=Argument.TARGET, hand_before=Hand.ANY, hand_after=Hand.ANY,
            effect="the base stands where the arm can reach the target", failures=_MOVING, time_limit_s=120.0,
        ),
        VerbSpec(
            verb=Verb.PICK, argument=Argument.TARGET, hand_before=Hand.EMPTY, hand_after=Hand.HOLDING,
            effect="the hand holds the target, lifted clear",
            failures=(*_MOVING, Status.GRASP_FAILED, Status.HAND_FULL), time_limit_s=90.0,
        ),
        VerbSpec(
            verb=Verb.PLACE, argument=Argument.RELATION, hand_before=Hand.HOLDING, hand_after=Hand.EMPTY,
            effect="what was held rests in the named relation to the target",
            failures=(*_MOVING, Status.NOT_HOLDING), time_limit_s=90.0,
        ),
        VerbSpec(
            verb=Verb.PUSH, argument=Argument.DESTINATION, hand_before=Hand.EMPTY, hand_after=Hand.EMPTY,
            effect="the target has slid over what it stands on to the side (in rooms: up to 0.15 m that way), place or "
            "spot, or onto or beside the other thing",
            failures=(*_MOVING, Status.HAND_FULL), time_limit_s=120.0,
        ),
        VerbSpec(
            verb=Verb.OPEN, argument=Argument.TARGET, hand_before=Hand.EMPTY, hand_after=Hand.EMPTY,
            effect="the target is open", failures=(*_MOVING, Status.GRASP_FAILED, Status.HAND_FULL), time_limit_s=120.0,
        ),
        VerbSpec(
            verb=Verb.CLOSE, argument=Argument.TARGET, hand_before=Hand.EMPTY, hand_after=Hand.EMPTY,
            effect="the target is closed",
            failures=(*_MOVING, Status.GRASP_FAILED, Status.HAND_FULL), time_limit_s=120.0,
        ),
        VerbSpec(
            verb=Verb.PULL, argument=Argument.TARGET, hand_before=Hand.EMPTY, hand_after=Hand.EMPTY,
            effect="the target has come towards the robot by 0.15 m, or as far as it goes",
            failures=(*_MOVING, Status.GRASP_FAILED, Status.HAND_FULL), time_limit_s=120.0,
        ),
        VerbSpec(
            verb=Verb.PRESS, argument=Argument.TARGET, hand_before=Hand.EMPTY, hand_after=Hand.EMPTY,
            effect="the target's button has been pressed once, which switches it on, or off again",
            failures=(*_MOVING, Status.HAND_FULL), time_limit_s=120.0,
        ),
        VerbSpec(
            verb=Verb.POUR, argument=Argument.TARGET, hand_before=Hand.HOLDING, hand_after=Hand.HOLDING,
            effect="what was in the held vessel is in the target, the vessel upright again",
            failures=(*_MOVING, Status.NOT_HOLDING), time_limit_s=120.0,
        ),
        VerbSpec(
            verb=Verb.WIPE, argument=Argument.TARGET, hand_before=Hand.HOLDING, hand_after=Hand.HOLDING,
            effect="what is held has been rubbed over the target", failures=(*_MOVING, Status.NOT_HOLDING),
            time_limit_s=120.0,
        ),
        VerbSpec(
            verb=Verb.HAND_OVER, argument=Argument.TARGET, hand_before=Hand.HOLDING, hand_after=Hand.EMPTY,
            effect="the target, a person, has taken what was held", failures=(*_MOVING, Status.NOT_HOLDING),
            time_limit_s=90.0,
        ),
        VerbSpec(
            verb=Verb.LOOK, argument=Argument.NONE, hand_before=Hand.ANY, hand_after=Hand.ANY,
            effect="the arm is out of the camera's way and the picture is fresh", failures=_MOVING, time_limit_s=30.0,
        ),
        VerbSpec(
            verb=Verb.SAY, argument=Argument.TEXT, hand_before=Hand.ANY, hand_after=Hand.ANY,
            effect="the person has been told", failures=(), time_limit_s=1.0,
        ),
        VerbSpec(
            verb=Verb.ASK, argument=Argument.TEXT, hand_before=Hand.ANY, hand_after=Hand.ANY,
            effect="the person has been asked, and the agent waits", failures=(), time_limit_s=1.0, ends_plan=True,
        ),
        VerbSpec(
            verb=Verb.REFUSE, argument=Argument.TEXT, hand_before=Hand.ANY, hand_after=Hand.ANY,
            effect="the person knows why it can't be done", failures=(), time_limit_s=1.0, ends_plan=True,
        ),
        VerbSpec(
            verb=Verb.DONE, argument=Argument.NONE, hand_before=Hand.ANY, hand_after=Hand.ANY,
            effect="the instruction is carried out", failures=(), time_limit_s=1.0, ends_plan=True,
        ),
    )
}  # fmt: skip
