"""TIAGo Pro keeps the robots' contract; its arm reaches where one works, and its fingers hold."""

from __future__ import annotations

import numpy as np

from robots.geometry import Pose
from robots.interface import Command, Robot
from robots.kinematics import kinematics
from robots.mobile.shapes import robot_shape
from robots.planning.motion import pointing_down
from robots.tiago_pro import tiago_pro
from sim.mobile import MobileArm
from sim.render import open_renderer
from sim.robot import SimRobot
from sim.world import World
from tests.contracts import RobotContract
from tests.small_room import COUNTER, RoomScene, SmallRoom, Thing, room_of

BLOCK = Thing(size_m=(0.05, 0.05, 0.05), xyz_m=(0.85, 0.05, 0.9), mass_kg=0.1)


def in_room() -> SimRobot:
    robot = SimRobot(World(spec=tiago_pro()), open_renderer().renderer)
    setting = SmallRoom(things={"counter": COUNTER, "block": BLOCK})
    robot.reset(RoomScene(setting=setting, start=Pose.from_xyz_yaw([0.15, 0.1, 0.0], 0.05)))
    return robot


def top(robot: Robot) -> np.ndarray:
    assert isinstance(robot, SimRobot)
    assert isinstance(robot.world.arm, MobileArm)
    there = room_of(robot.world).pose("block").apply([0.0, 0.0, BLOCK.size_m[2] / 2])
    return robot.world.arm.world_T_base.inverse().apply(there)


class TestTiagoPro(RobotContract):
    def make(self) -> Robot:
        return in_room()

    def mark(self, robot: Robot) -> dict[str, np.ndarray]:
        return {"head": top(robot)}


def test_it_takes_the_block_by_friction_and_holds_it() -> None:
    robot = in_room()
    spec, at = robot.spec, top(robot)
    way = [kinematics(spec).reach(pointing_down(at + [0.0, 0.0, -0.02], -0.05), spec.posture)]
    for up in np.linspace(0.0, 0.13, 14)[1:]:
        way.append(kinematics(spec).solve(pointing_down(at + [0.0, 0.0, up - 0.02], -0.05), way[-1].q))
    assert all(step.converged for step in way)
    assert isinstance(robot.world.arm, MobileArm)
    robot.world.arm.teleport(way[0].q, spec.gripper_max_width_m)
    for step in (way[0], *way):
        for _ in range(40):
            robot.send(Command(arm_q=step.q, gripper_width_m=0.0))
            robot.wait(spec.period_s)
    assert robot.state().holding
    assert robot.state().gripper_width_m == np.clip(robot.state().gripper_width_m, 0.045, 0.052)
    assert room_of(robot.world).pose("block").xyz[2] > 1.0
    robot.close()


def test_its_balls_hold_the_meshes_that_collide_and_home_is_free_of_itself() -> None:
    spec = tiago_pro()
    shape = robot_shape(spec, Pose.identity(), width_m=0.07)
    for q in (spec.home_q_rad, spec.posture):
        centres = shape.centres(q[None])[0]
        i, j = shape.pairs.T
        gaps = np.linalg.norm(centres[i] - centres[j], axis=1) - shape.radii_m[i] - shape.radii_m[j]
        assert gaps.min() > 0.0
