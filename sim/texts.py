"""Sentences without pictures, for the stage in which the language model learns to write plans.

Every plan is in the instruction's own words, so that nothing in it needs to be seen.
"""

from __future__ import annotations

from itertools import islice

import numpy as np

from agent.training.shards import Picture, SeenObject
from sim.kinematic import TABLE_X_M, TABLE_Y_M, Failures, Step, rollout
from sim.pictures import MAP_GRID, OTHER_SHARE, STRANGE
from sim.said import sentence
from sim.scenes import PlacedObject, Scene
from sim.tasks.base import Instance
from sim.tasks.disguise import to_be_copied
from sim.tasks.suites import sample

BEGUN = 0.5
"""Of the sentences that ask for something are met when part of it is done, as the history tells: an agent that reads a
strange verb rightly at first must not read it otherwise at its second look."""
MOST_CALLS = 11
"""Done already; the history that the model is told has no more than 12."""
MATCH = 0.06
"""Of the sentences are of `match`, which is always met at its beginning: what comes next has to be seen."""
_FAILURES = Failures(grasp=0.1, slip=0.07)
"""Such as the history tells of."""


def bundle(rng: np.random.Generator, *, sentences: int = 6) -> Picture:
    """Instructions, each about a table of its own, as a picture of nothing."""
    objects: list[SeenObject] = []
    said = []
    shares = [*(share * (1 - MATCH) for share in OTHER_SHARE.values()), MATCH]
    for family in rng.choice([*OTHER_SHARE, "match"], size=sentences, p=shares):
        instance = sample(str(family), rng, strange=2 * STRANGE)
        moment = _moment(instance, rng)
        written = sentence(instance, moment.state, moment.history, lambda name: None)
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


def _moment(instance: Instance, rng: np.random.Generator) -> Step:
    """The beginning of its episode, or any moment of it."""
    xy = rng.uniform((TABLE_X_M[0], TABLE_Y_M[0]), (TABLE_X_M[1], TABLE_Y_M[1]), size=(len(instance.objects), 2))
    placed = zip(instance.objects, xy, strict=True)
    table = tuple(PlacedObject(spec=o, xy_m=(float(x), float(y))) for o, (x, y) in placed)
    moments = rollout(instance, Scene(seed=0, objects=table), rng, failures=_FAILURES)
    first = next(moments)
    if instance.family == "match" or rng.random() > BEGUN:
        return first
    # Where things lie on each other by chance, an episode need have no end.
    some = [first, *islice(moments, MOST_CALLS)]
    return some[int(rng.integers(len(some)))]
