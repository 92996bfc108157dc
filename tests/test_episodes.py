"""Episodes on disk survive crashes, tell damage from data, and keep test seeds out of training."""

from __future__ import annotations

import errno
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
import tracemalloc
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from agent.episodes import EpisodeReader, EpisodeWriter, Layout, validate
from agent.episodes import index as rows
from agent.episodes.check import Expected, robot_named
from agent.episodes.take import ROWS
from agent.errors import PalmettoError, UserError
from robots.interface import Status
from tests.datasets import LAYOUT, episode, facts, frame, picture, record, strangers

ROOT = Path(__file__).parents[1]


def write(folder: Path, *seeds: int) -> None:
    with EpisodeWriter(folder) as writer:
        for seed in seeds:
            writer.append(episode(seed))


def test_what_is_written_is_read(tmp_path: Path) -> None:
    write(tmp_path, 3, 4)
    read = EpisodeReader(tmp_path)
    assert [e.seed for e in read] == [3, 4]
    first, wanted = read[0], episode(3)
    for field in vars(facts()):
        assert getattr(first, field) == getattr(wanted, field), field
    for got, step in zip(first.steps, wanted.steps, strict=True):
        assert (got.state, got.plan, got.call, got.status, got.detail) == (
            step.state, step.plan, step.call, step.status, step.detail,
        )  # fmt: skip
        assert np.array_equal(got.rgb, step.rgb)  # without loss
    assert [r.status for r in first.history(2)] == [Status.GRASP_FAILED, Status.SUCCEEDED]
    assert first.history(0) == ()
    assert read.of_seed(4) == [1]
    assert validate(tmp_path) == []


def test_frames_come_back_by_number_by_window_and_in_a_row(tmp_path: Path) -> None:
    n = ROWS + 30  # in two groups of rows
    reader = EpisodeReader(record(tmp_path, 1, 2, frames=n))
    window = reader.window(1, ROWS - 5, ROWS + 5)
    for i, number in enumerate(range(ROWS - 5, ROWS + 5)):
        wanted, one = frame(number), reader.frame(1, number)
        assert np.array_equal(window.state[i], wanted.state.astype(np.float32))
        assert np.array_equal(window.action[i], wanted.action.astype(np.float32))
        assert window.time_s[i] == wanted.time_s
        assert window.language[i] == wanted.language
        assert np.array_equal(one.state, window.state[i])
        assert np.array_equal(one.pictures["front"], window.pictures["front"][i])
        assert np.abs(one.pictures["front"].astype(int) - wanted.pictures["front"]).mean() < 4  # H.264, small picture
    assert [f.time_s for f in reader.frames(0, pictures=False)] == [i / 10 for i in range(n)]
    with pytest.raises(IndexError, match=f"has frames 0 to {n - 1}"):
        reader.frame(0, n)


def test_a_frame_anywhere_takes_milliseconds(tmp_path: Path) -> None:
    reader = EpisodeReader(record(tmp_path, *range(6), frames=300))
    rng, spent = np.random.default_rng(0), []
    for _ in range(60):
        index, number = int(rng.integers(6)), int(rng.integers(300))
        start = time.process_time()
        reader.frame(index, number)
        spent.append(time.process_time() - start)
    assert np.median(spent) < 0.005


def test_memory_does_not_grow_with_the_length(tmp_path: Path) -> None:
    bare = Layout(robot="panda", fps=10.0, cameras=(), state=LAYOUT.state, action=LAYOUT.action)
    peaks = []
    for n in (600, 3000):
        with EpisodeWriter(tmp_path / str(n), bare) as writer, writer.begin() as take:
            tracemalloc.start()
            for i in range(n):
                take.frame(frame(i, pictures={}))
            writer.save(take, facts())
            peaks.append(tracemalloc.get_traced_memory()[1])
            tracemalloc.stop()
        assert EpisodeReader(tmp_path / str(n)).length(0) == n
    assert peaks[1] < 1.2 * peaks[0]


