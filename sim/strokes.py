"""Shards of demonstrations for policies, resumable.

python -m sim.strokes out=data/strokes scenes=600
python -m sim.strokes out=data/dagger scenes=200 first_seed=100000 learner=outputs/policy_bundle
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from agent.policy.demos import Demo, write_demos
from robots.spec import panda
from sim.demonstrate import FAMILIES, Learner, demonstrations, spot_pushes
from sim.episode import theatre

SCENES = 10
"""Of each family in a shard."""
LAST_SEED = 1_000_000
SPOTS = "spots"
"""Beside the families of instructions: things pushed to spots around them."""


def collect(
    out: Path,
    scenes: int,
    first_seed: int,
    report: Callable[[str], None],
    *,
    families: Sequence[str] = (*FAMILIES, SPOTS),
    learner: Learner | None = None,
) -> None:
    """`scenes` of each family, from training seeds on; shards that are there already are left as they are.

    Raises:
        ValueError: the seeds are not training seeds.
    """
    if first_seed < 0 or first_seed + scenes > LAST_SEED:
        raise ValueError(f"training seeds go from 0 to {LAST_SEED - 1}, not to {first_seed + scenes - 1}")
    house = theatre("auto", panda)
    began, count = time.monotonic(), 0
    for first in range(first_seed, first_seed + scenes, SCENES):
        path = out / f"strokes-{first:07d}.npz"
        if path.exists():
            continue
        found: list[Demo] = []
        for seed in range(first, min(first + SCENES, first_seed + scenes)):
            for family in families:
                if family == SPOTS:
                    found += spot_pushes(house, seed, learner=learner)
                else:
                    found += demonstrations(house, family, seed, learner=learner)
        write_demos(path, found)
        count += len(found)
        report(f"{path}: {len(found)} strokes; {count / (time.monotonic() - began):.2f}/s")


def main(arguments: list[str]) -> None:
    """key=value: out, scenes (of each family), first_seed, learner (a policy's bundle, for DAgger),
    families."""
    given = dict(a.split("=", 1) for a in arguments)
    learner: Learner | None = None
    if "learner" in given:
        from agent.policy.learned import driver

        learner = driver(Path(given["learner"]))
    collect(
        Path(given.get("out", "data/strokes")), int(given.get("scenes", "600")), int(given.get("first_seed", "0")),
        lambda line: print(line, flush=True), learner=learner,
        families=given["families"].split(",") if "families" in given else (*FAMILIES, SPOTS),
    )  # fmt: skip


if __name__ == "__main__":
    main(sys.argv[1:])
