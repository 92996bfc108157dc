"""Whether a dataset is whole: its files, numbers, times, pictures and words, each problem with its place."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from agent.episodes.index import STATS, Entry, mark
from agent.episodes.layout import ACTION, STATE, info_crc32
from agent.episodes.reader import Dataset, EpisodeReader
from agent.episodes.records import Step, Window
from agent.episodes.video import count
from agent.errors import UserError, one_of
from agent.plan import PlanError, parse_call, parse_plan
from robots.mobile_panda import mobile_panda
from robots.spec import RobotSpec, panda
from robots.stretch import stretch
from robots.tiago_pro import tiago_pro

GREATEST = {"_rad": 4 * np.pi, "_m": 1_000.0, "_rad_s": 100.0, "_m_s": 100.0}
"""What no number of such a unit exceeds in what robots here do: a joint in degrees does at once."""
FOREIGN = ("deg", "degree", "degrees", "mm", "cm", "inch", "ticks", "steps", "rpm")
"""Units at the end of a name that are not ours."""
SLACK = 0.05
"""How far, rad or m, a joint may be found beyond its limits."""


@dataclass(frozen=True, kw_only=True)
class Problem:
    """What is wrong, and where: file, episode, step or frame, or None."""

    file: str
    episode: int
    step: int | None
    what: str

    def __str__(self) -> str:
        where = f"{self.file}: " if self.file else ""
        episode = f"episode {self.episode}" if self.episode >= 0 else ""
        step = f", {self.step}" if self.step is not None else ""
        return f"{where}{episode}{step}{': ' if episode else ''}{self.what}"


@dataclass(frozen=True, kw_only=True)
class Expected:
    """The robot that a dataset is to be of. lower, upper: of the joints, by name without unit."""

    robot: str
    lower: Mapping[str, float]
    upper: Mapping[str, float]

    @classmethod
    def of(cls, spec: RobotSpec) -> Expected:
        names = spec.joint_names
        lower = {n: float(q) for n, q in zip(names, spec.q_lower_rad, strict=True)}
        upper = {n: float(q) for n, q in zip(names, spec.q_upper_rad, strict=True)}
        return cls(robot=spec.name, lower=lower, upper=upper)


def robot_named(name: str) -> RobotSpec:
    """A robot of ours by its name.

    Raises:
        UserError: there is none.
    """
    known = {"panda": panda, "mobile_panda": mobile_panda, "stretch": stretch, "tiago_pro": tiago_pro}
    if name not in known:
        raise one_of("robot", name, known)
    return known[name]()


def validate(folder: Path | str, expected: Expected | None = None) -> list[Problem]:
    """Reads everything in a dataset; an empty list says that all is well. What makes it unreadable as a whole is one
    problem, too."""
    folder = Path(folder)
    try:
        reader = EpisodeReader(folder)
    except UserError as e:
        return [Problem(file="", episode=-1, step=None, what=str(e))]
    dataset = reader.datasets[0]
    problems = [Problem(file="meta/info.json", episode=-1, step=None, what=what) for what in _whole(dataset, expected)]
    for i in range(len(reader)):
        _, entry = reader.entry(i)
        for what, at, path in _episode(reader, i, expected):
            name = path.relative_to(folder).as_posix() if path.is_relative_to(folder) else path.name
            problems.append(Problem(file=name, episode=entry.index, step=at, what=what.replace(f"{folder}/", "")))
    reader.close()
    return problems


def _whole(dataset: Dataset, expected: Expected | None) -> Iterator[str]:
    info, entries = dataset.info, dataset.entries
    for key, counted in (("total_episodes", len(entries)), ("total_frames", sum(e.length for e in entries))):
        if info.get(key) != counted:
            yield f"{key} is {info.get(key)}, and there are {counted}"
    own = info.get("palmetto") or {}
    if "crc32" in own and own["crc32"] != info_crc32(info):
        yield "it is damaged: it does not say what was written"
    yield from _meta(dataset.folder, own.get("files") or {})
    if not entries:
        yield "there are no episodes"
    if expected is not None and dataset.layout.robot != expected.robot:
        yield f"these are episodes of the robot {dataset.layout.robot or 'nobody knows which'}, not of {expected.robot}"
    for name in (*dataset.layout.state, *dataset.layout.action):
        if name.lower().rpartition("_")[2] in FOREIGN:
            yield f"{name} has a foreign unit; here angles are in rad and lengths in m"


def _meta(folder: Path, written: Mapping[str, int]) -> Iterator[str]:
    """The files beside info.json: against how they were written, or, of strangers, whether they can be read."""
    for name, crc32 in written.items():
        if not (folder / name).is_file():
            yield f"{name} is missing"
        elif mark(folder, name).crc32 != crc32:
            yield f"{name} is damaged: its bytes are not those that were written"
    stats = folder / STATS
    try:
        if stats.exists() and STATS not in written:
            json.loads(stats.read_bytes())
    except (ValueError, OSError) as e:
        yield f"stats.json beside it is damaged: {e}"


def _episode(reader: EpisodeReader, i: int, expected: Expected | None) -> Iterator[tuple[str, int | None, Path]]:
    dataset, entry = reader.entry(i)
    try:
        damaged = list(_files(dataset, entry))
    except UserError as e:
        damaged = [(str(e), entry.data)]
    for what, path in damaged:
        yield what, None, path
    if damaged:
        return
    try:
        yield from ((what, at, entry.data) for what, at in _frames(reader, i, expected))
    except UserError as e:
        yield str(e), None, entry.data
    if entry.looks is not None:
        try:
            yield from ((what, at, entry.looks[0]) for what, at in _steps(reader.steps(i)))
        except UserError as e:
            yield str(e), None, entry.looks[0]


def _files(dataset: Dataset, entry: Entry) -> Iterator[tuple[str, Path]]:
    for there in entry.files:
        path = dataset.folder / there.path
        if not path.is_file():
            yield f"{there.path} is missing", path
            continue
        now = mark(dataset.folder, there.path)
        if now.bytes != there.bytes:
            yield f"{there.path} has {now.bytes} bytes of {there.bytes}: it was cut off or written over", path
        elif now.crc32 != there.crc32:
            yield f"{there.path} is damaged: its bytes are not those that were written", path
    if entry.files:
        return
    for key, (path, _) in entry.videos.items():
        if not path.is_file():
            yield f"the video {key} is missing", path


def _frames(reader: EpisodeReader, i: int, expected: Expected | None) -> Iterator[tuple[str, int | None]]:
    dataset, entry = reader.entry(i)
    before = -np.inf
    for start in range(0, entry.length, 64):
        w = reader.window(i, start, min(start + 64, entry.length), pictures=bool(not entry.files))
        steps = np.diff(np.concatenate([[before], w.time_s]))
        if (steps < 0).any() or not np.isfinite(w.time_s).all():
            yield "the clock runs backwards or is no number", start + int(np.argmax(~(steps >= 0)))
        before = float(w.time_s[-1])
        yield from _numbers(dataset, w, expected)
    if entry.files:  # their bytes are those that were written; whether they make frames is still to be seen
        for path, _ in entry.videos.values():
            if (n := count(path)) != entry.length:
                yield f"{path.name} has {n} frames of {entry.length}", None


def _numbers(dataset: Dataset, w: Window, expected: Expected | None) -> Iterator[tuple[str, int | None]]:
    names = {STATE: dataset.layout.state, ACTION: dataset.layout.action}
    for key, values in ((STATE, w.state), (ACTION, w.action)):
        wrong = ~np.isfinite(values)
        if wrong.any():
            row, column = np.argwhere(wrong)[0]
            yield f"{names[key][column]} of {key} is {values[row, column]}", w.start + int(row)
            continue
        for column, name in enumerate(names[key]):
            unit = next((u for u in sorted(GREATEST, key=len, reverse=True) if name.endswith(u)), "")
            most = GREATEST.get(unit, np.inf)
            low, high = -most, most
            if expected is not None and name.removesuffix(unit) in expected.lower:
                joint = name.removesuffix(unit)
                low, high = expected.lower[joint] - SLACK, expected.upper[joint] + SLACK
            beyond = (values[:, column] < low) | (values[:, column] > high)
            if beyond.any():
                row = int(np.argmax(beyond))
                value = values[row, column]
                yield f"{name} of {key} is {value:.4g}, beyond {low:.4g} to {high:.4g}: a foreign unit?", w.start + row
                break


def _steps(steps: list[Step]) -> Iterator[tuple[str, int | None]]:
    for number, step in enumerate(steps):
        try:
            height, width = step.rgb.shape[:2]
            calls = parse_plan(step.plan) if step.plan else ()
            if step.call:
                parse_call(step.call)
            if any(not (q.question and q.answer) for q in step.questions):
                raise ValueError("a question without words or without an answer")
        except (UserError, PlanError, ValueError) as e:
            yield f"look {number}: {e}", number
            continue
        for call in calls:
            for point in (call.point, call.destination_point):
                if point is not None and not (point[0] < height and point[1] < width):
                    yield f"point {point} lies outside the picture of {height} x {width}", number
        if number < len(steps) - 1 and step.status is None:
            yield "a call without a result in the middle of the episode", number
