"""What the arm must keep clear of, from depth and the map, and whether it does. Frames: odom."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from robots.geometry import Pose
from robots.interface import RobotState
from robots.mobile.load import load_parts
from robots.mobile.shapes import robot_shape
from robots.mobile.sieve import Sieve
from robots.mobile.sight import odom_T_base, odom_T_world, within
from robots.mobile.slide import above_floor
from robots.planning.free_space import FreeSpace
from robots.planning.obstacles import Box, Cloud, Obstacle
from robots.planning.scene import Scene
from robots.planning.shape import RobotShape
from robots.primitives.base import Body

Float = NDArray[np.float64]

MAP_ERROR_M = 0.02
"""A believed place may be off by so much: furniture of the map counts as this much smaller, level; depth shows it."""
LEVEL_M = 0.004
"""Points so near to a board's own height are the board's."""
AROUND_M = 1.3
"""What is farther from the base, level, is left out."""
NEAR_ROBOT_M = 0.03
"""Points seen nearer to the robot than this are left out: it stands there without touching anything."""


def surroundings(body: Body, points: Float) -> Scene:
    """What the arm must keep clear of: points [N,3] seen (odom) and the map's walls and furniture."""
    state = body.robot.state()
    base = odom_T_base(state)
    obstacles: list[Obstacle] = []
    if body.map is not None:
        by = odom_T_world(state)
        for solid in body.map.solids_now(body.ajar):
            pose = by @ solid.pose
            half = np.maximum(solid.half_m - [MAP_ERROR_M, MAP_ERROR_M, 0.0], 0.004)
            local = pose.inverse().apply(base.xyz)
            if float(np.linalg.norm(np.maximum(np.abs(local[:2]) - half[:2], 0.0))) < AROUND_M:
                obstacles.append(Box(pose=pose, half_m=half, name=solid.name))
    near = points[np.abs(points[:, :2] - base.xyz[:2]).max(axis=1) < AROUND_M] if len(points) else points
    if body.robot.spec.slides:
        near = above_floor(near)
    if len(near):
        seen = _off_levels(_thinned(near), [o for o in obstacles if isinstance(o, Box)])
        obstacles.append(Cloud(points=_off_robot(body, state, seen)))
    reach = np.array([AROUND_M, AROUND_M, 0.0])
    return Scene(obstacles, lower_m=base.xyz - reach - [0, 0, 0.05], upper_m=base.xyz + reach + [0, 0, 2.1])


def shape(body: Body, *, width_m: float, base: Pose | None = None) -> RobotShape:
    """The robot where its wheels say it stands, or at `base` (odom), with what it holds."""
    one = robot_shape(body.robot.spec, odom_T_base(body.robot.state()) if base is None else base, width_m=width_m)
    held = load_parts(body)
    return one.holding(held) if held else one


def free(body: Body, scene: Scene, q: Float, *, width_m: float, hand: bool = True, base: Pose | None = None) -> bool:
    """Whether the arm at `q` [J] keeps clear of the scene and of the robot itself; hand=False: the hand may be close to
    what it takes. base: odom_T_base where the robot would stand, by default where it does."""
    return bool(all_free(body, scene, q[None], width_m=width_m, hand=hand, base=base)[0])


def all_free(
    body: Body, scene: Scene, q: Float, *, width_m: float, hand: bool = True, base: Pose | None = None
) -> NDArray[np.bool_]:
    """bool[N]: `free` for each of q [N,J]."""
    if len(q) == 0:
        return np.empty(0, dtype=np.bool_)
    one = shape(body, width_m=width_m, base=base)
    space = FreeSpace(one, scene, resolution=np.full(body.robot.spec.dof, 0.1), margin_m=0.0)
    clear = space.clearance(q)[0] >= space.need
    if not hand:
        met = [part for part in one.parts if not part.anchored]
        clear[:, : len(met)] |= np.array([part.frame == -1 for part in met])
    return np.asarray(clear.all(axis=1))


def _off_robot(body: Body, state: RobotState, points: Float) -> Float:
    one = shape(body, width_m=state.gripper_width_m)
    return np.asarray(points[~within(points, one.centres(state.arm_q[None])[0], one.radii_m + NEAR_ROBOT_M)])


def _off_levels(points: Float, boxes: Sequence[Box]) -> Float:
    """Points [N,3] that are not on the top or the underside of boxes, whose heights the map knows better than the cells
    of a cloud do: 12 mm matter between two shelves."""
    keep = np.ones(len(points), dtype=np.bool_)
    sieve = Sieve(points)
    for box in boxes:
        some = sieve.around(box.pose, box.half_m + [MAP_ERROR_M, MAP_ERROR_M, LEVEL_M])
        if len(some) == 0:
            continue
        x, y, z = np.abs(box.pose.inverse().apply(points[some])).T
        over = (x < box.half_m[0] + MAP_ERROR_M) & (y < box.half_m[1] + MAP_ERROR_M)
        keep[some] &= ~(over & (np.abs(z - box.half_m[2]) < LEVEL_M))
    return np.asarray(points[keep])


def _thinned(points: Float) -> Float:
    """One point a cell of 1 cm."""
    cells = np.floor(points * 100.0).astype(np.int64)
    key = (cells[:, 0] * 4096 + cells[:, 1]) * 4096 + cells[:, 2]
    return np.asarray(points[np.unique(key, return_index=True)[1]])
