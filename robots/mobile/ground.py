"""The floor as a base finds it: where the map and what is seen leave room to stand and to drive. Frames: world."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from robots.geometry import Pose
from robots.mobile.glance import main_camera
from robots.mobile.load import load_parts
from robots.mobile.planar import believed, flat
from robots.mobile.shapes import base_shape
from robots.mobile.sight import odom_T_world, view, within
from robots.mobile.solids import inside_solids
from robots.places import RoomMap
from robots.planning.free_space import FreeSpace
from robots.planning.obstacles import Box, Cloud
from robots.planning.scene import Scene
from robots.planning.shape import RobotShape
from robots.primitives.base import Body

Float = NDArray[np.float64]

MARGIN_M, SPARE_M = 0.03, 0.004
FLOOR_M, KNOWN_M = 0.04, 0.06
"""Points lower than this are the floor; points so near to the map's furniture are furniture."""
STRIDE = 3
"""Of the pixels that are looked at while driving."""
AREA_M = 4.0


def obstacles_seen(body: Body) -> Float:
    """float64[N,3] m, world: what the main camera sees above the floor that is neither the robot nor on the map."""
    observation = body.robot.observe()
    state = observation.state
    one = view(body.robot.spec, observation.frames[main_camera(body)], state, load_parts(body), stride=STRIDE)
    points = odom_T_world(state).inverse().apply(one.cloud)
    points = points[(points[:, 2] > FLOOR_M) & (points[:, 2] < 1.8)]
    if body.map is not None and len(points):
        points = points[~inside_solids(points, body.map.solids_now(body.ajar), KNOWN_M)]
    return np.asarray(points)


def ground(body: Body, points: Float) -> Scene:
    """The map and points [N,3] (world) as a scene in the world."""
    known = _known(body.map, area(body), tuple(sorted(body.ajar.items())))
    return known.with_cloud(Cloud(points=points)) if len(points) else known


@lru_cache(maxsize=4)
def _known(
    rooms: RoomMap | None, area_m: tuple[float, float, float, float], ajar: tuple[tuple[str, float], ...]
) -> Scene:
    """The map alone, with parts open as far as `ajar` says."""
    solids = () if rooms is None else rooms.solids_now(dict(ajar))
    boxes = [Box(pose=s.pose, half_m=np.maximum(s.half_m, 0.004), name=s.name) for s in solids]
    x0, y0, x1, y1 = area_m
    low, high = np.array([x0 - 0.3, y0 - 0.3, 0.0]), np.array([x1 + 0.3, y1 + 0.3, 1.9])
    return Scene(boxes, lower_m=low, upper_m=high, cell_m=0.05)


def area(body: Body) -> tuple[float, float, float, float]:
    """x from, y from, x to, y to of the floor."""
    if body.map is not None:
        return body.map.area_m
    x, y = body.robot.state().world_T_base.xyz[:2]
    return (x - AREA_M, y - AREA_M, x + AREA_M, y + AREA_M)


def standable(body: Body) -> Callable[[Float], bool]:
    """Whether the robot, its arm folded, or as it carries what it holds, may drive to a place [3] (odom), by the map
    and by what the head sees."""
    spec, state = body.robot.spec, body.robot.state()
    load = load_parts(body)
    shape = base_shape(spec, state.arm_q if load else spec.home_q_rad, load)
    scene = ground(body, off_robot(shape, flat(believed(state)), obstacles_seen(body)))
    space = FreeSpace(shape, scene, resolution=np.full(3, 0.1), margin_m=MARGIN_M + SPARE_M)
    by = odom_T_world(state).inverse()
    return lambda place: bool(space.free(flat(by @ Pose.from_xyz_yaw([*place[:2], 0.0], float(place[2])))[None])[0])


def off_robot(shape: RobotShape, at: Float, points: Float) -> Float:
    """Points [N,3] that are not where the robot stands: it touches nothing there, whatever it sees of its own load."""
    if len(points) == 0:
        return points
    return np.asarray(points[~within(points, shape.centres(at[None])[0], shape.radii_m + 2 * MARGIN_M)])
