"""A grasp: where the tool is with the fingers around a thing, and how it gets there. Frames: odom."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from robots.geometry import Pose
from robots.mobile.tool_poses import HALF_TURN

ROOM_M = (0.010, 0.006, 0.0035)
"""Between each finger and the thing before it closes: as much of this as there is room for."""
OVER_M = 0.003
"""The finger tips stay this far above what is below them."""
PALM_M = 0.005
"""The palm stays this far off what is between the fingers."""
KEPT = 40
"""So many grasps of a kind, the best, are kept."""


@dataclass(frozen=True, kw_only=True, eq=False)
class GraspPlan:
    """tool: odom_T_tool with the fingers around the thing. open_m, width_m: between the fingers before and, as
    expected, after closing. back_m: how far back along the tool's z the straight approach begins. level: from the side,
    the hand pointing pitch_rad downwards.

    cost: lower is better, about metres of lever.
    """

    tool: Pose
    open_m: float
    width_m: float
    back_m: float
    level: bool
    cost: float
    pitch_rad: float = 0.0

    @property
    def start(self) -> Pose:
        """odom_T_tool where the straight approach begins."""
        return self.tool @ Pose.from_xyz_yaw([0.0, 0.0, -self.back_m])


def turned_over(plan: GraspPlan) -> GraspPlan:
    """The same grasp with the hand the other way round."""
    return replace(plan, tool=plan.tool @ HALF_TURN)


def both(plan: GraspPlan) -> tuple[GraspPlan, GraspPlan]:
    """A plan, and the hand the other way round."""
    return plan, turned_over(plan)


def apart(plans: list[GraspPlan]) -> list[GraspPlan]:
    """The best, without those that are nearly a better one."""
    kept: list[GraspPlan] = []
    for plan in plans:
        if len(kept) < KEPT and not known(plan.tool, kept):
            kept.append(plan)
    return kept


def known(tool: Pose, kept: list[GraspPlan]) -> bool:
    """Whether there is one within 8 mm and 10 degrees of it."""
    return any(
        float(np.linalg.norm(k.tool.xyz - tool.xyz)) < 0.008 and abs(float(k.tool.quat_xyzw @ tool.quat_xyzw)) > 0.996
        for k in kept
    )
