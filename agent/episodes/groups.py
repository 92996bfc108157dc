"""Rows of a parquet file by their numbers, read a group of rows at a time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from agent.episodes.arrow import damage, open_table


class Groups:
    """A parquet file whose groups of rows are read when they are asked for; the last one is kept."""

    def __init__(self, path: Path) -> None:
        self.file = open_table(path)
        with damage(path):
            counts = [self.file.metadata.row_group(i).num_rows for i in range(self.file.num_row_groups)]
        self.ends = np.cumsum(counts)
        self._kept: tuple[int, dict[str, Any]] | None = None

    def rows(self, start: int, stop: int) -> dict[str, Any]:
        """Columns of rows `start` to `stop`: numpy arrays of numbers, lists of anything else."""
        if not len(self.ends) or stop > self.ends[-1]:
            raise ValueError(f"it has {self.ends[-1] if len(self.ends) else 0} rows, and row {stop - 1} is wanted")
        parts = []
        while start < stop:
            group = int(np.searchsorted(self.ends, start, side="right"))
            columns, first = self._columns(group), int(self.ends[group - 1]) if group else 0
            end = min(stop, int(self.ends[group]))
            parts.append({k: v[start - first : end - first] for k, v in columns.items()})
            start = end
        if len(parts) == 1:
            return parts[0]
        return {
            k: np.concatenate([p[k] for p in parts])
            if isinstance(parts[0][k], np.ndarray)
            else [v for p in parts for v in p[k]]
            for k in parts[0]
        }

    def _columns(self, group: int) -> dict[str, Any]:
        if self._kept is None or self._kept[0] != group:
            table = self.file.read_row_group(group, use_threads=False)
            self._kept = group, {name: _column(table.column(name)) for name in table.column_names}
        return self._kept[1]


def _column(column: Any) -> Any:
    kind = column.type
    if _is_list_of_numbers(kind):
        flat = column.combine_chunks()
        flat = flat.chunk(0) if hasattr(flat, "chunk") else flat
        values = flat.flatten().to_numpy(zero_copy_only=False)
        if len(column) and len(values) % len(column) == 0:
            return values.reshape(len(column), -1)
        raise ValueError("rows of unequal lengths")
    if _is_number(kind):
        return column.to_numpy()
    return column.to_pylist()


def _is_number(kind: Any) -> bool:
    import pyarrow.types as t

    return bool(t.is_integer(kind) or t.is_floating(kind) or t.is_boolean(kind))


def _is_list_of_numbers(kind: Any) -> bool:
    import pyarrow.types as t

    return bool(
        (t.is_list(kind) or t.is_fixed_size_list(kind) or t.is_large_list(kind)) and _is_number(kind.value_type)
    )
