"""The boxes of a map as they are now: in another frame, which points are in them, and how far away they are.

Shape letters: N, S points; B boxes.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from robots.geometry import Pose
from robots.mobile.sieve import Sieve
from robots.mobile.sight import odom_T_world
from robots.places import Solid
from robots.primitives.base import Body

Float = NDArray[np.float64]
Mask = NDArray[np.bool_]


def moved(solids: Sequence[Solid], by: Pose) -> list[Solid]:
    """Boxes moved by `by`, or in another frame: by_T_world."""
    return [Solid(name=s.name, pose=by @ s.pose, half_m=s.half_m, part=s.part) for s in solids]


def fixed_here(body: Body) -> list[Solid]:
    """The map's walls and furniture, parts as far open as the robot knows, in odom; none without a map."""
    return [] if body.map is None else moved(body.map.solids_now(body.ajar), odom_T_world(body.robot.state()))


def inside_solids(points: Float, solids: Sequence[Solid], margin_m: float) -> Mask:
    """bool[N]: points [N,3] in or within a margin of boxes, level; above a box only 2 mm count."""
    out = np.zeros(len(points), dtype=np.bool_)
    if len(points) == 0:
        return out
    sieve = Sieve(points)
    for solid in solids:
        some = sieve.around(solid.pose, solid.half_m + margin_m)
        if len(some) == 0:
            continue
        local = solid.pose.inverse().apply(points[some])
        beyond = np.abs(local) - solid.half_m
        level = np.maximum(beyond[:, 0], beyond[:, 1])
        out[some] |= (level < margin_m) & (local[:, 2] < solid.half_m[2] + 0.002) & (beyond[:, 2] < margin_m)
    return out


class Boxes:
    """Boxes that distances are asked of."""

    def __init__(self, solids: Sequence[Solid]) -> None:
        self._rotation = np.array([s.pose.rotation for s in solids]).reshape(-1, 3, 3)
        self._xyz = np.array([s.pose.xyz for s in solids]).reshape(-1, 3)
        self._half = np.array([s.half_m for s in solids]).reshape(-1, 3)

    def distance(self, points: Float) -> Float:
        """float64[S] m from points [S,3] to the nearest box; below 0 inside; infinite without boxes."""
        if len(self._xyz) == 0:
            return np.full(len(points), np.inf)
        local = np.einsum("bij,sbi->sbj", self._rotation, points[:, None] - self._xyz)
        beyond = np.abs(local) - self._half
        outside = np.linalg.norm(np.maximum(beyond, 0.0), axis=-1) + np.minimum(beyond.max(axis=-1), 0.0)
        return np.asarray(outside.min(axis=1))
