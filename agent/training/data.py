"""Where training pictures come from: shards of pictures, or recorded episodes, through one face."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np

from agent.errors import UserError
from agent.plan import format_call, parse_plan, renamed, without_points
from agent.training.perception import Names
from agent.training.shards import Picture, Sentence, Shard, ShardError, list_shards
from robots.interface import Status

if TYPE_CHECKING:
    from agent.episodes import Episode, EpisodeReader

UNKNOWN = 255
"""In a Picture's grid: nobody said what covers this cell."""
TRAIN_SEEDS = 1_000_000


class Source(Protocol):
    """Pictures by index."""

    def __len__(self) -> int: ...

    def __getitem__(self, i: int, /) -> Picture: ...


@dataclass(frozen=True, eq=False)
class EpisodeSteps:
    """Every moment of decision of every recorded episode, with the teacher's remaining plan, what was asked there, and
    the instruction that hindsight gave it."""

    reader: EpisodeReader
    index: tuple[tuple[int, int], ...]
    map_grid: int

    def __len__(self) -> int:
        return len(self.index)

    def __getitem__(self, i: int) -> Picture:
        number, at = self.index[i]
        episode = self.reader[number]
        step = episode.steps[at]
        words = dict(episode.said)
        history = tuple(
            (format_call(without_points(renamed(r.call, words))), r.status.value) for r in episode.history(at)
        )
        state = step.state
        vector = np.array([state.holding, state.gripper_width_m / 0.08, *state.tool_xyz_m], dtype=np.float32)
        said = Sentence(
            family=episode.task, instruction=episode.instruction, history=history, plan=step.said or step.plan,
            marks=step.marks,
        )  # fmt: skip
        asked = tuple(
            Sentence(family="question", instruction=q.question, history=(), plan=f"say({q.answer})\ndone()")
            for q in step.questions
        )
        again = _relabelled(episode, at)
        sentences = (said, *asked) if again is None else (said, *asked, again)
        grid = np.full((self.map_grid, self.map_grid), UNKNOWN, np.uint8)
        return Picture(seed=episode.seed or 0, rgb=step.rgb, grid=grid, state=vector, objects=(), sentences=sentences)


def _relabelled(episode: Episode, at: int) -> Sentence | None:
    """By hindsight: what the episode did carry out, where this look was part of it."""
    plans = dict(episode.relabelled_plans)
    if at not in plans:
        return None
    whole, left = parse_plan(episode.relabelled_plans[0][1]), parse_plan(plans[at])
    before = whole[: len(whole) - len(left)]
    history = tuple((format_call(without_points(c)), Status.SUCCEEDED.value) for c in before)
    return Sentence(family="hindsight", instruction=episode.relabelled, history=history, plan=plans[at])


def open_sources(folders: Sequence[Path], map_grid: int) -> list[Source]:
    """All that lies in these folders.

    Raises:
        ShardError: a folder with nothing to train on, a torn shard, or a picture whose seed is not for training.
        UserError: episodes that are damaged or not for training.
    """
    sources: list[Source] = []
    for folder in folders:
        if (folder / "meta/info.json").is_file():
            from agent.episodes import EpisodeReader  # needs pyarrow, which shards of pictures do not

            reader = EpisodeReader(folder, train=True)
            index = tuple((i, k) for i in range(len(reader)) for k in range(reader.n_steps(i)))
            if not index:
                raise UserError(f"{folder} has frames, but no looks with plans: nothing for the planner to learn from")
            sources.append(EpisodeSteps(reader, index, map_grid))
            continue
        for path in list_shards(folder):
            shard = Shard(path)
            bad = next((s for s in shard.seeds if not 0 <= s < TRAIN_SEEDS), None)
            if bad is not None:
                raise ShardError(f"{path} holds seed {bad}, which is not for training (those are below {TRAIN_SEEDS})")
            sources.append(shard)
    return sources


def words_and_names(sources: Sequence[Source], most: int = 4000) -> tuple[set[str], Names]:
    """The words that are said (of `most` pictures), and the closed lists of what is seen."""
    words: set[str] = set()
    colours, kinds, sizes, pairs = set[str](), set[str](), set[str](), set[tuple[str, str]]()
    total = sum(len(s) for s in sources)
    stride = max(1, total // most)
    for source in sources:
        for i in range(0, len(source), stride):
            notes = source.notes(i) if isinstance(source, Shard) else source[i]
            for s in notes.sentences:
                words.update(w for w in s.instruction.lower().split() if w.isalpha())
            for o in notes.objects:
                if o.colour:
                    colours.add(o.colour)
                    pairs.add((o.colour, o.kind))
                kinds.add(o.kind)
                sizes.add(o.size)
    return words, Names(
        colours=tuple(sorted(colours)), kinds=tuple(sorted(kinds)), sizes=tuple(sorted(sizes)),
        pairs=tuple(sorted(pairs)),
    )  # fmt: skip
