"""How a scene looks: camera, light and table colour, drawn around the usual ones."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from sim.camera import CameraSpec, LightSpec
from sim.lexicon import RGB


def _triple(values: ArrayLike) -> tuple[float, float, float]:
    x, y, z = (float(v) for v in np.asarray(values))
    return x, y, z


def sample_camera(rng: np.random.Generator) -> CameraSpec:
    """About 3 cm and 3 degrees around the usual place."""
    usual = CameraSpec()
    return CameraSpec(
        position_m=_triple(np.array(usual.position_m) + rng.uniform([-0.03, -0.04, -0.03], [0.04, 0.04, 0.04])),
        target_m=_triple(np.array(usual.target_m) + rng.uniform(-0.015, 0.015, 3)),
        fov_y_rad=usual.fov_y_rad + float(rng.uniform(-0.02, 0.02)),
    )


def sample_lights(rng: np.random.Generator) -> LightSpec:
    """A lamp somewhere above, soft to hard, before a pale wall."""
    angle, lean = rng.uniform(-np.pi, np.pi), rng.uniform(0.1, 0.7)
    ambient = float(rng.uniform(0.45, 0.65))
    return LightSpec(
        direction=_triple([lean * np.cos(angle), lean * np.sin(angle), 1.0]),
        ambient=ambient,
        diffuse=float(rng.uniform(0.95, 1.1) - ambient),
        shadow=float(rng.uniform(0.25, 0.65)),
        background_rgb=_triple(rng.uniform(0.5, 0.85) + rng.uniform(-0.05, 0.05, 3)),
    )


TABLES: tuple[RGB, ...] = (
    (0.62, 0.55, 0.47), (0.72, 0.60, 0.44), (0.50, 0.40, 0.31), (0.80, 0.76, 0.70), (0.66, 0.68, 0.70),
    (0.33, 0.35, 0.38), (0.22, 0.22, 0.24), (0.84, 0.84, 0.82), (0.55, 0.60, 0.55), (0.58, 0.52, 0.58),
)  # fmt: skip
"""Woods, stones, cloths."""
_TABLE_CONTRAST = 0.22


def sample_table(rng: np.random.Generator, rgbs: Sequence[RGB]) -> RGB:
    """A table colour that nothing on it comes too near to; where all do, the least near of twenty."""
    best: tuple[float, RGB] = (-1.0, TABLES[0])
    for _ in range(20):
        near = np.array(TABLES[rng.integers(len(TABLES))]) + rng.uniform(-0.06, 0.06, 3)
        rgb = _triple(np.clip(near, 0.05, 0.95))
        contrast = min((float(np.linalg.norm(np.subtract(rgb, other))) for other in rgbs), default=1.0)
        if contrast >= _TABLE_CONTRAST:
            return rgb
        best = max(best, (contrast, rgb))
    return best[1]
