"""Small datasets for tests: ours, and such as strangers write with LeRobot 2.1 and 3."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from agent.episodes import Camera, Episode, EpisodeWriter, Facts, Frame, Language, Layout, Step, StepState
from agent.episodes.video import VideoWriter
from robots.interface import Status

PLAN = "pick(red block @ 112 87)\nplace(in green bowl @ 60 140)\ndone()"
LAYOUT = Layout(
    robot="panda", fps=10.0, cameras=(Camera(name="front", height=32, width=48),),
    state=("panda_joint1_rad", "gripper_width_m"), action=("panda_joint1_rad", "gripper_width_m"),
)  # fmt: skip


def picture(seed: int, height: int = 224, width: int = 224) -> np.ndarray:
    """Smooth, as scenes are."""
    rows, cols = np.mgrid[0:height, 0:width]
    return np.stack([(2 * rows + 9 * seed) % 256, cols, (rows + cols) // 2], axis=-1).astype(np.uint8)


def episode(seed: int = 3) -> Episode:
    """Three looks: a pick that fails, a pick that succeeds, and the end."""
    state = StepState(arm_q_rad=(0.0,) * 7, gripper_width_m=0.08, tool_xyz_m=(0.36, 0.0, 0.34), holding=False)
    steps = (
        Step(picture=lambda: picture(seed), state=state, plan=PLAN, call="pick(red block @ 112 87)",
             status=Status.GRASP_FAILED, detail="it slipped", start_s=0.0, end_s=3.5),
        Step(picture=lambda: picture(seed + 1), state=state, plan=PLAN, call="pick(red block @ 112 87)",
             status=Status.SUCCEEDED, detail="", start_s=3.5, end_s=7.0),
        Step(picture=lambda: picture(seed + 2), state=state, plan="done()"),
    )  # fmt: skip
    return Episode(**vars(facts(seed)), steps=steps)


def facts(seed: int | None = 3, **changes: Any) -> Facts:
    given: dict[str, Any] = {
        "seed": seed, "suite": "tabletop", "task": "put", "split": "trained",
        "instruction": "put the red block in the green bowl", "phrasing": "put:0", "expected": "act",
        "goal": "in(red block, green bowl)", "objects": ("red block", "green bowl"), "success": True,
        "planner": "oracle", "said": (("red block", "the cube"),), "robot": "panda",
    }  # fmt: skip
    return Facts(**{**given, **changes})


def frame(number: int, **changes: Any) -> Frame:
    given: dict[str, Any] = {
        "time_s": number / 10, "state": np.array([0.01 * number, 0.08]),
        "action": np.array([0.01 * number + 0.01, 0.0]),
        "language": Language(instruction="lift it", subtask="pick(red block)" if number > 2 else ""),
        "pictures": {"front": picture(number, 32, 48)},
    }  # fmt: skip
    return Frame(**{**given, **changes})


def record(folder: Path, *seeds: int, frames: int = 12, layout: Layout = LAYOUT) -> Path:
    """A dataset of ours with full-rate episodes and two looks each."""
    with EpisodeWriter(folder, layout) as writer:
        for seed in seeds:
            with writer.begin() as take:
                for step in episode(seed).steps[1:]:
                    take.look(step, frame=0)
                for i in range(frames):
                    take.frame(frame(i))
                writer.save(take, facts(seed, task="put" if seed % 2 else "stack", success=seed % 3 != 0))
    return folder


def strangers(folder: Path, version: str, lengths: tuple[int, ...] = (5, 8, 3), *, change: Any = None) -> Path:
    """A dataset as LeRobot writes it: 3 with all episodes in one file and one film, 2.1 with files of their own.

    change: is given the columns of each file before it is written.
    """
    older = version.startswith("v2")
    key, fps = "observation.image", 10
    features = {
        "observation.state": {"dtype": "float32", "shape": [2], "names": {"motors": ["pan", "lift"]}},
        "action": {"dtype": "float32", "shape": [2], "names": None},
        key: {"dtype": "video", "shape": [3, 32, 48], "names": ["channels", "height", "width"]},
        **{k: {"dtype": "int64", "shape": [1], "names": None}
           for k in ("frame_index", "episode_index", "index", "task_index")},
        "timestamp": {"dtype": "float32", "shape": [1], "names": None},
    }  # fmt: skip
    where = ("data/chunk-{episode_chunk:03d}/episode_{episode_index:06d}.parquet",
             "videos/chunk-{episode_chunk:03d}/{video_key}/episode_{episode_index:06d}.mp4") if older else (
             "data/chunk-{chunk_index:03d}/file-{file_index:03d}.parquet",
             "videos/{video_key}/chunk-{chunk_index:03d}/file-{file_index:03d}.mp4")  # fmt: skip
    info = {
        "codebase_version": version, "robot_type": "so100", "total_episodes": len(lengths), "fps": fps,
        "total_frames": sum(lengths), "chunks_size": 1000, "data_path": where[0], "video_path": where[1],
        "features": features,
    }  # fmt: skip
    (folder / "meta").mkdir(parents=True)
    (folder / "meta/info.json").write_text(json.dumps(info))
    columns, first = [], 0
    for number, n in enumerate(lengths):
        columns.append({
            "observation.state": [[0.1 * number, 0.01 * i] for i in range(n)],
            "action": [[0.0, 1.0]] * n, "timestamp": np.arange(n, dtype=np.float32) / fps,
            "frame_index": np.arange(n), "episode_index": np.full(n, number), "index": np.arange(first, first + n),
            "task_index": np.full(n, number % 2),
        })  # fmt: skip
        first += n
    tasks = ["pick it up", "put it down"]
    if older:
        lines = [{"episode_index": i, "tasks": [tasks[i % 2]], "length": n} for i, n in enumerate(lengths)]
        (folder / "meta/episodes.jsonl").write_text("".join(json.dumps(x) + "\n" for x in lines))
        named = [{"task_index": i, "task": t} for i, t in enumerate(tasks)]
        (folder / "meta/tasks.jsonl").write_text("".join(json.dumps(x) + "\n" for x in named))
        for number, c in enumerate(columns):
            _table(folder / where[0].format(episode_chunk=0, episode_index=number), c, change)
            path = folder / where[1].format(episode_chunk=0, video_key=key, episode_index=number)
            _film(path, [(number, i) for i in range(lengths[number])], fps)
        return folder
    starts = np.cumsum([0, *lengths])
    rows = [
        {"episode_index": i, "tasks": [tasks[i % 2]], "length": n, "data/chunk_index": 0, "data/file_index": 0,
         "dataset_from_index": int(starts[i]), "dataset_to_index": int(starts[i + 1]),
         f"videos/{key}/chunk_index": 0, f"videos/{key}/file_index": 0,
         f"videos/{key}/from_timestamp": starts[i] / fps, f"videos/{key}/to_timestamp": starts[i + 1] / fps}
        for i, n in enumerate(lengths)
    ]  # fmt: skip
    (folder / "meta/episodes/chunk-000").mkdir(parents=True)
    pq.write_table(pa.Table.from_pylist(rows), folder / "meta/episodes/chunk-000/file-000.parquet")
    pq.write_table(pa.table({"task_index": [0, 1], "task": tasks}), folder / "meta/tasks.parquet")
    whole = {k: np.concatenate([c[k] for c in columns]) for k in columns[0]}
    whole = {k: v.tolist() if v.ndim > 1 else v for k, v in whole.items()}
    _table(folder / where[0].format(chunk_index=0, file_index=0), whole, change)
    film = folder / where[1].format(video_key=key, chunk_index=0, file_index=0)
    _film(film, [(number, i) for number, n in enumerate(lengths) for i in range(n)], fps)
    return folder


def _table(path: Path, columns: dict[str, Any], change: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if change is not None:
        change(columns)
    pq.write_table(pa.table(columns), path)


def _film(path: Path, frames: list[tuple[int, int]], fps: float) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    film = VideoWriter(path, fps, 32, 48)
    for number, i in frames:
        film.add(picture(10 * number + i, 32, 48))
    film.close()
