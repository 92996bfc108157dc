"""What a dataset consists of: `meta/info.json` and the names of its files, as LeRobot 3.0 has them.

meta/info.json, stats.json, tasks.parquet
meta/episodes/chunk-000/file-000.parquet    one row an episode: the record that it is there
data/chunk-000/file-000.parquet             frames: state, action, times, language
videos/observation.images.CAMERA/chunk-000/file-000.mp4
looks/chunk-000/file-000.parquet            ours: the moments of decision, their pictures without loss
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agent.artifacts import write_json
from agent.errors import UserError

CODEBASE = "v3.0"
VERSION = 3
"""Of what stands in info.json under "palmetto"."""
READ = (2, 3)
"""Versions that are read; 2 had no questions of looks and no instructions by hindsight."""
INFO = "meta/info.json"
STATE, ACTION, TIME = "observation.state", "action", "time_s"
IMAGES = "observation.images."
LANGUAGE = {
    "language.instruction": "instruction", "language.plan": "plan", "language.subtask": "subtask",
    "language.question": "question", "language.answer": "answer", "language.tool_call": "tool_call",
}  # fmt: skip
"""Column -> field of `Language`."""
CHUNK = 1000
"""Files of one folder."""
DATA_PATH = "data/chunk-{chunk_index:03d}/file-{file_index:03d}.parquet"
VIDEO_PATH = "videos/{video_key}/chunk-{chunk_index:03d}/file-{file_index:03d}.mp4"
EPISODES_PATH = "meta/episodes/chunk-{chunk_index:03d}/file-{file_index:03d}.parquet"
LOOKS_PATH = "looks/chunk-{chunk_index:03d}/file-{file_index:03d}.parquet"


@dataclass(frozen=True, kw_only=True)
class Camera:
    """A camera's name and the size of its pictures."""

    name: str
    height: int
    width: int

    @property
    def key(self) -> str:
        return IMAGES + self.name


@dataclass(frozen=True, kw_only=True)
class Layout:
    """What each frame of a dataset holds. state, action: a name for each number, its unit at the end (`_rad`, `_m`,
    `_m_s`, `_rad_s`), or none for numbers without one."""

    robot: str
    fps: float
    cameras: tuple[Camera, ...]
    state: tuple[str, ...]
    action: tuple[str, ...]

    def features(self) -> dict[str, Any]:
        """The "features" of info.json."""
        own: dict[str, Any] = {
            STATE: {"dtype": "float32", "shape": [len(self.state)], "names": list(self.state)},
            ACTION: {"dtype": "float32", "shape": [len(self.action)], "names": list(self.action)},
            TIME: {"dtype": "float64", "shape": [1], "names": None},
        }
        for c in self.cameras:
            own[c.key] = {
                "dtype": "video", "shape": [c.height, c.width, 3], "names": ["height", "width", "channels"],
                "info": {
                    "video.height": c.height, "video.width": c.width, "video.codec": "h264",
                    "video.pix_fmt": "yuv420p", "video.is_depth_map": False, "video.fps": self.fps,
                    "video.channels": 3, "has_audio": False,
                },
            }  # fmt: skip
        for key in LANGUAGE:
            own[key] = {"dtype": "string", "shape": [1], "names": None}
        own["next.done"] = {"dtype": "bool", "shape": [1], "names": None}
        own["timestamp"] = {"dtype": "float32", "shape": [1], "names": None}
        for key in ("frame_index", "episode_index", "index", "task_index"):
            own[key] = {"dtype": "int64", "shape": [1], "names": None}
        return own

    @classmethod
    def read(cls, content: dict[str, Any]) -> Layout:
        """From what `dataclasses.asdict` makes of one, after a way through JSON."""
        cameras = tuple(Camera(**c) for c in content["cameras"])
        given = {**content, "cameras": cameras, "state": tuple(content["state"]), "action": tuple(content["action"])}
        return cls(**given)

    def same(self, other: Layout) -> str:
        """In what `other` differs, in words; "" if in nothing."""
        for what in ("robot", "fps", "cameras", "state", "action"):
            mine, theirs = getattr(self, what), getattr(other, what)
            if mine != theirs:
                return f"{what} {_short(mine)} here, {_short(theirs)} there"
        return ""


def _short(value: object) -> str:
    if isinstance(value, tuple):
        names = [v.name if isinstance(v, Camera) else str(v) for v in value]
        sizes = [f"{v.name} {v.height}x{v.width}" if isinstance(v, Camera) else v for v in value]
        return f"{len(names)} ({', '.join(map(str, sizes[:8]))})"
    return repr(value)


