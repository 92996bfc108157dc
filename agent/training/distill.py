"""A teacher: what a larger model would say at every token that the agent says, and where it would point.

Teacher and student read the same pictures and sentences, each with its own image size, prefix and tokenizer. Where
their tokenizers part a plan at the same place, the teacher's distribution over its next tokens is one over the
student's: each of the teacher's tokens counts for the piece that the student would begin it with. Elsewhere (inside a
word that only one of them has whole) the student learns from the right answer, as it would without a teacher.

Shapes: A tokens at which the teacher is heard, Q points, V student's and U teacher's vocabulary, M student's and R
teacher's map cells a side.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer
from torch import Tensor

from agent.errors import UserError
from agent.stream import SPECIALS, Stream
from agent.training.batch import Batch, encode_sentence, make_batch
from agent.training.device import moved
from agent.training.losses import heard, point_scores, word_logits
from agent.training.shards import Picture
from agent.training.taught import DistillConfig, Told
from agent.vlm.checkpoint import load_checkpoint
from agent.vlm.model import VLM


@dataclass(frozen=True, kw_only=True, eq=False)
class Lesson:
    """A step as the teacher reads it. at, own int64[A]: which of the student's labelled tokens and which of the
    teacher's are one place in a plan."""

    batch: Batch
    at: Tensor
    own: Tensor


class Teacher:
    """A checkpoint that tells a student, whose tokenizer and map are given, what it would say."""

    def __init__(
        self, model: VLM, tokenizer: Tokenizer, *, student: VLM, student_tokenizer: Tokenizer, config: DistillConfig
    ) -> None:
        self.model = model.eval().requires_grad_(False)
        self.config = config
        self.stream, self._student = Stream(tokenizer), Stream(student_tokenizer)
        self._same = tokenizer.to_str() == student_tokenizer.to_str()
        self._size = student.config.decoder.vocabulary
        self._begins = begins(tokenizer, student_tokenizer, model.config.decoder.vocabulary, self._size)
        self._texts = [_token_texts(t) for t in (student_tokenizer, tokenizer)]
        self._grids = model.config.vision.map_grid, student.config.vision.map_grid
        self._to = self._begins

    def to(self, device: torch.device) -> Teacher:
        """Itself, moved."""
        self.model.to(device)
        self._to = self._begins.to(device)
        return self

    def lesson(self, pictures: Sequence[Picture]) -> Lesson:
        """What it reads of a step, whose pictures the student's batch was made of in this order."""
        batch = make_batch(pictures, self.stream, self.model.config)
        at: list[int] = []
        own: list[int] = []
        if self._same:
            at = own = list(range(len(batch.label)))
        else:
            theirs = mine = 0
            for s in (s for p in pictures for s in p.sentences):
                plans = encode_sentence(self._student, s).plan, encode_sentence(self.stream, s).plan
                for i, j in self.places(*plans):
                    at.append(theirs + i)
                    own.append(mine + j)
                theirs, mine = theirs + len(plans[0]), mine + len(plans[1])
        return Lesson(batch=batch, at=torch.tensor(at, dtype=torch.int64), own=torch.tensor(own, dtype=torch.int64))

    def places(self, student: Sequence[int], teacher: Sequence[int]) -> list[tuple[int, int]]:
        """Pairs of indices into one plan as both write it, where both have written as much and go on alike."""
        begun = [_starts(ids, texts) for ids, texts in zip((student, teacher), self._texts, strict=True)]
        where = {start: j for j, start in enumerate(begun[1])}
        pairs = ((i, where[start]) for i, start in enumerate(begun[0]) if start in where)
        return [(i, j) for i, j in pairs if int(self._begins[teacher[j]]) == student[i]]

    @torch.no_grad()
    def tell(self, lesson: Lesson, *, seen: bool) -> Told:
        """What it would say, and where pictures are seen where it would point."""
        model, batch, tau = self.model, lesson.batch, self.config.temperature
        features = None
        if seen:
            tokens, features = model.vision(batch.image)
            hidden = model.read(tokens, batch.state, batch.ids, batch.segments, batch.positions)
        else:
            hidden = heard(model, batch)
        words = (word_logits(model, batch, hidden)[lesson.own] / tau).softmax(1)
        if not self._same or words.shape[1] != self._size:
            words = translated(words, self._to, self._size)
        points = None
        if features is not None:
            points = resampled((point_scores(model, batch, features, hidden) / tau).softmax(1), *self._grids)
        return Told(at=lesson.at, words=words, points=points, config=self.config)


def begins(teacher: Tokenizer, student: Tokenizer, teacher_size: int, student_size: int) -> Tensor:
    """int64[U]: the student's token that each of the teacher's begins with when the student writes it; V, one more than
    it has, for rows without a token and for special tokens that only the teacher has."""
    known = student.get_vocab(with_added_tokens=True)
    out = torch.full((teacher_size,), student_size, dtype=torch.int64)
    for text, index in teacher.get_vocab(with_added_tokens=True).items():
        if text in known:
            out[index] = known[text]
        elif text not in SPECIALS and (pieces := student.model.tokenize(text)):
            out[index] = pieces[0].id
    return out


def translated(words: Tensor, to: Tensor, size: int) -> Tensor:
    """float32[A,U] over the teacher's tokens -> float32[A,V] over the student's; what has no place there is shared out
    over what has."""
    out = words.new_zeros(len(words), size + 1).index_add_(1, to, words)[:, :size]
    return out / out.sum(1, keepdim=True).clamp_min(1e-9)


def resampled(belief: Tensor, grid: int, wanted: int) -> Tensor:
    """float32[Q,R*R+1] over a map's cells and "nothing" -> float32[Q,M*M+1], by the area that cells share."""
    if grid == wanted:
        return belief
    edges = [torch.arange(n + 1, device=belief.device) / n for n in (wanted, grid)]
    low = torch.maximum(edges[0][:-1, None], edges[1][None, :-1])
    high = torch.minimum(edges[0][1:, None], edges[1][None, 1:])
    share = (high - low).clamp_min(0) * grid
    cells = share @ belief[:, :-1].view(-1, grid, grid) @ share.T
    return torch.cat([cells.flatten(1), belief[:, -1:]], dim=1)


def open_teacher(
    folder: Path, options: Mapping[str, Any], *, stage: str, student: VLM, tokenizer: Tokenizer
) -> Teacher:
    """As conf/train.yaml has it.

    Raises:
        CheckpointError: it does not load.
        UserError: shares or a temperature that can't be, or a stage in which nothing is said.
    """
    if stage == "see":
        raise UserError("teacher= tells what to say and where to point, and stage=see learns neither; leave it out")
    config = DistillConfig(**{k: float(v) for k, v in options.items()})
    loaded = load_checkpoint(folder)
    return Teacher(
        loaded.model(), loaded.tokenizer, student=student, student_tokenizer=tokenizer, config=config
    )  # fmt: skip


def moved_lesson(lesson: Lesson, device: torch.device) -> Lesson:
    """On the device, its batch too."""
    there = moved(lesson, device)
    return Lesson(batch=moved(lesson.batch, device), at=there.at, own=there.own)


def _token_texts(tokenizer: Tokenizer) -> dict[int, str]:
    return {i: text for text, i in tokenizer.get_vocab(with_added_tokens=True).items()}


def _starts(ids: Sequence[int], texts: Mapping[int, str]) -> list[int]:
    """How much is written before each token."""
    return list(accumulate((len(texts[i]) for i in ids), initial=0))[:-1]
