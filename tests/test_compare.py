"""Paired statistics are the textbooks', causes are told apart, reports show what failed, two evaluations compare."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from agent import cli
from agent.plan import parse_call, parse_plan
from robots.interface import Status
from sim.causes import Cause, astray, cause_of, causes
from sim.controls import Blindfolded, contradiction
from sim.episode import TaskSpec, theatre
from sim.report import too_few
from sim.stage import oracle, panda
from sim.stats import Paired, enough, holm, paired, rate_of
from tests.test_evaluate import deaf, lines, run


def test_mcnemar_is_the_binomials() -> None:
    assert Paired(both=3, first=1, second=9, neither=0).mcnemar_p == pytest.approx(22 / 1024)
    assert Paired(both=3, first=0, second=0, neither=2).mcnemar_p == 1.0
    assert Paired(both=0, first=4, second=4, neither=0).mcnemar_p == 1.0
    few = [Paired(both=0, first=k, second=0, neither=0).mcnemar_p for k in (5, 6)]
    assert few[0] > 0.05 > few[1]


def test_the_interval_of_a_difference_is_newcombes() -> None:
    """Table II of Newcombe 1998, method 10: 36, 12, 2, 0 gives 0.0569 to 0.3404."""
    low, high = Paired(both=36, first=12, second=2, neither=0).interval_95
    assert (low, high) == (pytest.approx(0.0569, abs=2e-4), pytest.approx(0.3404, abs=2e-4))
    low, high = Paired(both=53, first=0, second=0, neither=1).interval_95
    assert -low == pytest.approx(high)
    assert 0.0 < high < 0.15


def test_the_interval_covers_the_truth() -> None:
    rng = np.random.default_rng(5)
    p = np.array([0.6, 0.2, 0.08, 0.12])
    hits = 0
    for _ in range(400):
        both, first, second, neither = (int(x) for x in rng.multinomial(100, p))
        low, high = Paired(both=both, first=first, second=second, neither=neither).interval_95
        hits += low <= p[1] - p[2] <= high
    assert 0.925 <= hits / 400 <= 0.985


def test_several_tests_at_once() -> None:
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([]) == []
    assert paired([(True, True), (True, False), (False, False)]) == Paired(both=1, first=1, second=0, neither=1)


def test_so_many_are_enough() -> None:
    n = enough(0.5, 0.05)
    low, high = rate_of([True] * (n // 2) + [False] * (n - n // 2)).wilson_95
    assert (high - low) / 2 == pytest.approx(0.05, abs=0.001)


def line(**changes: Any) -> dict[str, Any]:
    given = {"success": False, "stop": "done", "expected": "act", "declined": "", "calls": [], "reason": ""}
    return {**given, **changes}


def call(status: Status) -> dict[str, str]:
    return {"call": "pick(red block)", "status": status.value, "detail": ""}


@pytest.mark.parametrize(
    ("given", "cause"),
    [
        (line(success=True), None),
        (line(calls=[call(Status.GRASP_FAILED)], stop="repeated failure"), Cause.GRASP),
        (line(calls=[call(Status.GRASP_FAILED), call(Status.UNREACHABLE), call(Status.SUCCEEDED)]), Cause.MOTION),
        (line(calls=[call(Status.TARGET_NOT_FOUND)]), Cause.PERCEPTION),
        (line(calls=[call(Status.GRASP_FAILED)], stop="too many calls"), Cause.LIMIT),
        (line(expected="ask"), Cause.PLAN),
        (line(stop="refused", declined="no"), Cause.PLAN),
        (line(calls=[call(Status.SUCCEEDED)]), Cause.MOTION),
        (line(calls=[call(Status.GRASP_FAILED)], astray={"cause": "perception", "call": ""}), Cause.PERCEPTION),
        (line(links=[{"calls": [call(Status.PATH_BLOCKED)]}]), Cause.MOTION),
    ],
)
def test_each_failure_has_a_cause(given: dict[str, Any], cause: Cause | None) -> None:
    assert cause_of(given) is cause
    assert causes([given, given]) == ({cause.value: 2} if cause is not None else {})


@pytest.mark.parametrize("status", [s for s in Status if s is not Status.SUCCEEDED])
def test_every_status_has_one(status: Status) -> None:
    assert isinstance(cause_of(line(calls=[call(status)])), Cause)


def test_a_call_is_held_against_all_that_remain() -> None:
    known = parse_plan("pick(red block @ 100 50)\nplace(in green bowl @ 60 140)\npick(blue block @ 30 30)\ndone()")

    def judged(text: str) -> Cause | None:
        return astray(parse_call(text), known, 12.0)

    assert judged("pick(thing @ 104 56)") is None, "words may differ"
    assert judged("pick(blue block @ 31 30)") is None, "and the order"
    assert judged("pick(red block @ 100 80)") is Cause.PERCEPTION
    assert judged("place(on green bowl @ 60 140)") is Cause.PLAN
    assert judged("place(in green bowl @ 160 140)") is Cause.PERCEPTION
    assert judged("done()") is Cause.PLAN, "too early"
    assert judged("refuse(no)") is Cause.PLAN
    assert astray(parse_call("done()"), parse_plan("done()"), 12.0) is None


def test_the_oracles_own_calls_are_never_astray_and_a_wrong_one_is(tmp_path: Path) -> None:
    figures = run(tmp_path / "a", planner=partial(deaf, text="pick(thing @ 5 5)\ndone()"), tasks=["put"], arms=0)
    assert figures["causes"] == {"perception": 2}
    assert all(x["astray"]["call"].startswith("pick(thing @ 5 5), where pick(") for x in lines(tmp_path / "a"))
    figures = run(tmp_path / "b", planner=partial(told), tasks=["put"], arms=0)
    assert figures["causes"] == {}
    assert not any("astray" in x for x in lines(tmp_path / "b"))


def told(stage: Any) -> Any:
    """The oracle under another name, so that its calls are held against itself."""
    return oracle(stage)


def test_what_contradicts_can_be_done_and_is_something_else() -> None:
    house = theatre("auto", panda)
    for seed in range(2_000_000, 2_000_004):
        spec = TaskSpec(task="put", split="trained", seed=seed)
        stage = house.set(spec)
        assert stage.drawn is not None
        found = contradiction(house, spec, stage.drawn)
        assert found is not None
        task, drawn = found
        assert drawn.instruction != stage.drawn.instruction
        assert not set(drawn.goal.split(" and ")) & set(stage.drawn.goal.split(" and "))
        assert not all(task.parts(stage.world, drawn).values())
        again = contradiction(house, spec, stage.drawn)
        assert again is not None
        assert again[1].instruction == drawn.instruction


def test_the_blind_see_grey_and_feel_as_before() -> None:
    house = theatre("auto", panda)
    house.set(TaskSpec(task="put", split="trained", seed=2_000_000))
    seen, plain = Blindfolded(house.robot).observe(), house.robot.observe()
    assert set(np.unique(seen.main.rgb)) == {128}
    assert np.array_equal(seen.main.depth_m, plain.main.depth_m)
    assert plain.main.rgb.std() > 10


def test_reports_name_rates_causes_and_failures(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    figures = run(tmp_path, planner=partial(deaf, text="refuse(no)"), tasks=["put"], arms=1, video_failures=True)
    page, text = (tmp_path / "report.html").read_text(), (tmp_path / "report.md").read_text()
    assert "| put | 0/2 | 0.0% |" in text
    assert "| plan | 2 |" in text
    assert set(figures["arms"]) == {"blank", "shuffled", "contradicted", "blind"}
    assert figures["arms"]["contradicted"]["obeyed"]["rate"] == 0.0
    films = sorted((tmp_path / "videos").iterdir())
    assert len(films) == 2
    assert all(f"videos/{film.name}" in page for film in films)
    assert page.count("<details>") == 2
    assert "few" in capsys.readouterr().out
    assert too_few({"tasks": {"put": rate_of([True] * 400).figures()}}) == []
    assert "<script" not in page
    assert "http" not in page


def test_two_evaluations_compare(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first, second = tmp_path / "a", tmp_path / "b"
    run(first, tasks=["put"], episodes=6)
    given = (first / "episodes.jsonl").read_text().replace('"oracle"', '"other"').replace("true", "false")
    second.mkdir()
    (second / "episodes.jsonl").write_text(given)
    out = tmp_path / "out"
    assert cli.main(["evaluate", "compare", str(first), str(second), f"out={out}"]) == 0
    assert "is better than other" in capsys.readouterr().out
    figures = json.loads((out / "result.json").read_text())
    assert figures["all"] == {**figures["all"], "n": 6, "first": 6, "second": 0, "mcnemar_p": 0.03125}
    assert "| put | 6 | 100.0% | 0.0% | 6 | 0 |" in (out / "compare.md").read_text()
    assert (out / "compare.html").read_text().count("<details>") == 12


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda text: "", "has no episodes"),
        (lambda text: text[: len(text) // 2], "is no record of an episode"),
        (lambda text: text.replace('"seed": 20', '"seed": 21'), "no episode in common"),
        (lambda text: text.replace('"goal": "', '"goal": "not '), "not the same episode in both: goal"),
    ],
)
def test_what_can_not_be_compared_is_one_line(
    damage: Any, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second = tmp_path / "a.jsonl", tmp_path / "b.jsonl"
    record = {"arm": "agent", "task": "put", "split": "trained", "seed": 2000000, "goal": "in(a, b)", "success": True}
    first.write_text(json.dumps(record) + "\n")
    second.write_text(damage(first.read_text()))
    assert cli.main(["evaluate", "compare", str(first), str(second), f"out={tmp_path / 'out'}"]) == 2
    told = capsys.readouterr().err
    assert said in told
    assert told.count("\n") == 1
    assert cli.main(["evaluate", "compare", str(first), f"out={tmp_path / 'out'}"]) == 2
    assert "two evaluations" in capsys.readouterr().err
