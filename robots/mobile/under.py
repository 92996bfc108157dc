"""Where to stand so that a hand from the side brings what it holds in under something, and down: boards, fridges.

The way in is searched for as that of a door's bar is (robots.mobile.track_search): base, arm and hand clear of the map
all along. What else stands there is looked at from that place.
"""

from __future__ import annotations

from itertools import product

import numpy as np
from numpy.typing import NDArray

from robots.geometry import Pose
from robots.interface import Status
from robots.mobile.clearance import free
from robots.mobile.ground import standable
from robots.mobile.load import Load
from robots.mobile.lower import UNDER_M, Way, out_m
from robots.mobile.planar import base_at, flat
from robots.mobile.sight import odom_T_base
from robots.mobile.solids import fixed_here
from robots.mobile.spots import Spot
from robots.mobile.tool_poses import apart_m
from robots.mobile.track import Task, Track
from robots.mobile.track_clearance import hand_free
from robots.mobile.track_search import find_track
from robots.places import Surface
from robots.planning.scene import Scene
from robots.primitives.base import Body, Outcome

Float = NDArray[np.float64]

APART_M, APART_RAD, SPOTS = 0.08, 0.2, 6
"""Spots so far apart, or ways in that are so far turned, are tried, at most so many where the hand is clear."""
SHARES = (0.0, 0.5, 1.0)
"""Of the way in that the base goes along."""
HANGS, RAISES_M = 0.5, (0.05, 0.04, 0.03, 0.02, 0.01, 0.0)
"""What is held farther off its middle than that share of its half size may hang aslant: it comes in so much higher as
there is room for."""
TRIED, EVERY = 12, 4
"""Spots that are tried from there; every so many samples of a way are checked."""
HAND_MARGIN_M = -0.012
"""Leant fingers come as near as that to what they put things on, by the balls that stand for them."""


def stand_before(body: Body, load: Load, spots: list[Spot], surface: Surface) -> Track | None:
    """A place, and the hand's way from there to one of the spots; None where there is none."""
    assert body.map is not None, "there are surfaces"
    state = body.robot.state()
    others = tuple(fixed_here(body))
    held, tried, looked = load.parts(), 0, list[Spot]()
    free_place = standable(body)
    clear = hand_free(body.robot.spec, others, hand_margin_m=HAND_MARGIN_M, held=held)
    for spot in spots:
        if tried == SPOTS:
            break
        if any(_alike(spot, other) for other in looked):
            continue
        looked.append(spot)
        hand = spot.tool.rotation[:2, 2] / float(np.linalg.norm(spot.tool.rotation[:2, 2]))
        back = np.array([*(-out_m(body, load, spot, surface, hand) * hand), 0.0])
        length = float(np.linalg.norm(back))

        def path(at: float, spot: Spot = spot, back: Float = back, length: float = length) -> Pose:
            left = max(0.0, 1.0 - at / length)
            high = UNDER_M - max(0.0, at - length)
            return Pose(xyz=spot.tool.xyz + left * back + [0.0, 0.0, high], quat_xyzw=spot.tool.quat_xyzw)

        def motion(at: float, back: Float = back, length: float = length) -> Pose:
            return Pose(xyz=-min(1.0, at / length) * back, quat_xyzw=np.array([0.0, 0.0, 0.0, 1.0]))

        task = Task(
            path=path, motion=motion, start=0.0, end=length + UNDER_M, parts=(), others=others, shares=SHARES,
            rolls=(0.0,), back_m=0.0, hand_margin_m=HAND_MARGIN_M, held=held,
        )  # fmt: skip
        if not all(clear(path(at)) for at in np.linspace(task.start, task.end, task.checks)):
            continue
        tried += 1
        found = find_track(body.robot.spec, task, flat(odom_T_base(state)), free_place)
        if found is not None:
            return found
    return None


def _alike(a: Spot, b: Spot) -> bool:
    """Whether they are near to each other and the hand goes in about the same way."""
    ways = np.array([spot.tool.rotation[:2, 2] / np.linalg.norm(spot.tool.rotation[:2, 2]) for spot in (a, b)])
    turned = float(np.arccos(np.clip(ways[0] @ ways[1], -1.0, 1.0)))
    return turned < APART_RAD and float(np.linalg.norm(a.thing.xyz - b.thing.xyz)) < APART_M


def way_in(body: Body, load: Load, spots: list[Spot], scene: Scene, surface: Surface, track: Track) -> Way | Outcome:
    """From where the base stands for a track: to the spot nearest to its end that is free now, in as the track goes,
    clear of the scene."""
    arm, base = body.kinematics, odom_T_base(body.robot.state())
    raises = RAISES_M if load.off_middle_m > HANGS * min(load.size_m) else (0.0,)
    bases = [base @ base_at(track.places[0]).inverse() @ base_at(place) for place in track.places]
    reached = False
    near = sorted(spots, key=lambda s: apart_m(s.tool, track.tools[-1]))[:TRIED]
    for up, spot in product(raises, near):
        by = spot.tool @ track.tools[-1].inverse()
        tools = [
            _raised(by @ tool, up * min(1.0, (len(track.tools) - 1 - k) / 2)) for k, tool in enumerate(track.tools)
        ]
        q: list[Float] = []
        for tool, bent, there in zip(tools, track.q, bases, strict=True):
            found = arm.solve(there.inverse() @ tool, q[-1] if q else bent)
            if not found.converged:
                break
            q.append(found.q)
        if len(q) < len(tools):
            continue
        reached = True
        high = np.array([tool.xyz[2] for tool in track.tools])
        over = int(np.nonzero(high > high[0] - 0.002)[0][-1])
        samples = [*range(0, over + 1, EVERY), len(q) - 1]
        if all(free(body, scene, q[k], width_m=load.width_m, hand=k <= over, base=bases[k]) for k in samples):
            return Way(
                spot=spot, q=np.array(q), tools=tuple(tools), over=over, high_m=UNDER_M + up,
                back=tools[0].xyz - tools[over].xyz, places=np.array([flat(one) for one in bases]),
            )  # fmt: skip
    if reached:
        return Outcome(status=Status.PATH_BLOCKED, detail=f"something is in the way on the {surface.name}")
    return Outcome(status=Status.UNREACHABLE, detail=f"the arm does not reach in on the {surface.name}")


def _raised(tool: Pose, up_m: float) -> Pose:
    return Pose(xyz=tool.xyz + [0.0, 0.0, up_m], quat_xyzw=tool.quat_xyzw)
