"""A robot behind ROS 2 topics keeps what every Robot promises: over DDS, to a twin in this process."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("cyclonedds")

from robots.geometry import Pose
from robots.interface import Robot
from robots.kinematics import kinematics
from robots.mobile_panda import mobile_panda
from robots.ros2.node import Node
from robots.ros2.robot import Ros2Robot
from robots.ros2.services import StepRequest
from sim.robot import SimRobot
from sim.twin.channel import Link
from sim.twin.serve import Steps
from sim.twin.twin import Twin
from tests.contracts import RobotContract
from tests.ros2_config import configured
from tests.test_mobile_robot import arm_of, in_room, top


class Beside:
    """The twin's clock without the way to another process."""

    def __init__(self, steps):
        self._steps, self._now_s, self._before = steps, 0.0, None

    def now_s(self):
        return self._now_s

    elapsed_s = now_s

    def run_until(self, time_s, *, sent, heard, pictures=False):
        request = StepRequest(client=1, until_ns=round(time_s * 1e9), sent=sent, pictures=pictures)
        reply = self._steps._step(request)
        self._now_s = reply.now_ns * 1e-9
        if self._before is None:
            self._before = reply.told - heard()
        for _ in range(2000):
            if heard() + self._before >= reply.told:
                break
        self._before = reply.told - heard()


class Connected(Ros2Robot):
    """With the twin that it is connected to."""

    twin_node: Node
    sim: SimRobot

    def close(self):
        super().close()
        self.node.close()
        self.twin_node.close()
        self.sim.close()


class TestRos2Robot(RobotContract):
    def make(self) -> Robot:
        config = configured()
        config = replace(config, cameras={n: replace(c, pictures_hz=60.0) for n, c in config.cameras.items()})
        domain = config.domain
        sim, ours, theirs = in_room(mobile_panda()), Node(domain=domain), Node(domain=domain)
        assert isinstance(sim, SimRobot)
        twin = Twin(theirs, config, sim, Link(), eager=False)
        robot = Connected(config, ours, clock=Beside(Steps(theirs, twin, None)))
        robot.twin_node, robot.sim = theirs, sim
        robot.connect(limit_s=10.0)
        return robot

    def mark(self, robot):
        mark = top(robot.sim)
        over = Pose(xyz=mark + [-0.06, 0.0, 0.25], quat_xyzw=np.array([1.0, 0.0, 0.0, 0.0]))
        arm_of(robot.sim).teleport(kinematics(robot.spec).reach(over, robot.spec.posture).q, 0.08)
        robot.wait(0.1)
        return {"wrist": mark}
