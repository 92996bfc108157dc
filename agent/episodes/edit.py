"""Datasets out of datasets: some of the episodes of one or several, as they are, into another."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Sequence
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np

from agent.artifacts import disk_errors, to_json
from agent.episodes.arrow import OPTIONS, damage, open_table, pq
from agent.episodes.index import Entry
from agent.episodes.layout import Layout
from agent.episodes.reader import Dataset, EpisodeReader
from agent.episodes.take import FACTS, FRAMES, LOOKS_FILE, Take, frame_schema, staging
from agent.episodes.writer import EpisodeWriter
from agent.errors import UserError


def copy(reader: EpisodeReader, indices: Iterable[int], writer: EpisodeWriter) -> None:
    """Episodes `indices` of a reader to the end of a writer's dataset.

    What was recorded here goes over byte by byte; of strangers' episodes the frames are read and written again.
    """
    for index in indices:
        dataset, entry = reader.entry(index)
        own = bool(entry.files) and entry.stats is not None
        writer.adopt(_copied(dataset, entry, writer) if own else _recorded(reader, index, writer))


def chosen(
    reader: EpisodeReader,
    *,
    tasks: Sequence[str] | None = None,
    success: bool | None = None,
    seeds: str | None = None,
    episodes: str | None = None,
) -> list[int]:
    """The episodes that fit all that is given."""
    among = _numbers("episodes", episodes)
    drawn = _numbers("seeds", seeds)
    found = []
    for i in range(len(reader)):
        facts = reader.facts(i)
        if (
            (among is None or _within(i, among))
            and (drawn is None or (facts.seed is not None and _within(facts.seed, drawn)))
            and (tasks is None or facts.task in tasks)
            and (success is None or facts.success is success)
        ):
            found.append(i)
    if not found:
        there = sorted({reader.facts(i).task for i in range(len(reader))})
        raise UserError(f"none of the {len(reader)} episodes fits; their tasks are {', '.join(there)[:300]}")
    return found


def shares(count: int, parts: Sequence[float], seed: int) -> list[list[int]]:
    """0 to `count` - 1, drawn into parts of these shares, each in its order; every part has one at least."""
    wanted = [float(p) for p in parts]
    if len(wanted) < 2 or min(wanted) <= 0 or abs(sum(wanted) - 1) > 1e-6:
        raise UserError(f"parts={list(parts)}: give two or more shares that add up to 1, such as [0.9,0.1]")
    if count < len(wanted):
        raise UserError(f"{count} episodes make no {len(wanted)} parts")
    order = np.random.default_rng(seed).permutation(count)
    ends = np.round(np.cumsum(wanted) * count).astype(int)
    for i in range(len(ends)):  # one each at the least
        low, high = (int(ends[i - 1]) if i else 0) + 1, count - (len(ends) - 1 - i)
        ends[i] = min(max(int(ends[i]), low), high)
    return [sorted(int(v) for v in part) for part in np.split(order, ends[:-1])]


def _copied(dataset: Dataset, entry: Entry, writer: EpisodeWriter) -> Path:
    assert entry.facts is not None, "what was recorded here has its facts"
    assert entry.looks is not None, "... and its looks"
    folder = staging(writer.folder)
    with disk_errors(folder):
        folder.mkdir(parents=True)
        for there in entry.files:
            if not (dataset.folder / there.path).is_file():
                raise UserError(f"{dataset.folder / there.path} is missing; see palmetto data validate")
        names = frame_schema(dataset.layout).names
        source = open_table(entry.data)
        with (
            source,
            damage(entry.data),
            pq.ParquetWriter(folder / FRAMES, frame_schema(dataset.layout), **OPTIONS) as f,
        ):
            for group in range(source.num_row_groups):
                f.write_table(source.read_row_group(group, columns=names).select(names))
        shutil.copyfile(entry.looks[0], folder / LOOKS_FILE)
        for camera in dataset.layout.cameras:
            shutil.copyfile(entry.videos[camera.key][0], folder / f"{camera.name}.mp4")
        stats = {key: {k: np.ravel(v).tolist() for k, v in f.items()} for key, f in (entry.stats or {}).items()}
        content = {**vars(entry.facts), "length": entry.length, "looks": entry.looks[1], "stats": stats}
        (folder / FACTS).write_text(to_json({**content, "layout": asdict(dataset.layout)}))
    return folder


def _recorded(reader: EpisodeReader, index: int, writer: EpisodeWriter) -> Path:
    dataset, _ = reader.entry(index)
    layout: Layout = dataset.layout
    with Take(staging(writer.folder), layout) as take:
        for frame in reader.frames(index):
            take.frame(frame)
        return take.close(replace(reader.facts(index), robot=layout.robot))


def _numbers(option: str, given: str | None) -> list[range] | None:
    """`0:10,20` as ranges."""
    if given is None:
        return None
    found = []
    for part in str(given).strip("[]").split(","):
        low, colon, high = part.strip().partition(":")
        try:
            first = int(low or 0)
            found.append(range(first, int(high) if high else 2**62) if colon else range(first, first + 1))
        except ValueError as e:
            raise UserError(f"{option}={given}: write numbers and ranges, such as 0:10,25") from e
    return found


def _within(number: int, ranges: Sequence[range]) -> bool:
    return any(number in r for r in ranges)
