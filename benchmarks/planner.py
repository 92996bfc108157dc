"""How long the shipped planner takes from image to call, on one core: python benchmarks/planner.py

CPU time of this process, warm, a scene from a test seed; the whole remaining plan is written at every look.
"""

from __future__ import annotations

import os
import time

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np

from agent import load_planner
from sim.robot import open_sim_robot
from sim.scenes import scene_from_names

SENTENCES = (
    "put the red block in the green bowl",
    "could you please stack the blue block on the red one",
    "build a tower with the red block at the bottom, the blue block in the middle and the yellow block on top",
    "put the yellow block left of the green bowl and then push the red block to the right side",
)
OBJECTS = ("red block", "green bowl", "blue block", "yellow block", "white plate")
ROUNDS = 10
TARGET_MS = 150


def main() -> None:
    planner, robot = load_planner("nano"), open_sim_robot()
    robot.reset(scene_from_names(OBJECTS, 2_000_003))
    seen = robot.observe()
    planner.plan(SENTENCES[0], seen, ())
    print("| one core, image to plan | median ms | worst ms | target ms |")
    print("| --- | --- | --- | --- |")
    times = []
    for _ in range(ROUNDS):
        for sentence in SENTENCES:
            start = time.process_time()
            planner.plan(sentence, seen, ())
            times.append(1000 * (time.process_time() - start))
    print(f"| whole plan | {np.median(times):.0f} | {max(times):.0f} | {TARGET_MS} |")
    robot.close()


if __name__ == "__main__":
    main()
