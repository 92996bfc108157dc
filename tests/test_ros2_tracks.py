"""What was measured and sent, by time; a bad network; a trajectory controller: without DDS."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest

pytest.importorskip("cyclonedds")

from agent.errors import UserError
from robots.geometry import Pose
from robots.mobile_panda import mobile_panda
from robots.ros2 import convert
from robots.ros2 import messages as m
from robots.ros2.cameras import turned_intrinsics
from robots.ros2.convert import MessageError
from robots.ros2.tracks import PoseTrack, Track, driven
from sim.twin.channel import Channel, Link
from sim.twin.drivers import Controller


def test_a_track_goes_straight_between_its_values_and_keeps_the_newest():
    track = Track()
    assert track.add(1.0, np.array([0.0]))
    assert track.add(2.0, np.array([10.0]))
    assert not track.add(1.5, np.array([99.0])), "what comes late is old"
    assert [float(track.at(t)[0]) for t in (0.0, 1.0, 1.25, 2.0, 9.0)] == [0.0, 0.0, 2.5, 10.0, 10.0]


def test_steps_hold_until_the_next():
    track = Track(steps=True)
    for at, value in ((1.0, 1.0), (2.0, 2.0), (3.0, 3.0)):
        track.add(at, np.array([value]))
    assert [float(track.at(t)[0]) for t in (1.0, 1.9, 2.0, 5.0)] == [1.0, 1.0, 2.0, 3.0]
    assert [(at, float(v[0])) for at, v in track.since(1.5)] == [(1.5, 1.0), (2.0, 2.0), (3.0, 3.0)]


def test_a_base_is_driven_as_its_twists_say():
    straight = driven([(0.0, np.array([0.5, 0.0, 0.0]))], 2.0)
    np.testing.assert_allclose(straight.xyz, [1.0, 0.0, 0.0], atol=1e-12)
    turned = driven([(0.0, np.array([0.0, 0.0, np.pi / 2])), (1.0, np.array([1.0, 0.0, 0.0]))], 2.0)
    np.testing.assert_allclose(turned.xyz, [0.0, 1.0, 0.0], atol=1e-12)
    nothing = driven([(5.0, np.array([1.0, 0.0, 0.0]))], 4.0)
    np.testing.assert_allclose(nothing.xyz, 0.0)


def test_a_yaw_that_turns_over_is_no_jump():
    track = PoseTrack()
    track.add(0.0, Pose.from_xyz_yaw([0.0, 0.0, 0.0], 3.1))
    track.add(1.0, Pose.from_xyz_yaw([0.0, 0.0, 0.0], -3.1))
    assert abs(track.at(0.5).yaw_rad) == pytest.approx(np.pi, abs=1e-9)


def test_a_network_is_as_late_as_bad_and_as_orderly_as_it_says():
    channel = Channel(Link(latency_s=0.1, jitter_s=0.05, loss=0.2), np.random.default_rng(3))
    got: list[int] = []
    for i in range(4000):
        now = i * 0.01
        channel.deliver(now)
        channel.put("/a", now, partial(got.append, i))
    channel.deliver(1e9)
    assert got == sorted(got)
    assert channel.lost == 4000 - len(got)
    assert channel.lost / 4000 == pytest.approx(0.2, abs=0.02)  # 3 standard deviations of 4000 draws
    early, arrived = Channel(Link(latency_s=0.1), np.random.default_rng(0)), []
    early.put("/a", 0.0, lambda: arrived.append(1))
    early.deliver(0.09)
    assert not arrived
    early.deliver(0.1)
    assert arrived == [1]
    with pytest.raises(UserError, match="loss"):
        Link(loss=1.5)


def trajectory(start_s, points, names=("a", "b"), step_s=0.1):
    return m.JointTrajectory(
        header=m.Header(stamp=convert.stamp(start_s)), joint_names=list(names),
        points=[m.JointTrajectoryPoint(positions=list(p), time_from_start=convert.span(i * step_s))
                for i, p in enumerate(points)],
    )  # fmt: skip


def test_a_controller_follows_the_times_then_holds_and_takes_joints_by_name():
    controller = Controller(("a", "b"))
    controller.take(trajectory(1.0, [(1.0, 0.0), (2.0, 4.0)], names=("b", "a")), 0.9)
    assert controller.positions(0.95) is None, "nothing is due yet"
    np.testing.assert_allclose(controller.positions(1.05), [2.0, 1.5])
    np.testing.assert_allclose(controller.positions(5.0), [4.0, 2.0])


@pytest.mark.parametrize(
    "wrong",
    [
        m.JointTrajectory(), trajectory(1.0, [(0.0, 0.0)], names=("a", "c")), trajectory(1.0, [(0.0,)]),
        trajectory(1.0, [(np.nan, 0.0)]), trajectory(1.0, [(0.0, 0.0), (1.0, 1.0)], step_s=0.0),
    ],
    ids=["empty", "other joints", "too few", "nowhere", "no time"],
)  # fmt: skip
def test_a_controller_refuses_what_is_no_trajectory(wrong):
    with pytest.raises(MessageError):
        Controller(("a", "b")).take(wrong, 0.0)


def test_a_turned_picture_s_intrinsics_see_the_same_ray():
    k, width, height = np.array([[300.0, 0, 100.0], [0, 310.0, 50.0], [0, 0, 1]]), 240, 160
    picture = np.zeros((height, width))
    picture[30, 70] = 1.0
    ray = np.linalg.inv(k) @ [70, 30, 1]
    for turns in range(4):
        row, col = np.argwhere(np.rot90(picture, turns) > 0)[0]
        seen = np.linalg.inv(turned_intrinsics(k, width, height, turns)) @ [col, row, 1]
        x, y = ray[:2]
        for _ in range(turns):
            x, y = y, -x  # what was right is up, what was down is right
        np.testing.assert_allclose(seen[:2], [x, y], atol=1e-12)


def test_a_twist_has_three_numbers_of_six():
    np.testing.assert_array_equal(convert.twist_values(convert.twist(np.array([0.1, 0.2, 0.3]))), [0.1, 0.2, 0.3])
    assert mobile_panda().base is not None
