"""A robot that drives, inside one PyBullet client: its base, its head and its cameras, beside the arm."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pybullet as p
from numpy.typing import NDArray

from robots.geometry import Pose
from robots.kinematics import base_T_camera, kinematics
from robots.spec import RobotSpec
from sim.arm import Arm, ArmMemory
from sim.camera import PoseCamera
from sim.odometry import Odometry, flat, upright

Float = NDArray[np.float64]

BASE_JOINTS = ("base_x", "base_y", "base_yaw")
HEAD_GAIN = 0.3


class MobileArm(Arm):
    """The robot of a `spec` with a base. Its base hangs on three joints from the world, driven by velocity motors: what
    it runs into pushes back, and nothing tips it."""

    def __init__(self, client: int, spec: RobotSpec, *, visuals: bool, start: Pose, rng: np.random.Generator) -> None:
        super().__init__(client, spec, visuals=visuals)
        if spec.base is None:
            raise ValueError(f"{spec.name} has no base that drives")
        self._base = [self._joint(name) for name in BASE_JOINTS]
        self._head = [self._joint(name) for name in (spec.head.joint_names if spec.head else ())]
        self._wrist = self._joint(self.model.wrist_joint) if self.model.wrist_joint else -1
        if self._wrist >= 0:
            p.enableJointForceTorqueSensor(self.body, self._wrist, True, physicsClientId=client)
        self._twist: Float = np.zeros(3)
        self.head_goal: Float = np.array(spec.head.home_q_rad if spec.head else ())
        self.odometry = Odometry(spec.base, start, rng)
        self.place(start)
        self.set_head(self.head_goal)

    # Where it is

    @property
    def world_T_base(self) -> Pose:
        """Ground truth."""
        return upright(self._place())

    @property
    def base_twist(self) -> Float:
        """float64[3]: m/s forward, m/s left, rad/s, as it moves now."""
        vx, vy, turn = (s[1] for s in p.getJointStates(self.body, self._base, physicsClientId=self.client))
        yaw = self._place()[2]
        c, s = np.cos(yaw), np.sin(yaw)
        return np.array([c * vx + s * vy, c * vy - s * vx, turn])

    @property
    def driven_twist(self) -> Float:
        """float64[3]: the same, as its motors are told to."""
        return np.array(self._twist, dtype=np.float64)

    @property
    def head_q(self) -> Float:
        """float64[2] rad: pan, tilt; empty without a head."""
        if not self._head:
            return np.zeros(0)
        return np.array([s[0] for s in p.getJointStates(self.body, self._head, physicsClientId=self.client)])

    @property
    def wrist_force_n(self) -> Float | None:
        """float64[3]: the reaction in the wrist's joint, in the frame of what it carries; None without a sensor."""
        if self._wrist < 0:
            return None
        return np.array(p.getJointState(self.body, self._wrist, physicsClientId=self.client)[2][:3])

    def tool(self) -> Pose:
        """world_T_tool, ground truth."""
        return self.world_T_base @ kinematics(self.spec).tool(self.q)

    def cameras(self) -> dict[str, PoseCamera]:
        """Its own cameras, where they really are."""
        return {mount.name: self.camera(mount.name) for mount in self.spec.cameras}

    def camera(self, name: str) -> PoseCamera:
        """One of them."""
        mount, head = self.spec.camera(name), self.head_q if self._head else None
        return PoseCamera(
            world_T_camera=self.world_T_base @ base_T_camera(self.spec, mount, self.q, head),
            fx_px=float(mount.intrinsics[0, 0]), fy_px=float(mount.intrinsics[1, 1]),
            cx_px=float(mount.intrinsics[0, 2]), cy_px=float(mount.intrinsics[1, 2]),
            width=mount.width, height=mount.height, near_m=mount.near_m, far_m=mount.far_m,
        )  # fmt: skip

    # Moving

    def roll(self, twist: Float, seconds: float) -> None:
        """Motors for the next `seconds`: m/s forward, m/s left, rad/s, float64[3]."""
        self._twist = np.array(twist)
        # In the direction of the middle of the step: a turning base then goes along its arc.
        yaw = self._place()[2] + twist[2] * seconds / 2
        c, s = np.cos(yaw), np.sin(yaw)
        force, torque = self.model.base_force
        speeds = (c * twist[0] - s * twist[1], s * twist[0] + c * twist[1], twist[2])
        for joint, speed, most in zip(self._base, speeds, (force, force, torque), strict=True):
            p.setJointMotorControl2(self.body, joint, p.VELOCITY_CONTROL, targetVelocity=float(speed), force=most,
                                    physicsClientId=self.client)  # fmt: skip

    def look(self, head_q: Float) -> None:
        """Head motors towards pan and tilt float64[2] rad."""
        self.head_goal = np.array(head_q)
        if self.spec.head is None:
            return
        for joint, value, most in zip(self._head, head_q, self.spec.head.velocity_rad_s, strict=True):
            p.setJointMotorControl2(
                self.body, joint, p.POSITION_CONTROL, targetPosition=float(value), force=self.model.head_force_nm,
                positionGain=HEAD_GAIN, velocityGain=1.0, maxVelocity=float(most), physicsClientId=self.client,
            )  # fmt: skip

    def felt(self) -> None:
        """Tells the odometry where the base has come to."""
        self.odometry.moved_to(self.world_T_base)

    # Without physics

    def place(self, world_T_base: Pose) -> None:
        """The base there, at rest, and found anew."""
        self.teleports += 1
        for joint, value in zip(self._base, flat(world_T_base), strict=True):
            p.resetJointState(self.body, joint, float(value), 0.0, physicsClientId=self.client)
        self.roll(np.zeros(3), 0.0)
        self.odometry.found_at(world_T_base)

    def set_head(self, head_q: Float) -> None:
        """The head there, at rest."""
        for joint, value in zip(self._head, head_q, strict=True):
            p.resetJointState(self.body, joint, float(value), 0.0, physicsClientId=self.client)
        self.look(head_q)

    def memory(self) -> ArmMemory:
        return replace(super().memory(), head_goal_rad=tuple(self.head_goal.tolist()), odometry=self.odometry.save())

    def recall(self, memory: ArmMemory) -> None:
        super().recall(memory)
        if memory.odometry is None:
            raise ValueError(f"{self.spec.name} drives: this is the memory of a robot that doesn't")
        self.look(np.array(memory.head_goal_rad))
        self.roll(np.zeros(3), 0.0)
        self.odometry.restore(memory.odometry)

    def _place(self) -> Float:
        return np.array([s[0] for s in p.getJointStates(self.body, self._base, physicsClientId=self.client)])
