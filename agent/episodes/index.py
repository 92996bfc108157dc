"""`meta/`: which episodes there are, where their files lie, and what is known of each. Read from LeRobot 2.1 and 3."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from agent.artifacts import write_json
from agent.episodes.arrow import damage, pa, read_table, write_table
from agent.episodes.layout import (
    ACTION,
    DATA_PATH,
    EPISODES_PATH,
    LOOKS_PATH,
    STATE,
    TIME,
    VIDEO_PATH,
    Layout,
)
from agent.episodes.records import Facts
from agent.errors import UserError

TASKS = "meta/tasks.parquet"
STATS = "meta/stats.json"
PER_FILE = 100
"""Episodes of one file of meta/episodes: what is written anew, whole, with each episode."""
_FACT = "episode/"
_JSON = ("objects", "said", "relabelled_plans")


@dataclass(frozen=True, kw_only=True)
class FileMark:
    """A file of an episode as it was written: its path in the dataset, bytes, and crc32 of them."""

    path: str
    bytes: int
    crc32: int


def mark(folder: Path, name: str) -> FileMark:
    """The file as it is now."""
    size = crc = 0
    with open(folder / name, "rb") as f:
        while block := f.read(1 << 20):
            size, crc = size + len(block), zlib.crc32(block, crc)
    return FileMark(path=name, bytes=size, crc32=crc)


@dataclass(frozen=True, kw_only=True, eq=False)
class Entry:
    """One episode of a dataset. row: of its first frame in `data`. videos: by key, the file and where in it it begins.

    looks: the file of its looks, and how many; None of strangers' episodes. files: none of strangers'.
    """

    index: int
    length: int
    from_index: int
    data: Path
    row: int
    videos: dict[str, tuple[Path, float]]
    instructions: tuple[str, ...]
    facts: Facts | None = None
    looks: tuple[Path, int] | None = None
    files: tuple[FileMark, ...] = ()
    stats: dict[str, dict[str, Any]] | None = None


def place(number: int, per_chunk: int = 1000) -> dict[str, int]:
    """chunk_index and file_index of file `number`."""
    return {"chunk_index": number // per_chunk, "file_index": number % per_chunk}


def meta_path(number: int) -> str:
    """The file of meta/episodes that holds episode `number`."""
    return EPISODES_PATH.format(**place(number // PER_FILE))


def episode_schema(layout: Layout) -> Any:
    """Of meta/episodes."""
    columns: list[tuple[str, Any]] = [
        ("episode_index", pa.int64()), ("tasks", pa.list_(pa.string())), ("length", pa.int64()),
        ("data/chunk_index", pa.int64()), ("data/file_index", pa.int64()),
        ("dataset_from_index", pa.int64()), ("dataset_to_index", pa.int64()),
    ]  # fmt: skip
    for c in layout.cameras:
        columns += [(f"videos/{c.key}/{k}", pa.int64()) for k in ("chunk_index", "file_index")]
        columns += [(f"videos/{c.key}/{k}", pa.float64()) for k in ("from_timestamp", "to_timestamp")]
    columns += [("meta/episodes/chunk_index", pa.int64()), ("meta/episodes/file_index", pa.int64())]
    for key in (STATE, ACTION, TIME, *(c.key for c in layout.cameras)):
        one = pa.list_(pa.float64())
        kind = pa.list_(pa.list_(one)) if key.startswith("observation.images.") else one
        columns += [(f"stats/{key}/{k}", kind) for k in ("min", "max", "mean", "std")]
        columns.append((f"stats/{key}/count", pa.list_(pa.int64())))
    columns += [("looks/chunk_index", pa.int64()), ("looks/file_index", pa.int64()), ("looks/length", pa.int64())]
    kinds = {"seed": pa.int64(), "success": pa.bool_()}
    columns += [(_FACT + f.name, kinds.get(f.name, pa.string())) for f in fields(Facts)]
    columns.append(("files", pa.string()))
    return pa.schema(columns)


def row_of(
    layout: Layout, number: int, first: int, content: dict[str, Any], files: Iterable[FileMark]
) -> dict[str, Any]:
    """The row of meta/episodes of an episode whose take said `content`."""
    where, length = place(number), content["length"]
    row: dict[str, Any] = {
        "episode_index": number, "tasks": [content["instruction"]], "length": length,
        **{f"data/{k}": v for k, v in where.items()}, "dataset_from_index": first, "dataset_to_index": first + length,
        **{f"meta/episodes/{k}": v for k, v in place(number // PER_FILE).items()},
        **{f"looks/{k}": v for k, v in where.items()}, "looks/length": content["looks"],
        "files": json.dumps([vars(f) for f in files]),
    }  # fmt: skip
    for c in layout.cameras:
        row |= {f"videos/{c.key}/{k}": v for k, v in where.items()}
        row |= {f"videos/{c.key}/from_timestamp": 0.0, f"videos/{c.key}/to_timestamp": length / layout.fps}
    for key, figures in content["stats"].items():
        for name, value in figures.items():
            nested = key.startswith("observation.images.") and name != "count"
            row[f"stats/{key}/{name}"] = [[[v]] for v in value] if nested else value
    for f in fields(Facts):
        value = content[f.name]
        row[_FACT + f.name] = json.dumps(value) if f.name in _JSON else value
    return row


def read_entries(folder: Path, info: dict[str, Any]) -> list[Entry]:
    """All episodes of a dataset.

    Raises:
        UserError: a file of meta/ that is missing or damaged, or episodes that are not numbered from 0 on.
    """
    if str(info["codebase_version"]).startswith("v2"):
        from agent.episodes.older import read_older

        entries = read_older(folder, info)
    else:
        rows: list[dict[str, Any]] = []
        for path in sorted((folder / "meta/episodes").glob("chunk-*/file-*.parquet")):
            table = read_table(path)
            with damage(path):
                rows += table.to_pylist()
        with damage(folder / "meta/episodes"):
            entries = _entries(folder, info, rows)
    wrong = next((i for i, e in enumerate(entries) if e.index != i), None)
    if wrong is not None:
        raise UserError(f"{folder}/meta: episode {wrong} is missing (there is {entries[wrong].index} in its place)")
    return entries


def _entries(folder: Path, info: dict[str, Any], rows: list[dict[str, Any]]) -> list[Entry]:
    keys = [k for k, f in info["features"].items() if f["dtype"] == "video"]
    data_path, video_path = info.get("data_path") or DATA_PATH, info.get("video_path") or VIDEO_PATH
    entries, seen = [], dict[Path, int]()
    for row in sorted(rows, key=lambda r: int(r["episode_index"])):
        where = {k: int(row[f"data/{k}"]) for k in ("chunk_index", "file_index")}
        data = folder / data_path.format(**where)
        length = int(row["length"])
        videos = {}
        for key in keys:
            at = {k: int(row[f"videos/{key}/{k}"]) for k in ("chunk_index", "file_index")}
            path = folder / video_path.format(video_key=key, **at)
            videos[key] = (path, float(row[f"videos/{key}/from_timestamp"]))
        looks = None
        if "looks/length" in row:
            at = {k: int(row[f"looks/{k}"]) for k in ("chunk_index", "file_index")}
            looks = (folder / LOOKS_PATH.format(**at), int(row["looks/length"]))
        stats: dict[str, dict[str, Any]] = {}
        for column, value in row.items():
            if column.startswith("stats/") and value is not None:
                key, _, name = column.removeprefix("stats/").rpartition("/")
                stats.setdefault(key, {})[name] = value
        entries.append(
            Entry(
                index=int(row["episode_index"]), length=length, from_index=int(row["dataset_from_index"]), data=data,
                row=seen.get(data, 0), videos=videos, instructions=tuple(row.get("tasks") or ()), facts=_facts(row),
                looks=looks, files=tuple(FileMark(**f) for f in json.loads(row.get("files") or "[]")), stats=stats,
            )
        )  # fmt: skip
        seen[data] = seen.get(data, 0) + length
    return entries


def _facts(row: dict[str, Any]) -> Facts | None:
    if _FACT + "suite" not in row:
        return None
    given = {f.name: row.get(_FACT + f.name) for f in fields(Facts)}
    given["objects"] = tuple(json.loads(given["objects"] or "[]"))
    given["said"] = tuple((a, b) for a, b in json.loads(given["said"] or "[]"))
    for name in ("relabelled", "relabelled_goal"):  # episodes that were recorded before there was such a column
        given[name] = given[name] or ""
    plans = json.loads(given["relabelled_plans"] or "[]")
    given["relabelled_plans"] = tuple((int(look), str(plan)) for look, plan in plans)
    return Facts(**given)  # type: ignore[arg-type]


def read_tasks(folder: Path) -> list[str]:
    """The instructions of a dataset of LeRobot 3, by task_index."""
    path = folder / TASKS
    if not path.exists():
        raise UserError(f"{path} is missing; restore it")
    table = read_table(path)
    with damage(path):
        rows = table.to_pydict()
        index = [int(i) for i in rows.pop("task_index")]
        (words,) = (v for v in rows.values() if all(isinstance(w, str) for w in v))
        if sorted(index) != list(range(len(index))):
            raise ValueError(f"task_index is not 0 to {len(index) - 1}")
    return [w for _, w in sorted(zip(index, words, strict=True))]


def write_tasks(folder: Path, tasks: list[str]) -> None:
    """`meta/tasks.parquet`, as pandas reads it: the words are its index."""
    name = "__index_level_0__"
    described = {
        "index_columns": [name], "column_indexes": [], "pandas_version": "2.2.0",
        "columns": [
            {"name": "task_index", "field_name": "task_index", "pandas_type": "int64", "numpy_type": "int64",
             "metadata": None},
            {"name": None, "field_name": name, "pandas_type": "unicode", "numpy_type": "object", "metadata": None},
        ],
    }  # fmt: skip
    table = pa.table({"task_index": pa.array(range(len(tasks)), pa.int64()), name: pa.array(tasks, pa.string())})
    write_table(folder / TASKS, table.replace_schema_metadata({b"pandas": json.dumps(described).encode()}))


def write_stats(folder: Path, stats: dict[str, dict[str, list[float]]]) -> None:
    """`meta/stats.json`; pictures' figures as LeRobot has them, float[3,1,1]."""
    shaped = {
        key: {
            name: [[[v]] for v in value] if key.startswith("observation.images.") and name != "count" else value
            for name, value in figures.items()
        }
        for key, figures in stats.items()
    }
    write_json(folder / STATS, shaped)
