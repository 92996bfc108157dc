"""LeRobot 2.0 and 2.1: one parquet file and one video of each camera an episode, lists in lines of JSON."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from agent.episodes.arrow import damage
from agent.episodes.index import Entry
from agent.errors import UserError

EPISODES, TASKS = "meta/episodes.jsonl", "meta/tasks.jsonl"
DATA_PATH = "data/chunk-{episode_chunk:03d}/episode_{episode_index:06d}.parquet"
VIDEO_PATH = "videos/chunk-{episode_chunk:03d}/{video_key}/episode_{episode_index:06d}.mp4"


def read_older(folder: Path, info: dict[str, Any]) -> list[Entry]:
    """All episodes of such a dataset."""
    data_path, video_path = info.get("data_path") or DATA_PATH, info.get("video_path") or VIDEO_PATH
    size = int(info.get("chunks_size") or 1000)
    keys = [k for k, f in info["features"].items() if f["dtype"] == "video"]
    entries, first = [], 0
    for line in lines(folder / EPISODES):
        with damage(folder / EPISODES):
            number, length = int(line["episode_index"]), int(line["length"])
            where = {"episode_chunk": number // size, "episode_index": number}
            videos = {k: (folder / video_path.format(video_key=k, **where), 0.0) for k in keys}
            tasks = tuple(map(str, line.get("tasks", ())))
        entries.append(
            Entry(
                index=number, length=length, from_index=first, data=folder / data_path.format(**where), row=0,
                videos=videos, instructions=tasks,
            )
        )  # fmt: skip
        first += length
    return sorted(entries, key=lambda e: e.index)


def read_older_tasks(folder: Path) -> list[str]:
    """The instructions by task_index."""
    found = {int(t["task_index"]): str(t["task"]) for t in lines(folder / TASKS)}
    if sorted(found) != list(range(len(found))):
        raise UserError(f"{folder / TASKS} is damaged: task_index is not 0 to {len(found) - 1}")
    return [found[i] for i in range(len(found))]


def lines(path: Path) -> list[dict[str, Any]]:
    """The objects of a file of JSON lines.

    Raises:
        UserError: it is missing, or a line is no JSON.
    """
    if not path.is_file():
        raise UserError(f"{path} is missing; restore it")
    found = []
    for number, line in enumerate(path.read_bytes().splitlines(), 1):
        if line.strip():
            try:
                found.append(dict(json.loads(line)))
            except (ValueError, TypeError) as e:
                raise UserError(f"{path}, line {number} is damaged: {e}") from e
    return found
