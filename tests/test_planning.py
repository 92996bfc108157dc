"""Motion: free of what stands in the way, within limits, along the way that was asked for."""

from __future__ import annotations

import numpy as np
import pytest

from robots.interface import Status
from robots.kinematics import kinematics
from robots.planning.body import ArmShape, Checker
from robots.planning.height_map import HeightMap
from robots.planning.motion import MotionPlanner, Pace, pointing_down
from robots.planning.rrt import rrt_connect, segment_free
from robots.planning.time_scaling import densify, time_scale
from robots.spec import panda

SPEC = panda()
ARM = kinematics(SPEC)
PLANNER = MotionPlanner(SPEC)


def block_at(x: float, y: float, half: float, height: float) -> np.ndarray:
    side = np.arange(-half, half + 1e-9, 0.003)
    u, v = np.meshgrid(x + side, y + side)
    return np.column_stack([u.ravel(), v.ravel(), np.full(u.size, height)])


def checker(points: np.ndarray) -> Checker:
    return Checker(ArmShape(SPEC, width_m=0.08), HeightMap.from_points(points))


def test_height_map_knows_rectangles() -> None:
    heights = HeightMap.from_points(block_at(0.5, 0.1, 0.02, 0.04))
    inside = heights.highest([[0.5, 0.1], [0.5, 0.2]], 0.0, (0.01, 0.01))
    assert inside == pytest.approx([0.04, 0.0])
    assert heights.highest([[0.5, 0.15]], 0.0, (0.01, 0.01))[0] == 0.0
    assert heights.highest([[0.5, 0.15]], np.pi / 2, (0.04, 0.01))[0] == pytest.approx(0.04)
    assert heights.without(block_at(0.5, 0.1, 0.02, 0.04), 0.004).heights_m.max() == 0.0


def test_dilation_reaches_as_far_as_asked() -> None:
    heights = HeightMap.from_points([[0.5, 0.1, 0.05]]).dilated(0.03)
    assert heights.at([0.53, 0.1]) == pytest.approx(0.05)
    assert heights.at([0.47, 0.13]) == pytest.approx(0.05)
    assert heights.at([0.54, 0.1]) == 0.0


@pytest.mark.parametrize("seed", range(6))
def test_time_scaling_keeps_every_limit(seed: int) -> None:
    rng = np.random.default_rng(seed)
    waypoints = SPEC.home_q_rad + np.cumsum(rng.normal(scale=0.15, size=(6, 7)), axis=0)
    path = densify(waypoints)
    velocity, acceleration = SPEC.velocity_rad_s * 0.8, SPEC.acceleration_rad_s2 * 0.5
    q = time_scale(path, velocity, acceleration, SPEC.period_s)
    speed = np.diff(np.concatenate([path[:1], q]), axis=0) / SPEC.period_s
    change = np.diff(np.concatenate([np.zeros((1, 7)), speed, np.zeros((1, 7))]), axis=0) / SPEC.period_s
    assert np.abs(q[-1] - waypoints[-1]).max() < 1e-9
    assert (np.abs(speed) <= velocity * 1.001).all()
    # 10 %: between the samples of the dense path curvature is taken as constant.
    assert (np.abs(change) <= acceleration * 1.1).all()


def test_a_stream_stays_on_its_straight_line() -> None:
    start, end = np.array([0.45, -0.2, 0.2]), np.array([0.55, 0.2, 0.1])
    q0 = ARM.reach(pointing_down(start, 0.0), SPEC.home_q_rad).q
    motion = PLANNER.through(q0, [pointing_down(end, 0.0)])
    tools = ARM.frames(motion.q)[:, -1]
    along = (end - start) / np.linalg.norm(end - start)
    off = tools[:, :3, 3] - start
    off -= np.outer(off @ along, along)
    assert np.abs(off).max() < 0.002  # the joints' curve between solutions 2 cm apart
    assert (tools[:, 2, 2] < -0.9999).all()
    assert (np.diff(tools[:, :3, 3] @ along) > -1e-4).all()
    assert np.linalg.norm(tools[-1, :3, 3] - end) < 0.0005


def test_the_tools_speed_can_be_capped() -> None:
    start = ARM.reach(pointing_down(np.array([0.45, -0.2, 0.05]), 0.0), SPEC.home_q_rad).q
    motion = PLANNER.through(start, [pointing_down(np.array([0.45, 0.2, 0.05]), 0.0)], pace=Pace(tool_m_s=0.1))
    tools = ARM.frames(motion.q)[:, -1, :3, 3]
    speed = np.linalg.norm(np.diff(tools, axis=0), axis=1) / SPEC.period_s
    assert speed.max() < 0.105
    assert len(motion.q) * SPEC.period_s > 4.0


def test_goes_around_a_tower_and_says_so_where_there_is_no_way() -> None:
    tower = block_at(0.5, 0.0, 0.04, 0.24)
    check = checker(tower)
    left, right = (ARM.reach(pointing_down(np.array([0.5, y, 0.1]), 0.0), SPEC.home_q_rad).q for y in (-0.2, 0.2))
    assert check.free(np.stack([left, right])).all()
    assert not segment_free(left, right, check.free)
    motion = PLANNER.through(left, [pointing_down(np.array([0.5, 0.2, 0.1]), 0.0)], checker=check)
    assert motion.status is Status.SUCCEEDED
    assert check.free(motion.q).mean() > 0.99  # corners are rounded after the check; the margin of 8 mm pays for it
    assert (check.clearance_m(motion.q) > 0).all()
    inside = PLANNER.through(left, [pointing_down(np.array([0.5, 0.0, 0.1]), 0.0)], checker=check)
    assert inside.status is Status.PATH_BLOCKED
    assert len(inside.q) == 0


def test_out_of_reach_is_a_reason_not_a_motion() -> None:
    motion = PLANNER.through(SPEC.home_q_rad, [pointing_down(np.array([1.2, 0.0, 0.1]), 0.0)])
    assert motion.status is Status.UNREACHABLE
    assert "can't reach" in motion.detail
    assert len(motion.q) == 0


def test_rrt_is_the_same_twice_and_free() -> None:
    check = checker(block_at(0.5, 0.0, 0.04, 0.24))
    left, right = (ARM.reach(pointing_down(np.array([0.5, y, 0.1]), 0.0), SPEC.home_q_rad).q for y in (-0.2, 0.2))
    ways = [
        rrt_connect(left, right, check.free, lower=left - 1.5, upper=left + 1.5, rng=np.random.default_rng(0))
        for _ in range(2)
    ]
    assert ways[0] is not None
    assert ways[1] is not None
    assert (ways[0] == ways[1]).all()
    for a, b in zip(ways[0][:-1], ways[0][1:], strict=True):
        assert segment_free(a, b, check.free)


def test_spheres_cover_the_hand() -> None:
    spheres = ArmShape(SPEC, width_m=0.08).spheres(SPEC.home_q_rad)[0]
    radii = ArmShape(SPEC, width_m=0.08).radii_m
    tool = ARM.tool(SPEC.home_q_rad)
    for point in ([0.0, 0.045, 0.005], [0.0, -0.045, 0.005], [0.0, 0.1, -0.08], [0.0, -0.1, -0.08], [0.0, 0.0, -0.1]):
        inside = np.linalg.norm(spheres - tool.apply(point), axis=1) - radii
        assert inside.min() < 0.003, point
