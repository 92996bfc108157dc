"""The robot's computer and its drivers, simulated: a SimRobot behind the topics of a Ros2Config, over a bad network."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from robots.interface import CameraFrame, Robot
from robots.ros2 import convert
from robots.ros2 import messages as m
from robots.ros2.cameras import turned_intrinsics
from robots.ros2.config import CameraTopics, Ros2Config
from robots.ros2.node import Node, Publisher, Reliability, Subscription
from robots.ros2.service import Server
from robots.ros2.services import TriggerReply, TriggerRequest
from sim.robot import SimRobot
from sim.twin.channel import Channel, Link
from sim.twin.drivers import Drivers

BEGINS_S = 1.0
"""A stamp of 0 means none in ROS, so the clock begins here."""


class Twin:
    """Ticks by the control period: hears commands, lets the physics go on, says what the robot senses.

    robot: what is let go on; the SimRobot itself, or that in the company of people. `told`, `heard`: messages so far.
    Pictures are drawn when they are wanted: all that arrive (`eager`), or the newest when somebody asks.
    """

    def __init__(self, node: Node, config: Ros2Config, sim: SimRobot, link: Link, *, eager: bool) -> None:
        self.config, self.sim, self._eager = config, sim, eager
        self.robot: Robot = sim
        self._node, self._link = node, link
        self._spec = sim.spec
        self._publishers: dict[str, Publisher[Any]] = {}
        self._offset_s = BEGINS_S
        self._next_picture_s: dict[str, float] = {}
        self._ready: dict[str, Callable[[], None]] = {}
        self.refused = ""
        self.drivers = Drivers(config, self._spec)
        drives = config.cmd_vel if self._spec.base is not None else ""
        taken: list[tuple[str, Any, Callable[[Any], None]]] = [
            (config.arm, m.JointTrajectory, lambda x: self.drivers.arm.take(x, self.now_s)),
            (config.head, m.JointTrajectory, lambda x: self.drivers.head.take(x, self.now_s)),
            (config.gripper, m.GripperCommand, lambda x: self.drivers.grip(x, self.now_s)),
            (config.stream, m.Float64MultiArray, lambda x: self.drivers.stream(x, self.now_s)),
            (drives, m.Twist, lambda x: self.drivers.drive(x, self.now_s)),
        ]
        self._taken: list[tuple[str, Subscription[Any], Callable[[Any], None]]] = [
            (topic, node.subscription(topic, kind, "reliable", depth=64), take) for topic, kind, take in taken if topic
        ]
        self._services = [
            *(
                Server(node, name, TriggerRequest, TriggerReply, lambda _: TriggerReply(success=True))
                for name in config.prepare
            ),
            *(Server(node, name, TriggerRequest, TriggerReply, self._halt) for name in config.halt),
        ]
        self.begin(np.random.default_rng(0), at_s=BEGINS_S)

    # Time

    @property
    def now_s(self) -> float:
        """Its clock, which goes on when the scene changes."""
        return self._offset_s + self.sim.world.time_s

    def begin(self, rng: np.random.Generator, *, at_s: float) -> None:
        """A new scene stands in the world: nothing is under way, no command holds, the clock goes on from `at_s`."""
        self._offset_s = at_s - self.sim.world.time_s
        self._to_robot, self._to_us = Channel(self._link, rng), Channel(self._link, rng)
        self.drivers = Drivers(self.config, self._spec)
        self._ready.clear()
        self._next_picture_s = {mount.name: at_s for mount in self._spec.cameras}

    def jump_to(self, time_s: float) -> None:
        """Sets its clock forward, which alone changes nothing in the world."""
        ahead_s = max(time_s - self.now_s, 0.0)
        self._offset_s += ahead_s
        self._next_picture_s = {name: at_s + ahead_s for name, at_s in self._next_picture_s.items()}

    @property
    def lost(self) -> int:
        """Messages lost on the way, of this scene."""
        return self._to_robot.lost + self._to_us.lost

    def tick(self) -> None:
        """One control period."""
        self.listen()
        self._to_robot.deliver(self.now_s)
        self.robot.send(self.drivers.command(self.now_s))
        self.robot.wait(self._spec.period_s)
        self._speak()

    # Hearing

    @property
    def heard(self) -> int:
        """Messages that came in, since the beginning."""
        return sum(subscription.count for _, subscription, _ in self._taken)

    def listen(self) -> int:
        """Puts what has come on its way to the drivers; how many messages that were since the beginning."""
        for topic, subscription, take in self._taken:
            for message in subscription.take():
                self._to_robot.put(topic, self.now_s, lambda take=take, message=message: self._take(take, message))  # type: ignore[misc]
        return self.heard

    def answer(self) -> None:
        """Answers the services of the driver."""
        for service in self._services:
            service.poll()

    def _halt(self, request: TriggerRequest) -> TriggerReply:
        self.drivers.halt(self.now_s)
        return TriggerReply(success=True)

    def _take(self, take: Callable[[Any], None], message: Any) -> None:
        try:
            take(message)
        except (convert.MessageError, OverflowError) as e:
            self.refused = " ".join(str(e).split())[:150]

    # Speaking

    @property
    def told(self) -> int:
        """Messages that went out, since the beginning."""
        return sum(p.count for p in self._publishers.values())

    def _speak(self) -> None:
        now_s, config, spec, state = self.now_s, self.config, self._spec, self.sim.state()
        header = m.Header(stamp=convert.stamp(now_s), frame_id=config.odom_frame)
        names = [*spec.joint_names, *(spec.head.joint_names if spec.head is not None else ())]
        fingers = state.gripper_width_m / (config.gripper_m * len(config.gripper_joints))
        positions = [*state.arm_q, *(state.head_q if state.head_q is not None else ())]
        joints = m.JointState(
            header=header, name=[*map(config.driver_name, names), *config.gripper_joints],
            position=[*map(float, positions), *[fingers] * len(config.gripper_joints)],
        )  # fmt: skip
        self._put(config.joint_states, joints)
        if state.odom_T_base is not None and state.base_twist is not None:
            pose = state.odom_T_base
            where = m.Pose(position=convert.point(pose.xyz), orientation=convert.quaternion(pose.quat_xyzw))
            odometry = m.Odometry(
                header=header, child_frame_id=spec.base_link, pose=m.PoseWithCovariance(pose=where),
                twist=m.TwistWithCovariance(twist=convert.twist(state.base_twist)),
            )  # fmt: skip
            self._put(config.odometry, odometry)
            found = state.world_T_base @ pose.inverse()
            transform = m.Transform(
                translation=convert.vector(found.xyz), rotation=convert.quaternion(found.quat_xyzw)
            )  # fmt: skip
            up = m.TransformStamped(
                header=m.Header(stamp=header.stamp, frame_id=config.map_frame), child_frame_id=config.odom_frame,
                transform=transform,
            )  # fmt: skip
            self._put("/tf", m.TFMessage(transforms=[up]))
        if config.wrench and state.wrist_force_n is not None:
            wrench = m.Wrench(force=convert.vector(state.wrist_force_n))
            self._put(config.wrench, m.WrenchStamped(header=header, wrench=wrench))
        self._look()
        self._to_us.deliver(now_s)

    def _look(self) -> None:
        """Takes the pictures that are due, which are drawn later, as of now."""
        due = [name for name, at_s in self._next_picture_s.items() if self.now_s >= at_s - 1e-6]
        if not due:
            return
        seen = self.sim.observe()
        for name in due:
            topics = self.config.cameras[name]
            self._next_picture_s[name] += 1.0 / topics.pictures_hz
            self._picture(topics, seen.frames[name], self.now_s)

    def _picture(self, topics: CameraTopics, frame: CameraFrame, at_s: float) -> None:
        back = -topics.quarter_turns

        def color() -> None:
            picture = np.rot90(frame.rgb, back)
            height, width = picture.shape[:2]
            mounted_height, mounted_width = frame.rgb.shape[:2]
            k = turned_intrinsics(frame.intrinsics, mounted_width, mounted_height, back)
            self._send(topics.info, convert.camera_info(k, width, height, at_s, topics.info.strip("/")))
            self._send(topics.color, convert.image(picture, at_s, topics.info.strip("/")))

        def depth() -> None:
            self._send(topics.depth, convert.image(np.rot90(frame.depth_m, back), at_s, topics.info.strip("/")))

        for topic, draw in ((topics.color, color), (topics.depth, depth)):
            self._to_us.put(topic, self.now_s, lambda topic=topic, draw=draw: self._arrived(topic, draw))  # type: ignore[misc]

    def _arrived(self, topic: str, draw: Callable[[], None]) -> None:
        if self._eager:
            draw()
        else:
            self._ready[topic] = draw

    def show(self) -> None:
        """Sends the newest pictures that have arrived, those that nobody has seen yet."""
        for draw in self._ready.values():
            draw()
        self._ready.clear()

    def _put(self, topic: str, message: Any) -> None:
        self._to_us.put(topic, self.now_s, lambda: self._send(topic, message))

    def _send(self, topic: str, message: Any, quality: Reliability = "reliable") -> None:
        if topic not in self._publishers:
            self._publishers[topic] = self._node.publisher(topic, type(message), quality, depth=20)
        self._publishers[topic].send(message)
