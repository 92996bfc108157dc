"""GGUF files (llama.cpp's format of one model in one file), read without trusting them.

magic "GGUF", version, number of tensors, number of fields; the fields, typed key and value pairs; the tensors' names,
sizes, types and offsets; then, aligned, their bytes. All numbers are little-endian. Sizes are compared with what the
file has left before anything of that size is made, so that memory and time stay in proportion to the file.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agent.vlm.files.safetensors_file import AGAIN, NAME_MOST, CheckpointError, Entry, check_ranges, shown

VERSIONS = (2, 3)
FIELDS_MOST = 1 << 16
TENSORS_MOST = 1 << 16
ARRAY_MOST = 1 << 21
"""Items of an array; the largest vocabularies have 262,144 tokens and half a million merges."""
DIMENSIONS_MOST = 4
ALIGNMENT = 32
"""Of the tensors' bytes, where general.alignment does not say otherwise."""

_SCALARS = ("B", "b", "H", "h", "I", "i", "f", "?", None, None, "Q", "q", "d")
"""struct's letter by GGUF's number of a type; 8 is text, 9 an array."""
_TEXT, _ARRAY = 8, 9


@dataclass(frozen=True, kw_only=True)
class GgufFile:
    """Fields and tensors of an open file. Tensors are read one by one, by `tensor`.

    entries: shapes as torch has them (rows first); dtype is the name of the GGML type.
    """

    path: Path
    fields: Mapping[str, Any]
    entries: Mapping[str, Entry]

    def text_list(self, key: str) -> list[str]:
        """A field that is a list of text.

        Raises:
            CheckpointError: it is missing or of another type.
        """
        value = self.fields.get(key)
        if not isinstance(value, list) or not all(isinstance(v, str) for v in value):
            raise CheckpointError(f"{self.path}: the field {key} is not a list of text; {AGAIN}")
        return value

    def number(self, key: str) -> float:
        """A field that is a number; errors as for `text_list`."""
        value = self.fields.get(key)
        if not isinstance(value, (int, float)) or not math.isfinite(value):
            raise CheckpointError(f"{self.path}: the field {key} is not a number; {AGAIN}")
        return value

    def tensor(self, name: str) -> NDArray[np.float32]:
        """One tensor, dequantised.

        Raises:
            CheckpointError: there is none of that name, or its type can't be dequantised.
        """
        import gguf

        if name not in self.entries:
            raise CheckpointError(f"{self.path} lacks the tensor {name}; {AGAIN}")
        entry = self.entries[name]
        rows = math.prod(entry.shape[:-1])
        raw = np.memmap(self.path, dtype=np.uint8, mode="r", offset=entry.start, shape=(rows, entry.bytes // rows))
        try:
            with np.errstate(all="ignore"):  # a hostile scale is not our business, a crash would be
                flat = gguf.quants.dequantize(np.asarray(raw), gguf.GGMLQuantizationType[entry.dtype])
        except NotImplementedError as error:
            raise CheckpointError(
                f"{self.path}: {shown(name)} has type {entry.dtype}, which is not read here"
            ) from error
        return np.asarray(flat, dtype=np.float32).reshape(entry.shape)


def read_gguf(path: Path) -> GgufFile:
    """Fields and tensor table of a GGUF file. Reads no tensor.

    Raises:
        CheckpointError: naming the field, the tensor or the limit, whatever the file's bytes are.
    """
    try:
        size = path.stat().st_size
        data = np.memmap(path, dtype=np.uint8, mode="r") if size else np.zeros(0, np.uint8)
    except OSError as error:
        raise CheckpointError(f"{path} can't be read: {error.strerror}") from error
    c = _Cursor(path, data)
    if c.take(4, "the magic") != b"GGUF":
        raise CheckpointError(f"{path} is no GGUF file: it begins with {shown(data[:4].tobytes())}")
    version = c.number("I", "the version")
    if version not in VERSIONS:
        raise CheckpointError(
            f"{path} has GGUF version {version}; read are {VERSIONS[0]} and {VERSIONS[1]}, little-endian"
        )
    tensors = c.count("the number of tensors", TENSORS_MOST, each=24)
    fields: dict[str, Any] = {}
    for _ in range(c.count("the number of fields", FIELDS_MOST, each=13)):
        key = c.text("a field's name", NAME_MOST)
        if key in fields:
            raise CheckpointError(f"{path} has the field {shown(key)} twice; {AGAIN}")
        fields[key] = c.value(f"the field {shown(key)}")
    alignment = fields.get("general.alignment", ALIGNMENT)
    if type(alignment) is not int or not 0 < alignment <= 1 << 16 or alignment & (alignment - 1):
        raise CheckpointError(f"{path}: general.alignment is {shown(alignment)}, not a power of two; {AGAIN}")
    found = [_entry(c, alignment) for _ in range(tensors)]
    first = -(-c.at // alignment) * alignment
    entries: dict[str, Entry] = {}
    for name, dtype, shape, offset, length in found:
        if name in entries:
            raise CheckpointError(f"{path} has the tensor {shown(name)} twice; {AGAIN}")
        entries[name] = Entry(name=name, dtype=dtype, shape=shape, start=first + offset, bytes=length)
    check_ranges(path, entries.values(), first=first, size=size)
    return GgufFile(path=path, fields=fields, entries=entries)


def _entry(c: _Cursor, alignment: int) -> tuple[str, str, tuple[int, ...], int, int]:
    """Name, type, shape, offset from where the tensors begin, and length in bytes."""
    import gguf

    name = c.text("a tensor's name", NAME_MOST)
    where = f"{c.path}: the tensor {shown(name)}"
    dimensions = c.number("I", where)
    if not 1 <= dimensions <= DIMENSIONS_MOST:
        raise CheckpointError(f"{where} has {dimensions} dimensions, not 1 to {DIMENSIONS_MOST}; {AGAIN}")
    sizes = [c.number("Q", where) for _ in range(dimensions)]
    kind, offset = c.number("I", where), c.number("Q", where)
    try:
        dtype = gguf.GGMLQuantizationType(kind)
        block, block_bytes = gguf.GGML_QUANT_SIZES[dtype]
    except (ValueError, KeyError) as error:
        raise CheckpointError(f"{where} has type {kind}, which no GGUF file has that we know") from error
    if min(sizes) < 1 or sizes[0] % block:
        raise CheckpointError(f"{where} has sizes {sizes}; rows of {dtype.name} come in blocks of {block}; {AGAIN}")
    if offset % alignment:
        raise CheckpointError(f"{where} begins at {offset}, no multiple of {alignment}; {AGAIN}")
    return name, dtype.name, tuple(sizes[::-1]), offset, math.prod(sizes) // block * block_bytes


class _Cursor:
    """Reads on from byte `at`, never past the end."""

    def __init__(self, path: Path, data: NDArray[np.uint8]) -> None:
        self.path, self.data, self.at = path, data, 0

    def take(self, n: int, what: str) -> bytes:
        left = len(self.data) - self.at
        if n > left:
            raise CheckpointError(f"{self.path} is cut off: {what} needs {n} bytes, {left} are left; {AGAIN}")
        self.at += n
        return self.data[self.at - n : self.at].tobytes()

    def number(self, letter: str, what: str) -> Any:
        return struct.unpack(f"<{letter}", self.take(struct.calcsize(f"<{letter}"), what))[0]

    def count(self, what: str, most: int, *, each: int) -> int:
        """A number of things that take at least `each` bytes."""
        n = int(self.number("Q", what))
        if n > most:
            raise CheckpointError(f"{self.path}: {what} is {n}, more than {most}; {AGAIN}")
        if n * each > len(self.data) - self.at:
            raise CheckpointError(f"{self.path} is cut off: {what} is {n}, the file ends before; {AGAIN}")
        return n

    def text(self, what: str, most: int | None = None) -> str:
        n = self.number("Q", what)
        if most is not None and n > most:
            raise CheckpointError(f"{self.path}: {what} has {n} bytes, more than {most}; {AGAIN}")
        try:
            return self.take(n, what).decode()
        except UnicodeDecodeError as error:
            raise CheckpointError(f"{self.path}: {what} is no UTF-8 text; {AGAIN}") from error

    def value(self, what: str) -> Any:
        kind = self.number("I", what)
        if kind != _ARRAY:
            return self._one(kind, what)
        kind = self.number("I", what)
        if kind == _TEXT:
            return [self.text(what) for _ in range(self.count(f"the length of {what}", ARRAY_MOST, each=8))]
        letter = self._letter(kind, what)  # arrays of arrays are in the format, but in no file of a language model
        n = self.count(f"the length of {what}", ARRAY_MOST, each=struct.calcsize(f"<{letter}"))
        return list(struct.unpack(f"<{n}{letter}", self.take(n * struct.calcsize(f"<{letter}"), what)))

    def _one(self, kind: int, what: str) -> Any:
        return self.text(what) if kind == _TEXT else self.number(self._letter(kind, what), what)

    def _letter(self, kind: int, what: str) -> str:
        letter = _SCALARS[kind] if kind < len(_SCALARS) else None
        if letter is None:
            raise CheckpointError(f"{self.path}: {what} is of type {kind}, which is not read here; {AGAIN}")
        return letter
