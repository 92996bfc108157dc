"""A recorded run, again: the same to the bit, and told where it differs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from agent.approval import Approval
from agent.cli import main
from agent.errors import UserError
from agent.flight import FlightRecorder, read
from agent.plan import PrimitiveCall
from agent.verbs import Verb
from robots.interface import Status

RUN = ["pick up the red block", "scene.objects=[red block]", "video=false", "seed=2000004", "renderer=tiny"]


@pytest.fixture(scope="module")
def flown(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("flown")
    assert main([*RUN, f"recording={folder}/flight", f"out={folder}/run"]) == 0
    return folder


def result(folder: Path) -> dict[str, object]:
    read: dict[str, object] = json.loads((folder / "result.json").read_text())
    return read


def test_it_comes_out_the_same(flown: Path, tmp_path: Path) -> None:
    assert main(["replay", f"recording={flown}/flight", f"out={tmp_path}"]) == 0
    told, kept = result(tmp_path), result(flown / "run")["recording"]
    assert told["same"] is True
    assert told["difference"] is None
    assert int(str(told["steps"])) > 100
    assert isinstance(kept, dict)
    assert told["head"] == kept["head"]
    kinds = {e.kind for e in read(flown / "flight")}
    assert {"about", "observation", "picture", "plan", "call", "command", "wait", "result", "settled", "end"} <= kinds


def test_it_says_where_it_differs(flown: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sim.world.SOLVER_ITERATIONS", 7)
    assert main(["replay", f"recording={flown}/flight", f"out={tmp_path}"]) == 1
    difference = result(tmp_path)["difference"]
    assert isinstance(difference, dict)
    assert "was recorded, now" in difference["what"]


def test_a_changed_byte_is_one_line(flown: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (path,) = (flown / "flight").glob("*.flight")
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 4
    (tmp_path / path.name).write_bytes(data)
    assert main(["replay", f"recording={tmp_path}", "check_only=true", f"out={tmp_path}/out"]) == 2
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert "is not what was recorded: record" in told


def test_a_recording_has_no_say_in_what_is_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for about in ({"words": ["scene._target_=os.system"], "command": "run"}, {"words": [], "command": "train"}):
        folder = tmp_path / str(about["command"])
        FlightRecorder(folder, about).close()
        assert main(["replay", f"recording={folder}", f"out={tmp_path}/out"]) == 2
        assert capsys.readouterr().err.count("\n") == 1


def test_a_verb_that_nobody_approves_of_is_not_done() -> None:
    asked: list[str] = []

    def no(call: str) -> bool:
        asked.append(call)
        return False

    approval = Approval(["press"], no)
    refused = approval.refusal(PrimitiveCall(verb=Verb.PRESS, target="stove", point=(1, 2)))
    assert refused is not None
    assert refused.status is Status.NOT_APPROVED
    assert asked == ["press(stove @ 1 2)"]
    assert approval.refusal(PrimitiveCall(verb=Verb.PICK, target="apple", point=(1, 2))) is None
    with pytest.raises(UserError, match="no verb 'pres'"):
        Approval(["pres"], lambda call: True)


@pytest.mark.parametrize("word", ["safety.approve=[pres]", "safety.near_m_s=-1.0", "safety.stop_s=0.1", "safety=none"])
def test_settings_that_do_not_fit_are_one_line(word: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*RUN, word, f"out={tmp_path}/out"]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_nobody_at_the_terminal_is_a_no(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin.readline", lambda: "", raising=False)
    assert main([*RUN, "safety.approve=[pick]", "bounds.max_failures=1", f"out={tmp_path}"]) == 1
    calls = result(tmp_path)["calls"]
    assert isinstance(calls, list)
    assert calls[0]["status"] == "not approved"
