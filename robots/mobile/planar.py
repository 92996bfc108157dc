"""Where a base stands on the floor: x, y and yaw."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from robots.geometry import Pose
from robots.interface import RobotState

Float = NDArray[np.float64]


def believed(state: RobotState) -> Pose:
    """Where the robot believes to base_at."""
    return state.world_T_base


def flat(pose: Pose) -> Float:
    """float64[3]: x m, y m, yaw rad."""
    return np.array([pose.xyz[0], pose.xyz[1], pose.yaw_rad])


def base_at(place: Float) -> Pose:
    """The pose of a base at `place` [3]: x, y, yaw."""
    return Pose.from_xyz_yaw([place[0], place[1], 0.0], float(place[2]))
