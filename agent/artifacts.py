"""Files that are whole or absent: written under a temporary name, synced, renamed."""

from __future__ import annotations

import errno
import json
import os
import platform
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import Enum
from importlib import metadata
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agent.errors import PalmettoError, UserError

VERSIONED = ("palmetto", "numpy", "pybullet", "onnxruntime", "moderngl", "hydra-core")
"""Distributions whose versions go into every result.json."""
UNWRITABLE = (
    errno.EACCES, errno.EROFS, errno.EPERM, errno.ENOTDIR, errno.EEXIST, errno.EISDIR, errno.ENOENT, errno.ENAMETOOLONG,
)  # fmt: skip


FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
"""No room left: on the disk, in what the person may use of it, or in a file that may grow no further."""


@contextmanager
def disk_errors(path: Path) -> Iterator[None]:
    """A full or unwritable disk becomes one line that names `path`."""
    try:
        yield
    except OSError as e:
        if e.errno in FULL:
            raise PalmettoError(f"the disk is full: {path} was not written; make room or give another out=DIR") from e
        if e.errno in UNWRITABLE:
            raise UserError(f"can't write {path}: {e.strerror}; give another out=DIR") from e
        raise


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary path beside `path`; renamed to it, synced, when the block ends well, removed when it does not."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part{path.suffix}")
    with disk_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            yield temporary
            with open(temporary, "rb+") as f:
                os.fsync(f.fileno())
            os.replace(temporary, path)
            sync_folder(path.parent)
        finally:
            temporary.unlink(missing_ok=True)


def sync_folder(folder: Path) -> None:
    """A rename is safe only once the folder that records it is."""
    fd = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def remove_empty(folders: Iterable[Path]) -> None:
    """Those that are there with nothing in them, in this order: the inner ones first."""
    for folder in folders:
        if folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()


def write_bytes(path: Path, content: bytes) -> None:
    with replacing(path) as temporary:
        temporary.write_bytes(content)


def write_text(path: Path, text: str) -> None:
    write_bytes(path, text.encode())


def write_json(path: Path, value: Any) -> None:
    write_text(path, to_json(value, indent=2) + "\n")


def write_png(path: Path, rgb: NDArray[np.uint8]) -> None:
    """rgb: uint8[H,W,3]."""
    import cv2

    ok, data = cv2.imencode(".png", np.ascontiguousarray(rgb[..., ::-1]))
    if not ok:
        raise ValueError(f"no PNG can be made of {rgb.dtype}{list(rgb.shape)}")
    write_bytes(path, data.tobytes())


def to_json(value: Any, indent: int | None = None) -> str:
    """Strict JSON of plain values, enums, paths, numpy numbers and arrays."""
    return json.dumps(value, indent=indent, default=_plain, ensure_ascii=False, allow_nan=False)


def _plain(value: object) -> object:
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"{type(value).__name__} does not go into JSON")


def versions() -> dict[str, str]:
    """Python's and the main packages' versions, those that are installed."""
    found = {"python": platform.python_version()}
    for name in VERSIONED:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def is_one_of_many() -> bool:
    """Whether torchrun, or what sets the same variables, started this process as one of several."""
    return {"RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT"} <= os.environ.keys()


def is_first_process() -> bool:
    """The first of those, which alone writes and speaks; or the only one."""
    return not is_one_of_many() or os.environ["RANK"] == "0"


def process_began() -> float:
    """Where `perf_counter` was when this process was started; where it is now, on systems that do not tell."""
    try:
        ticks = int(Path("/proc/self/stat").read_text().rpartition(")")[2].split()[19])
        return perf_counter() - (time.clock_gettime(time.CLOCK_BOOTTIME) - ticks / os.sysconf("SC_CLK_TCK"))
    except (OSError, ValueError, IndexError, AttributeError):
        return perf_counter()


@dataclass(kw_only=True)
class RunRecord:
    """What becomes `result.json`: written once, whole, when the command ends, however it ends."""

    command: str
    out: Path
    seed: int | None
    figures: dict[str, Any] = field(default_factory=dict)
    timings_s: dict[str, float] = field(default_factory=dict)
    started: float = field(default_factory=perf_counter)
    words: tuple[str, ...] = ()
    """The command line's own options, as they were typed."""

    @contextmanager
    def timed(self, name: str) -> Iterator[None]:
        """Adds the block's wall-clock time to `timings_s[name]`."""
        start = perf_counter()
        try:
            yield
        finally:
            self.timings_s[name] = self.timings_s.get(name, 0.0) + perf_counter() - start

    def write(self, status: str) -> Mapping[str, Any]:
        timings = {**self.timings_s, "total": perf_counter() - self.started}
        content = {
            "command": self.command,
            "status": status,
            "seed": self.seed,
            **self.figures,
            "timings_s": {k: round(v, 3) for k, v in timings.items()},
            "versions": versions(),
        }
        if is_first_process():
            write_json(self.out / "result.json", content)
        return content
