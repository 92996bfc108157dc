"""Images a second, on one core: python benchmarks/render.py

First table: the tabletop, the Panda and eight objects in view. `ms`: poses out of the physics, drawing, and RGB, metric
depth and ids read back. `new scene`: milliseconds of the first picture after a reset, when the meshes are brought
together anew. Second: several cameras, and several worlds, in one call and in as many, and depth alone. Third: a room
of 6 x 6 m with 100 things, 224 px, from a robot's head that turns and moves a little with each picture, and what
textures, shadows and coarser meshes cost and save.

Times are CPU time of all threads together, so that neither a second core nor a busy machine changes them much.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from robots.geometry import Pose
from robots.mobile_panda import mobile_panda
from sim.camera import CameraSpec, LightSpec, PoseCamera, look_at
from sim.kitchen.rooms import sample_kitchen
from sim.mobile import MobileArm
from sim.render import Renderer, RendererUnavailable, Shot, VisualPart, open_renderer
from sim.scenes import Scene, sample_scene
from sim.world import World

SIZES_PX = (128, 224)
SECONDS_EACH = 3.0
GOAL = {("gl", 224): 250, ("tiny", 128): 90}
WORLDS = 16
THINGS = (
    ("round/0.035,0.11", "label:SOUP#1"), ("cuboid/0.08,0.08,0.2", "label:OAT MILK#3"), ("bowl/large", ""),
    ("cuboid/0.3,0.2,0.2", "cardboard"), ("plate/small", "speckle"), ("panda/hand_white", ""),
    ("panda/link5_white", ""),
)  # fmt: skip


def main() -> None:
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    found: list[tuple[Renderer, str]] = []
    for name in ("gl", "tiny"):
        try:
            opened = open_renderer(name)
        except RendererUnavailable as error:
            print(f"{name:8s} {error}")
            continue
        found.append((opened.renderer, opened.reason))
    tabletop(found)
    together([renderer for renderer, _ in found])
    rooms([renderer for renderer, _ in found])
    for renderer, _ in found:
        renderer.close()


def tabletop(renderers: list[tuple[Renderer, str]]) -> None:
    world = World()
    scenes = [sample_scene(np.random.default_rng(seed), n_objects=8, seed=seed) for seed in range(5)]
    print(f"{'renderer':8s} {'px':>4s} {'images/s':>9s} {'goal':>5s} {'ms':>6s} {'new scene ms':>13s}  device")
    for renderer, reason in renderers:
        for px in SIZES_PX:

            def draw(scene: Scene, px: int = px, renderer: Renderer = renderer) -> None:
                renderer.render(world.visuals(), scene.camera.with_size(px, px), scene.lights)

            world.reset(scenes[0])
            draw(scenes[0])
            first, each = [], []
            for scene in scenes:
                world.reset(scene)
                start = time.process_time()
                draw(scene)
                first.append(time.process_time() - start)
                each.append(seconds(lambda scene=scene: draw(scene), SECONDS_EACH / len(scenes)))  # type: ignore[misc]
            mean = float(np.mean(each))
            goal = GOAL.get((renderer.name, px), "")
            new = 1e3 * float(np.median(first))
            print(f"{renderer.name:8s} {px:4d} {1 / mean:9.0f} {goal!s:>5s} {1e3 * mean:6.2f} {new:13.1f}  {reason}")
    world.close()


def together(renderers: list[Renderer]) -> None:
    """Milliseconds a picture, in as many calls as there are pictures and in one, and of depth alone."""
    world, shots = World(), []
    for seed in range(WORLDS):
        scene = sample_scene(np.random.default_rng(seed), n_objects=8, seed=seed)
        world.reset(scene)
        shots.append(Shot(parts=world.visuals(), cameras=(scene.camera,), lights=scene.lights))
    world.close()
    own = shots[0].cameras[0]
    sides = (CameraSpec(position_m=(0.9, y, 0.5)) for y in (-0.4, 0.4))
    cameras = (own, *sides, CameraSpec(width=128, height=128))
    several = replace(shots[0], cameras=cameras)
    rooms_of = kitchens()
    print(f"\n{'renderer':8s} {'224 px':34s} {'singly ms':>10s} {'together ms':>12s} {'depth ms':>10s}")
    for renderer in renderers:
        for what, batch in (
            ("a table, 4 cameras (one of 128 px)", [several]),
            ("4 tables, a camera each", shots[:4]),
            (f"{WORLDS} tables, a camera each", shots),
            ("a kitchen, 2 cameras", rooms_of[:1]),
            ("4 kitchens, 2 cameras each", rooms_of),
        ):
            singles = [(shot, camera) for shot in batch for camera in shot.cameras]

            def one_by_one(renderer: Renderer = renderer, singles: list = singles) -> None:  # type: ignore[type-arg]
                for shot, camera in singles:
                    renderer.render(shot.parts, camera, shot.lights)

            def at_once(renderer: Renderer = renderer, batch: list[Shot] = batch) -> None:
                renderer.render_all(batch)

            def depths(renderer: Renderer = renderer, batch: list[Shot] = batch) -> None:
                for shot in batch:
                    renderer.depths(shot)

            apart, joined, deep = (
                1e3 * seconds(work, SECONDS_EACH) / len(singles) for work in (one_by_one, at_once, depths)
            )
            print(f"{renderer.name:8s} {what:34s} {apart:10.2f} {joined:12.2f} {deep:10.2f}")


def kitchens() -> list[Shot]:
    """What mobile_panda's head and wrist see of four of them."""
    shots, world = [], World(spec=mobile_panda())
    for seed in range(3_000_000, 3_000_004):
        world.reset(sample_kitchen(np.random.default_rng(seed), seed=seed))
        assert isinstance(world.arm, MobileArm)
        cameras = tuple(world.arm.cameras().values())
        shots.append(Shot(parts=world.visuals(), cameras=cameras, lights=world.scene.lights))
    world.close()
    return shots


