"""Shutting by pushing: closed fingers on the front beside the bar, along with it until nothing gives any more.

A push needs no hold that could slip, and the hand may come aslant: less room than a hand around a bar needs.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from robots.geometry import Pose
from robots.interface import Status
from robots.mobile.glance import cloud, face, see
from robots.mobile.ground import standable
from robots.mobile.haul import Felt, Guard, Hauled, haul, line
from robots.mobile.parts import Part, others_now, part_now
from robots.mobile.planar import flat
from robots.mobile.sight import odom_T_base
from robots.mobile.solids import Boxes
from robots.mobile.stance import approach, pushed, stand_at
from robots.mobile.track import Task, Track, shifted
from robots.mobile.track_search import find_track
from robots.primitives.base import Body, Outcome
from robots.spec import RobotSpec

Float = NDArray[np.float64]

BACK_M = 0.07
"""The straight approach to the front, and the retreat from it."""
AHEAD_M = 0.012
"""The hand begins so far before the front: it may be nearer than it was seen to be."""
BEYOND_M = 0.04
"""The front may be so much farther away."""
SLOW_M, SLOW_M_S = 0.05, 0.03
"""Over the last bit the hand goes slowly, until it is stopped."""
SPEED_M_S = 0.09
SWINGS = (0.0, 0.35, 0.7, 1.0, -0.3)
"""At 1 the hand keeps its direction and ends up beside a door's leaf: where a door opens against a wall."""
ROLLS_RAD = {True: (np.pi / 2, -np.pi / 2), False: (np.pi / 2, -np.pi / 2, 0.0, np.pi)}
"""Doors: the hand's breadth along the bar, so that it passes between the leaf and what is beside it."""
PUSHES_M = {True: ((0.05, 0.0), (-0.05, 0.0), (None, 0.075)), False: ((None, 0.075),)}
"""Where the fingers push, doors and drawers: beyond the bar's lower or upper end, which is near the door's free edge,
or so far beside the bar, towards the hinge or below it."""
TOUCH_M = -0.006
"""What the tips may seem to be inside the front that they push: their shape is known to as much."""
SHUT_SHARE = 0.1
"""Stopped so near to shut, it is shut."""


def push_shut(body: Body, name: str, now: float, most_n: float) -> Outcome | None:
    """The part from `now` (m or rad open) to 0, with no more than most_n; body.ajar has how far it then is. None where
    there is nowhere to push from."""
    part = part_now(body, name)
    found = push_track(body, part, now)
    if found is None:
        return None
    outcome = stand_at(body, found)
    if outcome.status is not Status.SUCCEEDED:
        return outcome
    before = part.handle.pose
    track = shifted(found, part_now(body, name).handle.pose @ before.inverse())
    face(body, track.tools[0].xyz)
    ready = track.tools[0] @ Pose.from_xyz_yaw([0.0, 0.0, -BACK_M])
    outcome = approach(body, ready, track.before, cloud(see(body)[1]), width_m=0.0)
    if outcome.status is not Status.SUCCEEDED:
        return outcome
    reached = line(body, track.tools[0], speed_m_s=0.1, width_m=0.0, guard=pushed(most_n))
    if reached.outcome.status is not Status.SUCCEEDED:
        return reached.outcome
    amount, hauled = _along(body, part, track, most_n)
    state = body.robot.state()
    here = odom_T_base(state) @ body.kinematics.tool(state.arm_q)
    line(body, here @ Pose.from_xyz_yaw([0.0, 0.0, -BACK_M]), width_m=0.0)
    share = max(amount, 0.0) / part.handle.travel
    body.ajar[name] = max(amount, 0.0)
    if share < SHUT_SHARE and hauled.stopped:
        body.ajar[name] = 0.0
        return Outcome(status=Status.SUCCEEDED, detail=f"the {name} is shut")
    if hauled.outcome.status is not Status.SUCCEEDED and hauled.stopped != "held":
        return hauled.outcome
    if not hauled.stopped:
        return Outcome(status=Status.GRASP_FAILED, detail=f"the fingers met nothing to push at the {name}")
    return Outcome(status=Status.PATH_BLOCKED, detail=f"the {name} sticks at {share:.0%} open")


