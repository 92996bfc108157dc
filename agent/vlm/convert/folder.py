"""A folder as its authors published it: config.json and safetensors, one file or several with an index.

Nothing is unpickled, and no header is believed before its numbers were held against the file.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from torch import Tensor

from agent.vlm.checkpoint import CheckpointError

SINGLE = "model.safetensors"
INDEX = "model.safetensors.index.json"
MAX_HEADER_BYTES = 100_000_000
"""The format's own limit."""


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object.

    Raises:
        CheckpointError: no such file, or something else in it.
    """
    try:
        data = json.loads(path.read_bytes())
    except OSError as error:
        raise CheckpointError(f"{path.parent} has no {path.name}") from error
    except (ValueError, RecursionError) as error:
        raise CheckpointError(f"{path} is no JSON: {error}") from error
    if not isinstance(data, dict):
        raise CheckpointError(f"{path} is no JSON object")
    return data


def check_header(path: Path) -> list[str]:
    """The names of a safetensors file's tensors, after its header was held against its length.

    Raises:
        CheckpointError: naming the tensor that the file ends in, or what is wrong with the header.
    """
    size = path.stat().st_size
    with open(path, "rb") as f:
        length = int.from_bytes(f.read(8), "little")
        if size < 8 or length > min(size - 8, MAX_HEADER_BYTES):
            raise CheckpointError(f"{path} is cut off or no safetensors: a header of {length} bytes in {size}")
        try:
            header = json.loads(f.read(length))
            ends = {name: int(t["data_offsets"][1]) for name, t in header.items() if name != "__metadata__"}
        except (ValueError, TypeError, KeyError, IndexError, AttributeError, RecursionError) as error:
            raise CheckpointError(f"{path} has no safetensors header: {error}") from error
    for name, end in sorted(ends.items(), key=lambda item: item[1]):
        if 8 + length + end > size:
            raise CheckpointError(f"{path} ends inside the tensor {name}: {8 + length + end} bytes told, {size} there")
    return list(ends)


class Tensors(Mapping[str, Tensor]):
    """All tensors of a folder by their authors' names, each read when it is asked for."""

    def __init__(self, folder: Path) -> None:
        """Raises CheckpointError: no safetensors there, a file that is torn, or an index that does not fit."""
        self.folder = folder
        self._file = _files(folder)
        self._open: dict[Path, Any] = {}

    def __iter__(self) -> Iterator[str]:
        return iter(self._file)

    def __len__(self) -> int:
        return len(self._file)

    def __getitem__(self, name: str) -> Tensor:
        path = self._file[name]
        try:
            if path not in self._open:
                self._open[path] = safe_open(str(path), framework="pt")
            tensor: Tensor = self._open[path].get_tensor(name)
        except SafetensorError as error:
            raise CheckpointError(f"{path}: the tensor {name} does not load: {error}") from error
        return tensor


def _files(folder: Path) -> dict[str, Path]:
    if (folder / SINGLE).is_file():
        return dict.fromkeys(check_header(folder / SINGLE), folder / SINGLE)
    if not (folder / INDEX).is_file():
        pickled = sorted(p.name for p in folder.glob("*.bin"))
        hint = f"; {pickled[0]} is a pickle, and those are never read" if pickled else ""
        raise CheckpointError(f"{folder} has neither {SINGLE} nor {INDEX}{hint}")
    where = read_json(folder / INDEX).get("weight_map")
    if not isinstance(where, dict):
        raise CheckpointError(f"{folder / INDEX} has no weight_map")
    out: dict[str, Path] = {}
    for file in sorted({str(f) for f in where.values()}):
        if Path(file).name != file or not (folder / file).is_file():
            raise CheckpointError(f"{folder / INDEX} names {file}, which is not there")
        out.update(dict.fromkeys(check_header(folder / file), folder / file))
    for name in where:
        if name not in out or out[name].name != where[name]:
            raise CheckpointError(f"{folder / INDEX} has the tensor {name} in {where[name]}, where it is not")
    return out
