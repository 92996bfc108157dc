"""The arm's way to where a thing is put down: over the spot and down; under something, in from outside before that."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from robots.geometry import Pose
from robots.interface import Status
from robots.mobile.carry import carry
from robots.mobile.clearance import free
from robots.mobile.glance import cloud, see
from robots.mobile.haul import haul, line
from robots.mobile.load import Load
from robots.mobile.reach import configurations, tool
from robots.mobile.sight import odom_T_world
from robots.mobile.sites import remember_laid
from robots.mobile.spots import SPREAD_M, Spot
from robots.mobile.stream import straight_way
from robots.places import Surface
from robots.planning.scene import Scene
from robots.primitives.base import Body, Outcome

Float = NDArray[np.float64]

ABOVE_M, UNDER_M = (0.10, 0.05), 0.03
"""How far over the spot the straight way down begins; the second under something."""
LIFTS_M = (0.0, 0.05, 0.10, 0.18, 0.27, 0.36, 0.45, 0.5, 0.55)
"""What may fall is let go so much higher where the arm does not get lower."""
LOWER_M_S, GENTLE = 0.12, 0.08
"""Starts and stops so gently that the load's own inertia is not taken for contact (2 N)."""
CLEAR_M, MOST_OUT_M = 0.05, 0.55
"""Outside, a load is so far before the edge of what it goes under; and not farther than this from its spot."""
BACK_M, SHORT_M = 0.12, 0.05
OUT_M_S = 0.15
LAID_M = 0.012
"""What falls no farther than this stays where it is put."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Way:
    """spot: where to. q: float64[M,J] of the arm there; at its sample `over` it is `high_m` over the spot. back:
    float64[3], how the empty hand leaves. tools: under something, odom_T_tool all
    along, in from outside; else none, and q is a stream. places: float64[M,3], the base at each of them."""

    spot: Spot
    q: Float
    tools: tuple[Pose, ...]
    over: int
    high_m: float
    back: Float
    places: Float | None = None

    @property
    def goes_along(self) -> bool:
        """Whether the base moves, too."""
        return self.places is not None and float(np.abs(self.places - self.places[0]).max()) > 0.0

    def out(self, body: Body, at: float, *, width_m: float) -> Outcome:
        """The hand back to outside from sample `at`, arm and base the way they came."""
        end = max(int(at), 1) + 1
        places = None if self.places is None else self.places[:end][::-1]
        way = (self.tools[:end][::-1], self.q[:end][::-1])
        return haul(body, *way, places, speed_m_s=OUT_M_S, width_m=width_m).outcome


def way_down(body: Body, load: Load, spots: list[Spot], scene: Scene) -> Way | Outcome:
    """To the first of `spots` that the arm reaches clear of the scene."""
    reached = False
    for spot in _tried(spots):
        for q in configurations(body, spot.tool)[:3]:
            reached = True
            if not free(body, scene, q, width_m=load.width_m, hand=False):
                continue
            for high_m in ABOVE_M:
                found = _from(body, load, spot, scene, q, high_m)
                if found is not None:
                    return found
    if reached:
        return Outcome(status=Status.PATH_BLOCKED, detail=f"something is in the way of putting down the {load.words}")
    return Outcome(status=Status.UNREACHABLE, detail="the arm does not reach there")


def _tried(spots: list[Spot]) -> Iterator[Spot]:
    """The best, and others farther down; then the same from higher up as far as they may fall."""
    few = (*spots[:10], *spots[10:150:7])
    for lift in LIFTS_M:
        up = np.array([0.0, 0.0, lift])
        for spot in few if lift == 0.0 else few[:12]:
            if lift <= spot.spare_fall_m:
                yield replace(
                    spot, fall_m=spot.fall_m + lift,
                    thing=Pose(xyz=spot.thing.xyz + up, quat_xyzw=spot.thing.quat_xyzw),
                    tool=Pose(xyz=spot.tool.xyz + up, quat_xyzw=spot.tool.quat_xyzw),
                )  # fmt: skip


def _from(body: Body, load: Load, spot: Spot, scene: Scene, q: Float, high_m: float) -> Way | None:
    """The way that ends at the spot with the arm at `q` [J], None where it meets something."""
    above = Pose(xyz=spot.tool.xyz + [0.0, 0.0, high_m], quat_xyzw=spot.tool.quat_xyzw)
    up = straight_way(body, q, above, speed_m_s=LOWER_M_S, acceleration=GENTLE)
    if up is None or not free(body, scene, up[-1], width_m=load.width_m):
        return None
    back = -max(BACK_M, load.height_m if load.level else 0.0) * spot.tool.rotation[:, 2]
    return Way(spot=spot, q=up[::-1], tools=(), over=0, high_m=high_m, back=back)


def out_m(body: Body, load: Load, spot: Spot, surface: Surface, into: Float) -> float:
    """How far back against `into` [2] the load is clear of what it goes under."""
    world = odom_T_world(body.robot.state()).inverse()
    ways = np.arange(0.0, MOST_OUT_M + 1e-9, 0.02)
    places = world.apply(np.column_stack([spot.thing.xyz[:2] - ways[:, None] * into, np.full(len(ways), 0.0)]))
    over = surface.holds(places, margin_m=max(load.size_m) + CLEAR_M)
    return float(ways[-1] if over.all() else ways[int(np.argmin(over))])


def let_go(body: Body, load: Load, way: Way) -> Outcome:
    """Open a little, leave as the way says, open, and fold the arm."""
    widest = body.robot.spec.gripper_max_width_m
    opened = min(load.width_m + 2 * SPREAD_M, widest)
    body.grip(opened)
    body.robot.wait(0.15)
    if way.spot.fall_m < LAID_M:
        remember_laid(body, load, way.spot.thing)
    body.grasp, body.held_q = None, None
    if way.goes_along:
        way.out(body, way.over, width_m=opened)
    else:
        _back(body, way.back, opened)
    body.grip(widest, limit_s=0.2)
    _, seen = see(body)
    outcome = carry(body, cloud(seen), pace=1.0)
    if outcome.status is not Status.SUCCEEDED:
        return outcome
    return Outcome(status=Status.SUCCEEDED, detail=f"let go of the {load.words}")


def _back(body: Body, back: Float, width_m: float) -> None:
    """The hand straight by `back` [3] m (odom), or less where it gets no farther."""
    here = tool(body)
    short = back * (SHORT_M / max(float(np.linalg.norm(back)), SHORT_M))
    for by in (back, 0.5 * back, short):
        away = Pose(xyz=here.xyz + by, quat_xyzw=here.quat_xyzw)
        if line(body, away, speed_m_s=0.15, width_m=width_m).outcome.status is Status.SUCCEEDED:
            break
