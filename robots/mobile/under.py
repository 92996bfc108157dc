"""Where to stand so that a hand from the side brings what it holds in under something, and down: boards, fridges.

The way in is searched for as that of a door's bar is (robots.mobile.track): base, arm and hand clear of the map all
along. What else stands there is looked at from that place.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from robots.geometry import Pose
from robots.interface import Status
from robots.mobile.drive import flat
from robots.mobile.load import Load
from robots.mobile.lower import UNDER_M, Way, out_m
from robots.mobile.reach import free
from robots.mobile.sight import odom_T_base, odom_T_world
from robots.mobile.spots import Spot
from robots.mobile.things import moved
from robots.mobile.track import Task, Track, find_track
from robots.places import Surface
from robots.planning.scene import Scene
from robots.primitives.base import Body, Outcome

Float = NDArray[np.float64]

APART_M, APART_RAD, SPOTS = 0.08, 0.2, 6
"""Spots so far apart, or ways in that are so far turned, are tried, at most so many."""
TRIED, EVERY = 12, 4
"""Spots that are tried from there; every so many samples of a way are checked."""
HAND_MARGIN_M = -0.012
"""Leant fingers come as near as that to what they put things on, by the balls that stand for them."""


def stand_before(body: Body, load: Load, spots: list[Spot], surface: Surface) -> Track | None:
    """A place, and the hand's way from there to one of the spots; None where there is none."""
    assert body.map is not None, "there are surfaces"
    state = body.robot.state()
    others = tuple(moved(body.map.solids_now(body.ajar), odom_T_world(state)))
    tried: list[Spot] = []
    for spot in spots:
        if any(_alike(spot, other) for other in tried):
            continue
        if len(tried) == SPOTS:
            break
        tried.append(spot)
        hand = spot.tool.rotation[:2, 2] / float(np.linalg.norm(spot.tool.rotation[:2, 2]))
        back = np.array([*(-out_m(body, load, spot, surface, hand) * hand), 0.0])
        length = float(np.linalg.norm(back))

        def path(at: float, spot: Spot = spot, back: Float = back, length: float = length) -> Pose:
            left = max(0.0, 1.0 - at / length)
            high = UNDER_M - max(0.0, at - length)
            return Pose(xyz=spot.tool.xyz + left * back + [0.0, 0.0, high], quat_xyzw=spot.tool.quat_xyzw)

        task = Task(
            path=path, motion=lambda _: Pose.identity(), start=0.0, end=length + UNDER_M, parts=(), others=others,
            shares=(0.0,), rolls=(0.0,), back_m=0.0, hand_margin_m=HAND_MARGIN_M,
        )  # fmt: skip
        found = find_track(body.robot.spec, task, flat(odom_T_base(state)))
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
    reached = False
    for spot in sorted(spots, key=lambda s: _off(s.tool, track.tools[-1]))[:TRIED]:
        by = spot.tool @ track.tools[-1].inverse()
        tools = [by @ tool for tool in track.tools]
        q: list[Float] = []
        for tool, bent in zip(tools, track.q, strict=True):
            found = arm.solve(base.inverse() @ tool, q[-1] if q else bent)
            if not found.converged:
                break
            q.append(found.q)
        if len(q) < len(tools):
            continue
        reached = True
        high = np.array([tool.xyz[2] for tool in tools])
        over = int(np.nonzero(high > high[0] - 0.002)[0][-1])
        inside = [free(body, scene, one, width_m=load.width_m) for one in q[: over + 1 : EVERY]]
        if all(inside) and free(body, scene, q[-1], width_m=load.width_m, hand=False):
            back = tools[0].xyz - tools[over].xyz
            return Way(
                spot=spot, q=np.array(q), tools=tuple(tools), over=over, high_m=UNDER_M, outside=tools[0], back=back
            )
    if reached:
        return Outcome(status=Status.PATH_BLOCKED, detail=f"something is in the way on the {surface.name}")
    return Outcome(status=Status.UNREACHABLE, detail=f"the arm does not reach in on the {surface.name}")


def _off(a: Pose, b: Pose) -> float:
    """Metres, a radian counting 20 cm."""
    return float(np.linalg.norm(a.xyz - b.xyz)) + 0.4 * float(
        np.arccos(min(1.0, abs(float(a.quat_xyzw @ b.quat_xyzw))))
    )
