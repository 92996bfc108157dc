"""Many episodes on many machines, by an engine that is there for that: Ray (Moritz et al. 2018).

What an episode was recorded into travels back as bytes, and the one process that writes the dataset takes it in. So a
machine may have a disk of its own; an episode whose worker was lost is played again, by another, and one that comes
back is taken in once, whoever else has begun it.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeVar

from agent.artifacts import disk_errors
from agent.episodes.arrow import sync
from agent.errors import PalmettoError, UserError
from sim.workers import ONE_THREAD

Item = TypeVar("Item")
MOST_LOST = 3
"""Workers that one item may take with it; then it is the item that kills them."""


class WorkerLost(Exception):
    """Whoever worked on it is gone, and what it had done with it."""


class Engine(Protocol):
    """Work that is done somewhere. workers: how much of it at once."""

    workers: int

    def submit(self, item: Any) -> Hashable:
        """Begin on an item, when there is room."""
        ...

    def wait(self, handles: Sequence[Any]) -> Sequence[Any]:
        """Some of what was submitted that has ended, one way or another; waits until there is one."""
        ...

    def result(self, handle: Any) -> Any:
        """What came of it.

        Raises:
            WorkerLost: nothing.
        """
        ...


def spread_over(engine: Engine, items: Iterable[Item]) -> Iterator[tuple[Item, Any]]:
    """Each item with its result, once, as they get done; at most twice as many as there are workers are under way.

    Raises:
        PalmettoError: an item has lost MOST_LOST workers.
    """
    left, running, lost = iter(items), dict[Hashable, tuple[int, Item]](), dict[int, int]()
    number, more = 0, True
    while True:
        while more and len(running) < 2 * engine.workers:
            try:
                item = next(left)
            except StopIteration:
                more = False
                break
            running[engine.submit(item)] = (number, item)
            number += 1
        if not running:
            return
        for handle in engine.wait(list(running)):
            which, item = running.pop(handle)
            try:
                done = engine.result(handle)
            except WorkerLost as e:
                lost[which] = lost.get(which, 0) + 1
                if lost[which] >= MOST_LOST:
                    raise PalmettoError(f"{item} has lost {MOST_LOST} workers ({e}); give them more memory") from e
                print(f"a worker was lost with {item}: it is done again", flush=True)
                running[engine.submit(item)] = (which, item)
                continue
            yield item, done


class RayEngine:
    """A Ray cluster at work on `work`, a function that travels there."""

    def __init__(self, work: Callable[[Any], Any], ray: Any) -> None:
        self._ray = ray
        self.workers = max(1, int(ray.cluster_resources().get("CPU", 1)))

        # Ray would run lost tasks again, too, but would not say so; and what dies thrice is to be named.
        def alone(item: Any) -> Any:
            os.environ.update(ONE_THREAD)
            return work(item)

        self._work = ray.remote(num_cpus=1, max_retries=0, max_calls=0)(alone)

    def submit(self, item: Any) -> Hashable:
        handle: Hashable = self._work.remote(item)
        return handle

    def wait(self, handles: Sequence[Any]) -> Sequence[Any]:
        ready: Sequence[Any] = self._ray.wait(list(handles), num_returns=1)[0]
        return ready

    def result(self, handle: Any) -> Any:
        try:
            return self._ray.get(handle)
        except self._ray.exceptions.RayTaskError as e:  # raised in the work: as if it had been raised here
            raise e.cause from e
        except self._ray.exceptions.RayError as e:
            raise WorkerLost(type(e).__name__) from e


@contextmanager
def ray_cluster(address: str | None, workers: int) -> Iterator[Any]:
    """Ray, connected to the cluster at `address` ("auto": one that runs here), or to one of `workers` processes that
    begins and ends with the block.

    Raises:
        UserError: it is not installed, or there is no such cluster.
    """
    try:
        import ray
    except ImportError as e:
        raise UserError("engine=ray needs ray, which is not installed: pip install 'palmetto[ray]'") from e
    given: dict[str, Any] = {"address": address} if address else {"num_cpus": workers, "include_dashboard": False}
    try:
        ray.init(**given, log_to_driver=False, logging_level="error")
    except (ConnectionError, ValueError, RuntimeError) as e:
        raise UserError(f"address={address}: no Ray cluster answers ({str(e).splitlines()[0][:120]})") from e
    try:
        yield ray
    finally:
        ray.shutdown()


@dataclass(frozen=True, kw_only=True, eq=False)
class Packed:
    """What a worker recorded, by file name, and what it says of it."""

    files: Mapping[str, bytes]
    played: Any


def pack(play: Callable[[Path], Any]) -> Packed:
    """Plays into a folder that is gone afterwards. play: told the folder, it says what it `played`, whose `staged` is
    where the files lie."""
    folder = Path(tempfile.mkdtemp(prefix="palmetto-"))
    try:
        played = play(folder)
        files = {path.name: path.read_bytes() for path in sorted(played.staged.iterdir())}
        return Packed(files=files, played=played)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def unpack(packed: Packed, folder: Path) -> Path:
    """The files on this disk, synced, in `folder`, which is made."""
    with disk_errors(folder):
        folder.mkdir(parents=True)
        for name, content in packed.files.items():
            path = folder / os.path.basename(name)
            path.write_bytes(content)
            sync(path)
    return folder