def rooms(renderers: list[Renderer]) -> None:
    bare = LightSpec(shadow=0.0)
    soft = LightSpec(direction=(0.7, -0.4, 1.0), shadow_reach_m=8.0, softness_m=0.05)
    lamp = replace(soft, position_m=(0.0, 0.0, 2.4))
    rows = (
        ("plain", False, bare, 0.0), ("textures", True, bare, 0.0), ("soft shadows", False, soft, 0.0),
        ("textures, soft shadows", True, soft, 0.0), ("textures, a lamp's soft shadows", True, lamp, 0.0),
        ("the same, coarser by 0.5 px", True, lamp, 0.5),
    )  # fmt: skip
    print(f"\n{'renderer':8s} {'room, 100 things, 224 px':34s} {'images/s':>9s} {'ms':>6s}")
    for renderer in renderers:
        for what, textured, lights, tolerance_px in rows:
            if renderer.name == "tiny" and lights is not bare:
                continue  # it draws no shadows
            parts = [part if textured else replace(part, texture="") for part in room()]
            step = iter(range(1_000_000))

            def turn(
                renderer: Renderer = renderer,
                parts: list[VisualPart] = parts,
                lights: LightSpec = lights,
                tolerance_px: float = tolerance_px,
                step: object = step,
            ) -> None:
                shot = Shot(parts=parts, cameras=(head(next(step)),), lights=lights, tolerance_px=tolerance_px)  # type: ignore[call-overload]
                renderer.render_all([shot])

            each = seconds(turn, SECONDS_EACH)
            print(f"{renderer.name:8s} {what:34s} {1 / each:9.0f} {1e3 * each:6.2f}")


def room() -> list[VisualPart]:
    """Floor, four walls, and a hundred things lying about."""
    rng = np.random.default_rng(0)

    def part(
        key: str, xyz: tuple[float, float, float], texture: str, object_id: int, yaw_rad: float = 0.0
    ) -> VisualPart:
        return VisualPart(
            mesh_key=key, world_T_part=Pose.from_xyz_yaw(xyz, yaw_rad).matrix, rgb=(0.9, 0.9, 0.9), object_id=object_id,
            texture=texture, casts_shadow=object_id > 4,
        )  # fmt: skip

    parts = [part("floor/6,6/1.2", (0, 0, 0), "planks", 0)]
    parts += [part("cuboid/6,0.1,2.5/2.0", (0, y, 1.25), "plaster", 2) for y in (-3.05, 3.05)]
    parts += [part("cuboid/0.1,6,2.5/1.6", (x, 0, 1.25), "brick", 3) for x in (-3.05, 3.05)]
    for i in range(100):
        key, texture = THINGS[i % len(THINGS)]
        texture = texture if i % 3 else ""
        x, y = rng.uniform(-2.6, 2.6, 2)
        parts.append(part(key, (x, y, 0.1), texture, 5 + i, float(rng.uniform(-3, 3))))
    return parts


def head(step: int) -> PoseCamera:
    """1.3 m high, turning to and fro by a degree and a half, and rolling on by as many centimetres."""
    swing = 0.025 * (abs(step % 20 - 10) - 5)
    pose = look_at((-2.4 + 0.1 * swing, -2.4, 1.3), (0.5 + swing, 0.5, 0.2))
    return PoseCamera.from_fov(pose, fov_y_rad=1.0, width=224, height=224)


def seconds(work: Callable[[], None], budget_s: float) -> float:
    """CPU seconds of one call, after two to warm up."""
    for _ in range(2):
        work()
    count, start = 0, time.process_time()
    while (spent := time.process_time() - start) < budget_s:
        work()
        count += 1
    return spent / count


if __name__ == "__main__":
    main()
