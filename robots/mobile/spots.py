"""Where a held thing can be put down: spots where it will stand, and how low the hand can bring it there.

Frames: odom, z up. A spot is a pose of the thing's frame (middle of its underside).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from robots.geometry import Pose
from robots.mobile.load import Load
from robots.mobile.relief import CELL_M, Relief
from robots.spec import RobotSpec

Float = NDArray[np.float64]

GAP_M = 0.012
"""Free space around what is put down on a surface."""
LEVEL_M = 0.006
"""A surface is level where it differs by no more."""
SPREAD_M = 0.010
"""How far each finger opens from what it lets go."""
YAWS = 8


@dataclass(frozen=True, kw_only=True, eq=False)
class Spot:
    """thing: odom_T_thing where it is let go, `fall_m` above where it will rest; tool: odom_T_tool then.

    cost: lower is better.
    """

    thing: Pose
    tool: Pose
    fall_m: float
    cost: float


def on_surface(
    spec: RobotSpec, load: Load, relief: Relief, wishes: Iterable[tuple[Float, float]], *, gap_m: float = GAP_M
) -> list[Spot]:
    """Level, free spots of the relief's support at places [2] with the costs given beside them, best first."""
    out, wished, yaws = [], list(wishes), _yaws(load)
    if not wished:
        return []
    places = np.array([xy for xy, _ in wished])[:, None, None]
    highest = np.stack([_under(relief, load, places, yaw, gap_m).max(axis=(1, 2)) for yaw in yaws], axis=1)
    for (xy, cost), tops in zip(wished, highest, strict=True):
        for yaw in yaws[tops <= relief.support_m + LEVEL_M]:
            spot = _settled(spec, load, relief, xy, yaw, relief.support_m)
            if spot is not None and spot.fall_m < 0.012:
                out.append(Spot(**{**vars(spot), "cost": cost + 0.002 * abs(yaw) + spot.fall_m}))
                break
    return sorted(out, key=lambda spot: spot.cost)


def in_hollow(
    spec: RobotSpec, load: Load, relief: Relief, middle: Float, radius_m: float, *, most_fall_m: float
) -> list[Spot]:
    """Spots in or on something around `middle` [2]: as low as it gets, and near the middle; best first."""
    out = []
    steps = np.arange(-radius_m, radius_m + 1e-6, max(0.008, radius_m / 6))
    for dx in steps:
        for dy in steps:
            away = float(np.hypot(dx, dy))
            if away > radius_m:
                continue
            xy = middle + np.array([dx, dy])
            for yaw in _yaws(load):
                under = _under(relief, load, xy, yaw, 0.002)
                rest = float(under.max())
                spot = _settled(spec, load, relief, xy, yaw, rest)
                if spot is None or spot.fall_m > most_fall_m:
                    continue
                # Not on an edge: most of what is below it is about as high as where it rests, or it rests all around.
                tips = float(np.mean(under > rest - 0.015)) < 0.15
                cost = (
                    (rest - relief.support_m)
                    + 0.5 * away
                    + 0.5 * spot.fall_m
                    + (0.05 if tips else 0.0)
                    + 0.001 * abs(yaw)
                )
                out.append(Spot(**{**vars(spot), "cost": cost}))
    return sorted(out, key=lambda spot: spot.cost)


def _yaws(load: Load) -> Float:
    """Turns of the thing; of one that is held level any, since the hand comes from where it can."""
    count = 2 * YAWS if load.level else YAWS
    return np.asarray((np.arange(count) * 2 * np.pi / count + np.pi) % (2 * np.pi) - np.pi)


def _under(relief: Relief, load: Load, xy: Float, yaw: float, gap_m: float) -> Float:
    """float64[...,U,V]: heights under the thing's footprint, grown by a gap, at xy [2] or [...,1,1,2]."""
    u, v = (np.arange(-h - gap_m, h + gap_m + CELL_M, 2 * CELL_M) for h in load.size_m)
    c, s = np.cos(yaw), np.sin(yaw)
    a, b = np.meshgrid(u, v, indexing="ij")
    return relief.at(xy + np.stack([c * a - s * b, s * a + c * b], axis=-1))


def _settled(spec: RobotSpec, load: Load, relief: Relief, xy: Float, yaw: float, rest_m: float) -> Spot | None:
    """The thing as low over `rest_m` as the hand can bring it, at xy [2] turned by yaw."""
    thing = Pose.from_xyz_yaw([xy[0], xy[1], rest_m + 0.001], yaw)
    tool = thing @ load.tool_T_thing.inverse()
    raised = 0.0
    if not load.level:
        rotation = tool.rotation
        heading = float(np.arctan2(rotation[1, 0], rotation[0, 0]))
        across = rotation[:2, 1]
        opened = min(load.width_m + 2 * SPREAD_M, spec.gripper_max_width_m)
        away = opened / 2 + spec.finger_thickness_m / 2
        half = (spec.finger_breadth_m / 2, spec.finger_thickness_m / 2 + 0.002)
        fingers = max(relief.highest(tool.xyz[:2] + s * away * across, heading, half) for s in (-1, 1))
        palm = relief.highest(tool.xyz[:2], heading, spec.palm_half_m)
        low = max(fingers + 0.003 + spec.fingertip_m, palm + 0.006 - spec.finger_depth_m + spec.fingertip_m)
        raised = max(0.0, low - float(tool.xyz[2]))
    up = np.array([0.0, 0.0, raised])
    return Spot(
        thing=Pose(xyz=thing.xyz + up, quat_xyzw=thing.quat_xyzw),
        tool=Pose(xyz=tool.xyz + up, quat_xyzw=tool.quat_xyzw),
        fall_m=raised,
        cost=0.0,
    )
