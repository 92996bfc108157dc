"""Rooms: many parts and ids, textures, soft shadows, several cameras and worlds at once, coarser meshes far away."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from robots.geometry import Pose
from sim.camera import Camera, CameraSpec, LightSpec, PoseCamera, look_at
from sim.detail import CELLS, level_of, sphere
from sim.render import MAX_OBJECT_ID, Picture, Renderer, Shot, VisualPart, open_renderer
from sim.scenes import sample_scene
from sim.shapes import mesh
from sim.stage import check_renderer
from sim.world import World

PLAIN = LightSpec(shadow=0.0)


def part(
    key: str,
    xyz_m: tuple[float, float, float],
    object_id: int = 2,
    *,
    texture: str = "",
    rgb: tuple[float, float, float] = (0.9, 0.9, 0.9),
    yaw_rad: float = 0.0,
    casts_shadow: bool = True,
) -> VisualPart:
    return VisualPart(
        mesh_key=key,
        world_T_part=Pose.from_xyz_yaw(xyz_m, yaw_rad).matrix,
        rgb=rgb,
        object_id=object_id,
        texture=texture,
        casts_shadow=casts_shadow,
    )


def above(xy_m: tuple[float, float], height_m: float, width_m: float, px: int = 200) -> PoseCamera:
    """Straight down from a height on a square of the floor; right is +x, up is +y."""
    pose = look_at((*xy_m, height_m), (*xy_m, 0.0), up=(0.0, 1.0, 0.0))
    return PoseCamera.from_fov(pose, fov_y_rad=2 * float(np.arctan(width_m / 2 / height_m)), width=px, height=px)


def room() -> list[VisualPart]:
    """Floor, two walls, a table and things on it, all textured."""
    return [
        part("floor/4,4/1.0", (0, 0, 0), 0, texture="planks"),
        part("cuboid/4,0.1,2.5/2.0", (0, 2, 1.25), 5, texture="plaster", casts_shadow=False),
        part("cuboid/0.1,4,2.5/1.0", (-2, 0, 1.25), 6, texture="brick", casts_shadow=False),
        part("cuboid/1.2,0.7,0.04/0.8", (0, 0.3, 0.72), 7, texture="wood", yaw_rad=0.1),
        part("round/0.04,0.12", (0.1, 0.2, 0.80), 300, texture="label:SOUP#1", yaw_rad=2.0),
        part("cuboid/0.08,0.08,0.2", (-0.2, 0.3, 0.84), 301, texture="label:OAT MILK#3", yaw_rad=0.5),
        part("bowl/small", (0.3, 0.3, 0.76), 2000, rgb=(0.3, 0.5, 0.8)),
        part("cuboid/0.4,0.3,0.3", (1.2, -0.3, 0.15), 303, texture="cardboard", rgb=(1.0, 0.9, 0.7)),
    ]


ROOM_CAMERA = CameraSpec(
    position_m=(0.9, -1.6, 1.6), target_m=(0.0, 0.3, 0.7), fov_y_rad=0.9, width=320, height=240, far_m=10.0
)
INSIDE = PoseCamera.from_fov(look_at((1.9, -1.9, 0.4), (-1.0, 1.5, 0.3)), fov_y_rad=1.3, width=224, height=160)
CLOSE_CAMERA = PoseCamera.from_fov(
    look_at((0.35, -0.5, 1.1), (0, 0.2, 0.8)),
    fov_y_rad=0.6,
    width=160,
    height=120,
)


def equal(a: Picture, b: Picture) -> bool:
    return all(getattr(a, name).tobytes() == getattr(b, name).tobytes() for name in ("rgb", "depth_m", "ids"))


@pytest.mark.parametrize("camera", [ROOM_CAMERA, CLOSE_CAMERA, INSIDE, above((0.0, 0.2), 2.0, 1.6)])
def test_both_renderers_draw_the_same_room(gl: Renderer, tiny: Renderer, camera: Camera) -> None:
    """Depth and ids as on the tabletop. One blurs distant textures and the other doesn't: colours after a blur."""
    a, b = gl.render(room(), camera, PLAIN), tiny.render(room(), camera, PLAIN)
    same = a.ids == b.ids
    assert same.mean() >= 0.99
    assert set(np.unique(a.ids)) == set(np.unique(b.ids))
    assert (np.abs(a.depth_m - b.depth_m)[same] <= 0.002).mean() >= 0.999
    off = np.abs(cv2.blur(a.rgb, (9, 9)).astype(int) - cv2.blur(b.rgb, (9, 9))).max(axis=-1)
    assert (off <= 20).mean() > 0.97
    assert off.mean() < 3


