"""RRT-Connect (Kuffner and LaValle 2000), for the seldom case that no straight way is free."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

Float = NDArray[np.float64]
Free = Callable[[Float], NDArray[np.bool_]]

STEP_RAD = 0.15
CHECK_RAD = 0.04


def segment_free(start: Float, end: Float, free: Free) -> bool:
    """Whether every configuration between two, `CHECK_RAD` apart in the fastest joint, is free."""
    count = max(2, 1 + int(np.ceil(float(np.abs(end - start).max()) / CHECK_RAD)))
    return bool(free(start + np.linspace(0.0, 1.0, count)[:, None] * (end - start)).all())


def rrt_connect(
    start: ArrayLike,
    goal: ArrayLike,
    free: Free,
    *,
    lower: Float,
    upper: Float,
    rng: np.random.Generator,
    nodes: int = 600,
) -> Float | None:
    """float64[K,J]: a free way from start to goal [J] within lower..upper, shortened; None after `nodes` tries."""
    a, b = np.asarray(start, dtype=np.float64), np.asarray(goal, dtype=np.float64)
    if not free(np.stack([a, b])).all():
        return None
    if segment_free(a, b, free):
        return np.stack([a, b])
    trees: tuple[list[Float], list[Float]] = ([a], [b])
    parents: tuple[list[int], list[int]] = ([-1], [-1])
    for attempt in range(nodes):
        one, two = attempt % 2, 1 - attempt % 2
        sample = rng.uniform(lower, upper)
        new = _extend(trees[one], parents[one], sample, free)
        if new is None:
            continue
        while True:
            reached = _extend(trees[two], parents[two], trees[one][new], free)
            if reached is None:
                break
            if np.abs(trees[two][reached] - trees[one][new]).max() < 1e-9:
                ends = (new, reached) if one == 0 else (reached, new)
                way = _trace(trees[0], parents[0], ends[0])[::-1] + _trace(trees[1], parents[1], ends[1])[1:]
                return _shorten(way, free, rng)
    return None


def _extend(tree: list[Float], parents: list[int], towards: Float, free: Free) -> int | None:
    points = np.stack(tree)
    nearest = int(np.argmin(((points - towards) ** 2).sum(axis=1)))
    change = towards - tree[nearest]
    length = float(np.abs(change).max())
    if length < 1e-9:
        return nearest
    new = towards if length <= STEP_RAD else tree[nearest] + change * (STEP_RAD / length)
    if not segment_free(tree[nearest], new, free):
        return None
    tree.append(new)
    parents.append(nearest)
    return len(tree) - 1


def _trace(tree: list[Float], parents: list[int], at: int) -> list[Float]:
    way = []
    while at != -1:
        way.append(tree[at])
        at = parents[at]
    return way


def _shorten(way: list[Float], free: Free, rng: np.random.Generator) -> Float:
    for _ in range(60):
        if len(way) < 3:
            break
        i, j = sorted(rng.choice(len(way), size=2, replace=False).tolist())
        if j > i + 1 and segment_free(way[i], way[j], free):
            way = way[: i + 1] + way[j:]
    return np.stack(way)
