"""The same table seen in a mirror: twice as many pictures to learn seeing from.

What is said stays as it is. "Left" then means the other side of the picture, but next to no plan reads it off the
picture: where things go is in the words, and whether it was done is in the history. (The exception: somebody has moved
what had been put to the left of something. One call in twenty is followed by such a move in `sim.pictures`.)
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from agent.plan import Point, format_plan, parse_plan
from agent.training.shards import Picture, Sentence

_TOOL_Y = 3
"""Of the state vector (agent.preprocess.state_input)."""


def mirrored(picture: Picture) -> Picture:
    """Columns the other way round, in the picture and in all points."""
    width = picture.rgb.shape[1]
    state = picture.state.copy()
    state[_TOOL_Y] *= -1
    return replace(
        picture,
        rgb=np.ascontiguousarray(picture.rgb[:, ::-1]),
        grid=np.ascontiguousarray(picture.grid[:, ::-1]),
        state=state,
        objects=tuple(replace(o, point=o.point and _across(o.point, width)) for o in picture.objects),
        sentences=tuple(_turned(s, width) for s in picture.sentences),
    )


def _turned(said: Sentence, width: int) -> Sentence:
    calls = [
        replace(
            c,
            point=c.point and _across(c.point, width),
            destination_point=c.destination_point and _across(c.destination_point, width),
        )
        for c in parse_plan(said.plan)
    ]
    marks = tuple((name, tuple(_across(p, width) for p in points)) for name, points in said.marks)
    return replace(said, plan=format_plan(calls), marks=marks)


def _across(point: Point, width: int) -> Point:
    return point[0], width - 1 - point[1]
