"""pick, place and push by a learned policy; where it says that it is stuck, the scripted primitive takes over.

What is asked of each, and when it counts as done, is the same as for the scripted ones (robots.primitives). Before and
after the strokes stands what is no skill: the target is grounded with depth, the hand goes home, and is felt for what
it holds. Where a push is to go on its way around things is found as the scripted one finds it; how, is the policy's.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from agent.plan import PrimitiveCall
from agent.policy.drive import Decision, Ending, drive
from agent.policy.runtime import PolicySession
from agent.policy.stroke import Stroke
from agent.verbs import Verb
from robots.interface import Status
from robots.primitives import Body, Grasp, Outcome, Target, pick, place, push
from robots.primitives.base import HELD_WIDTH_M
from robots.primitives.found import Found, find, find_again
from robots.primitives.held import remembered
from robots.primitives.pick import LOADED
from robots.primitives.push import EXACT_ROUNDS, ROUNDS, aim_at, legs_to
from robots.primitives.push_goals import Aim
from robots.primitives.surface import Cloud
from robots.relations import Relation

Float = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, eq=False)
class Learned:
    """The verbs that a policy performs, for a robot that stands. seed: of the noise that its chunks flow from.

    told: hears of each stroke's ending.
    """

    session: PolicySession
    seed: int = 0
    told: Callable[[Stroke, Ending], None] | None = None

    def serves(self, call: PrimitiveCall, body: Body) -> bool:
        """Whether this is a call that it was trained for, by a robot that it was trained on."""
        manifest, spec = self.session.manifest, body.robot.spec
        return (
            spec.base is None
            and spec.name in manifest.robots
            and manifest.does(call.verb, call.relation if call.verb is Verb.PLACE else None)
        )

    def perform(self, call: PrimitiveCall, body: Body, targets: list[Target]) -> Outcome:
        """targets: what the call points at, found in the picture (agent.perform)."""
        if call.verb is Verb.PICK:
            return self.pick(body, targets[0])
        if call.verb is Verb.PLACE and call.relation is not None:
            return self.place(body, call.relation, targets[0])
        there = targets[1] if len(targets) > 1 else None
        return self.push(body, targets[0], call, there)

    def _stroke(self, body: Body, stroke: Stroke, camera: str) -> Ending:
        rng = np.random.default_rng(self.seed)
        ending = drive(body, stroke, self.session, camera=camera, rng=rng)
        if self.told is not None:
            self.told(stroke, ending)
        return ending

    def pick(self, body: Body, target: Target) -> Outcome:
        """As `robots.primitives.pick`."""
        if body.grasp is not None:
            return Outcome(status=Status.HAND_FULL, detail=f"the hand holds the {body.grasp.words}")
        found = _looked_at(body, target)
        if isinstance(found, Outcome) or target.xyz_m is None:
            return found if isinstance(found, Outcome) else _unpointed(target)
        if found.thing.flat:
            return Outcome(status=Status.UNREACHABLE, detail=f"the {target.words} lies flat on the table")
        robot, thing = body.robot, found.thing
        stroke = Stroke(verb=Verb.PICK, words=target.words, origin_m=target.xyz_m)
        ending = self._stroke(body, stroke, target.camera)
        state = robot.state()
        if ending is Ending.DONE and state.holding and state.gripper_width_m > HELD_WIDTH_M:
            body.origins.setdefault(target.words, np.array([*thing.centre_xy, thing.bottom_m]))
            outcome = body.follow(body.planner.to_q(state.arm_q, robot.spec.home_q_rad, pace=LOADED), width_m=0.0)
            if outcome.status is not Status.SUCCEEDED:
                return outcome
            width = body.steady_grip()
            if width is not None:
                body.grasp = _grasp(body, target, found, width)
                return Outcome(status=Status.SUCCEEDED, detail=f"holding the {target.words}")
            ending = Ending.STUCK
        _free(body)
        cloud = body.see(target.camera)
        again = find_again(cloud, found, thing.centre_xy)
        if again is None:
            detail = f"the {target.words} is not where it was (the policy was {ending.value})"
            return Outcome(status=Status.TARGET_NOT_FOUND, detail=detail)
        now = Target(words=target.words, xyz_m=_top(again), camera=target.camera)
        return _handed_over(ending, pick(body, now))

    def place(self, body: Body, relation: Relation, target: Target) -> Outcome:
        """As `robots.primitives.place`, for relations to a thing."""
        cloud = body.see(target.camera)
        body.grasp = held = remembered(body, cloud)
        if held is None:
            return Outcome(status=Status.NOT_HOLDING, detail="the hand is empty")
        if target.xyz_m is None:
            return _unpointed(target)
        robot = body.robot
        stroke = Stroke(verb=Verb.PLACE, words=target.words, origin_m=target.xyz_m, relation=relation, held=held)
        ending = self._stroke(body, stroke, target.camera)
        state = robot.state()
        if state.holding or (ending is not Ending.DONE and state.gripper_width_m > held.width_m - HELD_WIDTH_M):
            body.home(width_m=0.0)
            return _handed_over(ending, place(body, relation, target))
        body.grasp = None
        outcome = body.home(width_m=robot.spec.gripper_max_width_m)
        if outcome.status is not Status.SUCCEEDED:
            return outcome
        if ending is not Ending.DONE:
            return Outcome(status=Status.NOT_HOLDING, detail=f"the {held.words} left the hand: {ending.value}")
        return Outcome(status=Status.SUCCEEDED, detail=f"let go of the {held.words}")

    def push(self, body: Body, target: Target, call: PrimitiveCall, there: Target | None) -> Outcome:
        """As `robots.primitives.push`: strokes, with a look after each, until the thing is there."""
        if body.grasp is not None:
            return Outcome(status=Status.HAND_FULL, detail=f"the hand holds the {body.grasp.words}")
        found = _looked_at(body, target)
        if isinstance(found, Outcome):
            return found
        spot = there if call.spot is not None else None
        destination = there if call.destination else None

        def scripted(ending: Ending, now: Target) -> Outcome:
            return _handed_over(ending, push(
                body, now, side=call.side, region=call.region, beside=call.beside, spot=spot, destination=destination,
            ))  # fmt: skip

        cloud = body.see(target.camera)
        aim = aim_at(cloud, call.side, call.region, spot, destination, call.beside)
        if isinstance(aim, Outcome):
            return aim
        for _ in range(EXACT_ROUNDS if aim.exact else ROUNDS):
            if aim.there(found.thing):
                return Outcome(status=Status.SUCCEEDED, detail=f"the {target.words} is {aim.words}")
            now = Target(words=target.words, xyz_m=_top(found), camera=target.camera)
            goal = _next_goal(body, found, cloud, aim)
            if goal is None:
                return Outcome(status=Status.PATH_BLOCKED, detail=f"no free way to push the {target.words} along")
            origin = np.array([*found.thing.centre_xy, found.thing.bottom_m])
            stroke = Stroke(verb=Verb.PUSH, words=target.words, origin_m=origin, goal_m=goal)
            ending = self._stroke(body, stroke, target.camera)
            outcome = body.home(width_m=body.robot.spec.gripper_max_width_m)
            if outcome.status is not Status.SUCCEEDED:
                return outcome
            cloud = body.see(target.camera)
            again = find_again(cloud, found, goal[:2])
            if again is None:
                detail = f"the {target.words} is not where the push should have left it"
                return Outcome(status=Status.TARGET_NOT_FOUND, detail=detail)
            found = again
            if ending is not Ending.DONE:
                return scripted(ending, Target(words=target.words, xyz_m=_top(found), camera=target.camera))
        if aim.there(found.thing):
            return Outcome(status=Status.SUCCEEDED, detail=f"the {target.words} is {aim.words}")
        return scripted(Ending.OUT_OF_TIME, now)


def driver(folder: Path) -> Callable[[Body, Stroke, int, Callable[[Decision], None]], Ending]:
    """For DAgger (sim.demonstrate): drives so many decisions of a stroke by the policy of a folder."""
    session = PolicySession.load(folder)
    rng = np.random.default_rng(0)
    return lambda body, stroke, most, told: drive(body, stroke, session, camera="front", rng=rng, most=most, told=told)


def _looked_at(body: Body, target: Target) -> Found | Outcome:
    cloud = body.see(target.camera)
    found = find(cloud, target.xyz_m)
    if found is None:
        return Outcome(status=Status.TARGET_NOT_FOUND, detail=f"there is nothing at the point for the {target.words}")
    return found


def _unpointed(target: Target) -> Outcome:
    return Outcome(status=Status.TARGET_NOT_FOUND, detail=f"no point was given for the {target.words}")


def _grasp(body: Body, target: Target, found: Found, width_m: float) -> Grasp:
    """What the hand holds, from what is seen of it at home: how far it hangs below the tool."""
    thing = found.thing
    seen = remembered(body, body.see(target.camera))
    drop = seen.drop_m if seen is not None else width_m / 2
    half = (width_m / 2, width_m / 2) if thing.small else (thing.radius_m, thing.radius_m)
    offset = np.zeros(2) if thing.small else np.array([0.0, thing.radius_m])
    height = thing.top_m - thing.bottom_m
    return Grasp(words=target.words, width_m=width_m, drop_m=drop, half_m=half, offset_m=offset, height_m=height)


def _next_goal(body: Body, found: Found, cloud: Cloud, aim: Aim) -> Float | None:
    """float64[3] m: where the next stroke is to bring the thing; None where no way is free."""
    legs = legs_to(body, found.thing, cloud.height_map(), aim)
    return np.array([*legs[0].goal_xy, found.thing.bottom_m]) if legs else None


def _top(found: Found) -> Float:
    return np.array([*found.thing.centre_xy, found.thing.top_m])


def _free(body: Body) -> None:
    """Fingers open, hand at home."""
    widest = body.robot.spec.gripper_max_width_m
    body.grip(widest)
    body.home(width_m=widest)


def _handed_over(ending: Ending, outcome: Outcome) -> Outcome:
    return Outcome(status=outcome.status, detail=f"{outcome.detail} (scripted: the policy was {ending.value})")
