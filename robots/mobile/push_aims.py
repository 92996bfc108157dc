"""What a push aims at in a room: goals for the middle of a thing, the best first, and when it is there.

Words of direction are those of a person at the robot's head: left and right as one looks at the thing from there, front
nearer to the head, back farther away. Frames: odom.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from robots.interface import Status
from robots.mobile.find import find
from robots.mobile.things import Thing
from robots.primitives.base import Body, Outcome
from robots.relations import Beside, Side

Float = NDArray[np.float64]

FAR_M = (0.15, 0.12, 0.09, 0.06)
"""How far a push to a side goes: as far as there is room for."""
SHORT_M = 0.025
"""A push to a side may stop so much short of that, however far aside it ends."""
SPOT_M, BESIDE_M = 0.020, 0.025
"""So near to its goal a thing is there."""
GAP_M, FURTHER_M = 0.025, (0.0, 0.02, 0.04)
"""Between the outlines of two things side by side; and how much more, where there is no room."""
FLAT_M = 0.012
"""What is no higher has no edge to speak of: a thing may come onto it, but is not pushed itself."""
TURNS_RAD = tuple(np.radians([0, 30, -30, 60, -60, 90, -90, 120, -120, 150, -150, 180]))
SIDES: dict[Side, tuple[float, float]] = {
    Side.LEFT: (0, 1), Side.RIGHT: (0, -1), Side.FRONT: (-1, 0), Side.BACK: (1, 0),
}  # fmt: skip
WAYS: dict[Beside, tuple[float, float]] = {
    Beside.LEFT_OF: (0, 1), Beside.RIGHT_OF: (0, -1), Beside.IN_FRONT_OF: (-1, 0), Beside.BEHIND: (1, 0),
    Beside.TOP_LEFT_OF: (1, 1), Beside.TOP_RIGHT_OF: (1, -1), Beside.BOTTOM_LEFT_OF: (-1, 1),
    Beside.BOTTOM_RIGHT_OF: (-1, -1),
}  # fmt: skip
"""Along the line of sight, and to its left."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Aim:
    """goals: float64[2] m each, for the thing's middle, the best first. near_m: how near to the chosen one it is there.

    words: where that is. way: float64[2], unit: only how far it goes that way counts, as for a side.
    """

    words: str
    goals: tuple[Float, ...]
    near_m: float
    way: Float | None = None

    def there(self, xy: Float, goal: Float) -> bool:
        """Whether a thing whose middle is at xy [2] has come to `goal` [2], one of the goals."""
        left = goal - xy
        return float(left @ self.way if self.way is not None else np.linalg.norm(left)) <= self.near_m


def to_side(thing: Thing, eye: Float, side: Side) -> Aim:
    """A hand's breadth or two to a side. eye: float64[2], where one looks from."""
    way = _seen_from(eye, thing.centre, SIDES[side])
    goals = tuple(thing.centre + far * way for far in FAR_M)
    return Aim(words=f"further to the {side.value}", goals=goals, near_m=SHORT_M, way=way)


def to_spot(xy: Float) -> Aim:
    """A point [2]."""
    return Aim(words="at the spot", goals=(xy,), near_m=SPOT_M)


def to_thing(body: Body, thing: Thing, eye: Float, point: Float, words: str, beside: Beside | None) -> Aim | Outcome:
    """Beside what is at `point` [3], or onto it where it is flat. The head ends turned there."""
    other, _, _ = find(body, point)
    if beside is None:
        if other is not None and other.height_m > FLAT_M:
            detail = f"nothing slides onto the {words}: it has an edge"
            return Outcome(status=Status.PATH_BLOCKED, detail=detail)
        return Aim(words=f"at the {words}", goals=(point[:2] if other is None else other.centre,), near_m=BESIDE_M)
    if other is None:
        return Outcome(status=Status.TARGET_NOT_FOUND, detail=f"there is nothing at the point for the {words}")
    if beside is Beside.NEXT_TO:
        first = thing.centre - other.centre
        bearing = float(np.arctan2(first[1], first[0]))
        ways = [np.array([np.cos(bearing + t), np.sin(bearing + t)]) for t in TURNS_RAD]
    else:
        ways = [_seen_from(eye, other.centre, WAYS[beside])]
    goals = tuple(
        other.centre + (extent(other, way) + extent(thing, -way) + GAP_M + more) * way
        for way in ways for more in FURTHER_M
    )  # fmt: skip
    return Aim(words=f"{beside.value} the {words}", goals=goals, near_m=BESIDE_M)


def extent(thing: Thing, way: Float) -> float:
    """How far a thing reaches from its middle along `way` [2], in metres."""
    return float(np.quantile((thing.points[:, :2] - thing.centre) @ way, 0.99))


def _seen_from(eye: Float, at: Float, way: tuple[float, float]) -> Float:
    """float64[2]: a unit vector, given along the line of sight from eye [2] to `at` [2] and to its left."""
    sight = (at - eye) / max(float(np.linalg.norm(at - eye)), 1e-6)
    found = way[0] * sight + way[1] * np.array([-sight[1], sight[0]])
    return np.asarray(found / np.linalg.norm(found))
