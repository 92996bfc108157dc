"""One episode while it is recorded: frames and looks go to files of their own as they come, in a folder of their own.

Nothing of it belongs to the dataset until `EpisodeWriter.adopt` has taken it in; so any process may record beside any
other.
"""

from __future__ import annotations

import json
import shutil
import uuid
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from agent.artifacts import disk_errors, to_json
from agent.episodes.arrow import OPTIONS, pa, pq, sync
from agent.episodes.layout import ACTION, LANGUAGE, STATE, TIME, Camera, Layout
from agent.episodes.records import Facts, Frame, Picture, Step
from agent.episodes.tally import Tally
from agent.episodes.video import VideoWriter
from agent.errors import PalmettoError, UserError

ROWS = 256
"""Frames that are held in memory, and that lie together in a file."""
LOOKS = 8
"""Looks that are held in memory, and that lie together in a file."""
IMAGES_EVERY = 10
"""Of so many frames, one counts for the statistics of pictures."""
STAGING = ".staging"
FACTS = "facts.json"
FRAMES, LOOKS_FILE = "frames.parquet", "looks.parquet"

LOOK_SCHEMA = pa.schema(
    [
        ("frame_index", pa.int64()), ("picture", pa.binary()), ("arm_q_rad", pa.list_(pa.float64())),
        ("gripper_width_m", pa.float64()), ("tool_xyz_m", pa.list_(pa.float64())), ("holding", pa.bool_()),
        ("plan", pa.string()), ("said", pa.string()), ("marks", pa.string()), ("call", pa.string()),
        ("status", pa.string()), ("detail", pa.string()), ("start_s", pa.float64()), ("end_s", pa.float64()),
        ("questions", pa.string()),
    ]
)  # fmt: skip


def frame_schema(layout: Layout) -> Any:
    """Of the frames of a take: those of the dataset, but for where it will stand in it."""
    return pa.schema(
        [
            (STATE, pa.list_(pa.float32(), len(layout.state))), (ACTION, pa.list_(pa.float32(), len(layout.action))),
            (TIME, pa.float64()), *((key, pa.string()) for key in LANGUAGE), ("next.done", pa.bool_()),
            ("timestamp", pa.float32()), ("frame_index", pa.int64()),
        ]
    )  # fmt: skip


def staging(folder: Path) -> Path:
    """A folder for a take of the dataset in `folder`, on the same disk, that nobody else has."""
    return folder / STAGING / uuid.uuid4().hex


