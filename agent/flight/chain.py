"""The file format: records one behind the other, each bound to the one before by its SHA-256.

A record is a head, a body and the SHA-256 of both. The head: "PFR1", length of the body, number of the record, SHA-256
of the record before (zeros for the first), CRC-32 of all that; little-endian. The body: length of a JSON object, the
object, and what follows it, the bytes of a picture or nothing.

The head's own checksum tells a flipped length from a record that was being written when the process was killed: only
the second may end the last file. A folder holds segments, `00000000.flight` and so on; the oldest may be missing.
What the chain can't show is that its end was cut off at a record: keep the last hash elsewhere, as result.json does.
"""

from __future__ import annotations

import hashlib
import json
import struct
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agent.errors import UserError

MAGIC = b"PFR1"
HEAD = struct.Struct("<4sIQ32s")
CRC, JSON_LENGTH = struct.Struct("<I"), struct.Struct("<I")
HEAD_BYTES = HEAD.size + CRC.size
HASH_BYTES = 32
NOTHING_BEFORE = bytes(HASH_BYTES)
MOST_BODY_BYTES = 64 * 2**20
"""No record is larger; a length above it is a broken one."""
SUFFIX = ".flight"


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One record. number: from 0 in the whole recording; kind, time_s: of the robot's clock; fields: the rest of its
    JSON object; blob: a picture's bytes, b"" without one; hash: its SHA-256."""

    number: int
    kind: str
    time_s: float
    fields: Mapping[str, Any]
    blob: bytes
    hash: bytes


@dataclass(frozen=True, kw_only=True)
class Broken:
    """Where a recording is not what was written. number: of the record, as far as it can be told; path, offset: where
    it begins."""

    number: int
    path: Path
    offset: int
    what: str

    def __str__(self) -> str:
        return f"record {self.number} ({self.path.name}, byte {self.offset}): {self.what}"


@dataclass(frozen=True, kw_only=True)
class Checked:
    """What a look at a whole recording found. first: number of the oldest record that is kept. torn_bytes: of a record
    that was being written when the recorder was killed. ended: it was closed. head: hash of the last record, in hex."""

    records: int
    first: int
    torn_bytes: int
    ended: bool
    head: str
    broken: Broken | None


def packed(number: int, before: bytes, fields: Mapping[str, Any], blob: bytes = b"") -> bytes:
    """The bytes of a record; the last 32 are its hash."""
    text = json.dumps(fields, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()
    body = JSON_LENGTH.pack(len(text)) + text + blob
    head = HEAD.pack(MAGIC, len(body), number, before)
    whole = head + CRC.pack(zlib.crc32(head)) + body
    return whole + hashlib.sha256(whole).digest()


def segments(folder: Path) -> list[Path]:
    """The files of a recording, the oldest first.

    Raises:
        UserError: there is none.
    """
    found = sorted(p for p in folder.glob(f"*{SUFFIX}") if p.stem.isdigit()) if folder.is_dir() else []
    if not found:
        raise UserError(f"no recording in {folder}: give the folder that run recording=DIR wrote")
    return found


def read(folder: Path) -> Iterator[Entry]:
    """Every record up to the first broken or torn one."""
    for one in _walk(folder):
        if not isinstance(one, Entry):
            return
        yield one


def check(folder: Path) -> Checked:
    """Reads all of it and compares every hash."""
    records, first, torn, broken, last = 0, 0, 0, None, None
    for one in _walk(folder):
        if isinstance(one, Broken):
            broken = one
        elif isinstance(one, int):
            torn = one
        else:
            first = one.number if last is None else first
            records, last = records + 1, one
    return Checked(
        records=records, first=first, torn_bytes=torn, ended=last is not None and last.kind == "end",
        head="" if last is None else last.hash.hex(), broken=broken,
    )  # fmt: skip


def _walk(folder: Path) -> Iterator[Entry | Broken | int]:
    """Records in their order; at the end perhaps what is broken, or how many bytes are torn off."""
    files = segments(folder)
    number: int | None = None
    before: bytes | None = None
    for index, path in enumerate(files):
        data, at = path.read_bytes(), 0

        if index and int(path.stem) != int(files[index - 1].stem) + 1:
            gone = f"{int(files[index - 1].stem) + 1:08d}{SUFFIX} is missing"
            yield Broken(number=number or 0, path=path, offset=0, what=gone)
            return
        while at < len(data):
            rest = len(data) - at
            if rest < HEAD_BYTES or not _sound(data, at):
                if rest < HEAD_BYTES and index == len(files) - 1:
                    yield rest
                else:
                    yield Broken(number=number or 0, path=path, offset=at, what="its head is not what was written")
                return
            _, length, mine, link = HEAD.unpack_from(data, at)
            end = at + HEAD_BYTES + length + HASH_BYTES
            if end > len(data):
                yield (
                    rest
                    if index == len(files) - 1
                    else Broken(number=number or 0, path=path, offset=at, what="it is cut off")
                )
                return
            if number is not None and mine != number:
                yield Broken(
                    number=number or 0, path=path, offset=at, what=f"number {mine} stands where {number} should"
                )
                return
            number = mine
            if before is not None and link != before:
                yield Broken(number=number or 0, path=path, offset=at, what="it does not follow from the record before")
                return
            digest = data[end - HASH_BYTES : end]
            if hashlib.sha256(data[at : end - HASH_BYTES]).digest() != digest:
                yield Broken(number=number or 0, path=path, offset=at, what="its hash is not that of what it holds")
                return
            try:
                yield _entry(mine, data[at + HEAD_BYTES : end - HASH_BYTES], digest)
            except (ValueError, KeyError, TypeError, struct.error) as e:
                yield Broken(number=number or 0, path=path, offset=at, what=f"it can't be read: {e}")
                return
            number, before, at = mine + 1, digest, end


def _sound(data: bytes, at: int) -> bool:
    head = data[at : at + HEAD.size]
    if CRC.unpack_from(data, at + HEAD.size)[0] != zlib.crc32(head):
        return False
    magic, length, _, _ = HEAD.unpack(head)
    return bool(magic == MAGIC and JSON_LENGTH.size <= length <= MOST_BODY_BYTES)


def _entry(number: int, body: bytes, digest: bytes) -> Entry:
    (size,) = JSON_LENGTH.unpack_from(body)
    text = body[JSON_LENGTH.size : JSON_LENGTH.size + size]
    fields = json.loads(text)
    if not isinstance(fields, dict):
        raise ValueError("it is no JSON object")
    kind, time_s = str(fields.pop("kind")), float(fields.pop("time_s"))
    return Entry(
        number=number, kind=kind, time_s=time_s, fields=fields, blob=body[JSON_LENGTH.size + size :], hash=digest
    )
