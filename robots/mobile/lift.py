"""Lifting what the fingers have closed around: straight up, or out from between boards. Frames: odom."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from robots.geometry import Pose
from robots.interface import Status
from robots.mobile.clearance import free, surroundings
from robots.mobile.close_look import Sighting
from robots.mobile.grasps import GraspPlan
from robots.mobile.reach import tool
from robots.mobile.shift import back_away
from robots.mobile.sight import odom_T_base
from robots.mobile.slanted import raise_hand
from robots.mobile.stream import straight, straight_way
from robots.planning.scene import Scene
from robots.primitives.base import Body

Float = NDArray[np.float64]

LIFT_M, LOW_LIFT_M = 0.18, 0.04
"""Straight up after closing; the second under a shelf, or where the arm gets no higher."""
ROOM_M = 0.1
"""Between what is lifted and what is above it."""
LIFTS = ((LIFT_M, 0.0), (LIFT_M, 0.08), (LIFT_M, 0.16), (LOW_LIFT_M, 0.0))
"""Up, and towards the robot, in the order in which they are tried."""
SLIDING_LIFTS = ((LIFT_M, 0.0), (0.14, 0.0), (0.10, 0.0), (0.07, 0.0), (LOW_LIFT_M, 0.0))
"""An arm on a lift gains no height by drawing back."""
RAISED_M, DEEP_M, HOLLOW_RAD, SOLID_RAD = 0.21, 0.04, 0.4, 0.9
"""A hand that hangs from a lift gains the height that is then missing by tilting up, with vessels so deep by less."""
ABOVE_LIFT_M, LEAST_LIFT_M, OUT_M = 0.012, 0.008, (0.30, 0.24, 0.18, 0.10)
"""What is lifted between boards stays so far from what is above, is lifted by the second at least, and is then drawn
out so far."""


def lift(body: Body, sighting: Sighting, plan: GraspPlan) -> None:
    """What the fingers have closed around off what it stands on, as far as there is room above it."""
    thing = sighting.thing
    room_m = sighting.headroom_m - thing.height_m
    close_above = room_m < LIFT_M + ROOM_M
    if close_above and plan.level:
        if _draw_out(body, surroundings(body, sighting.others), room_m=room_m) < OUT_M[1]:
            back_away(body, heading(body))
        return
    _lift_straight(body, under=close_above)
    if body.robot.spec.slides and not close_above:
        deep = thing.hollow and thing.height_m > DEEP_M
        raise_hand(body, plan.tool.xyz[2] + RAISED_M, HOLLOW_RAD if deep else SOLID_RAD)


def heading(body: Body) -> Float:
    """float64[2]: where the hand points, level; of one that points down, where it is from the base."""
    here = tool(body)
    ahead = here.rotation[:2, 2]
    if float(np.linalg.norm(ahead)) < 0.2:
        ahead = here.xyz[:2] - odom_T_base(body.robot.state()).xyz[:2]
    return np.asarray(ahead / max(float(np.linalg.norm(ahead)), 1e-6))


def _draw_out(body: Body, scene: Scene, *, room_m: float) -> float:
    """A little up, as the arm finds room between boards, then level and back, as far as it goes, which is returned.
    room_m: free height above what is held."""
    most = float(np.clip(room_m - ABOVE_LIFT_M, LEAST_LIFT_M, LOW_LIFT_M))
    for up in (most, 0.6 * most, LEAST_LIFT_M):
        here = tool(body)
        higher = Pose(xyz=here.xyz + [0.0, 0.0, up], quat_xyzw=here.quat_xyzw)
        if _goes(body, scene, higher) or up == LEAST_LIFT_M:
            straight(body, higher, speed_m_s=0.15, width_m=0.0)
            break
    here = tool(body)
    back = -heading(body)
    for away_m in OUT_M:
        there = Pose(xyz=here.xyz + np.array([*(away_m * back), 0.0]), quat_xyzw=here.quat_xyzw)
        if _goes(body, scene, there):
            straight(body, there, speed_m_s=0.2, width_m=0.0)
            return away_m
    return 0.0


def _goes(body: Body, scene: Scene, goal: Pose) -> bool:
    """Whether the arm gets straight there and is clear, the hand aside."""
    way = straight_way(body, body.robot.state().arm_q, goal, speed_m_s=0.2)
    return way is not None and free(body, scene, way[-1], width_m=0.0, hand=False)


def _lift_straight(body: Body, *, under: bool) -> None:
    """Straight up, or where the arm gets no higher there, up and towards the robot; under: something is close above."""
    here = tool(body)
    inwards = odom_T_base(body.robot.state()).xyz[:2] - here.xyz[:2]
    inwards = inwards / max(float(np.linalg.norm(inwards)), 1e-6)
    low = ((LOW_LIFT_M, 0.0),)
    for up, pull in low if under else SLIDING_LIFTS if body.robot.spec.slides else LIFTS:
        higher = Pose(xyz=here.xyz + np.array([*(pull * inwards), up]), quat_xyzw=here.quat_xyzw)
        if straight(body, higher, speed_m_s=0.25, width_m=0.0).status is not Status.UNREACHABLE:
            break
