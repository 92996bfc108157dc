"""The camera's mathematics, against itself and against the picture that is drawn with it."""

from __future__ import annotations

import numpy as np
import pytest

from sim.camera import CameraSpec, LightSpec

CAMERAS = [
    CameraSpec(),
    CameraSpec(position_m=(0.9, -0.3, 0.6), target_m=(0.4, 0.1, 0.05), fov_y_rad=0.9, width=320, height=200),
    CameraSpec(position_m=(-0.5, 0.2, 0.4), target_m=(0.5, 0.0, 0.0), width=31, height=64),
]


def pixels(camera: CameraSpec, points: np.ndarray) -> np.ndarray:
    """(column, row) float64[N,2] by the intrinsics."""
    seen = camera.world_T_camera.inverse().apply(points) @ camera.intrinsics.T
    return seen[:, :2] / seen[:, 2:]


@pytest.mark.parametrize("camera", CAMERAS)
def test_opengl_and_the_intrinsics_agree(camera: CameraSpec) -> None:
    """NDC -1 is the left edge of pixel 0, that is -0.5 where pixel centres are integers. 1e-9 px: both are float64."""
    points = np.random.default_rng(0).uniform([0.1, -0.4, 0], [0.8, 0.4, 0.4], (50, 3))
    clip = np.column_stack([points, np.ones(len(points))]) @ (camera.projection @ camera.view).T
    ndc = clip[:, :3] / clip[:, 3:]
    column = (ndc[:, 0] + 1) / 2 * camera.width - 0.5
    row = (1 - ndc[:, 1]) / 2 * camera.height - 0.5
    np.testing.assert_allclose(np.column_stack([column, row]), pixels(camera, points), atol=1e-9)


@pytest.mark.parametrize("camera", CAMERAS)
def test_the_target_is_in_the_middle_and_the_camera_is_level(camera: CameraSpec) -> None:
    middle = [(camera.width - 1) / 2, (camera.height - 1) / 2]
    np.testing.assert_allclose(pixels(camera, np.array([camera.target_m]))[0], middle, atol=1e-9)
    assert camera.world_T_camera.rotation[2, 0] == pytest.approx(0, abs=1e-12)
    np.testing.assert_allclose(camera.world_T_camera.xyz, camera.position_m)


def test_near_and_far_are_the_ends_of_clip_space() -> None:
    camera = CameraSpec(near_m=0.1, far_m=3.0)
    for z, ndc in ((-0.1, -1.0), (-3.0, 1.0)):
        clip = camera.projection @ [0, 0, z, 1]
        assert clip[2] / clip[3] == pytest.approx(ndc)


def test_picture_directions_are_those_of_the_language() -> None:
    """Right in the picture is +y, down (nearer the viewer) is +x, seen from opposite the robot."""
    here, right, nearer = pixels(CameraSpec(), np.array([[0.48, 0, 0], [0.48, 0.1, 0], [0.58, 0, 0]]))
    assert right[0] > here[0] + 20
    assert abs(right[1] - here[1]) < 1e-6
    assert nearer[1] > here[1] + 15
    assert abs(nearer[0] - here[0]) < 1e-6


def test_the_usual_camera_sees_the_workspace_and_the_tool_at_home() -> None:
    workspace = np.array([[x, y, z] for x in (0.32, 0.64) for y in (-0.28, 0.28) for z in (0, 0.05)])
    home = np.array([[0.36, 0, 0.30], [0.36, 0, 0.38], [0.36, 0.06, 0.34], [0.36, -0.06, 0.34]])
    seen = pixels(CameraSpec(), np.concatenate([workspace, home]))
    assert seen.min() > 8
    assert seen.max() < 215


def test_other_sizes_show_the_same_view() -> None:
    camera = CameraSpec()
    small = camera.with_size(112, 112)
    points = np.array([[0.4, 0.1, 0.0], [0.6, -0.2, 0.1]])
    np.testing.assert_allclose((pixels(small, points) + 0.5) * 2, pixels(camera, points) + 0.5)


@pytest.mark.parametrize("wrong", [{"fov_y_rad": 0.0}, {"width": 0}, {"near_m": 5.0}, {"position_m": (0.44, 0.0, 1.0)}])
def test_what_is_no_camera_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="camera"):
        CameraSpec(**wrong)  # type: ignore[arg-type]


def test_a_light_has_a_unit_direction() -> None:
    assert np.linalg.norm(LightSpec(direction=(3.0, 0.0, 4.0)).unit_direction) == pytest.approx(1)
