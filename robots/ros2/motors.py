"""Commands on their way to a robot's drivers, and what they will have done by when."""

from __future__ import annotations

from collections import deque
from typing import Any

import numpy as np
from numpy.typing import NDArray

from robots.interface import Command
from robots.ros2 import convert
from robots.ros2 import messages as m
from robots.ros2.config import Ros2Config
from robots.ros2.node import Node, Publisher
from robots.ros2.tracks import Track
from robots.spec import RobotSpec

Float = NDArray[np.float64]
KEPT_S = 0.1
"""Each trajectory begins so long before now: as long as messages are lost in a row, no position is."""
AGAIN_S, STILL_AGAIN_S = 0.1, 2.0
"""What was last said is said again so often, for so long: the last message may be the one that is lost."""


class Joints:
    """A stream of positions for one group of joints as trajectories with the times when they are due.

    A joint_trajectory_controller replaces what it has by what comes, and starts where the time is now. So each holds
    all that may not have been done yet. Positions that are due a little later than they are sent arrive in time
    whatever their delay was.
    """

    def __init__(self, node: Node, topic: str, names: tuple[str, ...]) -> None:
        self._publisher: Publisher[Any] = node.publisher(topic, m.JointTrajectory, "reliable")
        self._names = list(names)
        self._points: deque[tuple[float, Float]] = deque()

    @property
    def count(self) -> int:
        return self._publisher.count

    def send(self, due_s: float, q: Float, now_s: float) -> None:
        while self._points and self._points[0][0] < now_s - KEPT_S:
            self._points.popleft()
        self._points.append((due_s, q))
        self.again()

    def again(self) -> None:
        if not self._points:
            return
        first_s = self._points[0][0]
        self._publisher.send(
            m.JointTrajectory(
                header=m.Header(stamp=convert.stamp(first_s)),
                joint_names=self._names,
                points=[
                    m.JointTrajectoryPoint(positions=q.tolist(), time_from_start=convert.span(at - first_s))
                    for at, q in self._points
                ],
            )
        )


class Motors:
    """Publishers to a robot's drivers. arm, head, width, twist: what was sent, by the robot's time at which it is
    due."""

    def __init__(self, node: Node, config: Ros2Config, spec: RobotSpec) -> None:
        self._config, self._spec = config, spec
        self.arm, self.head, self.width, self.twist = Track(), Track(), Track(steps=True), Track(steps=True)
        self._publishers: list[Any] = []
        self._arm = Joints(node, config.arm, _named(config, spec.joint_names)) if config.arm else None
        head = spec.head
        self._head = (
            Joints(node, config.head, _named(config, head.joint_names)) if config.head and head is not None else None
        )
        self._gripper: Any = node.publisher(config.gripper, m.GripperCommand, "reliable") if config.gripper else None
        self._stream: Any = node.publisher(config.stream, m.Float64MultiArray, "reliable") if config.stream else None
        self._base: Any = node.publisher(config.cmd_vel, m.Twist, "reliable") if spec.base is not None else None
        self._publishers = [
            p for p in (self._arm, self._head, self._gripper, self._stream, self._base) if p is not None
        ]
        self._changed_s = self._said_s = -np.inf

    @property
    def count(self) -> int:
        """Messages so far."""
        return sum(p.count for p in self._publishers)

    @property
    def settled_s(self) -> float:
        """When all that was sent, and changed anything, has taken effect."""
        tracks = (self.arm, self.head, self.width)
        return max((t.newest_s for t in tracks), default=-np.inf)

    def send(self, command: Command, now_s: float, lead_s: float) -> None:
        """Positions of a command as admitted, due `lead_s` from now. The twist goes by `drive`."""
        due_s = now_s + lead_s
        if command.arm_q is not None:
            arm_s = self._due(self.arm, due_s)
            self.arm.add(arm_s, command.arm_q)
            if self._arm is not None:
                self._arm.send(arm_s, command.arm_q, now_s)
        if command.head_q is not None:
            head_s = self._due(self.head, due_s)
            self.head.add(head_s, command.head_q)
            if self._head is not None:
                self._head.send(head_s, command.head_q, now_s)
        if command.gripper_width_m is not None:
            width = np.array([command.gripper_width_m])
            if len(self.width) == 0 or self.width.newest[0] != width[0]:
                self.width.add(self._due(self.width, due_s), width)
                self._grip()
                self._changed_s = now_s
        if command.arm_q is not None or command.head_q is not None:
            self._changed_s = now_s
        if self._stream is not None:
            self._stream_all()
        self._said_s = now_s

    def again(self, now_s: float) -> None:
        """Says what was last said once more, now and then, for a while."""
        if now_s - self._said_s < AGAIN_S or now_s - self._changed_s > STILL_AGAIN_S:
            return
        self._said_s = now_s
        for joints in (self._arm, self._head):
            if joints is not None:
                joints.again()
        self._grip()
        if self._stream is not None:
            self._stream_all()

    def drive(self, twist: Float, now_s: float, delay_s: float) -> None:
        """Velocities of the base, float64[3], that are felt after `delay_s`."""
        if self._base is None:
            return
        moved = len(self.twist) > 0 and (self.twist.newest.any() or now_s - self.twist.newest_s < AGAIN_S + delay_s)
        if twist.any() or moved:
            if len(self.twist) == 0 or twist.any() or self.twist.newest.any():
                self.twist.add(self._due(self.twist, now_s + delay_s), twist)
            self._base.send(convert.twist(twist))

    @property
    def driving(self) -> bool:
        """Whether the base was last told to move."""
        return len(self.twist) > 0 and bool(self.twist.newest.any())

    def _grip(self) -> None:
        if self._gripper is not None and len(self.width):
            self._gripper.send(m.GripperCommand(position=float(self.width.newest[0]), max_effort=0.0))

    def _stream_all(self) -> None:
        """All joints' positions at once; those that were never told to move where they were last seen."""
        config, spec = self._config, self._spec
        where: dict[str, float] = {"": 0.0}
        head = spec.head.joint_names if spec.head is not None else ()
        for names, track in ((spec.joint_names, self.arm), (head, self.head)):
            where |= {config.driver_name(n): float(v) for n, v in zip(names, track.newest, strict=True)}
        where["gripper"] = float(self.width.newest[0]) / (config.gripper_m * max(len(config.gripper_joints), 1))
        self._stream.send(m.Float64MultiArray(data=[where[name] for name in config.streamed]))

    @staticmethod
    def _due(track: Track, due_s: float) -> float:
        """Nothing is due before what was sent earlier."""
        return max(due_s, track.newest_s + 1e-4) if len(track) else due_s

    def begin(self, now_s: float, joints: Float) -> None:
        """The robot stands still where it is, float64[J + H + 1]."""
        dof = self._spec.dof
        for track, values in ((self.arm, joints[:dof]), (self.head, joints[dof:-1]), (self.width, joints[-1:])):
            track.add(now_s, values)


def _named(config: Ros2Config, joints: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(config.driver_name(joint) for joint in joints)
