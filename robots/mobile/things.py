"""Which points belong to a thing, by geometry alone: grown from the point that was asked for, above what it stands on.

Labels make a thing many colours, so colour says nothing here. Frames: odom, z up. Shape letters: N points.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from robots.geometry import Pose
from robots.mobile.sight import View
from robots.mobile.solids import inside_solids
from robots.places import Solid
from robots.primitives.surface import least_rectangle

Float = NDArray[np.float64]
Mask = NDArray[np.bool_]

ABOVE_M = 0.003
"""Higher than this above its support, a point belongs to what stands there."""
LINK_M, LINK_PIXELS = 0.009, 2.6
"""Neighbouring pixels of one thing are no further apart in space than the larger of these (the second in pixels)."""
AT_M = 0.05
"""How far from the point that was asked for a thing may begin."""
REACH_M = 0.30
"""No part of a thing is further from that point, level."""
CELL_M, ROUNDS, FEWEST = 0.005, 3, 4
TOP_M = 0.012
HELD = 0.9
FLAT_M, LID_M = 0.010, 0.06
"""A level patch, seen so aslant that nothing links it, is the top of what ends at its height so near to it."""
FIXED_M = 0.012
"""Points so near to walls and furniture, or inside, are theirs."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Thing:
    """A thing as depth shows it. points: float64[N,3] m, odom. support_m: height of what it stands on.

    centre: float64[2], middle of its outline; half_m along x and y turned by yaw_rad (least rectangle around it).
    top_m: of its highest points.
    """

    points: Float
    support_m: float
    centre: Float
    yaw_rad: float
    half_m: tuple[float, float]
    top_m: float

    @property
    def height_m(self) -> float:
        return self.top_m - self.support_m

    @property
    def top(self) -> Float:
        """float64[N,3]: its highest points."""
        return np.asarray(self.points[self.points[:, 2] > self.top_m - TOP_M])

    @property
    def middle(self) -> Float:
        """float64[3]: halfway up over the middle of the outline."""
        return np.array([*self.centre, (self.top_m + self.support_m) / 2])

    @property
    def hollow(self) -> bool:
        """A vessel: its highest points are around its middle and what is seen there is lower."""
        inner = np.linalg.norm(self.points[:, :2] - self.centre, axis=1) < 0.4 * min(self.half_m)
        return bool(inner.any()) and float(np.median(self.points[inner, 2])) < self.top_m - max(
            0.008, 0.25 * self.height_m
        )


def thing_at(
    views: Sequence[View], target: Float, support_m: float, fixed: Sequence[Solid] = (), *, within_m: float = AT_M
) -> Thing | None:
    """The thing at `target` [3] m as all views together show it; None where nothing stands within `within_m` of it.

    In the first view that shows it there, the patch of linked pixels that is nearest; then, from all views, the patches
    most of which lie over or under what was found, those that hold nearly all of it where nobody sees what they stand
    on in between (a ridge hides what is behind it), and tops that no pixels link to what they are the tops of. fixed:
    walls and furniture, in odom.
    """
    start = np.asarray(target, dtype=np.float64)
    patches = [patch for one in views for patch in _patches(one, _standing(one, start, support_m, fixed))]
    away = [float(np.linalg.norm(patch - start, axis=1).min()) for patch in patches]
    if not away or min(away) > within_m:
        return None
    first = next(i for i, distance in enumerate(away) if distance < min(away) + 0.004)
    mine, lids = {first}, _lids(patches, support_m)
    floor = np.concatenate([one.cloud for one in views])
    floor = floor[(np.abs(floor - [*start[:2], support_m]) < [REACH_M, REACH_M, ABOVE_M]).all(axis=1)]
    for _ in range(ROUNDS):
        cells = Cells.of(np.concatenate([patches[i] for i in sorted(mine)]))
        more = {i for i, p in enumerate(patches) if i not in mine and float(cells.hold(p).mean()) > 0.5}
        more |= {i for pair in lids for i in pair if mine & set(pair) and i not in mine}
        found = np.concatenate([patches[i] for i in sorted(mine)])
        more |= {i for i, p in enumerate(patches) if i not in mine and _holds(p, found, floor)}
        if not more:
            break
        mine |= more
    return measured(np.concatenate([patches[i] for i in sorted(mine)]), support_m)


def _holds(patch: Float, found: Float, floor: Float) -> bool:
    """Whether what was found [N,3] is over the rectangle around a patch [M,3], and the two together cover a rectangle
    in which no point of the floor [K,3] is seen."""
    within = _inside(patch, found, CELL_M)
    return float(within.mean()) > HELD and not bool(_inside(np.concatenate([patch, found]), floor, -CELL_M).any())


def _inside(points: Float, others: Float, margin_m: float) -> Mask:
    """bool[K]: those of others [K,3] that are over the least rectangle around points [N,3], or within a margin."""
    centre, yaw, half, _ = least_rectangle(points[:, :2])
    local = Pose.from_xyz_yaw([*centre, 0.0], yaw).inverse().apply(others)
    return np.asarray((np.abs(local[:, :2]) < np.array(half) + margin_m).all(axis=1))


def _lids(patches: list[Float], support_m: float) -> list[tuple[int, int]]:
    """Level patches high above the support, each with the patch that it is the top of: the nearest that ends there and
    reaches lower."""
    tops, lows = np.array([p[:, 2].max() for p in patches]), np.array([p[:, 2].min() for p in patches])
    found = []
    for i in np.nonzero((tops - lows < FLAT_M) & (lows > support_m + 2 * FLAT_M))[0].tolist():
        under = np.nonzero((np.abs(tops - tops[i]) < FLAT_M) & (lows < tops[i] - 2 * FLAT_M))[0].tolist()
        away = [_apart_m(patches[i], patches[j]) for j in under]
        if away and min(away) < LID_M:
            found.append((i, under[int(np.argmin(away))]))
    return found


