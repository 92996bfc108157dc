"""The command line from outside: exit codes, one-line errors, what is left behind."""

from __future__ import annotations

import errno
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import av
import pytest

import agent
from agent import cli
from agent.onboard.manifest import seal
from agent.plan import Plan, PrimitiveResult, parse_plan
from agent.sentence import clean_instruction
from robots.interface import Observation

ROOT = Path(__file__).parents[1]
SENTENCE = "put the red block in the green bowl"


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def last_line(capsys: pytest.CaptureFixture[str]) -> str:
    """What went to standard error, which is exactly one line."""
    err = capsys.readouterr().err
    assert err.count("\n") == 1, err
    assert err.startswith("palmetto: ")
    return err


def result(out: str | Path) -> dict[str, object]:
    content: dict[str, object] = json.loads((Path(out) / "result.json").read_text())
    return content


def test_a_sentence_becomes_motion_that_the_physics_confirms(capsys: pytest.CaptureFixture[str]) -> None:
    code = cli.main([SENTENCE, "planner=oracle", "out=out", "goal=in(red block, green bowl)"])
    content = result("out")
    assert code == 0
    assert (content["command"], content["status"], content["seed"]) == ("run", "done", 2_000_000)
    assert (content["success"], content["verified"], content["declined"]) == (True, True, None)
    calls = content["calls"]
    assert isinstance(calls, list)
    assert [c["status"] for c in calls] == ["succeeded", "succeeded"]
    assert sorted(os.listdir("out")) == ["after.png", "before.png", "episode.mp4", "plan.txt", "result.json"]
    assert Path("out/plan.txt").read_text().startswith("pick(red block @ ")
    with av.open("out/episode.mp4") as film:
        assert 5 < sum(1 for _ in film.decode(video=0)) < 400
    shown = capsys.readouterr().out
    assert "pick(red block @ " in shown
    assert "success: in(red block, green bowl)" in shown


def test_without_a_goal_success_is_unknown_and_the_plans_own_claims_are_checked() -> None:
    assert cli.main(["stack the red block on the blue block", "planner=oracle", "out=out", "video=false"]) == 0
    content = result("out")
    assert (content["success"], content["verified"]) == (None, True)
    assert content["claims"] == [{"predicate": "on(red block, blue block)", "holds": True}]
    assert not Path("out/episode.mp4").exists()


class Scripted:
    """What `planner=` stands for in these tests: fixed texts, one a call."""

    texts: tuple[str, ...] = ("done()",)

    def plan(self, instruction: str, observation: Observation, history: Sequence[PrimitiveResult]) -> Plan:
        text = self.texts[min(len(history), len(self.texts) - 1)]
        return Plan(instruction=instruction, calls=parse_plan(text), text=text, planner="script")


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> type[Scripted]:
    monkeypatch.setattr("agent.planners.trained", lambda stage=None, *, name, device: Scripted())
    return Scripted