def write_info(
    folder: Path, layout: Layout, *, episodes: int, frames: int, tasks: int, files: Mapping[str, int]
) -> None:
    """`meta/info.json`, whole or not at all. files: crc32 of the other files of meta/, by path."""
    fps = int(layout.fps) if float(layout.fps).is_integer() else layout.fps
    own: dict[str, Any] = {"version": VERSION, "looks_path": LOOKS_PATH, "files": dict(files)}
    content = {
        "codebase_version": CODEBASE, "robot_type": layout.robot, "total_episodes": episodes,
        "total_frames": frames, "total_tasks": tasks, "chunks_size": CHUNK, "data_files_size_in_mb": 100,
        "video_files_size_in_mb": 500, "fps": fps, "splits": {"train": f"0:{episodes}"}, "data_path": DATA_PATH,
        "video_path": VIDEO_PATH if layout.cameras else None, "features": layout.features(), "palmetto": own,
    }  # fmt: skip
    own["crc32"] = info_crc32(content)
    write_json(folder / INFO, content)


def info_crc32(content: dict[str, Any]) -> int:
    """Of what an info.json says, however it is spaced, without this number itself."""
    own = {k: v for k, v in content["palmetto"].items() if k != "crc32"}
    return zlib.crc32(json.dumps({**content, "palmetto": own}, sort_keys=True).encode())


def read_info(folder: Path) -> dict[str, Any]:
    """`meta/info.json`, whoever wrote it.

    Raises:
        UserError: it is not there, damaged, or of a version that is not known here.
    """
    path = folder / INFO
    if not path.is_file():
        old = " (episodes of an older format: collect them again)" if (folder / "dataset.json").is_file() else ""
        raise UserError(f"no episodes in {folder}: no {INFO}{old}; palmetto collect out={folder} makes some")
    try:
        found = json.loads(path.read_bytes())
        version, features = str(found["codebase_version"]), found["features"]
        if not isinstance(features, dict) or not all("dtype" in f and "shape" in f for f in features.values()):
            raise ValueError("features without dtype and shape")
        float(found["fps"])
    except (ValueError, KeyError, TypeError, AttributeError, UnicodeDecodeError) as e:
        raise UserError(f"{path} is damaged: {type(e).__name__} {e}") from e
    if version not in ("v2.0", "v2.1", "v3.0", "v3.1"):
        raise UserError(f"{path} is of version {version}; read here are LeRobot v2.1, v3.0 and v3.1")
    mine = found.get("palmetto")
    if mine is not None and (not isinstance(mine, dict) or mine.get("version") not in READ):
        raise UserError(
            f"{path} was written by another version of palmetto ({str(mine)[:60]}); this one reads "
            f"{' and '.join(map(str, READ))}"
        )
    return dict(found)


def layout_of(info: dict[str, Any]) -> Layout:
    """The layout that an info.json describes; of strangers' datasets, as much of it as they have."""
    features = info["features"]
    cameras = []
    for name, key in camera_keys(info).items():
        height, width = _size(features[key])
        cameras.append(Camera(name=name, height=height, width=width))
    return Layout(
        robot=str(info.get("robot_type") or ""), fps=float(info["fps"]), cameras=tuple(cameras),
        state=_names(features.get(STATE), "state"), action=_names(features.get(ACTION), "action"),
    )  # fmt: skip


def camera_keys(info: dict[str, Any]) -> dict[str, str]:
    """The feature of each camera, by the camera's name: how the feature's name ends, where that tells them apart."""
    keys = [k for k, f in info["features"].items() if f["dtype"] in ("video", "image")]
    short = [k.rpartition(".")[2] for k in keys]
    return dict(zip(short if len(set(short)) == len(keys) else [k.replace(".", "_") for k in keys], keys, strict=True))


def _size(feature: dict[str, Any]) -> tuple[int, int]:
    shape = [int(n) for n in feature["shape"]]
    named = feature.get("names")
    if isinstance(named, list) and len(named) == 3 and named[0] in ("channels", "channel", "c"):
        return shape[1], shape[2]
    return (shape[1], shape[2]) if shape[0] == 3 and shape[-1] != 3 else (shape[0], shape[1])


def _names(feature: dict[str, Any] | None, what: str) -> tuple[str, ...]:
    """A name for each number; strangers name them in a list, in a mapping with one list, or not at all."""
    if feature is None:
        return ()
    names = feature.get("names")
    if isinstance(names, dict):
        lists = [v for v in names.values() if isinstance(v, list)]
        names = lists[0] if len(lists) == 1 else None
    total = int(feature["shape"][0]) if feature["shape"] else 1
    if isinstance(names, list) and len(names) == total:
        return tuple(map(str, names))
    return tuple(f"{what}_{i}" for i in range(total))
