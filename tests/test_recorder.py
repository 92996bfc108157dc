"""Films play, show what happened when, and appear whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from agent.executor import Finished, Planned, Started
from agent.plan import Plan, PrimitiveResult, parse_plan
from agent.recorder import PANEL_PX, SIDE_PX, Recorder, draw_point
from robots.fake import FakeRobot
from robots.interface import Status

CALLS = parse_plan("pick(red block @ 112 56)\ndone()")
GREY = np.full((64, 64, 3), 90, np.uint8)
AMBER = np.array([250, 190, 70])


def film(path: Path, *, seconds: float = 2.0, failed: bool = False) -> Recorder:
    seen = FakeRobot().observe()
    recorder = Recorder(path, "put the red block away", lambda: GREY)
    recorder(Planned(plan=Plan(instruction="", calls=CALLS, text="", planner=""), seen=seen))
    recorder.still(1.0)
    recorder(Started(call=CALLS[0], seen=seen, time_s=0.0))
    for _ in range(round(seconds / 0.02)):
        recorder.moved(0.02)
    status = Status.GRASP_FAILED if failed else Status.SUCCEEDED
    recorder(Finished(result=PrimitiveResult(call=CALLS[0], status=status, detail="", start_s=0, end_s=2)))
    recorder.still(1.0, "verified")
    return recorder


def frames(path: Path) -> tuple[list[NDArray[np.uint8]], list[float]]:
    with av.open(str(path)) as container:
        decoded = list(container.decode(video=0))
    return [f.to_ndarray(format="rgb24") for f in decoded], [float(f.time or 0) for f in decoded]


def test_a_film_keeps_the_robots_time_at_ten_pictures_a_second(tmp_path: Path) -> None:
    film(tmp_path / "episode.mp4").close()
    pictures, times = frames(tmp_path / "episode.mp4")
    assert pictures[0].shape == (SIDE_PX, SIDE_PX + PANEL_PX, 3)
    assert times == sorted(times)
    assert times[-1] == pytest.approx(4.0, abs=0.15)
    assert 20 <= sum(1.0 <= t < 3.0 for t in times) <= 22


def test_the_point_is_ringed_while_its_call_runs_and_only_then(tmp_path: Path) -> None:
    film(tmp_path / "episode.mp4").close()
    pictures, times = frames(tmp_path / "episode.mp4")

    def ringed(picture: NDArray[np.uint8]) -> bool:
        around = picture[337 - 20 : 337 + 20, 169 - 20 : 169 + 20].astype(int)  # (112, 56) at three times the size
        return bool((np.abs(around - AMBER).sum(axis=-1) < 90).any())

    assert [ringed(p) for p, t in zip(pictures, times, strict=True) if 1.1 < t < 2.9] == [True] * 18
    assert not ringed(pictures[0])
    assert not ringed(pictures[-1])


def test_the_panel_shows_a_failure_in_red(tmp_path: Path) -> None:
    def reddish(path: Path) -> int:
        panel = frames(path)[0][-1][:, SIDE_PX:].astype(int)
        return int(((panel[..., 0] > 150) & (panel[..., 1] < 130)).sum())

    film(tmp_path / "fine.mp4").close()
    film(tmp_path / "failed.mp4", failed=True).close()
    assert reddish(tmp_path / "failed.mp4") > 50
    assert reddish(tmp_path / "fine.mp4") == 0


def test_before_it_is_closed_there_is_no_film_of_that_name(tmp_path: Path) -> None:
    recorder = film(tmp_path / "episode.mp4")
    assert not (tmp_path / "episode.mp4").exists()
    recorder.close()
    recorder.close()
    assert os.listdir(tmp_path) == ["episode.mp4"]


def test_a_discarded_film_leaves_nothing(tmp_path: Path) -> None:
    film(tmp_path / "episode.mp4").discard()
    assert os.listdir(tmp_path) == []


def test_a_point_lands_on_the_middle_of_its_pixel() -> None:
    picture = np.zeros((300, 300, 3), np.uint8)
    draw_point(picture, (40, 60), 3.0, (250, 190, 70))
    rows, cols = np.nonzero(picture.sum(axis=-1))
    assert (rows.mean(), cols.mean()) == pytest.approx((121.0, 181.0), abs=0.5)
