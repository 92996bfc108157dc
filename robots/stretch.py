"""Hello Robot's Stretch 3, with its dexterous wrist (DW3) and gripper (SG3)."""

from __future__ import annotations

from functools import cache

import numpy as np

from robots.geometry import Pose
from robots.parts import BaseSpec, CameraMount, Drive, HeadSpec, LocalisationError, OdometryNoise
from robots.spec import ASSETS, RobotSpec, Telescope

WHEEL_SEPARATION_M = 0.3153
HOME = np.array([0.55, 0.02, 3.0, -0.5, 0.0])
POSTURE = np.array([0.75, 0.2, 0.0, -0.8, 0.0])
READY = (  # lift, arm, wrist yaw, pitch, roll: hand downwards, level, and level to either side
    (0.85, 0.2, 0.0, -1.5, 0.0),
    (0.75, 0.2, 0.0, 0.0, 0.0),
    (0.75, 0.2, 1.5, 0.0, 0.0),
    (0.75, 0.2, -1.5, 0.0, 0.0),
    (0.85, 0.2, 1.5, -1.5, 0.0),
    (0.85, 0.1, -1.5, -1.5, 0.0),
)


def _centred(width: int, height: int, focal_px: float) -> np.ndarray:
    return np.array([[focal_px, 0.0, (width - 1) / 2], [0.0, focal_px, (height - 1) / 2], [0.0, 0.0, 1.0]])


@cache
def stretch() -> RobotSpec:
    """Stretch 3: a narrow base on two wheels, a lift on a mast, a telescope to the right and a wrist of three joints.

    Joints: the description in hello-robot-stretch-urdf 0.1.2 (model SE3); the telescope's segments go 0.52 m as one.
    Velocities and accelerations: the `max` motions of hello-robot/stretch_body's parameters for model SE3 (lift 0.15
    m/s, arm 0.4 m/s, base 0.3 m/s at 0.3 m/s^2), and `fast` ones of wrist and head, whose `max` a picture can't follow.
    The base turns as fast as its wheels 0.3153 m apart let it. Jerks: ten times the accelerations. The gripper opens to
    0.12 m here (see make_stretch.py). Home is the stowed arm, wrist folded over the base.

    Cameras: the head's D435i is mounted on its side; its picture is turned upright, as Hello Robot's own software does:
    640 x 480 halved, 307 px focal length. The wrist's D405 looks along the fingers: 640 x 480 halved, 217 px. The
    localisation's figures are what laser maps of homes give; the odometry's are assumed.
    """
    turn = 2 * 0.3 / WHEEL_SEPARATION_M
    return RobotSpec(
        name="stretch",
        urdf=ASSETS / "stretch.urdf",
        base_link="base_link",
        tool_link="stretch_tool",
        joint_names=("joint_lift", "joint_arm", "joint_wrist_yaw", "joint_wrist_pitch", "joint_wrist_roll"),
        telescopes=(Telescope(name="joint_arm", segments=tuple(f"joint_arm_l{i}" for i in (3, 2, 1, 0))),),
        q_lower_rad=np.array([0.0, 0.0, -1.75, -1.57, -3.14]),
        q_upper_rad=np.array([1.1, 0.52, 4.0, 0.56, 3.14]),
        velocity_rad_s=np.array([0.15, 0.4, 2.5, 2.0, 3.0]),
        acceleration_rad_s2=np.array([0.3, 0.4, 5.0, 8.0, 10.0]),
        jerk_rad_s3=np.array([3.0, 4.0, 50.0, 80.0, 100.0]),
        home_q_rad=HOME,
        posture_q_rad=POSTURE,
        ik_starts_rad=np.array(READY) - POSTURE,
        gripper_joint_names=("joint_gripper_finger_left", "joint_gripper_finger_right"),
        gripper_max_width_m=0.12,
        gripper_speed_m_s=0.15,
        fingertip_m=0.020,
        finger_depth_m=0.13,
        finger_thickness_m=0.017,
        finger_breadth_m=0.036,
        palm_half_m=(0.09, 0.034),
        palm_low_m=0.042,
        tool_lower_m=np.array([-0.9, -1.3, 0.0]),
        tool_upper_m=np.array([0.9, 0.6, 1.6]),
        floor_m=0.0015,
        control_hz=60.0,
        base=BaseSpec(
            drive=Drive.DIFFERENTIAL,
            velocity=np.array([0.3, 0.0, turn]),
            acceleration=np.array([0.3, 0.0, turn]),
            jerk=np.array([3.0, 0.0, 10 * turn]),
            footprint_m=np.array(
                [[-0.28, -0.18], [-0.1, -0.2], [0.05, -0.18], [0.05, 0.18], [-0.1, 0.18], [-0.28, 0.1]]
            ),
            height_m=1.42,
            odometry=OdometryNoise(turn_per_turn=6e-4, turn_per_way=3e-4, way_per_way=1e-4, way_per_turn=2e-5),
            localisation=LocalisationError(position_m=0.015, angle_rad=0.01, gain=0.15, every_m=0.1, every_rad=0.1),
        ),
        head=HeadSpec(
            joint_names=("joint_head_pan", "joint_head_tilt"),
            q_lower_rad=np.array([-3.9, -1.53]),
            q_upper_rad=np.array([1.5, 0.79]),
            velocity_rad_s=np.array([3.0, 3.0]),
            acceleration_rad_s2=np.array([8.0, 8.0]),
            home_q_rad=np.array([0.0, -0.4]),
        ),
        cameras=(
            CameraMount(
                name="head",
                link="camera_color_optical_frame",
                link_T_camera=Pose(xyz=np.zeros(3), quat_xyzw=np.array([0.0, 0.0, -0.70710678, 0.70710678])),
                intrinsics=_centred(240, 320, 307.0),
                width=240,
                height=320,
                near_m=0.2,
                far_m=8.0,
            ),
            CameraMount(
                name="wrist",
                link="gripper_camera_color_optical_frame",
                link_T_camera=Pose.identity(),
                intrinsics=_centred(320, 240, 217.0),
                width=320,
                height=240,
                near_m=0.05,
                far_m=2.0,
            ),
        ),
    )
