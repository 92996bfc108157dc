"""The simulated robots behind the Robot protocol: what a real one would show and do, and nothing of the ground truth.

robot = open_sim_robot()
robot.reset(scene)
robot.send(Command(arm_q=q)); robot.wait(0.1); robot.observe()
"""

from __future__ import annotations

from dataclasses import replace
from typing import Literal
from weakref import WeakSet

import numpy as np

from robots.geometry import Pose
from robots.interface import CameraFrame, Command, Observation, RobotState
from robots.kinematics import base_T_camera, base_T_link, kinematics
from robots.limits import LimitGate
from robots.spec import RobotSpec
from sim.arm import Arm
from sim.late import LateFrame, Moment
from sim.lens import LensFrame
from sim.mobile import MobileArm
from sim.render import Picture, Renderer, Shot, VisualPart, open_renderer
from sim.scenes import AnyScene, LensScene
from sim.world import STEPS_PER_S, World

CAMERA = "front"
STILL_M_S = 0.02
"""Pressed fingers tremble; ones that close on nothing do so at 0.2 m/s."""
LENS_M = 0.02
"""Nothing comes closer to a lens than the glass before it."""


class SimRobot:
    """A Robot over a World. Its clock is the world's; it closes the world and the renderer with itself."""

    def __init__(self, world: World, renderer: Renderer) -> None:
        self.world, self.renderer = world, renderer
        self._gate: LimitGate | None = None
        self._gated: Arm | None = None
        self._teleports = -1
        self._sent_at_s = 0.0
        self._closed = False
        self._moments: WeakSet[Moment] = WeakSet()

    def reset(self, scene: AnyScene) -> None:
        """A new scene, clock at 0."""
        self.world.reset(scene)
        self._gate = None

    @property
    def spec(self) -> RobotSpec:
        return self.world.spec

    def observe(self) -> Observation:
        """The cameras' pictures and the state. A robot that drives has its pictures drawn when they are looked at."""
        arm, state = self.world.arm, self.state()
        frames: dict[str, CameraFrame] = {}
        if isinstance(arm, MobileArm):
            frames = self._late_frames(arm, state)
        elif self.world.scene.camera is not None:
            frames[CAMERA] = self.picture().frame(self.world.camera)
        return Observation(time_s=self.world.time_s, frames=frames, state=state, camera=self.spec.main_camera)

    def main_picture(self) -> Picture:
        """What the main camera sees, with object ids: ground truth, for teachers and tests."""
        own = self.spec.main_camera
        return self.picture() if own == CAMERA else self.own_pictures()[own]

    def picture(self) -> Picture:
        """What the camera sees, with object ids: ground truth, for teachers and tests."""
        world = self.world
        return self.renderer.render(world.visuals(), world.camera, world.scene.lights)

    def own_pictures(self) -> dict[str, Picture]:
        """What the robot's own cameras see, by their names, with object ids: ground truth, for teachers and tests."""
        arm, world = self.world.arm, self.world
        if not isinstance(arm, MobileArm) or not arm.spec.cameras:
            return {}
        return dict(self._own_moment(arm, world.visuals()).pictures)

    def _own_moment(self, arm: MobileArm, parts: list[VisualPart]) -> Moment:
        """Drawn from close before the lens on, so that nothing nearer than a depth camera measures is seen through."""
        cameras = {name: replace(camera, near_m=LENS_M) for name, camera in arm.cameras().items()}
        shot = Shot(parts=parts, cameras=tuple(cameras.values()), lights=self.world.scene.lights)
        return self._moment(shot, tuple(cameras))

    def _moment(self, shot: Shot, names: tuple[str, ...]) -> Moment:
        moment = Moment(self.renderer, shot, names)
        self._moments.add(moment)
        return moment

    def _late_frames(self, arm: MobileArm, state: RobotState) -> dict[str, CameraFrame]:
        """Taken where the cameras really are, with the poses that the robot believes they have."""
        world, parts = self.world, self.world.visuals()
        frames: dict[str, CameraFrame] = {}
        if world.scene.camera is not None:
            camera = world.camera
            still = self._moment(Shot(parts=parts, cameras=(camera,), lights=world.scene.lights), (CAMERA,))
            frames[CAMERA] = LateFrame(
                still, CAMERA, intrinsics=camera.intrinsics, world_T_camera=camera.world_T_camera
            )
        if not arm.spec.cameras:
            return frames
        lenses = world.scene.lenses(arm.spec) if isinstance(world.scene, LensScene) else {}
        moment = self._own_moment(arm, parts)
        for number, mount in enumerate(arm.spec.cameras):
            believed = state.world_T_base @ base_T_camera(arm.spec, mount, state.arm_q, state.head_q)
            if mount.name in lenses:
                lens = lenses[mount.name]
                link = base_T_link(arm.spec, mount.link, state.arm_q, state.head_q)
                wide = lens.pinhole(arm.world_T_base @ Pose.from_matrix(link) @ lens.link_T_camera)
                shot = Shot(parts=parts, cameras=(wide,), lights=world.scene.lights)
                frames[mount.name] = LensFrame(
                    self._moment(shot, (mount.name,)), mount.name, lens, intrinsics=lens.described(mount),
                    world_T_camera=believed, measured_m=(mount.near_m, mount.far_m),
                    seed=(world.scene.seed, round(world.time_s * STEPS_PER_S), number),
                )  # fmt: skip
                continue
            frames[mount.name] = LateFrame(
                moment, mount.name, intrinsics=mount.intrinsics, measured_m=(mount.near_m, mount.far_m),
                world_T_camera=believed,
            )  # fmt: skip
        return frames

    def state(self) -> RobotState:
        arm = self.world.arm
        width = arm.width_m
        holding = width - arm.width_goal_m > arm.model.holding_gap_m and arm.closing_m_s < STILL_M_S
        if not isinstance(arm, MobileArm):
            return RobotState(
                world_T_base=Pose.identity(),
                arm_q=arm.q,
                gripper_width_m=width,
                world_T_tool=arm.tool(),
                holding=holding,
            )
        arm.felt()
        q, base = arm.q, arm.odometry.world_T_base
        return RobotState(
            world_T_base=base,
            arm_q=q,
            gripper_width_m=width,
            world_T_tool=base @ kinematics(arm.spec).tool(q),
            holding=holding,
            head_q=arm.head_q if arm.spec.head else None,
            odom_T_base=arm.odometry.odom_T_base,
            base_twist=arm.base_twist,
            wrist_force_n=arm.wrist_force_n,
        )

    def send(self, command: Command) -> Command:
        """Starts `command` as the limits admit it, and returns that."""
        world, gate = self.world, self._fresh_gate()
        sent = gate.admit(command, world.time_s - self._sent_at_s)
        self._sent_at_s = world.time_s
        self._start(sent)
        return sent

    def wait(self, seconds: float) -> None:
        """Steps the physics, at least to that time."""
        if not np.isfinite(seconds) or seconds < 0:
            raise ValueError(f"a robot waits a number of seconds, at least 0, not {seconds}")
        steps = int(np.ceil(seconds * STEPS_PER_S - 1e-9))
        arm = self.world.arm
        if not isinstance(arm, MobileArm):
            self.world.step(steps)
            return
        # A base follows its twist by the control period, as on a real robot, whoever waits however long.
        while steps > 0:
            now = min(steps, max(1, round(STEPS_PER_S / self.spec.control_hz)))
            arm.roll(self._fresh_gate().coast(now / STEPS_PER_S), now / STEPS_PER_S)
            self.world.step(now)
            arm.felt()
            steps -= now

    def stop(self) -> None:
        """Holds arm, fingers and head where they were last sent, and the base where it is."""
        self._start(self._fresh_gate().halt())
        if isinstance(self.world.arm, MobileArm):
            self.world.arm.roll(np.zeros(3), 0.0)

    def close(self) -> None:
        if not self._closed:
            self._closed = True
            for moment in self._moments:
                moment.draw()  # somebody still holds it
            self.renderer.close()
            self.world.close()

    def _start(self, command: Command) -> None:
        if command.arm_q is not None:
            self.world.arm.drive(command.arm_q)
        if command.gripper_width_m is not None:
            self.world.arm.grip(command.gripper_width_m)
        if command.head_q is not None and isinstance(self.world.arm, MobileArm):
            self.world.arm.look(command.head_q)

    def _fresh_gate(self) -> LimitGate:
        """The gate, told anew where the arm is after a reset (of the robot or of its world) or a teleport."""
        arm = self.world.arm
        if self._gate is None or self._gated is not arm or self._teleports != arm.teleports:
            head_q = arm.head_q if isinstance(arm, MobileArm) and self.spec.head else None
            self._gate = LimitGate(self.spec, arm_q=arm.q, gripper_width_m=arm.width_goal_m, head_q=head_q)
            self._gated, self._teleports, self._sent_at_s = arm, arm.teleports, self.world.time_s
        return self._gate


def open_sim_robot(*, renderer: Literal["auto", "gl", "tiny"] = "auto", gui: bool = False) -> SimRobot:
    """A robot in a world of its own, with the best renderer that this machine can run."""
    return SimRobot(World(gui=gui), open_renderer(renderer).renderer)
