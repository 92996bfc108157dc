"""Where things can stand without touching, and with room for the fingers round what can be picked up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sim.lexicon import FOOTPRINT_M, MOVABLE_KINDS
from sim.naming import SceneError

Float = NDArray[np.float64]

X_M = (0.34, 0.62)
Y_M = (-0.26, 0.26)
"""Where the middles of small things may be; big ones keep BIG_INSET_M more distance from the workspace's edge."""
BIG_INSET_M = 0.03
FINGER_GAP_M = 0.035
"""Round a block or cylinder: a finger is 14.5 mm thick and opens 19 mm beyond a large block's face."""
PLAIN_GAP_M = 0.015
TABLE_X_M, TABLE_Y_M = (0.31, 0.65), (-0.30, 0.30)
"""Where the middle of a thing may be put down."""
ROOM_M = 0.045
"""Radius of what is kept free beside a thing: a large block and a finger on each side."""
TRIES, RESTARTS = 150, 40
_ROUND = ("cylinder", "bowl", "plate")


@dataclass(frozen=True, kw_only=True)
class Spot:
    xy_m: tuple[float, float]
    yaw_rad: float


@dataclass(frozen=True, kw_only=True)
class Room:
    """What must stay free: table beside the thing of that index, in that direction (a unit vector in world x, y)."""

    beside: int
    direction: tuple[float, float]


@dataclass(frozen=True, kw_only=True, eq=False)
class _Footprint:
    corners: Float  # [N, 2]
    centre: Float
    margin: float  # of the corners from the true edge: a round thing is its centre with a margin
    inner: float
    outer: float  # radii about the centre of the largest circle within and the smallest around
    graspable: bool


def _footprint(kind: str, size: str, xy: Float, yaw: float) -> _Footprint:
    half = FOOTPRINT_M[kind, size] / 2
    graspable = kind in MOVABLE_KINDS
    if kind in _ROUND:
        return _Footprint(corners=xy[None], centre=xy, margin=half, inner=half, outer=half, graspable=graspable)
    c, s = half * np.cos(yaw), half * np.sin(yaw)
    corners = xy + np.array([[c - s, s + c], [-c - s, -s + c], [-c + s, -s - c], [c + s, s - c]])
    return _Footprint(corners=corners, centre=xy, margin=0.0, inner=half, outer=half * 2**0.5, graspable=graspable)


def gap_m(a: _Footprint, b: _Footprint) -> float:
    """Between their edges; negative where they overlap."""
    return _distance(a.corners, b.corners) - a.margin - b.margin


def _distance(a: Float, b: Float) -> float:
    """Between convex polygons [N,2], [M,2] (or points); 0 where they overlap."""
    if _overlap(a, b):
        return 0.0
    return min(_to_edges(a, b), _to_edges(b, a))


def _overlap(a: Float, b: Float) -> bool:
    """Whether no edge of either has all of the other beyond it (separating axes)."""
    for polygon in (a, b):
        edge = np.roll(polygon, -1, axis=0) - polygon
        for normal in edge[:, ::-1] * [1, -1]:
            on_a, on_b = a @ normal, b @ normal
            if on_a.max() < on_b.min() or on_b.max() < on_a.min():
                return False
    return len(a) > 1 or len(b) > 1


def _to_edges(points: Float, polygon: Float) -> float:
    """The least distance of a point to an edge."""
    start, edge = polygon, np.roll(polygon, -1, axis=0) - polygon
    along = ((points[:, None] - start) * edge).sum(-1) / np.maximum((edge**2).sum(-1), 1e-12)
    nearest = start + np.clip(along, 0, 1)[..., None] * edge
    return float(np.linalg.norm(points[:, None] - nearest, axis=-1).min())


def _room(kind: str, size: str, spot: Spot, room: Room) -> _Footprint | None:
    """What `room` keeps free once its thing stands at `spot`; None where that is beyond the table's end."""
    away = float(np.clip(FOOTPRINT_M[kind, size] / 2 + 0.05, 0.085, 0.15))  # as far as `place` puts things
    centre = np.array(spot.xy_m) + away * np.array(room.direction)
    if not (TABLE_X_M[0] <= centre[0] <= TABLE_X_M[1] and TABLE_Y_M[0] <= centre[1] <= TABLE_Y_M[1]):
        return None
    return _Footprint(corners=centre[None], centre=centre, margin=ROOM_M, inner=ROOM_M, outer=ROOM_M, graspable=False)


def place(rng: np.random.Generator, things: Sequence[tuple[str, str]], rooms: Sequence[Room] = ()) -> list[Spot]:
    """A spot for each (kind, size), in their order, with `rooms` left free.

    Raises:
        SceneError: after RESTARTS x TRIES draws a thing; the workspace is too full.
    """
    needs = {room.beside for room in rooms}
    order = sorted(range(len(things)), key=lambda i: (i not in needs, -FOOTPRINT_M[things[i]]))
    for _ in range(RESTARTS):
        spots: dict[int, Spot] = {}
        taken: list[_Footprint] = []
        for i in order:
            found = _free_spot(rng, *things[i], taken, [room for room in rooms if room.beside == i])
            if found is None:
                break
            spots[i], footprints = found
            taken += footprints
        else:
            return [spots[i] for i in range(len(things))]
    wanted = ", ".join(f"{size} {kind}" for kind, size in things)
    raise SceneError(f"no room on the table for {wanted} with space between them; ask for fewer")


def _free_spot(
    rng: np.random.Generator, kind: str, size: str, taken: Sequence[_Footprint], rooms: Sequence[Room]
) -> tuple[Spot, list[_Footprint]] | None:
    """A spot, and what it takes from the table: the thing's footprint and the rooms beside it."""
    graspable = kind in MOVABLE_KINDS
    inset = 0.0 if graspable else BIG_INSET_M
    for _ in range(TRIES):
        x, y = rng.uniform(X_M[0] + inset, X_M[1] - inset), rng.uniform(Y_M[0] + inset, Y_M[1] - inset)
        yaw = float(rng.uniform(-np.pi, np.pi) if graspable else rng.uniform(-0.35, 0.35))
        here = _footprint(kind, size, np.array([x, y]), yaw)
        spot = Spot(xy_m=(float(x), float(y)), yaw_rad=yaw)
        kept = [_room(kind, size, spot, room) for room in rooms]
        free = [room for room in kept if room is not None]
        if len(free) < len(kept) or any(_too_near(here, other) for other in taken):
            continue
        if not any(_too_near(room, other) for room in free for other in taken):
            return spot, [here, *free]
    return None


def _too_near(a: _Footprint, b: _Footprint) -> bool:
    wanted = FINGER_GAP_M if a.graspable or b.graspable else PLAIN_GAP_M
    apart = float(np.hypot(*(a.centre - b.centre))) - wanted
    return apart < a.inner + b.inner or (apart < a.outer + b.outer and gap_m(a, b) < wanted)
