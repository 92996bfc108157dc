"""Makes docs/gallery.md and its pictures: of every scene, robot and suite, through the fast renderer.

python docs/make_gallery.py            all of them
python docs/make_gallery.py kitchen    those whose name begins so, and the page

To add a picture, write a function without arguments that returns a `Shot` (parts, cameras, lights; most worlds have
`visuals()`), and an `Entry` for it in ENTRIES, where it should stand on the page. Cameras of one shot are shown side by
side. Pictures are drawn at twice their size and made smaller, so that thin things look smooth; together they may take
1.5 MB, about 35 kB each. Look at what you made. `tests/test_gallery.py` holds the page against ENTRIES.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

import cv2
import numpy as np

from robots.geometry import Pose
from robots.mobile_panda import mobile_panda
from robots.spec import RobotSpec
from robots.stretch import stretch
from robots.tiago_pro import tiago_pro
from sim.board.scene import sample_board
from sim.camera import Camera, CameraSpec, LightSpec, PoseCamera, look_at
from sim.kitchen import gallery as kitchen
from sim.kitchen.rooms import sample_kitchen
from sim.mobile import MobileArm
from sim.render import Renderer, Shot, VisualPart, open_renderer
from sim.scenes import AnyScene, sample_scene
from sim.tamp.scene import sample
from sim.textures import KINDS
from sim.world import World

DOCS = Path(__file__).parent
PAGE, PICTURES = DOCS / "gallery.md", DOCS / "gallery"
HEIGHT_PX, QUALITY = 300, 82


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A picture of the page. name: of its file. about: a sentence or two below it. renderer: what draws it."""

    name: str
    title: str
    about: str
    shot: Callable[[], Shot]
    renderer: Literal["gl", "tiny"] = "gl"


def view(
    position_m: tuple[float, float, float],
    target_m: tuple[float, float, float],
    fov_y_deg: float = 45.0,
    wide: float = 4 / 3,
) -> CameraSpec:
    """A camera of the page's height, `wide` times as wide."""
    return CameraSpec(
        position_m=position_m, target_m=target_m, fov_y_rad=float(np.deg2rad(fov_y_deg)),
        width=round(HEIGHT_PX * wide), height=HEIGHT_PX, far_m=20.0,
    )  # fmt: skip


def part(
    key: str, xyz_m: tuple[float, float, float], texture: str = "", rgb: tuple[float, float, float] = (1.0, 1.0, 1.0),
    yaw_rad: float = 0.0, object_id: int = 2, casts_shadow: bool = True,
) -> VisualPart:  # fmt: skip
    """A mesh somewhere, upright."""
    return VisualPart(
        mesh_key=key, world_T_part=Pose.from_xyz_yaw(xyz_m, yaw_rad).matrix, rgb=rgb, object_id=object_id,
        texture=texture, casts_shadow=casts_shadow,
    )  # fmt: skip


def tabletop(seed: int, n_objects: int, cameras: tuple[Camera, ...] = ()) -> Shot:
    """A scene of the suite `tabletop`, by its own camera unless told."""
    world = World()
    try:
        scene = sample_scene(np.random.default_rng(seed), n_objects=n_objects, seed=seed)
        world.reset(scene)
        own = scene.camera.with_size(HEIGHT_PX, HEIGHT_PX)
        return Shot(parts=world.visuals(), cameras=cameras or (own,), lights=scene.lights)
    finally:
        world.close()


def suite(scene: AnyScene) -> Shot:
    """A scene of another suite on the table, by the usual camera."""
    world = World()
    try:
        world.reset(scene)
        return Shot(parts=world.visuals(), cameras=(CameraSpec().with_size(400, HEIGHT_PX),), lights=scene.lights)
    finally:
        world.close()


def tabletop_cameras() -> Shot:
    """The front camera, one straight above, one at the side."""
    above = look_at((0.48, 0.0, 1.15), (0.48, 0.0, 0.0), up=(-1.0, 0.0, 0.0))
    down = PoseCamera.from_fov(above, fov_y_rad=0.7, width=HEIGHT_PX, height=HEIGHT_PX)
    side = view((0.55, -0.95, 0.5), (0.4, 0.0, 0.15), wide=1.0)
    return tabletop(3, 7, (CameraSpec().with_size(HEIGHT_PX, HEIGHT_PX), down, side))


