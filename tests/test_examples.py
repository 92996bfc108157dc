"""The examples run, and do what they say."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from agent.episodes import EpisodeReader, validate
from agent.plan import parse_plan

ROOT = Path(__file__).parents[1]


def run(name: str, *arguments: str) -> str:
    command = [sys.executable, str(ROOT / "examples" / name), *arguments]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        command,
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_plan_from_picture(tmp_path: Path) -> None:
    out = run("plan_from_picture.py", "put the red block in the green bowl", str(tmp_path / "plan.png"))
    calls = parse_plan(out.partition("the points")[0].strip())
    assert [c.verb.value for c in calls] == ["pick", "place", "done"]
    assert (tmp_path / "plan.png").stat().st_size > 1000


def test_record_episode(tmp_path: Path) -> None:
    out = run("record_episode.py", str(tmp_path / "episodes"))
    assert "success: True" in out
    (episode,) = EpisodeReader(tmp_path / "episodes")
    assert [step.call.partition("(")[0] for step in episode.steps] == ["pick", "place", ""]
    assert episode.steps[0].rgb.shape == (224, 224, 3)
    assert validate(tmp_path / "episodes") == []
