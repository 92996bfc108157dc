"""What a robot is to everything above it: one small protocol and the frozen values that cross it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from robots.geometry import Pose

if TYPE_CHECKING:
    from robots.spec import RobotSpec


class Status(Enum):
    """How a primitive ended. Deliberately without truth value: compare with `is Status.SUCCEEDED`."""

    SUCCEEDED = "succeeded"
    TARGET_NOT_FOUND = "target not found"
    UNREACHABLE = "unreachable"
    PATH_BLOCKED = "path blocked"
    GRASP_FAILED = "grasp failed"
    NOT_HOLDING = "not holding"
    HAND_FULL = "hand full"
    TIMED_OUT = "timed out"
    STOPPED = "stopped"
    NOT_APPROVED = "not approved"
    LIMIT = "limit"

    def __bool__(self) -> bool:
        raise TypeError("a Status has no truth value; compare it with `is Status.SUCCEEDED`")


@dataclass(frozen=True, kw_only=True, eq=False)
class CameraFrame:
    """One picture with its geometry.

    rgb: uint8[H,W,3]. depth_m: float32[H,W], distance along the camera's z axis in metres, 0 = no return.
    intrinsics: float64[3,3], pixels, pixel centres at integer coordinates. world_T_camera: x right, y down, z forward.
    """

    rgb: NDArray[np.uint8]
    depth_m: NDArray[np.float32]
    intrinsics: NDArray[np.float64]
    world_T_camera: Pose


@dataclass(frozen=True, kw_only=True, eq=False)
class RobotState:
    """What the robot knows of itself; none of it is ground truth.

    world_T_base: where it believes its base to be: its localisation, which errs by centimetres on a base that drives.
    arm_q: float64[n] rad, or m for a joint that slides. gripper_width_m: between the finger tips, in metres.
    world_T_tool: world_T_base with the arm's own kinematics. holding: what it concludes from its gripper.
    head_q: float64[2] rad, pan to the left and tilt upwards; None without a head.
    odom_T_base: from the wheels alone, from where it was switched on: smooth, and off by more the further it drives.
    base_twist: float64[3], m/s forward, m/s left, rad/s, as the wheels turn. Both None on a fixed base.
    wrist_force_n: float64[3], what a force sensor at the wrist measures, along the axes of the link that it carries,
    the weight of the hand and of its load included: differences tell of contact. None without one.
    """

    world_T_base: Pose
    arm_q: NDArray[np.float64]
    gripper_width_m: float
    world_T_tool: Pose
    holding: bool
    head_q: NDArray[np.float64] | None = None
    odom_T_base: Pose | None = None
    base_twist: NDArray[np.float64] | None = None
    wrist_force_n: NDArray[np.float64] | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class Observation:
    """What the robot sees and feels at `time_s` of its own (or the simulator's) clock.

    camera: the main one, in whose picture the points of a plan lie.
    """

    time_s: float
    frames: Mapping[str, CameraFrame]
    state: RobotState
    camera: str = "front"

    @property
    def main(self) -> CameraFrame:
        """The main camera's picture.

        Raises:
            KeyError: there is none; the message lists those there are.
        """
        if self.camera not in self.frames:
            raise KeyError(f"the robot has no camera {self.camera!r}; it has {sorted(self.frames)}")
        return self.frames[self.camera]


@dataclass(frozen=True, kw_only=True, eq=False)
class Command:
    """What to do until the next command; None = hold.

    base_twist: float64[3], m/s forward, m/s left, rad/s; a base that hears nothing for its `command_timeout_s` brakes.
    arm_q: float64[n] rad, or m for a joint that slides. gripper_width_m: metres.
    head_q: float64[2] rad, pan to the left and tilt upwards.
    """

    base_twist: NDArray[np.float64] | None = None
    arm_q: NDArray[np.float64] | None = None
    gripper_width_m: float | None = None
    head_q: NDArray[np.float64] | None = None


@runtime_checkable
class Robot(Protocol):
    """Anything that can be seen through and moved. Times are the robot's clock; nothing here reads the wall clock."""

    @property
    def spec(self) -> RobotSpec: ...

    def observe(self) -> Observation:
        """Fresh pictures and state."""
        ...

    def state(self) -> RobotState:
        """Joint state alone: what a control loop reads at its own rate, without paying for pictures."""
        ...

    def send(self, command: Command) -> Command:
        """Start doing `command`; returns it as really sent, after limits."""
        ...

    def wait(self, seconds: float) -> None:
        """Let `seconds` of the robot's clock pass."""
        ...

    def stop(self) -> None:
        """Hold still, now."""
        ...

    def close(self) -> None:
        """Give back everything that was opened. May be called twice."""
        ...
