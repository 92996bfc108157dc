"""Whether base, arm and hand keep clear along a track: of what stands, of the part that moves, and of the robot.

Shape letters: N samples of the path, S balls.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from robots.geometry import Pose
from robots.mobile.planar import base_at
from robots.mobile.shapes import robot_shape
from robots.mobile.solids import Boxes
from robots.places import Solid
from robots.planning.scene import Scene
from robots.planning.shape import Part
from robots.spec import RobotSpec

Float = NDArray[np.float64]

BASE_MARGIN_M, ARM_MARGIN_M, PART_MARGIN_M, HELD_MARGIN_M = 0.04, 0.012, 0.006, -0.02
"""How far the base, the arm, both to the moving part, and what is held, by its balls, keep from everything."""
SELF_M = 0.007


class Clearance:
    """The balls of a robot: of its base and what stands on it, of its arm and of its hand."""

    def __init__(self, spec: RobotSpec, hand_margin_m: float, held: tuple[Part, ...]) -> None:
        empty = robot_shape(spec, Pose.identity(), width_m=0.05)
        one = empty.holding(held) if held else empty
        self._one = one
        self._radii = one.radii_m
        # A base that goes along with the arm is its first moving frame.
        self._anchored = np.array([part.anchored or (spec.slides and part.frame == 1) for part in one.parts])
        self._slides = spec.slides
        self._hand = np.array([part.frame == -1 for part in one.parts])
        self._margin = np.where(self._hand, hand_margin_m, ARM_MARGIN_M)
        self._margin[len(empty.parts) :] = HELD_MARGIN_M
        # What is held is carried otherwise than home while the base drives.
        centres = empty.centres(spec.home_q_rad[None])[0]
        self._hand_balls = np.array([part.centre_m for part in one.parts if part.frame == -1])
        self._hand_radii = self._radii[self._hand]
        self._folded, self._base = centres, centres[self._anchored[: len(centres)]]
        self._base_radii = self._radii[self._anchored]

    def hand_clear(self, tool: Pose, boxes: Scene | Boxes) -> bool:
        """Whether the hand alone keeps clear of what does not move."""
        away = boxes.distance(tool.apply(self._hand_balls)) - self._hand_radii
        return bool((away >= self._margin[self._hand]).all())

    def places_clear(self, places: Float, boxes: Scene, moved: Sequence[Boxes]) -> bool:
        """Whether the base keeps clear at each of `places` [N,3], of what moves along as well; at the first and the
        last with the arm folded."""
        last: Float | None = None
        for i, (place, part) in enumerate(zip(places, moved, strict=True)):
            folded = i in (0, len(places) - 1)
            if self._slides and not folded:
                continue  # where it is then follows from the arm's first joint
            points = base_at(place).apply(self._folded if folded else self._base)
            radii = self._radii[: len(points)] if folded else self._base_radii
            if folded or last is None or float(np.abs(place - last).max()) > 1e-9:
                if float((boxes.distance(points) - radii).min()) < BASE_MARGIN_M:
                    return False
                last = place
            if float((part.distance(points) - radii).min()) < BASE_MARGIN_M:
                return False
        return True

    def arm_clear(self, place: Float, q: Float, boxes: Scene, part: Boxes, *, hand_m: float | None = None) -> bool:
        """Whether the arm keeps clear; of the moving part its hand by hand_m, or not at all."""
        local = self._one.centres(q[None])[0]
        points = base_at(place).apply(local)
        arm = ~self._anchored | self._slides
        if float((boxes.distance(points[arm]) - self._radii[arm] - self._margin[arm]).min()) < 0.0:
            return False
        checked = arm & ~self._hand if hand_m is None else arm
        need = np.where(self._hand, hand_m or 0.0, PART_MARGIN_M)[checked]
        if float((part.distance(points[checked]) - self._radii[checked] - need).min()) < 0.0:
            return False
        i, j = self._one.pairs[:, 0], self._one.pairs[:, 1]
        apart = np.linalg.norm(local[i] - local[j], axis=1) - self._radii[i] - self._radii[j]
        return bool(len(apart) == 0 or apart.min() > SELF_M)


def hand_free(
    spec: RobotSpec, others: Sequence[Solid], *, hand_margin_m: float, held: tuple[Part, ...]
) -> Callable[[Pose], bool]:
    """Whether the hand alone, with what it holds, keeps clear of `others` with the tool at a pose."""
    shape, boxes = Clearance(spec, hand_margin_m, held), Boxes(others)
    return lambda tool: shape.hand_clear(tool, boxes)
