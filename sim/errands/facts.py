"""A kitchen in symbols: what is where, open, on, dirty, filled, and what the robot stands at and sees."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from robots.geometry import Pose
from sim.errands.site import Site, site_of
from sim.kitchen.affordances import Spot
from sim.kitchen.predicates import CLEAN, CLOSED, CONTACT_M, EDGE_M, NEAR_M, OPEN, POURED_L, State, Thing, in_, on
from sim.kitchen.process import CONTENTS, Content
from sim.kitchen.rooms import KitchenScene

HAND, PERSON, FLOOR, AWAY = "hand", "person", "floor", "away"
"""Where a thing can be, beside places and other things. AWAY: somebody has it for a moment."""


@dataclass(frozen=True, kw_only=True)
class Facts:
    """where: of each thing, a place, another thing that it is in, HAND, PERSON, FLOOR or AWAY. unit_at: the furniture
    under things and stains. opened, shut: doors and drawers; what stands ajar is neither. contents: what is in a
    vessel. near: what is in reach from where the robot stands; seen: things, stains, doors, drawers and buttons that
    its head camera sees."""

    site: Site
    where: Mapping[str, str]
    unit_at: Mapping[str, str]
    opened: frozenset[str] = frozenset()
    shut: frozenset[str] = frozenset()
    lit: frozenset[str] = frozenset()
    dirty: frozenset[str] = frozenset()
    contents: Mapping[str, str]
    near: frozenset[str] = frozenset()
    seen: frozenset[str] = frozenset()

    @property
    def held(self) -> str | None:
        return next((name for name, place in self.where.items() if place == HAND), None)

    def place_of(self, thing: str) -> str:
        """The place where a thing is, or where that is in which it is; HAND, PERSON, FLOOR or AWAY else."""
        place = self.where[thing]
        for _ in self.where:
            if place not in self.where:
                break
            place = self.where[place]
        return place

    def guard_of(self, thing: str) -> str:
        """What must be open to reach a thing, "" for nothing."""
        place = self.site.places.get(self.place_of(thing))
        return "" if place is None else place.guard

    def hidden(self, thing: str) -> bool:
        """Behind a door, or in a drawer, that is not open."""
        guard = self.guard_of(thing)
        return bool(guard) and guard not in self.opened


def facts_of(
    state: State, site: Site, *, near: frozenset[str] = frozenset(), seen: frozenset[str] = frozenset(),
    gone: frozenset[str] = frozenset(), away: frozenset[str] = frozenset(),
) -> Facts:  # fmt: skip
    """The symbols of a state. gone: things that a person has taken; away: that somebody will bring back."""
    over, unit_at = _over(state, site), _units(state, site)
    nowhere = {**dict.fromkeys(gone, PERSON), **dict.fromkeys(away, AWAY)}
    return Facts(
        site=site,
        where={name: nowhere.get(name) or _where(state, site, over, name) for name in state.things},
        unit_at=unit_at,
        opened=frozenset(n for n, share in state.openings.items() if share >= OPEN),
        shut=frozenset(n for n, share in state.openings.items() if share <= CLOSED),
        lit=frozenset(n for n, lit in state.lit.items() if lit),
        dirty=frozenset(n for n, dirt in state.dirt.items() if dirt > CLEAN),
        contents={n: c.what for n, c in state.contents.items() if c.litres >= POURED_L and n in state.things},
        near=near,
        seen=seen,
    )


def _where(state: State, site: Site, over: Mapping[str, tuple[str, ...]], name: str) -> str:
    """over: the places that each thing is over, the nearest below it first."""
    thing = state.things[name]
    if thing.held:
        return HAND
    for other, vessel in state.things.items():
        if other != name and vessel.made.depth_m > 0 and _close(thing, vessel) and in_(state, name, other):
            return other
    for place in over[name]:
        if (in_ if site.places[place].enclosed else on)(state, name, place):
            return place
    # What leans on something, or still moves, is at what it is over.
    return over[name][0] if over[name] else FLOOR


def _close(thing: Thing, vessel: Thing) -> bool:
    return bool(np.abs(thing.pose.xyz - vessel.pose.xyz).max() < NEAR_M)


def _over(state: State, site: Site) -> dict[str, tuple[str, ...]]:
    """The places that things are over, no higher than their headroom; the nearest below first."""
    spots = [s for s in state.spots if s.name in site.places]
    inverse = np.stack([s.world_T_surface.inverse().matrix for s in spots])
    half = np.array([s.surface.half_m for s in spots]) + EDGE_M
    room = np.array([max(s.surface.headroom_m, 0.3) for s in spots])
    found = {}
    for name, thing in state.things.items():
        local = (inverse[:, :3, :3] @ thing.centre_m) + inverse[:, :3, 3]
        inside = (np.abs(local[:, :2]) <= half).all(axis=1) & (local[:, 2] > -CONTACT_M) & (local[:, 2] <= room)
        order = sorted(np.flatnonzero(inside).tolist(), key=lambda i, z=local[:, 2]: float(z[i]))  # type: ignore[misc]
        found[name] = tuple(dict.fromkeys(spots[i].name for i in order))
    return found


def _units(state: State, site: Site) -> dict[str, str]:
    """The furniture under each thing, and under each stain; nothing for what lies on the floor."""
    inverse = np.stack([s.world_T_surface.inverse().matrix for s in state.spots])
    half = np.array([s.surface.half_m for s in state.spots]) + EDGE_M
    at = {name: thing.centre_m for name, thing in state.things.items()} | {
        n: np.array(xyz) for n, xyz in site.stains_m.items()
    }
    found = {}
    for name, xyz in at.items():
        local = inverse[:, :3, :3] @ xyz + inverse[:, :3, 3]
        inside = (np.abs(local[:, :2]) <= half).all(axis=1) & (local[:, 2] > -CONTACT_M)
        if inside.any():
            found[name] = site.spots[int(np.argmin(np.where(inside, local[:, 2], np.inf)))]
    return found


def state_of_scene(scene: KitchenScene) -> State:
    """A scene as it will stand after the reset, for drawing what to ask in it."""
    setting = scene.setting
    things = {
        o.spec.name: Thing(
            name=o.spec.name, kind=o.spec.kind, size=o.spec.size, pose=Pose.from_xyz_yaw([*o.xy_m, o.z_m], o.yaw_rad),
            still=True, held=False,
        )
        for o in scene.objects
    }  # fmt: skip
    spots = []
    for standing, number in setting.surfaces():
        surface = standing.unit.surfaces[number]
        spots.append(
            Spot(
                name=standing.called(surface.name), surface=surface,
                world_T_surface=setting.surface_pose(standing, number),
                inside=standing.called(surface.inside) if surface.inside else "",
            )
        )  # fmt: skip
    full = {
        o.spec.name: Content(what=CONTENTS[o.spec.kind][0], litres=CONTENTS[o.spec.kind][1])
        for o in scene.objects
        if o.spec.kind in CONTENTS
    }
    switches = [s.called(b.switch) for s in setting.furniture for b in s.unit.buttons]
    return State(
        things=things, spots=tuple(spots), openings={n: setting.openings.get(n, 0.0) for n in setting.named},
        lit={n: n in setting.lit for n in switches}, dirt={s.name: 1.0 for s in setting.stains},
        stained={s.name: s.surface for s in setting.stains}, contents={**full, **setting.contents}, grounds={},
        base=Pose.identity(),
    )  # fmt: skip


def facts_of_scene(scene: KitchenScene) -> Facts:
    """A scene in symbols, nobody having looked at it."""
    return facts_of(state_of_scene(scene), site_of(scene.setting, {o.spec.name: o.spec for o in scene.objects}))
