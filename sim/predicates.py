"""What is true of the things on the table: `on`, `in`, `left_of`, ... as pure functions of poses and sizes.

    evaluate(world, "in(red block, green bowl) and not on(blue block, red block)")

Directions are the viewer's, who stands opposite the robot: left is -y, in front is +x (docs/conventions.md).
All but `holding`, `open` and `closed` ask that the first thing is at rest and not in the hand.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from robots.geometry import Pose
from sim.goals import Goal, GoalError, bind, parse_goal
from sim.shapes import WALL_M, dimensions
from sim.world import World

__all__ = ["Goal", "GoalError", "State", "Thing", "check_goal", "evaluate", "explain", "parse_goal", "state_of"]

Float = NDArray[np.float64]

STILL_M_S = 0.03
CONTACT_M = 0.008
"""A thing rests on another whose top is within this of its lowest point; one solver step leaves 1 to 2 mm."""
TABLE_M = 0.003
"""A thing lies on the bare table when its lowest point is within this of it: on a plate it is 5 mm up."""
EDGE_M = 0.002
"""How far beyond the edge of what is under it a thing's middle may lie: rounding; further out it would fall."""
RIM_M = 0.004
"""A thing is in a bowl or box when its lowest point is at least this far below the rim."""
OVER_RIM_M = 0.03
"""... and its middle no higher above the rim than this."""
BESIDE_MIN_M, BESIDE_OFF_M, BESIDE_MAX_M = 0.02, 0.05, 0.25
"""left_of and its like: at least so far that way, at most so far off that line, at most so far apart (middles)."""
NEAR_M = 0.15
SIDE_Y_M, FRONT_X_M, BACK_X_M = 0.17, 0.55, 0.40
"""at(a, left): y <= -0.17; right: y >= 0.17; front: x >= 0.55; back: x <= 0.40."""
ORIGIN_M = 0.045
"""at(a, b): a's middle is this near to where b's was at first."""
OPEN_M, CLOSED_M = 0.06, 0.005
"""Widths at which the hand counts as open, and as closed on nothing."""
UPRIGHT = 0.9
"""Cosine of the lean at which a bowl still is one."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Thing:
    """An object as it is now. pose: world_T_object, origin in the middle of its underside."""

    name: str
    kind: str
    width_m: float
    height_m: float
    pose: Pose
    still: bool
    held: bool

    @property
    def centre(self) -> Float:
        """World coordinates of the middle of its bounding box, float64[3] m."""
        return self.pose.apply([0.0, 0.0, self.height_m / 2])

    @property
    def lowest_m(self) -> float:
        """Height of its lowest point above the table."""
        up = self.pose.rotation[2]
        half, tall = self.width_m / 2, self.height_m / 2
        if self.kind in ("block", "box", "zone"):
            reach = half * (abs(up[0]) + abs(up[1])) + tall * abs(up[2])
        else:
            reach = half * float(np.hypot(up[0], up[1])) + tall * abs(up[2])
        return float(self.centre[2] - reach)

    @property
    def top_m(self) -> float:
        return 2 * float(self.centre[2]) - self.lowest_m

    @property
    def upright(self) -> bool:
        return bool(self.pose.rotation[2, 2] > UPRIGHT)

    @property
    def settled(self) -> bool:
        return self.still and not self.held

    def covers(self, point: Float, shrink_m: float) -> bool:
        """Whether the footprint, drawn in by shrink_m, has a world point above it."""
        across, along = np.abs(self.pose.inverse().apply(point)[:2])
        if self.upright and self.kind in ("block", "box", "zone"):
            return bool(max(across, along) <= self.width_m / 2 - shrink_m)
        if self.upright:
            return bool(np.hypot(across, along) <= self.width_m / 2 - shrink_m)
        return bool(np.linalg.norm((point - self.centre)[:2]) <= self.width_m / 2 - shrink_m)


@dataclass(frozen=True, kw_only=True, eq=False)
class State:
    """Everything that a predicate may look at. origins: where the middle of each thing was at first, float64[2] m."""

    things: Mapping[str, Thing]
    gripper_width_m: float
    origins: Mapping[str, Float]


def state_of(world: World) -> State:
    """The world as it is now."""
    held = world.held()
    things = {}
    for name in world.names:
        spec = world.object_spec(name)
        size = dimensions(spec.kind, spec.size)
        things[name] = Thing(
            name=name, kind=spec.kind, width_m=size.width_m, height_m=size.height_m, pose=world.pose(name),
            still=world.speed_m_s(name) < STILL_M_S, held=name == held,
        )  # fmt: skip
    origins = {o.spec.name: np.array(o.xy_m) for o in world.scene.objects}
    return State(things=things, gripper_width_m=world.arm.width_m, origins=origins)


def on(state: State, a: str, b: str) -> bool:
    """a rests on b: its lowest point at b's top, its middle above b. On a bowl or box means in it."""
    upper, lower = state.things[a], state.things[b]
    if lower.kind in ("bowl", "box"):
        return inside(state, a, b)
    if not upper.settled or not lower.covers(upper.centre, -EDGE_M):
        return False
    if lower.kind in ("plate", "zone"):  # on a plate's floor or over its rim; a zone has no height
        surface = lower.lowest_m + (WALL_M if lower.kind == "plate" else 0.0)
        return surface - CONTACT_M <= upper.lowest_m <= lower.top_m + CONTACT_M
    return abs(upper.lowest_m - lower.top_m) <= CONTACT_M