def test_several_datasets_read_as_one(tmp_path: Path) -> None:
    write(tmp_path / "a", 1)
    write(tmp_path / "b", 2, 3)
    assert [e.seed for e in EpisodeReader(tmp_path / "a", tmp_path / "b")] == [1, 2, 3]


def test_rows_go_on_in_a_further_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rows, "PER_FILE", 3)
    for seeds in ((0, 1), (2, 3, 4), (5,), (6, 7)):  # opened anew at every place in a file
        record(tmp_path, *seeds, frames=2)
    assert sorted(p.name for p in tmp_path.glob("meta/episodes/**/*.parquet")) == [
        f"file-00{i}.parquet" for i in range(3)
    ]
    reader = EpisodeReader(tmp_path)
    assert [e.seed for e in reader] == list(range(8))
    assert [e.from_index for _, e in map(reader.entry, range(8))] == list(range(0, 16, 2))
    assert validate(tmp_path) == []
    os.unlink(tmp_path / "meta/episodes/chunk-000/file-001.parquet")
    assert "episode 3 is missing" in validate(tmp_path)[0].what


ENDLESS = """
import sys; sys.path.insert(0, {root!r})
from pathlib import Path
from agent.episodes import EpisodeWriter
from tests.datasets import episode
writer = EpisodeWriter(Path({folder!r}))
first = writer.episodes
print("ready", flush=True)
for seed in range(first, 100000):
    writer.append(episode(seed))
    print(seed, flush=True)
"""


def test_kill_minus_nine_costs_the_episode_in_hand_and_no_other(tmp_path: Path) -> None:
    code = ENDLESS.format(root=str(ROOT), folder=str(tmp_path))
    moments = random.Random(5)
    for _ in range(5):
        process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        time.sleep(moments.uniform(0.02, 0.5))
        os.kill(process.pid, signal.SIGKILL)
        told = [int(line) for line in process.stdout.read().split("\n")[:-1]]
        process.wait()
        process.stdout.close()
        seeds = [e.seed for e in EpisodeReader(tmp_path)]
        assert seeds == list(range(len(seeds)))
        assert len(seeds) > max(told, default=-1), "what was reported saved is there"
        EpisodeWriter(tmp_path).close()
        assert validate(tmp_path) == [] or not seeds
        assert len(EpisodeReader(tmp_path)) == len(seeds)
    write(tmp_path, 777)
    assert EpisodeReader(tmp_path)[-1].seed == 777
    assert validate(tmp_path) == []


