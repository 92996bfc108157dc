"""Poses: composition, inverse, application, against matrices."""

from __future__ import annotations

import numpy as np
import pytest

from robots.geometry import Pose, matrix_from_quat, quat_from_axis_angle, quat_from_matrix


def random_pose(rng: np.random.Generator) -> Pose:
    return Pose(xyz=rng.normal(size=3), quat_xyzw=rng.normal(size=4))


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(3)


def test_composition_is_the_product_of_matrices(rng: np.random.Generator) -> None:
    for _ in range(50):
        a, b = random_pose(rng), random_pose(rng)
        # 1e-12: a dozen products of numbers near one, in double precision.
        assert np.abs((a @ b).matrix - a.matrix @ b.matrix).max() < 1e-12


def test_inverse_undoes(rng: np.random.Generator) -> None:
    for _ in range(50):
        a = random_pose(rng)
        assert np.abs((a @ a.inverse()).matrix - np.eye(4)).max() < 1e-12
        points = rng.normal(size=(5, 7, 3))
        assert np.abs(a.inverse().apply(a.apply(points)) - points).max() < 1e-12


def test_quaternion_and_matrix_agree_both_ways(rng: np.random.Generator) -> None:
    """Half turns too, where the naive formula divides by zero."""
    quats = [
        *rng.normal(size=(50, 4)),
        [1, 0, 0, 0],
        [0, 1, 0, 0],
        [0, 0, 1, 0],
        [0, 0, 0, 1],
        [1, 1, 0, 0],
        [0, 1, 1, 1e-9],
    ]
    for quat in quats:
        unit = np.asarray(quat) / np.linalg.norm(quat)
        matrix = matrix_from_quat(unit)
        assert np.abs(matrix @ matrix.T - np.eye(3)).max() < 1e-12
        assert np.linalg.det(matrix) == pytest.approx(1.0)
        assert abs(quat_from_matrix(matrix) @ unit) == pytest.approx(1.0, abs=1e-12)


def test_a_turn_about_z_turns_x_towards_y() -> None:
    assert Pose.from_xyz_yaw([1, 2, 3], np.pi / 2).apply([1, 0, 0]) == pytest.approx([1, 3, 3])
    assert Pose.from_xyz_yaw([0, 0, 0], 0.7).yaw_rad == pytest.approx(0.7)
    assert quat_from_axis_angle([0, 0, 2], np.pi) == pytest.approx([0, 0, 1, 0])


@pytest.mark.parametrize(
    ("xyz", "quat"),
    [([0, 0], [0, 0, 0, 1]), ([0, 0, np.nan], [0, 0, 0, 1]), ([0, 0, 0], [0, 0, 0, 0]), ([0, 0, 0], [0, 0, 1])],
)
def test_refuses_what_is_no_pose(xyz: list[float], quat: list[float]) -> None:
    with pytest.raises(ValueError, match="Pose takes"):
        Pose(xyz=np.array(xyz, dtype=float), quat_xyzw=np.array(quat, dtype=float))


def test_is_frozen(rng: np.random.Generator) -> None:
    pose = random_pose(rng)
    with pytest.raises(ValueError, match="read-only"):
        pose.xyz[0] = 1.0
