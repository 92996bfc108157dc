"""A close look at a thing that is to be taken: by the head, and by the hand's camera from over it. Frames: odom."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from robots.interface import Status
from robots.mobile.clearance import free, surroundings
from robots.mobile.find import find, nearest, surface_at
from robots.mobile.glance import cloud, main_camera, see
from robots.mobile.go import go
from robots.mobile.reach import configurations
from robots.mobile.sight import View, odom_T_base
from robots.mobile.solids import fixed_here
from robots.mobile.stand import ROOM_ABOVE_M
from robots.mobile.things import AT_M, Thing, thing_at, without
from robots.mobile.tool_poses import leaning
from robots.primitives.base import Body

Float = NDArray[np.float64]

CLOSER = ((0.0, 0.19), (0.0, 0.13), (0.6, 0.15), (1.0, 0.15))
"""For a closer look with the hand's camera: how far the tool is tilted off straight down (rad), and away (m)."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Sighting:
    """A thing, what else is around it (points [N,3], odom) and the free height above what it stands on."""

    thing: Thing
    others: Float
    headroom_m: float
    views: dict[str, View]


def look_closely(body: Body, point: Float, *, within_m: float = AT_M) -> Sighting | None:
    """The thing at `point` [3] (odom): by the head, and from near by where the hand can go above it."""
    thing, seen, support = find(body, point, within_m=within_m)
    headroom = _headroom(body, point)
    middle = np.array(
        [*(point[:2] if thing is None else thing.centre), (point[2] + 0.02) if thing is None else thing.top_m]
    )
    if headroom > ROOM_ABOVE_M and _above(body, middle, cloud(seen)):
        _, closer = see(body)
        order = sorted(closer, key=lambda name: name == main_camera(body))
        start = point if thing is None else nearest(thing.points, point)
        again = thing_at([closer[name] for name in order], start, support, fixed_here(body), within_m=within_m)
        if again is not None:
            thing, seen = again, closer
    if thing is None:
        return None
    every = cloud(seen)
    return Sighting(thing=thing, others=without(every, thing), headroom_m=headroom, views=seen)


def _above(body: Body, top: Float, points: Float) -> bool:
    """Brings the hand's camera over `top` [3], if the arm gets there."""
    if len(body.robot.spec.cameras) < 2:
        return False
    scene = surroundings(body, points)
    base, widest = odom_T_base(body.robot.state()), body.robot.spec.gripper_max_width_m
    away = top[:2] - base.xyz[:2]
    ahead = float(np.arctan2(away[1], away[0]))
    for tilt, height in CLOSER:
        for turn in (0.0, 0.5, -0.5, 1.0, -1.0, 3.14):
            if tilt > 0 and abs(turn) > 1.2:
                continue
            found = configurations(body, leaning(top, ahead + turn, tilt, height))[:2]
            goals = [q for q in found if free(body, scene, q, width_m=widest)]
            if goals:
                return go(body, scene, goals, width_m=widest).status is Status.SUCCEEDED
    return False


def still_there(body: Body, thing: Thing, sighting: Sighting) -> bool:
    """Whether most of what the head saw of the thing is seen in the same place as before."""
    _, seen = see(body)
    name = main_camera(body)
    old, new = sighting.views[name], seen[name]
    if old.points.shape != new.points.shape:
        return False
    cells = {tuple(c) for c in np.floor(thing.points / 0.004).astype(np.int64).tolist()}
    mine = np.array([tuple(c) in cells for c in np.floor(old.points.reshape(-1, 3) / 0.004).astype(np.int64).tolist()])
    mask = mine.reshape(old.seen.shape) & old.seen
    if int(mask.sum()) < 8:
        return False
    same = new.seen[mask] & (np.linalg.norm(new.points[mask] - old.points[mask], axis=1) < 0.006)
    return float(same.mean()) > 0.6


def _headroom(body: Body, point: Float) -> float:
    known = surface_at(body, point)
    return float(np.inf) if known is None else known.headroom_m
