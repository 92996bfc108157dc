"""The safety kernel: limits, vetoes and watchdogs, measured on what reaches the robot, not on what the kernel says."""

from __future__ import annotations

import threading
import time
from dataclasses import replace

import numpy as np
import pytest

from robots.fake import FakeRobot
from robots.geometry import Pose
from robots.interface import Command, Observation, Robot, RobotState
from robots.kinematics import kinematics
from robots.mobile_panda import mobile_panda
from robots.planning.obstacles import Box
from robots.safety import Reason, SafeRobot, SafetyConfig, SafetyStop, watching
from robots.safety.clearance import Clearances
from robots.spec import JERK_PER_ACCELERATION, RobotSpec, panda
from robots.stretch import stretch
from robots.tiago_pro import tiago_pro
from tests.contracts import RobotContract, stream, stream_twist
from tests.test_contracts import TestFakeMobilePanda, TestFakeRobot, TestFakeStretch

ROBOTS = (panda, mobile_panda, stretch, tiago_pro)


class TestSafeRobot(TestFakeRobot):
    def make(self) -> Robot:
        return SafeRobot(super().make())

    def mark(self, robot: Robot) -> dict[str, np.ndarray]:
        return super().mark(robot._robot)  # type: ignore[attr-defined]


class TestSafeMobilePanda(TestFakeMobilePanda):
    def make(self) -> Robot:
        return SafeRobot(super().make())

    def mark(self, robot: Robot) -> dict[str, np.ndarray]:
        return super().mark(robot._robot)  # type: ignore[attr-defined]


class TestSafeStretch(TestFakeStretch):
    def make(self) -> Robot:
        return SafeRobot(super().make())

    def mark(self, robot: Robot) -> dict[str, np.ndarray]:
        return super().mark(robot._robot)  # type: ignore[attr-defined]


del TestFakeRobot, TestFakeMobilePanda, TestFakeStretch, RobotContract  # pytest would run them here once more


class Wire(FakeRobot):
    """Writes down what is sent to it, and breaks as it is told."""

    def __init__(self, spec: RobotSpec) -> None:
        super().__init__(spec=spec)
        self.heard: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
        self.nan_joint = self.frozen = self.cut = False
        self.jump_s = 0.0
        self.real_time = False
        self._kept: RobotState | None = None

    def send(self, command: Command) -> Command:
        if self.cut:
            raise ConnectionResetError("cut")
        if self.real_time:
            self._time_s = time.monotonic()
        sent = super().send(command)
        q = self._goal_q.copy() if sent.arm_q is None else np.array(sent.arm_q)
        head = np.zeros(0) if self._head_q is None else self._head_q.copy()
        self.heard.append((q, head, np.zeros(3) if sent.base_twist is None else np.array(sent.base_twist)))
        return sent

    def state(self) -> RobotState:
        if self.cut:
            raise ConnectionResetError("cut")
        state = super().state()
        if self.nan_joint:
            state = replace(state, arm_q=np.full(self.spec.dof, np.nan))
        if self.frozen:
            self._kept = self._kept or state
            return self._kept
        return state

    def observe(self) -> Observation:
        seen = super().observe()
        return replace(seen, time_s=seen.time_s + self.jump_s, state=self.state())


def worst(spec: RobotSpec, heard: list[tuple[np.ndarray, np.ndarray, np.ndarray]]) -> tuple[float, float, float]:
    """The largest share of velocity, acceleration and jerk that a stream of one command a period takes."""
    q, head, twist = (np.stack(column) for column in zip(*heard, strict=True))
    shares = np.zeros(3)

    def take(velocity: np.ndarray, limits: list[np.ndarray]) -> None:
        for k, limit in enumerate(limits):
            change = np.abs(np.diff(velocity, n=k, axis=0)) * spec.control_hz**k
            if change.size:
                shares[k] = max(shares[k], float((change / np.where(limit > 0, limit, 1.0)).max()))

    take(np.diff(q, axis=0) * spec.control_hz, [spec.velocity_rad_s, spec.acceleration_rad_s2, spec.jerk_rad_s3])
    if spec.head is not None:
        jerk = JERK_PER_ACCELERATION * spec.head.acceleration_rad_s2
        take(np.diff(head, axis=0) * spec.control_hz, [spec.head.velocity_rad_s, spec.head.acceleration_rad_s2, jerk])
    if spec.base is not None:
        take(twist, [spec.base.velocity, spec.base.acceleration, spec.base.jerk])
    return float(shares[0]), float(shares[1]), float(shares[2])