def test_a_crash_between_any_two_renames_loses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The process ends, as it were, before rename number k of taking an episode in, for each k until none is left."""
    real, k = os.replace, 0
    while True:
        folder = record(tmp_path / str(k), 1, 2)
        left = [k]

        def stop(source: object, target: object, left: list[int] = left) -> None:
            left[0] -= 1
            if left[0] < 0:
                raise KeyboardInterrupt
            real(source, target)  # type: ignore[arg-type]

        writer = EpisodeWriter(folder)
        monkeypatch.setattr(os, "replace", stop)
        with writer.begin() as take:
            take.frame(frame(0))
            try:
                writer.save(take, facts(9))
                saved = True
            except KeyboardInterrupt:
                saved = False
        monkeypatch.setattr(os, "replace", real)
        writer._lock.close()  # as the end of a process does
        seeds = [EpisodeReader(folder).facts(i).seed for i in range(len(EpisodeReader(folder)))]
        assert seeds in ([1, 2], [1, 2, 9])
        assert not saved or seeds == [1, 2, 9]
        with EpisodeWriter(folder) as writer, writer.begin() as take:
            take.frame(frame(0))
            writer.save(take, facts(10))
        assert validate(folder) == []
        assert EpisodeReader(folder).facts(-1).seed == 10
        if saved:
            break
        k += 1
    assert k > 4


def test_a_full_disk_is_one_line_and_the_dataset_stays_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.replace
    record(tmp_path, 1)

    def full(source: object, target: object) -> None:
        if "meta/episodes" in str(target):
            raise OSError(errno.ENOSPC, "No space left on device")
        real(source, target)  # type: ignore[arg-type]

    with EpisodeWriter(tmp_path) as writer:
        for fails in (True, False):
            monkeypatch.setattr(os, "replace", full if fails else real)
            with writer.begin() as take:
                take.frame(frame(0))
                if fails:
                    with pytest.raises(PalmettoError, match="the disk is full"):
                        writer.save(take, facts(2))
                else:
                    assert writer.save(take, facts(3)) == 1
    assert [EpisodeReader(tmp_path).facts(i).seed for i in range(2)] == [1, 3]
    assert validate(tmp_path) == []


def test_a_dataset_has_one_writer(tmp_path: Path) -> None:
    with EpisodeWriter(tmp_path), pytest.raises(UserError, match=f"is being written by process {os.getpid()}"):
        EpisodeWriter(tmp_path)
    EpisodeWriter(tmp_path).close()


def test_what_does_not_belong_is_refused_and_costs_nothing(tmp_path: Path) -> None:
    record(tmp_path, 1)
    with EpisodeWriter(tmp_path) as writer, writer.begin() as take:
        take.frame(frame(0))
        for bad, said in (
            (frame(1, state=np.array([np.nan, 0.0])), "panda_joint1_rad of state is not a number"),
            (frame(1, action=np.zeros(3)), "its names are 2"),
            (frame(1, pictures={}), "no picture of camera front"),
            (frame(1, pictures={"front": picture(0, 16, 16)}), "not uint8"),
            (frame(1, time_s=-1.0), "before the frame before it"),
        ):
            with pytest.raises(UserError, match=said):
                take.frame(bad)
        take.frame(frame(1))
        writer.save(take, facts(2))
    assert EpisodeReader(tmp_path).length(1) == 2
    with pytest.raises(UserError, match="holds other episodes: fps 10"):
        EpisodeWriter(tmp_path, Layout(**{**vars(LAYOUT), "fps": 30.0}))
    assert validate(tmp_path) == []


def test_truncated_at_any_byte_is_found_and_named(tmp_path: Path) -> None:
    whole = record(tmp_path / "whole", 1, 2, frames=5)
    rng = np.random.default_rng(3)
    files = [p.relative_to(whole) for p in sorted(whole.glob("**/*")) if p.is_file() and p.name != ".lock"]
    assert len(files) == 10
    for name in files:
        size = (whole / name).stat().st_size
        for cut in {0, 1, size - 2, *rng.integers(2, size - 1, 5).tolist()}:
            bad = tmp_path / "bad"
            shutil.copytree(whole, bad)
            os.truncate(bad / name, cut)
            problems = validate(bad)
            assert problems, (name, cut)
            assert any(name.name in str(p) for p in problems), (name, cut, problems)
            assert all("\n" not in str(p) for p in problems)
            shutil.rmtree(bad)


def test_a_changed_byte_anywhere_is_found(tmp_path: Path) -> None:
    whole = record(tmp_path / "whole", 1, frames=5)
    rng = np.random.default_rng(4)
    for folder in ("data", "videos", "looks"):
        (path,) = (p for p in (whole / folder).glob("**/*") if p.is_file())
        content = path.read_bytes()
        for at in rng.integers(0, len(content), 5):
            path.write_bytes(content[:at] + bytes([content[at] ^ 0x41]) + content[at + 1 :])
            (problem,) = validate(whole)
            assert "damaged" in problem.what
            path.write_bytes(content)
    assert validate(whole) == []


def test_training_takes_training_seeds_only(tmp_path: Path) -> None:
    write(tmp_path, 1, 1_000_000)
    assert len(EpisodeReader(tmp_path)) == 2
    with pytest.raises(UserError, match="seed 1000000, which is not for training"):
        EpisodeReader(tmp_path, train=True)


def test_a_folder_without_episodes_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="palmetto collect"):
        EpisodeReader(tmp_path)


@pytest.mark.parametrize("version", ["v2.1", "v3.0"])
def test_strangers_datasets_are_read(version: str, tmp_path: Path) -> None:
    folder = strangers(tmp_path, version)
    assert validate(folder) == []
    reader = EpisodeReader(folder, train=True)
    assert [reader.length(i) for i in range(3)] == [5, 8, 3]
    assert [reader.facts(i).instruction for i in range(3)] == ["pick it up", "put it down", "pick it up"]
    assert reader.datasets[0].layout.state == ("pan", "lift")
    for at, number in ((0, 4), (1, 0), (1, 7), (2, 2)):
        got = reader.frame(at, number)
        assert got.state == pytest.approx([0.1 * at, 0.01 * number])
        assert got.language.instruction == reader.facts(at).instruction
        seen = got.pictures["image"].astype(int)
        errors = [np.abs(seen - picture(10 * at + k, 32, 48)).mean() for k in range(8)]
        assert int(np.argmin(errors)) == number


def _nan(columns: dict) -> None:
    columns["observation.state"][2] = [0.0, float("nan")]


def _degrees(columns: dict) -> None:
    columns["observation.state"] = [[90.0, 0.0] for _ in columns["observation.state"]]


@pytest.mark.parametrize("version", ["v2.1", "v3.0"])
def test_whatever_is_wrong_with_a_strangers_dataset_is_one_line(version: str, tmp_path: Path) -> None:
    folder = strangers(tmp_path / "nan", version, change=_nan)
    assert "lift of observation.state is nan" in str(validate(folder)[0])
    folder = strangers(tmp_path / "video", version)
    for path in folder.glob("videos/**/*.mp4"):
        path.unlink()
    assert "the video observation.image is missing" in str(validate(folder)[0])
    with pytest.raises(UserError, match=r"\.mp4 is missing"):
        EpisodeReader(folder).frame(0, 0)
    folder = strangers(tmp_path / "future", version)
    info = folder / "meta/info.json"
    info.write_text(info.read_text().replace(version, "v4.0"))
    assert "of version v4.0; read here are" in str(validate(folder)[0])
    folder = strangers(tmp_path / "robot", version)
    spec = robot_named("panda")
    assert "episodes of the robot so100, not of panda" in str(validate(folder, Expected.of(spec))[0])
    for path in folder.glob("data/**/*.parquet"):
        os.truncate(path, path.stat().st_size // 2)
    assert "is damaged" in str(validate(folder)[0])


def test_degrees_are_not_taken_for_radians(tmp_path: Path) -> None:
    folder = strangers(tmp_path, "v3.0", change=_degrees)
    info = folder / "meta/info.json"
    info.write_text(info.read_text().replace('"pan"', '"pan_rad"'))
    problem = validate(folder)[0]
    assert "pan_rad of observation.state is 90, beyond" in problem.what
    assert "foreign unit?" in problem.what
    info.write_text(info.read_text().replace('"pan_rad"', '"pan_deg"'))
    assert "pan_deg has a foreign unit" in validate(folder)[0].what


def test_rows_of_another_episode_are_not_taken_for_this_ones(tmp_path: Path) -> None:
    folder = strangers(tmp_path, "v3.0")
    path = folder / "meta/episodes/chunk-000/file-000.parquet"
    rows = pq.read_table(path).to_pylist()
    rows[0]["length"] = 6
    pq.write_table(pa.Table.from_pylist(rows), path)
    assert any("lies where episode" in p.what or "total_frames" in p.what for p in validate(folder))


def test_the_page_does_what_it_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reading, writing = re.findall(r"```python\n(.*?)```", (ROOT / "docs/episodes.md").read_text(), flags=re.DOTALL)
    monkeypatch.chdir(tmp_path)
    record(tmp_path / "data/tabletop", 1, 2, 3, 42, frames=40)
    record(tmp_path / "data/more", 7)
    exec(reading, {})  # noqa: S102
    exec(writing, names := {"picture": picture(0, 240, 320)})  # noqa: S102
    assert names["number"] == 0
    assert EpisodeReader("data/mine").length(0) == 100
    assert validate("data/mine") == []
