"""Reads episodes where they lie; pictures are decoded when they are looked at."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from agent.episodes.records import FORMAT, TRAIN_SEEDS, VERSION, Episode, Picture, from_line
from agent.errors import UserError
from agent.plan import PlanError, parse_call, parse_plan


@dataclass(frozen=True, kw_only=True)
class Problem:
    """What is wrong, and where: file, episode number in it, step or None."""

    file: str
    episode: int
    step: int | None
    what: str


class EpisodeReader(Sequence[Episode]):
    """All episodes of one or several datasets. `messages`: what had to be left out, in words.

    train: only for episodes whose seeds are training seeds; any other is refused at once.
    """

    def __init__(self, *folders: Path | str, train: bool = False) -> None:
        self.messages: list[str] = []
        self._places: list[tuple[Path, int, int]] = []  # index file, offset, length of each whole line
        for folder in map(Path, folders):
            self._add(folder, train)

    def __len__(self) -> int:
        return len(self._places)

    def __getitem__(self, index: int) -> Episode:  # type: ignore[override]
        path, offset, length = self._places[index]
        with open(path, "rb") as f:
            f.seek(offset)
            line = f.read(length)
        pictures = pictures_of(path)
        return from_line(line, lambda place: load_picture(pictures, place))

    def __iter__(self) -> Iterator[Episode]:
        return (self[i] for i in range(len(self)))

    def place(self, index: int) -> tuple[Path, int]:
        """The index file that an episode stands in, and its number there."""
        path = self._places[index][0]
        return path, sum(1 for p, _, _ in self._places[:index] if p == path)

    def _add(self, folder: Path, train: bool) -> None:
        description = folder / "dataset.json"
        if not description.is_file():
            raise UserError(f"no episodes in {folder}: no dataset.json; palmetto collect out={folder} makes some")
        found = json.loads(description.read_text())
        if (found.get("format"), found.get("version")) != (FORMAT, VERSION):
            raise UserError(f"{description} is not {FORMAT} version {VERSION}")
        for path in sorted(folder.glob("episodes-*.jsonl")):
            offset = 0
            with open(path, "rb") as f:
                for number, line in enumerate(f):
                    seed = _seed(line)
                    if seed is None:
                        self.messages.append(f"{path}: line {number + 1} is cut off; read the {number} before it")
                        break
                    if train and seed not in TRAIN_SEEDS:
                        raise UserError(
                            f"{path}: episode {number} has seed {seed}, which is not for training (those are below "
                            f"{TRAIN_SEEDS.stop})"
                        )
                    self._places.append((path, offset, len(line)))
                    offset += len(line)


def pictures_of(index: Path) -> Path:
    """The picture file beside an index file."""
    return index.with_name(index.name.replace("episodes-", "pictures-").replace(".jsonl", ".bin"))


def load_picture(path: Path, place: tuple[int, int, int]) -> Picture:
    """uint8[H,W,3] from (offset, length, crc32).

    Raises:
        UserError: where the bytes are not those that were written.
    """
    offset, length, checksum = place
    with open(path, "rb") as f:
        f.seek(offset)
        data = f.read(length)
    if len(data) != length or zlib.crc32(data) != checksum:
        raise UserError(f"{path}: the picture at byte {offset} is damaged")
    bgr = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    if bgr is None:
        raise UserError(f"{path}: the picture at byte {offset} does not decode")
    return np.ascontiguousarray(bgr[..., ::-1]).astype(np.uint8, copy=False)


def validate(folder: Path | str) -> list[Problem]:
    """Reads every picture and plan of a dataset; an empty list says that all is well."""
    reader = EpisodeReader(folder)
    problems = [Problem(file="", episode=-1, step=None, what=m) for m in reader.messages]
    for i, episode in enumerate(reader):
        path, number = reader.place(i)
        found = _problems(episode)
        problems += [Problem(file=path.name, episode=number, step=step, what=what) for step, what in found]
    return problems


def _problems(episode: Episode) -> Iterator[tuple[int | None, str]]:
    if not episode.steps:
        yield None, "no steps"
    for number, step in enumerate(episode.steps):
        try:
            height, width = step.rgb.shape[:2]
            calls = parse_plan(step.plan)
            if step.call:
                parse_call(step.call)
        except (UserError, PlanError) as e:
            yield number, str(e)
            continue
        for call in calls:
            for point in (call.point, call.destination_point):
                if point is not None and not (point[0] < height and point[1] < width):
                    yield number, f"point {point} lies outside the picture of {height} x {width}"
        last = number == len(episode.steps) - 1
        if not last and step.status is None:
            yield number, "a call without a result in the middle of the episode"


def _seed(line: bytes) -> int | None:
    if not line.endswith(b"\n"):
        return None
    try:
        seed = json.loads(line)["seed"]
    except (ValueError, KeyError, TypeError):
        return None
    return seed if isinstance(seed, int) else None