@pytest.mark.parametrize(
    ("text", "code", "status"),
    [
        ("refuse(no cup here)", 3, "declined"),
        ("ask(which block)", 3, "declined"),
        ("done()", 1, "failed"),  # nothing was done: nothing is a success by default
        ("pick(red block)\ndone()", 1, "failed"),
    ],
)
def test_each_ending_has_its_exit_code(
    text: str, code: int, status: str, script: type[Scripted], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(script, "texts", (text,))
    assert cli.main([SENTENCE, "out=out", "video=false"]) == code
    content = result("out")
    assert content["status"] == status
    assert content["declined"] == {"refuse": "no cup here", "ask": "which block"}.get(text.partition("(")[0])


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([""], "the sentence is empty"),
        (["   "], "the sentence is empty"),
        (["run"], "run what?"),
        (["word " * 5000], "the sentence has 5000 words"),
        (["mets le bloc rouge dans le bol vert"], "does not read as English"),
        (["lege den roten Block in die gruene Schale"], "does not read as English"),
        (["把红块放进绿碗里面去吧 谢谢"], "plain English takes letters"),
        (["put the \N{LARGE RED SQUARE} block in the bowl"], "plain English takes letters"),
        (["put \udcff\udcfe in the bowl"], "is binary"),
        (["put the\0block in the bowl"], "is binary"),
        (["?! ..."], "there are no words"),
        (["dance"], "no command 'dance'; there is: run, chat"),
        ([SENTENCE, "nope=1"], "no option of run 'nope'"),
        ([SENTENCE, "scene.objects=[magenta block]"], "'magenta' names nothing here"),
        ([SENTENCE, "planner=oracle", "goal=in(red block"], "can't be judged"),
        ([SENTENCE, "planner=oracle", "goal=in(red block, purple plate)"], "can't be judged"),
        ([SENTENCE, "renderer=magic"], "no renderer 'magic'; there is: auto, gl, tiny"),
        ([SENTENCE, "planner=oracle", "out=/proc/nowhere/at/all"], "can't write"),
        ([SENTENCE, "planner=oracle", "seed=-4"], "a seed is a whole number from 0 on"),
        ([SENTENCE, "bounds.max_failures=0"], "bounds.max_failures=0 does not fit"),
        ([SENTENCE, "scene.distractors=-1"], "scene.distractors=-1 does not fit"),
        (["juggle the red block for a while", "planner=oracle"], "the oracle can't read"),
        (["train"], ""),
        (["evaluate", "suite=nope"], "no suite 'nope'; there is: tabletop"),
        (["evaluate", "seed=5"], "tests begin at 2000000"),
        (["evaluate", "instructions=nope.jsonl"], "can't be read"),
        (["collect", "seed=2000000"], "takes training seeds"),
        ([SENTENCE, "scene.objects=3"], "scene.objects=3 is no list"),
        (["evaluate", "tasks=3"], "tasks=3 is no list"),
        (["evaluate", "tasks=nope"], "'nope'"),
        (["evaluate", "tasks=[put]", "arms=foo"], "arms=foo: auto, or how many"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_two(
    words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(words) == 2
    assert said in last_line(capsys)
    assert os.listdir(".") == [], "a command that was not understood leaves nothing"


def test_gui_without_a_display_is_one_line(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.delenv("DISPLAY", raising=False)
    assert cli.main([SENTENCE, "planner=oracle", "gui=true"]) == 2
    assert "gui=true needs a display" in last_line(capsys)


def test_a_damaged_checkpoint_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "bundle"
    folder.mkdir()
    (folder / "manifest.json").write_text('{"format": 1')
    assert cli.main([SENTENCE, f"planner={folder}"]) == 2
    assert str(folder) in last_line(capsys)


def test_a_manifest_of_another_bundle_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "bundle"
    shutil.copytree(Path(agent.__file__).parent / "checkpoints" / "nano", folder)
    manifest = json.loads((folder / "manifest.json").read_text())
    written = "holds what no export writes"
    for key, wrong, said in (
        ("layers", 7, "other sizes than the graphs have"), ("layers", "x", written), ("words", 5, written),
        ("foreign", [3], written), ("sha256", [], written), ("name", None, written),
    ):  # fmt: skip
        (folder / "manifest.json").write_text(json.dumps({**manifest, key: wrong}))
        seal(folder)
        assert cli.main([SENTENCE, f"planner={folder}"]) == 2
        assert said in last_line(capsys)


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EPIPE])
def test_a_standard_output_that_takes_nothing_more_is_one_line(
    number: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(words: list[str], *, began: float) -> int:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(cli, "command_line", full)
    assert cli.main([]) == 1
    assert last_line(capsys).strip() == f"palmetto: can't write: {os.strerror(number)}"


def test_plain_sentences_pass_and_are_tidied() -> None:
    assert clean_instruction("  Put the “red” block\n in the bowl…  ") == 'Put the "red" block in the bowl...'
    for sentence in ("put a flurgle on the zarp", "red block, green bowl", "Would you be so kind as to swap them?"):
        assert clean_instruction(sentence) == sentence


def test_chat_goes_on_after_a_bad_line_and_keeps_its_world(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], script: type[Scripted]
) -> None:
    lines = ["objects\n", "把红块\n", "what is on the table\n", "\n", "quit\n", "put it away\n"]
    monkeypatch.setattr(script, "texts", ("ask(which block)",))
    monkeypatch.setattr("sys.stdin", _Lines(lines))
    assert cli.main(["chat", "out=out", "scene.objects=[red block,green bowl]"]) == 0
    turns = result("out")["turns"]
    assert isinstance(turns, list)
    assert [(t["instruction"], t["status"]) for t in turns] == [("what is on the table", "declined")]
    shown = capsys.readouterr().out
    assert "red block, green bowl" in shown
    assert "what?  the sentence has" in shown


class _Lines:
    def __init__(self, lines: list[str]) -> None:
        self._lines = list(lines)

    def readline(self) -> str:
        return self._lines.pop(0) if self._lines else ""

    def isatty(self) -> bool:
        return False


def test_multirun_runs_every_combination() -> None:
    words = ["-m", SENTENCE, "planner=oracle", "video=false", "seed=2000001,2000002", "out=out"]
    assert cli.main(words) == 0
    assert [result(f"out/{i}")["seed"] for i in (0, 1)] == [2_000_001, 2_000_002]


def launch(*words: str) -> subprocess.Popen[str]:
    command = [sys.executable, str(ROOT / "launch.py"), *words]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_ctrl_c_in_mid_motion_stops_in_one_line_and_leaves_nothing_half_written() -> None:
    process = launch(SENTENCE, "planner=oracle", "out=out")
    assert process.stdout is not None
    while "  1  pick(" not in (shown := process.stdout.read(1) + process.stdout.readline()):
        assert shown, process.communicate()
        if shown.strip() == "done()":
            break
    time.sleep(0.4)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (130, "palmetto: interrupted\n")
    content = result("out")
    assert content["status"] == "interrupted"
    calls = content["calls"]
    assert isinstance(calls, list)
    assert calls[-1]["status"] == "stopped"
    assert sorted(os.listdir("out")) == ["episode.mp4", "result.json"]
    with av.open("out/episode.mp4") as film:
        assert sum(1 for _ in film.decode(video=0)) > 1


def test_no_arguments_show_the_overview_and_say_so_with_the_exit_code(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main([]) == 2
    assert "palmetto COMMAND" in capsys.readouterr().out
    assert cli.main(["--help"]) == 0
    assert cli.main(["run", "--help"]) == 0
    assert "instruction=null" in capsys.readouterr().out


def test_cfg_shows_what_is_composed(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["run", "seed=5", "--cfg"]) == 0
    assert "seed: 5\n" in capsys.readouterr().out
