"""What the README says can be done is done here; what it says is there is looked for."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
CI = (ROOT / ".ci" / "run").read_text()


def blocks(language: str) -> list[str]:
    """The fenced blocks of a language, "" for none."""
    fenced = re.findall(r"^```(\w*)\n(.*?)^```", README, flags=re.DOTALL | re.MULTILINE)
    return [text for name, text in fenced if name == language]


RUN, TEST = (block.strip() for block in blocks("bash"))


def test_the_first_command_does_the_main_job(tmp_path: Path) -> None:
    setup, install, launch = RUN.split(" && ")
    assert setup == "python3 -m venv .venv"
    assert install.removeprefix(".venv/bin/") == "pip install ."
    python, *arguments = shlex.split(launch)
    assert python == ".venv/bin/python"
    done = subprocess.run(
        [sys.executable, *arguments, f"out={tmp_path / 'run'}"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    result = json.loads((tmp_path / "run" / "result.json").read_text())
    assert result["command"] == "run"
    assert result["status"] == "done"
    assert result["verified"] is True
    assert "in(red block, green bowl)" in [claim["predicate"] for claim in result["claims"] if claim["holds"]]
    for name in ("episode.mp4", "plan.txt"):
        assert (tmp_path / "run" / name).stat().st_size > 0, name
        assert f"`{name}`" in README


def test_ci_runs_what_the_second_command_runs() -> None:
    setup, install, tests = TEST.split(" && ")
    assert setup == "python3 -m venv .venv"
    assert install.removeprefix(".venv/bin/") == 'pip install -e ".[dev]"'
    assert 'pip" install --quiet -e ".[dev]"' in CI
    assert tests.removeprefix(".venv/bin/") == "python -m pytest"
    assert "\npython -m pytest\n" in CI


def tree() -> dict[str, str]:
    """Name -> what it is, from the block that begins with launch.py."""
    block = next(b for b in blocks("") if b.startswith("launch.py"))
    return dict(re.split(r"\s{2,}", line, maxsplit=1) for line in block.splitlines())


def test_the_tree_is_the_tree() -> None:
    named = set(tree())
    for name in named:
        assert (ROOT / name).exists(), name
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    folders = {f"{path.partition('/')[0]}/" for path in tracked.split() if "/" in path and not path.startswith(".")}
    assert folders == {name for name in named if name.endswith("/")}


def test_the_table_of_commands_is_complete() -> None:
    from agent.usage import COMMANDS

    table = README[README.index("| command | does |") :].partition("\n\n")[0]
    first_column = "\n".join(row.split("|")[1] for row in table.splitlines()[2:])
    named = set(re.findall(r"`([a-z]+)[ `]", first_column))
    assert named == set(COMMANDS)


@pytest.mark.parametrize("extra", re.findall(r"`\.\[([a-z]+)\]`", README))
def test_extras_that_are_named_exist(extra: str) -> None:
    assert re.search(rf"^{extra} = \[", (ROOT / "pyproject.toml").read_text(), flags=re.MULTILINE)
