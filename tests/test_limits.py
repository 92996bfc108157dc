"""The gate: whatever streams in, what comes out is within every limit."""

from __future__ import annotations

import numpy as np
import pytest

from robots.interface import Command
from robots.kinematics import kinematics
from robots.limits import LimitGate
from robots.planning.motion import MotionPlanner, Pace, pointing_down
from robots.spec import panda

SPEC = panda()
DT = SPEC.period_s


def gate() -> LimitGate:
    return LimitGate(SPEC, arm_q=SPEC.home_q_rad, gripper_width_m=0.08)


def outputs(wishes: np.ndarray) -> np.ndarray:
    g = gate()
    return np.stack([np.asarray(g.admit(Command(arm_q=w), DT).arm_q) for w in wishes])


@pytest.mark.parametrize("seed", range(5))
def test_noise_comes_out_within_all_limits(seed: int) -> None:
    rng = np.random.default_rng(seed)
    sent = outputs(SPEC.home_q_rad + rng.normal(scale=2.0, size=(300, 7)))
    velocity = np.diff(np.concatenate([[SPEC.home_q_rad], sent]), axis=0) / DT
    change = np.diff(np.concatenate([np.zeros((1, 7)), velocity]), axis=0) / DT
    assert (sent >= SPEC.q_lower_rad).all()
    assert (sent <= SPEC.q_upper_rad).all()
    assert (np.abs(velocity) <= SPEC.velocity_rad_s + 1e-9).all()
    halted = (np.abs(velocity) < 1e-9).all(axis=1)  # the emergency stop may brake harder
    assert (np.abs(change)[~halted] <= SPEC.acceleration_rad_s2 + 1e-6).all()


def test_a_stream_within_the_limits_passes_unchanged() -> None:
    planner = MotionPlanner(SPEC)
    poses = [pointing_down(np.array([0.5, 0.2, 0.15]), 0.4), pointing_down(np.array([0.5, 0.2, 0.02]), 0.4)]
    motion = planner.through(SPEC.home_q_rad, poses, pace=Pace(velocity=0.9, acceleration=0.9))
    assert np.abs(outputs(motion.q) - motion.q).max() < 1e-9


def test_a_far_wish_is_reached_without_overshoot() -> None:
    goal = SPEC.home_q_rad + np.array([0.6, 0.1, 0.2, 0.1, 0.3, 0.2, -0.8])
    sent = outputs(np.tile(goal, (120, 1)))
    beyond = (sent - goal) * np.sign(goal - SPEC.home_q_rad)
    assert beyond.max() < 0.02  # one step's worth at the end of braking
    assert np.abs(sent[-1] - goal).max() < 1e-4


def test_the_hand_stays_above_the_floor_and_inside_its_box() -> None:
    arm = kinematics(SPEC)
    wish = np.array(SPEC.home_q_rad)
    wish[1] += 1.3
    for q in outputs(np.tile(wish, (200, 1))):
        tool = arm.tool(q)
        assert tool.apply([0.0, 0.0, SPEC.fingertip_m])[2] >= SPEC.floor_m - 1e-9
        assert (tool.xyz <= SPEC.tool_upper_m + 1e-9).all()


def test_what_is_no_number_becomes_hold() -> None:
    g = gate()
    wish = np.array(SPEC.home_q_rad)
    wish[2] = np.nan
    sent = g.admit(Command(arm_q=wish, gripper_width_m=float("nan")), DT)
    assert np.abs(np.asarray(sent.arm_q) - SPEC.home_q_rad).max() == 0.0
    assert sent.gripper_width_m == pytest.approx(0.08)


@pytest.mark.parametrize(("wish", "sent"), [(-1.0, 0.0), (0.05, 0.05), (5.0, 0.08)])
def test_finger_widths_are_clamped(wish: float, sent: float) -> None:
    assert gate().admit(Command(gripper_width_m=wish), DT).gripper_width_m == pytest.approx(sent)


def test_after_a_pause_no_leap() -> None:
    g = gate()
    sent = g.admit(Command(arm_q=SPEC.home_q_rad + 1.0), 30.0)
    assert np.abs(np.asarray(sent.arm_q) - SPEC.home_q_rad).max() < 0.11


def test_a_fixed_base_does_not_drive() -> None:
    with pytest.raises(ValueError, match="fixed base"):
        gate().admit(Command(base_twist=np.array([0.1, 0.0, 0.0])), DT)
