"""pyarrow, where it is installed: what parquet is read and written with. Damage is one line that names the file."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from agent.artifacts import replacing
from agent.errors import UserError

try:
    import pyarrow as pa
    import pyarrow.parquet as pq
except ImportError as e:  # pragma: no cover - the light install
    raise UserError("episodes need pyarrow, which is not installed: pip install 'palmetto[data]'") from e

__all__ = ["damage", "open_table", "pa", "pq", "read_table", "write_table"]

OPTIONS: dict[str, Any] = {"compression": "zstd", "write_page_checksum": True}


@contextmanager
def damage(path: Path) -> Iterator[None]:
    """Whatever goes wrong while `path` is read becomes one line that names it.

    Raises:
        UserError: the file is missing or damaged.
    """
    try:
        yield
    except FileNotFoundError as e:
        raise UserError(f"{path} is missing; restore it, or leave its episodes out with palmetto data filter") from e
    except (pa.ArrowException, OSError, KeyError, IndexError, ValueError, TypeError) as e:
        raise UserError(f"{path} is damaged: {type(e).__name__} {str(e)[:200]}") from e


def open_table(path: Path) -> Any:
    """A parquet file open for reading, its pages checked as they are read."""
    with damage(path):
        return pq.ParquetFile(path, page_checksum_verification=True)


def read_table(path: Path, columns: list[str] | None = None) -> Any:
    """A whole parquet file; of `columns` those that it has."""
    file = open_table(path)
    with file, damage(path):
        there = None if columns is None else [c for c in columns if c in file.schema_arrow.names]
        return file.read(columns=there)


def write_table(path: Path, table: Any) -> None:
    """Whole or not at all."""
    with replacing(path) as temporary:
        pq.write_table(table, temporary, **OPTIONS)


def sync(path: Path) -> None:
    """What was written under this name is on the disk when this returns."""
    fd = os.open(path, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
