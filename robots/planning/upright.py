"""Ways along which what is held stays upright: leaning too far counts as touching something."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from robots.planning.free_space import FreeSpace
from robots.planning.scene import Scene
from robots.planning.shape import RobotShape

Float = NDArray[np.float64]
Sampled = tuple[Float, Float, Float]


class UprightSpace(FreeSpace):
    """Configurations that are free and whose last frame, the tool's, has `up` [3] (unit, in that frame) within
    `most_rad` of the world's z. In clearances the spare cosine stands last, where others are metres."""

    def __init__(
        self, shape: RobotShape, scene: Scene, *, resolution: Float, up: Float, most_rad: float, margin_m: float = 0.01
    ) -> None:
        super().__init__(shape, scene, resolution=resolution, margin_m=margin_m)
        self._up, self._least = np.asarray(up, dtype=np.float64), float(np.cos(most_rad))
        self.need = np.append(self.need, 0.0)

    def clearance(self, q: Float) -> tuple[Float, Float]:
        """As `FreeSpace.clearance`, with one column more."""
        clearance, centres = super().clearance(q)
        spare = self.shape.frames(q)[:, -1, 2, :3] @ self._up - self._least
        return np.concatenate([clearance, spare[:, None]], axis=1), centres

    def worst(self, q: Float) -> tuple[float, str]:
        spare = float(self.clearance(q[None])[0][0, -1])
        least, where = super().worst(q) if spare >= 0.0 else (spare, "")
        return (least, where) if spare >= 0.0 else (spare, "what is held would lean")

    def _doubtful(self, a: Sampled, b: Sampled) -> NDArray[np.bool_]:
        return super()._doubtful((a[0], a[1][:, :-1], a[2]), (b[0], b[1][:, :-1], b[2]))
