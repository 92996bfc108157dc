"""What a picture taken at home tells of the thing in the hand: the fingers hide its top, not its lower edge."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from robots.geometry import Pose
from robots.primitives.base import Body, Grasp
from robots.primitives.surface import Cloud

AROUND_M = 0.045
"""Half the width of the space below the tips that is searched."""
BELOW_M = 0.09
EDGE_M = 0.002
"""The lower edge lies half a pixel below the lowest one seen."""
SURPRISE_M = 0.009
"""A difference that is no matter of pixels: then the picture is believed."""


def hanging_m(cloud: Cloud, world_T_tool: Pose, fingertip_m: float) -> float | None:
    """How far below the tool point the held thing reaches, in metres; None where nothing shows below the tips."""
    x, y, z = np.moveaxis(cloud.points - world_T_tool.xyz, -1, 0)
    shown = (np.abs(x) < AROUND_M) & (np.abs(y) < AROUND_M) & (z < -fingertip_m - 0.002) & (z > -BELOW_M)
    return float(-z[shown].min()) + EDGE_M if int(shown.sum()) >= 4 else None


def remembered(body: Body, cloud: Cloud) -> Grasp | None:
    """What the hand holds: as remembered, corrected by sight, or from sight alone where the memory is gone."""
    state = body.robot.state()
    drop_m = hanging_m(cloud, state.world_T_tool, body.robot.spec.fingertip_m)
    grasp = body.grasp
    if grasp is None:
        if not state.holding:
            return None
        half = state.gripper_width_m / 2
        drop_m = drop_m if drop_m is not None else half
        return Grasp(
            words="thing",
            width_m=2 * half,
            drop_m=drop_m,
            half_m=(half, half),
            offset_m=np.zeros(2),
            height_m=2 * drop_m,
        )
    if drop_m is not None and grasp.offset_m @ grasp.offset_m < 1e-9 and abs(drop_m - grasp.drop_m) > SURPRISE_M:
        return replace(grasp, drop_m=drop_m)
    return grasp
