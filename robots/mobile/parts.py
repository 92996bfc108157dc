"""What opens, as the map tells and depth shows it: which part a point lies on, how far it is open, where its bar is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from robots.geometry import Pose
from robots.mobile.sight import odom_T_world
from robots.mobile.solids import Boxes, fixed_here
from robots.places import Handle, RoomMap, Solid
from robots.primitives.base import Body

Float = NDArray[np.float64]

AMOUNTS = 41
SKIN_M = 0.014
"""Points so near to a part's surface are the part's: the map is off by so much."""
AT_M = 0.07
"""How far from a part a point on it may seem to lie."""
BAR_ASIDE_M, BAR_BEFORE_M, BAR_BEHIND_M = 0.045, 0.050, 0.045
"""Where a bar may be, off where it is expected: across it, before it, behind it."""
BESIDE_M = 0.15
"""A bar so near to another may be taken for it."""
FEW = 6
FINE_M, AROUND_M, MOST_OFF_M = 0.005, 0.5, 0.03
"""For measuring to millimetres: what counts as on a surface, what stands around, and how far the map may be off."""
NEAR_M = 0.025
"""A point that is known to be on a part is so near to it as it stands, or as near as can be."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Part:
    """A part that opens: its bar and its boxes when it is shut, in odom."""

    handle: Handle
    boxes: tuple[Solid, ...]

    @property
    def name(self) -> str:
        return self.handle.part

    def at(self, amount: float) -> tuple[Solid, ...]:
        """Its boxes when it is open by an amount."""
        motion = self.handle.motion(amount)
        return tuple(replace(s, pose=motion @ s.pose) for s in self.boxes)

    @property
    def lever_m(self) -> float:
        """Metres that the bar goes for each unit of the amount: 1, or its distance from the hinge."""
        if not self.handle.turns:
            return 1.0
        away = self.handle.pose.xyz - self.handle.at_m
        return float(np.linalg.norm(away - (away @ self.handle.axis) * self.handle.axis))

    def bar(self, amount: float) -> Pose:
        """odom_T_tool of a hand that holds its bar then."""
        return self.handle.motion(amount) @ self.handle.pose


def parts_of(room: RoomMap, by: Pose) -> list[Part]:
    """All parts that open, in the frame `by` (by_T_world)."""
    out = []
    for handle in room.handles:
        boxes = tuple(replace(s, pose=by @ s.pose) for s in room.solids if s.part == handle.part)
        out.append(Part(handle=handle.moved(by), boxes=boxes))
    return out


def part_now(body: Body, name: str) -> Part:
    """The part of that name, shut, where the robot now believes it to be."""
    assert body.map is not None
    return next(p for p in parts_of(body.map, odom_T_world(body.robot.state())) if p.name == name)


def others_now(body: Body, name: str) -> tuple[Solid, ...]:
    """All walls and furniture but that part, as far open as the robot knows, in odom."""
    assert body.map is not None
    return tuple(s for s in fixed_here(body) if s.part != name)


def part_at(parts: Sequence[Part], point: Float, words: str) -> Part | None:
    """The part that a point [3] lies on, however far it is open; among those near it the one that is called so."""
    near: list[tuple[float, int, Part]] = []
    for i, part in enumerate(parts):
        amounts = np.linspace(0.0, part.handle.travel, AMOUNTS)
        # The less it is open the likelier: a shut door hides what is behind it.
        gaps = [max(float(Boxes(part.at(a)).distance(point[None])[0]), 0.0) + 1e-4 * k for k, a in enumerate(amounts)]
        near.append((min(gaps), i, part))
    called = [row for row in near if row[2].name == words]
    if called and min(called)[0] < 4 * AT_M:
        return min(called)[2]
    best = min(near, default=None)
    return best[2] if best is not None and best[0] < AT_M else None


