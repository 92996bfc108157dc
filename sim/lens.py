"""A camera as it is: not quite where its robot's description has it, with a lens that bends and a sensor that is noisy.

A picture is drawn several times finer than it is, through a pinhole that sees more, bent as the lens bends, and its
pixels are means of what falls on them. So edges fall between pixels as on a sensor, and nothing is jagged.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray

from robots.geometry import Pose
from robots.parts import CameraMount
from sim.camera import PoseCamera
from sim.late import LateFrame, Moment

Float = NDArray[np.float64]

SPARE_PX = 4.0
MOST_BEND = 0.6
"""How much wider the pinhole may have to see."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Lens:
    """A camera on its link. intrinsics: float64[3,3] px of a picture of width x height. distortion: float64[5], k1, k2,
    p1, p2, k3. noise: standard deviation of a pixel, of 255. fine: how many times finer it is drawn, each way."""

    link_T_camera: Pose
    intrinsics: Float
    width: int
    height: int
    distortion: Float
    noise: float = 2.0
    fine: int = 3

    def described(self, mount: CameraMount) -> Float:
        """float64[3,3]: what the robot's description says of pictures of this size; what a driver that was never told
        better would say."""
        k, x, y = mount.intrinsics, self.width / mount.width, self.height / mount.height
        return np.array([[k[0, 0] * x, 0, (k[0, 2] + 0.5) * x - 0.5], [0, k[1, 1] * y, (k[1, 2] + 0.5) * y - 0.5],
                         [0, 0, 1]])  # fmt: skip

    @cached_property
    def _wide(self) -> tuple[Float, int, int]:
        """The pinhole that sees all that the lens sees: intrinsics and size, not yet finer."""
        columns, rows = np.arange(self.width), np.arange(self.height)
        edge = np.concatenate(
            [
                [(c, r) for c in columns for r in (0, self.height - 1)],
                [(c, r) for r in rows for c in (0, self.width - 1)],
            ]
        ).astype(np.float64)
        straight = self._straight(edge)
        k = self.intrinsics.copy()
        px = straight * [k[0, 0], k[1, 1]] + k[:2, 2]
        low, high = px.min(axis=0) - SPARE_PX, px.max(axis=0) + SPARE_PX
        size = np.ceil(high - low).astype(int)
        if (size > (1 + MOST_BEND) * np.array([self.width, self.height])).any():
            raise ValueError(f"a lens can't bend so much: {self.distortion.tolist()}")
        k[:2, 2] -= np.floor(low)
        return k, int(size[0]) + 2, int(size[1]) + 2

    def _straight(self, px: Float) -> Float:
        """float64[N,2]: x/z and y/z of what is seen at pixels [N,2]."""
        until = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 60, 1e-9)
        found = cv2.undistortPoints(px[:, None], self.intrinsics, self.distortion, R=np.eye(3), criteria=until)
        return np.asarray(found, dtype=np.float64)[:, 0]

    @cached_property
    def _maps(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Where in the fine pinhole's picture each fine pixel of this lens lies."""
        k, _, _ = self._wide
        fine = self.fine
        columns = (np.arange(self.width * fine) + 0.5) / fine - 0.5
        rows = (np.arange(self.height * fine) + 0.5) / fine - 0.5
        x, y = np.meshgrid(columns, rows)
        straight = self._straight(np.column_stack([x.ravel(), y.ravel()]))
        px = (straight * [k[0, 0], k[1, 1]] + k[:2, 2] + 0.5) * fine - 0.5
        shaped = px.reshape(*x.shape, 2).astype(np.float32)
        return np.ascontiguousarray(shaped[..., 0]), np.ascontiguousarray(shaped[..., 1])

    def pinhole(self, world_T_camera: Pose) -> PoseCamera:
        """What is drawn: finer, and wider than the lens sees."""
        k, width, height = self._wide
        fine = self.fine
        return PoseCamera(
            world_T_camera=world_T_camera, fx_px=float(k[0, 0]) * fine, fy_px=float(k[1, 1]) * fine,
            cx_px=(float(k[0, 2]) + 0.5) * fine - 0.5, cy_px=(float(k[1, 2]) + 0.5) * fine - 0.5, width=width * fine,
            height=height * fine, near_m=0.02,
        )  # fmt: skip

    def seen(
        self, rgb: NDArray[np.uint8], depth_m: NDArray[np.float32], rng: np.random.Generator
    ) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
        """uint8[H,W,3] and float32[H,W] of the pinhole's picture."""
        size = (self.width, self.height)
        bent = cv2.remap(rgb, *self._maps, cv2.INTER_LINEAR)
        colour = np.asarray(cv2.resize(bent, size, interpolation=cv2.INTER_AREA), dtype=np.float32)
        if self.noise > 0:
            colour += rng.normal(0.0, self.noise, colour.shape).astype(np.float32)
        far = np.asarray(cv2.remap(depth_m, *self._maps, cv2.INTER_NEAREST), dtype=np.float32)
        middle = np.ascontiguousarray(far[self.fine // 2 :: self.fine, self.fine // 2 :: self.fine])
        return np.clip(np.round(colour), 0, 255).astype(np.uint8), middle


class LensFrame(LateFrame):
    """A frame through a lens, drawn when it is looked at; of the moment when it was taken. seed: of its noise."""

    def __init__(
        self,
        moment: Moment,
        name: str,
        lens: Lens,
        *,
        intrinsics: Float,
        world_T_camera: Pose,
        measured_m: tuple[float, float],
        seed: tuple[int, ...],
    ) -> None:
        super().__init__(moment, name, intrinsics=intrinsics, world_T_camera=world_T_camera, measured_m=measured_m)
        vars(self).update(_lens=lens, _seed=seed)

    @cached_property
    def _both(self) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
        own = vars(self)
        moment: Moment = own["_moment"]
        lens: Lens = own["_lens"]
        picture = moment.pictures[own["_name"]]
        rgb, depth_m = lens.seen(picture.rgb, picture.depth_m, np.random.default_rng(own["_seed"]))
        near_m, far_m = own["_measured_m"]
        return rgb, np.where((depth_m >= near_m) & (depth_m <= far_m), depth_m, np.float32(0))

    @cached_property
    def rgb(self) -> NDArray[np.uint8]:
        return self._both[0]

    @cached_property
    def depth_m(self) -> NDArray[np.float32]:
        return self._both[1]
