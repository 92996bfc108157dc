"""Observation -> model inputs. The only copy: training, torch inference and the robot all come through here."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from robots.interface import Observation, RobotState

PIXEL_MEAN, PIXEL_STD = 0.5, 0.25
STATE = ("holding", "gripper_width / 0.08 m", "tool_x m", "tool_y m", "tool_z m")
"""What the numbers of `state_input` are."""


def image_input(rgb: NDArray[np.uint8], image_px: int) -> NDArray[np.float32]:
    """uint8[H,W,3] of any size -> float32[3,image_px,image_px], area-averaged, about zero mean and unit variance."""
    if rgb.ndim != 3 or rgb.shape[2] != 3 or rgb.dtype != np.uint8:
        raise ValueError(f"a picture is uint8[H,W,3], not {rgb.dtype}{list(rgb.shape)}")
    small = cv2.resize(rgb, (image_px, image_px), interpolation=cv2.INTER_AREA)
    scaled = (small.astype(np.float32) / 255.0 - PIXEL_MEAN) / PIXEL_STD
    return np.ascontiguousarray(scaled.transpose(2, 0, 1))


def state_input(state: RobotState) -> NDArray[np.float32]:
    """float32[5]: holding (0 or 1), gripper width in units of 8 cm, tool x, y, z in the base frame in metres."""
    tool = state.world_T_base.inverse().apply(state.world_T_tool.xyz)
    return np.array([float(state.holding), state.gripper_width_m / 0.08, *tool], dtype=np.float32)


def cell_from_pixel(point: tuple[float, float], height: int, width: int, map_grid: int) -> tuple[float, float]:
    """(row, col) px of an H x W picture -> (row, col) in cells of the map, cell centres at integers."""
    row, col = point
    return (row + 0.5) * map_grid / height - 0.5, (col + 0.5) * map_grid / width - 0.5


def pixel_from_cell(cell: tuple[float, float], height: int, width: int, map_grid: int) -> tuple[int, int]:
    """The inverse of `cell_from_pixel`, rounded to a pixel of the picture."""
    row = round((cell[0] + 0.5) * height / map_grid - 0.5)
    col = round((cell[1] + 0.5) * width / map_grid - 0.5)
    return min(max(row, 0), height - 1), min(max(col, 0), width - 1)


def soft_peak(logits: NDArray[np.float32]) -> tuple[float, float]:
    """(row, col) in cells: the mean of the softmax in the 3 x 3 cells round the highest of logits [M,M]."""
    grid = logits.shape[0]
    row, col = divmod(int(np.argmax(logits)), grid)
    r0, r1, c0, c1 = max(row - 1, 0), min(row + 2, grid), max(col - 1, 0), min(col + 2, grid)
    patch = np.exp(logits[r0:r1, c0:c1] - logits[row, col])
    patch = patch / patch.sum()
    return float(patch.sum(1) @ np.arange(r0, r1)), float(patch.sum(0) @ np.arange(c0, c1))


def planner_inputs(observation: Observation, image_px: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Image float32[3,px,px] and state float32[5] of an observation.

    Raises:
        KeyError: where it has no frame of the planner's camera.
    """
    if observation.camera not in observation.frames:
        raise KeyError(
            f"the planner looks through camera '{observation.camera}'; here there is {sorted(observation.frames)}"
        )
    return image_input(observation.main.rgb, image_px), state_input(observation.state)
