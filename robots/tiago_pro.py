"""PAL Robotics' TIAGo Pro, working with its right arm."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np

from robots.geometry import Pose
from robots.mobile_panda import mobile_panda
from robots.parts import HeadSpec
from robots.spec import ASSETS, RobotSpec

HOME = np.array([0.34, -4.29, -2.06, 2.15, 0.03, 2.25, 2.16, 1.80])
POSTURE = np.array([0.33, -3.86, 0.61, 1.69, -1.04, 0.87, 2.14, 0.95])


@cache
def tiago_pro() -> RobotSpec:
    """TIAGo Pro: a base on four Mecanum wheels, a torso that lifts, two arms of seven joints with torque sensors.

    Joints and their limits: PAL Robotics' description in example-robot-data 6.0.0. The lift is slow, 35 mm/s. The left
    arm is folded and does not move (see make_tiago_pro.py). Accelerations: assumed, from rest to full speed in half a
    second. The base could do 1 m/s; here it goes as a careful walker. The gripper's pads open to 70 mm.

    Cameras: the head's D435 and, an option of the maker's, a D405 on the hand; pictures, the base's pace and its errors
    are mobile_panda's.
    """
    base, (head, wrist) = mobile_panda().base, mobile_panda().cameras
    assert base is not None, "mobile_panda drives"
    return RobotSpec(
        name="tiago_pro",
        urdf=ASSETS / "tiago_pro.urdf",
        base_link="base_footprint",
        tool_link="tiago_pro_tool",
        joint_names=("torso_lift_joint", *(f"arm_right_{i}_joint" for i in range(1, 8))),
        q_lower_rad=np.array([0.0, -4.7124, -2.4435, -2.6180, -2.4435, -1.5708, -1.8850, -2.6180]),
        q_upper_rad=np.array([0.35, 0.5236, 1.1345, 2.6180, 1.1345, 3.6652, 3.0020, 2.6180]),
        velocity_rad_s=np.array([0.035, *[2.5] * 7]),
        acceleration_rad_s2=np.array([0.07, *[5.0] * 7]),
        jerk_rad_s3=np.array([0.7, *[500.0] * 7]),
        home_q_rad=HOME,
        posture_q_rad=POSTURE,
        ik_starts_rad=np.zeros((1, 8)),
        gripper_joint_names=("gripper_left_slide", "gripper_right_slide"),
        gripper_max_width_m=0.07,
        gripper_speed_m_s=0.1,
        fingertip_m=0.019,
        finger_depth_m=0.06,
        finger_thickness_m=0.0125,
        finger_breadth_m=0.020,
        palm_half_m=(0.0375, 0.0375),
        tool_lower_m=np.array([-0.9, -1.2, 0.0]),
        tool_upper_m=np.array([1.1, 0.9, 1.9]),
        floor_m=0.001,
        control_hz=60.0,
        base=replace(
            base,
            footprint_m=np.array(
                [[-0.36, -0.25], [0.36, -0.25], [0.36, 0.25], [0.1, 0.42], [-0.25, 0.42], [-0.36, 0.25]]
            ),
            height_m=0.30,
        ),
        head=HeadSpec(
            joint_names=("head_1_joint", "head_2_joint"),
            q_lower_rad=np.array([-1.309, -1.0472]),
            q_upper_rad=np.array([1.309, 0.34907]),
            velocity_rad_s=np.array([3.0, 3.0]),
            acceleration_rad_s2=np.array([8.0, 8.0]),
            home_q_rad=np.array([0.0, -0.6]),
        ),
        cameras=(
            replace(head, link="head_front_camera_link"),
            replace(wrist, link="wrist_camera_link", link_T_camera=Pose.identity()),
        ),
    )