def hostile(spec: RobotSpec, rng: np.random.Generator, k: int, kind: int) -> Command:
    """One of several ways to do harm."""
    low, high = spec.q_lower_rad, spec.q_upper_rad
    arm_q = rng.uniform(2 * low - 1, 2 * high + 1)
    twist, head = rng.uniform(-9, 9, 3), rng.uniform(-9, 9, 2)
    if kind == 1:  # from end to end
        arm_q, twist, head = (high, np.full(3, 9.0), np.full(2, 9.0)) if k // 15 % 2 else (low, np.full(3, -9.0), -head)
    elif kind == 2:  # slow enough to get there
        arm_q, twist = rng.uniform(low, high) if k % 45 == 0 else np.full(spec.dof, 1e9), np.array([9.0, 0.0, 0.0])
    elif kind == 3:
        arm_q[rng.integers(spec.dof)] = [np.nan, np.inf, -np.inf][k % 3]
    return Command(
        arm_q=arm_q, base_twist=None if spec.base is None else twist, head_q=None if spec.head is None else head,
        gripper_width_m=float(rng.uniform(-1, 1)),
    )  # fmt: skip


@pytest.mark.parametrize("make", ROBOTS, ids=lambda m: m.__name__)
def test_no_command_breaks_a_limit(make: object) -> None:
    spec: RobotSpec = make()  # type: ignore[operator]
    wire = Wire(spec)
    robot, rng = SafeRobot(wire), np.random.default_rng(0)
    for k in range(360):
        robot.send(hostile(spec, rng, k, k // 90))
        robot.wait(spec.period_s)
    robot.stop()
    velocity, acceleration, jerk = worst(spec, wire.heard)
    q = np.stack([h[0] for h in wire.heard])
    assert 0.2 < velocity < 1.0001
    assert acceleration < 1.0001
    assert jerk < 1.0001
    assert (q >= spec.q_lower_rad - 1e-9).all()
    assert (q <= spec.q_upper_rad + 1e-9).all()
    assert (np.abs(q - spec.home_q_rad).max(axis=0) > 0.005).all()  # it did move


def moving(robot: SafeRobot, periods: int = 30) -> None:
    """The arm's first and last joint, and the base, at speed."""
    q = robot.spec.home_q_rad.copy()
    for k in range(periods):
        q[0] = robot.spec.home_q_rad[0] + 0.4 * robot.spec.velocity_rad_s[0] * k * robot.spec.period_s
        q[-1] = robot.spec.home_q_rad[-1] - 0.3 * robot.spec.velocity_rad_s[-1] * k * robot.spec.period_s
        twist = None if robot.spec.base is None else 0.5 * robot.spec.base.velocity
        robot.send(Command(arm_q=q, base_twist=twist))
        robot.wait(robot.spec.period_s)


def go_on(robot: SafeRobot) -> None:
    for _ in range(60):
        moving(robot, 1)
        robot.observe()


def within_limits_and_at_rest(wire: Wire, *, periods: int) -> None:
    """What was heard keeps all limits, and its last two are rest, at most so many periods after it was at speed."""
    shares = worst(wire.spec, wire.heard)
    assert max(shares) < 1.0001
    assert shares[0] > 0.2
    (q, _, _), (last, _, twist) = wire.heard[-2:]
    assert np.abs(last - q).max() < 1e-6
    assert np.abs(twist).max() < 1e-6
    assert periods > 0


@pytest.mark.parametrize("make", [panda, mobile_panda], ids=lambda m: m.__name__)
@pytest.mark.parametrize(
    ("fault", "reason"),
    [("nan_joint", Reason.BAD_OBSERVATION), ("frozen", Reason.STRAY), ("back", Reason.CLOCK), ("ahead", Reason.CLOCK)],
)
def test_a_fault_brings_it_to_rest_within_limits_and_time(make: object, fault: str, reason: Reason) -> None:
    wire = Wire(make())  # type: ignore[operator]
    robot = SafeRobot(wire, SafetyConfig(stray=0.1, stray_s=0.1))
    robot.observe()
    moving(robot)
    heard, since_s = len(wire.heard), robot.time_s
    if fault == "back" or fault == "ahead":
        wire.jump_s = 5.0 if fault == "ahead" else -5.0
    else:
        setattr(wire, fault, True)
    with pytest.raises(SafetyStop) as stopped:
        go_on(robot)
    assert stopped.value.veto.reason is reason
    assert robot.time_s - since_s < robot.config.stop_s + 0.7
    within_limits_and_at_rest(wire, periods=len(wire.heard) - heard)
    with pytest.raises(SafetyStop):  # until somebody lets it go on
        robot.send(Command(arm_q=robot.spec.home_q_rad))
    wire.jump_s, wire.nan_joint, wire.frozen = 0.0, False, False
    robot.clear()
    robot.send(Command(arm_q=robot.state().arm_q))


def test_an_emergency_stop_latches_until_a_person_lets_go() -> None:
    wire = Wire(mobile_panda())
    robot = SafeRobot(wire)
    moving(robot)
    robot.emergency_stop("the red button")
    with pytest.raises(SafetyStop, match="red button"):
        robot.send(Command(base_twist=np.array([0.5, 0.0, 0.0])))
    within_limits_and_at_rest(wire, periods=1)
    robot.clear()
    for call in (robot.state, robot.observe, lambda: robot.send(Command())):
        with pytest.raises(SafetyStop):
            call()
    with pytest.raises(ValueError, match="person"):
        robot.release(by=" ")
    robot.release(by="Ada")
    moving(robot, 5)


def test_a_planner_that_never_answers_leaves_no_robot_moving(monkeypatch: pytest.MonkeyPatch) -> None:
    wire = Wire(mobile_panda())
    robot = SafeRobot(wire, SafetyConfig(deadline_s=0.05), clock=time.monotonic)
    answered = threading.Event()
    wire.real_time = True
    monkeypatch.setattr(wire, "wait", time.sleep)
    with watching(robot, robot.spec.period_s):
        moving(robot, 25)
        assert np.abs(wire.heard[-1][2]).max() > 0.05
        answered.wait(1.5)
    assert np.abs(wire.heard[-1][2]).max() < 1e-6
    assert robot.vetoes[-1].reason is Reason.LATE


def test_a_robot_that_is_gone_is_one_fault() -> None:
    wire = Wire(panda())
    robot = SafeRobot(wire)
    moving(robot)
    wire.cut = True
    with pytest.raises(SafetyStop, match="does not answer"):
        moving(robot, 2)
    assert [v.reason for v in robot.vetoes] == [Reason.LOST]


def test_a_frozen_picture_is_refused() -> None:
    now = [0.0]
    wire = Wire(panda())
    robot = SafeRobot(wire, clock=lambda: now[0])
    robot.observe()
    now[0] += 0.3
    robot.observe()  # a slow camera
    now[0] += 0.3
    with pytest.raises(SafetyStop, match="old"):
        robot.observe()


def test_it_stops_before_a_wall_and_is_led_away_from_it() -> None:
    wire = Wire(mobile_panda())
    robot = SafeRobot(wire)
    wall = Box.between([1.0, -2.0, 0.0], [1.2, 2.0, 2.0], name="wall")
    robot.surround([wall], lower_m=np.full(3, -3.0), upper_m=np.full(3, 3.0))
    stream_twist(robot, [0.6, 0.0, 0.0], 4.0)
    reached = wire.state().world_T_base.xyz[0]
    assert 0.55 < reached < 0.70  # 0.3 m from its middle to its rim, and the margin
    assert robot.vetoes[-1].reason is Reason.COLLISION
    stream_twist(robot, [-0.3, 0.0, 0.0], 1.0)
    assert wire.state().world_T_base.xyz[0] < reached - 0.1


def test_it_goes_slowly_beside_people() -> None:
    wire = Wire(mobile_panda())
    robot = SafeRobot(wire)
    robot.people(lambda: np.array([[1.0, 0.6]]))
    sent = np.stack(stream_twist(robot, [0.6, 0.0, 0.0], 1.5))
    assert 0.15 < sent[:, 0].max() <= robot.config.people_m_s + 1e-9
    robot.people(None)
    assert np.stack(stream_twist(robot, [0.6, 0.0, 0.0], 1.5))[:, 0].max() > 0.5


def test_the_hand_may_touch_where_verbs_need_it() -> None:
    """A box before the Panda's fingers: reached with touch, not without."""
    box = Box.between([0.5, -0.2, 0.0], [0.7, 0.2, 0.42], name="box")
    reached = {}
    for touch in (True, False):
        wire = Wire(panda())
        robot = SafeRobot(wire, SafetyConfig(touch=touch))
        robot.surround([box], lower_m=np.full(3, -1.5), upper_m=np.full(3, 1.5))
        arm = kinematics(panda())
        there = Pose(xyz=np.array([0.495, 0.0, 0.34]), quat_xyzw=np.array([1.0, 0, 0, 0]))
        goal = arm.solve(there, robot.spec.home_q_rad)
        stream(robot, goal.q, 1.5)
        reached[touch] = float(wire.state().world_T_tool.xyz[0])
    assert reached[True] > 0.49
    assert reached[False] < 0.48


def test_what_is_within_all_limits_goes_through_to_the_bit() -> None:
    wire = Wire(panda())
    robot, plain = SafeRobot(wire), Wire(panda())
    t = np.arange(120) * panda().period_s
    for s in 0.3 * (1 - np.cos(2.0 * t)):
        command = Command(arm_q=panda().home_q_rad + s * np.array([1, 0, 0, 0, 0, 0, -1]), gripper_width_m=0.05)
        for each in (robot, plain):
            each.send(command)
            each.wait(panda().period_s)
    assert not robot.vetoes
    assert all((a[0] == b[0]).all() for a, b in zip(wire.heard, plain.heard, strict=True))


def test_an_arm_that_nobody_measured_keeps_its_limits() -> None:
    wire = Wire(replace(panda(), name="of my own"))
    moving(SafeRobot(wire))
    assert 0.2 < max(worst(wire.spec, wire.heard)) < 1.0001


def test_a_robot_that_can_not_stop_in_time_is_refused() -> None:
    with pytest.raises(ValueError, match="stop_s"):
        SafeRobot(FakeRobot(spec=stretch()), SafetyConfig(stop_s=0.5))
    with pytest.raises(ValueError, match="near_m_s"):
        SafetyConfig(near_m_s=-1.0)


def test_it_goes_on_unasked_after_an_old_observation_alone() -> None:
    now = [0.0]
    wire = Wire(panda())
    robot = SafeRobot(wire, clock=lambda: now[0])
    robot.observe()
    now[0] += 0.6
    with pytest.raises(SafetyStop) as stale:
        robot.observe()
    assert stale.value.veto.reason is Reason.STALE
    assert robot.recover(stale.value.veto)
    robot.observe()
    robot.emergency_stop("the red button")
    with pytest.raises(SafetyStop) as pressed:
        robot.observe()
    assert not robot.recover(pressed.value.veto)


def test_a_picture_that_is_in_time_again_after_one_that_was_late_is_no_jump_of_the_clock() -> None:
    now = [0.0]
    wire = Wire(mobile_panda())
    robot = SafeRobot(wire, clock=lambda: now[0])
    moving(robot)
    robot.observe()
    for late_s in (0.4, 0.0, 0.3, 0.1, 0.0):
        now[0] += 1.0
        wire._time_s += 1.0
        wire.jump_s = -late_s
        robot.observe()
    wire.jump_s = 0.5
    with pytest.raises(SafetyStop, match="clock jumped"):
        robot.observe()


@pytest.mark.parametrize(
    ("make", "arm_q"),
    [
        (mobile_panda, [0.37, -1.68, 2.63, -1.71, -1.36, 1.87, 2.58]),  # fingers in the deck
        (mobile_panda, [2.25, 1.73, -0.16, -1.54, -0.95, 2.36, 2.07]),  # wrist in the mast
        (mobile_panda, [1.146, -1.622, -2.888, -1.71, 0.278, 1.952, -0.481]),  # the hand's edge in the deck's
        (stretch, [0.26, 0.07, 2.96, -0.73, -2.49]),  # fingers in the base's front edge
    ],
)
def test_rare_collisions_with_itself_are_known_too(make: object, arm_q: list[float]) -> None:
    """Configurations in which the meshes meet by millimetres to centimetres, found by sampling; the floor is far."""
    clear = Clearances(make(), SafetyConfig())  # type: ignore[operator]
    home = make().home_q_rad  # type: ignore[operator]
    least, reason, _ = clear.least(np.stack([home, np.array(arm_q)]), None)
    assert least < 0.0
    assert reason is Reason.SELF_COLLISION
