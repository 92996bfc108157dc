"""What is true in a kitchen: `on`, `in`, `open`, `switched_on`, `wiped`, `poured`, ... as pure functions of its state.

    state = state_of(world)
    on(state, "apple", "table") and closed(state, "fridge")

Places are surfaces by their names ("top drawer", "left counter") or by their kind ("counter", "drawer", "shelf"). A
name that the kitchen does not have is a KeyError that lists what there is. `on`, `in_`, `near` ask that the thing is
at rest and not in the hand.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

import numpy as np

from robots.geometry import Float, Pose
from sim.kitchen.affordances import Spot
from sim.kitchen.fixtures import KitchenFixtures
from sim.kitchen.furniture import Unit
from sim.kitchen.kinds import Made
from sim.kitchen.process import Content
from sim.kitchen.things import made
from sim.mobile import MobileArm
from sim.world import World

T = TypeVar("T")
STILL_M_S = 0.03
CONTACT_M = 0.008
"""A thing rests on another whose top is within this of its lowest point; one solver step leaves 1 to 2 mm."""
SURFACE_M = 0.004
"""... and on furniture within this: in a bowl or on a plate that stands there it is 6 mm up or more."""
EDGE_M = 0.03
"""How far beyond a surface's rectangle, which keeps off the edges, a thing's middle may lie."""
RIM_M = 0.004
UPRIGHT = 0.9
"""Cosine of the lean at which a thing still stands."""
OPEN, CLOSED = 0.5, 0.04
"""Shares of its travel from which a drawer or door is open, and up to which it is closed: 16 mm of a drawer."""
NEAR_M = 0.30
CLEAN = 0.1
"""Share of a stain that may be left once it counts as wiped."""
POURED_L = 0.04
AT_FRONT_M, AT_SIDE_M = 1.15, 0.35
"""A robot is at furniture when its middle is this near to its front, and no farther to a side than this."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Thing:
    """An object as it is now. pose: world_T_object, origin on what it stands on. held: in the hand."""

    name: str
    kind: str
    size: str
    pose: Pose
    still: bool
    held: bool

    @property
    def made(self) -> Made:
        return made(self.kind, self.size)

    @property
    def centre_m(self) -> Float:
        """Half way up above its centre of mass."""
        return self.pose.apply([0.0, 0.0, self.made.bounds_m[1][2] / 2])

    @cached_property
    def _heights_m(self) -> Float:
        """Of all corners of its meshes above the floor."""
        corners = np.concatenate([paint.form.vertices for paint in self.made.paints])
        return np.asarray(corners @ self.pose.rotation[2] + self.pose.xyz[2])

    @property
    def lowest_m(self) -> float:
        return float(self._heights_m.min())

    @property
    def top_m(self) -> float:
        return float(self._heights_m.max())

    @property
    def upright(self) -> bool:
        return bool(self.pose.rotation[2, 2] > UPRIGHT)

    @property
    def settled(self) -> bool:
        return self.still and not self.held


@dataclass(frozen=True, kw_only=True, eq=False)
class Ground:
    """Furniture for `robot_at`. pose: world_T_unit."""

    name: str
    pose: Pose
    unit: Unit


@dataclass(frozen=True, kw_only=True, eq=False)
class State:
    """Everything that a predicate may look at. spots: all surfaces. openings, lit, dirt: shares by name. contents: by
    the vessel's name. grounds: furniture by every name that something of it has. base: of the robot in the world."""

    things: Mapping[str, Thing]
    spots: tuple[Spot, ...]
    openings: Mapping[str, float]
    lit: Mapping[str, bool]
    dirt: Mapping[str, float]
    stained: Mapping[str, str]
    contents: Mapping[str, Content]
    grounds: Mapping[str, Ground]
    base: Pose

    def thing(self, name: str) -> Thing:
        return _of(self.things, name, "thing")

    def at(self, place: str) -> tuple[Spot, ...]:
        """The surfaces of a place."""
        found = tuple(s for s in self.spots if place in (s.name, s.surface.place))
        if not found:
            raise KeyError(f"no place {place!r}; there are {', '.join(dict.fromkeys(s.name for s in self.spots))}")
        return found


def _of(table: Mapping[str, T], name: str, what: str) -> T:
    if name not in table:
        raise KeyError(f"no {what} {name!r}; there are {', '.join(table) or 'none'}")
    return table[name]


def state_of(world: World) -> State:
    """The kitchen as it is now.

    Raises:
        TypeError: the world is set in no kitchen.
    """
    fixtures = world.fixtures
    if not isinstance(fixtures, KitchenFixtures):
        raise TypeError("these predicates are about kitchens, and this world is set in something else")
    held = world.held()
    things = {}
    for name in world.names:
        spec = world.object_spec(name)
        still = world.speed_m_s(name) < STILL_M_S
        things[name] = Thing(
            name=name, kind=spec.kind, size=spec.size, pose=world.pose(name), still=still, held=name == held
        )
    grounds: dict[str, Ground] = {}
    for s in fixtures.setting.furniture:
        ground = Ground(name=s.name, pose=s.pose, unit=s.unit)
        local = [x.name for x in s.unit.parts] + [x.name for x in s.unit.surfaces] + [x.switch for x in s.unit.buttons]
        for name in (s.name, *(s.called(x) for x in local)):
            grounds.setdefault(name, ground)
    return State(
        things=things,
        spots=fixtures.all_spots(),
        openings={n: fixtures.opening(n) for n in fixtures.openables},
        lit={n: fixtures.is_on(n) for n in fixtures.switches},
        dirt={n: fixtures.process.dirt(n) for n in fixtures.stains},
        stained={n: s.surface for n, s in fixtures.stains.items()},
        contents=dict(fixtures.process.contents),
        grounds=grounds,
        base=world.arm.world_T_base if isinstance(world.arm, MobileArm) else Pose.identity(),
    )


