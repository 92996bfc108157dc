"""Environment steps a second, without a picture and with one of 224 px: ours beside panda-gym's, in turns, in one run.

    pip install -e ".[bench]" && python benchmarks/env_steps.py

A step is a random joint-level action (ours 0.05 s of simulated time, panda-gym 0.04 s), and in half of the rows the
picture after it; without it, both observe the state of the robot and of the things. Ours has up to ten things on the
table, panda-gym one. All
run on one thread of one process, in alternating rounds; the table gives the median round. Times are CPU time of all
threads together, so that a busy machine changes them little.
"""

from __future__ import annotations

import argparse
import os
import statistics
from collections.abc import Callable
from time import process_time
from typing import Any

os.environ.setdefault("LP_NUM_THREADS", "0")  # llvmpipe draws on the calling thread

import gymnasium as gym

SIDE_PX = 224
Round = Callable[[int], None]


def ours(renderer: str) -> Round:
    """With a picture a step."""
    env = gym.make("sim.env:palmetto/TabletopImage-v0", image_px=SIDE_PX, renderer=renderer)
    return _round(env, lambda observation: observation["image"])


def without(name: str) -> Round:
    """Whatever the environment observes, without a picture."""
    if name.startswith("Panda"):
        import panda_gym  # noqa: F401  # registers its environments
    return _round(gym.make(name), None)


def panda_gym(name: str) -> Round:
    """With a picture a step."""
    import panda_gym  # noqa: F401  # registers its environments

    env = gym.make(name, render_mode="rgb_array", render_width=SIDE_PX, render_height=SIDE_PX)
    return _round(env, lambda _: env.render())


def _round(env: gym.Env[Any, Any], picture: Callable[[Any], Any] | None) -> Round:
    env.reset(seed=0)
    env.action_space.seed(0)

    def run(steps: int) -> None:
        for _ in range(steps):
            observation, _, terminated, truncated, _ = env.step(env.action_space.sample())
            assert picture is None or picture(observation).shape == (SIDE_PX, SIDE_PX, 3)
            if terminated or truncated:
                env.reset()

    return run


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=2.0, help="about how long a round takes")
    arguments = parser.parse_args()
    pictures: dict[str, Round] = {
        "palmetto/TabletopImage-v0, OpenGL": ours("gl"),
        "palmetto/TabletopImage-v0, TinyRenderer": ours("tiny"),
        "PandaPickAndPlace-v3": panda_gym("PandaPickAndPlace-v3"),
        "PandaPickAndPlaceJoints-v3": panda_gym("PandaPickAndPlaceJoints-v3"),
    }
    bare: dict[str, Round] = {
        "palmetto/Tabletop-v0": without("sim.env:palmetto/Tabletop-v0"),
        "PandaPickAndPlace-v3": without("PandaPickAndPlace-v3"),
        "PandaPickAndPlaceJoints-v3": without("PandaPickAndPlaceJoints-v3"),
    }
    compare(bare, "without a picture", arguments.rounds, arguments.seconds)
    compare(pictures, f"one {SIDE_PX} px picture a step", arguments.rounds, arguments.seconds)


def compare(contenders: dict[str, Round], what: str, rounds: int, seconds: float) -> None:
    """Runs them in turns and prints their table."""
    rates: dict[str, list[float]] = {name: [] for name in contenders}
    steps: dict[str, int] = {}
    for name, run in contenders.items():  # warm, and learn how many steps fill a round
        run(5)
        start = process_time()
        run(10)
        steps[name] = max(10, round(10 * seconds / (process_time() - start)))
    for _ in range(rounds):
        for name, run in contenders.items():
            start = process_time()
            run(steps[name])
            rates[name].append(steps[name] / (process_time() - start))
    best_of_others = max(statistics.median(rates[n]) for n in contenders if n.startswith("Panda"))
    print(f"\n| environment, {what} | steps/s | slowest to fastest round | against panda-gym |")
    print("| --- | --- | --- | --- |")
    for name, found in rates.items():
        median = statistics.median(found)
        print(f"| {name} | {median:.0f} | {min(found):.0f} to {max(found):.0f} | {median / best_of_others:.1f} x |")


if __name__ == "__main__":
    main()
