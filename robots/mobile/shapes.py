"""The balls of robots that drive, for planning and for telling their own links from the world in a picture."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache, lru_cache

import numpy as np
from numpy.typing import NDArray

from robots.geometry import Pose
from robots.kinematics import kinematics
from robots.mobile.stretch_shape import STRETCH_APART, stretch_parts
from robots.mobile.tiago_pro_shape import tiago_pro_parts
from robots.planning.bodies import panda_parts
from robots.planning.shape import Part, RobotShape, capsule, filled_box, mounted, planar
from robots.spec import RobotSpec

Float = NDArray[np.float64]
Parts = Callable[[RobotSpec, float], tuple[Part, ...]]

_ARM_M, _MAST_M = (0.12, 0.0, 0.60), (-0.20, 0.18)
"""Where mobile_panda's arm stands, and its mast (see its URDF)."""


def _mobile_panda(spec: RobotSpec, width_m: float) -> tuple[Part, ...]:
    arm = []
    for part in panda_parts(spec, width_m=width_m):
        x, y, z = part.centre_m
        if part.frame == 0:
            part = replace(part, centre_m=(x + _ARM_M[0], y + _ARM_M[1], z + _ARM_M[2]))
        arm.append(part)
    angles = np.arange(0.0, 2 * np.pi, np.pi / 6)
    ring = [(0.20 * np.cos(a), 0.20 * np.sin(a), z) for a in angles for z in (0.10, 0.18)]
    # The deck's middle: no ring covers it, and the head sees it.
    ring += [(-0.06, 0.0, z) for z in (0.10, 0.18)]
    own = [Part(frame=0, centre_m=(float(x), float(y), z), radius_m=0.105, anchored=True) for x, y, z in ring]
    own += [
        replace(p, anchored=True) for p in filled_box(0, Pose.from_xyz_yaw([0.12, 0, 0.43]), [0.12, 0.12, 0.17], 0.11)
    ]
    mast = capsule(0, (*_MAST_M, 0.30), (*_MAST_M, 1.45), 0.03)
    head = capsule(0, (*_MAST_M, 1.48), (*_MAST_M, 1.58), 0.09)
    return (*arm, *own, *(replace(p, anchored=True) for p in (*mast, *head)))


PARTS: dict[str, Parts] = {"mobile_panda": _mobile_panda, "stretch": stretch_parts, "tiago_pro": tiago_pro_parts}


@lru_cache(maxsize=64)
def robot_parts(spec: RobotSpec, width_m: float) -> tuple[Part, ...]:
    """The balls of a robot with its fingers `width_m` apart: of its base and what stands on it (frame 0, anchored), and
    of its moving links. One that is not listed in PARTS gets capsules along its arm and a column over its footprint."""
    return PARTS.get(spec.name, _plain)(spec, width_m)


APART: dict[str, tuple[set[int], ...]] = {"mobile_panda": ({5, 7},), "stretch": STRETCH_APART}
"""Frames that the joints' own limits keep apart, though their balls overlap: the two ends of the Panda's wrist."""
LINK_RADIUS_M, BALL_M = 0.06, 0.12


def _plain(spec: RobotSpec, width_m: float) -> tuple[Part, ...]:
    if spec.base is None:
        raise ValueError(f"{spec.name} stands on a fixed base")
    frames = kinematics(spec).frames(spec.home_q_rad)
    parts: list[Part] = []
    for i in range(len(frames) - 1):
        there = np.linalg.inv(frames[i]) @ frames[i + 1][:, 3]
        if i < len(frames) - 2:
            parts += capsule(i + 1, (0.0, 0.0, 0.0), there[:3].tolist(), LINK_RADIUS_M)
    aside = width_m / 2 + spec.finger_thickness_m / 2
    for y in (-aside, 0.0, aside):
        high = spec.fingertip_m - (spec.finger_depth_m + 0.03 if y == 0.0 else 0.013)
        parts += capsule(-1, (0.0, y, high - 0.05), (0.0, y, high), 0.02 if y else 0.04)
    low, top = spec.base.footprint_m.min(axis=0), spec.base.footprint_m.max(axis=0)
    middle = Pose.from_xyz_yaw([*(low + top) / 2, spec.base.height_m / 2])
    box = filled_box(0, middle, [*(top - low) / 2, spec.base.height_m / 2], BALL_M)
    return (*parts, *(replace(p, anchored=True) for p in box))


def robot_shape(spec: RobotSpec, world_T_base: Pose, *, width_m: float) -> RobotShape:
    """The robot standing at `world_T_base`, with its self-collision pairs."""
    return RobotShape(mounted(kinematics(spec), world_T_base), robot_parts(spec, width_m), pairs=_pairs(spec))


@cache
def _pairs(spec: RobotSpec) -> NDArray[np.int64]:
    arm = kinematics(spec)
    shape = RobotShape(mounted(arm, Pose.identity()), robot_parts(spec, spec.gripper_max_width_m))
    samples = np.random.default_rng(0).uniform(spec.q_lower_rad, spec.q_upper_rad, (400, spec.dof))
    # A robot folds itself up: what touches at home may touch.
    pairs = shape.keeping_apart(spec.home_q_rad, samples).pairs
    frame = np.array([part.frame for part in shape.parts])
    kept = [(i, j) for i, j in pairs.tolist() if {int(frame[i]), int(frame[j])} not in APART.get(spec.name, ())]
    return np.array(kept, dtype=np.int64).reshape(-1, 2)


def base_shape(
    spec: RobotSpec, arm_q: np.ndarray[tuple[int, ...], np.dtype[np.float64]], load: tuple[Part, ...] = ()
) -> RobotShape:
    """The whole robot as one body that drives, its arm held at `arm_q` [J] with `load` on its tool's frame."""
    still = RobotShape(mounted(kinematics(spec), Pose.identity()), (*robot_parts(spec, 0.0), *load))
    arm = still.still(arm_q)
    own = tuple(replace(p, anchored=False) for p in robot_parts(spec, 0.0) if p.anchored)
    return RobotShape(planar, (*own, *arm))
