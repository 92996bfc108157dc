"""Stopping by what counts: every so many steps the agent as it is plays a few validation episodes.

The best is kept in `best/`, a checkpoint like any other; where `patience` rounds in a row brought nothing better, the
run ends. What plays is given from outside (conf/train.yaml, `play`): training knows no world.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agent.errors import UserError
from agent.training.run import Progress, Run
from agent.training.saving import saved_together

Play = Callable[[Path], tuple[int, int]]
"""The folder of a checkpoint -> how many episodes of how many succeeded. The same weights give the same."""
BEST = "best"


@dataclass(frozen=True, kw_only=True)
class Rounds:
    """every: steps between two rounds; patience: rounds without a better one before the end."""

    play: Play
    every: int
    patience: int

    def __post_init__(self) -> None:
        if self.every < 1 or self.patience < 1:
            raise UserError(f"evaluate.every={self.every}, evaluate.patience={self.patience}: give 1 or more")

    def due(self, step: int) -> bool:
        """After `step` steps."""
        return step % self.every == 0

    def hold(self, run: Run, progress: Progress) -> dict[str, Any]:
        """Play, note it in `progress`, and keep what was best; gives the new note. Of several processes the first
        plays, and tells the others.

        A run that is cut off in here plays the round again: the same step gives the same agent and the same episodes.
        """
        run.model.eval()
        came = None
        if run.world.first:
            with tempfile.TemporaryDirectory(dir=run.out, prefix="round-") as checkpoint:
                run.write_shipped(Path(checkpoint), progress)
                came = self.play(Path(checkpoint))
        else:
            run.write_shipped(None, progress)
        successes, episodes = run.world.told(came)
        note = {"step": progress.step, "successes": successes, "episodes": episodes}
        progress.rounds.append(note)
        if best_round(progress.rounds) is note:
            with saved_together(run.out / BEST) if run.world.first else nullcontext() as folder:
                run.write_shipped(folder, progress)
        return note

    def over(self, rounds: list[dict[str, Any]]) -> bool:
        """Whether the last `patience` rounds were none of them the best."""
        return bool(rounds) and len(rounds) - 1 - rounds.index(best_round(rounds)) >= self.patience


def best_round(rounds: list[dict[str, Any]]) -> dict[str, Any]:
    """The first of those with the most successes."""
    return max(rounds, key=success)


def success(note: Mapping[str, Any]) -> float:
    """The share of a round's episodes."""
    return float(note["successes"] / max(note["episodes"], 1))


def rounds_of(options: Mapping[str, Any], play: Callable[..., tuple[int, int]] | None) -> Rounds | None:
    """As conf/train.yaml has it under `evaluate`; None where `every` is 0. What is not known here goes to `play`.

    Raises:
        UserError: see `Rounds`.
    """
    if not options["every"] or play is None:
        return None
    rest = {k: v for k, v in options.items() if k not in ("every", "patience")}
    return Rounds(
        play=lambda checkpoint: play(checkpoint, **rest), every=options["every"], patience=options["patience"]
    )
