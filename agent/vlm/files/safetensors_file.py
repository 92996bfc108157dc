"""Files of weights made by others, read without trusting them: every number in a header is checked against the file.

The safetensors format: 8 bytes, the header's length; the header, a JSON object of name -> dtype, shape and byte range;
the bytes of all tensors, without gaps. GGUF is read in gguf_file.py with the same checks.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

SAFETENSORS_BITS = {
    "F64": 64, "F32": 32, "F16": 16, "BF16": 16, "I64": 64, "I32": 32, "I16": 16, "I8": 8, "U64": 64, "U32": 32,
    "U16": 16, "U8": 8, "BOOL": 8, "F8_E4M3": 8, "F8_E5M2": 8,
}  # fmt: skip
"""The dtypes that we load, and how long they are."""
HEADER_MOST = 8 << 20
"""Bytes of a safetensors header: 80,000 tensors; a file of the largest models has a few thousand. As Python objects it
takes up to twenty times as much."""
DIMENSIONS_MOST = 8
NAME_MOST = 512
_PICKLE_STARTS = (b"PK\x03\x04", b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05")


AGAIN = "get the file again, or another one"
"""What to do about a file that is torn or hostile."""


class CheckpointError(ValueError):
    """Weights that cannot be used; says which file, which tensor or limit, and what to do. One line."""

    def __init__(self, message: str) -> None:
        super().__init__(" ".join(message.split()))


@dataclass(frozen=True, kw_only=True)
class Entry:
    """Where a tensor lies in its file. start: bytes from the beginning of the file; dtype: the format's own word."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    start: int
    bytes: int


@dataclass(frozen=True, kw_only=True)
class SafetensorsHeader:
    """What stands before the tensors, every number of it checked."""

    entries: Mapping[str, Entry]
    metadata: Mapping[str, str]


def read_header(path: Path) -> SafetensorsHeader:
    """The header of a safetensors file. Reads no tensor.

    Raises:
        CheckpointError: naming the tensor or the limit, whatever the file's bytes are.
    """
    try:
        size = path.stat().st_size
        with open(path, "rb") as f:
            start = f.read(8)
            length = _header_length(path, start, size)
            text = f.read(length)
    except OSError as error:
        raise CheckpointError(f"{path} can't be read: {error.strerror}") from error
    table = _table(path, text)
    said = table.pop("__metadata__", {})
    if not isinstance(said, dict) or not all(isinstance(v, str) for v in said.values()):
        raise CheckpointError(f"{path}: __metadata__ is not text by name; {AGAIN}")
    entries = {name: _entry(path, name, value, 8 + length) for name, value in table.items()}
    check_ranges(path, entries.values(), first=8 + length, size=size)
    _check_gaps(path, entries.values(), first=8 + length, size=size)
    return SafetensorsHeader(entries=entries, metadata=said)


def load_tensors(path: Path) -> dict[str, Tensor]:
    """All tensors of a safetensors file, by name, its header checked first.

    Raises:
        CheckpointError: as `read_header`.
    """
    read_header(path)
    try:
        return load_file(str(path))
    except (SafetensorError, OSError) as error:
        raise CheckpointError(f"{path} does not load: {error}; {AGAIN}") from error


def _header_length(path: Path, start: bytes, size: int) -> int:
    if len(start) < 8:
        raise CheckpointError(f"{path} has {len(start)} bytes, too few for a safetensors file; {AGAIN}")
    length = int.from_bytes(start, "little")
    if length > HEADER_MOST and start.startswith(_PICKLE_STARTS):  # shorter ones may begin with the same bytes
        raise CheckpointError(f"{path} is a pickle or zip file, which is never read; get the model as safetensors")
    if length > HEADER_MOST:
        raise CheckpointError(f"{path}: its header is said to be {length} bytes, more than {HEADER_MOST}; {AGAIN}")
    if 8 + length > size:
        raise CheckpointError(f"{path} is cut off: its header ends at byte {8 + length}, the file at {size}; {AGAIN}")
    return length


