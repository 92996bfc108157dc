"""A camera for people who watch a robot drive through rooms: from high in a corner, turned to the robot."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pybullet as p
from numpy.typing import NDArray

from sim.camera import CameraSpec
from sim.mobile import MobileArm
from sim.world import World

HIGH_M, ASIDE_M = 2.32, 0.1
LEAST_M, BEST_M = 1.3, 2.8
"""Nearer than the first, from above, the camera looks down on the robot's head."""
WIDE_M = 1.25
"""So far to both sides of the robot the picture goes, as far as its angle of view may be."""
NARROWEST_RAD = float(np.deg2rad(38.0))


class Follower:
    """Chooses the corner that sees the robot, and stays there as long as it does, so that a film has few cuts."""

    def __init__(self, room: tuple[float, float, float, float]) -> None:
        """room: x and y from and to, m, world."""
        x0, y0, x1, y1 = room
        self._eyes = [
            np.array([x, y, HIGH_M]) for y in (y0 + ASIDE_M, y1 - ASIDE_M) for x in (x0 + ASIDE_M, x1 - ASIDE_M)
        ]
        self._eye: NDArray[np.float64] | None = None

    def camera(self, world: World) -> CameraSpec:
        """The scene's camera, moved and turned."""
        arm = world.arm
        assert isinstance(arm, MobileArm), "what stands still needs no camera that follows"
        base = arm.world_T_base.xyz
        aim = np.array([*(0.5 * base[:2] + 0.5 * arm.tool().xyz[:2]), 0.85])
        marks = (aim, arm.tool().xyz, base + [0.0, 0.0, 0.4])
        if self._eye is None or not self._good(world, self._eye, marks):
            # The more is seen the better, then by distance.
            self._eye = max(self._eyes, key=lambda eye: (self._seen(world, eye, marks), -abs(_away(eye, aim) - BEST_M)))
        widest = world.camera.fov_y_rad
        angle = float(np.clip(2 * np.arctan(WIDE_M / _away(self._eye, aim)), min(NARROWEST_RAD, widest), widest))
        x, y, z = (float(v) for v in self._eye)
        return replace(world.camera, position_m=(x, y, z), target_m=tuple(aim.tolist()), fov_y_rad=angle)

    def _good(self, world: World, eye: NDArray[np.float64], marks: tuple[NDArray[np.float64], ...]) -> bool:
        return self._seen(world, eye, marks) == len(marks)

    @staticmethod
    def _seen(world: World, eye: NDArray[np.float64], marks: tuple[NDArray[np.float64], ...]) -> int:
        """How many marks nothing but the robot and what it holds is before; none from too near."""
        if float(np.hypot(*(eye - marks[0])[:2])) < LEAST_M:
            return 0
        hits = (p.rayTest(eye.tolist(), mark.tolist(), physicsClientId=world.client)[0] for mark in marks)
        loose = {world.body_id(name) for name in world.names}
        return sum(hit[0] in {-1, world.arm.body, *loose} for hit in hits)


def _away(eye: NDArray[np.float64], aim: NDArray[np.float64]) -> float:
    return float(np.linalg.norm(eye - aim))
