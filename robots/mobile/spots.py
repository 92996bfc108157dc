"""Where a held thing can be put down: spots where it will stand, and how low the hand can bring it there.

Frames: odom, z up. A spot is a pose of the thing's frame (middle of its underside).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

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
LEANING = 0.2
"""Of a hand's length that is level: a hand that leans comes from where its arm is, too."""
ASLANT_RAD = (0.0, 0.3, -0.3, 0.6, -0.6)
"""A hand that does not point down comes as the robot looks, or so far off that."""
TURN_COST = 0.05
CLEAR_M, CROWD_M, CROWD_COST = (0.01, 0.02, 0.03), 0.012, 0.02
"""In a hollow: room around what is put down that is better had; what stands up by so much there counts, and what each
of the three that is missing costs."""
BESIDE_M = 0.01
"""Room beside the hand between walls, where other things lie and lean."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Spot:
    """thing: odom_T_thing where it is let go, `fall_m` above where it will rest; tool: odom_T_tool then.

    spare_fall_m: how much farther it may fall. cost: lower is better. walls_m: what is around it rises so high above
    where it will rest.
    """

    thing: Pose
    tool: Pose
    fall_m: float
    cost: float
    spare_fall_m: float = 0.0
    walls_m: float = 0.0


def on_surface(
    spec: RobotSpec, load: Load, relief: Relief, wishes: Iterable[tuple[Float, float]], here: Float, *,
    gap_m: float = GAP_M,
) -> list[Spot]:  # fmt: skip
    """Level, free spots of the relief's support at places [2] with the costs given beside them, best first. here:
    float64[2], where the robot stands: a hand that does not point down comes from there."""
    out = []
    wished = list(wishes)
    turns = np.array([_yaws(load, xy - here, spec) for xy, _ in wished]).reshape(len(wished), -1, 2)
    if not wished:
        return []
    places = np.array([xy for xy, _ in wished])[:, None, None]
    highest = [_under(relief, load, places, yaw[:, None, None], gap_m).max(axis=(1, 2)) for yaw in turns[..., 0].T]
    level = np.stack(highest, axis=1) <= relief.support_m + LEVEL_M
    for (xy, cost), ways, fit in zip(wished, turns, level, strict=True):
        for yaw, turn in ways[fit].tolist():
            spot = _settled(spec, load, relief, xy, yaw, relief.support_m)
            if spot is not None and spot.fall_m < 0.012:
                out.append(replace(spot, cost=cost + (TURN_COST if load.level else 0.002) * turn + spot.fall_m))
                if not load.level:
                    break
    return sorted(out, key=lambda spot: spot.cost)


def in_hollow(
    spec: RobotSpec, load: Load, relief: Relief, places: Iterable[tuple[Float, float]], here: Float, *,
    most_fall_m: float, walls_m: float = 0.0,
) -> list[Spot]:  # fmt: skip
    """Spots in or on something at places [2] with how far they are from its middle: as low as it gets, clear of what
    stands there, and near the middle; best first. here: as in `on_surface`. walls_m: how deep the hollow is."""
    out = []
    for xy, away in places:
        for yaw, turn in _yaws(load, xy - here, spec):
            under = _under(relief, load, xy, yaw, 0.002)
            rest = float(under.max())
            spot = _settled(spec, load, relief, xy, yaw, rest, beside_m=BESIDE_M if walls_m else 0.0)
            if spot is None or spot.fall_m > most_fall_m:
                continue
            walls = max(0.0, relief.support_m + walls_m - rest)
            # Not on an edge: most of what is below it is about as high as where it rests, or it rests all around.
            tips = float(np.mean(under > rest - 0.015)) < 0.15
            crowded = sum(float(_under(relief, load, xy, yaw, gap).max()) > rest + CROWD_M for gap in CLEAR_M)
            cost = (
                (rest - relief.support_m)
                + 0.5 * away
                + 0.5 * spot.fall_m
                + CROWD_COST * crowded
                + (0.05 if tips else 0.0)
                + (TURN_COST if load.level else 0.001) * turn
            )
            out.append(replace(spot, cost=cost, spare_fall_m=most_fall_m - spot.fall_m, walls_m=walls))
    return sorted(out, key=lambda spot: spot.cost)


def _yaws(load: Load, ahead: Float, spec: RobotSpec) -> list[tuple[float, float]]:
    """Turns of the thing, and what of a turn each is; of one whose hand does not point down those for which the hand
    comes about along `ahead` [2]."""
    into = load.tool_T_thing.inverse().rotation[:2, 2]
    if not load.level and not (spec.slides and float(np.linalg.norm(into)) > LEANING):
        turns = (np.arange(YAWS) * 2 * np.pi / YAWS + np.pi) % (2 * np.pi) - np.pi
        return [(float(turn), abs(float(turn))) for turn in turns]
    straight = float(np.arctan2(ahead[1], ahead[0]) - np.arctan2(into[1], into[0]))
    return [(straight + turn, abs(turn)) for turn in ASLANT_RAD]


def _under(relief: Relief, load: Load, xy: Float, yaw: float | Float, gap_m: float) -> Float:
    """float64[...,U,V]: heights under the thing's footprint, grown by a gap, at xy [2] or [...,1,1,2] turned by
    yaw, a number or [...,1,1]."""
    u, v = (np.arange(-h - gap_m, h + gap_m + CELL_M, 2 * CELL_M) for h in load.size_m)
    c, s = np.cos(yaw), np.sin(yaw)
    a, b = np.meshgrid(u, v, indexing="ij")
    return relief.at(xy + np.stack([c * a - s * b, s * a + c * b], axis=-1))


def _settled(
    spec: RobotSpec, load: Load, relief: Relief, xy: Float, yaw: float, rest_m: float, *, beside_m: float = 0.0
) -> Spot | None:
    """The thing as low over `rest_m` as the hand can bring it, at xy [2] turned by yaw; beside_m: room around it."""
    thing = Pose.from_xyz_yaw([xy[0], xy[1], rest_m + 0.001], yaw)
    tool = thing @ load.tool_T_thing.inverse()
    raised = 0.0
    if not load.level:
        rotation = tool.rotation
        heading = float(np.arctan2(rotation[1, 0], rotation[0, 0]))
        across = rotation[:2, 1]
        opened = min(load.width_m + 2 * SPREAD_M, spec.gripper_max_width_m)
        away = opened / 2 + spec.finger_thickness_m / 2
        half = (spec.finger_breadth_m / 2 + beside_m, spec.finger_thickness_m / 2 + 0.002 + beside_m)
        wide = (spec.palm_half_m[0] + beside_m, spec.palm_half_m[1] + beside_m)
        fingers = max(relief.highest(tool.xyz[:2] + s * away * across, heading, half) for s in (-1, 1))
        palm = relief.highest(tool.xyz[:2], heading, wide)
        low = max(fingers + 0.003 + spec.fingertip_m, palm + 0.006 - spec.finger_depth_m + spec.fingertip_m)
        raised = max(0.0, low - float(tool.xyz[2]))
    up = np.array([0.0, 0.0, raised])
    return Spot(
        thing=Pose(xyz=thing.xyz + up, quat_xyzw=thing.quat_xyzw),
        tool=Pose(xyz=tool.xyz + up, quat_xyzw=tool.quat_xyzw),
        fall_m=raised,
        cost=0.0,
    )
