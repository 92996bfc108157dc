"""The episodes that training is stopped by: on validation seeds, in the simulation."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from agent.errors import UserError
from sim import validation

NANO = Path(__file__).parents[1] / "agent" / "checkpoints" / "nano"


def test_a_bundle_plays_validation_episodes(monkeypatch: pytest.MonkeyPatch) -> None:
    seeds: list[int] = []
    real = validation._succeeds

    def noted(agent: Any, spec: Any) -> bool:
        seeds.append(spec.seed)
        return real(agent, spec)

    monkeypatch.setattr(validation, "_succeeds", noted)
    done = validation.play(NANO, suite="tabletop", split="trained", tasks=["pick"], episodes=2, workers=1)
    assert done == (2, 2), "nano picks what it is told to, nearly always"
    assert seeds == [1_000_000, 1_000_001]


def test_what_there_is_not_to_play_is_one_line() -> None:
    with pytest.raises(UserError, match="no task in tabletop 'juggle'"):
        validation.play(NANO, suite="tabletop", split="trained", tasks=["juggle"], episodes=1, workers=1)
