"""Motion among obstacles: found, free when followed with the meshes of the physics, within limits; or why not."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from benchmarks.motion_check import Follower
from benchmarks.motion_queries import BASE_LIMITS, BASE_PERIOD_S, COUNTS, Query, answer, base_body, make
from benchmarks.motion_seeds import SEEDS
from robots.geometry import Pose, wrapped
from robots.interface import Status
from robots.kinematics import kinematics
from robots.planning.bodies import panda_parts, panda_shape
from robots.planning.connect import rrt_connect, shortened
from robots.planning.free_space import FreeSpace
from robots.planning.limits import MotionLimits
from robots.planning.obstacles import Ball, Box, Obstacle
from robots.planning.planner import BaseMotion, plan_arm, plan_base, plan_whole_body
from robots.planning.scene import Scene
from robots.planning.shape import RobotShape, carried, planar
from robots.planning.steering import Straight, TurnDriveTurn
from robots.spec import panda

SPEC = panda()
HOME = SPEC.home_q_rad
DOT = RobotShape(planar, base_body("differential").parts[:1])


def query(family: str, k: int = 0) -> Query:
    made = make(family, SEEDS[family][k])
    assert made is not None
    return made


def test_there_are_200_queries() -> None:
    assert {family: len(seeds) for family, seeds in SEEDS.items()} == COUNTS
    assert sum(COUNTS.values()) == 200


@pytest.mark.parametrize("family", COUNTS)
def test_a_motion_of_each_family_can_be_followed(family: str) -> None:
    q = query(family)
    motions = [answer(q, q.scene(), None, 4000, seed=0) for _ in range(2)]
    follower = Follower(q)
    assert motions[0].status is Status.SUCCEEDED, motions[0].detail
    assert follower.fault(motions[0]) == ""
    assert (motions[0].q == motions[1].q).all()  # the same generator, the same motion
    follower.close()


def test_the_follower_sees_faults() -> None:
    """Straight through, cut short, and too fast: what the benchmark counts as solved is looked at."""
    q = query("wall", 2)
    motion = answer(q, q.scene(), None, 4000, seed=0)
    follower = Follower(q)
    share = np.linspace(0, 1, 1200)[1:, None] ** 2 * (3 - 2 * np.linspace(0, 1, 1200)[1:, None])
    straight = replace(motion, q=q.start + share * (motion.q[-1] - q.start))
    assert " mm in a " in follower.fault(straight)
    assert "from the goal" in follower.fault(replace(motion, q=motion.q[:-5]))
    assert "velocity" in follower.fault(replace(motion, q=motion.q[::-10][::-1]))
    follower.close()


def test_why_there_is_no_motion() -> None:
    scene = Scene(
        [Ball(centre_m=np.array([0.4, 0.0, 0.3]), radius_m=0.1, name="ball")], lower_m=[-1] * 3, upper_m=[1] * 3
    )
    shape = panda_shape(SPEC, Pose.identity(), width_m=0.04)
    rng = np.random.default_rng(0)
    aside = np.array([1.5, *HOME[1:]])
    start_in = plan_arm(SPEC, shape, scene, HOME, aside, rng=rng)
    goal_in = plan_arm(SPEC, shape, scene, aside, HOME, rng=rng)
    none = plan_arm(SPEC, shape, scene, aside, np.empty((0, 7)), rng=rng)
    outside = plan_arm(SPEC, shape, scene, aside, aside + 5.0, rng=rng)
    beyond = plan_arm(SPEC, shape, scene, aside + 5.0, aside, rng=rng)
    assert (start_in.status, goal_in.status) == (Status.PATH_BLOCKED, Status.PATH_BLOCKED)
    assert start_in.detail.startswith("the start is in collision: frame ")
    assert "ball" in goal_in.detail
    assert (none.status, outside.status, beyond.status) == (Status.UNREACHABLE, Status.UNREACHABLE, Status.LIMIT)
    assert all(len(m.q) == 0 for m in (start_in, goal_in, none, outside, beyond))
    with pytest.raises(ValueError, match="finite numbers"):
        plan_arm(SPEC, shape, scene, aside, aside * np.nan, rng=rng)


def walled() -> list[Obstacle]:
    """A box of walls, 2 m by 2 m, around (1, 1)."""
    return [
        Box.between(low, high, name="wall")
        for low, high in (
            ([0, 0, 0], [2, 0.05, 1]),
            ([0, 1.95, 0], [2, 2, 1]),
            ([0, 0, 0], [0.05, 2, 1]),
            ([1.95, 0, 0], [2, 2, 1]),
        )
    ]


@pytest.mark.parametrize("holonomic", [True, False])
def test_walled_in_is_said_after_bounded_work(holonomic: bool) -> None:
    scene = Scene(walled(), lower_m=[-1, -1, 0], upper_m=[4, 3, 1], cell_m=0.05)
    motion = plan_base(
        base_body("differential"),
        scene,
        [1.0, 1.0, 0.0],
        [3.0, 1.0, 0.0],
        area=(-1, -1, 4, 3),
        holonomic=holonomic,
        limits=BASE_LIMITS,
        period_s=BASE_PERIOD_S,
        rng=np.random.default_rng(0),
        tries=150,
    )
    assert motion.status is Status.PATH_BLOCKED
    assert motion.detail == "no free way was found in 150 tries"
    assert motion.twists.shape == (0, 3)


def test_twists_bring_a_base_to_its_goal() -> None:
    for holonomic in (True, False):
        motion = base_motion(holonomic)
        at = np.array([0.3, 0.3, 3.0])
        for x, y, turn in motion.twists * BASE_PERIOD_S:
            middle = at[2] + turn / 2
            c, s = np.cos(middle), np.sin(middle)
            at = at + [c * x - s * y, s * x + c * y, turn]
        assert at[:2] == pytest.approx([2.7, 1.7], abs=1e-6)
        assert float(wrapped(at[2] + 3.0)) == pytest.approx(0.0, abs=1e-6)
        if not holonomic:
            # Never sideways: over a period in which the base turns by up to 0.04 rad the chord is off by a fiftieth.
            assert np.abs(motion.twists[:, 1]).max() < 0.02 * BASE_LIMITS.velocity[0]


def test_a_differential_base_passes_corners_without_a_stop_and_within_limits() -> None:
    motion = base_motion(False)
    q = np.concatenate([np.tile([0.3, 0.3, 3.0], (4, 1)), motion.q, np.tile(motion.q[-1], (3, 1))])
    shares = []
    for limit in (BASE_LIMITS.velocity, BASE_LIMITS.acceleration, BASE_LIMITS.jerk):
        q = np.diff(q, axis=0) / BASE_PERIOD_S
        shares.append(float((BASE_LIMITS.norms(q) / limit).max()))
    assert max(shares) <= 1 + 1e-6
    driving, turning = np.abs(motion.twists[:, 0]) > 0.05, np.abs(motion.twists[:, 2]) > 0.05
    assert (driving & turning).sum() > 10
    drives = np.linalg.norm(np.diff(motion.way[:, :2], axis=0), axis=1) > 1e-6
    assert drives.sum() >= 2  # a corner there is
    moving = np.nonzero(driving)[0]
    assert driving[moving[0] : moving[-1] + 1].all()


def base_motion(holonomic: bool, *, blocked: bool = True) -> BaseMotion:
    things = [Box.between([1.2, 0.0, 0.0], [1.5, 1.4, 1.0])] if blocked else []
    scene = Scene(things, lower_m=[0, 0, 0], upper_m=[3, 3, 1], cell_m=0.05)
    return plan_base(
        base_body("differential"),
        scene,
        [0.3, 0.3, 3.0],
        [2.7, 1.7, -3.0],
        area=(0, 0, 3, 3),
        holonomic=holonomic,
        limits=BASE_LIMITS,
        period_s=BASE_PERIOD_S,
        rng=np.random.default_rng(0),
    )


def test_yaw_takes_the_shorter_way_round() -> None:
    motion = base_motion(True, blocked=False)
    assert np.abs(motion.q[:, 2] - np.pi).max() < 0.15  # from 3 rad over pi to -3, not through 0


def test_a_hand_beside_a_thing_may_leave_it_but_not_come_nearer() -> None:
    shape = panda_shape(SPEC, Pose.identity(), width_m=0.04)
    tool = kinematics(SPEC).tool(HOME).xyz
    post = Box.between(tool + [-0.02, 0.047, -0.3], tool + [0.02, 0.06, 0.0], name="post")
    scene = Scene([post], lower_m=[-1] * 3, upper_m=[1] * 3)
    space = FreeSpace(shape, scene, resolution=np.full(7, 0.1), margin_m=0.02)
    assert 0 < space.worst(HOME)[0] < 0.02
    assert not space.free(HOME[None])[0]
    up = kinematics(SPEC).solve(Pose(xyz=tool + [0, 0, 0.2], quat_xyzw=kinematics(SPEC).tool(HOME).quat_xyzw), HOME).q
    assert space.relaxed(HOME).free(np.stack([HOME, up])).all()
    motion = plan_arm(SPEC, shape, scene, HOME, up, rng=np.random.default_rng(0), margin_m=0.02)
    assert motion.status is Status.SUCCEEDED
    nearest = min(space.worst(q)[0] for q in motion.q)
    assert nearest > space.worst(HOME)[0] - 0.002


def test_the_way_between_samples_is_checked() -> None:
    """A plate 2 mm thick, between two samples 8 cm apart, is not jumped over."""
    plate = Box.between([0.999, -1, 0], [1.001, 1, 0.3], name="plate")
    scene = Scene([plate], lower_m=[0, -1, 0], upper_m=[2, 1, 0.5])
    ball = RobotShape(planar, [replace(DOT.parts[0], centre_m=(0.0, 0.0, 0.1), radius_m=0.01)])
    space = FreeSpace(ball, scene, resolution=np.full(3, 0.08), margin_m=0.005)
    for start in np.linspace(0.5, 0.6, 21):
        way = np.array([[start, 0.0, 0.0], [start + 1.0, 0.0, 0.0]])
        assert not space.whole(way)
    assert space.whole(np.array([[0.5, 0.0, 0.0], [0.98, 0.0, 0.0]]))


def test_shortcuts_shorten_and_stay_free() -> None:
    scene = Scene([Box.between([0.9, -0.5, 0], [1.1, 0.5, 1])], lower_m=[0, -2, 0], upper_m=[2, 2, 1])
    space = FreeSpace(base_body("differential"), scene, resolution=np.array([0.08, 0.08, 0.3]), margin_m=0.02)
    low, high = np.array([0, -2, -np.pi]), np.array([2, 2, np.pi])
    steering = TurnDriveTurn(low, high, turn_m_rad=0.3)
    start, goal = np.array([0.4, 0.0, 0.0]), np.array([1.6, 0.0, 0.0])
    found = rrt_connect(start, goal[None], steering, space, rng=np.random.default_rng(3), tries=2000)
    assert found.way is not None
    short = shortened(found.way, steering, space, rng=np.random.default_rng(0))
    assert steering.pieces(short).sum() <= steering.pieces(found.way).sum()
    assert space.whole(short)
    assert short[0] == pytest.approx(start)
    assert short[-1, :2] == pytest.approx(goal[:2])
    for a, b in pairwise(short):  # it turns or it drives along its heading
        drive = b[:2] - a[:2]
        if np.linalg.norm(drive) > 1e-6:
            assert a[2] == pytest.approx(b[2])
            assert abs(np.cross([*drive, 0], [np.cos(a[2]), np.sin(a[2]), 0])[2]) < 1e-6


def test_base_and_arm_plan_together() -> None:
    arm = kinematics(SPEC)
    frames = carried(arm, Pose.from_xyz_yaw([0.0, 0.0, 0.4]))
    parts = (*base_body("differential").parts[:1], *panda_parts(SPEC, width_m=0.04, first=1))
    wall = Box.between([0.9, -0.5, 0.0], [1.0, 3.0, 1.6], name="wall")
    scene = Scene([wall], lower_m=[-1, -2.5, 0], upper_m=[3, 2, 1.7], cell_m=0.05)
    start, goal = np.array([0.0, 0.0, 0.0, *HOME]), np.array([2.2, 0.0, 0.0, *HOME])
    goal[3] = 1.0
    motion = plan_whole_body(
        SPEC,
        RobotShape(frames, parts),
        scene,
        start,
        goal,
        area=(-1, -2.5, 3, 2),
        base_limits=BASE_LIMITS,
        rng=np.random.default_rng(0),
    )
    assert motion.status is Status.SUCCEEDED, motion.detail
    assert motion.q[-1] == pytest.approx(goal)
    space = FreeSpace(RobotShape(frames, parts), scene, resolution=np.full(10, 0.1), margin_m=0.0)
    assert space.free(motion.q).all()
    limits = MotionLimits.of(SPEC)
    speed = np.diff(np.concatenate([start[None], motion.q]), axis=0) * SPEC.control_hz
    assert np.linalg.norm(speed[:, :2], axis=1).max() <= BASE_LIMITS.velocity[0] + 1e-6
    assert (np.abs(speed[:, 3:]) <= limits.velocity + 1e-6).all()


def test_ompl_finds_ways_behind_the_same_interface() -> None:
    pytest.importorskip("ompl")
    code = (
        "import tests.test_planner_motion as t\n"
        "from robots.planning.ompl_connect import ompl_rrt_connect\n"
        "for family in ('wall', 'holonomic', 'differential'):\n"
        "    q = t.query(family); m = t.answer(q, q.scene(), ompl_rrt_connect, 20000, seed=0)\n"
        "    print(family, m.status.value, t.Follower(q).fault(m))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-3:] == [f"{f} succeeded " for f in ("wall", "holonomic", "differential")]


def test_without_ompl_there_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    from robots.planning.ompl_connect import ompl_rrt_connect

    monkeypatch.setitem(sys.modules, "ompl", None)
    steering = Straight(np.zeros(3), np.ones(3), weights=np.ones(3))
    space = FreeSpace(DOT, Scene([], lower_m=[0] * 3, upper_m=[1] * 3), resolution=np.ones(3))
    with pytest.raises(ModuleNotFoundError, match=r'pip install "palmetto\[planning\]"'):
        ompl_rrt_connect(np.zeros(3), np.ones((1, 3)), steering, space, rng=np.random.default_rng(0), tries=10)
