"""Episodes go out as ROS 2 bags and come back; damaged bags are one line."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from agent import cli
from agent.episodes import EpisodeReader, EpisodeWriter, validate
from agent.episodes.bags import read_bag, write_bag
from agent.errors import UserError
from tests.datasets import record


def test_there_and_back_again(tmp_path: Path) -> None:
    folder = record(tmp_path / "d", 1, 2)
    assert cli.main(["data", "to_bag", f"data={folder}", "episodes=1", f"out={tmp_path / 'bags'}"]) == 0
    bag = tmp_path / "bags" / "episode-000001"
    assert cli.main(["data", "from_bag", f"data={bag}", "fps=10", f"out={tmp_path / 'back'}"]) == 0
    assert validate(tmp_path / "back") == []
    mine, back = EpisodeReader(folder), EpisodeReader(tmp_path / "back")
    assert back.length(0) == mine.length(1)
    a, b = mine.window(1, 0, 12), back.window(0, 0, 12)
    assert np.array_equal(a.state, b.state)
    assert np.array_equal(a.action, b.action)
    assert b.time_s == pytest.approx(a.time_s)
    assert a.language == b.language
    assert np.abs(a.pictures["front"].astype(int) - b.pictures["front"]).mean() < 4
    assert (back.facts(0).seed, back.facts(0).said) == (2, mine.facts(1).said)


def test_another_rate_holds_what_was_heard_last(tmp_path: Path) -> None:
    reader = EpisodeReader(record(tmp_path / "d", 1))
    write_bag(tmp_path / "bag", reader, 0)
    with EpisodeWriter(tmp_path / "fast") as writer:
        read_bag(tmp_path / "bag", writer, 20.0)
    fast = EpisodeReader(tmp_path / "fast")
    assert fast.length(0) == 23
    states = fast.window(0, 0, 23).state[:, 0]
    assert states == pytest.approx(0.01 * (np.arange(23) // 2), abs=1e-6)


def test_a_damaged_bag_is_one_line_and_costs_nothing(tmp_path: Path) -> None:
    write_bag(tmp_path / "bag", EpisodeReader(record(tmp_path / "d", 1)), 0)
    (file,) = (tmp_path / "bag").glob("*.mcap")
    size = file.stat().st_size
    with EpisodeWriter(tmp_path / "out") as writer:
        for cut in (size - 5, size // 2, 10, 0):
            os.truncate(file, cut)
            with pytest.raises(UserError, match="is no bag, or damaged"):
                read_bag(tmp_path / "bag", writer, 10.0)
        with pytest.raises(UserError, match="there is no bag"):
            read_bag(tmp_path / "none", writer, 10.0)
        assert writer.episodes == 0