def _table(path: Path, text: bytes) -> dict[str, Any]:
    """The header's JSON object."""

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for name, value in pairs:
            if name in found:
                raise CheckpointError(f"{path} has {shown(name)} twice; {AGAIN}")
            found[name] = value
        return found

    def integer(digits: str) -> int:
        if len(digits) > 20:  # Python below 3.10.7 would take minutes for millions of them
            raise ValueError(f"a number of {len(digits)} digits")
        return int(digits)

    if not text.startswith(b"{"):
        raise CheckpointError(f"{path} has no safetensors header; {AGAIN}")
    try:
        table = json.loads(text.decode(), object_pairs_hook=unique, parse_int=integer)
    except CheckpointError:
        raise
    except (ValueError, RecursionError) as error:
        raise CheckpointError(f"{path}: its header is no JSON ({str(error)[:80]}); {AGAIN}") from error
    assert isinstance(table, dict), "JSON that starts with a brace"
    return table


def _entry(path: Path, name: str, value: Any, first: int) -> Entry:
    """first: the byte where the tensors begin."""
    where = f"{path}: the tensor {shown(name)}"
    if len(name) > NAME_MOST:
        raise CheckpointError(f"{where} has a name of {len(name)} characters, more than {NAME_MOST}; {AGAIN}")
    if not isinstance(value, dict) or value.keys() != {"dtype", "shape", "data_offsets"}:
        raise CheckpointError(f"{where} has not dtype, shape and data_offsets and these alone; {AGAIN}")
    dtype, shape, offsets = value["dtype"], value["shape"], value["data_offsets"]
    if not isinstance(dtype, str) or dtype not in SAFETENSORS_BITS:
        raise CheckpointError(f"{where} has dtype {shown(dtype)}; known are {', '.join(SAFETENSORS_BITS)}")
    if not _counts(shape) or len(shape) > DIMENSIONS_MOST:
        raise CheckpointError(f"{where} has shape {shown(shape)}, not up to {DIMENSIONS_MOST} sizes; {AGAIN}")
    if not _counts(offsets) or len(offsets) != 2 or offsets[0] > offsets[1]:
        raise CheckpointError(f"{where} has data_offsets {shown(offsets)}, not [begin, end]; {AGAIN}")
    needed, length = math.prod(shape) * SAFETENSORS_BITS[dtype] // 8, offsets[1] - offsets[0]
    if needed != length:
        raise CheckpointError(f"{where}, {dtype}{shown(shape)}, needs {needed} bytes and has {length}; {AGAIN}")
    return Entry(name=name, dtype=dtype, shape=tuple(shape), start=first + offsets[0], bytes=length)


def _counts(value: object) -> bool:
    """Whether value is a list of whole numbers from 0 to 2^63 - 1."""
    return isinstance(value, list) and all(type(v) is int and 0 <= v < 1 << 63 for v in value)


def shown(value: object, most: int = 60) -> str:
    """Of another's word or number, as much as a line has room for, in plain ASCII."""
    text = ascii(value)
    return text if len(text) <= most else f"{text[: most - 3]}..."


def check_ranges(path: Path, entries: Iterable[Entry], *, first: int, size: int) -> None:
    """Every tensor lies in the file, from byte `first` on, and none on another.

    Raises:
        CheckpointError: naming the tensor.
    """
    before: Entry | None = None
    for entry in sorted(entries, key=lambda e: (e.start, e.bytes)):
        if entry.start + entry.bytes > size:
            raise CheckpointError(
                f"{path} is cut off: the tensor {shown(entry.name)} ends at byte {entry.start + entry.bytes}, "
                f"the file at {size}; {AGAIN}"
            )
        if before is not None and entry.start < before.start + before.bytes:
            raise CheckpointError(f"{path}: {shown(entry.name)} overlaps {shown(before.name)}; {AGAIN}")
        assert entry.start >= first, "offsets are counted from there"
        before = entry


def _check_gaps(path: Path, entries: Iterable[Entry], *, first: int, size: int) -> None:
    at = first
    for entry in sorted(entries, key=lambda e: (e.start, e.bytes)):
        if entry.start != at:
            raise CheckpointError(f"{path}: {entry.start - at} bytes before {shown(entry.name)} are nobody's; {AGAIN}")
        at += entry.bytes
    if at != size:
        raise CheckpointError(f"{path}: {size - at} bytes after the last tensor are nobody's; {AGAIN}")