def amount_seen(part: Part, points: Float, point: Float | None = None, *, fixed: Sequence[Solid] = ()) -> float:
    """How far a part is open, m or rad: the amount at which most of the points [N,3] lie on its surface. point: [3],
    known to be on it, which leaves only amounts that fit. fixed: what stands around it (odom), by which the points
    are first put right: the map is off by a centimetre, and so would be a drawer."""
    near = points[np.linalg.norm(points - part.handle.pose.xyz, axis=1) < 1.3]
    if len(near) > 4000:
        near = near[:: len(near) // 4000 + 1]
    if len(near) == 0:
        return 0.0
    if not part.handle.turns:
        near = near - _too_deep(part, near, fixed)
    amounts = np.linspace(0.0, part.handle.travel, AMOUNTS)
    score = np.array([_on_it(part, near, a, SKIN_M) for a in amounts])
    if point is not None:
        gaps = np.array([abs(float(Boxes(part.at(a)).distance(point[None])[0])) for a in amounts])
        score = np.where(gaps < max(float(gaps.min()) + 0.005, NEAR_M), score, 0.0)
    best = float(amounts[int(np.argmax(score))])
    step = float(amounts[1])
    finer = np.clip(np.linspace(best - 1.5 * step, best + 1.5 * step, 25), 0.0, part.handle.travel)
    return float(finer[int(np.argmax([_on_it(part, near, a, FINE_M) for a in finer]))])


def _on_it(part: Part, points: Float, amount: float, skin_m: float) -> float:
    return _near(Boxes(part.at(amount)).distance(points), skin_m)


def _near(away: Float, skin_m: float) -> float:
    """How many of distances [N] are below skin_m, the nearer the more."""
    return float(np.maximum(0.0, 1.0 - np.square(away / skin_m)).sum())


def _too_deep(part: Part, points: Float, fixed: Sequence[Solid]) -> Float:
    """float64[3]: how far points [N,3] lie behind the surfaces of what stands around the part, into the furniture."""
    into = part.handle.pose.rotation @ [0.0, 0.0, 1.0]
    at = part.handle.pose.xyz
    around = [s for s in fixed if float(np.linalg.norm(s.pose.xyz - at) - np.linalg.norm(s.half_m)) < AROUND_M]
    some = points[:: len(points) // 800 + 1]
    some = some[np.linalg.norm(some - at, axis=1) < AROUND_M + 0.3]
    if not around or len(some) == 0:
        return np.zeros(3)
    boxes, shifts = Boxes(around), np.linspace(-MOST_OFF_M, MOST_OFF_M, 21)
    fits = [_near(boxes.distance(some - d * into), FINE_M) for d in shifts]
    return np.asarray(float(shifts[int(np.argmax(fits))]) * into)


def bar_offset(bar: Pose, handle: Handle, points: Float, beside: Sequence[Pose] = ()) -> Float | None:
    """float64[3] in odom: how far the bar is off where it is expected (odom_T_tool), across it and along the view
    into the furniture, from points [N,3]; None where too little of it is seen. beside: other bars, which must be off
    by as much: two doors' bars may be 6 cm apart, and either may be where the other is expected."""
    x, y, z = bar.inverse().apply(points).T
    # What is as deep as the front is no bar; the front is where most points aside of it are.
    around = (np.abs(x) < 0.4 * handle.length_m) & (np.abs(y) < 0.10) & (np.abs(z) < 0.12)
    if int(around.sum()) < FEW:
        return None
    counts, edges = np.histogram(z[around], bins=np.arange(-0.12, 0.125, 0.005))
    front = float(edges[int(np.argmax(counts))])
    if front < 0.012:
        front = 0.03
    proud = (np.abs(x) < 0.4 * handle.length_m) & (z > -BAR_BEFORE_M) & (z < min(BAR_BEHIND_M, front - 0.012))
    y, z = y[proud], z[proud]
    bars = [0.0, *(float(bar.inverse().apply(b.xyz)[1]) for b in beside if _alike(bar, b))]

    def hits(off: float) -> tuple[int, float]:
        """How many bars there would be, and how many points on this one."""
        on = [int((np.abs(y - off - b) < handle.width_m / 2 + 0.003).sum()) for b in bars]
        return (sum(n >= FEW for n in on) if on[0] >= FEW else 0), on[0] * (1.0 - 4.0 * abs(off))

    offs = np.arange(-BAR_ASIDE_M, BAR_ASIDE_M + 1e-6, 0.002)
    best = max(offs, key=lambda off: hits(float(off)))
    seen = np.abs(y - best) < handle.width_m / 2 + 0.006
    if hits(float(best))[0] == 0 or int(seen.sum()) < FEW:
        return None
    across = float(np.quantile(y[seen], 0.1) + np.quantile(y[seen], 0.9)) / 2
    before = float(np.quantile(z[seen], 0.15)) + handle.width_m / 2
    return np.asarray(bar.rotation @ np.array([0.0, across, before]))


def _alike(bar: Pose, other: Pose) -> bool:
    """Whether another bar may be seen beside a bar and taken for it."""
    local = bar.inverse() @ other
    x, y, z = np.abs(local.xyz)
    return bool(x < 0.2 and y < BESIDE_M and z < 0.05 and abs(local.rotation[0, 0]) > 0.9)
