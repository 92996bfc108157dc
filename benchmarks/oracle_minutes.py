"""Episodes of an oracle that end in success, a minute: ours beside panda-gym's, in turns, in one run.

    pip install -e ".[bench]" && python benchmarks/oracle_minutes.py

Ours: the family `put` of the tabletop, up to ten things, by the oracle: told the task, but every grasp and way is found
in the camera's depth. panda-gym has no oracle: PandaPickAndPlace-v3, one cube to one place, gets the plainest scripted
policy there is (`Scripted`), which reads the cube's true place; once without a picture, and once with the picture of
224 px at each step that a policy that sees would need. An episode is counted from its reset. Times are CPU time of all
threads together. What differs besides: ours moves within the real arm's limits of velocity and acceleration, so that an
episode lasts longer on the robot's clock; the table says how long.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable
from dataclasses import dataclass
from time import process_time
from typing import Any

os.environ.setdefault("LP_NUM_THREADS", "0")  # llvmpipe draws on the calling thread

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

from agent.executor import Bounds
from sim.episode import TaskSpec, play, theatre
from sim.stage import oracle, panda

FIRST_SEED = 3_000_000
SIDE_PX = 224
STEP_S = 0.04
"""Of panda-gym: 20 physics steps of 2 ms."""
Episode = Callable[[int], tuple[bool, float]]
"""Seed -> success, seconds on the robot's clock."""


@dataclass
class Scripted:
    """Over the cube, down, close, to the goal: 0.05 m a step at most, as the environment scales actions."""

    gain: float = 12.0
    _closed: int = 0

    def act(self, seen: dict[str, NDArray[np.float64]]) -> NDArray[np.float32]:
        """float32[4]: a way of the hand, and whether the fingers open or close."""
        hand, cube, goal = seen["observation"][:3], seen["achieved_goal"], seen["desired_goal"]
        away = cube - hand
        if self._closed == 0:
            over = float(np.hypot(*away[:2])) > 0.012
            target = cube + [0.0, 0.0, 0.06 if over else 0.0]
            if float(np.linalg.norm(away)) < 0.015:
                self._closed = 1
            return self._towards(hand, target, 1.0)
        self._closed += 1
        if self._closed <= 4:
            return self._towards(hand, hand, -1.0)
        return self._towards(hand, goal, -1.0)

    def _towards(self, hand: NDArray[np.float64], target: NDArray[np.float64], fingers: float) -> NDArray[np.float32]:
        return np.array([*np.clip(self.gain * (target - hand), -1, 1), fingers], dtype=np.float32)


def panda_gym(*, sees: bool) -> Episode:
    import panda_gym  # noqa: F401  # registers its environments

    env: gym.Env[Any, Any] = gym.make(
        "PandaPickAndPlace-v3", render_mode="rgb_array", render_width=SIDE_PX, render_height=SIDE_PX
    )

    def run(seed: int) -> tuple[bool, float]:
        seen, _ = env.reset(seed=seed)
        policy, steps, over = Scripted(), 0, False
        while not over:
            seen, _, terminated, truncated, told = env.step(policy.act(seen))
            if sees:
                env.render()
            steps, over = steps + 1, terminated or truncated
        return bool(told["is_success"]), steps * STEP_S

    return run


def ours(renderer: str) -> Episode:
    house = theatre(renderer, panda)  # type: ignore[arg-type]

    def run(seed: int) -> tuple[bool, float]:
        stage = house.set(TaskSpec(task="put", split="trained", seed=FIRST_SEED + seed))
        result, verdict = play(stage, oracle(stage), "", bounds=Bounds())
        return verdict.success, result.end_s - result.start_s

    return run


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--episodes", type=int, default=30)
    arguments = parser.parse_args()
    contenders = {
        "palmetto, `put`, OpenGL": ours("gl"), "palmetto, `put`, TinyRenderer": ours("tiny"),
        "PandaPickAndPlace-v3, scripted": panda_gym(sees=False),
        "the same, a picture a step": panda_gym(sees=True),
    }  # fmt: skip
    spent = dict.fromkeys(contenders, 0.0)
    done = dict.fromkeys(contenders, 0)
    robot_s = dict.fromkeys(contenders, 0.0)
    for run in contenders.values():
        run(10_000)  # warm
    for seed in range(arguments.episodes):
        for name, run in contenders.items():
            start = process_time()
            success, seconds = run(seed)
            spent[name] += process_time() - start
            done[name] += success
            robot_s[name] += seconds
    print("| oracle | successes | a minute of CPU | robot's seconds an episode | robot's seconds a second of CPU |")
    print("| --- | --- | --- | --- | --- |")
    for name in contenders:
        print(
            f"| {name} | {done[name]}/{arguments.episodes} | {60 * done[name] / spent[name]:.0f}"
            f" | {robot_s[name] / arguments.episodes:.1f} | {robot_s[name] / spent[name]:.1f} |"
        )


if __name__ == "__main__":
    main()
