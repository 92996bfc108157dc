"""Room for the hand: which tool yaws and heights leave the fingers and the palm free of what stands around."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from robots.planning.height_map import HeightMap
from robots.spec import RobotSpec

Float = NDArray[np.float64]

TIP_GAP_M = 0.003
PALM_GAP_M = 0.004
SPREAD_M = 0.007
"""How far each finger opens from what it lets go."""
FINGER_BANDS_M = ((0.0, 0.0), (0.0155, 0.004), (0.0205, 0.019))
"""A finger grows thicker upwards: (thickness from which on, height above its tip there), from its mesh: 14.3 mm at the
tip, 25.3 mm at 35 mm above it."""
FINGER_MOST_M = 0.026
"""Its greatest thickness."""


def tool_axes(yaw_rad: float) -> tuple[Float, Float]:
    """Unit vectors float64[2] of the tool's x and y (along which the fingers open) when it points down."""
    c, s = float(np.cos(yaw_rad)), float(np.sin(yaw_rad))
    return np.array([c, s]), np.array([s, -c])


def near_base_yaw(yaw_rad: float, xy: Float) -> float:
    """`yaw_rad`, or its half turn (the same grasp), whichever turns the wrist less at `xy` [2] m."""
    ahead = float(np.arctan2(xy[1], xy[0]))
    return ahead + float((yaw_rad - ahead + np.pi / 2) % np.pi - np.pi / 2)


@dataclass(frozen=True, kw_only=True)
class Room:
    """How high the finger tips and the palm must be to clear what is under the hand, in metres."""

    fingers_m: float
    palm_m: float

    def lowest_tool_m(self, spec: RobotSpec) -> float:
        """The least height of the tool point at which nothing is touched."""
        palm = spec.finger_depth_m - spec.fingertip_m
        return max(self.fingers_m + TIP_GAP_M + spec.fingertip_m, self.palm_m + PALM_GAP_M - palm)


def room(spec: RobotSpec, heights: HeightMap, tool_xy: Float, yaw_rad: float, width_m: float) -> Room:
    """What lies under the hand at `tool_xy` [2] m with its fingers `width_m` apart."""
    _, along = tool_axes(yaw_rad)
    fingers = 0.0
    for i, (inner, above) in enumerate(FINGER_BANDS_M):
        outer = FINGER_BANDS_M[i + 1][0] if i + 1 < len(FINGER_BANDS_M) else FINGER_MOST_M
        away = (width_m / 2 + (inner + outer) / 2) * along
        both = np.stack([tool_xy - away, tool_xy + away])
        highest = heights.highest(both, yaw_rad, (spec.finger_breadth_m / 2, (outer - inner) / 2))
        fingers = max(fingers, float(highest.max()) - above)
    palm = heights.highest(tool_xy[None], yaw_rad, spec.palm_half_m)
    return Room(fingers_m=fingers, palm_m=float(palm[0]))