def textures() -> Shot:
    """A shelf board of cubes and cans, one for each kind."""
    labels = ("label:OAT MILK#3", "label:TOMATO SOUP#1", "label:TEA#5", "label:RICE#2")
    tint = {"tiles": (0.75, 0.9, 0.95), "weave": (0.85, 0.55, 0.4), "speckle": (0.95, 0.6, 0.15)}
    parts = [part("floor/6,6/1.2", (0, 0, 0), "planks", (0.9, 0.9, 0.9), object_id=0)]
    for i, kind in enumerate(KINDS):
        xyz = (-0.75 + 0.3 * (i % 6), 0.3 * (i // 6), 0.1)
        parts.append(part("cuboid/0.2,0.2,0.2", xyz, kind, tint.get(kind, (1.0, 1.0, 1.0)), 0.35, object_id=2 + i))
    for i, label in enumerate(labels):
        parts.append(part("round/0.06,0.18", (-0.6 + 0.4 * i, -0.3, 0.09), label, yaw_rad=0.1, object_id=20 + i))
    lights = LightSpec(direction=(-0.5, -0.6, 1.0), shadow_reach_m=4.0, softness_m=0.05)
    return Shot(parts=parts, cameras=(view((0.05, -1.35, 0.85), (0.0, 0.0, 0.08), 34, 2.4),), lights=lights)


def demo_room() -> list[VisualPart]:
    """A room of boxes and cans, 5 x 4 m: what textures, ids and shadows look like together."""
    wall, steel = (0.97, 0.95, 0.9), (0.85, 0.87, 0.9)
    parts = [
        part("floor/5,4/1.2", (0, 0, 0), "planks", object_id=0),
        part("cuboid/5,0.1,2.5/2.0", (0, 2.05, 1.25), "plaster", wall, casts_shadow=False),
        part("cuboid/0.1,4,2.5/1.6", (-2.55, 0, 1.25), "brick", (1.0, 0.97, 0.95), casts_shadow=False),
        part("cuboid/3.0,0.6,0.86", (-0.6, 1.68, 0.43), rgb=(0.90, 0.90, 0.86)),
        part("cuboid/3.04,0.64,0.04/1.0", (-0.6, 1.67, 0.88), "marble"),
        part("cuboid/3.0,0.02,0.6/0.3", (-0.6, 1.99, 1.2), "tiles", (0.80, 0.92, 0.92)),
        part("cuboid/0.7,0.65,1.8", (1.4, 1.65, 0.9), "metal", steel),
        part("cuboid/0.02,0.03,0.5", (1.12, 1.31, 1.1), rgb=(0.35, 0.35, 0.38)),
        part("cuboid/1.3,0.8,0.04/1.0", (0.3, -0.2, 0.73), "wood"),
        part("cuboid/0.75,0.5,0.004", (0.3, -0.2, 0.752), "check", casts_shadow=False),
        part("cuboid/0.5,0.4,0.35", (-1.9, -0.8, 0.175), "cardboard", yaw_rad=0.3),
        part("cuboid/0.35,0.3,0.25", (-1.85, -0.85, 0.475), "cardboard#2", yaw_rad=-0.2),
        part("cuboid/1.6,1.1,0.012", (0.4, -0.2, 0.006), "weave", (0.55, 0.35, 0.33), yaw_rad=0.1),
    ]
    parts += [
        part("round/0.03,0.71", (0.3 + x, -0.2 + y, 0.355), rgb=(0.45, 0.32, 0.2))
        for x in (-0.6, 0.6)
        for y in (-0.35, 0.35)
    ]
    parts += [
        part("cuboid/0.46,0.012,0.7", (-1.8 + 0.6 * i, 1.375, 0.45), "wood#4", (1.0, 0.95, 0.9)) for i in range(5)
    ]
    things = [
        ("round/0.035,0.11", (0.1, -0.1, 0.81), "label:TOMATO SOUP#1", (1.0, 1.0, 1.0)),
        ("cuboid/0.08,0.08,0.2", (0.5, -0.25, 0.854), "label:OAT MILK#3", (1.0, 1.0, 1.0)),
        ("bowl/large", (0.3, -0.3, 0.782), "", (0.35, 0.55, 0.75)),
        ("round/0.04,0.09", (-0.4, 1.6, 0.945), "", (0.8, 0.3, 0.25)),
        ("round/0.035,0.11", (-0.8, 1.65, 0.955), "label:BEANS#2", (1.0, 1.0, 1.0)),
        ("round/0.035,0.11", (-0.9, 1.72, 0.955), "label:PEAS#4", (1.0, 1.0, 1.0)),
        ("cuboid/0.14,0.06,0.24", (-1.3, 1.72, 1.02), "label:CORN FLAKES#8", (1.0, 1.0, 1.0)),
        ("plate/large", (0.15, 1.62, 0.909), "", (0.93, 0.93, 0.95)),
    ]
    for i, (key, xyz, texture, rgb) in enumerate(things):
        parts.append(part(key, xyz, texture, rgb, yaw_rad=0.7 + 0.1 * i, object_id=300 + i))
    return parts


def room_by_daylight() -> Shot:
    """A lamp far away, outside: the walls let it in."""
    lights = LightSpec(direction=(0.9, -0.1, 1.0), shadow_reach_m=8.0, softness_m=0.05, shadow=0.65)
    return Shot(parts=demo_room(), cameras=(view((2.2, -2.3, 1.75), (-0.3, 0.4, 0.6), 48, 1.8),), lights=lights)


def room_by_lamplight() -> Shot:
    """A lamp below the ceiling; a head's camera, and one straight above."""
    lights = LightSpec(
        position_m=(0.2, 0.3, 2.3), ambient=0.42, diffuse=0.65, shadow=0.7, shadow_reach_m=8.0, softness_m=0.08
    )
    head = view((0.0, -1.3, 1.4), (0.3, 0.1, 0.75), 55, 1.2)
    above = look_at((0.0, 0.0, 5.2), (0.0, 0.0, 0.0), up=(0.0, 1.0, 0.0))
    down = PoseCamera.from_fov(above, fov_y_rad=0.8, width=round(1.25 * HEIGHT_PX), height=HEIGHT_PX)
    return Shot(parts=demo_room(), cameras=(head, down), lights=lights)


def robot_at_home(spec: RobotSpec, seed: int) -> Shot:
    """A robot at its start in a kitchen: from the corner of the room, and what its own cameras see."""
    world = World(spec=spec)
    try:
        scene = sample_kitchen(np.random.default_rng(seed), seed=seed)
        world.reset(scene)
        (x, y, _), (x0, y0, x1, _) = world.arm.world_T_base.xyz, scene.room
        corner = (x1 - 0.3 if x < (x0 + x1) / 2 else x0 + 0.3, y0 + 0.3, 1.9)
        outside = view(corner, (float(x), float(y), 0.8), 50, 1.4)
        assert isinstance(world.arm, MobileArm), f"{spec.name} has no cameras of its own"
        own = tuple(c.with_size(HEIGHT_PX, HEIGHT_PX) for c in world.arm.cameras().values())
        return Shot(parts=world.visuals(), cameras=(outside, *own), lights=scene.lights)
    finally:
        world.close()


ENTRIES = (
    Entry(
        name="tabletop", title="The tabletop", shot=lambda: tabletop(12, 8, (CameraSpec().with_size(400, HEIGHT_PX),)),
        about="A scene of the suite `tabletop`, as the agent sees it: the Panda, and objects from a seed.",
    ),
    Entry(
        name="tamp", title="Towers", shot=lambda: suite(sample(np.random.default_rng(4), "counts", 4).scene),
        about="The suite `tamp`: what is wanted may be covered, so that plans begin with what is in the way.",
    ),
    Entry(
        name="board", title="The board", shot=lambda: suite(sample_board(np.random.default_rng(1), 1)),
        about="The suite `board`: eight blocks that are pushed, after Language-Table.",
    ),
    Entry(
        name="tabletop-tiny", title="The same without OpenGL", renderer="tiny",
        shot=lambda: tabletop(12, 8, (CameraSpec().with_size(400, HEIGHT_PX),)),
        about="PyBullet's TinyRenderer, where no OpenGL is to be had: the same depth and ids, no shadows.",
    ),
    Entry(
        name="tabletop-cameras", title="Several cameras", shot=tabletop_cameras,
        about="Drawn in one call; a camera may stand anywhere, also straight above.",
    ),
    Entry(
        name="textures", title="Textures", shot=textures,
        about="All kinds of `sim/textures.py`: made by code from a name and a seed, tinted by the part's colour.",
    ),
    Entry(
        name="room-daylight", title="A room by daylight", shot=room_by_daylight,
        about="Boxes and cans of `sim/solids.py`. Shadows are soft and follow the camera.",
    ),
    Entry(
        name="room-lamplight", title="The room by lamplight", shot=room_by_lamplight,
        about="A lamp below the ceiling; from a robot's head, and from straight above.",
    ),
    Entry(
        name="kitchen-things", title="Things of the kitchen", shot=kitchen.things,
        about="All kinds of `sim/kitchen/things.py`, made by code.",
    ),
    Entry(
        name="kitchen-open", title="Furniture that opens", shot=kitchen.open_furniture,
        about="Drawers, doors and what is in them.",
    ),
    Entry(
        name="kitchen-room", title="A kitchen from a seed", shot=partial(kitchen.room, kitchen.ROOM_SEEDS[0]),
        about="Walls, counters, fridge, table, lamp and clutter: `sim/kitchen/rooms.py`.",
    ),
    Entry(
        name="kitchen-room-2", title="Another one", shot=partial(kitchen.room, kitchen.ROOM_SEEDS[1]),
        about="The same code, another seed.",
    ),
    Entry(
        name="robot-mobile-panda", title="mobile_panda", shot=lambda: robot_at_home(mobile_panda(), 11),
        about="At its start, and what its head and wrist see.",
    ),
    Entry(
        name="robot-stretch", title="stretch", shot=lambda: robot_at_home(stretch(), 11),
        about="Hello Robot's Stretch 3, and what its head and wrist see.",
    ),
    Entry(
        name="robot-tiago-pro", title="tiago_pro", shot=lambda: robot_at_home(tiago_pro(), 11),
        about="PAL Robotics' TIAGo Pro, and what its head and wrist see.",
    ),
)  # fmt: skip


def page() -> str:
    """The text of docs/gallery.md."""
    lines = ["# Gallery", "", "Made by `python docs/make_gallery.py`, which says how to add to it.", ""]
    for entry in ENTRIES:
        lines += [f"## {entry.title}", "", f"![{entry.title}](gallery/{entry.name}.jpg)", "", entry.about, ""]
    return "\n".join(lines)


def picture(entry: Entry, renderers: dict[str, Renderer]) -> np.ndarray:
    """uint8[H,W,3] RGB: the cameras' pictures side by side."""
    if entry.renderer not in renderers:
        renderers[entry.renderer] = open_renderer(entry.renderer).renderer
    shot = entry.shot()
    large = tuple(
        c.with_size(2 * c.width, 2 * c.height) for c in shot.cameras if isinstance(c, CameraSpec | PoseCamera)
    )
    drawn = renderers[entry.renderer].render_all([Shot(parts=shot.parts, cameras=large, lights=shot.lights)])[0]
    small = [cv2.resize(p.rgb, (p.rgb.shape[1] // 2, p.rgb.shape[0] // 2), interpolation=cv2.INTER_AREA) for p in drawn]
    gap = np.full((small[0].shape[0], 6, 3), 255, dtype=np.uint8)
    return np.hstack([piece for image in small for piece in (image, gap)][:-1])


def main(prefix: str) -> None:
    PICTURES.mkdir(exist_ok=True)
    renderers: dict[str, Renderer] = {}
    for entry in ENTRIES:
        if entry.name.startswith(prefix):
            bgr = np.ascontiguousarray(picture(entry, renderers)[..., ::-1])
            _, data = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
            (PICTURES / f"{entry.name}.jpg").write_bytes(data.tobytes())
            print(f"{entry.name}: {len(data) / 1000:.0f} kB")
    PAGE.write_text(page())


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "")
