"""Short cuts that change nothing: points in order, and a scene to which seen points are added."""

from __future__ import annotations

import numpy as np

from robots.geometry import Pose, quat_from_axis_angle
from robots.mobile.sieve import Sieve
from robots.mobile.sight import within
from robots.mobile.solids import inside_solids
from robots.places import Solid
from robots.planning.obstacles import Box, Cloud
from robots.planning.scene import Scene


def boxes(rng: np.random.Generator, count: int) -> list[Solid]:
    turns = (quat_from_axis_angle(rng.normal(size=3), rng.uniform(0, 3)) for _ in range(count))
    return [
        Solid(name=f"box {i}", pose=Pose(xyz=rng.normal(size=3), quat_xyzw=turn), half_m=rng.uniform(0.02, 0.6, 3))
        for i, turn in enumerate(turns)
    ]


def test_all_points_of_a_box_are_found_around_it() -> None:
    rng = np.random.default_rng(0)
    points = rng.normal(size=(4000, 3))
    sieve, found = Sieve(points), 0
    for box in boxes(rng, 20):
        inside = (np.abs(box.pose.inverse().apply(points)) <= box.half_m).all(axis=1)
        around = sieve.around(box.pose, box.half_m)
        assert set(np.nonzero(inside)[0]) <= set(around.tolist())
        found += int(inside.sum())
        assert len(around) < len(points)
    assert found > 100


def test_points_inside_solids_are_those_that_each_solid_has() -> None:
    rng = np.random.default_rng(1)
    points, solids = rng.normal(size=(3000, 3)), boxes(rng, 12)
    expected = np.zeros(len(points), dtype=bool)
    for solid in solids:
        local = solid.pose.inverse().apply(points)
        beyond = np.abs(local) - solid.half_m
        expected |= (beyond.max(axis=1) < 0.05) & (local[:, 2] < solid.half_m[2] + 0.002)
    assert expected.sum() > 50
    assert np.array_equal(inside_solids(points, solids, 0.05), expected)
    assert inside_solids(points[:0], solids, 0.05).shape == (0,)


def test_points_within_balls_are_those_nearer_than_their_radii() -> None:
    rng = np.random.default_rng(2)
    points, centres, radii = rng.normal(size=(3000, 3)), rng.normal(size=(7, 3)), rng.uniform(0.1, 0.5, 7)
    away = np.linalg.norm(points[:, None] - centres, axis=2) - radii
    clear = np.abs(away.min(axis=1)) > 1e-4
    found = within(points, centres, radii)
    assert 20 < found.sum() < 2000
    assert np.array_equal(found[clear], (away.min(axis=1) < 0)[clear])


def test_a_scene_with_a_cloud_added_is_the_scene_made_with_it() -> None:
    rng = np.random.default_rng(3)
    walls = [Box(pose=b.pose, half_m=b.half_m, name=b.name) for b in boxes(rng, 5)]
    cloud = Cloud(points=rng.normal(size=(300, 3)) * [0.3, 0.1, 0.4])
    low, high = [-1.0, -1.2, -0.5], [1.0, 0.8, 0.9]
    bare = Scene(walls, lower_m=low, upper_m=high, cell_m=0.05)
    at = rng.normal(size=(500, 3))
    before = bare.distance(at)
    added, whole = bare.with_cloud(cloud), Scene([*walls, cloud], lower_m=low, upper_m=high, cell_m=0.05)
    assert np.array_equal(added.distance(at), whole.distance(at))
    assert not np.array_equal(added.distance(at), before)
    assert np.array_equal(bare.distance(at), before)
    assert [added.nearest(p) for p in at[:50]] == [whole.nearest(p) for p in at[:50]]
