"""The sentences in benchmarks/strangers.jsonl: each has a scene, and a goal that can be judged in it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sim.goals import bind, parse_goal
from sim.scenes import scene_from_names

LINES = (Path(__file__).parents[1] / "benchmarks" / "strangers.jsonl").read_text().splitlines()


def test_there_are_enough_of_each_sort() -> None:
    goals = [json.loads(line)["goal"] for line in LINES]
    assert len(LINES) >= 100
    assert min(goals.count("ask"), goals.count("refuse")) >= 10


@pytest.mark.parametrize("line", LINES)
def test_each_line_can_be_played_and_judged(line: str) -> None:
    fields = json.loads(line)
    assert set(fields) == {"instruction", "objects", "goal", "seed"}
    assert fields["seed"] >= 2_000_000  # a test seed: never trained on
    scene = scene_from_names(fields["objects"], fields["seed"])
    assert [o.spec.name for o in scene.objects] == fields["objects"]
    if fields["goal"] not in ("ask", "refuse"):
        assert bind(parse_goal(fields["goal"]), scene.specs)
