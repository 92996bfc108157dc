"""One process at a time writes a dataset: a lock on a file of its folder, that ends with the process."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from typing import Any

from agent.errors import UserError

LOCK = ".lock"


class DatasetInUse(UserError):
    """Another process writes this dataset."""


def locked(folder: Path) -> Any:
    """The lock on a dataset, a file that is open for as long as it is held.

    Raises:
        DatasetInUse: another process holds it.
    """
    file = open(folder / LOCK, "a+")  # noqa: SIM115, open as long as the writer is
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as e:
        file.seek(0)
        who = file.read(80).strip() or "another process"
        file.close()
        raise DatasetInUse(f"{folder} is being written by {who}; wait for it, or give another out=DIR") from e
    file.truncate(0)
    file.write(f"process {os.getpid()}\n")
    file.flush()
    return file
