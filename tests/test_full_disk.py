"""A disk that is full, really: what is written ends at a limit, and no byte that was there is lost."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from agent.episodes import EpisodeReader, validate
from tests.datasets import record

ROOT = Path(__file__).parents[1]
FULL = """
import resource, sys
sys.path.insert(0, {root!r})
from pathlib import Path
from agent.errors import PalmettoError
from tests.datasets import record
resource.setrlimit(resource.RLIMIT_FSIZE, ({most}, {most}))
try:
    for seed in range(10, 13):
        record(Path({folder!r}), seed, frames=40)
except PalmettoError as e:
    print(e)
    sys.exit(3)
"""


@pytest.mark.parametrize("most", [200, 3_000, 5_000, 9_000])
def test_no_file_may_grow_further_and_it_is_one_line(most: int, tmp_path: Path) -> None:
    """Limits that the settings, a table, a film and the rows of episodes come upon, one or another of them."""
    record(tmp_path, 1, 2)
    before = {p: p.read_bytes() for p in tmp_path.glob("**/*") if p.is_file() and "meta" not in p.parts}
    before.pop(tmp_path / ".lock")
    code = FULL.format(root=str(ROOT), folder=str(tmp_path), most=most)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 3, done.stderr
    assert done.stdout.count("\n") == 1
    assert "the disk is full" in done.stdout
    kept = [e.seed for e in EpisodeReader(tmp_path)]
    assert kept[:2] == [1, 2]
    record(tmp_path, 20)  # there is room again
    assert [e.seed for e in EpisodeReader(tmp_path)] == [*kept, 20]
    assert validate(tmp_path) == []
    assert all(path.read_bytes() == content for path, content in before.items())
