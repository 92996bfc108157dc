"""What a robot behind ROS 2 is called on its topics: names, cameras, and how old what it says may be."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from robots.spec import RobotSpec


@dataclass(frozen=True, kw_only=True)
class CameraTopics:
    """One camera. color: sensor_msgs/Image, or CompressedImage where the name ends in /compressed. depth: Image
    (16UC1 in mm or 32FC1 in m) laid over the colour picture, or CompressedImage where it ends in /compressedDepth.
    info: of colour.

    quarter_turns: by which its pictures are turned, counter-clockwise, to be as the spec's mount has them: a camera
    that is screwed on sideways needs one. pictures_hz: how often it takes one.
    """

    color: str
    depth: str
    info: str
    quarter_turns: int = 0
    pictures_hz: float = 15.0


@dataclass(frozen=True, kw_only=True)
class Ros2Config:
    """A robot's topics. "" where a robot has no such topic.

    spec: the robot itself. joint_states: sensor_msgs/JointState. odometry: nav_msgs/Odometry. cmd_vel:
    geometry_msgs/Twist.
    arm, head: trajectory_msgs/JointTrajectory, as ros2_control's joint_trajectory_controller takes them. gripper:
    control_msgs/GripperCommand. stream: std_msgs/Float64MultiArray with the positions of all joints in the order
    `streamed` instead of those three, as Stretch's driver takes them; "gripper" is the gripper, "" stays 0. wrench:
    geometry_msgs/WrenchStamped. map_frame, odom_frame: between which tf holds what the localisation has found;
    without it the robot believes its odometry.
    gripper_joints, gripper_m: joints whose positions add up to the gap between the fingers, times so many metres.
    joint_names: what the driver calls joints of the spec, where it calls them otherwise. holding_gap_m: by so much
    fingers that hold something stand further apart than they were told to.
    prepare, halt: std_srvs/Trigger services to be called at the beginning, and to stop. state_limit_s, picture_limit_s:
    what is older is not acted on. calibration: a calibration.json (robots.calibration), or None: cameras are as the
    description and their drivers have them. domain, network: see robots.ros2.node. clock: `wall` (the robot's
    computer's own), or `twin`: the twin's clock waits for us.
    """

    spec: Callable[[], RobotSpec]
    cameras: Mapping[str, CameraTopics]
    joint_states: str = "/joint_states"
    odometry: str = "/odom"
    cmd_vel: str = "/cmd_vel"
    arm: str = ""
    head: str = ""
    gripper: str = ""
    stream: str = ""
    streamed: tuple[str, ...] = ()
    wrench: str = ""
    map_frame: str = "map"
    odom_frame: str = "odom"
    gripper_joints: tuple[str, ...] = ()
    gripper_m: float = 1.0
    joint_names: Mapping[str, str] = field(default_factory=dict)
    holding_gap_m: float = 0.001
    prepare: tuple[str, ...] = ()
    halt: tuple[str, ...] = ()
    state_limit_s: float = 0.5
    picture_limit_s: float = 1.0
    domain: int = 0
    network: str = "local"
    clock: Literal["wall", "twin"] = "wall"
    calibration: str | None = None

    def __post_init__(self) -> None:
        for name in ("state_limit_s", "picture_limit_s"):
            if not getattr(self, name) > 0:
                raise ValueError(f"robot.{name}={getattr(self, name)} does not fit: give more than 0")
        if self.clock not in ("wall", "twin"):
            raise ValueError(f"robot.clock={self.clock} does not fit: wall or twin")

    def __call__(self) -> RobotSpec:
        """The robot itself: what `robot=stretch_ros2` stands for where robots are simulated without their topics."""
        return self.spec()

    def driver_name(self, joint: str) -> str:
        """What the driver calls a joint of the spec."""
        return self.joint_names.get(joint, joint)


def ros2_robot(*, cameras: Mapping[str, Mapping[str, Any]], **described: Any) -> Ros2Config:
    """What conf/robot/*_ros2.yaml has, cameras as plain values."""
    return Ros2Config(cameras={name: CameraTopics(**topics) for name, topics in cameras.items()}, **described)
