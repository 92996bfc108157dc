"""Segments on disk: bounded, whole after a full disk, readable after a kill at any byte."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from agent.artifacts import disk_errors
from agent.errors import UserError
from agent.flight.chain import NOTHING_BEFORE, SUFFIX, packed

Fields = Mapping[str, Any]


class Segments:
    """Appends records to `folder`. about: repeated as the first record of each segment, so that what the recording is
    of is known however many of the oldest have gone. segment_bytes: where a new one begins; most_bytes: of all.

    Raises:
        UserError: there is a recording in the folder already, or it can't be written.
    """

    def __init__(self, folder: Path, about: Fields, *, segment_bytes: int, most_bytes: int) -> None:
        if most_bytes < 2 * segment_bytes:
            raise UserError(f"a recording of {most_bytes} bytes has no room for two segments of {segment_bytes}")
        with disk_errors(folder):
            folder.mkdir(parents=True, exist_ok=True)
            if any(folder.glob(f"*{SUFFIX}")):
                raise UserError(f"there is a recording in {folder} already; give another recording=DIR")
        self._folder, self._about = folder, dict(about)
        self._segment_bytes, self._most_bytes = segment_bytes, most_bytes
        self._kept: list[tuple[Path, int]] = []
        self._fd, self._size, self._index = -1, 0, -1
        self.number, self.head = 0, NOTHING_BEFORE
        with disk_errors(folder):
            self._next(0.0)

    def append(self, fields: Fields, blob: bytes = b"") -> None:
        """Writes one record.

        Raises:
            OSError: it could not be; what was written before is as it was.
        """
        if self._size >= self._segment_bytes:
            self._next(float(fields["time_s"]))
        self._write(fields, blob)

    def close(self) -> None:
        if self._fd >= 0:
            with suppress(OSError):  # full: what the disk has is whole
                os.fsync(self._fd)
            os.close(self._fd)
            self._fd = -1

    def _next(self, time_s: float) -> None:
        path = self._folder / f"{self._index + 1:08d}{SUFFIX}"
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
        old, old_size = self._fd, self._size
        self._fd, self._size = fd, 0
        try:
            self._write({"kind": "about", "time_s": time_s, **self._about}, b"")
        except OSError:
            os.close(fd)
            path.unlink(missing_ok=True)
            self._fd, self._size = old, old_size
            raise
        if old >= 0:
            self._kept.append((self._folder / f"{self._index:08d}{SUFFIX}", old_size))
            os.close(old)
        self._index += 1
        while self._kept and sum(size for _, size in self._kept) + self._segment_bytes > self._most_bytes:
            self._kept.pop(0)[0].unlink(missing_ok=True)

    def _write(self, fields: Fields, blob: bytes) -> None:
        record = packed(self.number, self.head, fields, blob)
        view, done = memoryview(record), 0
        try:
            while done < len(record):
                done += os.write(self._fd, view[done:])
        except OSError:
            if done:
                os.ftruncate(self._fd, self._size)
                os.lseek(self._fd, self._size, os.SEEK_SET)
            raise
        self._size += len(record)
        self.number, self.head = self.number + 1, record[-32:]
