"""Takes episodes into a dataset, one after another: a crash at any moment costs the episode in hand and no other."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np

from agent.artifacts import disk_errors, replacing, sync_folder
from agent.episodes.arrow import OPTIONS, damage, open_table, pa, pq, write_table
from agent.episodes.index import (
    STATS,
    TASKS,
    episode_schema,
    mark,
    meta_path,
    place,
    read_entries,
    read_tasks,
    row_of,
    write_stats,
    write_tasks,
)
from agent.episodes.layout import (
    ACTION,
    DATA_PATH,
    INFO,
    LOOKS_PATH,
    STATE,
    TIME,
    VIDEO_PATH,
    Layout,
    layout_of,
    read_info,
    write_info,
)
from agent.episodes.lock import locked
from agent.episodes.records import Episode, Facts, Frame, Language
from agent.episodes.take import FACTS, FRAMES, LOOKS_FILE, STAGING, Take, cameras_of, staging
from agent.episodes.tally import Tally
from agent.errors import UserError


class EpisodeWriter:
    """Appends to the dataset in `folder`, or begins one of this `layout`; one process at a time: it is locked.

    An episode is recorded into files of its own (`begin`), anywhere, and then taken in (`save`, `adopt`): its files get
    their names, and then its row goes into meta/episodes. Whatever has no row is no part of the dataset, and is removed
    when it is opened for writing the next time (`dropped`: in words, "" if nothing).

    layout: None for that of the dataset, or, of a new one, for what the first episode that is appended shows.
    """

    def __init__(self, folder: Path | str, layout: Layout | None = None) -> None:
        self.folder = Path(folder)
        self.layout = layout
        self.episodes = self.frames = 0
        self._counted = True
        self._stats: dict[str, Tally] = {}
        self._tasks: dict[str, int] = {}
        self._rows: list[dict[str, Any]] = []
        self._meta: dict[str, int] = {}
        self.dropped = ""
        with disk_errors(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
            self._lock = locked(self.folder)
        try:
            self._open(layout)
        except BaseException:
            self._lock.close()
            raise

    def begin(self) -> Take:
        """An episode to be recorded, in this process."""
        if self.layout is None:
            raise UserError(f"{self.folder}: a new dataset needs a layout before frames are recorded")
        return Take(staging(self.folder), self.layout)

    def save(self, take: Take, facts: Facts) -> int:
        """Ends a take and takes it in; it is safe on the disk when its number is returned."""
        return self.adopt(take.close(facts))

    def append(self, episode: Episode) -> int:
        """An episode of looks alone: each of them is a frame, too."""
        if self.layout is None:
            if not episode.steps:
                raise UserError("an episode without a step can't be saved")
            self._begin(_layout_of_steps(episode))
        with self.begin() as take:
            if [c.name for c in take.layout.cameras] != ["front"]:
                raise UserError(f"{self.folder} holds more than looks: record with begin() and save() instead")
            for number, step in enumerate(episode.steps):
                take.look(step, frame=number)
                then = episode.steps[min(number + 1, len(episode.steps) - 1)].state
                words = Language(instruction=episode.instruction, plan=step.plan, subtask=step.call)
                take.frame(
                    Frame(
                        time_s=step.start_s if step.call or not number else episode.steps[number - 1].end_s,
                        state=_numbers(step.state), action=_numbers(then)[:-4], language=words,
                        pictures={"front": step.rgb},
                    )
                )  # fmt: skip
            return self.save(take, episode)

    def adopt(self, staged: Path) -> int:
        """Takes in what a take has left in `staged`, and removes it from there; returns the episode's number.

        Raises:
            UserError: the take is of another layout, or was not closed.
        """
        with damage(staged / FACTS):
            content = json.loads((staged / FACTS).read_bytes())
            layout = Layout.read(content.pop("layout"))
        if self.layout is None:
            self._begin(layout)
        assert self.layout is not None
        if difference := self.layout.same(layout):
            raise UserError(f"{self.folder} holds other episodes: {difference}; give another out=DIR")
        number, first = self.episodes, self.frames
        names = {"data": DATA_PATH.format(**place(number)), "looks": LOOKS_PATH.format(**place(number))}
        videos = {c.name: VIDEO_PATH.format(video_key=c.key, **place(number)) for c in self.layout.cameras}
        with disk_errors(self.folder):
            self._note_task(content["instruction"])
            task = self._tasks[content["instruction"]]
            self._frames_with_index(staged / FRAMES, self.folder / names["data"], number, first, task)
            for source, name in ((LOOKS_FILE, names["looks"]), *((f"{c}.mp4", n) for c, n in videos.items())):
                target = self.folder / name
                target.parent.mkdir(parents=True, exist_ok=True)
                os.replace(staged / source, target)
                sync_folder(target.parent)
            files = [mark(self.folder, name) for name in (*names.values(), *videos.values())]
            self._commit(row_of(self.layout, number, first, content, files))
        for key, figures in content["stats"].items():
            self._stats[key].merge(figures)
        self.episodes, self.frames = number + 1, first + content["length"]
        self._describe()
        shutil.rmtree(staged, ignore_errors=True)
        self._counted = False
        return number

    def close(self) -> None:
        """May be called twice."""
        if self._lock.closed:
            return
        try:
            if not self._counted:
                self._count()
                self._describe()
        finally:
            shutil.rmtree(self.folder / STAGING, ignore_errors=True)
            self._lock.close()

    def __enter__(self) -> EpisodeWriter:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _open(self, layout: Layout | None) -> None:
        if not (self.folder / INFO).exists():
            if layout is not None:
                self._begin(layout)
            return
        info = read_info(self.folder)
        if "palmetto" not in info:
            raise UserError(f"{self.folder} was not recorded here: palmetto data merge data={self.folder} copies it")
        there = layout_of(info)
        if layout is not None and (difference := there.same(layout)):
            raise UserError(f"{self.folder} holds other episodes: {difference}; give another out=DIR")
        self.layout = there
        self._stats = _tallies(there)
        entries = read_entries(self.folder, info)
        self.episodes, self.frames = len(entries), sum(e.length for e in entries)
        self._tasks = {words: i for i, words in enumerate(read_tasks(self.folder))} if self._has(TASKS) else {}
        for entry in entries:
            for key, figures in (entry.stats or {}).items():
                self._stats[key].merge(figures)
        self._repair(there)
        self._same_columns(there)
        last = self.folder / meta_path(self.episodes)
        if last.exists():
            with damage(last):
                self._rows = open_table(last).read().to_pylist()
        for path in [self.folder / TASKS, *(self.folder / "meta/episodes").glob("chunk-*/file-*.parquet")]:
            if path.exists():
                self._note(path.relative_to(self.folder).as_posix())
        self._count()
        self._describe()

    def _begin(self, layout: Layout) -> None:
        self.layout, self._stats = layout, _tallies(layout)
        with disk_errors(self.folder):
            write_tasks(self.folder, [])
            self._note(TASKS)
            self._count()
            self._describe()

    def _has(self, name: str) -> bool:
        return (self.folder / name).exists()

    def _note(self, name: str) -> None:
        """What a file of meta/ is now."""
        self._meta[name] = mark(self.folder, name).crc32

    def _note_task(self, words: str) -> None:
        if words not in self._tasks:
            self._tasks[words] = len(self._tasks)
            write_tasks(self.folder, list(self._tasks))
            self._note(TASKS)

    def _describe(self) -> None:
        assert self.layout is not None
        write_info(
            self.folder, self.layout, episodes=self.episodes, frames=self.frames, tasks=len(self._tasks),
            files=self._meta,
        )  # fmt: skip

    def _count(self) -> None:
        """stats.json, from what the rows say: written when the dataset is opened and closed, not with each episode."""
        write_stats(self.folder, {key: tally.figures() for key, tally in self._stats.items()})
        self._note(STATS)
        self._counted = True

    def _commit(self, row: dict[str, Any]) -> None:
        """From here on the episode is there: the file is replaced whole."""
        assert self.layout is not None
        path = self.folder / meta_path(row["episode_index"])
        rows = [*self._rows, row] if path.exists() else [row]
        write_table(path, pa.Table.from_pylist(rows, schema=episode_schema(self.layout)))
        self._rows = rows
        self._note(meta_path(row["episode_index"]))

    def _frames_with_index(self, source: Path, target: Path, number: int, first: int, task: int) -> None:
        """Group by group, whatever the length."""
        file = open_table(source)
        with file, damage(source), replacing(target) as temporary:
            writer = None
            at = first
            for group in range(file.num_row_groups):
                table = file.read_row_group(group)
                n = len(table)
                for key, values in (
                    ("episode_index", np.full(n, number)), ("index", np.arange(at, at + n)),
                    ("task_index", np.full(n, task)),
                ):  # fmt: skip
                    table = table.append_column(key, pa.array(values, pa.int64()))
                writer = writer or pq.ParquetWriter(temporary, table.schema, **OPTIONS)
                writer.write_table(table)
                at += n
            assert writer is not None, "a take has at least one frame"
            writer.close()

    def _same_columns(self, layout: Layout) -> None:
        """Rows of an earlier version get the columns of this one: others read all files of meta/episodes as one."""
        schema = episode_schema(layout)
        for path in sorted((self.folder / "meta/episodes").glob("chunk-*/file-*.parquet")):
            with damage(path):
                table = open_table(path).read()
            if table.schema.names != schema.names:
                write_table(path, pa.Table.from_pylist(table.to_pylist(), schema=schema))

    def _repair(self, layout: Layout) -> None:
        """Removes what has no row: the files of an episode that was not taken in to its end."""
        lost = []
        at = place(self.episodes)
        videos = [VIDEO_PATH.format(video_key=c.key, **at) for c in layout.cameras]
        for name in (DATA_PATH.format(**at), LOOKS_PATH.format(**at), *videos):
            if self._has(name):
                (self.folder / name).unlink()
                lost.append(name)
        for path in self.folder.glob("**/.*.part*"):
            path.unlink()
        staged = self.folder / STAGING
        takes = sorted(staged.iterdir()) if staged.is_dir() else []
        shutil.rmtree(staged, ignore_errors=True)
        if lost or takes:
            n = max(len(takes), 1)
            self.dropped = f"{self.folder}: dropped {n} episode{'s' * (n > 1)} whose recording was cut off"


def _tallies(layout: Layout) -> dict[str, Tally]:
    numbers = {STATE: Tally(len(layout.state)), ACTION: Tally(len(layout.action)), TIME: Tally(1)}
    return numbers | {c.key: Tally(3) for c in layout.cameras}


def _layout_of_steps(episode: Episode) -> Layout:
    first = episode.steps[0]
    joints = tuple(f"joint{i + 1}_rad" for i in range(len(first.state.arm_q_rad)))
    tool = ("tool_x_m", "tool_y_m", "tool_z_m")
    return Layout(
        robot=episode.robot, fps=1.0, cameras=cameras_of({"front": first.rgb}),
        state=(*joints, "gripper_width_m", *tool, "holding"), action=(*joints, "gripper_width_m"),
    )  # fmt: skip


def _numbers(state: Any) -> Any:
    return np.array([*state.arm_q_rad, state.gripper_width_m, *state.tool_xyz_m, state.holding], dtype=np.float32)
