"""Grasps from above with the hand leant back, for what is then put under something, or stands under a board itself."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from robots.mobile.grasps import OVER_M, PALM_M, GraspPlan
from robots.mobile.relief import Relief
from robots.mobile.tool_poses import level_pose
from robots.spec import RobotSpec

Float = NDArray[np.float64]

LEANS_RAD, LEAN_COST, LOW_TIP_M = (0.785, 0.52), 1.0, 0.03
"""How far a hand leans that takes from above what it then puts under something; high up it needs much room above."""
UNDER_RAD = (1.05,)
"""How far it leans, too, to take something from under a board."""
RAISES_M, LEANT_IN_M = (0.0, 0.01, 0.02, 0.03), 0.012
"""Its palm would meet what is deep: the tips stay so much higher, and so far below what is between them at least."""


def leant(
    spec: RobotSpec, plan: GraspPlan, relief: Relief, away: Float, leans: tuple[float, ...] = LEANS_RAD
) -> GraspPlan | None:
    """A grasp from above with the hand leant back about the opening of its fingers, so that it comes aslant along
    `away` [2], by the first of `leans` for which the palm meets nothing, and as deep as it then gets; None where there
    is none."""
    found = (_leant(spec, plan, relief, away, lean, up) for lean in leans for up in RAISES_M)
    return next((one for one in found if one is not None), None)


def _leant(
    spec: RobotSpec, plan: GraspPlan, relief: Relief, away: Float, lean: float, up: float
) -> GraspPlan | None:  # fmt: skip
    heading = plan.tool.rotation[:2, 0] / max(float(np.linalg.norm(plan.tool.rotation[:2, 0])), 1e-9)
    ahead = heading if float(heading @ away) >= 0 else -heading
    c, s = np.cos(lean), np.sin(lean)
    z = np.array([*(s * ahead), -c])
    # The breadth of a finger's tip leans with it.
    tip = plan.tool.xyz + [0.0, 0.0, up - spec.fingertip_m + s * spec.finger_breadth_m / 2]
    yaw = float(np.arctan2(ahead[1], ahead[0]))
    deep = relief.highest(tip[:2], yaw, (spec.finger_breadth_m / 2, plan.width_m / 2)) - float(tip[2])
    if up and deep < LEANT_IN_M:
        return None
    if tip[2] - s * spec.finger_breadth_m / 2 < relief.support_m + OVER_M:
        tip[2] = relief.support_m + OVER_M + s * spec.finger_breadth_m / 2
    # The palm's lowest edge; before it its face rises, behind it the hand.
    edge = s * spec.finger_depth_m + c * spec.palm_half_m[0]
    low = c * spec.finger_depth_m - s * spec.palm_half_m[0] - PALM_M
    for back in np.arange(0.02, 0.14, 0.01):
        room = tip[2] + low + (float(back - edge) * c / s if back > edge else float(edge - back) * s / c)
        if relief.highest(tip[:2] - back * ahead, yaw, (0.005, spec.palm_half_m[1])) > room:
            return None
    tool = level_pose(tip - spec.fingertip_m * z, yaw, np.pi / 2 - lean)
    aside = abs(float(ahead @ np.array([-away[1], away[0]]))) / max(float(np.linalg.norm(away)), 1e-9)
    return replace(
        plan,
        tool=tool,
        level=True,
        pitch_rad=np.pi / 2 - lean,
        back_m=max(plan.back_m, 0.10),
        cost=plan.cost + 0.03 * aside + 0.5 * up + LEAN_COST * max(0.0, float(tip[2]) - relief.support_m - LOW_TIP_M),
    )
