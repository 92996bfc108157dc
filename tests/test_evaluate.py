"""Rates come from the physics, arms are honest, and an interrupted evaluation goes on where it was."""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from agent.artifacts import RunRecord
from agent.errors import UserError
from agent.executor import Bounds, Stop
from agent.plan import Plan, Planner, PrimitiveResult, parse_plan
from agent.stage import Stage
from robots.geometry import Pose
from robots.interface import Observation
from robots.relations import Side
from sim.controls import CONTROLS
from sim.episode import TaskSpec, draw, play, theatre
from sim.evaluate import evaluate
from sim.jobs import control_jobs, own_list
from sim.predicates import evaluate as holds
from sim.report import report
from sim.robot import open_sim_robot
from sim.room import pushes_have_a_way
from sim.scenes import scene_from_names
from sim.stage import oracle, panda
from sim.tasks.base import Push
from sim.workers import spread


class Deaf:
    """Says the same whatever it hears."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.heard: list[str] = []

    def plan(self, instruction: str, observation: Observation, history: Sequence[PrimitiveResult]) -> Plan:
        self.heard.append(instruction)
        return Plan(instruction=instruction, calls=parse_plan(self.text), text=self.text, planner="deaf")


def deaf(stage: Stage, *, text: str) -> Planner:
    return Deaf(text)


def run(out: Path, **changes: Any) -> dict[str, Any]:
    record = RunRecord(command="evaluate", out=out, seed=2_000_000)
    options: dict[str, Any] = {
        "suite": "tabletop", "split": "trained", "tasks": ["put", "absent"], "episodes": 2, "instructions": None,
        "arms": "auto", "planner": oracle, "robot": panda, "renderer": "auto", "workers": 1, "videos": 0,
        "bounds": Bounds(),
    }  # fmt: skip
    evaluate(record=record, **{**options, **changes})
    return record.figures


def lines(out: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (out / "episodes.jsonl").read_text().splitlines()]


def test_the_oracle_succeeds_and_every_episode_is_on_record(tmp_path: Path) -> None:
    figures = run(tmp_path)
    assert figures["tasks"]["put"]["rate"] == figures["tasks"]["absent"]["rate"] == figures["mean_rate"] == 1.0
    assert figures["tasks"]["put"]["wilson_95"][0] == pytest.approx(0.3424, abs=1e-4)
    assert figures["arms"] == {}, "the oracle reads no instruction"
    assert figures["false_alarms"]["n"] == 2
    assert [(x["task"], x["seed"], x["success"]) for x in lines(tmp_path)] == [
        ("put", 2_000_000, True), ("put", 2_000_001, True), ("absent", 2_000_000, True), ("absent", 2_000_001, True),
    ]  # fmt: skip


def test_the_arms_are_always_run_and_a_planner_that_refuses_is_a_false_alarm(tmp_path: Path) -> None:
    figures = run(tmp_path, planner=partial(deaf, text="refuse(no)"))
    assert figures["tasks"]["put"]["rate"] == 0.0
    assert figures["tasks"]["absent"]["rate"] == 1.0
    assert figures["false_alarms"] == {**figures["false_alarms"], "n": 2, "successes": 2}
    assert figures["reasons"] == {"false alarm: refuse": 2}
    assert {arm: f["n"] for arm, f in figures["arms"].items()} == dict.fromkeys(CONTROLS, 2)
    assert {arm: f["rate"] for arm, f in figures["arms"].items()} == dict.fromkeys(CONTROLS, 0.0)
    said = {(x["arm"], x["seed"]): x["instruction"] for x in lines(tmp_path) if x["task"] == "put"}
    assert said["blank", 2_000_000] == ""
    assert said["shuffled", 2_000_000] == said["agent", 2_000_001]


def test_asking_where_it_should_refuse_is_no_success(tmp_path: Path) -> None:
    figures = run(tmp_path, planner=partial(deaf, text="ask(which)"), tasks=["absent"])
    assert figures["tasks"]["absent"]["rate"] == 0.0
    assert figures["reasons"] == {"should refuse, but asked": 2}


def test_it_goes_on_where_it_was(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    planner = partial(deaf, text="done()")
    run(tmp_path, planner=planner, tasks=["put"], episodes=1, arms=0)
    with open(tmp_path / "episodes.jsonl", "a") as f:
        f.write('{"arm": "agent", "task": "pu')  # cut off by a crash
    figures = run(tmp_path, planner=planner, tasks=["put"], episodes=3, arms=0)
    assert "dropped a line that was cut off" in capsys.readouterr().out
    assert [x["seed"] for x in lines(tmp_path)] == [2_000_000, 2_000_001, 2_000_002]
    assert figures["tasks"]["put"]["n"] == 3
    with pytest.raises(UserError, match="not oracle"):
        run(tmp_path, tasks=["put"])


def test_episodes_can_be_disturbed_and_are_kept_apart(tmp_path: Path) -> None:
    figures = run(tmp_path, tasks=["put", "stack"], episodes=3, disturb="all", disturb_chance=0.9)
    assert figures["mean_rate"] >= 5 / 6
    struck = [words for line in lines(tmp_path) for words in line["disturbed"]]
    assert len(struck) >= 4
    with pytest.raises(UserError, match=r"holds episodes of disturb slip,.* 0\.9, not None"):
        run(tmp_path, tasks=["put", "stack"], episodes=3)
    with pytest.raises(UserError, match="no trouble 'rain'"):
        run(tmp_path / "other", disturb=["rain"])
    with pytest.raises(UserError, match="from 0 to 1"):
        run(tmp_path / "other", disturb="all", disturb_chance=7)
    assert run(tmp_path / "again", tasks=["put", "stack"], episodes=3, disturb="all", disturb_chance=0.9)
    kept = [{k: v for k, v in line.items() if k not in ("wall_s", "planner_s")} for line in lines(tmp_path)]
    again = [{k: v for k, v in line.items() if k not in ("wall_s", "planner_s")} for line in lines(tmp_path / "again")]
    assert again == kept


def test_an_own_list_is_judged_by_its_goals(tmp_path: Path) -> None:
    path = tmp_path / "mine.jsonl"
    path.write_text(
        '{"instruction": "pop it in", "objects": ["red cube", "green bowl"], "goal": "not in(red block, green bowl)"}\n'
        '\n{"instruction": "take the cup", "objects": ["red block"], "goal": "refuse", "seed": 2000007}\n'
        '{"instruction": "put it in", "objects": ["red block", "green bowl"], "goal": "in(red block, green bowl)"}\n'
    )
    out = tmp_path / "out"
    figures = run(out, planner=partial(deaf, text="done()"), instructions=str(path), arms=0)
    assert [x["success"] for x in lines(out)] == [True, False, False]
    assert figures["tasks"]["own"]["n"] == 3
    assert lines(out)[1]["seed"] == 2_000_007
    assert lines(out)[2]["reason"] == "done: not in(red block, green bowl)"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "has no lines"),
        ("put it\n", "line 1"),
        ('{"instruction": "a", "objects": ["red block"]}\n', "line 1: KeyError 'goal'"),
        ('{"instruction": "a", "objects": ["red block"], "goal": "into(a, b)"}\n', "line 1"),
    ],
)
def test_a_bad_list_is_one_line(text: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / "mine.jsonl"
    path.write_text(text)
    with pytest.raises(UserError) as caught:
        own_list(path, 2_000_000)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_task_is_the_same_each_time_and_not_done_from_the_start() -> None:
    robot = open_sim_robot()
    world = robot.world
    try:
        for task in ("put", "stack", "relation", "push"):
            spec = TaskSpec(task=task, split="trained", seed=2_000_003)
            instance = draw(robot, spec)
            scene = world.scene
            assert not holds(world, instance.goal)
            assert (draw(robot, spec), world.scene) == (instance, scene)
            assert draw(robot, TaskSpec(task=task, split="trained", seed=2_000_004)) != instance
    finally:
        robot.close()


def test_what_is_walled_in_is_not_asked_to_be_pushed() -> None:
    robot = open_sim_robot()
    move = Push(subject="red block", side=Side.LEFT)
    try:
        boxes = ["red box", "green box", "blue box", "yellow box"]
        robot.reset(scene_from_names(["red block", *boxes], 3))
        middle = np.array([0.48, 0.0, 0.001])
        robot.world.set_pose("red block", Pose.from_xyz_yaw(middle, 0.0))
        for way, box in zip(((1, 0), (-1, 0), (0, 1), (0, -1)), boxes, strict=True):
            robot.world.set_pose(box, Pose.from_xyz_yaw(middle + 0.105 * np.array([*way, 0.0]), 0.0))
        assert not pushes_have_a_way(robot, [move])
        assert pushes_have_a_way(robot, [])
        for i, box in enumerate(boxes):
            robot.world.set_pose(
                box, Pose.from_xyz_yaw(np.array([0.34 + 0.13 * (i % 2), 0.2 * (-1) ** (i // 2), 0.001]), 0.0)
            )
        assert pushes_have_a_way(robot, [move])
    finally:
        robot.close()


def test_the_same_seed_is_the_same_episode_bit_for_bit() -> None:
    house = theatre("auto", panda)
    spec = TaskSpec(task="put", split="trained", seed=2_000_011)
    seen = []
    for _ in range(2):
        stage = house.set(spec)
        result, verdict = play(stage, oracle(stage), "put it", bounds=Bounds())
        assert (result.stop, verdict.success) == (Stop.DONE, True)
        seen.append((result, {n: (p.xyz.tobytes(), p.quat_xyzw.tobytes()) for n, p in stage.world.poses().items()}))
    assert seen[0] == seen[1]


def test_controls_speak_of_another_task_and_leave_out_what_is_to_be_declined() -> None:
    specs = [TaskSpec(task=t, split="trained", seed=s) for t in ("put", "stack", "absent") for s in (1, 2, 3)]
    jobs = list(control_jobs(specs, 2, 1))
    assert {j.spec.task for j in jobs} == {"put", "stack"}
    assert Counter(j.arm for j in jobs) == dict.fromkeys(CONTROLS, 4)
    for job in jobs:
        assert (job.said is not None) == (job.arm == "shuffled")
        if job.said is not None:
            assert job.said.task != job.spec.task


def test_several_splits_are_told_apart() -> None:
    line = {"arm": "agent", "task": "put", "expected": "act", "declined": "", "reason": "", "planner_calls": 1,
            "stop": "done", "calls": [], "planner_s": 0.1, "wall_s": 1.0}  # fmt: skip
    figures = report([{**line, "split": s, "success": s == "trained"} for s in ("trained", "counts")])
    assert {n: f["rate"] for n, f in figures["tasks"].items()} == {"trained/put": 1.0, "counts/put": 0.0}
    assert {n: f["mean_rate"] for n, f in figures["splits"].items()} == {"trained": 1.0, "counts": 0.0}
    assert figures["planner_ms_a_call"] == 100.0


def square(number: int) -> int:
    return number * number


def test_work_spreads_over_processes() -> None:
    assert dict(spread(square, range(7), 2)) == {i: i * i for i in range(7)}
    assert dict(spread(square, range(3), 1)) == {0: 0, 1: 1, 2: 4}


def test_workers_end_with_a_parent_that_was_killed(tmp_path: Path) -> None:
    program = tmp_path / "parent.py"
    program.write_text(
        "from sim.workers import spread\nfrom tests.test_evaluate import linger\n"
        f"if __name__ == '__main__':\n    list(spread(linger, [r'{tmp_path}'] * 2, 2))\n"
    )
    parent = subprocess.Popen([sys.executable, str(program)], cwd=Path(__file__).parents[1], env=_with_path())
    assert _within(30.0, lambda: len(list(tmp_path.glob("*.pid"))) == 2)
    workers = [p.stem for p in tmp_path.glob("*.pid")]
    assert all(map(_runs, workers))
    parent.kill()
    parent.wait()
    assert _within(30.0, lambda: not any(map(_runs, workers)))


def linger(folder: str) -> None:
    (Path(folder) / f"{os.getpid()}.pid").touch()
    time.sleep(60)


def _runs(pid: str) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def _with_path() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}


def _within(limit_s: float, condition: Callable[[], bool]) -> bool:
    end = time.monotonic() + limit_s
    while not condition() and time.monotonic() < end:
        time.sleep(0.1)
    return condition()


def test_one_theatre_a_process_though_robots_come_out_of_pickles() -> None:
    """A new one for each episode filled the memory."""
    first = theatre("auto", partial(panda))
    assert theatre("auto", pickle.loads(pickle.dumps(partial(panda)))) is first
