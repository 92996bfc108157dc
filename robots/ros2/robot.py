"""A robot behind ROS 2 topics as a Robot: commands out within its limits, the freshest observation in, never a stale
one.

    with Node(domain=0) as node:
        robot = Ros2Robot(config, node)
        robot.connect(limit_s=10.0)
        robot.observe()

Messages take time both ways. Positions are sent a little before they are due (`Senses.lead_s`), so that they
arrive in time and in order. And `state` is of now, not of when it was measured: what was measured, and on top of it
what has been commanded since and is still on its way (a Smith predictor; O. J. M. Smith 1957). So a control loop
over a slow network sees its own commands at once, and what the robot did otherwise than told after one round trip.
What can't be foreseen, contact at the fingers and at the wrist, is as it was measured.
"""

from __future__ import annotations

from pathlib import Path
from threading import RLock

import numpy as np
from numpy.typing import NDArray

from robots.calibration import CameraCalibration, calibrated, read_calibration
from robots.geometry import Pose
from robots.interface import CameraFrame, Command, Observation, RobotState
from robots.kinematics import base_T_camera, kinematics
from robots.limits import LimitGate
from robots.ros2.clock import Clock, TwinClock, WallClock
from robots.ros2.config import Ros2Config
from robots.ros2.convert import MessageError
from robots.ros2.motors import Motors
from robots.ros2.node import Node
from robots.ros2.senses import Senses
from robots.ros2.service import Client, ServiceError
from robots.ros2.services import TriggerReply, TriggerRequest
from robots.ros2.tracks import driven
from robots.spec import RobotSpec

Float = NDArray[np.float64]
STILL_M_S = 0.02
LATELY_S = 0.05
"""Over so long the fingers' speed is measured."""
ANSWERS_S = 5.0
STOPS = 3
"""A stop is said so often: a message may be lost."""


FRESH_S, FRESHER_S = 0.2, 0.15
"""A picture that is older than messages take, and by more than the first, is not the newest that could be here: for so
long the next one is waited for."""
LONGEST_S = 0.1
"""A base coasts at most so long at once: what kept us from saying so is no reason to drive on."""


class RobotSilent(TimeoutError):
    """The robot says nothing, or nothing new; it was told to stop. The message is one line.

    An OSError, as any driver raises whose robot does not answer: for the safety kernel it is LOST.
    """


