"""A run's files change all together or not at all, whenever it is cut off.

They are first written into a folder beside them, of which training.json is the last: with it the save has happened, and
what is then left to do, moving them into place, can be done again by whoever comes next.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from agent.artifacts import FULL, sync_folder
from agent.errors import PalmettoError

NEXT, LAST = "next", "training.json"


@contextmanager
def saved_together(out: Path) -> Iterator[Path]:
    """A folder to write a run's files into, training.json last; on leaving they take the place of those in `out`.

    Raises:
        PalmettoError: the disk is full; what `out` held is as it was, and the room that was taken is given back.
    """
    out.mkdir(parents=True, exist_ok=True)
    begun = out / NEXT
    shutil.rmtree(begun, ignore_errors=True)
    begun.mkdir()
    try:
        yield begun
        sync_folder(begun)
    except OSError as error:
        shutil.rmtree(begun, ignore_errors=True)
        if error.errno not in FULL:
            raise
        held = f"what was saved there before is whole; make room and run the same again, it goes on ({error.strerror})"
        raise PalmettoError(f"the disk is full: {out} could not be saved; {held}") from error
    finish(out)


def finish(out: Path) -> None:
    """Do what a save that was cut off had left to do; one that had not happened is forgotten."""
    begun = out / NEXT
    if not (begun / LAST).is_file():
        shutil.rmtree(begun, ignore_errors=True)
        return
    for file in sorted(begun.iterdir(), key=lambda f: f.name == LAST):
        file.replace(out / file.name)
    sync_folder(out)
    begun.rmdir()
