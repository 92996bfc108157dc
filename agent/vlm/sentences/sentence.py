"""Multimodal sentences (PaLM-E: Driess et al. 2023, section 3): words, with pictures, videos, robot states and objects
at any position among them.

    sentence("Front: <image> Above: <image> The arm is at <state>. Object 1 is <obj_1>. Object 2 is <obj_2>. "
             "Q: put the cup on the tray.", said="A: pick(<obj_2>) place(on <obj_1>)",
             images=[front, above], states=[state], objects=vectors)

In what is given, `<obj_3>` stands for the embeddings of object 3, wherever and however often it is named. In what is
said it is a word like others, for the decoder must be able to write it; it may name only objects that were given.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from torch import Tensor

Kind = Literal["image", "video", "state"]
_PLACES = re.compile(r"<(image|video|state|obj_[0-9]{1,6})>")
_REFERRAL = re.compile(r"<obj_([0-9]{1,6})>")


class SentenceError(ValueError):
    """Text and inputs that do not fit each other; says both counts."""


@dataclass(frozen=True, kw_only=True)
class Words:
    """Text. `said`: the decoder's own part, which it learns to write. Placeholders in it are not replaced."""

    text: str
    said: bool = False


@dataclass(frozen=True, kw_only=True, eq=False)
class Input:
    """A picture float32[C,height,width], a video float32[F,C,height,width] or a robot state float32[S]."""

    kind: Kind
    value: Tensor


@dataclass(frozen=True, kw_only=True)
class Referral:
    """The embeddings of object `number`, counted from 1 as in PaLM-E."""

    number: int


Piece = Words | Input | Referral


@dataclass(frozen=True, kw_only=True, eq=False)
class Sentence:
    """Pieces in order, and what the object encoder makes its objects from (float32[K,A], or a picture)."""

    pieces: tuple[Piece, ...]
    objects: Tensor | None = None


def sentence(
    given: str,
    *,
    said: str = "",
    images: Sequence[Tensor] = (),
    videos: Sequence[Tensor] = (),
    states: Sequence[Tensor] = (),
    objects: Tensor | None = None,
) -> Sentence:
    """Replace the placeholders `<image>`, `<video>`, `<state>` in reading order, and `<obj_N>` by number.

    Words of strangers belong into a `Words` piece of their own, not into `given`: a placeholder in it would be counted.

    Raises:
        SentenceError: as many placeholders as inputs there must be of each kind.
    """
    inputs: dict[Kind, Sequence[Tensor]] = {"image": images, "video": videos, "state": states}
    for kind, values in inputs.items():
        places = given.count(f"<{kind}>")
        if places != len(values):
            raise SentenceError(f"the text has {places} <{kind}>, but {len(values)} were given")
    left = {kind: iter(values) for kind, values in inputs.items()}
    pieces: list[Piece] = []
    for i, part in enumerate(_PLACES.split(given)):
        if i % 2 == 0:
            pieces += [Words(text=part)] if part else []
        elif part.startswith("obj_"):
            pieces.append(Referral(number=int(part[4:])))
        else:
            kind = _kind(part)
            pieces.append(Input(kind=kind, value=next(left[kind])))
    if said:
        pieces.append(Words(text=said, said=True))
    return Sentence(pieces=tuple(pieces), objects=objects)


def _kind(name: str) -> Kind:
    return "image" if name == "image" else "video" if name == "video" else "state"


def introduce(count: int) -> str:
    """The words by which PaLM-E labels the objects of a scene (section 4, "entity referrals").

    >>> introduce(2)
    'Object 1 is <obj_1>. Object 2 is <obj_2>.'
    """
    return " ".join(f"Object {i} is <obj_{i}>." for i in range(1, count + 1))


def referrals(text: str) -> list[int]:
    """Numbers of the objects that a text names, in reading order: what a written plan is about.

    >>> referrals("pick(<obj_2>) place(on <obj_1>)")
    [2, 1]
    """
    return [int(number) for number in _REFERRAL.findall(text)]


def check_objects(s: Sentence, count: int) -> None:
    """Every object is introduced, and none is named that is not there.

    Raises:
        SentenceError: with both counts.
    """
    given = {p.number for p in s.pieces if isinstance(p, Referral)}
    said = {n for p in s.pieces if isinstance(p, Words) and p.said for n in referrals(p.text)}
    for number in sorted(given | said):
        if not 1 <= number <= count:
            raise SentenceError(f"the text names <obj_{number}>, but {count} objects were given")
    if len(given) != count:
        missing = next(n for n in range(1, count + 1) if n not in given)
        raise SentenceError(f"the text names {len(given)} objects, but {count} were given; <obj_{missing}> is missing")
