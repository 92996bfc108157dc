"""Grasps from above with the hand slanted, for arms that hang from a lift: there a hand that points down gets no higher
than its own length below the arm.

From every grasp from above: the same place between the fingers, the hand tilted about the line along which they close,
as far as fingers and palm keep clear of the relief.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from robots.geometry import Pose
from robots.kinematics import Kinematics
from robots.mobile.grasps import OVER_M, GraspPlan, both
from robots.mobile.relief import Relief
from robots.mobile.sight import odom_T_base
from robots.mobile.stream import follow
from robots.mobile.things import Thing
from robots.planning.motion import Pace
from robots.primitives.base import Body
from robots.spec import RobotSpec

Float = NDArray[np.float64]

TILTS_RAD = (0.0, 0.3, 0.55, 0.8, 1.0)
LIFT_M = 0.18
"""A grasp from which what is held can be lifted by less costs more."""
LOW_COST, TILT_COST = 2.0, 0.012
TOWARDS = -0.1
"""Cosine of how far aside a slanted hand may point from where the robot stands."""
WIDER_M = (0.03, 0.015, 0.0)
PALM_M = 0.006
KEPT = 60
RAIL_COST = 0.10
"""Of a metre that the base goes for a grasp: it takes time, and wheels slip."""


def slanted(
    spec: RobotSpec, arm: Kinematics, thing: Thing, relief: Relief, plans: list[GraspPlan], ahead: Float
) -> list[GraspPlan]:
    """The plans, all pointing down, and others tilted from them; best first. ahead: [2], from robot to thing."""
    sight = ahead / max(float(np.linalg.norm(ahead)), 1e-9)
    tops = {tilt: highest(spec, arm, tilt) for tilt in TILTS_RAD}
    out: list[GraspPlan] = []
    for plan in plans:
        x = plan.tool.rotation[:2, 0]
        for side in (1.0, -1.0):
            towards = float(side * x @ sight)
            # A hand that points down has no side that it comes from.
            for tilt in TILTS_RAD if towards > TOWARDS else TILTS_RAD[:1]:
                pose = _tilted(spec, plan, side, tilt, thing.support_m)
                room = tops[tilt] - float(pose.xyz[2])
                if room < 0.03:
                    continue
                opening = _opening(spec, relief, pose, plan.open_m, upright=tilt == 0.0)
                if opening is None:
                    continue
                cost = plan.cost + LOW_COST * max(0.0, LIFT_M - room) + TILT_COST * tilt
                cost += 0.01 * (1.0 - towards) if tilt > 0.0 else 0.0
                out.append(replace(plan, tool=pose, open_m=opening, cost=cost))
    return sorted(out, key=lambda plan: plan.cost)


def highest(spec: RobotSpec, arm: Kinematics, tilt: float) -> float:
    """How high the tool gets when it is tilted so far from pointing down, m."""
    q = np.array(spec.posture)
    q[1], q[4] = spec.q_upper_rad[1], max(tilt - np.pi / 2, float(spec.q_lower_rad[4]))
    return float(arm.tool(q).xyz[2])


def _tilted(spec: RobotSpec, plan: GraspPlan, side: float, tilt: float, support_m: float) -> Pose:
    """The tool leaning towards its own x (side 1) or away from it, its lowest corner as low as the tips were."""
    turn = side * tilt
    c, s = np.cos(turn), np.sin(turn)
    about = np.eye(4)
    # About the tool's own y: z goes towards x.
    about[:3, :3] = [[c, 0.0, s], [0.0, 1.0, 0.0], [-s, 0.0, c]]
    pose = plan.tool @ Pose.from_matrix(about)
    tip = float(plan.tool.xyz[2]) - spec.fingertip_m
    low = spec.fingertip_m * np.cos(tilt) + spec.finger_breadth_m / 2 * np.sin(tilt)
    z = max(tip, support_m + OVER_M) + low
    return Pose(xyz=np.array([*plan.tool.xyz[:2], z]), quat_xyzw=pose.quat_xyzw)


def _opening(spec: RobotSpec, relief: Relief, tool: Pose, open_m: float, *, upright: bool) -> float | None:
    """How far the fingers open: farther than they must where there is room, since wheels slip; None: no room.

    upright: `open_m` itself was found free already."""
    for more in WIDER_M:
        wide = min(open_m + more, spec.gripper_max_width_m)
        if (more == 0.0 and upright) or _clear(spec, relief, tool, wide):
            return wide
    return None


def _clear(spec: RobotSpec, relief: Relief, tool: Pose, open_m: float) -> bool:
    """Whether fingers that far open, and the palm, stand in nothing."""
    along = np.linspace(-(spec.finger_depth_m - spec.fingertip_m), spec.fingertip_m, 12)
    aside = open_m / 2 + spec.finger_thickness_m * np.array([0.1, 0.5, 1.0])
    edges = (-spec.finger_breadth_m / 2, 0.0, spec.finger_breadth_m / 2)
    points = [[x, side * y, z] for z in along for side in (-1, 1) for y in aside for x in edges]
    fingers = tool.apply(np.array(points))
    if float((relief.at(fingers[:, :2]) - fingers[:, 2]).max()) > 0.001:
        return False
    top = spec.fingertip_m - spec.finger_depth_m
    a, b = np.linspace(-0.05, 0.05, 5), np.linspace(-0.04, 0.04, 5)
    palm = tool.apply(np.array([[x, y, z] for x in a for y in b for z in (top, top - 0.05)]))
    return float((relief.at(palm[:, :2]) - palm[:, 2]).max()) < -PALM_M


def along_rail(body: Body, plans: list[GraspPlan]) -> list[GraspPlan]:
    """The best plans that the arm reaches, those first for which the base hardly moves; then some of the others. What
    is far away is reached by the most slanted alone, which are dear: so none is left out before that is known."""
    base = odom_T_base(body.robot.state())
    reached: list[GraspPlan] = []
    rest: list[GraspPlan] = []
    for plan in plans:
        if len(reached) == KEPT:
            break
        ways = [body.kinematics.reach(base.inverse() @ one.tool, body.robot.spec.posture) for one in both(plan)]
        gone = [abs(float(way.q[0])) for way in ways if way.converged]
        if gone:
            reached.append(replace(plan, cost=plan.cost + RAIL_COST * min(gone)))
        else:
            rest.append(plan)
    return sorted(reached, key=lambda plan: plan.cost) + rest[:KEPT]


def raise_hand(body: Body, height_m: float, most_rad: float) -> None:
    """Tilts the hand up by no more than most_rad until the tool is `height_m` above the floor, if it is lower."""
    arm, spec = body.kinematics, body.robot.spec
    start = np.array(body.robot.state().arm_q)
    goal = start.copy()
    for more in np.arange(0.0, most_rad + 1e-9, 0.05):
        goal[4] = min(start[4] + more, float(spec.q_upper_rad[4]))
        if arm.tool(goal).xyz[2] >= height_m:
            break
    if goal[4] - start[4] > 1e-3:
        follow(body, body.planner.to_q(start, goal, pace=Pace(velocity=0.3, acceleration=0.3)).q, width_m=0.0)