def test_a_label_reads_from_left_to_right_and_is_not_on_its_head(renderer: Renderer) -> None:
    """Ink of an L: much at the bottom and at the left."""
    carton = part("cuboid/0.5,0.5,0.5", (0, 0, 0.25), texture="label:L")
    camera = PoseCamera.from_fov(
        look_at((0.0, -2.0, 0.25), (0, 0, 0.25)),
        fov_y_rad=0.3,
        width=256,
        height=256,
    )
    rgb = renderer.render([carton], camera, PLAIN).rgb.astype(float)
    bright = rgb.max(axis=-1)
    face = np.argwhere(renderer.render([carton], camera, PLAIN).ids == 2)
    (top, left), (bottom, right) = face.min(axis=0), face.max(axis=0)
    words = bright[top + 66 * (bottom - top) // 256 : top + 200 * (bottom - top) // 256, left : (left + right) // 2]
    ink = words < 0.75 * words.max()
    rows, columns = np.nonzero(ink)
    assert len(rows) > 100
    assert ink[rows.max() - 3].sum() > 1.5 * ink[rows.min() + 3].sum()
    assert ink[:, columns.min() + 3].sum() > 1.5 * ink[:, columns.max() - 3].sum()


def test_a_part_is_tinted_by_its_colour(renderer: Renderer) -> None:
    camera = above((0.0, 0.0), 1.5, 0.4, px=64)
    light = LightSpec(direction=(0, 0, 1), ambient=0.5, diffuse=0.5, shadow=0.0)
    white, green = (
        renderer.render([part("floor/1,1", (0, 0, 0), texture="weave", rgb=rgb)], camera, light).rgb.mean(axis=(0, 1))
        for rgb in ((1.0, 1.0, 1.0), (0.2, 0.8, 0.3))
    )
    np.testing.assert_allclose(green, white * [0.2, 0.8, 0.3], atol=2)


def test_more_textures_than_there_is_room_for(gl: Renderer, monkeypatch: pytest.MonkeyPatch) -> None:
    """The room looks the same after more textures were drawn than are kept; too many in one picture are refused."""
    before = gl.render(room(), CLOSE_CAMERA, PLAIN)
    monkeypatch.setattr("sim.render_batch._MAX_LAYERS", 24)
    for first in range(0, 60, 10):
        labels = [part("round/0.1,0.2", (i, 0, 0), texture=f"wood#{first + i}") for i in range(10)]
        gl.render(labels, CLOSE_CAMERA, PLAIN)
    assert equal(gl.render(room(), CLOSE_CAMERA, PLAIN), before)
    many = [part("round/0.1,0.2", (i, 0, 0), texture=f"check#{i}") for i in range(24)]
    with pytest.raises(ValueError, match="up to 23 textures, not 24"):
        gl.render(many, CLOSE_CAMERA, PLAIN)
    assert equal(gl.render(room(), CLOSE_CAMERA, PLAIN), before)


def test_straight_down_the_depth_is_the_height(renderer: Renderer) -> None:
    camera = above((0.3, -0.2), 2.0, 1.0, px=101)
    picture = renderer.render(
        [part("floor/3,3", (0, 0, 0), 0), part("cuboid/0.2,0.1,0.3", (0.5, -0.2, 0.15))], camera, PLAIN
    )
    np.testing.assert_allclose(picture.depth_m[picture.ids == 0], 2.0, atol=0.002)
    top = (picture.ids == 2) & (picture.depth_m < 1.71)
    np.testing.assert_allclose(picture.depth_m[top], 1.7, atol=0.002)
    rows, columns = np.nonzero(top)
    # Its top is 1.7 m away: 0.2 m aside and 0.2 by 0.1 m large, in pixels of the camera.
    focal = camera.fx_px
    assert columns.mean() == pytest.approx(50 + 0.2 * focal / 1.7, abs=0.6)
    assert rows.mean() == pytest.approx(50, abs=0.6)
    assert len(rows) == pytest.approx(0.2 * 0.1 * (focal / 1.7) ** 2, rel=0.08)


def test_hundreds_of_parts_and_thousands_of_ids(renderer: Renderer) -> None:
    """A field of 21 x 21 cubes, with textures on some: each is where it should be, under its own number."""
    camera, ids = above((0.0, 0.0), 20.0, 6.6, px=330), 2 + 7 * np.arange(441)
    assert isinstance(camera, PoseCamera)
    camera = PoseCamera(**{**vars(camera), "far_m": 30.0})
    parts = [
        part(
            "cuboid/0.12,0.12,0.01",
            (x * 0.3 - 3.0, y * 0.3 - 3.0, 0),
            int(ids[x * 21 + y]),
            texture="tiles" if y % 2 else "",
        )
        for x in range(21)
        for y in range(21)
    ]
    picture = renderer.render(parts, camera, PLAIN)
    x, y = np.divmod(np.arange(441), 21)
    columns = np.round(164.5 + (x * 0.3 - 3.0) * camera.fx_px / 20).astype(int)
    rows = np.round(164.5 - (y * 0.3 - 3.0) * camera.fx_px / 20).astype(int)
    np.testing.assert_array_equal(picture.ids[rows, columns], ids)
    np.testing.assert_allclose(picture.depth_m[rows, columns], 20 - 0.005, atol=0.005)
    nothing = picture.ids == -1
    assert nothing.mean() > 0.5
    assert (picture.depth_m[nothing] == 0).all()
    assert set(np.unique(picture.ids)) == {-1, *ids}


def test_doctor_says_which_renderer_there_is_and_what_it_can(
    renderer: Renderer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sim.stage.open_renderer", lambda name: open_renderer(renderer.name))  # type: ignore[arg-type]
    fine, detail, remedy = check_renderer()
    assert fine
    assert detail.startswith(f"{renderer.name}: ")
    assert detail.endswith("; textures, soft shadows" if renderer.name == "gl" else "; textures, no shadows")
    assert bool(remedy) == (renderer.name == "tiny")


def test_parts_that_cant_be_drawn_are_refused(renderer: Renderer) -> None:
    for parts in (
        [],
        [part("round/0.1,0.1", (0, 0, 0), -1)],
        [part("round/0.1,0.1", (0, 0, 0), MAX_OBJECT_ID + 1)],
        [part("panda/hand_white", (0, 0, 0), texture="wood")],
    ):
        with pytest.raises(ValueError, match="parts"):
            renderer.render(parts, ROOM_CAMERA, PLAIN)


def test_several_cameras_and_worlds_at_once_are_the_same_pictures(renderer: Renderer) -> None:
    """Bit for bit, tabletops and rooms mixed, sizes mixed; also the second time, from what is kept by then."""
    world, shots = World(), []
    for seed in (1, 2):
        scene = sample_scene(np.random.default_rng(seed), seed=seed)
        world.reset(scene)
        cameras = (scene.camera.with_size(96, 96), above((0.45, 0.0), 1.2, 0.8, px=64), scene.camera.with_size(128, 80))
        shots.append(Shot(parts=world.visuals(), cameras=cameras, lights=scene.lights))
    world.close()
    shots.insert(1, Shot(parts=room(), cameras=(ROOM_CAMERA, CLOSE_CAMERA), lights=PLAIN))
    soft = LightSpec(shadow_reach_m=5.0, softness_m=0.04)
    shots.append(Shot(parts=room(), cameras=(CLOSE_CAMERA,), lights=soft))
    for _ in range(2):
        for shot, pictures in zip(shots, renderer.render_all(shots), strict=True):
            assert len(pictures) == len(shot.cameras)
            for camera, picture in zip(shot.cameras, pictures, strict=True):
                assert equal(picture, renderer.render(shot.parts, camera, shot.lights))
            for picture, depth_m in zip(pictures, renderer.depths(shot), strict=True):
                assert picture.depth_m.tobytes() == depth_m.tobytes()


def test_cameras_that_share_a_map_of_shadows_differ_in_shadows_alone(gl: Renderer) -> None:
    soft = LightSpec(direction=(0.6, -0.5, 1.0), shadow_reach_m=5.0, softness_m=0.04)
    cameras = (ROOM_CAMERA, CLOSE_CAMERA)
    together = gl.render_all([Shot(parts=room(), cameras=cameras, lights=soft)])[0]
    for camera, picture in zip(cameras, together, strict=True):
        alone = gl.render(room(), camera, soft)
        assert picture.depth_m.tobytes() == alone.depth_m.tobytes()
        assert picture.ids.tobytes() == alone.ids.tobytes()
        assert np.abs(picture.rgb.astype(int) - alone.rgb).mean() < 1.0


def shadow_profile(gl: Renderer, softness_m: float, at_m: float = 0.0) -> np.ndarray:
    """Brightness 0 to 1 of the floor along x, across the shadow's edge of a slab that hangs at x < at_m, 1 m up."""
    parts = [
        part("floor/8,8", (0, 0, 0), 0),
        part("cuboid/1.0,4.0,0.05", (at_m - 0.5, 0.0, 1.0)),
    ]
    lights = LightSpec(
        direction=(0.3, 0, 1), ambient=0.5, diffuse=0.5, shadow=0.8, shadow_reach_m=8.0, softness_m=softness_m
    )
    camera = above((at_m - 0.3, 0.0), 0.9, 0.6, px=240)  # below the slab
    row = gl.render(parts, camera, lights).rgb[120, :, 0].astype(float)
    return (row - row.min()) / np.ptp(row)


@pytest.mark.parametrize("at_m", [0.0, 3.2])
def test_a_soft_shadow_is_as_soft_as_it_says(gl: Renderer, at_m: float) -> None:
    """Width from 10 % to 90 % of the edge, anywhere in an 8 m room. A disc of taps is densest in its middle, and a
    pixel of the map is about 1 cm here: half to all of the declared width, plus two of those."""
    widths = []
    for softness_m in (0.05, 0.15, 0.3):
        profile = shadow_profile(gl, softness_m, at_m)
        between = ((profile > 0.1) & (profile < 0.9)).sum() * 0.6 / 240
        assert 0.4 * softness_m < between < softness_m + 0.025
        widths.append(between)
    assert widths[0] < widths[1] < widths[2]


def test_a_shadow_begins_where_the_thing_stands_and_nothing_darkens_itself(gl: Renderer) -> None:
    """Beside a box on the side away from the lamp it is dark from the first pixel on; slopes and walls that no shadow
    falls on are of one colour."""
    parts = [part("floor/8,8", (0, 0, 0), 0), part("cuboid/0.3,0.3,0.4", (2.0, 1.0, 0.2), 3)]
    for direction in ((-1.0, 0.0, 1.0), (-0.3, 0.0, 1.0), (-1.0, 0.0, 0.4)):
        lights = LightSpec(
            direction=direction, ambient=0.5, diffuse=0.5, shadow=0.8, shadow_reach_m=8.0, softness_m=0.03
        )
        camera = CameraSpec(position_m=(3.6, 1.0, 1.2), target_m=(2.1, 1.0, 0.1), fov_y_rad=0.5, far_m=10.0)
        picture = gl.render(parts, camera, lights)
        bare = gl.render(parts, camera, LightSpec(direction=direction, ambient=0.5, diffuse=0.5, shadow=0.0))
        share = picture.rgb[..., 0] / np.maximum(bare.rgb[..., 0], 1)
        column = 112
        floor_rows = np.nonzero((picture.ids[:, column] == 0) & (np.arange(224) > 112))[0]
        first = floor_rows[2:7]  # the pixels next to the box, nearer the camera
        facing = direction[2] / np.linalg.norm(direction)
        full = (0.5 + 0.5 * facing * 0.2) / (0.5 + 0.5 * facing)
        assert ((1 - share[first, column]) / (1 - full) > 0.75).all()
        clear = (picture.ids == 0) & (np.arange(224)[:, None] > 150) & (np.abs(np.arange(224) - 112) > 90)
        assert clear.sum() > 500
        assert share[clear].min() > 0.98
        top = cv2.erode(
            ((picture.ids == 3) & (bare.rgb[..., 0] == bare.rgb[picture.ids == 3, 0].max())).astype(np.uint8),
            np.ones((9, 9)),  # at an edge the disc reaches the sides below it
        )
        assert share[top > 0].min() > 0.95


def test_round_things_carry_no_stripes(gl: Renderer) -> None:
    """Acne would show as neighbours of much different brightness on a smooth cylinder."""
    parts = [part("floor/4,4", (0, 0, 0), 0), part("round/0.2,0.8", (0, 0, 0.4), 3)]
    lights = LightSpec(
        direction=(0.8, -0.6, 0.9), ambient=0.4, diffuse=0.6, shadow=0.9, shadow_reach_m=6.0, softness_m=0.02
    )
    camera = CameraSpec(position_m=(1.2, -1.6, 1.1), target_m=(0, 0, 0.4), fov_y_rad=0.6, far_m=8.0)
    picture = gl.render(parts, camera, lights)
    side = cv2.erode((picture.ids == 3).astype(np.uint8), np.ones((5, 5))) > 0
    along = np.abs(np.diff(picture.rgb[..., 0].astype(int), axis=0))
    assert np.quantile(along[side[1:] & side[:-1]], 0.97) <= 3


def test_a_lamp_in_a_room_throws_shadows_outwards(gl: Renderer) -> None:
    """Two posts at either side of the lamp: each is dark on its far side."""
    parts = [part("floor/6,6", (0, 0, 0), 0), *(part("cuboid/0.1,0.1,0.5", (x, 0, 0.25)) for x in (-1.5, 1.5))]
    lamp = LightSpec(position_m=(0.0, 0.0, 2.3), shadow_reach_m=8.0, softness_m=0.03, shadow=0.8)
    brightness = gl.render(parts, above((0.0, 0.0), 6.0, 5.0, px=250), lamp).rgb[125, :, 0]
    column = {x: round(124.5 + x * 50) for x in (-1.8, -1.2, 1.2, 1.8)}
    assert brightness[column[-1.8]] < 0.8 * brightness[column[-1.2]]
    assert brightness[column[1.8]] < 0.8 * brightness[column[1.2]]
    np.testing.assert_allclose(brightness[column[-1.2]], brightness[column[1.2]], atol=2)


def test_a_wall_that_casts_no_shadow_lets_the_lamp_in(gl: Renderer) -> None:
    def floor_brightness(casts_shadow: bool) -> float:
        parts = [
            part("floor/3,3", (0, 0, 0), 0),
            part("cuboid/0.1,3,2", (1.5, 0, 1.0), 3, casts_shadow=casts_shadow),
        ]
        lights = LightSpec(direction=(1.0, 0, 0.5), shadow_reach_m=6.0, shadow=0.8)
        picture = gl.render(parts, above((0.6, 0.0), 1.5, 0.6, px=32), lights)
        return float(picture.rgb.mean())

    assert floor_brightness(True) < 0.9 * floor_brightness(False)


@pytest.mark.parametrize("key", ["panda/hand_white", "panda/link1_white", "bowl/large", "round/0.1,0.3", "plate/small"])
def test_coarser_meshes_are_as_near_as_they_say(key: str) -> None:
    """Corners and middles of each surface lie within error_m of some point of the other, sampled densely."""
    rng = np.random.default_rng(0)

    def samples(m: object, n: int) -> np.ndarray:
        corner = m.vertices[m.faces].astype(float)  # type: ignore[attr-defined]
        area = np.linalg.norm(np.cross(corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 0]), axis=1)
        weight = rng.dirichlet(np.ones(3), n)
        return np.einsum("nk,nkd->nd", weight, corner[rng.choice(len(area), n, p=area / area.sum())])

    fine, faces = mesh(key), len(mesh(key).faces)
    spacing = 0.1 * sphere(key).radius_m
    for i in range(1, len(CELLS)):
        level = level_of(key, i)
        assert len(level.mesh.faces) <= faces
        faces = len(level.mesh.faces)
        if level.mesh is fine:
            continue
        a, b = samples(fine, 1500), samples(level.mesh, 1500)
        away = np.sqrt(np.maximum((a**2).sum(1)[:, None] + (b**2).sum(1) - 2 * a @ b.T, 0))
        assert max(away.min(axis=0).max(), away.min(axis=1).max()) <= level.error_m + spacing
    assert faces < 0.7 * len(fine.faces)


def test_what_is_far_away_is_drawn_coarser_and_looks_the_same(gl: Renderer) -> None:
    """Half a pixel: ids change on edges alone, depth by the breadth of half a pixel at most, but for surfaces seen from
    their side; nothing changes with hardly any tolerance."""
    rng = np.random.default_rng(3)
    keys = ["panda/hand_white", "panda/link5_white", "bowl/large", "round/0.04,0.12"]
    parts = [part("floor/8,8", (0, 0, 0), 0)] + [
        part(keys[i % 4], (*rng.uniform(-3.5, 3.5, 2), rng.uniform(0.1, 1.0)), 2 + i, yaw_rad=i) for i in range(60)
    ]
    camera = CameraSpec(position_m=(0, -5.0, 1.6), target_m=(0, 0.3, 0.5), fov_y_rad=0.9, far_m=12.0)
    exact, coarse, none = (
        gl.render_all([Shot(parts=parts, cameras=(camera,), lights=PLAIN, tolerance_px=t)])[0][0]
        for t in (0.0, 0.5, 1e-6)
    )
    assert equal(exact, none)
    same = exact.ids == coarse.ids
    assert same.mean() > 0.995
    pixel_m = exact.depth_m / camera.intrinsics[0, 0]
    assert (np.abs(exact.depth_m - coarse.depth_m)[same] <= 0.5 * pixel_m[same] + 1e-4).mean() > 0.999
    assert not equal(exact, coarse)
