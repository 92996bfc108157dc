"""Which pixel stands for which object: the ground truth that teachers point with and students learn."""

from __future__ import annotations

import numpy as np

from agent.grounding import project
from robots.interface import CameraFrame
from sim.lexicon import CONTAINER_KINDS, HEIGHT_M
from sim.render import FIRST_OBJECT_ID, Picture
from sim.world import World

FLOOR_M = 0.004
"""Above its underside: where a container is pointed at, the middle of its floor."""
LEAST_PIXELS = 6
"""An object of which fewer pixels are seen is hidden."""


def points(world: World, picture: Picture, frame: CameraFrame) -> dict[str, tuple[int, int] | None]:
    """(row, col) px for every object of the world: the middle of its top face, or of a container's floor.

    Where something hides that spot, the nearest pixel of the object that is seen (containers keep their middle: what
    lies in them hides it as a rule). None where the object is hidden.
    """
    found: dict[str, tuple[int, int] | None] = {}
    height, width = picture.ids.shape
    for i, name in enumerate(world.names):
        rows, cols = np.nonzero(picture.ids == FIRST_OBJECT_ID + i)
        if len(rows) < LEAST_PIXELS:
            found[name] = None
            continue
        spec = world.object_spec(name)
        container = spec.kind in CONTAINER_KINDS
        up = FLOOR_M if container else HEIGHT_M[spec.kind, spec.size]
        (row, col), _ = project(frame, world.pose(name).apply([0.0, 0.0, up]))
        row_px, col_px = round(row), round(col)
        inside = 0 <= row_px < height and 0 <= col_px < width
        if not inside or (not container and picture.ids[row_px, col_px] != FIRST_OBJECT_ID + i):
            nearest = int(np.argmin((rows - row) ** 2 + (cols - col) ** 2))
            row_px, col_px = int(rows[nearest]), int(cols[nearest])
        found[name] = (row_px, col_px)
    return found
