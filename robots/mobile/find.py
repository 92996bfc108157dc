"""Looking for the thing at a point: first as the head stands, then with the head turned to it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from robots.mobile.glance import face, main_camera, see
from robots.mobile.sight import View, odom_T_world
from robots.mobile.solids import fixed_here
from robots.mobile.things import AT_M, Thing, support_below, thing_at
from robots.places import Surface
from robots.primitives.base import Body

Float = NDArray[np.float64]


def surface_at(body: Body, point: Float) -> Surface | None:
    """The map's surface under a point [3] (odom)."""
    if body.map is None:
        return None
    return body.map.surface_at(odom_T_world(body.robot.state()).inverse().apply(point), ajar=body.ajar)


def support_at(body: Body, head: View, point: Float) -> float:
    """Height of what stands under a point (heights are the same in odom and in the world): the map's, else as seen."""
    known = surface_at(body, point)
    return known.height_m if known is not None else support_below([head], point)


def find(body: Body, point: Float, *, within_m: float = AT_M) -> tuple[Thing | None, dict[str, View], float]:
    """The thing at `point` [3] (odom) that the head sees, all views by which it was looked for, and the height of what
    it stands on. The head ends turned to it."""
    camera, fixed = main_camera(body), fixed_here(body)
    _, seen = see(body)
    support = support_at(body, seen[camera], point)
    before = thing_at([seen[camera]], point, support, fixed, within_m=within_m)
    face(body, point if before is None else before.middle)
    _, seen = see(body)
    support = support_at(body, seen[camera], point)
    start = point if before is None else nearest(before.points, point)
    thing = thing_at([seen[camera]], start, support, fixed, within_m=within_m)
    if thing is None or (before is not None and len(thing.points) < 0.5 * len(before.points)):
        thing = before
    return thing, seen, support


def nearest(points: Float, to: Float) -> Float:
    """Of points [N,3] the one nearest to another."""
    return np.asarray(points[int(np.argmin(np.linalg.norm(points - to, axis=1)))])
