"""Where the arm is: spheres along the capsules of its links, and their clearance over a height map.

Shape letters: N configurations, S spheres.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from robots.kinematics import kinematics
from robots.planning.height_map import HeightMap
from robots.spec import RobotSpec

Float = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Capsule:
    """A segment in a link's frame, thick by `radius_m`. link: index among the moving links; -1 is the tool."""

    link: int
    start_m: tuple[float, float, float]
    end_m: tuple[float, float, float]
    radius_m: float


PANDA_CAPSULES = (
    Capsule(link=3, start_m=(-0.08, 0.0, 0.0), end_m=(0.0, 0.0, 0.0), radius_m=0.075),  # elbow
    Capsule(link=4, start_m=(0.0, 0.0, -0.26), end_m=(0.0, 0.0, -0.14), radius_m=0.06),  # forearm
    Capsule(link=4, start_m=(0.0, 0.08, -0.12), end_m=(0.0, 0.08, 0.0), radius_m=0.05),
    Capsule(link=5, start_m=(0.0, 0.0, 0.0), end_m=(0.088, 0.0, 0.0), radius_m=0.06),  # wrist
    Capsule(link=6, start_m=(0.0, 0.0, 0.05), end_m=(0.0, 0.0, 0.09), radius_m=0.055),  # flange
    Capsule(link=-1, start_m=(0.0, -0.07, -0.08), end_m=(0.0, 0.07, -0.08), radius_m=0.036),  # palm
)
"""Measured on the manufacturer's collision meshes; the palm's under side lies 39 mm above the tool point."""

FINGER_RADIUS_M = 0.012


class ArmShape:
    """The arm with its fingers `width_m` apart and, where it holds something, a sphere around that."""

    def __init__(
        self,
        spec: RobotSpec,
        *,
        width_m: float,
        held_radius_m: float = 0.0,
        held_drop_m: float = 0.0,
        capsules: tuple[Capsule, ...] = PANDA_CAPSULES,
    ) -> None:
        self.spec = spec
        self._kinematics = kinematics(spec)
        aside = width_m / 2 + spec.finger_thickness_m / 2
        top, tip = spec.fingertip_m - spec.finger_depth_m, spec.fingertip_m - FINGER_RADIUS_M
        parts = [*capsules]
        parts += [
            Capsule(link=-1, start_m=(0.0, y, top), end_m=(0.0, y, tip), radius_m=FINGER_RADIUS_M)
            for y in (-aside, aside)
        ]
        if held_radius_m > 0:
            deep = max(0.0, held_drop_m - held_radius_m)
            parts.append(Capsule(link=-1, start_m=(0, 0, 0), end_m=(0, 0, deep), radius_m=held_radius_m))
        links, centres, radii = [], [], []
        for part in parts:
            start, end = np.array(part.start_m), np.array(part.end_m)
            count = 1 + int(np.ceil(float(np.linalg.norm(end - start)) / part.radius_m))
            for t in np.linspace(0.0, 1.0, count):
                links.append(part.link)
                centres.append(np.append(start + t * (end - start), 1.0))
                radii.append(part.radius_m)
        self._links = np.array(links)
        self._centres = np.stack(centres)
        self.radii_m = np.array(radii)

    def spheres(self, q: ArrayLike) -> Float:
        """float64[N,S,3]: centres in the base frame for q [N,J] rad."""
        frames = self._kinematics.frames(np.atleast_2d(q))
        chosen = frames[:, self._links]
        return np.asarray((chosen @ self._centres[:, :, None])[..., :3, 0])


class Checker:
    """Clearance of an arm shape over the table and over a height map, many configurations at once."""

    def __init__(self, shape: ArmShape, heights: HeightMap, *, margin_m: float = 0.008) -> None:
        self.shape = shape
        self._margin_m = margin_m
        self._maps = [
            (np.nonzero(shape.radii_m == radius)[0], heights.dilated(float(radius)))
            for radius in np.unique(shape.radii_m)
        ]

    def clearance_m(self, q: ArrayLike) -> Float:
        """float64[N]: the least height of any sphere over what is below it, for q [N,J] rad; below 0 is a collision.

        Adds the arm's own sanity: the hand keeps 0.1 m from the base's column.
        """
        centres = self.shape.spheres(q)
        lowest = np.full(len(centres), np.inf)
        for indices, grown in self._maps:
            part = centres[:, indices]
            bottom = part[..., 2] - self.shape.radii_m[indices]
            lowest = np.minimum(lowest, (bottom - grown.at(part[..., :2])).min(axis=1))
        from_base = np.linalg.norm(centres[:, -1, :2], axis=1) - 0.2
        return np.asarray(np.minimum(lowest, from_base))

    def free(self, q: ArrayLike) -> NDArray[np.bool_]:
        """bool[N]: configurations q [N,J] with at least the margin everywhere."""
        return np.asarray(self.clearance_m(q) >= self._margin_m)