class Ros2Robot:
    """See the module. The node is whoever's who made it; `close` leaves it open.

    One thread commands it. Beside it another may call `keep`, `send` and `stop`: nothing is locked while time passes.

    Raises:
        CalibrationError: `config.calibration` is none, or one of another robot.
    """

    def __init__(self, config: Ros2Config, node: Node, *, clock: Clock | None = None) -> None:
        self.config, self.node = config, node
        self._spec = config.spec()
        found: dict[str, CameraCalibration] = {}
        if config.calibration is not None:
            owner, found = read_calibration(Path(config.calibration).expanduser())
            self._spec = calibrated(self._spec, owner, found)
        self._kinematics = kinematics(self._spec)
        self._clock: Clock = clock or (TwinClock(node) if config.clock == "twin" else WallClock())
        self.senses, self.motors = Senses(node, config, self._spec, found), Motors(node, config, self._spec)
        self._gate: LimitGate | None = None
        self._lock = RLock()
        self._sent_at_s = self._ticked_s = -np.inf
        self._hand_alone = False
        self._read_s = -np.inf
        self._stops = [Client(node, name, TriggerRequest, TriggerReply) for name in config.halt]

    # Connecting

    def connect(self, *, limit_s: float) -> None:
        """Waits until all topics have spoken, of the robot's clock at most so long, and prepares the driver.

        Raises:
            RobotSilent: some have not; the message names them.
        """
        with self._lock:
            self.senses.forget()
        self._run(0.0, pictures=True)
        end_s = self._now() + limit_s
        while missing := self._missing():
            if self._now() >= end_s:
                refused = f"; refused: {self.senses.refused}" if self.senses.refused else ""
                raise RobotSilent(
                    f"nothing has come for {limit_s:g} s on {', '.join(missing)} (ROS domain {self.config.domain}, "
                    f"network={self.config.network}): is the driver running there?{refused}"
                )
            self._run(0.05, pictures=True)
        for name in self.config.prepare:
            try:
                reply = Client(self.node, name, TriggerRequest, TriggerReply).call(TriggerRequest(), limit_s=ANSWERS_S)
            except ServiceError as e:
                raise RobotSilent(f"the driver can't be prepared: {e}") from e
            if not reply.success:
                raise RobotSilent(f"{name} was refused: {' '.join(reply.message.split())[:150]}")
        joints = self.senses.joints.newest
        self.motors.begin(self._now(), joints)
        dof = self._spec.dof
        head_q = joints[dof:-1] if self._spec.head is not None else None
        with self._lock:
            self._gate = LimitGate(self._spec, arm_q=joints[:dof], gripper_width_m=float(joints[-1]), head_q=head_q)
            self._sent_at_s, self._ticked_s = self._now(), self._clock.elapsed_s()

    @property
    def time_s(self) -> float:
        """The robot's clock, by which its messages are stamped."""
        return self._now()

    def _missing(self) -> list[str]:
        old = self.senses.age_s(self._now()) > self.config.state_limit_s
        return self.senses.missing() or ([self.config.joint_states] if old else [])

    # The Robot protocol

    @property
    def spec(self) -> RobotSpec:
        return self._spec

    def state(self) -> RobotState:
        """Of now: see the module.

        Raises:
            RobotSilent: what was measured last is older than `state_limit_s`. The robot was told to stop.
        """
        self._run(0.0)
        self._watch()
        if self._hand_alone:
            self._await_fingers()
        with self._lock:
            return self._foretold()

    def _foretold(self) -> RobotState:
        """What was measured, and what was commanded since."""
        senses, motors, dof = self.senses, self.motors, self._spec.dof
        measured_s = senses.joints.newest_s
        q, head_q, width_m = self._split(senses.joints.newest)
        q = self._foreseen(q, motors.arm.newest - motors.arm.at(measured_s))
        if head_q is not None:
            head_q = head_q + motors.head.newest - motors.head.at(measured_s)
        odom_T_base, twist = None, None
        if self._spec.base is not None:
            at_s = senses.odometry.newest_s
            odom_T_base = senses.odometry.at(at_s)
            twist = np.array(senses.twist.newest)
            if len(motors.twist):
                # Up to where the last twist that was sent will have been felt.
                ahead_s = self._now() + senses.delay_s()
                odom_T_base = odom_T_base @ driven(motors.twist.since(at_s), ahead_s)
                twist = twist + motors.twist.newest - motors.twist.at(at_s)
        assert len(q) == dof
        return self._told(odom_T_base, twist, q, head_q, width_m, measured_s)

    def observe(self) -> Observation:
        """Pictures from after everything that was sent has taken effect, and the state as it was measured then.

        From a base that drives, the newest there are. Raises RobotSilent as `state` does.
        """
        driving = self.motors.driving
        return self._look(-np.inf if driving else max(self.motors.settled_s, self.motors.twist.newest_s))

    def latest(self) -> Observation:
        """The newest pictures there are, whatever is under way: what a policy goes by while the arm moves."""
        return self._look(-np.inf)

    def _look(self, settled_s: float) -> Observation:
        """Pictures from `settled_s` on, and the state as it was measured then."""
        began_s = self._now()
        end_s = began_s + self.config.picture_limit_s + self.senses.lead_s()
        cameras = self.senses.cameras
        self._run(0.0, pictures=True)
        while True:
            oldest_s = min((c.newest_s() for c in cameras.values()), default=self.senses.joints.newest_s)
            now_s = self._now()
            new = now_s - oldest_s <= self.senses.delay_s() + FRESH_S or now_s - began_s >= FRESHER_S
            fresh = now_s - oldest_s <= self.config.picture_limit_s and oldest_s >= settled_s and new
            # The state of that moment must have come, too.
            if fresh and self.senses.joints.newest_s >= oldest_s:
                try:
                    with self._lock:
                        return self._seen()
                except MessageError as e:
                    self.senses.refused = str(e)
            if self._now() >= end_s:
                self.stop()
                topics = ", ".join(c.topics.color for c in cameras.values())
                refused = f"; refused: {self.senses.refused}" if self.senses.refused else ""
                raise RobotSilent(f"no new picture for {self._now() - began_s:.1f} s on {topics}: stopped{refused}")
            self._tick(self._spec.period_s, pictures=True)

    def send(self, command: Command) -> Command:
        """Starts `command` as the limits admit it, and returns that."""
        with self._lock:
            gate, now_s = self._ready(), self._now()
            sent = gate.admit(command, now_s - self._sent_at_s)
            self._sent_at_s = now_s
            hand = command.gripper_width_m is not None
            self._hand_alone = hand and command.arm_q is None and command.base_twist is None
            self.motors.send(sent, now_s, self.senses.lead_s())
            return sent

    def wait(self, seconds: float) -> None:
        """Lets time pass, and keeps the base driving and the drivers told meanwhile."""
        if not np.isfinite(seconds) or seconds < 0:
            raise ValueError(f"a robot waits a number of seconds, at least 0, not {seconds}")
        period_s = self._spec.period_s
        for _ in range(int(np.ceil(seconds / period_s - 1e-6))):
            self._tick(period_s)
        self._watch()

    def stop(self) -> None:
        """Holds arm, fingers and head where they were last sent, and brakes the base, now."""
        with self._lock:
            if self._gate is None:
                return
            now_s = self._now()
            held = self._gate.halt()
            self._hand_alone = False
            for _ in range(STOPS):
                self.motors.drive(np.zeros(3), now_s, self.senses.delay_s())
            self.motors.send(held, now_s, self.senses.lead_s())
            for service in self._stops:
                service.send(TriggerRequest())

    def keep(self) -> None:
        """For a thread beside the one that commands, once a period: where that one has let no time pass for longer
        than that, hears what has come, and tells the base what its gate lets it do, which is to brake before long."""
        late_s = self._clock.elapsed_s() - self._ticked_s
        if self._gate is not None and late_s > 1.5 * self._spec.period_s:
            self._say(min(late_s, LONGEST_S))
            self._run(0.0)

    def close(self) -> None:
        self.stop()
        with self._lock:
            self._gate = None

    # Within

    def _ready(self) -> LimitGate:
        if self._gate is None:
            raise RuntimeError("connect() comes before the first command")
        return self._gate

    def _now(self) -> float:
        return self._clock.now_s()

    def _run(self, seconds: float, *, pictures: bool = False) -> None:
        def hear() -> int:
            with self._lock:
                return self.senses.hear(self._now(), self._clock.elapsed_s())

        try:
            self._clock.run_until(self._now() + seconds, sent=self.motors.count, heard=hear, pictures=pictures)
        except ServiceError as e:
            raise RobotSilent(f"the twin is gone: {e}") from e

    def _tick(self, seconds: float, *, pictures: bool = False) -> None:
        """One control period: the base as its gate lets it go on, what was said before once more."""
        self._say(seconds)
        self._run(seconds, pictures=pictures)

    def _say(self, seconds: float) -> None:
        with self._lock:
            self._ticked_s = self._clock.elapsed_s()
            if self._gate is not None:
                self.motors.drive(self._gate.coast(seconds), self._now(), self.senses.delay_s())
                self.motors.again(self._now())

    def _watch(self) -> None:
        """Stops where nothing new has come for too long.

        Raises:
            RobotSilent: so it is.
        """
        limit_s = self.config.state_limit_s
        for _ in range(int(np.ceil(limit_s / self._spec.period_s))):
            if self.senses.age_s(self._now()) <= limit_s:
                return
            self._tick(self._spec.period_s)  # after a long thought there is much to hear
        if self.senses.age_s(self._now()) > limit_s:
            self.stop()
            raise RobotSilent(f"nothing new on {self.config.joint_states} for {limit_s:g} s: stopped")

    def _await_fingers(self) -> None:
        """Until what the fingers were told last is seen to begin, and something new was measured since the last
        time."""
        due_s = max(self.motors.width.newest_s + LATELY_S, self._read_s)
        for _ in range(int(np.ceil(self.config.state_limit_s / self._spec.period_s))):
            if self.senses.joints.newest_s > due_s:
                break
            self._tick(self._spec.period_s)
        self._read_s = self.senses.joints.newest_s

    def _split(self, joints: Float) -> tuple[Float, Float | None, float]:
        dof = self._spec.dof
        return (
            np.array(joints[:dof]),
            np.array(joints[dof:-1]) if self._spec.head is not None else None,
            float(joints[-1]),
        )

    def _foreseen(self, q: Float, change: Float) -> Float:
        """Measured joints and what was sent since, no further than the stops, where it was not beyond them already."""
        lower, upper = np.minimum(self._spec.q_lower_rad, q), np.maximum(self._spec.q_upper_rad, q)
        return np.asarray(np.clip(q + change, lower, upper))

    def _told(
        self, odom_T_base: Pose | None, twist: Float | None, q: Float, head_q: Float | None, width_m: float, at_s: float
    ) -> RobotState:
        base = Pose.identity() if odom_T_base is None else self.senses.map_T_odom @ odom_T_base
        return RobotState(
            world_T_base=base, arm_q=q, gripper_width_m=width_m, world_T_tool=base @ self._kinematics.tool(q),
            holding=self._holding(at_s), head_q=head_q, odom_T_base=odom_T_base, base_twist=twist,
            wrist_force_n=None if self.senses.wrist_force_n is None else self.senses.wrist_force_n.copy(),
        )  # fmt: skip

    def _holding(self, at_s: float) -> bool:
        """Whether fingers that stand still are further apart than they had been told to be by then."""
        joints, goal = self.senses.joints, self.motors.width
        width_m = float(joints.at(at_s)[-1])
        closing_m_s = (float(joints.at(at_s - LATELY_S)[-1]) - width_m) / LATELY_S
        told_m = float(goal.at(at_s)[0]) if len(goal) else width_m
        return width_m - told_m > self.config.holding_gap_m and closing_m_s < STILL_M_S

    def _seen(self) -> Observation:
        senses, spec = self.senses, self._spec
        main = spec.main_camera
        at_s = senses.cameras[main].newest_s() if main in senses.cameras else senses.joints.newest_s
        frames: dict[str, CameraFrame] = {}
        for name, camera in senses.cameras.items():
            state = self._measured(camera.newest_s())
            mounted = base_T_camera(spec, camera.mount, state.arm_q, state.head_q)
            frames[name] = camera.frame(state.world_T_base @ mounted)
        return Observation(time_s=at_s, frames=frames, state=self._measured(at_s), camera=main)

    def _measured(self, at_s: float) -> RobotState:
        """The state as it was at a moment."""
        q, head_q, width_m = self._split(self.senses.joints.at(at_s))
        odom_T_base = self.senses.odometry.at(at_s) if self._spec.base is not None else None
        twist = np.array(self.senses.twist.at(at_s)) if self._spec.base is not None else None
        return self._told(odom_T_base, twist, q, head_q, width_m, at_s)
