"""What a robot says of itself on its topics, kept by time stamp; broken messages change nothing."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from statistics import median
from typing import Any

import numpy as np
from numpy.typing import NDArray

from robots.calibration import CameraCalibration
from robots.geometry import Pose
from robots.ros2 import convert
from robots.ros2 import messages as m
from robots.ros2.cameras import AHEAD_S, CameraReader
from robots.ros2.config import Ros2Config
from robots.ros2.node import Node, Subscription
from robots.ros2.tracks import PoseTrack, Track
from robots.spec import RobotSpec

Float = NDArray[np.float64]
DELAYS = 200
"""Messages over which delays are looked at: a few seconds."""
MOST_DELAY_S = 0.5
SPARE = 0.25


class Senses:
    """Subscriptions to a robot's topics. joints: float64[J + H + 1], arm, head, gap between the fingers."""

    def __init__(
        self,
        node: Node,
        config: Ros2Config,
        spec: RobotSpec,
        calibration: Mapping[str, CameraCalibration] | None = None,
    ) -> None:
        self._config, self._spec = config, spec
        self.map_T_odom = Pose.identity()
        self.wrist_force_n: Float | None = None
        self.refused = ""
        """The last broken message, in words."""
        self._elapsed_s = self._received_s = 0.0  # by the clock that nobody sets
        self._delays: deque[float] = deque(maxlen=DELAYS)
        self._position: dict[str, float] = {}
        head = spec.head.joint_names if spec.head is not None else ()
        self._names = [config.driver_name(name) for name in (*spec.joint_names, *head)]
        self._topics: dict[str, Subscription[Any]] = {
            config.joint_states: node.subscription(config.joint_states, m.JointState, "sensor"),
            "/tf": node.subscription("/tf", m.TFMessage, "sensor", depth=100),
            "/tf_static": node.subscription("/tf_static", m.TFMessage, "latched", depth=100),
        }
        if spec.base is not None:
            self._topics[config.odometry] = node.subscription(config.odometry, m.Odometry, "sensor")
        if config.wrench:
            self._topics[config.wrench] = node.subscription(config.wrench, m.WrenchStamped, "sensor")
        self.cameras = {
            mount.name: CameraReader(node, mount, config.cameras[mount.name], (calibration or {}).get(mount.name))
            for mount in spec.cameras
            if mount.name in config.cameras
        }
        self.forget()

    def forget(self) -> None:
        """What was measured until now: before a new beginning, at which the clock may have been set."""
        self.joints, self.twist, self.odometry = Track(), Track(), PoseTrack()
        self._position.clear()
        self._delays.clear()
        for camera in self.cameras.values():
            camera.forget()

    def hear(self, now_s: float, elapsed_s: float) -> int:
        """Takes what has come by these two clocks; how many messages that were since the beginning."""
        self._elapsed_s = elapsed_s
        for topic, subscription in self._topics.items():
            for message in subscription.take():
                try:
                    self._learn(message, now_s)
                except (convert.MessageError, ValueError, OverflowError) as e:
                    self.refused = f"{topic}: {' '.join(str(e).split())[:150]}"
        for camera in self.cameras.values():
            camera.hear(now_s)
            self.refused, camera.refused = camera.refused or self.refused, ""
        return sum(s.count for s in self._topics.values()) + sum(c.count for c in self.cameras.values())

    def missing(self) -> list[str]:
        """Topics on which nothing has come that is needed."""
        missing = [] if len(self.joints) else [self._config.joint_states]
        if self._spec.base is not None and self.odometry.newest_s == -np.inf:
            missing.append(self._config.odometry)
        return missing + [topic for camera in self.cameras.values() for topic in camera.missing()]

    def age_s(self, now_s: float) -> float:
        """How old the newest joint state (and odometry) is: by its stamp, and by when it came, whichever is more."""
        newest_s = self.joints.newest_s
        if self._spec.base is not None:
            newest_s = min(newest_s, self.odometry.newest_s)
        return max(now_s - newest_s, self._elapsed_s - self._received_s)

    def delay_s(self) -> float:
        """How long messages take from the robot to here, typically; the way back is taken to be as long."""
        return median(self._delays) if self._delays else 0.0

    def lead_s(self) -> float:
        """How long before they are due positions are sent, to be there in time: the longest delay and some more."""
        return (1 + SPARE) * max(self._delays, default=0.0)

    def _learn(self, message: Any, now_s: float) -> None:
        if isinstance(message, m.JointState):
            self._joint_state(message, now_s)
        elif isinstance(message, m.Odometry):
            at = self._stamped(message.header, now_s)
            moving = convert.sane(convert.twist_values(message.twist.twist), "a velocity")
            self.odometry.add(at, convert.pose(message.pose.pose.position, message.pose.pose.orientation))
            self.twist.add(at, moving)
        elif isinstance(message, m.TFMessage):
            for one in message.transforms:
                names = one.header.frame_id.lstrip("/"), one.child_frame_id.lstrip("/")
                if names == (self._config.map_frame, self._config.odom_frame):
                    self.map_T_odom = convert.pose(one.transform.translation, one.transform.rotation)
        else:
            force = message.wrench.force
            self.wrist_force_n = convert.sane([force.x, force.y, force.z], "a force")

    def _joint_state(self, message: m.JointState, now_s: float) -> None:
        at = self._stamped(message.header, now_s)
        if len(message.name) != len(message.position):
            raise convert.MessageError(f"{len(message.name)} names for {len(message.position)} positions")
        told = dict(zip(message.name, (float(p) for p in message.position), strict=True))
        mine = {name: told[name] for name in (*self._names, *self._config.gripper_joints) if name in told}
        convert.sane(list(mine.values()), "joints at positions")
        # Drivers of arm, head and hand may each tell of their own joints.
        self._position.update(mine)
        if not mine or any(name not in self._position for name in (*self._names, *self._config.gripper_joints)):
            return
        width_m = self._config.gripper_m * sum(self._position[name] for name in self._config.gripper_joints)
        if self.joints.add(at, np.array([*(self._position[name] for name in self._names), width_m])):
            self._received_s = self._elapsed_s
            self._delays.append(float(np.clip(now_s - at, 0.0, MOST_DELAY_S)))

    def _stamped(self, header: m.Header, now_s: float) -> float:
        at = convert.seconds(header.stamp)
        if at > now_s + AHEAD_S:
            raise convert.MessageError(f"a stamp {at - now_s:.1f} s ahead of the clock here")
        return at if at > 0 else now_s
