"""Trouble with what the robot sees: noise, exposure, somebody before the camera, pictures that come late."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from robots.interface import CameraFrame, Observation
from sim.disturb.base import Trouble

NOISE_RGB, NOISE_DEPTH, LOST = 5.0, 0.001, 0.004
"""Standard deviations: of a colour (of 255), of depth at 1 m (it grows with the square: Nguyen, Izadi and Lovell 2012,
for structured light); and the share of pixels without depth."""
GAIN = (0.65, 1.4)
HAND_M = 0.35
HAND_RGB = (222, 172, 140)


class _OfPictures(Trouble):
    """One that changes each frame while it is on."""

    after_s = (0.0, 0.5)
    lasts = True

    def strike(self) -> str:
        self.on = True
        return ""

    def seen(self, observation: Observation) -> Observation:
        frames = {name: self.changed(frame) for name, frame in observation.frames.items()}
        return replace(observation, frames=frames)

    @abstractmethod
    def changed(self, frame: CameraFrame) -> CameraFrame: ...


class Noise(_OfPictures):
    """Sensor noise on colours and depth, and holes in the depth, from then on."""

    def strike(self) -> str:
        self.on = True
        return "the camera became noisy"

    def changed(self, frame: CameraFrame) -> CameraFrame:
        rng = self.rng
        rgb = np.clip(frame.rgb + rng.normal(0.0, NOISE_RGB, frame.rgb.shape), 0, 255).astype(np.uint8)
        depth = frame.depth_m
        noisy = depth + rng.normal(0.0, NOISE_DEPTH, depth.shape) * depth**2
        noisy[(depth == 0) | (rng.random(depth.shape) < LOST)] = 0
        return _changed(frame, rgb, noisy.astype(np.float32))


class Exposure(_OfPictures):
    """The camera is exposed too long or too short, from then on."""

    _gain = 1.0

    def strike(self) -> str:
        self._gain, self.on = float(self.rng.uniform(*GAIN)), True
        return f"the exposure changed by {self._gain:.2f}"

    def changed(self, frame: CameraFrame) -> CameraFrame:
        return _changed(frame, np.clip(frame.rgb * self._gain, 0, 255).astype(np.uint8), frame.depth_m)


class Occlusion(_OfPictures):
    """A hand before the camera, for one or two looks."""

    _looks = 0

    def strike(self) -> str:
        self._looks, self.on = int(self.rng.integers(1, 3)), True
        self._box = self.rng.uniform([0.0, 0.0, 0.25, 0.25], [0.7, 0.7, 0.5, 0.5])
        return "a hand came before the camera"

    def seen(self, observation: Observation) -> Observation:
        self._looks -= 1
        self.on = self._looks > 0
        return super().seen(observation)

    def changed(self, frame: CameraFrame) -> CameraFrame:
        height, width = frame.depth_m.shape
        top, left, tall, wide = self._box
        rows = slice(int(top * height), int((top + tall) * height))
        cols = slice(int(left * width), int((left + wide) * width))
        rgb, depth = frame.rgb.copy(), frame.depth_m.copy()
        rgb[rows, cols], depth[rows, cols] = HAND_RGB, HAND_M
        return _changed(frame, rgb, depth)


class Late(Trouble):
    """One observation is not fresh: it is the one before."""

    after_s = (0.0, 0.2)
    lasts = True
    _before: Observation | None = None

    def strike(self) -> str:
        self.on = True
        return "an observation came late"

    def noticed(self, observation: Observation) -> None:
        """What was seen, whether or not it is on."""
        self._before = observation

    def seen(self, observation: Observation) -> Observation:
        self.on = False
        return self._before or observation


def _changed(frame: CameraFrame, rgb: NDArray[np.uint8], depth_m: NDArray[np.float32]) -> CameraFrame:
    return CameraFrame(rgb=rgb, depth_m=depth_m, intrinsics=frame.intrinsics, world_T_camera=frame.world_T_camera)
