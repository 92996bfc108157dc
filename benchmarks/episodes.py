"""What recording costs: writing beside the rest of a collection, bytes a frame, and a frame from anywhere.

    python benchmarks/episodes.py suite=tabletop episodes=1 out=/tmp/measured

Processor time of one process, so that other work on the machine counts little. `reading` is of frames drawn at random,
with the files open or not as it happens.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from agent import cli
from agent.episodes import EpisodeReader, EpisodeWriter, Take
from sim.robot import SimRobot

spent = dict[str, float]()


def timed(owner: Any, name: str, under: str) -> None:
    """Adds the processor time of a method to `spent[under]`."""
    inner: Callable[..., Any] = getattr(owner, name)

    def outer(*args: Any, **kwargs: Any) -> Any:
        start = time.process_time()
        try:
            return inner(*args, **kwargs)
        finally:
            spent[under] = spent.get(under, 0.0) + time.process_time() - start

    setattr(owner, name, outer)


def main(words: list[str]) -> None:
    out = Path(next(w for w in words if w.startswith("out=")).removeprefix("out="))
    for owner, name, under in (
        (Take, "frame", "frames"), (Take, "look", "looks"), (Take, "close", "closing"),
        (EpisodeWriter, "adopt", "taking in"), (SimRobot, "main_picture", "drawing"),
    ):  # fmt: skip
        timed(owner, name, under)
    start = time.process_time()
    code = cli.main(["collect", "workers=1", *words])
    total = time.process_time() - start
    if code:
        sys.exit(code)
    reader = EpisodeReader(out)
    n = sum(reader.length(i) for i in range(len(reader)))
    writing = sum(v for k, v in spent.items() if k != "drawing")
    size = sum(p.stat().st_size for p in out.glob("**/*") if p.is_file())
    rng, each = np.random.default_rng(0), []
    for _ in range(500):
        index = int(rng.integers(len(reader)))
        number = int(rng.integers(reader.length(index)))
        before = time.process_time()
        reader.frame(index, number)
        each.append(time.process_time() - before)
    print("| | seconds | share |\n| --- | --- | --- |")
    print(f"| collecting {len(reader)} episodes, {n} frames | {total:.1f} | |")
    for name, value in spent.items():
        print(f"| {name} | {value:.2f} | {value / total:.1%} |")
    print(f"| writing in all | {writing:.2f} | {writing / total:.1%} |")
    print(f"\n{size / n / 1e3:.1f} kB a frame; a frame from anywhere: median {1e3 * np.median(each):.1f} ms, ", end="")
    print(f"95 % within {1e3 * np.percentile(each, 95):.1f} ms, at most {1e3 * max(each):.1f} ms")


if __name__ == "__main__":
    main(sys.argv[1:])
