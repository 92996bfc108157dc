"""Files are whole or absent, whatever happens while they are written."""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path

import cv2
import numpy as np
import pytest

from agent.artifacts import RunRecord, replacing, write_json, write_png, write_text
from agent.errors import Exit, PalmettoError, UserError
from robots.interface import Status


def test_a_file_that_fails_half_way_leaves_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "plan.txt"
    write_text(path, "old")

    def fail_half_way() -> None:
        with replacing(path) as temporary:
            temporary.write_text("ne")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail_half_way()
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["plan.txt"]


@pytest.mark.parametrize(
    ("number", "kind", "code"), [(errno.ENOSPC, PalmettoError, Exit.FAILED), (errno.EROFS, UserError, Exit.USAGE)]
)
def test_a_full_or_locked_disk_is_one_line(
    number: int, kind: type[PalmettoError], code: Exit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(kind) as caught:
        write_text(tmp_path / "plan.txt", "text")
    assert "\n" not in str(caught.value)
    assert "out=DIR" in str(caught.value)
    assert caught.value.exit_code is code
    assert os.listdir(tmp_path) == []


def test_a_picture_comes_back_as_it_was(tmp_path: Path) -> None:
    rgb = np.random.default_rng(0).integers(0, 256, (20, 30, 3)).astype(np.uint8)
    write_png(tmp_path / "a" / "before.png", rgb)
    np.testing.assert_array_equal(cv2.imread(str(tmp_path / "a" / "before.png"))[..., ::-1], rgb)


def test_a_record_says_what_when_and_with_which_versions(tmp_path: Path) -> None:
    record = RunRecord(command="run", out=tmp_path, seed=7, figures={"calls": [{"status": Status.SUCCEEDED}]})
    with record.timed("scene"):
        record.figures["share"] = np.float64(0.5)
    record.write("done")
    content = json.loads((tmp_path / "result.json").read_text())
    assert (content["command"], content["status"], content["seed"], content["share"]) == ("run", "done", 7, 0.5)
    assert content["calls"] == [{"status": "succeeded"}]
    assert set(content["timings_s"]) == {"scene", "total"}
    assert content["versions"]["numpy"] == np.__version__


def test_what_is_no_number_does_not_go_into_json(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="JSON"):
        write_json(tmp_path / "a.json", {"rate": float("nan")})
    assert os.listdir(tmp_path) == []
