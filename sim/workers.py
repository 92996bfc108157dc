"""Many episodes on several processes, one core each."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from typing import TypeVar

from agent.errors import PalmettoError, UserError

Item = TypeVar("Item")
Done = TypeVar("Done")

ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "PALMETTO_THREADS": "1"}


def count(workers: int | str) -> int:
    """How many processes `workers` stands for; "auto" is one for each core that this process may use."""
    if workers == "auto":
        return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if isinstance(workers, int) and workers >= 1:
        return workers
    raise UserError(f"workers is auto or a number from 1 on, not {workers!r}")


def spread(work: Callable[[Item], Done], items: Iterable[Item], workers: int) -> Iterator[tuple[Item, Done]]:
    """`work(item)` for all items, as they get done. Both are pickled; with one worker, all happens right here.

    Ctrl-C lets what has begun come to its end, starts nothing more, and goes on upwards.

    Raises:
        PalmettoError: where a process died, out of memory as a rule.
    """
    if workers == 1:
        for item in items:
            yield item, work(item)
        return
    kept = {k: os.environ.get(k) for k in ONE_THREAD}
    os.environ.update(ONE_THREAD)
    try:
        with ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn"), initializer=_begin) as pool:
            try:
                yield from _keep_busy(pool, work, iter(items), 2 * workers)
            except BrokenProcessPool as e:
                raise PalmettoError(f"a worker process died, out of memory as a rule; try workers={workers - 1}") from e
            finally:
                pool.shutdown(wait=False, cancel_futures=True)
    finally:
        for key, value in kept.items():
            if value is None:
                os.environ.pop(key, None)
            else:
                os.environ[key] = value


def _keep_busy(
    pool: ProcessPoolExecutor, work: Callable[[Item], Done], items: Iterator[Item], most: int
) -> Iterator[tuple[Item, Done]]:
    """At most `most` items are under way, so that an interrupt has little to wait for."""
    running: dict[Future[Done], Item] = {}
    more = True
    while True:
        while more and len(running) < most:
            item = next(items, None)
            if item is None:
                more = False
                break
            running[pool.submit(work, item)] = item
        if not running:
            return
        for future in wait(running, return_when=FIRST_COMPLETED).done:
            yield running.pop(future), future.result()


def _begin() -> None:
    """In a new worker. Ctrl-C is the parent's to hear; a worker whose parent was killed ends, too."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with, args=(os.getppid(),), daemon=True).start()


def _end_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(1.0)
    os._exit(1)
