"""Collection on an engine of many machines: a lost worker loses no episode, and none is there twice."""

from __future__ import annotations

import os
import random
import shutil
import signal
import threading
import time
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from agent.episodes import EpisodeReader, EpisodeWriter, validate
from agent.episodes.take import staging
from agent.errors import PalmettoError, UserError
from sim.cluster import MOST_LOST, RayEngine, WorkerLost, pack, ray_cluster, spread_over, unpack
from tests.datasets import LAYOUT, facts, frame
from tests.test_collect import run


class Losing:
    """An engine of this process whose workers are lost by chance: before their work, or with what came of it."""

    def __init__(self, work: Any, seed: int, share: float) -> None:
        self.workers, self._work, self._chance, self._share = 3, work, random.Random(seed), share
        self._under_way: dict[int, Any] = {}
        self.begun: list[Any] = []
        self.most = 0

    def submit(self, item: Any) -> int:
        self.begun.append(item)
        self._under_way[len(self.begun)] = item
        self.most = max(self.most, len(self._under_way))
        return len(self.begun)

    def wait(self, handles: Sequence[int]) -> Sequence[int]:
        return self._chance.sample(list(handles), self._chance.randint(1, len(handles)))

    def result(self, handle: int) -> Any:
        item = self._under_way.pop(handle)
        fate = self._chance.random()
        done = self._work(item) if fate > self._share / 2 else None
        if fate < self._share:
            raise WorkerLost("killed")
        return done


def test_every_item_comes_back_once_whoever_is_lost() -> None:
    for seed in range(30):
        engine = Losing(lambda i: i * i, seed, share=0.2)
        try:
            found = dict(found_once(spread_over(engine, iter(range(40)))))
        except PalmettoError as e:
            assert f"has lost {MOST_LOST} workers" in str(e)
            assert max(engine.begun.count(i) for i in range(40)) == MOST_LOST
            continue
        assert found == {i: i * i for i in range(40)}
        assert len(engine.begun) >= 40
        assert engine.most <= 2 * engine.workers


def found_once(pairs: Iterator[tuple[Any, Any]]) -> list[tuple[Any, Any]]:
    found = list(pairs)
    assert len({item for item, _ in found}) == len(found)
    return found


def test_what_kills_every_worker_is_named() -> None:
    with pytest.raises(PalmettoError, match="7 has lost 3 workers"):
        list(spread_over(Losing(lambda i: i, 0, share=1.1), [7]))


def recorded(folder: Path, seed: int) -> Any:
    """One small episode in files of its own, as `sim.recording.run_one` leaves it."""
    from types import SimpleNamespace

    from agent.episodes import Take

    with Take(staging(folder), LAYOUT) as take:
        for i in range(3):
            take.frame(frame(i))
        return SimpleNamespace(staged=take.close(facts(seed)), seed=seed)


def test_episodes_of_lost_workers_are_recorded_again_and_none_twice(tmp_path: Path) -> None:
    def work(seed: int) -> Any:
        return pack(lambda folder: recorded(folder, seed))

    with EpisodeWriter(tmp_path / "out") as writer:
        for _, packed in spread_over(Losing(work, 5, share=0.25), range(12)):
            writer.adopt(unpack(packed, staging(writer.folder)))
    assert sorted(e.seed or 0 for e in EpisodeReader(tmp_path / "out")) == list(range(12))
    assert validate(tmp_path / "out") == []


def test_without_ray_there_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "ray", None)
    with pytest.raises(UserError, match=r"pip install 'palmetto\[ray\]'"):
        run(tmp_path, engine="ray")
    with pytest.raises(UserError, match="local, ray"):
        run(tmp_path, engine="spark")


def test_a_killed_worker_of_ray_loses_no_episode(tmp_path: Path) -> None:
    """The worker that plays is killed from outside, once each of the first two times that one begins."""
    pytest.importorskip("ray")
    pids, killed = tmp_path / "pids", list[int]()
    pids.mkdir()

    def work(seed: int, pids: Path) -> Any:
        (pids / str(os.getpid())).touch()
        time.sleep(0.3)
        return seed * seed, np.zeros(200_000)  # large enough to go through Ray's store

    def kill() -> None:
        end = time.monotonic() + 60
        while len(killed) < 2 and time.monotonic() < end:
            for path in pids.iterdir():
                if int(path.name) not in killed and len(killed) < 2:
                    killed.append(int(path.name))
                    os.kill(int(path.name), signal.SIGKILL)
            time.sleep(0.02)

    killer = threading.Thread(target=kill)
    killer.start()
    with ray_cluster(None, 2) as ray:
        found = found_once(spread_over(RayEngine(partial(work, pids=pids), ray), range(8)))
    killer.join()
    assert len(killed) == 2
    assert {item: square for item, (square, _) in found} == {i: i * i for i in range(8)}
    shutil.rmtree(pids)
