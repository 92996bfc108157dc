"""Arms that need their base: the rail as a first joint, inverse kinematics in closed form, slips made good by sight."""

from __future__ import annotations

import numpy as np
import pybullet as p
import pytest

from robots.geometry import Pose
from robots.interface import Command, Status
from robots.kinematics import kinematics
from robots.mobile.again import drift
from robots.mobile.grasps import GraspPlan
from robots.mobile.load import Load
from robots.mobile.relief import Relief
from robots.mobile.slanted import _tilted, highest, slanted
from robots.mobile.slide import bearing, upright_beside
from robots.mobile.stand import reaches
from robots.mobile.stream import follow
from robots.mobile.things import measured
from robots.mobile_panda import mobile_panda
from robots.planning.motion import pointing_down
from robots.primitives.base import Body
from robots.sliding import RAIL, SlidingRobot, needs_base, sliding
from robots.stretch import stretch
from sim.kitchen.nook import NookScene
from sim.meshes import ASSETS
from sim.render_tiny import TinyRenderer
from sim.robot import SimRobot
from sim.world import World

SPEC = sliding(stretch())


def test_only_arms_that_lack_a_joint_need_their_base() -> None:
    assert needs_base(stretch())
    assert not needs_base(mobile_panda())
    assert not needs_base(SPEC)
    assert SPEC.joint_names[0] == RAIL
    assert SPEC.dof == 6


def test_closed_form_leads_back_to_every_tool_pose() -> None:
    arm, rng = kinematics(SPEC), np.random.default_rng(0)
    for q in rng.uniform(SPEC.q_lower_rad, SPEC.q_upper_rad, (300, SPEC.dof)):
        goal = arm.tool(q)
        found = arm.solve(goal, SPEC.home_q_rad)
        assert found.converged
        assert np.abs(arm.tool(found.q).matrix - goal.matrix).max() < 5e-5
        assert (found.q >= SPEC.q_lower_rad).all()
        assert (found.q <= SPEC.q_upper_rad).all()


def test_a_hand_that_points_down_is_reached_with_every_turn_and_no_place_beyond_the_rail() -> None:
    arm = kinematics(SPEC)
    for yaw in np.linspace(-3.0, 3.0, 13):
        goal = pointing_down(np.array([0.1, -0.45, 0.8]), yaw)
        found = arm.solve(goal, SPEC.home_q_rad)
        assert found.converged
        assert np.abs(arm.tool(found.q).xyz - goal.xyz).max() < 2e-4
    assert not arm.solve(pointing_down(np.array([0.8, -0.45, 0.8]), 0.0), SPEC.home_q_rad).converged
    assert not arm.solve(pointing_down(np.array([0.0, -0.45, 1.1]), 0.0), SPEC.home_q_rad).converged


def test_it_stands_beside_what_it_works_at() -> None:
    assert bearing(SPEC) == pytest.approx(-np.pi / 2, abs=0.05)
    best = reaches(SPEC, 0.75, False)[0]
    assert best.aside_rad == pytest.approx(-np.pi / 2, abs=0.05)
    assert reaches(SPEC, 0.95, False), "above a counter, with a hand that leans"


def test_the_base_goes_along_as_the_first_joint() -> None:
    robot = SimRobot(World(spec=stretch()), TinyRenderer())
    robot.reset(NookScene(seed=0, objects=(), start=Pose.from_xyz_yaw([-0.5, 0.0, 0.0], 0.7)))
    body = Body(robot)
    assert isinstance(body.robot, SlidingRobot)
    began, goal = robot.world.arm.world_T_base, body.robot.state().arm_q
    start = goal.copy()
    goal = goal + np.array([0.15, 0.05, 0.0, 0.0, 0.0, 0.0])
    stream = body.planner.to_q(start, goal).q
    for q in (*stream, *[goal] * 20):
        body.robot.send(Command(arm_q=q))
        body.robot.wait(SPEC.period_s)
    state = body.robot.state()
    gone = began.inverse() @ robot.world.arm.world_T_base
    assert gone.xyz[0] == pytest.approx(0.15, abs=0.03)  # the wheels slip
    assert abs(gone.xyz[1]) < 0.01
    assert np.abs(state.arm_q - goal).max() < 0.004
    # Where the rail began stays where it was, though the base has left it; and poses agree with the plain robot's.
    plain = robot.state()
    plain_base = plain.odom_T_base
    assert state.odom_T_base is not None
    assert plain_base is not None
    tool = state.odom_T_base @ body.kinematics.tool(state.arm_q)
    assert np.abs(tool.xyz - (plain_base @ kinematics(stretch()).tool(plain.arm_q)).xyz).max() < 1e-3
    assert np.abs(state.odom_T_base.xyz[:2]).max() < 0.01
    body.robot.send(Command(base_twist=np.zeros(3)))
    assert body.robot.state().arm_q[0] == 0.0
    robot.close()


