"""robots.mobile.lights: what lights up is told from shadows, exposure and noise."""

from __future__ import annotations

import numpy as np
import pytest

from robots.geometry import Pose
from robots.interface import CameraFrame, Observation, RobotState
from robots.mobile.lights import changed
from robots.mobile.sight import View

NAME, ROWS, COLS = "head", 60, 80


def _scene(seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return np.repeat(rng.uniform(60, 180, (ROWS // 10, COLS // 10, 3)), 10, axis=0).repeat(10, axis=1)


def _seen(picture: np.ndarray) -> tuple[Observation, View]:
    rows, cols = np.indices((ROWS, COLS))
    points = np.stack([cols * 0.01, rows * 0.01, np.ones((ROWS, COLS))], axis=-1)
    frame = CameraFrame(
        rgb=np.clip(picture, 0, 255).astype(np.uint8), depth_m=np.ones((ROWS, COLS), np.float32),
        intrinsics=np.eye(3), world_T_camera=Pose.identity(),
    )  # fmt: skip
    state = RobotState(
        world_T_base=Pose.identity(),
        arm_q=np.zeros(7),
        gripper_width_m=0.0,
        world_T_tool=Pose.identity(),
        holding=False,
    )
    view = View(
        points=points, seen=np.ones((ROWS, COLS), bool), pixel_m=np.full((ROWS, COLS), 0.01), camera=Pose.identity()
    )
    return Observation(time_s=0.0, frames={NAME: frame}, state=state), view


def _changed(before: np.ndarray, after: np.ndarray, *, hidden: bool = False) -> bool:
    (a, va), (b, vb) = _seen(before), _seen(after)
    if hidden:
        vb.seen[20:30, 30:40] = False
    return changed(a, va, b, vb, NAME, np.array([0.35, 0.25, 1.0]))


def _lit(picture: np.ndarray) -> np.ndarray:
    out = picture.copy()
    out[20:30, 30:40] = (255.0, 237.0, 140.0)
    return out


def _dark() -> np.ndarray:
    out = _scene()
    out[20:30, 30:40] = (204.0, 196.0, 173.0)
    return out


def test_a_lamp_that_goes_on_or_off_is_seen() -> None:
    assert _changed(_dark(), _lit(_dark()))
    assert _changed(_lit(_dark()), _dark())


@pytest.mark.parametrize("seed", range(3))
def test_shadow_exposure_and_noise_are_no_light(seed: int) -> None:
    before = _dark()
    shaded = before.copy()
    shaded[:, 20:50] *= 0.6
    noisy = before + np.random.default_rng(seed).normal(0.0, 6.0, before.shape)
    assert not _changed(before, shaded)
    assert not _changed(before, 1.3 * before)
    assert not _changed(before, noisy)


def test_what_the_robot_hides_is_not_compared() -> None:
    assert not _changed(_dark(), _lit(_dark()), hidden=True)
