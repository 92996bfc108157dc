"""The balls of Hello Robot's Stretch, measured on the maker's meshes as sim/assets/make_stretch.py thins them out."""

from __future__ import annotations

from robots.planning.shape import Part, capsule
from robots.spec import RobotSpec

BASE_BALL_M = 0.078
"""Down to 2 cm above the floor: what depth shows lower than 5 cm is left out (robots.mobile.slide.FLOOR_M)."""
STRETCH_APART = (*({i, j} for i in range(2, 8) for j in range(i + 1, 8)), {6, 8}, {7, 9})
"""Frames whose balls overlap, though nothing touches: the telescope's segments and the wrist at their end, and what the
wrist folds into."""
RIM = (
    (-0.02, -0.115), (-0.02, -0.04), (-0.02, 0.04), (-0.02, 0.12), (-0.11, -0.115), (-0.11, 0.125), (-0.2, -0.115),
    (-0.2, -0.04), (-0.2, 0.04), (-0.2, 0.11), (-0.11, 0.0),
)  # fmt: skip
"""Middles of the base's balls, x and y, m."""


def stretch_parts(spec: RobotSpec, width_m: float) -> tuple[Part, ...]:
    """The base with mast and head on the last frame before the lift's, arm and hand with the fingers `width_m` apart.

    Where the base goes ahead as the arm's first joint it moves, and is kept clear like the arm.
    """
    rail = 1 if spec.slides else 0
    lift, arm, yaw, pitch, roll = (rail + k for k in (1, 5, 6, 7, 8))
    own: list[Part] = []
    for x, y in RIM:
        own.append(Part(frame=rail, centre_m=(x, y, 0.1), radius_m=BASE_BALL_M, anchored=rail == 0))
    own += _standing(rail, capsule(rail, (-0.067, 0.135, 0.2), (-0.067, 0.135, 1.3), 0.032))
    own += _standing(rail, capsule(rail, (-0.05, 0.1, 1.38), (0.0, 0.0, 1.37), 0.05))
    own += _standing(rail, capsule(rail, (0.01, 0.0, 1.33), (0.01, 0.0, 1.25), 0.06))
    body: list[Part] = []
    # The carriage around the mast, the arm's outer tube, its segments, and the block at its end.
    body += capsule(lift, (0.0, -0.03, 0.02), (0.0, 0.09, 0.02), 0.065)
    body += capsule(lift, (-0.23, 0.0, 0.0), (-0.06, 0.0, 0.0), 0.038)
    for segment in range(lift + 1, arm + 1):
        body += capsule(segment, (0.0, 0.0, -0.13), (0.0, 0.0, 0.0), 0.036)
    body += capsule(arm, (0.02, 0.0, 0.0), (0.085, 0.0, 0.0), 0.032)
    # The wrist, to both sides of its three axes.
    body += capsule(yaw, (0.015, 0.0, 0.015), (0.05, 0.025, 0.028), 0.040)
    body += capsule(pitch, (0.0, -0.02, 0.015), (0.0, 0.0, 0.015), 0.036)
    # Palm, camera and fingers.
    body += capsule(roll, (0.0, 0.0, 0.03), (0.0, 0.0, 0.10), 0.050)
    body += capsule(-1, (0.065, -0.02, -0.165), (0.065, 0.02, -0.165), 0.027)
    aside = width_m / 2 + spec.finger_thickness_m / 2
    for y in (-aside, aside):
        body += capsule(-1, (0.0, y, -0.11), (0.0, y, -0.03), 0.014)
        body += capsule(-1, (0.0, y, -0.01), (0.0, y, spec.fingertip_m - 0.018), 0.019)
    return (*own, *body)


def _standing(rail: int, parts: tuple[Part, ...]) -> list[Part]:
    return [Part(frame=p.frame, centre_m=p.centre_m, radius_m=p.radius_m, anchored=rail == 0) for p in parts]
