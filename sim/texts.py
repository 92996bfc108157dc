"""Sentences without pictures, for the stage in which the language model learns to write plans.

Every plan is in the instruction's own words, so that nothing in it needs to be seen.
"""

from __future__ import annotations

import numpy as np

from agent.training.shards import Picture, SeenObject
from sim.pictures import MAP_GRID, OTHER_SHARE, STRANGE
from sim.said import sentence
from sim.symbolic import SymbolicState
from sim.tasks.disguise import to_be_copied
from sim.tasks.suites import sample

_LOW_M, _HIGH_M = (0.32, -0.28), (0.64, 0.28)


def bundle(rng: np.random.Generator, *, sentences: int = 6) -> Picture:
    """Instructions that begin, each about a table of its own, as a picture of nothing."""
    objects: list[SeenObject] = []
    said = []
    for family in rng.choice(list(OTHER_SHARE), size=sentences, p=list(OTHER_SHARE.values())):
        instance = sample(str(family), rng, strange=STRANGE)
        xy = rng.uniform(_LOW_M, _HIGH_M, size=(len(instance.objects), 2))
        where = {o.name: (float(x), float(y), 0.0) for o, (x, y) in zip(instance.objects, xy, strict=True)}
        state = SymbolicState(xyz_m=where, held=None, start_xyz_m=where)
        written = sentence(instance, state, (), lambda name: None)
        said.append(to_be_copied(written, rng))
        objects += [SeenObject(colour=o.colour, kind=o.kind, size=o.size, point=None) for o in instance.objects]
    return Picture(
        seed=0,
        rgb=np.zeros((8, 8, 3), np.uint8),
        grid=np.zeros((MAP_GRID, MAP_GRID), np.uint8),
        state=np.zeros(5, np.float32),
        objects=tuple(objects),
        sentences=tuple(said),
    )
