"""Ways that keep what is held upright, around what is in the way, and films that keep the robot in the picture."""

from __future__ import annotations

import numpy as np
import pytest

from robots.geometry import Pose
from robots.interface import Status
from robots.kinematics import kinematics
from robots.planning.bodies import panda_shape
from robots.planning.motion import pointing_down
from robots.planning.obstacles import Box
from robots.planning.planner import plan_arm
from robots.planning.scene import Scene
from robots.spec import panda
from sim.episode import TaskSpec, theatre
from sim.follow import Follower
from sim.kitchen.rooms import KitchenScene
from sim.mobile import MobileArm
from sim.suites import find_suite

SPEC = panda()
UP, MOST_RAD = np.array([0.0, 0.0, -1.0]), 0.45


def lean(q: np.ndarray) -> np.ndarray:
    """float64[N], rad: how far the hand's back is from pointing up."""
    axes = np.array([kinematics(SPEC).tool(one).rotation[2, 2] for one in q])
    return np.arccos(np.clip(-axes, -1.0, 1.0))


def test_around_a_wall_the_hand_stays_upright_if_it_must() -> None:
    wall = Box(pose=Pose.from_xyz_yaw([0.5, 0.0, 0.2]), half_m=np.array([0.25, 0.02, 0.25]), name="wall")
    scene = Scene([wall], lower_m=[-1.2] * 3, upper_m=[1.2] * 3)
    shape = panda_shape(SPEC, Pose.identity(), width_m=0.04)
    arm = kinematics(SPEC)
    start = arm.reach(pointing_down(np.array([0.45, 0.3, 0.25]), 0.0), SPEC.home_q_rad).q
    goal = arm.reach(pointing_down(np.array([0.45, -0.3, 0.25]), 0.0), SPEC.home_q_rad).q
    free, kept = (
        plan_arm(SPEC, shape, scene, start, goal, rng=np.random.default_rng(1), upright=upright)
        for upright in (None, (UP, MOST_RAD))
    )
    assert free.status is kept.status is Status.SUCCEEDED
    assert lean(kept.q).max() < MOST_RAD + 0.02
    assert kept.q[-1] == pytest.approx(goal, abs=1e-6)
    turned = start.copy()
    turned[5] -= 1.2
    leaning = plan_arm(SPEC, shape, scene, turned, goal, rng=np.random.default_rng(1), upright=(UP, MOST_RAD), tries=50)
    assert leaning.status is Status.PATH_BLOCKED
    assert "lean" in leaning.detail


def test_the_camera_that_follows_has_the_robot_in_its_picture() -> None:
    house = theatre("auto", find_suite("kitchen").robot)
    for seed in (3_000_000, 3_000_001):
        stage = house.set(TaskSpec(suite="kitchen", task="go_to", split="trained", seed=seed))
        scene, arm = stage.world.scene, stage.world.arm
        assert isinstance(scene, KitchenScene)
        assert isinstance(arm, MobileArm)
        follower = Follower(scene.room)
        for xyz in ([0.0, 0.0, 0.0], [0.2, -0.1, 0.0], [-0.2, 0.1, 0.0]):
            arm.place(Pose.from_xyz_yaw(xyz, 0.3))
            camera = follower.camera(stage.world)
            for mark in (arm.tool().xyz, arm.world_T_base.xyz + [0.0, 0.0, 0.4]):
                x, y, z = camera.world_T_camera.inverse().apply(mark)
                k = camera.intrinsics
                assert z > 0
                assert 0 <= k[0, 0] * x / z + k[0, 2] < camera.width
                assert 0 <= k[1, 1] * y / z + k[1, 2] < camera.height