def on(state: State, a: str, b: str) -> bool:
    """a rests on the surface or on the thing b, its middle above it."""
    upper = state.thing(a)
    if not upper.settled:
        return False
    if b in state.things:
        return _on_thing(upper, state.things[b])
    return any(_over(upper, spot) and abs(_height(upper, spot)) <= SURFACE_M for spot in state.at(b))


def in_(state: State, a: str, b: str) -> bool:
    """a lies in a place with walls (a drawer, the sink, the fridge, the bin), or in the hollow of a thing b."""
    inner = state.thing(a)
    if not inner.settled:
        return False
    if b in state.things:
        return _in_thing(inner, state.things[b])
    return any(
        spot.surface.enclosed
        and _over(inner, spot)
        and -CONTACT_M <= _height(inner, spot) <= spot.surface.deep_m - RIM_M
        for spot in state.at(b)
    )


def _height(thing: Thing, spot: Spot) -> float:
    """Of its lowest point above the surface."""
    return thing.lowest_m - float(spot.world_T_surface.xyz[2])


def _over(thing: Thing, spot: Spot) -> bool:
    x, y, _ = np.abs(spot.world_T_surface.inverse().apply(thing.centre_m))
    half = spot.surface.half_m
    return bool(x <= half[0] + EDGE_M and y <= half[1] + EDGE_M)


def _on_thing(upper: Thing, lower: Thing) -> bool:
    if lower.made.depth_m > 0 and lower.upright:
        return _in_thing(upper, lower)
    low, high = lower.made.bounds_m
    x, y, _ = lower.pose.inverse().apply(upper.centre_m)
    inside = low[0] <= x <= high[0] and low[1] <= y <= high[1]
    return bool(inside and abs(upper.lowest_m - lower.top_m) <= CONTACT_M)


def _in_thing(inner: Thing, outer: Thing) -> bool:
    shape = outer.made
    if shape.depth_m == 0 or not outer.upright:
        return False
    x, y, z = outer.pose.inverse().apply(inner.centre_m)
    rim = shape.floor_m + shape.depth_m
    lowest = inner.lowest_m - float(outer.pose.xyz[2])
    wide = max(shape.inner_m, float(min(shape.bounds_m[1][:2])) - 0.004) if shape.round else shape.inner_m
    # What is longer than the hollow leans on the rim, its middle not far above.
    return bool(np.hypot(x, y) <= wide and -CONTACT_M <= lowest <= rim - RIM_M and z <= rim + 0.08)


def opened(state: State, name: str) -> bool:
    return _of(state.openings, name, "door or drawer") >= OPEN


def closed(state: State, name: str) -> bool:
    return _of(state.openings, name, "door or drawer") <= CLOSED


def switched_on(state: State, name: str) -> bool:
    return _of(state.lit, name, "switch")


def switched_off(state: State, name: str) -> bool:
    return not switched_on(state, name)


def upright(state: State, name: str) -> bool:
    thing = state.thing(name)
    return thing.upright and thing.settled


def wiped(state: State, name: str) -> bool:
    """The stain of that name is gone; of a place: all its stains, and it had some."""
    if name in state.dirt:
        return state.dirt[name] <= CLEAN
    names = {spot.name for spot in state.at(name)}
    stains = [stain for stain, surface in state.stained.items() if surface in names]
    return bool(stains) and all(state.dirt[stain] <= CLEAN for stain in stains)


def contains(state: State, vessel: str, what: str) -> bool:
    """At least a mouthful of it is in the vessel: "water", "milk"."""
    state.thing(vessel)
    content = state.contents.get(vessel)
    return content is not None and content.what == what and content.litres >= POURED_L


def near(state: State, a: str, b: str) -> bool:
    """Their middles are close, seen from above."""
    one, other = state.thing(a), state.thing(b)
    return one.settled and float(np.linalg.norm((one.centre_m - other.centre_m)[:2])) <= NEAR_M


def holding(state: State, a: str) -> bool:
    return state.thing(a).held


def robot_at(state: State, place: str) -> bool:
    """The robot stands in front of the furniture of that name; of a table or island, at any side."""
    ground = _of(state.grounds, place, "furniture")
    depth, width, _ = ground.unit.size_m
    x, y, _ = ground.pose.inverse().apply(state.base.xyz)
    if ground.unit.noun in ("table", "island"):
        dx, dy = max(-x, x - depth, 0.0), max(abs(y) - width / 2, 0.0)
        return bool(np.hypot(dx, dy) <= AT_FRONT_M - 0.3)
    return bool(depth <= x <= depth + AT_FRONT_M and abs(y) <= width / 2 + AT_SIDE_M)


PREDICATES: dict[str, Callable[..., bool]] = {
    "on": on, "in": in_, "open": opened, "closed": closed, "switched_on": switched_on, "switched_off": switched_off,
    "upright": upright, "wiped": wiped, "contains": contains, "near": near, "holding": holding, "robot_at": robot_at,
}  # fmt: skip
"""By the names that goals use."""
