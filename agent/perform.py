"""A call of the plan language -> the motion primitive that does it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from agent.grounding import ground
from agent.limited import LimitedRobot, TimeUp
from agent.plan import Point, PrimitiveCall
from agent.verbs import SPOT, VERBS, Relation, Verb
from robots import mobile
from robots.interface import Observation, Status
from robots.primitives import Body, Outcome, Target, look, pick, place, push
from robots.safety import SafetyStop

AT_TARGET: dict[Verb, Callable[[Body, Target], Outcome]] = {
    Verb.NAVIGATE_TO: mobile.navigate_to, Verb.OPEN: mobile.open_, Verb.CLOSE: mobile.close,
    Verb.PULL: mobile.pull, Verb.PRESS: mobile.press, Verb.POUR: mobile.pour, Verb.WIPE: mobile.wipe,
    Verb.HAND_OVER: mobile.hand_over,
}  # fmt: skip
"""What a robot that drives does with one target."""


class Backend(Protocol):
    """A way to perform calls other than the scripted one (`agent.policy.backends`)."""

    def serves(self, call: PrimitiveCall, body: Body) -> bool:
        """Whether it can do this call with this robot; if not, the call is scripted."""
        ...

    def perform(self, call: PrimitiveCall, body: Body, targets: list[Target]) -> Outcome:
        """Do it; targets: the things that the call points at, as they were found in the picture."""
        ...


Backends = Mapping[Verb, Backend]
SCRIPTED: Backends = {}
"""Every verb by its script."""


def perform(
    call: PrimitiveCall,
    body: Body,
    seen: Observation,
    *,
    then: Sequence[PrimitiveCall] = (),
    backends: Backends = SCRIPTED,
) -> Outcome:
    """Do `call`, whose points lie in the picture `seen`. Moves nothing when a thing it needs is not at its point.

    then: what the plan wants next; how a thing is best taken depends on where it goes. backends: what performs a verb,
    where it is not its script.
    """
    if call.verb is Verb.SAY:
        return Outcome(status=Status.SUCCEEDED, detail=call.text)
    limit_s, whole = VERBS[call.verb].time_limit_s, body.robot
    body.robot = LimitedRobot(whole, limit_s)
    try:
        if whole.spec.base is not None:
            return _mobile(call, body, seen, then)
        return _standing(call, body, seen, backends)
    except TimeUp:
        whole.stop()
        return Outcome(status=Status.TIMED_OUT, detail=f"{call.verb.value} was not done after {limit_s:g} s")
    except SafetyStop as e:
        return Outcome(status=Status.STOPPED, detail=str(e))
    finally:
        body.robot = whole


def _standing(call: PrimitiveCall, body: Body, seen: Observation, backends: Backends) -> Outcome:
    """`perform` for a robot that stands still."""
    if call.verb is Verb.LOOK:
        return look(body)
    needed = [(call.target, call.point)]
    if call.destination:
        needed.append((call.destination, call.destination_point))
    if call.spot is not None:
        needed.append((SPOT, call.spot))
    if call.verb is Verb.PLACE and call.relation is not None and not call.relation.takes_point:
        needed = []
    targets = []
    for words, point in needed:
        target = locate(words, point, seen)
        if isinstance(target, Outcome):
            return target
        targets.append(target)
    backend = backends.get(call.verb)
    if backend is not None and backend.serves(call, body):
        return backend.perform(call, body, targets)
    return scripted(call, body, targets)


def scripted(call: PrimitiveCall, body: Body, targets: list[Target]) -> Outcome:
    """The script of a call, by a robot that stands; targets: the things that it points at."""
    if call.verb is Verb.PICK:
        return pick(body, targets[0])
    if call.verb is Verb.PLACE and call.relation is not None:
        if call.relation is Relation.WHERE:
            return place(body, call.relation, Target(words=call.target, xyz_m=None))
        return place(body, call.relation, targets[0] if targets else None)
    if call.verb is Verb.PUSH:
        there = targets[1] if len(targets) > 1 else None
        return push(
            body, targets[0], side=call.side, region=call.region, beside=call.beside,
            spot=there if call.spot is not None else None, destination=there if call.destination else None,
        )  # fmt: skip
    return Outcome(status=Status.UNREACHABLE, detail=f"this robot can't {call.verb.value}")


def _mobile(call: PrimitiveCall, body: Body, seen: Observation, then: Sequence[PrimitiveCall]) -> Outcome:
    """`perform` for a robot that drives, which may also be sent to places of its map that it does not see."""
    if not body.robot.spec.cameras:
        detail = f"{body.robot.spec.name} has no camera to {call.verb.value} by"
        return Outcome(status=Status.UNREACHABLE, detail=detail)
    if call.verb is Verb.LOOK:
        return mobile.look(body)
    target: Target | None = None
    if call.point is not None:
        found = locate(call.target, call.point, seen)
        if isinstance(found, Outcome):
            return found
        target = found
    elif call.target:
        target = Target(words=call.target, xyz_m=None, camera=seen.camera)
    if call.verb is Verb.PLACE and call.relation is not None:
        return mobile.place(body, call.relation, target)
    if call.verb is Verb.PICK and target is not None:
        goal = next((c for c in then if c.verb in (Verb.PLACE, Verb.POUR)), call)
        aside = goal.verb is Verb.POUR or (goal.verb is Verb.PLACE and mobile.under_cover(body, goal.target))
        return mobile.pick(body, target, aside=aside)
    if call.verb is Verb.PUSH and target is not None:
        return _push(call, body, target, seen)
    if call.verb in AT_TARGET and target is not None:
        return AT_TARGET[call.verb](body, target)
    return Outcome(status=Status.UNREACHABLE, detail=f"this robot can't {call.verb.value}")


def _push(call: PrimitiveCall, body: Body, target: Target, seen: Observation) -> Outcome:
    """A push by a robot that drives: what it leads to is a point of the picture, too."""
    there: Target | None = None
    if call.destination or call.spot is not None:
        found = locate(call.destination or SPOT, call.destination_point if call.destination else call.spot, seen)
        if isinstance(found, Outcome):
            return found
        there = found
    return mobile.push(
        body, target, side=call.side, region=call.region, beside=call.beside,
        spot=there if call.spot is not None else None, destination=there if call.destination else None,
    )  # fmt: skip


def locate(words: str, point: Point | None, seen: Observation) -> Target | Outcome:
    """The thing at `point` as a target in the world, or the outcome that says why it is none."""
    if point is None:
        return Outcome(status=Status.TARGET_NOT_FOUND, detail=f"the plan has no point for the {words}")
    if seen.camera not in seen.frames:
        return Outcome(
            status=Status.TARGET_NOT_FOUND, detail=f"there is no camera {seen.camera!r} to see the {words} by"
        )
    xyz = ground(seen.main, point)
    if xyz is None:
        return Outcome(status=Status.TARGET_NOT_FOUND, detail=f"no depth at {point[0]} {point[1]} for the {words}")
    return Target(words=words, xyz_m=xyz, camera=seen.camera)
