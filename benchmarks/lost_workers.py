"""A collection on a local Ray cluster whose workers are killed on the way, and the same one on processes, compared.

    python benchmarks/lost_workers.py episodes=3 "tasks=[put,stack]" out=/tmp/lost     # needs the ray extra

Every few seconds a worker that plays gets SIGKILL, `KILLS` in all. Then both datasets are validated, and their episodes
compared: the same seeds, once each, the same frames and calls.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from pathlib import Path

import numpy as np

from agent import cli
from agent.episodes import EpisodeReader, validate

KILLS, EVERY_S = 3, 4.0


def workers() -> list[int]:
    """The processes of Ray that work on a task, as they call themselves, those of this cluster alone."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes()
            mine = f"PALMETTO_BENCHMARK={os.getpid()}".encode() in (path.parent / "environ").read_bytes()
        except OSError:
            continue  # ended meanwhile, or somebody else's
        if mine and words.startswith(b"ray::") and b"IDLE" not in words:
            found.append(int(path.parent.name))
    return found


def kill(killed: list[int], stop: threading.Event) -> None:
    """KILLS times, a worker that has played for a while."""
    while len(killed) < KILLS and not stop.wait(EVERY_S):
        if there := workers():
            os.kill(there[0], signal.SIGKILL)
            killed.append(there[0])


def main(words: list[str]) -> None:
    out = Path(next(w for w in words if w.startswith("out=")).removeprefix("out="))
    rest = [w for w in words if not w.startswith("out=")]
    os.environ["PALMETTO_BENCHMARK"] = str(os.getpid())
    killed, stop = list[int](), threading.Event()
    killer = threading.Thread(target=kill, args=(killed, stop))
    killer.start()
    start = time.perf_counter()
    code = cli.main(["collect", "engine=ray", "workers=2", *rest, f"out={out / 'ray'}"])
    spent = time.perf_counter() - start
    stop.set()
    killer.join()
    code = code or cli.main(["collect", "workers=1", *rest, f"out={out / 'local'}"])
    if code:
        sys.exit(code)
    ray, local = EpisodeReader(out / "ray"), EpisodeReader(out / "local")
    place = {(f.task, f.seed): i for i, f in enumerate(map(ray.facts, range(len(ray))))}
    same = 0
    for i in range(len(local)):
        facts = local.facts(i)
        j = place[facts.task, facts.seed]
        a, b = (r.window(k, 0, r.length(k), pictures=False) for r, k in ((local, i), (ray, j)))
        same += np.array_equal(a.state, b.state) and [s.call for s in local.steps(i)] == [s.call for s in ray.steps(j)]
    print("| killed | episodes, Ray | local | alike | problems | seconds |\n| --- | --- | --- | --- | --- | --- |")
    problems = len(validate(out / "ray"))
    print(f"| {len(killed)} | {len(ray)} ({len(place)} seeds) | {len(local)} | {same} | {problems} | {spent:.0f} |")


if __name__ == "__main__":
    main(sys.argv[1:])
