"""What a policy says: the tool's next 0.8 s as sixteen steps, relative to where the tool is now.

A step is float[7]: way of the tool (m) and turn (rotation vector, rad) from where it is now, along the axes of the
stroke's frame, and the width between the fingers (m); divided by SCALE. Chunks of actions: Zhao et al. 2023 (ACT,
section IV-A); relative to the present pose: Chi et al. 2024 (UMI, section IV-C).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from robots.geometry import Pose, matrix_from_quat, quat_from_axis_angle

Float = NDArray[np.float64]

STEPS, STEP_S, USED = 16, 0.05, 8
"""Of a chunk's steps, 50 ms each, the first half are done before the policy looks again."""
WIDTH = 7
SCALE = np.array([0.08, 0.08, 0.08, 0.4, 0.4, 0.4, 0.04])
MIRROR = np.array([1, -1, 1, -1, 1, -1, 1], dtype=np.float32)
"""In a mirror that swaps left and right."""


def encode(world_T_f: Pose, world_T_tool: Pose, poses: list[Pose], widths_m: Float) -> NDArray[np.float32]:
    """float32[K,7]: K poses of the tool in the world, with widths [K] m, as a chunk from world_T_tool."""
    axes = world_T_f.rotation
    out = np.empty((len(poses), WIDTH))
    now = world_T_tool.rotation
    for row, pose in zip(out, poses, strict=True):
        row[:3] = axes.T @ (pose.xyz - world_T_tool.xyz)
        row[3:6] = axes.T @ rotation_vector(pose.rotation @ now.T)
    out[:, 6] = widths_m
    return np.asarray(out / SCALE, dtype=np.float32)


def decode(chunk: NDArray[np.float32], world_T_f: Pose, world_T_tool: Pose) -> tuple[list[Pose], Float]:
    """Poses of the tool in the world and widths float64[K] m of a chunk float32[K,7]."""
    steps = np.asarray(chunk, dtype=np.float64) * SCALE
    axes, now = world_T_f.rotation, world_T_tool.rotation
    poses = []
    for step in steps:
        turn = axes @ step[3:6]
        angle = float(np.linalg.norm(turn))
        rotation = matrix_from_quat(quat_from_axis_angle(turn, angle)) if angle > 1e-9 else np.eye(3)
        matrix = np.eye(4)
        matrix[:3, :3] = rotation @ now
        matrix[:3, 3] = world_T_tool.xyz + axes @ step[:3]
        poses.append(Pose.from_matrix(matrix))
    return poses, steps[:, 6]


def rotation_vector(rotation: Float) -> Float:
    """Axis times angle float64[3] of a rotation matrix [3,3] that turns by less than half a turn."""
    skew = 0.5 * np.array(
        [rotation[2, 1] - rotation[1, 2], rotation[0, 2] - rotation[2, 0], rotation[1, 0] - rotation[0, 1]]
    )
    sine = float(np.linalg.norm(skew))
    if sine < 1e-9:
        return np.zeros(3)
    return np.asarray(skew * (np.arctan2(sine, 0.5 * (np.trace(rotation) - 1.0)) / sine))
