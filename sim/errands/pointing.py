"""Which pixel of the head camera's picture stands for what: things, doors and drawers, buttons, stains: the truth."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from agent.grounding import project
from agent.plan import Point
from robots.geometry import Float
from robots.interface import CameraFrame
from sim.kitchen.fixtures import KitchenFixtures
from sim.points import LEAST_PIXELS, innermost, points, shows
from sim.render import Picture
from sim.world import World


def pointed(world: World, picture: Picture, frame: CameraFrame) -> dict[str, Point | None]:
    """(row, col) px by name; None for what the picture does not show."""
    found: dict[str, Point | None] = dict(points(world, picture, frame))
    fixtures = world.fixtures
    if not isinstance(fixtures, KitchenFixtures):
        return found
    for name, (standing, part) in fixtures.setting.named.items():
        mask = picture.ids == fixtures.part_ids[standing.name, part]
        found[name] = _nearest(mask, frame, fixtures.grip(name).world_T_grasp.xyz)
    for standing in fixtures.setting.furniture:
        for button in standing.unit.buttons:
            mask = picture.ids == fixtures.part_ids[standing.name, button.part]
            name = standing.called(button.switch)
            found[name] = _nearest(mask, frame, fixtures.press(name).point_m)
    for stain in fixtures.stains.values():
        standing = fixtures.standing(stain.surface)
        mask = picture.ids == fixtures.part_ids[standing.name, standing.unit.parts[0].name]
        # The arm may hide its middle and not its rim.
        rim = sorted(stain.spots_m, key=lambda xyz: float(np.linalg.norm(xyz - stain.xyz_m)))
        spots = ((_nearest(mask, frame, xyz), xyz) for xyz in (np.array(stain.xyz_m), *rim))
        found[stain.name] = next((spot for spot, xyz in spots if spot is not None and _close(spot, frame, xyz)), None)
    return found


def _nearest(mask: NDArray[np.bool_], frame: CameraFrame, xyz: Float) -> Point | None:
    """The pixel of a mask that is nearest to where a point [3] of the world is seen, or, where that is outside the
    picture, the middle of what is seen of it, not its edge; None for a mask of few."""
    rows, cols = np.nonzero(mask)
    if len(rows) < LEAST_PIXELS:
        return None
    (row, col), depth_m = project(frame, xyz)
    if depth_m <= 0 or not shows(mask, row, col):
        return innermost(mask)
    best = int(np.argmin(np.hypot(rows - row, cols - col)))
    return int(rows[best]), int(cols[best])


def _close(spot: Point, frame: CameraFrame, xyz: Float) -> bool:
    (row, col), depth_m = project(frame, xyz)
    return bool(depth_m > 0 and np.hypot(spot[0] - row, spot[1] - col) < 3.0)
