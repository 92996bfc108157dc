"""Seeing what is to be pushed, whole, and finding it again where the push should have left it. Frames: odom."""

from __future__ import annotations

from itertools import product

import numpy as np
from numpy.typing import NDArray

from robots.mobile.close_look import look_closely
from robots.mobile.glance import main_camera, see
from robots.mobile.push_aims import extent
from robots.mobile.solids import fixed_here, inside_solids
from robots.mobile.stance import fold
from robots.mobile.things import AT_M, FIXED_M, Thing, measured
from robots.primitives.base import Body

Float = NDArray[np.float64]

LEVEL_M = 0.008
LOST_M, ALIKE_M, WIDER, RIM_M = 0.07, 0.02, (0.6, 1.6), 0.006
CELL_M, REACH_M = 0.008, 0.15
STRAY_M, FEW = 0.025, 0.15
"""A handle whose ends are not seen is so near to its thing, and so few points beside it; more is another thing."""
AROUND = tuple(product((-1, 0, 1), repeat=3))


def look(body: Body, point: Float, *, within_m: float = AT_M) -> tuple[Thing | None, Float]:
    """The thing at `point` [3], and all other points seen, float64[N,3]: by the head, and by the hand from above, for
    of a cup the head alone sees the near side as one thing and the far rim as another."""
    sighting = look_closely(body, point, within_m=within_m)
    if sighting is None:
        return None, np.empty((0, 3))
    return _whole(body, sighting.thing, sighting.others)


def again(body: Body, before: Thing, expected: Float) -> tuple[Thing | None, Float]:
    """The thing where it should be, or else where it was: what is about as high and as wide, no farther than LOST_M."""
    for middle in (expected, before.middle):
        # A point that the head sees of it: of a cup the middle is air.
        eye = see(body)[1][main_camera(body)].camera.xyz[:2]
        sight = (middle[:2] - eye) / max(float(np.linalg.norm(middle[:2] - eye)), 1e-6)
        point = np.array([*(middle[:2] - extent(before, -sight) * sight), before.top_m - RIM_M])
        thing, others = look(body, point, within_m=LOST_M)
        if thing is not None and _alike(thing, before):
            return thing, others
        fold(body)
    return None, np.empty((0, 3))


def radius(thing: Thing) -> float:
    return max(thing.half_m)


def _alike(thing: Thing, before: Thing) -> bool:
    wide = radius(thing) / radius(before)
    return abs(thing.height_m - before.height_m) < ALIKE_M and WIDER[0] < wide < WIDER[1]


def _whole(body: Body, thing: Thing, others: Float) -> tuple[Thing, Float]:
    """The thing with all that hangs together with it above what it stands on, and the other points [N,3] that are left:
    of a cup or a shaker, one view may show the near side alone, and rim and handle as something else."""
    fixed = inside_solids(others, fixed_here(body), FIXED_M)
    level = (others[:, 2] > thing.support_m + LEVEL_M) & (others[:, 2] < thing.support_m + 0.6)
    near = np.nonzero(level & ~fixed & (np.abs(others[:, :2] - thing.centre).max(axis=1) < REACH_M))[0]
    more = _linked(thing.points, others, near)
    own = np.concatenate([thing.points, others[more]])
    left = near[~np.isin(near, more)]
    thin = own[:: max(1, len(own) // 600), :2]
    stray = left[np.linalg.norm(others[left, None, :2] - thin[None], axis=-1).min(axis=1, initial=np.inf) < STRAY_M]
    handle = _linked(others[stray], others, left)
    if 0 < len(handle) < FEW * len(own):
        more = np.concatenate([more, handle])
        own = np.concatenate([own, others[handle]])
    whole = measured(own, thing.support_m) if len(more) else thing
    return whole, np.asarray(np.delete(others, more, axis=0))


def _linked(start: Float, points: Float, among: NDArray[np.int64]) -> NDArray[np.int64]:
    """Those of points [N,3] with the indices `among` that lie in the cells of `start` [K,3], or in a row of cells that
    touch those."""
    where: dict[tuple[int, ...], list[int]] = {}
    for i, cell in zip(among.tolist(), np.floor(points[among] / CELL_M).astype(np.int64).tolist(), strict=True):
        where.setdefault(tuple(cell), []).append(i)
    todo = {tuple(c) for c in np.floor(start / CELL_M).astype(np.int64).tolist()}
    found: list[int] = []
    while todo:  # each cell is taken out of `where` once
        around = {(x + i, y + j, z + k) for x, y, z in todo for i, j, k in AROUND}
        todo = {cell for cell in around if cell in where}
        for cell in todo:
            found += where.pop(cell)
    return np.array(found, dtype=np.int64)
