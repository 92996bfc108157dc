"""Episodes on disk survive crashes, tell damage from data, and keep test seeds out of training."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from agent.episodes import Episode, EpisodeReader, EpisodeWriter, Step, StepState, validate
from agent.errors import UserError
from robots.interface import Status

ROOT = Path(__file__).parents[1]


def picture(seed: int) -> np.ndarray:
    """Smooth, as scenes are; JPEG keeps it within a few levels."""
    rows, cols = np.mgrid[0:224, 0:224]
    return np.stack([(rows + seed) % 224, cols, (rows + cols) // 2], axis=-1).astype(np.uint8)


def episode(seed: int = 3) -> Episode:
    state = StepState(arm_q_rad=(0.0,) * 7, gripper_width_m=0.08, tool_xyz_m=(0.36, 0.0, 0.34), holding=False)
    plan = "pick(red block @ 112 87)\nplace(in green bowl @ 60 140)\ndone()"
    steps = (
        Step(picture=lambda: picture(seed), state=state, plan=plan, call="pick(red block @ 112 87)",
             status=Status.GRASP_FAILED, detail="it slipped", start_s=0.0, end_s=3.5),
        Step(picture=lambda: picture(seed + 1), state=state, plan=plan, call="pick(red block @ 112 87)",
             status=Status.SUCCEEDED, detail="", start_s=3.5, end_s=7.0),
        Step(picture=lambda: picture(seed + 2), state=state, plan="done()"),
    )  # fmt: skip
    return Episode(
        seed=seed, suite="tabletop", task="put", split="trained", instruction="put the red block in the green bowl",
        phrasing="put:0", expected="act", goal="in(red block, green bowl)", objects=("red block", "green bowl"),
        success=True, planner="oracle", steps=steps,
    )  # fmt: skip


def write(folder: Path, *seeds: int) -> None:
    with EpisodeWriter(folder) as writer:
        for seed in seeds:
            writer.append(episode(seed))


def test_what_is_written_is_read(tmp_path: Path) -> None:
    write(tmp_path, 3, 4)
    read = EpisodeReader(tmp_path)
    assert [e.seed for e in read] == [3, 4]
    first, wanted = read[0], episode(3)
    for field in ("suite", "task", "instruction", "phrasing", "expected", "goal", "objects", "success", "planner"):
        assert getattr(first, field) == getattr(wanted, field)
    for got, step in zip(first.steps, wanted.steps, strict=True):
        assert (got.state, got.plan, got.call, got.status, got.detail) == (
            step.state, step.plan, step.call, step.status, step.detail,
        )  # fmt: skip
        assert np.abs(got.rgb.astype(int) - step.rgb).mean() < 2.0  # JPEG, quality 95, full colour
    assert [r.status for r in first.history(2)] == [Status.GRASP_FAILED, Status.SUCCEEDED]
    assert first.history(0) == ()
    assert validate(tmp_path) == []


def test_several_datasets_read_as_one(tmp_path: Path) -> None:
    write(tmp_path / "a", 1)
    write(tmp_path / "b", 2, 3)
    assert [e.seed for e in EpisodeReader(tmp_path / "a", tmp_path / "b")] == [1, 2, 3]


@pytest.mark.parametrize("cut", [1, 40, 400])
def test_a_torn_tail_is_left_out_and_written_over(cut: int, tmp_path: Path) -> None:
    write(tmp_path, 1, 2, 3)
    index = tmp_path / "episodes-000.jsonl"
    os.truncate(index, index.stat().st_size - cut)
    read = EpisodeReader(tmp_path)
    assert [e.seed for e in read] == [1, 2]
    assert "cut off" in read.messages[0]
    with EpisodeWriter(tmp_path) as writer:
        assert "dropped an episode that was cut off" in writer.dropped
        writer.append(episode(4))
    assert [e.seed for e in EpisodeReader(tmp_path)] == [1, 2, 4]
    assert validate(tmp_path) == []


def test_pictures_without_a_line_are_dropped(tmp_path: Path) -> None:
    write(tmp_path, 1)
    with open(tmp_path / "pictures-000.bin", "ab") as f:
        f.write(b"half a picture")
    with EpisodeWriter(tmp_path) as writer:
        assert writer.dropped
        writer.append(episode(2))
    assert validate(tmp_path) == []


ENDLESS = """
import sys; sys.path[:0] = [{root!r}, {tests!r}]
from pathlib import Path
from agent.episodes import EpisodeWriter
from test_episodes import episode
writer = EpisodeWriter(Path({folder!r}))
print("ready", flush=True)
for seed in range(100000):
    writer.append(episode(seed))
"""


def test_kill_minus_nine_costs_the_episode_in_hand_and_no_other(tmp_path: Path) -> None:
    code = ENDLESS.format(root=str(ROOT), tests=str(ROOT / "tests"), folder=str(tmp_path))
    for delay in (0.05, 0.11, 0.17):
        process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        before = len(EpisodeReader(tmp_path))
        time.sleep(delay)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        process.stdout.close()
        assert len(EpisodeReader(tmp_path)) >= before
        assert [p for p in validate(tmp_path) if "cut off" not in p.what] == []
    write(tmp_path, 7)
    assert validate(tmp_path) == []
    assert EpisodeReader(tmp_path)[-1].seed == 7


def test_a_damaged_picture_is_found(tmp_path: Path) -> None:
    write(tmp_path, 1, 2)
    with open(tmp_path / "pictures-000.bin", "r+b") as f:
        f.seek(500)
        f.write(b"\x00\x01\x02")
    (problem,) = validate(tmp_path)
    assert (problem.episode, problem.step) == (0, 0)
    assert "damaged" in problem.what


def test_training_takes_training_seeds_only(tmp_path: Path) -> None:
    write(tmp_path, 1, 1_000_000)
    assert len(EpisodeReader(tmp_path)) == 2
    with pytest.raises(UserError, match="seed 1000000, which is not for training"):
        EpisodeReader(tmp_path, train=True)


def test_a_shard_has_one_writer(tmp_path: Path) -> None:
    with EpisodeWriter(tmp_path, shard=0):
        assert EpisodeWriter.if_free(tmp_path, shard=0) is None
        other = EpisodeWriter.if_free(tmp_path, shard=1)
        assert other is not None
        other.close()
    again = EpisodeWriter.if_free(tmp_path, shard=0)
    assert again is not None
    again.close()


def test_a_folder_without_episodes_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="palmetto collect"):
        EpisodeReader(tmp_path)