class Take:
    """Records into `folder`, which is made. A context manager: what was not closed when the block ends is dropped."""

    def __init__(self, folder: Path, layout: Layout) -> None:
        self.folder, self.layout = folder, layout
        self.frames = self.looks = 0
        self._rows: list[Frame] = []
        self._steps: list[tuple[int, Step]] = []
        self._stats = {STATE: Tally(len(layout.state)), ACTION: Tally(len(layout.action)), TIME: Tally(1)}
        self._stats |= {c.key: Tally(3) for c in layout.cameras}
        self._last_s = -np.inf
        self._closed = False
        with disk_errors(folder):
            folder.mkdir(parents=True)
            self._schema = frame_schema(layout)
            self._frame_file = pq.ParquetWriter(folder / FRAMES, self._schema, **OPTIONS)
            self._look_file = pq.ParquetWriter(folder / LOOKS_FILE, LOOK_SCHEMA, **OPTIONS)
        self._videos = {
            c.name: VideoWriter(folder / f"{c.name}.mp4", layout.fps, c.height, c.width) for c in layout.cameras
        }

    def frame(self, frame: Frame) -> None:
        """The next frame.

        Raises:
            UserError: its numbers or pictures are not those of the layout, or not finite; the take is as it was.
        """
        state, action = (np.asarray(v, dtype=np.float32) for v in (frame.state, frame.action))
        for what, given, names in (("state", state, self.layout.state), ("action", action, self.layout.action)):
            if given.shape != (len(names),):
                raise UserError(f"frame {self.frames}: {what} has the shape {given.shape}; its names are {len(names)}")
            if not np.isfinite(given).all():
                bad = names[int(np.flatnonzero(~np.isfinite(given))[0])]
                raise UserError(f"frame {self.frames}: {bad} of {what} is not a number")
        if not np.isfinite(frame.time_s) or frame.time_s < self._last_s:
            raise UserError(f"frame {self.frames}: time {frame.time_s} s is no number or before the frame before it")
        self._check(frame.pictures)
        for c in self.layout.cameras:
            rgb = frame.pictures[c.name]
            self._videos[c.name].add(rgb)
            if self.frames % IMAGES_EVERY == 0:
                self._stats[c.key].add(rgb[::4, ::4].reshape(-1, 3) / 255.0)
        self._rows.append(replace(frame, state=state, action=action, pictures={}))
        self._last_s = frame.time_s
        self.frames += 1
        if len(self._rows) > ROWS:  # one is kept, since the last frame of an episode says that it is
            self._write_rows(self._rows[:ROWS], done=False)

    def look(self, step: Step, *, frame: int) -> None:
        """The next moment of decision, with what came of it, and the frame that was the last one then."""
        self._steps.append((frame, replace(step, picture=_kept(step.rgb))))
        self.looks += 1
        if len(self._steps) == LOOKS:
            self._write_steps()

    def close(self, facts: Facts) -> Path:
        """Everything is on the disk when this returns: the folder for `EpisodeWriter.adopt`.

        Raises:
            UserError: nothing was recorded.
        """
        if not self.frames:
            raise UserError("an episode without a frame can't be saved")
        with disk_errors(self.folder):
            self._write_rows(self._rows, done=True)
            self._write_steps()
            self._end()
            for path in self.folder.iterdir():
                if path.name != FRAMES:  # those are written anew when they are taken in
                    sync(path)
        stats = {key: tally.figures() for key, tally in self._stats.items()}
        content = {
            **vars(facts),
            "length": self.frames,
            "looks": self.looks,
            "stats": stats,
            "layout": asdict(self.layout),
        }
        content.pop("steps", None)
        (self.folder / FACTS).write_text(to_json(content))
        return self.folder

    def drop(self) -> None:
        """Leaves nothing behind, unless it was taken in."""
        with suppress(OSError, PalmettoError):  # on a full disk files can't be ended as they should
            self._end()
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self) -> Take:
        return self

    def __exit__(self, *_: object) -> None:
        if not self._closed:
            self.drop()

    def _end(self) -> None:
        if self._closed:
            return
        self._closed = True
        with ExitStack() as files:  # each is closed, whatever becomes of another
            for file in (self._frame_file, self._look_file, *self._videos.values()):
                files.callback(file.close)

    def _check(self, pictures: Mapping[str, Picture]) -> None:
        for c in self.layout.cameras:
            rgb = pictures.get(c.name)
            if rgb is None:
                raise UserError(f"frame {self.frames}: no picture of camera {c.name}; given are {sorted(pictures)}")
            if rgb.dtype != np.uint8 or rgb.shape != (c.height, c.width, 3):
                raise UserError(
                    f"frame {self.frames}: camera {c.name} gave {rgb.dtype}{list(rgb.shape)}, not "
                    f"uint8{[c.height, c.width, 3]}"
                )

    def _write_rows(self, rows: list[Frame], *, done: bool) -> None:
        first = self.frames - len(self._rows)
        index = np.arange(first, first + len(rows))
        columns: dict[str, Any] = {
            STATE: _vectors(np.stack([r.state for r in rows])), ACTION: _vectors(np.stack([r.action for r in rows])),
            TIME: [r.time_s for r in rows],
            **{key: [getattr(r.language, name) for r in rows] for key, name in LANGUAGE.items()},
            "next.done": [done and i == self.frames - 1 for i in index],
            "timestamp": (index / self.layout.fps).astype(np.float32), "frame_index": index,
        }  # fmt: skip
        for key, names in ((STATE, "state"), (ACTION, "action")):
            self._stats[key].add(np.stack([getattr(r, names) for r in rows]))
        self._stats[TIME].add(np.array([[r.time_s] for r in rows]))
        with disk_errors(self.folder):
            self._frame_file.write_table(pa.table(columns, schema=self._schema))
        self._rows = self._rows[len(rows) :]

    def _write_steps(self) -> None:
        if not self._steps:
            return
        rows = [_row(number, step) for number, step in self._steps]
        with disk_errors(self.folder):
            self._look_file.write_table(pa.Table.from_pylist(rows, schema=LOOK_SCHEMA))
        self._steps = []


def cameras_of(pictures: Mapping[str, Picture]) -> tuple[Camera, ...]:
    """The cameras that pictures like these come from."""
    return tuple(Camera(name=k, height=p.shape[0], width=p.shape[1]) for k, p in pictures.items())


def _vectors(values: np.ndarray[Any, Any]) -> Any:
    return pa.FixedSizeListArray.from_arrays(pa.array(values.ravel()), values.shape[1])


def _kept(rgb: Picture) -> Any:
    return lambda: rgb


def _row(number: int, step: Step) -> dict[str, Any]:
    state = step.state
    return {
        "frame_index": number, "picture": encode(step.rgb), "arm_q_rad": list(state.arm_q_rad),
        "gripper_width_m": state.gripper_width_m, "tool_xyz_m": list(state.tool_xyz_m), "holding": state.holding,
        "plan": step.plan, "said": step.said, "marks": json.dumps(step.marks), "call": step.call,
        "status": step.status.value if step.status is not None else None, "detail": step.detail,
        "start_s": step.start_s, "end_s": step.end_s,
        "questions": json.dumps([(q.kind, q.question, q.answer) for q in step.questions]),
    }  # fmt: skip


def encode(rgb: Picture) -> bytes:
    """PNG: without loss, and of these pictures smaller than JPEG of quality 95 (docs/decisions.md)."""
    if rgb.dtype != np.uint8 or rgb.ndim != 3 or rgb.shape[2] != 3:
        raise UserError(f"a picture is uint8[H,W,3], not {rgb.dtype}{list(rgb.shape)}")
    done, data = cv2.imencode(".png", np.ascontiguousarray(rgb[..., ::-1]), [cv2.IMWRITE_PNG_COMPRESSION, 1])
    if not done:
        raise UserError(f"no PNG can be made of {rgb.dtype}{list(rgb.shape)}")
    return bytes(data.tobytes())
