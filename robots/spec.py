"""What a robot is: joints, limits, gripper and the space that it may use. One frozen value a robot."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from robots.parts import BaseSpec, CameraMount, HeadSpec, freeze

Float = NDArray[np.float64]

ASSETS = Path(__file__).parent / "assets"


@dataclass(frozen=True, kw_only=True)
class Telescope:
    """Segments that slide as one: the commanded joint `name` (m) is shared equally by `segments` of the URDF."""

    name: str
    segments: tuple[str, ...]


JERK_PER_ACCELERATION = 500.0
"""1/s; the ratio that the Panda's data sheet has for every joint, for robots whose makers give no jerk limit."""


@dataclass(frozen=True, kw_only=True, eq=False)
class RobotSpec:
    """Facts of one robot. Arrays are float64[n] over `joint_names`, s, and rad, or m for a joint that slides; boxes
    float64[3] in the base frame.

    base_link: the frame of everything here; of a base that drives it stands on the floor.
    joint_names: of the arm, from the base outwards, as commanded: a telescope counts as one.
    posture_q_rad: what inverse kinematics is drawn to where it has a choice; None: home. ik_starts_rad: float64[K,n],
    offsets from it to start from where the present configuration leads nowhere, in this order.
    tool_link: the grasp point between the finger tips, z out of the hand, y along the opening of the fingers.
    fingertip_m: how far the tips reach beyond the tool point, along the tool's z.
    finger_depth_m: how far above the tips the palm begins. finger_thickness_m: of one finger along the tool's y, at
    the tip. finger_breadth_m: of a finger along the tool's x. palm_half_m: the hand's half extents along tool x and y;
    palm_low_m: against tool x, where that is less (a camera on one side).
    jerk_rad_s3: where it is not given, JERK_PER_ACCELERATION times the acceleration.
    tool_lower_m, tool_upper_m: the box that the tool point may move in; floor_m: nothing of the hand goes below.
    slides: the arm's first joint is the base's own way ahead (robots.sliding), for arms that need it.
    """

    name: str
    urdf: Path
    base_link: str
    tool_link: str
    joint_names: tuple[str, ...]
    q_lower_rad: Float
    q_upper_rad: Float
    velocity_rad_s: Float
    acceleration_rad_s2: Float
    home_q_rad: Float
    gripper_joint_names: tuple[str, ...]
    gripper_max_width_m: float
    gripper_speed_m_s: float
    fingertip_m: float
    finger_depth_m: float
    finger_thickness_m: float
    finger_breadth_m: float
    palm_half_m: tuple[float, float]
    tool_lower_m: Float
    tool_upper_m: Float
    floor_m: float
    control_hz: float
    ik_starts_rad: Float
    posture_q_rad: Float | None = None
    jerk_rad_s3: Float = field(default_factory=lambda: np.empty(0))
    telescopes: tuple[Telescope, ...] = ()
    base: BaseSpec | None = None
    head: HeadSpec | None = None
    cameras: tuple[CameraMount, ...] = ()
    slides: bool = False
    palm_low_m: float | None = None

    def __post_init__(self) -> None:
        n = len(self.joint_names)
        if np.size(self.jerk_rad_s3) == 0:
            object.__setattr__(self, "jerk_rad_s3", JERK_PER_ACCELERATION * np.asarray(self.acceleration_rad_s2))
        vectors = ("q_lower_rad", "q_upper_rad", "velocity_rad_s", "acceleration_rad_s2", "jerk_rad_s3", "home_q_rad")
        for name in vectors:
            freeze(self, name, (n,))
        if self.posture_q_rad is not None:
            freeze(self, "posture_q_rad", (n,))
        for name in ("tool_lower_m", "tool_upper_m"):
            freeze(self, name, (3,))
        freeze(self, "ik_starts_rad", (len(self.ik_starts_rad), n))
        if len({camera.name for camera in self.cameras}) < len(self.cameras):
            raise ValueError(f"{self.name}: two cameras of one name: {[camera.name for camera in self.cameras]}")

    def camera(self, name: str) -> CameraMount:
        """The mount of that name; a KeyError that lists the names if there is none."""
        for mount in self.cameras:
            if mount.name == name:
                return mount
        raise KeyError(
            f"{self.name} has no camera {name!r}; it has {', '.join(m.name for m in self.cameras) or 'none'}"
        )

    @property
    def main_camera(self) -> str:
        """In whose picture plans point: the first of its own cameras; of a robot without, that of the scene."""
        return self.cameras[0].name if self.cameras else "front"

    @property
    def dof(self) -> int:
        """Number of arm joints."""
        return len(self.joint_names)

    @property
    def posture(self) -> Float:
        """float64[n]: `posture_q_rad`, or home."""
        return self.home_q_rad if self.posture_q_rad is None else self.posture_q_rad

    @property
    def period_s(self) -> float:
        """Time between two commands of a stream."""
        return 1.0 / self.control_hz


PANDA_STARTS_RAD = np.array([[0, bend, 0, bend, 0, 0, 0] for bend in (0.0, 0.35, -0.35)])
"""Straight and bent."""


@cache
def panda() -> RobotSpec:
    """Franka Emika Panda with the Franka Hand, standing on the table at the origin.

    Limits: the manufacturer's "Robot and interface specifications", Panda column; the hand's sizes: its drawings,
    as in the collision meshes that the manufacturer publishes. Home holds the tool at (0.36, 0, 0.34), pointing down.
    """
    return RobotSpec(
        name="panda",
        urdf=ASSETS / "panda.urdf",
        base_link="panda_link0",
        tool_link="panda_tool",
        joint_names=tuple(f"panda_joint{i}" for i in range(1, 8)),
        q_lower_rad=np.array([-2.8973, -1.7628, -2.8973, -3.0718, -2.8973, -0.0175, -2.8973]),
        q_upper_rad=np.array([2.8973, 1.7628, 2.8973, -0.0698, 2.8973, 3.7525, 2.8973]),
        velocity_rad_s=np.array([2.175, 2.175, 2.175, 2.175, 2.61, 2.61, 2.61]),
        acceleration_rad_s2=np.array([15.0, 7.5, 10.0, 12.5, 15.0, 20.0, 20.0]),
        jerk_rad_s3=np.array([7500.0, 3750.0, 5000.0, 6250.0, 7500.0, 10000.0, 10000.0]),
        home_q_rad=np.array([0.0, -0.6012738, 0.0, -2.6103047, 0.0, 2.0090309, 0.7853982]),
        gripper_joint_names=("panda_finger_joint1", "panda_finger_joint2"),
        gripper_max_width_m=0.08,
        gripper_speed_m_s=0.2,
        fingertip_m=0.0072,
        finger_depth_m=0.046,
        finger_thickness_m=0.0145,
        finger_breadth_m=0.021,
        palm_half_m=(0.033, 0.105),
        tool_lower_m=np.array([0.20, -0.45, 0.0]),
        tool_upper_m=np.array([0.75, 0.45, 0.75]),
        floor_m=0.0015,
        control_hz=60.0,
        ik_starts_rad=PANDA_STARTS_RAD,
    )
