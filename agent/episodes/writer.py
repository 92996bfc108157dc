"""Appends episodes to one shard of a dataset, so that a crash at any moment costs the episode in hand and no other."""

from __future__ import annotations

import fcntl
import json
import os
import zlib
from pathlib import Path

import cv2
import numpy as np

from agent.artifacts import disk_errors, sync_folder, write_json
from agent.episodes.records import FORMAT, VERSION, Episode, Picture, to_line
from agent.errors import UserError

JPEG_QUALITY = 95


class ShardInUse(UserError):
    """Another process writes this shard."""


class EpisodeWriter:
    """Shard number `shard` of the dataset in `folder`: `episodes-000.jsonl` and, beside it, `pictures-000.bin`.

    The pictures of an episode are on the disk before its line is, so a line that is whole has its pictures. Opening a
    shard again drops what a crash left behind (`dropped`: in words, "" if nothing) and goes on after the last episode.
    One process writes a shard: it is locked while it is open.
    """

    def __init__(self, folder: Path, *, shard: int = 0) -> None:
        self.folder = folder
        self.dropped = ""
        with disk_errors(folder):
            folder.mkdir(parents=True, exist_ok=True)
        describe(folder)
        self._index_path = folder / f"episodes-{shard:03d}.jsonl"
        self._pictures_path = folder / f"pictures-{shard:03d}.bin"
        with disk_errors(self._index_path):
            self._index = open(self._index_path, "ab")  # noqa: SIM115, open as long as the writer is
            self._pictures = open(self._pictures_path, "ab")  # noqa: SIM115
            sync_folder(folder)
        try:
            fcntl.flock(self._index, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as e:
            self.close()
            raise ShardInUse(f"{self._index_path} is being written by another process") from e
        self._repair()

    @classmethod
    def if_free(cls, folder: Path, *, shard: int) -> EpisodeWriter | None:
        """The writer, or None where another process has the shard."""
        try:
            return cls(folder, shard=shard)
        except ShardInUse:
            return None

    def append(self, episode: Episode) -> None:
        """Returns once the episode is safe on the disk."""
        places = []
        with disk_errors(self._index_path):
            offset = self._pictures.tell()
            try:
                for step in episode.steps:
                    data = encode(step.rgb)
                    places.append((self._pictures.tell(), len(data), zlib.crc32(data)))
                    self._pictures.write(data)
                _sync(self._pictures)
                self._index.write(to_line(episode, places).encode() + b"\n")
                _sync(self._index)
            except OSError:
                self._forget(offset)
                raise

    def close(self) -> None:
        """May be called twice."""
        self._index.close()
        self._pictures.close()

    def __enter__(self) -> EpisodeWriter:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _forget(self, pictures_end: int) -> None:
        """After a failed write: the shard as it was, so that the next line starts on its own."""
        whole, _ = scan(self._index_path)
        os.truncate(self._index_path, whole)
        os.truncate(self._pictures_path, pictures_end)

    def _repair(self) -> None:
        whole, end = scan(self._index_path)
        torn, orphaned = self._index.tell() - whole, self._pictures.tell() - end
        if orphaned < 0:
            raise UserError(f"{self._pictures_path} is shorter than its index says; restore it, or delete the shard")
        if torn:
            self._index.truncate(whole)
        if orphaned:
            self._pictures.truncate(end)
        self._index.seek(0, os.SEEK_END)
        self._pictures.seek(0, os.SEEK_END)
        if torn or orphaned:
            self.dropped = f"{self._index_path.name}: dropped an episode that was cut off ({torn} + {orphaned} bytes)"


def describe(folder: Path) -> None:
    """Writes dataset.json, or checks the one that is there."""
    path = folder / "dataset.json"
    if not path.exists():
        write_json(path, {"format": FORMAT, "version": VERSION, "camera": "front", "picture": "jpeg 4:4:4"})
        return
    found = json.loads(path.read_text())
    if (found.get("format"), found.get("version")) != (FORMAT, VERSION):
        raise UserError(f"{path} is not {FORMAT} version {VERSION}")


def scan(index: Path) -> tuple[int, int]:
    """Bytes of whole lines in an index, and the end of the last picture that they name."""
    whole, end = 0, 0
    with open(index, "rb") as f:
        for line in f:
            if not line.endswith(b"\n"):
                break
            try:
                steps = json.loads(line)["steps"]
            except (ValueError, KeyError, TypeError):
                break
            whole += len(line)
            end = max([end, *(s["picture"][0] + s["picture"][1] for s in steps)])
    return whole, end


def encode(rgb: Picture) -> bytes:
    """JPEG with full colour resolution: small things keep their colour."""
    options = [
        cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY,
        cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444,
    ]  # fmt: skip
    ok, data = cv2.imencode(".jpg", np.ascontiguousarray(rgb[..., ::-1]), options)
    if not ok:
        raise ValueError(f"no JPEG can be made of {rgb.dtype}{list(rgb.shape)}")
    return data.tobytes()


def _sync(file: object) -> None:
    file.flush()  # type: ignore[attr-defined]
    os.fsync(file.fileno())  # type: ignore[attr-defined]
