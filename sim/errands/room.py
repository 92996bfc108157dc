"""Whether there is room for a thing at a place, and for a hand above a thing: so that nobody asks for what can't be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from robots.geometry import Float
from robots.places import RoomMap
from robots.spec import RobotSpec
from sim.errands.site import HIGH_M, LOW_M
from sim.kitchen.affordances import Spot
from sim.kitchen.filling import apart_m, outline
from sim.kitchen.predicates import CONTACT_M, State, Thing
from sim.kitchen.things import made
from sim.scenes import ObjectSpec

GAP_M = 0.03
"""Between things, for the fingers that put one down."""
STEP_M = 0.03
GRIPPED_M, OBLIQUE = 0.013, 1.15
"""So much of a finger is beside what it takes at least; and its breadth may seem larger than it is by so much."""
_SQUARE = np.array([[-1.0, -1.0], [1.0, -1.0], [1.0, 1.0], [-1.0, 1.0]])
HAND_M, HIGH_HAND_M = 0.08, 0.30
"""Around the middle of a thing so much is free, up to so far above its top, for a hand that comes from above."""


def has_room(state: State, spec: ObjectSpec, place: str) -> bool:
    """Whether a free spot for it is left on one of the surfaces of that name; into a sink or a bin it is dropped."""
    return any(_free(spot, spec, _there(state, spot, spec.name)) for spot in state.at(place))


def hand_fits(room: RoomMap, ajar: Mapping[str, float], thing: Thing) -> bool:
    """Whether no furniture, such as a lamp that stands beside it, is in a hand's way above a thing."""
    low, high = thing.top_m + 0.02, thing.top_m + HIGH_HAND_M
    for solid in room.solids_now(ajar):
        local = solid.pose.inverse().apply(thing.centre_m)
        beside = float(np.linalg.norm(np.maximum(np.abs(local[:2]) - solid.half_m[:2], 0.0)))
        z = float(solid.pose.xyz[2])
        if beside < HAND_M and z + solid.half_m[2] > low and z - solid.half_m[2] < high:
            return False
    return True


def palm_fits(room: RoomMap, ajar: Mapping[str, float], thing: Thing, spec: RobotSpec) -> bool:
    """Whether a hand that points down gets at a thing between furniture such as the walls of a drawer: somewhere along
    it, closing across it, or on the rim of what is hollow, the palm is over none."""
    bottom = thing.top_m + spec.finger_depth_m - GRIPPED_M
    walls = []
    for solid in room.solids_now(ajar):
        z = float(solid.pose.xyz[2])
        if z + solid.half_m[2] > bottom and z - solid.half_m[2] < bottom + HIGH_HAND_M:
            walls.append(solid.pose.apply(np.column_stack([_SQUARE * solid.half_m[:2], np.zeros(4)]))[:, :2])
    shape = outline(thing.kind, thing.size)
    hollow = thing.made.inner_m > 0
    turns = np.arange(12) * np.pi / 12
    wide = np.array([np.ptp(shape @ [-np.sin(t), np.cos(t)]) for t in turns])
    most = spec.gripper_max_width_m - GRIPPED_M
    middle, long = (shape.min(axis=0) + shape.max(axis=0)) / 2, np.ptp(shape, axis=0) / 2
    at = [middle + share * long for share in ([0.0, 0.0], [0.7, 0.0], [-0.7, 0.0], [0.0, 0.7], [0.0, -0.7])]
    for turn in turns[(wide < min(most, OBLIQUE * float(wide.min()))) | hollow]:
        c, s = np.cos(turn), np.sin(turn)
        palm = _SQUARE * spec.palm_half_m @ np.array([[c, s], [-s, c]])
        for xy in at:
            there = thing.pose.apply(np.column_stack([palm + xy, np.zeros(4)]))[:, :2]
            if all(apart_m(there, wall) > 0.0 for wall in walls):
                return True
    return False


def all_around(state: State) -> Float:
    """float64[N,3], world: points on the sides of all things, about as a camera would see them from all around."""
    found = [np.empty((0, 3))]
    for thing in state.things.values():
        corners = outline(thing.kind, thing.size)
        ring = np.concatenate(
            [np.linspace(a, b, 8) for a, b in zip(corners, np.roll(corners, -1, axis=0), strict=True)]
        )
        tall = float(thing.made.bounds_m[1][2])
        levels = np.arange(0.0, tall + STEP_M / 2, STEP_M / 2)
        found += [thing.pose.apply(np.column_stack([ring, np.full(len(ring), z)])) for z in levels]
    return np.concatenate(found)


def _there(state: State, spot: Spot, but: str) -> list[Float]:
    """Outlines, float64[N,2] in the surface's frame, of what stands on it."""
    inverse, found = spot.world_T_surface.inverse(), []
    for name, thing in state.things.items():
        x, y, z = inverse.apply(thing.pose.xyz)
        over = abs(x) < spot.surface.half_m[0] + 0.1 and abs(y) < spot.surface.half_m[1] + 0.1
        if name != but and over and -2 * CONTACT_M < z < max(spot.surface.headroom_m, 0.05):
            found.append(_outline(thing, spot))
    return found


def _outline(thing: Thing, spot: Spot) -> Float:
    corners = outline(thing.kind, thing.size)
    world = thing.pose.apply(np.column_stack([corners, np.zeros(len(corners))]))
    return np.asarray(spot.world_T_surface.inverse().apply(world)[:, :2])


def _free(spot: Spot, spec: ObjectSpec, there: Sequence[Float]) -> bool:
    surface = spot.surface
    if surface.enclosed and not spot.inside:
        return True
    if made(spec.kind, spec.size).bounds_m[1][2] > surface.headroom_m:
        return False
    if not LOW_M <= float(spot.world_T_surface.xyz[2]) <= HIGH_M:
        return False
    for yaw in (0.0, np.pi / 2):
        c, s = np.cos(yaw), np.sin(yaw)
        shape = outline(spec.kind, spec.size) @ np.array([[c, s], [-s, c]])
        low, high = -np.array(surface.half_m) - shape.min(axis=0), np.array(surface.half_m) - shape.max(axis=0)
        if (low > high).any():
            continue
        for x in np.arange(low[0], high[0] + 1e-9, STEP_M):
            for y in np.arange(low[1], high[1] + 1e-9, STEP_M):
                if all(apart_m(shape + [x, y], other) >= GAP_M for other in there):
                    return True
    return False
