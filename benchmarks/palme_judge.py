"""What a checkpoint answers, and whether it is right: `benchmarks/palme.py`'s judge. Needs torch.

Answers are right word for word. Plans are carried out in symbols: a thing that something stands on can't be taken nor
put on, a hand holds one thing; right is what leads to what was asked for (planning success in Driess et al. 2023,
section 6.2). Decoding is greedy and free: no grammar helps.

Shapes: N sentences of one length, P prefix tokens, T tokens, D decoder width.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from agent.stream import END, POINT, Stream
from agent.training.batch import encode_sentence
from agent.training.shards import Picture
from agent.verbs import Relation, Verb
from benchmarks.palme_fast import BEFORE, Listener, Look, positions, seen
from sim.stats import rate_of

MOST_TOKENS = 64
ROWS = 32


@torch.inference_mode()
def written(listener: Listener, stream: Stream, pictures: Sequence[Picture], looks: Sequence[Look]) -> list[list[int]]:
    """What is written to each picture's first sentence, token ids up to and with <done>. Prompts of one length are
    written side by side."""
    prompts = [encode_sentence(stream, p.sentences[0]).prompt for p in pictures]
    out: list[list[int]] = [[] for _ in pictures]
    done = stream.special["<done>"]
    for length in sorted({len(q) for q in prompts}):
        alike = [i for i, q in enumerate(prompts) if len(q) == length]
        for start in range(0, len(alike), ROWS):
            rows = alike[start : start + ROWS]
            with torch.autocast("cpu", dtype=torch.bfloat16):
                found = _greedy(listener, [looks[i] for i in rows], [prompts[i] for i in rows], done)
            for i, ids in zip(rows, found, strict=True):
                out[i] = ids
    return out


def _greedy(listener: Listener, looks: Sequence[Look], prompts: Sequence[list[int]], done: int) -> list[list[int]]:
    decoder = listener.decoder
    prefix, at = listener.prefix(looks)
    n, words = len(prompts), len(prompts[0])
    x = torch.cat([prefix, decoder.words(torch.tensor(prompts)).to(prefix.dtype)], dim=1)
    mask = seen(at, words)
    hidden, cache = decoder(x, positions(at, words), mask)
    visible = mask[:, :, -1:]
    ids: list[list[int]] = [[] for _ in prompts]
    going = torch.ones(n, dtype=torch.bool)
    for k in range(MOST_TOKENS):
        chosen = decoder.logits(hidden[:, -1]).argmax(1)
        for i in torch.nonzero(going)[:, 0].tolist():
            ids[i].append(int(chosen[i]))
        going &= chosen != done
        if not bool(going.any()):
            break
        visible = torch.cat([visible, torch.ones(n, 1, 1, 1, dtype=torch.bool)], dim=3)
        hidden, cache = decoder(decoder.words(chosen[:, None]), torch.full((n, 1), BEFORE + words + k), visible, cache)
    return ids


def right(stream: Stream, pictures: Sequence[Picture], said: Sequence[list[int]], layouts: Path) -> list[bool]:
    """Word for word for questions; plans by what they lead to. layouts: what stands on what, see `write_tamp`."""
    if pictures[0].sentences[0].family[0] == "q":
        return [ids == encode_sentence(stream, p.sentences[0]).plan for ids, p in zip(said, pictures, strict=True)]
    wanted = [wanted_of(p, w) for p, w in zip(pictures, json.loads(layouts.read_text()), strict=True)]
    return [carried_out(steps(stream, ids), w) for ids, w in zip(said, wanted, strict=True)]


def wanted_of(picture: Picture, layout: Mapping[str, Any]) -> Wanted:
    """What a p1's or p2's words ask for."""
    colour = {name: name.split()[0] for name in layout["names"]}
    asked = [w for w in picture.sentences[0].instruction.rstrip("?").split() if w in colour.values()]
    below = {colour[a]: colour[b] for a, b in layout["below"].items()}
    return Wanted(
        subject=asked[0], onto=asked[1] if len(asked) > 1 else "", things=tuple(colour.values()), below=below
    )  # fmt: skip


def kitchens_right(stream: Stream, pictures: Sequence[Picture], said: Sequence[list[int]]) -> dict[str, dict[str, Any]]:
    """F1 of affordance (it is possible) and of failure detection (it failed), with the counts that they come from."""
    found: dict[str, dict[str, Any]] = {}
    for kind, positive in (("affordance", "yes"), ("failure", "no")):
        pairs: list[tuple[bool, bool, str]] = []
        for p, ids in zip(pictures, said, strict=True):
            heard = p.sentences[0]
            if heard.family.startswith(kind):
                told = steps(stream, ids)[0][1] if ids else ""
                pairs.append((f"say({positive})" in heard.plan, told == positive, heard.family.split("/")[1]))
        hit, false, missed = (
            sum((true, told) == case for true, told, _ in pairs)
            for case in ((True, True), (False, True), (True, False))
        )
        topics = dict.fromkeys(topic for *_, topic in pairs)
        found[kind] = {
            "f1": round(2 * hit / max(2 * hit + false + missed, 1), 4), "hit": hit, "false": false, "missed": missed,
            "right": rate_of(true == told for true, told, _ in pairs).figures(),
            "topics": {t: rate_of(true == told for true, told, u in pairs if u == t).figures() for t in topics},
        }  # fmt: skip
    return found


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
    """What a plan is to lead to: `subject` in the hand, or with `onto` on that. below: what stands on what. Things are
    called by their colours."""

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
