"""The simulated Panda behind the Robot protocol: what a real one would show and do, and nothing of the ground truth.

robot = open_sim_robot()
robot.reset(scene)
robot.send(Command(arm_q=q)); robot.wait(0.1); robot.observe()
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from robots.geometry import Pose
from robots.interface import Command, Observation, RobotState
from robots.limits import LimitGate
from robots.spec import RobotSpec
from sim.arm import Arm
from sim.render import Picture, Renderer, open_renderer
from sim.scenes import Scene
from sim.world import STEPS_PER_S, World

CAMERA = "front"
HOLDING_GAP_M = 0.003
"""The fingers hold something where they stand still this much wider than they were told to close."""
STILL_M_S = 0.02
"""Pressed fingers tremble; ones that close on nothing do so at 0.2 m/s."""


class SimRobot:
    """A Robot over a World. Its clock is the world's; it closes the world and the renderer with itself."""

    def __init__(self, world: World, renderer: Renderer) -> None:
        self.world, self.renderer = world, renderer
        self._gate: LimitGate | None = None
        self._gated: Arm | None = None
        self._teleports = -1
        self._sent_at_s = 0.0
        self._closed = False

    def reset(self, scene: Scene) -> None:
        """A new scene, clock at 0."""
        self.world.reset(scene)
        self._gate = None

    @property
    def spec(self) -> RobotSpec:
        return self.world.spec

    def observe(self) -> Observation:
        """The camera's picture and the state."""
        frame = self.picture().frame(self.world.scene.camera)
        return Observation(time_s=self.world.time_s, frames={CAMERA: frame}, state=self.state())

    def picture(self) -> Picture:
        """What the camera sees, with object ids: ground truth, for teachers and tests."""
        scene = self.world.scene
        return self.renderer.render(self.world.visuals(), scene.camera, scene.lights)

    def state(self) -> RobotState:
        arm = self.world.arm
        width = arm.width_m
        return RobotState(
            world_T_base=Pose.identity(),
            arm_q=arm.q,
            gripper_width_m=width,
            world_T_tool=arm.tool(),
            holding=width - arm.width_goal_m > HOLDING_GAP_M and arm.closing_m_s < STILL_M_S,
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
        self.world.step(int(np.ceil(seconds * STEPS_PER_S - 1e-9)))

    def stop(self) -> None:
        """Holds arm and fingers where they were last sent."""
        self._start(self._fresh_gate().halt())

    def close(self) -> None:
        if not self._closed:
            self._closed = True
            self.renderer.close()
            self.world.close()

    def _start(self, command: Command) -> None:
        if command.arm_q is not None:
            self.world.arm.drive(command.arm_q)
        if command.gripper_width_m is not None:
            self.world.arm.grip(command.gripper_width_m)

    def _fresh_gate(self) -> LimitGate:
        """The gate, told anew where the arm is after a reset (of the robot or of its world) or a teleport."""
        arm = self.world.arm
        if self._gate is None or self._gated is not arm or self._teleports != arm.teleports:
            self._gate = LimitGate(self.spec, arm_q=arm.q, gripper_width_m=arm.width_goal_m)
            self._gated, self._teleports, self._sent_at_s = arm, arm.teleports, self.world.time_s
        return self._gate


def open_sim_robot(*, renderer: Literal["auto", "gl", "tiny"] = "auto", gui: bool = False) -> SimRobot:
    """A robot in a world of its own, with the best renderer that this machine can run."""
    return SimRobot(World(gui=gui), open_renderer(renderer).renderer)
