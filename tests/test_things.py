"""robots.mobile.things and grasps_side: what belongs to a thing, and what is round, from depth alone."""

from __future__ import annotations

import numpy as np
import pytest

from robots.geometry import Pose
from robots.mobile.grasps_side import circle
from robots.mobile.sight import View
from robots.mobile.things import Thing, thing_at

Float = np.ndarray
BOARD_M, FOCAL_PX = 1.0, 160.0


def looked_at(boxes: list[tuple[Float, Float]], eye: Float, at: Float) -> View:
    """A depth picture of 168 x 168 of boxes (lowest, highest corner) on a board at BOARD_M."""
    z = (at - eye) / np.linalg.norm(at - eye)
    x = np.cross(z, [0.0, 0.0, 1.0])
    x /= np.linalg.norm(x)
    rotation = np.column_stack([x, np.cross(z, x), z])
    rows, cols = np.indices((168, 168))
    rays = np.stack([(cols - 84) / FOCAL_PX, (rows - 84) / FOCAL_PX, np.ones(rows.shape)], axis=-1) @ rotation.T
    with np.errstate(divide="ignore"):
        reach = (BOARD_M - eye[2]) / rays[..., 2]
        reach = np.where(reach > 0, reach, np.inf)
        for low, high in boxes:
            near, far = ((edge - eye) / rays for edge in (low, high))
            enter, leave = np.minimum(near, far).max(axis=-1), np.maximum(near, far).min(axis=-1)
            reach = np.where((enter < leave) & (enter > 0), np.minimum(reach, enter), reach)
    seen = reach < 4.0
    points = eye + np.where(seen, reach, 0.0)[..., None] * rays
    matrix = np.eye(4)
    matrix[:3, :3], matrix[:3, 3] = rotation, eye
    return View(
        points=points, seen=seen, pixel_m=np.where(seen, reach, 0.0) / FOCAL_PX, camera=Pose.from_matrix(matrix)
    )


def box(middle: tuple[float, float], size: tuple[float, float, float]) -> tuple[Float, Float]:
    low = np.array([middle[0] - size[0] / 2, middle[1] - size[1] / 2, BOARD_M])
    return low, low + np.array(size)


def found(boxes: list[tuple[Float, Float]], point: Float) -> Thing:
    thing = thing_at([looked_at(boxes, np.array([0.0, 0.0, BOARD_M + 0.36]), point)], point, BOARD_M)
    assert thing is not None
    return thing


@pytest.mark.parametrize("share", [0.5, 0.999])
def test_a_top_seen_aslant_belongs_to_its_box(share: float) -> None:
    """Pointed at on its front or on its top, whose rows of pixels are 3 cm apart."""
    one = found(
        [box((0.85, 0.0), (0.058, 0.09, 0.19))], np.array([0.821 if share < 0.9 else 0.84, 0.0, BOARD_M + share * 0.19])
    )
    assert one.height_m == pytest.approx(0.19, abs=0.005)
    assert sorted(one.half_m) == pytest.approx([0.029, 0.045], abs=0.012)


def test_the_top_of_the_next_box_is_not_its() -> None:
    boxes = [box((0.85, 0.0), (0.058, 0.09, 0.19)), box((0.85, 0.12), (0.058, 0.09, 0.19))]
    one = found(boxes, np.array([0.821, 0.0, BOARD_M + 0.1]))
    assert max(one.half_m) < 0.055
    assert abs(float(one.centre[1])) < 0.01


def test_an_arc_is_no_circle() -> None:
    """Half of a can's outline is one, and the arc of a banana, 14 cm long on a radius of 9, is none."""
    half = np.linspace(-0.5, 0.5, 80) * np.pi * 0.96
    can = 0.033 * np.stack([np.cos(half), np.sin(half)], axis=1)
    solved = circle(can)
    assert solved is not None
    assert solved[1] == pytest.approx(0.033, abs=0.001)
    assert circle(0.09 * np.stack([np.cos(0.53 * half), np.sin(0.53 * half)], axis=1)) is None
