"""The command `data` from outside: what it writes, what it says, and its exit codes."""

from __future__ import annotations

import base64
import json
import re
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from agent import cli
from agent.episodes import EpisodeReader, validate
from agent.episodes.edit import shares
from agent.errors import UserError
from tests.datasets import LAYOUT, record, strangers
from tests.test_collect import run as collect_some


def data(*words: str) -> int:
    return cli.main(["data", *words])


def test_validate_says_what_is_there_or_what_is_wrong(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = record(tmp_path / "d", 1, 2)
    assert data("validate", f"data={folder}", f"out={tmp_path / 'o'}") == 0
    assert "2 episodes, 24 frames, all well" in capsys.readouterr().out
    assert data("validate", f"data={folder}", "of=stretch", f"out={tmp_path / 'p'}") == 2
    assert "episodes of the robot panda, not of stretch" in capsys.readouterr().err
    assert not (tmp_path / "p").exists()
    video = next(folder.glob("videos/**/*.mp4"))
    video.unlink()
    assert data("validate", f"data={folder}", f"out={tmp_path / 'p'}") == 2
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert "file-000.mp4 is missing" in err
    assert data("mend", f"data={folder}") == 2
    assert "no action of data 'mend'; there is: validate, view" in capsys.readouterr().err


def test_filter_split_and_merge_keep_every_byte(tmp_path: Path) -> None:
    folder = record(tmp_path / "d", *range(1, 7))
    assert data("filter", f"data={folder}", "tasks=put", "success=true", f"out={tmp_path / 'f'}") == 0
    assert [e.seed for e in EpisodeReader(tmp_path / "f")] == [1, 5]
    assert data("split", f"data={folder}", "parts=[0.5,0.5]", f"out={tmp_path / 's'}") == 0
    parts = [tmp_path / "s" / f"part{i}" for i in range(2)]
    assert {e.seed for p in parts for e in EpisodeReader(p)} == {1, 2, 3, 4, 5, 6}
    assert data("merge", f"data={parts[0]},{parts[1]}", f"out={tmp_path / 'm'}") == 0
    merged, original = EpisodeReader(tmp_path / "m"), EpisodeReader(folder)
    assert validate(tmp_path / "m") == []
    assert len(merged) == 6
    for i in range(6):
        (j,) = original.of_seed(merged.facts(i).seed or 0)
        assert vars(merged.facts(i)) == vars(original.facts(j))
        a, b = merged.window(i, 0, 12), original.window(j, 0, 12)
        assert np.array_equal(a.state, b.state)
        assert a.language == b.language
        assert np.array_equal(a.pictures["front"], b.pictures["front"])
        for s, t in zip(merged.steps(i), original.steps(j), strict=True):
            assert np.array_equal(s.rgb, t.rgb)


def test_what_does_not_go_together_is_not_merged(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    a, b = record(tmp_path / "a", 1), strangers(tmp_path / "b", "v3.0")
    assert data("merge", f"data={a},{b}", f"out={tmp_path / 'm'}") == 2
    assert "do not go together: robot 'panda' here, 'so100' there" in capsys.readouterr().err
    assert data("merge", f"data={a},{a}", f"out={a}") == 2
    assert "is one of the datasets that are read" in capsys.readouterr().err
    assert len(EpisodeReader(a)) == 1


@pytest.mark.parametrize("version", ["v2.1", "v3.0"])
def test_a_strangers_dataset_becomes_one_of_ours(version: str, tmp_path: Path) -> None:
    folder = strangers(tmp_path / "d", version)
    assert data("merge", f"data={folder}", f"out={tmp_path / 'm'}") == 0
    assert validate(tmp_path / "m") == []
    mine, theirs = EpisodeReader(tmp_path / "m"), EpisodeReader(folder)
    for i in range(3):
        a, b = mine.window(i, 0, mine.length(i)), theirs.window(i, 0, theirs.length(i))
        assert np.array_equal(a.state, b.state)
        assert a.language == b.language
        assert np.abs(a.pictures["image"].astype(int) - b.pictures["image"]).mean() < 4


def test_shares_are_drawn_and_each_part_has_one() -> None:
    parts = shares(10, [0.9, 0.1], 0)
    assert sorted(parts[0] + parts[1]) == list(range(10))
    assert [len(p) for p in parts] == [9, 1]
    assert [len(p) for p in shares(2, [0.99, 0.01], 0)] == [1, 1]
    with pytest.raises(UserError, match="add up to 1"):
        shares(10, [0.9, 0.2], 0)


def test_the_page_holds_video_numbers_calls_and_looks(tmp_path: Path) -> None:
    folder = record(tmp_path / "d", 1, 2)
    assert data("view", f"data={folder}", f"out={tmp_path / 'o'}") == 0
    page = (tmp_path / "o" / "episodes.html").read_text()
    assert not re.search(r"(?:src|href)=[\"']?https?:", page), "it needs nothing from anywhere"
    films = re.findall(r"data:video/mp4;base64,([A-Za-z0-9+/=]+)", page)
    wanted = [p.read_bytes() for p in sorted(folder.glob("videos/**/*.mp4"))]
    assert [base64.b64decode(f) for f in films] == wanted
    curves = [json.loads(t) for t in re.findall(r'<script type="application/json">(.*?)</script>', page)]
    assert curves[0]["names"] == list(LAYOUT.state)
    assert curves[0]["curves"][0][5] == pytest.approx(0.05)
    assert page.count("<pre>pick(red block)</pre>") == 2
    assert page.count("data:image/jpeg") == 4


def test_statistics_are_those_of_the_numbers(tmp_path: Path) -> None:
    folder = record(tmp_path / "d", 1, 2)
    assert data("stats", f"data={folder}", f"out={tmp_path / 'o'}") == 0
    found = json.loads((tmp_path / "o" / "stats.json").read_text())
    joint = np.concatenate([0.01 * np.arange(12)] * 2)
    told = found["numbers"]["state"]["panda_joint1_rad"]
    assert told == pytest.approx({"min": 0, "max": 0.11, "mean": joint.mean(), "std": joint.std()}, abs=1e-6)
    whole = json.loads((folder / "meta/stats.json").read_text())["observation.state"]
    assert whole["mean"][0] == pytest.approx(joint.mean())
    assert whole["std"][0] == pytest.approx(joint.std())
    assert whole["count"] == [24]


def test_words_of_lerobot_3_1_are_read(tmp_path: Path) -> None:
    folder = strangers(tmp_path, "v3.0", lengths=(4,))
    path = next(folder.glob("data/**/*.parquet"))
    table = pq.read_table(path)
    held = [
        {"role": "assistant", "content": words, "style": style, "timestamp": at, "camera": None, "tool_calls": None}
        for words, style, at in (("reach", "subtask", 0.0), ("lift", "subtask", 0.2), ("reach, lift", "plan", 0.0))
    ]
    asked = [
        {"role": "user", "content": "what is it?", "style": "vqa", "camera": "observation.image", "tool_calls": None},
        {"role": "assistant", "content": "a cup", "style": "vqa", "camera": "observation.image", "tool_calls": None},
        {"role": "assistant", "content": None, "style": None, "camera": None, "tool_calls": ['{"type": "function"}']},
    ]
    table = table.append_column("language_persistent", pa.array([held] * 4))
    table = table.append_column("language_events", pa.array([[], asked, [], []], pa.array([asked]).type))
    pq.write_table(table, path)
    words = EpisodeReader(folder).window(0, 0, 4, pictures=False).language
    assert [w.subtask for w in words] == ["reach", "reach", "lift", "lift"]
    assert {w.plan for w in words} == {"reach, lift"}
    assert (words[1].question, words[1].answer, words[1].tool_call) == ("what is it?", "a cup", '{"type": "function"}')
    assert words[2].question == ""
    assert words[0].instruction == "pick it up"


def test_a_recorded_episode_comes_out_the_same_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    collect_some(tmp_path / "d", episodes=1, seed=3, disturb=1.0)
    assert data("replay", f"data={tmp_path / 'd'}", f"out={tmp_path / 'o'}") == 0
    assert "1 of 1 episodes came out the same, bit for bit" in capsys.readouterr().out
    path = next((tmp_path / "d").glob("data/**/*.parquet"))
    table = pq.read_table(path)
    state = np.array(table.column("observation.state").to_pylist(), np.float32)
    state[7, 2] = np.nextafter(state[7, 2], np.float32(9))
    kind = table.schema.field("observation.state").type
    at = table.column_names.index("observation.state")
    pq.write_table(table.set_column(at, "observation.state", pa.array(state.tolist(), kind)), path)
    assert data("replay", f"data={tmp_path / 'd'}", f"out={tmp_path / 'p'}") == 1
    assert "observation.state differs from data row 7 on" in capsys.readouterr().out


def test_what_did_not_come_from_the_simulation_is_not_replayed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = strangers(tmp_path / "d", "v3.0")
    assert data("replay", f"data={folder}", f"out={tmp_path / 'o'}") == 2
    assert "episode 0 did not come from the simulation" in capsys.readouterr().err


def test_a_camera_with_odd_sides_is_refused(tmp_path: Path) -> None:
    from agent.episodes.video import VideoWriter

    with pytest.raises(UserError, match="wants even sizes"):
        VideoWriter(tmp_path / "x.mp4", 10.0, 31, 48)
