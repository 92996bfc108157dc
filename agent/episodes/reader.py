"""Reads episodes where they lie, ours and LeRobot's: by number, by seed, by frame and by window of frames."""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from agent.episodes.arrow import damage
from agent.episodes.groups import Groups
from agent.episodes.index import Entry, read_entries, read_tasks
from agent.episodes.language import spoken
from agent.episodes.layout import ACTION, STATE, TIME, Layout, camera_keys, layout_of, read_info
from agent.episodes.older import read_older_tasks
from agent.episodes.records import TRAIN_SEEDS, Episode, Facts, Frame, Picture, Question, Step, StepState, Window
from agent.episodes.video import Videos
from agent.errors import UserError
from robots.interface import Status

KEPT = 8
"""Groups of rows that are kept after they were read."""
UNKNOWN = Facts(
    seed=None, suite="", task="", split="", instruction="", phrasing="", expected="act", goal="", objects=(),
    success=None, planner="",
)  # fmt: skip
"""What is known of a stranger's episode, but for its instruction."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Dataset:
    """One dataset as it is described. tasks: the instructions by task_index."""

    folder: Path
    info: dict[str, Any]
    layout: Layout
    entries: list[Entry]
    tasks: list[str]

    @classmethod
    def open(cls, folder: Path) -> Dataset:
        """Reads `meta/`.

        Raises:
            UserError: what is missing, damaged or of another version, in one line.
        """
        info = read_info(folder)
        entries = read_entries(folder, info)
        older = str(info["codebase_version"]).startswith("v2")
        tasks = read_older_tasks(folder) if older else read_tasks(folder)
        return cls(folder=folder, info=info, layout=layout_of(info), entries=entries, tasks=tasks)


class EpisodeReader(Sequence[Episode]):
    """All episodes of one or several datasets, as if they were one.

    train: only for episodes whose seeds are training seeds, or that are no draws; any other is refused at once.
    """

    def __init__(self, *folders: Path | str, train: bool = False) -> None:
        self.datasets = [Dataset.open(Path(f)) for f in folders]
        self._entries = [(d, e) for d in self.datasets for e in d.entries]
        self._videos = Videos()
        self._tables: OrderedDict[Path, Groups] = OrderedDict()
        for dataset, entry in self._entries if train else ():
            seed = entry.facts.seed if entry.facts is not None else None
            if seed is not None and seed not in TRAIN_SEEDS:
                raise UserError(
                    f"{dataset.folder}: episode {entry.index} has seed {seed}, which is not for training (those are "
                    f"below {TRAIN_SEEDS.stop})"
                )

    def __len__(self) -> int:
        return len(self._entries)

    def __getitem__(self, index: int) -> Episode:  # type: ignore[override]
        facts = self.facts(index)
        return Episode(**vars(facts), steps=tuple(self.steps(index)))

    def __iter__(self) -> Iterator[Episode]:
        return (self[i] for i in range(len(self)))

    def close(self) -> None:
        """Closes the files that are open; they are opened again when they are needed."""
        self._videos.close()
        while self._tables:
            self._tables.popitem()[1].file.close()

    def entry(self, index: int) -> tuple[Dataset, Entry]:
        """Where episode `index` lies."""
        if not -len(self) <= index < len(self):
            raise IndexError(f"episode {index} of {len(self)}")
        return self._entries[index]

    def facts(self, index: int) -> Facts:
        """What is known of episode `index`, without a look at its files."""
        dataset, entry = self.entry(index)
        if entry.facts is not None:
            return entry.facts
        words = entry.instructions[0] if entry.instructions else ""
        return Facts(**{**vars(UNKNOWN), "instruction": words, "robot": dataset.layout.robot})

    def length(self, index: int) -> int:
        """How many frames episode `index` has."""
        return self.entry(index)[1].length

    def n_steps(self, index: int) -> int:
        """How many looks it has."""
        looks = self.entry(index)[1].looks
        return looks[1] if looks is not None else 0

    def of_seed(self, seed: int) -> list[int]:
        """The episodes that came from a seed."""
        return [i for i in range(len(self)) if self.facts(i).seed == seed]

    def steps(self, index: int) -> list[Step]:
        """The looks of episode `index`, their pictures still encoded."""
        _, entry = self.entry(index)
        if entry.looks is None:
            return []
        path, count = entry.looks
        groups = self._groups(path)
        with damage(path):
            return [_step(groups, i) for i in range(count)]

    def frame(self, index: int, number: int, *, pictures: bool = True) -> Frame:
        """Frame `number` of episode `index`."""
        w = self.window(index, number, number + 1, pictures=pictures)
        seen = {name: stack[0] for name, stack in w.pictures.items()}
        return Frame(
            time_s=float(w.time_s[0]), state=w.state[0], action=w.action[0], language=w.language[0], pictures=seen
        )

    def window(self, index: int, start: int, stop: int, *, pictures: bool = True) -> Window:
        """Frames `start` to `stop` of episode `index`.

        Raises:
            IndexError: it has no such frames.
            UserError: its files are missing or damaged.
        """
        dataset, entry = self.entry(index)
        if not 0 <= start < stop <= entry.length:
            raise IndexError(f"episode {index} has frames 0 to {entry.length - 1}, not {start} to {stop - 1}")
        groups = self._groups(entry.data)
        with damage(entry.data):
            rows = groups.rows(entry.row + start, entry.row + stop)
            first = int(rows["episode_index"][0])
            if first != entry.index:
                raise ValueError(f"episode {first} lies where episode {entry.index} should")
            keys = camera_keys(dataset.info) if pictures else {}
            seen = {n: np.stack([_decoded(v) for v in rows[key]]) for n, key in keys.items() if key not in entry.videos}
        fps = dataset.layout.fps
        for name, key in keys.items():
            if key in entry.videos:
                path, from_s = entry.videos[key]
                seen[name] = np.stack(self._videos.between(path, from_s + start / fps, stop - start, fps))
        with damage(entry.data):
            return Window(
                start=start, time_s=_times(rows), state=_matrix(rows.get(STATE), stop - start),
                action=_matrix(rows.get(ACTION), stop - start), language=spoken(rows, dataset.tasks, stop - start),
                pictures=seen,
            )  # fmt: skip

    def frames(self, index: int, *, pictures: bool = True, at_once: int = 32) -> Iterator[Frame]:
        """All frames of episode `index`, some held at once."""
        length = self.length(index)
        for start in range(0, length, at_once):
            w = self.window(index, start, min(start + at_once, length), pictures=pictures)
            for i in range(len(w)):
                yield Frame(
                    time_s=float(w.time_s[i]), state=w.state[i], action=w.action[i], language=w.language[i],
                    pictures={name: stack[i] for name, stack in w.pictures.items()},
                )  # fmt: skip

    def _groups(self, path: Path) -> Groups:
        if path not in self._tables:
            self._tables[path] = Groups(path)
            if len(self._tables) > KEPT:
                self._tables.popitem(last=False)[1].file.close()
        self._tables.move_to_end(path)
        return self._tables[path]


def _matrix(values: Any, count: int) -> NDArray[np.float32]:
    if values is None:
        return np.zeros((count, 0), np.float32)
    found = np.asarray(values, dtype=np.float32)
    return found.reshape(count, -1)


def _times(rows: dict[str, Any]) -> NDArray[np.float64]:
    return np.asarray(rows[TIME] if TIME in rows else rows["timestamp"], dtype=np.float64).reshape(-1)


def _decoded(value: Any) -> Picture:
    data = value["bytes"] if isinstance(value, dict) else value
    return decode(data)


def decode(data: bytes | None) -> Picture:
    """uint8[H,W,3] of an encoded picture; a ValueError where it does not decode."""
    bgr = cv2.imdecode(np.frombuffer(data or b"", np.uint8), cv2.IMREAD_COLOR) if data else None
    if bgr is None:
        raise ValueError("a picture does not decode")
    return np.ascontiguousarray(bgr[..., ::-1]).astype(np.uint8, copy=False)


def _step(groups: Groups, number: int) -> Step:
    row = {k: v[0] for k, v in groups.rows(number, number + 1).items()}
    data = row["picture"]
    x, y, z = (float(v) for v in row["tool_xyz_m"])
    return Step(
        picture=lambda: decode(data),
        state=StepState(
            arm_q_rad=tuple(float(q) for q in row["arm_q_rad"]), gripper_width_m=float(row["gripper_width_m"]),
            tool_xyz_m=(x, y, z), holding=bool(row["holding"]),
        ),
        plan=row["plan"], said=row["said"], call=row["call"], detail=row["detail"],
        marks=tuple((words, tuple((int(r), int(c)) for r, c in points)) for words, points in json.loads(row["marks"])),
        status=None if row["status"] is None else Status(row["status"]),
        start_s=float(row["start_s"]), end_s=float(row["end_s"]),
        questions=tuple(Question(kind=k, question=q, answer=a) for k, q, a in json.loads(row.get("questions") or "[]")),
    )  # fmt: skip