def _apart_m(a: Float, b: Float) -> float:
    """The least distance between some points of a [N,3] and the upper ones of b [M,3]."""
    upper = b[b[:, 2] > b[:, 2].max() - 2 * FLAT_M]
    a, upper = a[:: max(1, len(a) // 64)], upper[:: max(1, len(upper) // 64)]
    return float(np.linalg.norm(a[:, None] - upper[None], axis=-1).min())


@dataclass(frozen=True, kw_only=True, eq=False)
class Cells:
    """Where a thing is seen from above: cells of 5 mm and those around them. keys: int64[K]."""

    keys: NDArray[np.int64]

    @classmethod
    def of(cls, points: Float) -> Cells:
        index = np.unique(np.floor(points[:, :2] / CELL_M).astype(np.int64), axis=0)
        around = [index + [i, j] for i in (-1, 0, 1) for j in (-1, 0, 1)]
        return cls(keys=np.unique(_key(np.concatenate(around))))

    def hold(self, points: Float) -> Mask:
        """bool[N]: points [N,3] over or under the cells."""
        return np.isin(_key(np.floor(points[:, :2] / CELL_M).astype(np.int64)), self.keys)


def without(points: Float, thing: Thing) -> Float:
    """Points [N,3] that are not the thing's: neither in one of its cells and no higher than it, nor on its faces."""
    mine = (
        Cells.of(thing.points).hold(points)
        & (points[:, 2] < thing.top_m + 0.004)
        & (points[:, 2] > thing.support_m + ABOVE_M)
    )
    return np.asarray(points[~mine])


def _key(index: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.asarray(index[:, 0] * (1 << 24) + index[:, 1])


def measured(points: Float, support_m: float) -> Thing:
    """What points [N,3] of one thing tell of it."""
    centre, yaw, half, _ = least_rectangle(points[:, :2])
    top = float(np.quantile(points[:, 2], 0.995)) if len(points) > 50 else float(points[:, 2].max())
    return Thing(points=points, support_m=support_m, centre=centre, yaw_rad=yaw, half_m=half, top_m=top)


def support_below(views: Sequence[View], target: Float) -> float:
    """Height of the level surface under a point [3] that most points around are on, 3.5 cm deep at most below it
    without any."""
    every = np.concatenate([one.cloud for one in views])
    near = every[np.abs(every[:, :2] - target[:2]).max(axis=1) < 0.2]
    z = near[(near[:, 2] < target[2] + 0.01) & (near[:, 2] > target[2] - 0.35), 2]
    if len(z) < 30:
        return float(target[2]) - 0.035
    counts, edges = np.histogram(z, bins=np.arange(z.min() - 0.005, z.max() + 0.01, 0.005))
    best = int(np.argmax(counts))
    return float(np.median(z[(z >= edges[best] - 0.0025) & (z <= edges[best + 1] + 0.0025)]))


def _standing(one: View, target: Float, support_m: float, fixed: Sequence[Solid]) -> Mask:
    """bool[H,W]: pixels near the target that are higher than its support and no furniture."""
    level = np.abs(one.points[..., :2] - target[:2]).max(axis=-1)
    z = one.points[..., 2]
    near: Mask = one.seen & (level < REACH_M) & (z > support_m + ABOVE_M) & (z < support_m + 0.6)
    if fixed and near.any():
        near[near] = ~inside_solids(one.points[near], fixed, FIXED_M)
    return near


def _patches(one: View, among: Mask) -> list[Float]:
    """float64[N,3] each: the points of pixels that links join, patches of a few points left out."""
    rows, columns = np.nonzero(among)
    if len(rows) == 0:
        return []
    points = one.points[rows, columns]
    number = np.full(among.shape, -1)
    number[rows, columns] = np.arange(len(rows))
    starts, ends = [], []
    for dr, dc in ((0, 1), (1, 0), (1, 1), (1, -1)):
        r, c = rows + dr, columns + dc
        inside = (r < among.shape[0]) & (c < among.shape[1]) & (c >= 0)
        other = np.where(inside, number[np.minimum(r, among.shape[0] - 1), np.clip(c, 0, among.shape[1] - 1)], -1)
        a, b = np.nonzero(other >= 0)[0], other[other >= 0]
        far = np.linalg.norm(points[a] - points[b], axis=1)
        linked = far < np.maximum(LINK_M, LINK_PIXELS * one.pixel_m[rows[a], columns[a]])
        starts.append(a[linked])
        ends.append(b[linked])
    label = components(len(rows), np.concatenate(starts), np.concatenate(ends))
    order = np.argsort(label, kind="stable")
    cuts = np.nonzero(np.diff(label[order]))[0] + 1
    return [points[part] for part in np.split(order, cuts) if len(part) >= FEWEST]


def components(count: int, a: NDArray[np.int64], b: NDArray[np.int64]) -> NDArray[np.int64]:
    """int64[count]: one number a connected component of the graph with edges a-b; the smallest member's index."""
    label = np.arange(count)
    for _ in range(count):
        low = np.minimum(label[a], label[b])
        new = label.copy()
        np.minimum.at(new, a, low)
        np.minimum.at(new, b, low)
        np.minimum.at(new, label[a], low)
        np.minimum.at(new, label[b], low)
        new = new[new]
        if np.array_equal(new, label):
            break
        label = new
    return label
