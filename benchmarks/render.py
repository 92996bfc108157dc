"""Images a second, on one core, the Panda and eight objects in view: python benchmarks/render.py

`picture`: poses out of the physics, drawing, and RGB, metric depth and ids read back. `new scene`: milliseconds of the
first picture after a reset, when the meshes are brought together anew. Times are CPU time of all threads together, so
that neither a second core nor a busy machine changes them much.
"""

from __future__ import annotations

import os
import time

import numpy as np

from sim.render import RendererUnavailable, open_renderer
from sim.scenes import Scene, sample_scene
from sim.world import World

SIZES_PX = (128, 224)
SECONDS_EACH = 3.0
GOAL = {("gl", 224): 250, ("tiny", 128): 90}


def main() -> None:
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    world = World()
    scenes = [sample_scene(np.random.default_rng(seed), n_objects=8, seed=seed) for seed in range(5)]
    print(f"{'renderer':8s} {'px':>4s} {'images/s':>9s} {'goal':>5s} {'ms':>6s} {'new scene ms':>13s}  device")
    for name in ("gl", "tiny"):
        try:
            opened = open_renderer(name)
        except RendererUnavailable as error:
            print(f"{name:8s} {error}")
            continue
        for px in SIZES_PX:

            def draw(scene: Scene, px: int = px, renderer=opened.renderer) -> None:  # type: ignore[no-untyped-def]
                renderer.render(world.visuals(), scene.camera.with_size(px, px), scene.lights)

            world.reset(scenes[0])
            draw(scenes[0])
            first, each = [], []
            for scene in scenes:
                world.reset(scene)
                start = time.process_time()
                draw(scene)
                first.append(time.process_time() - start)
                count, start = 0, time.process_time()
                while (spent := time.process_time() - start) < SECONDS_EACH / len(scenes):
                    draw(scene)
                    count += 1
                each.append(spent / count)
            mean = float(np.mean(each))
            goal = GOAL.get((name, px), "")
            new = 1e3 * float(np.median(first))
            print(f"{name:8s} {px:4d} {1 / mean:9.0f} {goal!s:>5s} {1e3 * mean:6.2f} {new:13.1f}  {opened.reason}")
        opened.renderer.close()
    world.close()


if __name__ == "__main__":
    main()
