"""Points in pictures and points in the world are each other's inverse."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from agent.grounding import backproject, ground, project
from robots.interface import CameraFrame
from sim.camera import CameraSpec

CAMERA = CameraSpec()


def frame(depth_m: float = 0.9) -> CameraFrame:
    return CameraFrame(
        rgb=np.zeros((224, 224, 3), np.uint8), depth_m=np.full((224, 224), depth_m, np.float32),
        intrinsics=CAMERA.intrinsics, world_T_camera=CAMERA.world_T_camera,
    )  # fmt: skip


@given(st.floats(0, 223), st.floats(0, 223), st.floats(0.1, 3.5))
def test_project_undoes_backproject(row: float, col: float, depth: float) -> None:
    world = backproject(frame(), (row, col), depth)
    pixel, again = project(frame(), world)
    np.testing.assert_allclose(pixel, (row, col), atol=1e-8)  # float64 and one matrix inverse
    np.testing.assert_allclose(again, depth, atol=1e-10)


def test_backproject_undoes_project() -> None:
    world = np.random.default_rng(0).uniform([0.3, -0.3, 0], [0.65, 0.3, 0.3], (200, 3))
    pixels, depth = project(frame(), world)
    np.testing.assert_allclose(backproject(frame(), pixels, depth), world, atol=1e-10)


def test_image_right_is_left_of_the_robot_and_down_is_nearer_the_viewer() -> None:
    here, right, nearer = (project(frame(), p)[0] for p in ([0.45, 0, 0], [0.45, 0.1, 0], [0.55, 0, 0]))
    assert right[1] > here[1] + 10
    assert nearer[0] > here[0] + 10


def test_behind_the_camera_is_nowhere() -> None:
    pixel, depth = project(frame(), [2.0, 0.0, 1.5])
    assert depth < 0
    assert np.isnan(pixel).all()


def test_ground_takes_the_depth_at_the_point() -> None:
    seen = frame()
    xyz = ground(seen, (100, 50))
    assert xyz is not None
    np.testing.assert_allclose(xyz, backproject(seen, (100, 50), 0.9), atol=1e-6)  # depth is float32


def test_ground_borrows_from_the_nearest_neighbour_with_depth() -> None:
    seen = frame()
    seen.depth_m[90:110, 40:60] = 0
    seen.depth_m[101, 51] = 0.7
    seen.depth_m[98, 50] = 0.8
    np.testing.assert_allclose(ground(seen, (100, 50)), backproject(seen, (100, 50), np.float32(0.7)))
    seen.depth_m[101, 51] = seen.depth_m[98, 50] = 0
    assert ground(seen, (100, 50)) is None


def test_ground_outside_the_picture_is_nothing() -> None:
    assert ground(frame(), (224, 0)) is None
    assert ground(frame(), (0, -1)) is None
