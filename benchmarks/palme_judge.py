"""What a checkpoint answers, and whether it is right: `benchmarks/palme.py`'s judge. Needs torch.

Answers are right word for word. Plans are carried out in symbols: a thing that something stands on can't be taken nor
put on, a hand holds one thing; right is what leads to what was asked for (PaLM-E's planning success, Driess et al. 2023,
section 6.2). Decoding is greedy and free: no grammar helps.

Shapes: N sentences of one length, P prefix tokens, T tokens, D decoder width.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from agent.preprocess import image_input
from agent.stream import END, POINT, Stream
from agent.training.batch import encode_sentence
from agent.training.shards import Picture
from agent.verbs import Relation, Verb
from agent.vlm.decoder import Decoder
from agent.vlm.model import VLM

MOST_TOKENS = 64
ROWS = 32


class Reader(Protocol):
    """What turns a picture, or its objects, into the embeddings before the words."""

    decoder: Decoder

    def before(self, at: Sequence[int]) -> Tensor:
        """[N,P,D] of pictures of one kind of prefix, by number."""
        ...


class PictureReader:
    """A VLM's eye, over pictures."""

    def __init__(self, model: VLM, pictures: Sequence[Picture]) -> None:
        self.model, self.pictures, self.decoder = model, pictures, model.decoder

    def before(self, at: Sequence[int]) -> Tensor:
        px = self.model.config.vision.image_px
        image = torch.from_numpy(np.stack([image_input(self.pictures[i].rgb, px) for i in at]))
        state = torch.from_numpy(np.stack([self.pictures[i].state for i in at]))
        tokens, _ = self.model.vision(image)
        return self.model.prefix(tokens, state)


@torch.inference_mode()
def written(
    reader: Reader, stream: Stream, pictures: Sequence[Picture], *, lengths: Sequence[int] = ()
) -> list[list[int]]:
    """What is written to each picture's one sentence, token ids up to and with <done>.

    lengths: of each picture's prefix, where they differ; sentences of one length are written side by side.
    """
    prompts = [encode_sentence(stream, p.sentences[0]).prompt for p in pictures]
    sizes = [(len(q), lengths[i] if lengths else 0) for i, q in enumerate(prompts)]
    out: list[list[int]] = [[] for _ in pictures]
    done = stream.special["<done>"]
    for size in sorted(set(sizes)):
        alike = [i for i, s in enumerate(sizes) if s == size]
        for rows in _chunks(alike):
            with torch.autocast("cpu", dtype=torch.bfloat16):
                for i, ids in zip(rows, _greedy(reader, rows, [prompts[i] for i in rows], done), strict=True):
                    out[i] = ids
    return out


def _chunks(rows: Sequence[int]) -> Iterator[Sequence[int]]:
    for start in range(0, len(rows), ROWS):
        yield rows[start : start + ROWS]


def _greedy(reader: Reader, rows: Sequence[int], prompts: Sequence[list[int]], done: int) -> list[list[int]]:
    prefix = reader.before(rows)
    p, decoder = prefix.shape[1], reader.decoder
    x = torch.cat([prefix, decoder.words(torch.tensor(prompts)).to(prefix.dtype)], dim=1)
    n, t, _ = x.shape
    at = torch.arange(t)
    mask = (at[None] <= at[:, None]) | (at[None] < p)
    hidden, cache = decoder(x, at.expand(n, t), mask[None, None].expand(n, 1, t, t))
    ids: list[list[int]] = [[] for _ in rows]
    open_rows = torch.ones(n, dtype=torch.bool)
    for k in range(MOST_TOKENS):
        chosen = decoder.logits(hidden[:, -1]).argmax(1)
        for i in torch.nonzero(open_rows)[:, 0].tolist():
            ids[i].append(int(chosen[i]))
        open_rows &= chosen != done
        if not bool(open_rows.any()):
            break
        seen = torch.ones(n, 1, 1, t + k + 1, dtype=torch.bool)
        hidden, cache = decoder(decoder.words(chosen[:, None]), torch.full((n, 1), t + k), seen, cache)
    return ids


Step = tuple[Verb | None, str]


def steps(stream: Stream, ids: Sequence[int]) -> list[Step]:
    """Verbs and the words behind each, points left out; a None in place of what is no verb."""
    silent = {stream.special[POINT], stream.special[END]}
    found: list[tuple[Verb | None, list[int]]] = []
    for i in ids:
        if i in stream.verb_of:
            found.append((stream.verb_of[i], []))
        elif i not in silent:
            if not found:
                found.append((None, []))
            found[-1][1].append(i)
    return [(verb, stream.tokenizer.decode(words).strip()) for verb, words in found]


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What a plan is to lead to: `subject` in the hand, or with `onto` on that. below: what stands on what. All by colour."""

    subject: str
    onto: str
    things: tuple[str, ...]
    below: Mapping[str, str]


def carried_out(plan: Sequence[Step], wanted: Wanted) -> bool:
    """Whether the steps can be done one after the other, and what is then so is what was wanted."""
    below, held = dict(wanted.below), ""
    for verb, words in plan:
        thing = words.removeprefix("on ").removesuffix(" thing")
        free = thing in wanted.things and thing != held and thing not in below.values()
        if verb is Verb.PICK and not held and free:
            held = thing
            below.pop(thing, None)
        elif verb is Verb.PLACE and held and words == Relation.ASIDE.value:
            held = ""
        elif verb is Verb.PLACE and held and words.startswith("on ") and free:
            below[held], held = thing, ""
        elif verb is Verb.DONE:
            break
        else:
            return False
    if not plan or plan[-1][0] is not Verb.DONE:
        return False
    return below.get(wanted.subject) == wanted.onto if wanted.onto else held == wanted.subject
