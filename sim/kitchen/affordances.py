"""What of a kitchen can be worked at, as it is at one moment: surfaces to put on, handles to pull, buttons to press."""

from __future__ import annotations

from dataclasses import dataclass

from robots.geometry import Float, Pose
from sim.kitchen.furniture import Surface


@dataclass(frozen=True, kw_only=True, eq=False)
class Spot:
    """A surface as it is now. world_T_surface: in its middle, z up. inside: what must be open to reach it, or ""."""

    name: str
    surface: Surface
    world_T_surface: Pose
    inside: str


@dataclass(frozen=True, kw_only=True, eq=False)
class Grip:
    """A handle as it is now. joint: "slide" or "turn". axis: its direction, or the hinge's, float64[3]; hinge_m: a
    point on the hinge. travel: m or rad from shut. share: how far open it is."""

    name: str
    world_T_grasp: Pose
    width_m: float
    joint: str
    axis: Float
    hinge_m: Float
    travel: float
    share: float


@dataclass(frozen=True, kw_only=True, eq=False)
class Press:
    """A button as it is now: the middle of its face, and the way it is pressed; travel_m: how far it goes."""

    switch: str
    point_m: Float
    along: Float
    travel_m: float
    on: bool
