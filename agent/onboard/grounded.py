"""What the pointer says of the words in a plan: one such thing, several, or none.

The language model writes the plan in the person's own terms; whether the world has what they name is for the picture
to say (SayCan: say x can; Ahn et al. 2022, section 3). A plan with a name that fits nothing becomes refuse(...), one
with a name that fits several things becomes ask(...).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agent.plan import Point, PrimitiveCall, PrimitiveResult
from agent.preprocess import pixel_from_cell, soft_peak
from agent.verbs import Verb

Array = NDArray[Any]

ANY = "any "
"""Begins the name of one of many: "all the red blocks" are each "any red block", until there is none left."""
ABSENT, RIVAL = 0.35, 0.1
"""Where "nothing such" and "two such" begin, tuned on validation seeds."""
NONE_LEFT = 0.8
"""Where "nothing such" ends what is done with all of a kind. In 73 development episodes 1 of 59 right ends lay below
it, and 3 of 14 that came too early."""
NEAR_CELLS, APART_CELLS = 2.5, 4.0


@dataclass(frozen=True, kw_only=True)
class Found:
    """Where the pointer points, (row, col) px; how sure it is that there is nothing such (0 to 1); and how much of its
    belief in the two likeliest places goes to the second (0 to 0.5)."""

    point: Point
    nothing: float
    rival: float


def find(query: Array, features: Array, map_grid: int, height: int, width: int) -> Found:
    """query float32[C+1]; features float32[C,M*M] -> what the pointer found."""
    logits = query[:-1] @ features
    grid = logits.reshape(map_grid, map_grid)
    shifted = np.exp(np.append(logits, query[-1]) - max(float(logits.max()), float(query[-1])))
    belief = shifted / shifted.sum()
    places = belief[:-1].reshape(map_grid, map_grid)
    row, col = np.indices(places.shape)
    first = np.unravel_index(int(places.argmax()), places.shape)
    distance = np.hypot(row - first[0], col - first[1])
    elsewhere = np.where(distance > APART_CELLS, places, 0.0)
    second = np.unravel_index(int(elsewhere.argmax()), places.shape)
    mass = float(places[distance <= NEAR_CELLS].sum())
    other = float(elsewhere[np.hypot(row - second[0], col - second[1]) <= NEAR_CELLS].sum())
    return Found(
        point=pixel_from_cell(soft_peak(grid), height, width, map_grid),
        nothing=float(belief[-1]),
        rival=other / max(mass + other, 1e-9),
    )


def clear(words: str, seen: Found) -> bool:
    """Whether there is such a thing, and only one unless any of them will do."""
    return seen.nothing <= ABSENT and (seen.rival <= RIVAL or words.startswith(ANY))


def pointed(call: PrimitiveCall) -> list[str]:
    """The words of a call that have a point, in the order in which they are written."""
    named = [call.target] if call.target and (call.relation is None or call.relation.takes_point) else []
    return [*named, call.destination] if call.destination else named


def grounded(
    calls: Sequence[PrimitiveCall], found: Sequence[tuple[str, Found]], history: Sequence[PrimitiveResult]
) -> tuple[PrimitiveCall, ...]:
    """The plan, or what to say instead. found: the words before each point of the plan, in order, and what was seen."""
    done = (PrimitiveCall(verb=Verb.DONE),)
    if not calls or not found:
        return tuple(calls)
    words, seen = found[0]
    if words.startswith(ANY) and calls[0].verb is Verb.PICK and seen.nothing > NONE_LEFT and history:
        return done  # none is left
    if history:
        return tuple(calls)  # what was asked for was there when it began
    unclear = [(words, seen) for words, seen in found if not clear(words, seen)]
    for words, seen in unclear:
        if seen.nothing > ABSENT:
            return (PrimitiveCall(verb=Verb.REFUSE, text=f"no {words.removeprefix(ANY)} here"),)
    if unclear:
        return (PrimitiveCall(verb=Verb.ASK, text=f"which {unclear[0][0]}"),)
    return tuple(calls)
