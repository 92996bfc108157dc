"""Ways to take hold of a thing from above: small things as a whole, hollow ones by their wall."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from robots.planning.height_map import HeightMap
from robots.primitives.hand import near_base_yaw, room, tool_axes
from robots.primitives.surface import Thing
from robots.spec import RobotSpec

Float = NDArray[np.float64]

DEPTH_M = 0.021
"""The tool goes this far below a top face, or to half the height where that is less."""
LEAST_DEPTH_M = 0.006
WALL_DEPTH_M = 0.010
WALL_M = 0.006
CLEAR_M = 0.004
"""Between the finger tips and what they stand over."""


@dataclass(frozen=True, kw_only=True, eq=False)
class GraspPlan:
    """One grasp: tool_xyz float64[3] m, pointing down at yaw_rad; fingers open_m apart before, width_m expected after.

    half_m, offset_m: as in `Grasp`.
    """

    tool_xyz: Float
    yaw_rad: float
    open_m: float
    width_m: float
    half_m: tuple[float, float]
    offset_m: Float


def plan_grasps(spec: RobotSpec, thing: Thing, heights: HeightMap) -> list[GraspPlan]:
    """Grasps with room for the hand, best first. heights: everything on the table."""
    others = heights.without(thing.points, margin_m=0.004)
    if thing.small:
        return _whole(spec, thing, others)
    return _wall(spec, thing, heights)


def _whole(spec: RobotSpec, thing: Thing, others: HeightMap) -> list[GraspPlan]:
    turns = np.arange(0.0, 180.0, 15.0) if thing.round else np.array([0.0, 90.0])
    ranked: list[tuple[float, GraspPlan]] = []
    for turn in np.radians(turns):
        yaw = near_base_yaw(thing.yaw_rad + float(turn), thing.centre_xy)
        half = thing.half_m if turn < 0.1 or thing.round else (thing.half_m[1], thing.half_m[0])
        width = 2 * (min(half) if thing.round else half[1])
        for spread in (0.026, 0.014):
            opening = min(width + spread, spec.gripper_max_width_m)
            if opening < width + 0.005:
                continue
            space = room(spec, others, thing.centre_xy, yaw, opening)
            wish = max(
                thing.top_m - min(DEPTH_M, (thing.top_m - thing.bottom_m) / 2),
                thing.bottom_m + spec.fingertip_m + CLEAR_M,
            )
            z = max(wish, space.lowest_tool_m(spec), thing.top_m + 0.003 - (spec.finger_depth_m - spec.fingertip_m))
            if z > thing.top_m - LEAST_DEPTH_M:
                continue
            plan = GraspPlan(
                tool_xyz=np.array([*thing.centre_xy, z]),
                yaw_rad=yaw,
                open_m=opening,
                width_m=width,
                half_m=half,
                offset_m=np.zeros(2),
            )
            turned = abs(yaw - float(np.arctan2(thing.centre_xy[1], thing.centre_xy[0])))
            ranked.append((turned + 40 * (z - wish) + (0.5 if spread < 0.02 else 0.0), plan))
    return [plan for _, plan in sorted(ranked, key=lambda item: item[0])]


def _wall(spec: RobotSpec, thing: Thing, heights: HeightMap) -> list[GraspPlan]:
    """Across the wall of a bowl, plate or box: one finger inside, one outside."""
    others = heights.without(thing.points, margin_m=0.004)
    depth = min(WALL_DEPTH_M, thing.top_m / 2)
    z_wish = max(thing.top_m - depth, spec.fingertip_m + CLEAR_M)
    opening = 0.030
    ranked: list[tuple[float, GraspPlan]] = []
    turns = np.arange(0.0, 360.0, 15.0) if thing.round else np.arange(0.0, 360.0, 90.0)
    for turn in np.radians(turns):
        angle = thing.yaw_rad + float(turn)
        outward = np.array([np.cos(angle), np.sin(angle)])
        across = thing.half_m[0] if round(float(np.degrees(turn)) / 90) % 2 == 0 or thing.round else thing.half_m[1]
        grip = thing.centre_xy + (across - WALL_M / 2) * outward
        yaw = near_base_yaw(angle + np.pi / 2, grip)
        _, along = tool_axes(yaw)
        z = max(z_wish, room(spec, others, grip, yaw, opening).lowest_tool_m(spec))
        if z > thing.top_m - min(0.004, depth):
            continue
        side = float(np.sign(along @ outward))
        plan = GraspPlan(
            tool_xyz=np.array([*grip, z]),
            yaw_rad=yaw,
            open_m=opening,
            width_m=WALL_M,
            half_m=(thing.radius_m, thing.radius_m),
            offset_m=np.array([0.0, -side * (across - WALL_M / 2)]),
        )
        turned = abs(yaw - float(np.arctan2(grip[1], grip[0])))
        ranked.append((turned + 40 * (z - z_wish), plan))
    return [plan for _, plan in sorted(ranked, key=lambda item: item[0])]
