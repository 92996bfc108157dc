"""A run that was cut off, by whatever, goes on to the same losses and the same weights, to the last bit."""

from __future__ import annotations

import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from agent.errors import PalmettoError  # noqa: E402
from agent.training.rounds import Rounds  # noqa: E402
from agent.vlm.checkpoint import CheckpointError, load_checkpoint  # noqa: E402
from tests.training_runs import PARTS, RICH, kept, losses, rich_run  # noqa: E402


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs")
    rich_run(folder, "whole")
    return folder


def assert_same(folder: Path, out: str) -> None:
    whole, other = kept(folder / "whole"), kept(folder / out)
    assert whole.keys() == other.keys()
    assert {"live.safetensors/decoder.embed.weight", "optimizer.safetensors/at"} <= whole.keys()
    assert [k for k in whole if not torch.equal(whole[k], other[k])] == []
    assert losses(folder / "whole") == losses(folder / out)
    assert [line["step"] for line in losses(folder / out)] == list(range(1, RICH.steps + 1))
    assert {"words@say", "words@act", "points@act"} <= losses(folder / out)[-1].keys()


def test_killed_in_the_middle_of_a_save(unbroken: Path) -> None:
    command = [sys.executable, "-m", "tests.training_runs", unbroken]
    done = subprocess.run(command, check=False, cwd=Path(__file__).parents[1])
    assert done.returncode == -signal.SIGKILL
    assert (unbroken / "killed/next").is_dir()
    rich_run(unbroken, "killed")
    assert_same(unbroken, "killed")


@pytest.mark.parametrize("step", [1, 4, 7])
def test_interrupted_between_saves(unbroken: Path, step: int) -> None:
    def interrupt(line: str) -> None:
        if line.startswith(f"step {step}/"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        rich_run(unbroken, f"at{step}", report=interrupt)
    rich_run(unbroken, f"at{step}")
    assert_same(unbroken, f"at{step}")


@pytest.fixture
def small_files() -> Iterator[None]:
    """For the test to set a limit that no file may pass: the write then fails as on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_full_disk_loses_nothing_that_was_saved(unbroken: Path, small_files: None) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)

    def fill(line: str) -> None:
        if line.startswith("step 5/"):
            resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, hard))

    with pytest.raises(PalmettoError, match=r"the disk is full: .*full could not be saved; .*run the same again"):
        rich_run(unbroken, "full", report=fill)
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert load_checkpoint(unbroken / "full").training["step"] == 3
    assert not (unbroken / "full/next").exists(), "what could not be finished takes no room"
    rich_run(unbroken, "full")
    assert_same(unbroken, "full")


def test_another_configuration_is_one_line_that_names_the_options(unbroken: Path, monkeypatch) -> None:
    act = dict(PARTS["act"])
    other = replace(RICH, ema=0.8, lr=0.5, curve="linear", log_every=2, checkpointing=True, device="cpu")
    monkeypatch.setitem(PARTS, "act", {"data": "act", "weight": 2.0})
    with pytest.raises(CheckpointError, match=r"other curve, ema, lr, mixture\.parts\.act; give another out="):
        rich_run(unbroken, "whole", other)
    monkeypatch.setitem(PARTS, "act", {**act, "data": "say"})
    with pytest.raises(CheckpointError, match=r"other mixture\.parts\.act; give"):
        rich_run(unbroken, "whole")


def _rounds(rates: list[int], patience: int = 2) -> Rounds:
    """Plays as it is told, by the step that its checkpoint is of."""

    def play(checkpoint: Path) -> tuple[int, int]:
        return rates[load_checkpoint(checkpoint).training["step"] - 1], 10

    return Rounds(play=play, every=1, patience=patience)


def test_a_run_ends_where_rounds_bring_nothing_better_and_keeps_the_best(tmp_path: Path) -> None:
    said: list[str] = []
    rates = [3, 6, 6, 5, 9, 9, 9, 9]
    rich_run(tmp_path, "out", report=said.append, rounds=_rounds(rates))
    assert load_checkpoint(tmp_path / "out").training["step"] == 4
    best = load_checkpoint(tmp_path / "out/best")
    assert best.training["step"] == 2
    assert best.training["rounds"][-1] == {"step": 2, "successes": 6, "episodes": 10}
    assert "nothing better" in said[-1]
    assert [line["success"] for line in losses(tmp_path / "out") if "success" in line] == [0.3, 0.6, 0.6, 0.5]
    two = replace(RICH, steps=2, decay=0)
    rich_run(tmp_path, "short", replace(RICH, decay=0, steps=4), rounds=_rounds(rates))
    rich_run(tmp_path, "two", two)
    shipped = load_checkpoint(tmp_path / "two").weights
    found = load_checkpoint(tmp_path / "short/best").weights
    assert all(torch.equal(shipped[k], found[k]) for k in shipped), "rounds change nothing of what is learnt"


def test_rounds_go_on_where_a_run_was_cut_off(tmp_path: Path) -> None:
    rates = [3, 4, 6, 5, 4, 9, 9, 9]
    rich_run(tmp_path, "whole", rounds=_rounds(rates))

    def interrupt(line: str) -> None:
        if line.startswith("step 3: 6 of 10"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        rich_run(tmp_path, "cut", report=interrupt, rounds=_rounds(rates))
    rich_run(tmp_path, "cut", rounds=_rounds(rates))
    assert losses(tmp_path / "whole") == losses(tmp_path / "cut")
    assert losses(tmp_path / "cut")[-1]["step"] == 5
    assert load_checkpoint(tmp_path / "cut/best").training["step"] == 3
    again: list[str] = []
    rich_run(tmp_path, "cut", report=again.append, rounds=_rounds(rates))
    assert len(again) == 1, "a run that is over stays over"