def test_a_slip_is_seen_to_the_millimetres() -> None:
    rng = np.random.default_rng(1)
    angle = rng.uniform(0, 2 * np.pi, 900)
    can = np.column_stack([0.03 * np.cos(angle), 0.03 * np.sin(angle), rng.uniform(0.0, 0.12, 900)]) + [0.6, 0.1, 0.9]
    thing = measured(can, 0.9)
    slipped = can[::2] + [0.014, -0.009, 0.0]
    off = drift(thing, slipped)
    assert off is not None
    assert np.abs(off - [0.014, -0.009]).max() < 0.004
    assert drift(thing, can + [0.2, 0.0, 0.0]) is None


def test_a_slanted_hand_keeps_its_tips_where_they_were_and_gets_higher() -> None:
    rng = np.random.default_rng(2)
    fork = np.column_stack([rng.uniform(-0.09, 0.09, 800), rng.uniform(-0.01, 0.01, 800), np.full(800, 0.914)])
    thing = measured(fork, 0.9)
    down = pointing_down(np.array([0.0, 0.0, 0.904 + SPEC.fingertip_m]), 0.0)
    plan = GraspPlan(tool=down, open_m=0.04, width_m=0.02, back_m=0.1, level=False, cost=0.0)
    found = slanted(SPEC, kinematics(SPEC), thing, Relief.of(fork, [0.0, 0.0], 0.9), [plan], np.array([1.0, 0.0]))
    assert found
    assert any(one.tool.rotation[2, 2] > -0.9 for one in found)
    assert all(one.open_m >= plan.open_m for one in found)
    low = np.array([[x, 0.0, SPEC.fingertip_m] for x in (-SPEC.finger_breadth_m / 2, SPEC.finger_breadth_m / 2)])
    for tilt in (0.3, 0.8):
        tips = _tilted(SPEC, plan, 1.0, tilt, 0.9).apply(low)
        assert tips[:, 2].min() == pytest.approx(0.904, abs=1e-6)
    heights = [highest(SPEC, kinematics(SPEC), tilt) for tilt in (0.0, 0.5, 1.0)]
    assert heights == sorted(heights)
    assert heights[0] < 1.0 < heights[2]


def test_a_load_is_carried_as_upright_as_it_stood() -> None:
    arm = kinematics(SPEC)
    held = arm.tool(np.array([0.0, 0.9, 0.3, 0.2, -0.6, 0.0]))
    thing = Pose.from_xyz_yaw([*held.xyz[:2], held.xyz[2] - 0.05], 0.4)
    load = Load(
        words="mug", width_m=0.01, drop_m=0.05, half_m=(0.04, 0.04), offset_m=np.zeros(2), height_m=0.09,
        tool_T_thing=held.inverse() @ thing, size_m=(0.04, 0.04), level=False,
    )  # fmt: skip
    ways = upright_beside(SPEC, arm, load, np.array([0.0, 0.9, 0.3, 0.2, -0.6, 0.0]))
    assert ways
    for q in ways:
        assert (arm.tool(q) @ load.tool_T_thing).rotation[2, 2] == pytest.approx(1.0, abs=1e-6)
        assert q[0] == 0.0


def test_an_arm_that_was_pushed_aside_goes_on_from_where_it_is() -> None:
    robot = SimRobot(World(spec=stretch()), TinyRenderer())
    robot.reset(NookScene(seed=0, objects=(), start=Pose.from_xyz_yaw([0.0, 0.0, 0.0], 0.0)))
    body = Body(robot)
    robot.wait(0.2)
    body.robot.send(Command(arm_q=body.robot.state().arm_q))
    world = robot.world
    pitch = world.arm.links["link_wrist_pitch"]
    # Something holds the hand a quarter of a radian off what it was told last.
    p.resetJointState(world.arm.body, pitch, float(world.arm.q[3]) + 0.25, 0.0, physicsClientId=world.client)
    here = body.robot.state().arm_q
    assert follow(body, np.tile(here, (5, 1))).status is Status.SUCCEEDED
    assert body.robot.state().arm_q == pytest.approx(here, abs=5e-3)
    robot.close()


def test_the_base_ends_above_the_floor() -> None:
    """A hull that reaches through the floor meets what lies there, and lifts what rolls under it."""
    text = (ASSETS / "stretch" / "base_link_hull.obj").read_text()
    lowest = min(float(line.split()[3]) for line in text.splitlines() if line.startswith("v "))
    assert 0.0 < lowest < 0.02