def inside(state: State, a: str, b: str) -> bool:
    """a lies in bowl or box b: its middle within the walls, its lowest point below the rim, or on a thing in b.

    In a plate or zone means on it.
    """
    inner, outer = state.things[a], state.things[b]
    if outer.kind not in ("bowl", "box"):
        return outer.kind in ("plate", "zone") and on(state, a, b)
    if not (inner.settled and outer.upright and outer.covers(inner.centre, WALL_M)):
        return False
    if inner.lowest_m <= outer.top_m - RIM_M and float(inner.centre[2]) <= outer.top_m + OVER_RIM_M:
        return True
    under = (c for c, thing in state.things.items() if c not in (a, b) and thing.kind in ("block", "cylinder"))
    return any(on(state, a, c) and inside(state, c, b) for c in under)


def beside(state: State, a: str, b: str, way: tuple[float, float]) -> bool:
    """a lies on one side of b; `way`: that side's direction in world x, y."""
    apart = (state.things[a].centre - state.things[b].centre)[:2]
    along, off = float(apart @ way), float(abs(apart @ (way[1], -way[0])))
    return (
        state.things[a].settled
        and along >= BESIDE_MIN_M
        and off <= BESIDE_OFF_M
        and float(np.linalg.norm(apart)) <= BESIDE_MAX_M
    )


def left_of(state: State, a: str, b: str) -> bool:
    return beside(state, a, b, (0.0, -1.0))


def right_of(state: State, a: str, b: str) -> bool:
    return beside(state, a, b, (0.0, 1.0))


def in_front_of(state: State, a: str, b: str) -> bool:
    return beside(state, a, b, (1.0, 0.0))


def behind(state: State, a: str, b: str) -> bool:
    return beside(state, a, b, (-1.0, 0.0))


def near(state: State, a: str, b: str) -> bool:
    """Their middles are close, seen from above."""
    apart = (state.things[a].centre - state.things[b].centre)[:2]
    return state.things[a].settled and float(np.linalg.norm(apart)) <= NEAR_M


def at(state: State, a: str, where: str) -> bool:
    """a lies at a side of the table, on the bare table, or where another thing was at first."""
    thing = state.things[a]
    x, y, _ = thing.centre
    if not thing.settled:
        return False
    if where == "table":
        return abs(thing.lowest_m) <= TABLE_M
    sides = {"left": y <= -SIDE_Y_M, "right": y >= SIDE_Y_M, "front": x >= FRONT_X_M, "back": x <= BACK_X_M}
    if where in sides:
        return bool(sides[where])
    return float(np.linalg.norm(thing.centre[:2] - state.origins[where])) <= ORIGIN_M


def holding(state: State, a: str) -> bool:
    """Both fingers press a."""
    return state.things[a].held


def opened(state: State, hand: str) -> bool:
    return state.gripper_width_m >= OPEN_M


def closed(state: State, hand: str) -> bool:
    return state.gripper_width_m <= CLOSED_M


Predicate = Callable[..., bool]
_FUNCTIONS: dict[str, Predicate] = {
    "on": on, "in": inside, "left_of": left_of, "right_of": right_of, "in_front_of": in_front_of, "behind": behind,
    "near": near, "at": at, "holding": holding, "open": opened, "closed": closed,
}  # fmt: skip


def check_goal(world: World, goal: str) -> Goal:
    """The goal with this scene's names in it; raises GoalError like `explain`, before anything has moved."""
    return bind(parse_goal(goal), world.scene.specs)


def explain(world: World, goal: str | Goal, state: State | None = None) -> dict[str, bool]:
    """Each part of a goal, and whether it is met.

    Raises:
        GoalError: it can't be read, or names what is not in the scene.
    """
    bound = bind(parse_goal(goal) if isinstance(goal, str) else goal, world.scene.specs)
    state = state or state_of(world)
    return {str(part): _FUNCTIONS[part.predicate](state, *part.arguments) is part.wanted for part in bound}


def evaluate(world: World, goal: str | Goal) -> bool:
    """Whether all of a goal is met now. Raises GoalError like `explain`."""
    return all(explain(world, goal).values())
