"""The balls of TIAGo Pro: base, column, what the lift carries (torso, head, left arm), right arm and hand."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np

from robots.geometry import Pose
from robots.kinematics import kinematics
from robots.planning.shape import Part, capsule, filled_box
from robots.spec import RobotSpec

LIFT, FLANGE_M = 1, 0.152
"""The lift's frame; how far the hand's flange is behind the tool point."""
LEFT_ARM_M = (
    (0.09, 0.16, -0.10), (0.22, 0.20, -0.22), (0.07, 0.31, -0.22), (-0.09, 0.34, -0.20), (-0.01, 0.39, -0.05),
    (0.07, 0.35, 0.09), (-0.02, 0.38, 0.07), (-0.17, 0.36, 0.18),
)  # fmt: skip
"""Its joints from the shoulder on, and its finger tips, in the lift's frame."""
ARM_RADIUS_M, HAND_RADIUS_M, FINGER_RADIUS_M = 0.065, 0.05, 0.012
TORSO_M, TORSO_HALF_M = (-0.12, 0.0, -0.15), (0.25, 0.20, 0.235)


def tiago_pro_parts(spec: RobotSpec, width_m: float) -> tuple[Part, ...]:
    """The robot with its fingers `width_m` apart."""
    frames = kinematics(spec).frames(spec.home_q_rad)
    own = [
        *filled_box(0, Pose.from_xyz_yaw([0.0, 0.0, 0.15]), [0.355, 0.245, 0.13], 0.13),
        *capsule(0, (-0.0525, 0.0, 0.35), (-0.0525, 0.0, 0.80), 0.135),
    ]
    moving = [
        *filled_box(LIFT, Pose.from_xyz_yaw(TORSO_M), TORSO_HALF_M, 0.12),
        *capsule(LIFT, (0.0, 0.0, 0.14), (0.03, 0.0, 0.27), 0.14),
    ]
    for start, end in pairwise(LEFT_ARM_M):
        moving += capsule(LIFT, start, end, ARM_RADIUS_M)
    for i in range(LIFT, len(frames) - 2):
        there = np.linalg.inv(frames[i]) @ frames[i + 1][:, 3]
        moving += capsule(i + 1, (0.0, 0.0, 0.0), there[:3].tolist(), ARM_RADIUS_M)
    moving += capsule(-1, (0.0, 0.0, -FLANGE_M), (0.0, 0.0, -0.085), HAND_RADIUS_M)
    tip = spec.fingertip_m - FINGER_RADIUS_M / 2
    for y in (-1, 1):
        aside = y * (width_m / 2 + spec.finger_thickness_m / 2)
        moving += capsule(-1, (0.0, aside, tip - 0.05), (0.0, aside, tip), FINGER_RADIUS_M)
    return (*(replace(part, anchored=True) for part in own), *moving)
