"""Where the camera stands and how the scene is lit; both renderers draw from these."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from robots.geometry import Pose

Vector = tuple[float, float, float]


@dataclass(frozen=True, kw_only=True)
class CameraSpec:
    """A pinhole camera that looks from position_m at target_m (world, metres), upright: its x axis is level.

    fov_y_rad: vertical field of view. near_m, far_m: nothing nearer or farther along z is drawn.
    The defaults see the table from opposite the robot: image right is +y, image down (nearer the viewer) is +x.
    """

    position_m: Vector = (1.15, 0.0, 1.0)
    target_m: Vector = (0.44, 0.0, 0.06)
    fov_y_rad: float = float(np.deg2rad(36))
    width: int = 224
    height: int = 224
    near_m: float = 0.05
    far_m: float = 4.0

    def __post_init__(self) -> None:
        if not 0 < self.fov_y_rad < np.pi or self.width < 1 or self.height < 1 or not 0 < self.near_m < self.far_m:
            raise ValueError(f"not a camera: {self}")
        if np.hypot(*np.subtract(self.target_m, self.position_m)[:2]) < 1e-6:
            raise ValueError(f"a camera that looks straight up or down has no level x axis: {self}")

    def with_size(self, width: int, height: int) -> CameraSpec:
        """The same view with other pixels."""
        return replace(self, width=width, height=height)

    @property
    def intrinsics(self) -> NDArray[np.float64]:
        """float64[3,3], pixels, pixel centres at integer coordinates: the picture's middle is ((W-1)/2, (H-1)/2)."""
        focal = self.height / 2 / np.tan(self.fov_y_rad / 2)
        return np.array([[focal, 0, (self.width - 1) / 2], [0, focal, (self.height - 1) / 2], [0, 0, 1]])

    @property
    def world_T_camera(self) -> Pose:
        """x right, y down, z forward."""
        forward = np.subtract(self.target_m, self.position_m)
        forward = forward / np.linalg.norm(forward)
        right = np.cross(forward, [0.0, 0.0, 1.0])
        right /= np.linalg.norm(right)
        matrix = np.eye(4)
        matrix[:3, :3] = np.column_stack([right, np.cross(forward, right), forward])
        matrix[:3, 3] = self.position_m
        return Pose.from_matrix(matrix)

    @property
    def view(self) -> NDArray[np.float64]:
        """OpenGL's view matrix float64[4,4] (x right, y up, z backward), to multiply columns from the left."""
        return np.diag([1.0, -1.0, -1.0, 1.0]) @ self.world_T_camera.inverse().matrix

    @property
    def projection(self) -> NDArray[np.float64]:
        """OpenGL's projection matrix float64[4,4], clip z from -w to w."""
        focal, near, far = 1 / np.tan(self.fov_y_rad / 2), self.near_m, self.far_m
        matrix = np.zeros((4, 4))
        matrix[0, 0], matrix[1, 1] = focal * self.height / self.width, focal
        matrix[2, 2:] = -(far + near) / (far - near), -2 * far * near / (far - near)
        matrix[3, 2] = -1
        return matrix


@dataclass(frozen=True, kw_only=True)
class LightSpec:
    """One lamp, infinitely far away, and the light that comes from everywhere.

    direction: towards the lamp, world. A surface of colour c that faces the lamp shows min(1, c * (ambient + diffuse)).
    shadow: share of the lamp's light that its shadows take away; TinyRenderer draws none.
    background_rgb: what is seen beside the table, 0 to 1.
    """

    direction: Vector = (0.5, 0.35, 1.0)
    ambient: float = 0.55
    diffuse: float = 0.5
    shadow: float = 0.5
    background_rgb: Vector = (0.72, 0.75, 0.78)

    @property
    def unit_direction(self) -> NDArray[np.float64]:
        direction = np.array(self.direction, dtype=np.float64)
        unit: NDArray[np.float64] = direction / np.linalg.norm(direction)
        return unit
