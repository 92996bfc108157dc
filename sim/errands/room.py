"""Whether there is room for a thing at a place, and for a hand above a thing: so that nobody asks for what can't be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from robots.geometry import Float
from robots.places import RoomMap
from sim.errands.site import HIGH_M, LOW_M
from sim.kitchen.filling import apart_m, outline
from sim.kitchen.fixtures import Spot
from sim.kitchen.predicates import CONTACT_M, State, Thing
from sim.kitchen.things import made
from sim.scenes import ObjectSpec

GAP_M = 0.03
"""Between things, for the fingers that put one down."""
STEP_M = 0.03
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