def _along(body: Body, part: Part, track: Track, most_n: float) -> tuple[float, Hauled]:
    """The hand along the track, fast and then slowly; where it was stopped (m or rad open), and how."""
    slow = int(np.argmin(np.abs(track.amounts - SLOW_M / part.lever_m)))
    hauled, first = None, 0
    for last, speed in ((slow, SPEED_M_S), (len(track.amounts) - 1, SLOW_M_S)):
        if last - first < 2:
            continue
        legs = slice(first, last + 1)
        hauled = haul(
            body, track.tools[legs], track.q[legs], track.places[legs], speed_m_s=speed, width_m=0.0,
            guard=_stopped(most_n), yields=True,
        )  # fmt: skip
        amount = float(np.interp(first + hauled.at, np.arange(len(track.amounts)), track.amounts))
        if hauled.stopped or hauled.outcome.status is not Status.SUCCEEDED:
            return amount, hauled
        first = last
    assert hauled is not None
    return float(track.amounts[-1]), hauled


def _stopped(most_n: float) -> Guard:
    """Stops where what is pushed gives no more."""
    hard = 0

    def guard(felt: Felt) -> str | None:
        nonlocal hard
        hard = hard + 1 if felt.along_n > most_n else 0
        return "stopped" if hard >= 3 else None

    return guard


def push_track(body: Body, part: Part, now: float) -> Track | None:
    """From a little before the front as it is to a little beyond shut."""
    spec, here, free = body.robot.spec, flat(odom_T_base(body.robot.state())), standable(body)
    ahead, beyond = AHEAD_M / part.lever_m, BEYOND_M / part.lever_m
    for along, aside in PUSHES_M[part.handle.turns]:
        contact = contact_at(part, spec, along, aside)
        if contact is None:
            continue
        task = Task(
            path=lambda a, at=contact: part.handle.motion(a) @ at,  # type: ignore[misc]
            motion=part.handle.motion, start=now + ahead, end=0.0, parts=part.boxes,
            others=others_now(body, part.name), touch_m=TOUCH_M, back_m=BACK_M,
            swings=SWINGS if part.handle.turns else (0.0,), rolls=ROLLS_RAD[part.handle.turns],
        )  # fmt: skip
        found = find_track(spec, task, here, free)
        if found is not None:
            return _on(found, part, beyond)
    return None


def contact_at(part: Part, spec: RobotSpec, along: float | None, aside: float) -> Pose | None:
    """The tool, the part shut, half a finger before its front: so far beyond the lower end of its bar (less than 0: the
    upper; None: beside its middle), and so far aside, towards the hinge or below; None where there is no front."""
    bar, boxes = part.handle.pose, Boxes(part.boxes)
    first, across = bar.rotation[:, 0], bar.rotation[:, 1]
    down = -np.sign(first[2]) or 1.0
    x = 0.0 if along is None else down * (along + np.sign(along) * part.handle.length_m / 2)
    inwards = across @ (part.handle.at_m - bar.xyz) if part.handle.turns else -across[2]
    y = aside if inwards > 0 else -aside
    deep = np.arange(-0.04, 0.12, 0.002)
    ray = bar.apply(np.column_stack([np.full(len(deep), x), np.full(len(deep), y), deep]))
    inside = np.nonzero(boxes.distance(ray) < 0.0)[0]
    # What is not behind the bar is no front.
    if len(inside) == 0 or deep[inside[0]] < part.handle.width_m:
        return None
    return bar @ Pose.from_xyz_yaw([x, y, float(deep[inside[0]]) - spec.fingertip_m - spec.finger_breadth_m / 2])


def _on(track: Track, part: Part, beyond: float) -> Track:
    """A track that ends at 0, gone on with by `beyond`."""
    extra = -np.linspace(0.0, beyond, 8)[1:]
    back = part.handle.motion(track.amounts[-1]).inverse() @ track.tools[-1]
    return replace(
        track,
        amounts=np.concatenate([track.amounts, extra]),
        tools=track.tools + tuple(part.handle.motion(float(a)) @ back for a in extra),
        places=np.concatenate([track.places, np.tile(track.places[-1], (len(extra), 1))]),
        q=np.concatenate([track.q, np.tile(track.q[-1], (len(extra), 1))]),
    )
