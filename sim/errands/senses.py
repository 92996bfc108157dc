"""The kitchen as it truly is, in symbols: what the oracle and the judge go by. No picture is drawn for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pybullet as p

from agent.plan import PrimitiveResult
from agent.verbs import Verb
from robots.geometry import Float
from robots.interface import Status
from sim.errands.facts import Facts, facts_of
from sim.errands.site import Site, site_of
from sim.kitchen.fixtures import KitchenFixtures
from sim.kitchen.predicates import State, Thing, robot_at, state_of
from sim.kitchen.process import Stain
from sim.kitchen.rooms import KitchenScene
from sim.mobile import MobileArm
from sim.world import World

REACH_M = 0.75
"""From the middle of the base, seen from above: what both robots reach without driving."""
SIGHT_M = 4.0
"""Further away a thing is too small in the picture to be pointed at."""
POINTED_PX = 14.0
HOUSING_M = 0.06
"""Rays to what the camera sees begin outside its own housing."""
BEHIND_M = 0.01
"""They end a little behind the surface."""


def taken(world: World) -> frozenset[str]:
    """Things that a person has taken, and keeps."""
    return frozenset(name for name in world.names if world.hidden(name) and not world.away(name))


def facts_of_world(world: World, done: Sequence[PrimitiveResult]) -> Facts:
    """The world in symbols. done: what was done so far: where the robot last went, it is."""
    scene = world.scene
    if not isinstance(scene, KitchenScene):
        raise TypeError("errands are done in kitchens, and this world is set in something else")
    site = site_of(scene.setting, {o.spec.name: o.spec for o in scene.objects})
    state = state_of(world)
    things = (name for name, thing in state.things.items() if sees(world, _marks(thing), world.body_id(name)))
    fixtures = world.fixtures
    assert isinstance(fixtures, KitchenFixtures), "state_of asks for the same"
    stains = (n for n, s in fixtures.stains.items() if sees(world, s.spots_m, *_under(fixtures, s)))
    fixed = (n for n, (xyz, body) in _fixed(fixtures).items() if sees(world, xyz, body))
    seen = frozenset((*(n for n in things if not world.hidden(n) and _large(world, state.things[n])), *stains, *fixed))
    return facts_of(
        state, site, near=near(state, site, fixtures.stains, seen, done), seen=seen, gone=taken(world),
        away=frozenset(n for n in world.names if world.away(n)),
    )  # fmt: skip


def near(
    state: State, site: Site, stains: Mapping[str, Stain], seen: frozenset[str], done: Sequence[PrimitiveResult]
) -> frozenset[str]:
    """What is in reach: where the robot went last, the furniture that it stands at, and what it sees close by."""
    at = {unit for unit in site.units if unit in state.grounds and robot_at(state, unit)}
    here = {n for unit in at for n in site.at_unit(unit)} - set(stains)
    base = state.base.xyz
    at_m = {n: state.things[n].centre_m for n in seen if n in state.things}
    at_m |= {n: np.array(s.xyz_m) for n, s in stains.items() if n in seen}
    here |= {n for n, xyz in at_m.items() if float(np.linalg.norm((xyz - base)[:2])) < REACH_M}
    went = [r.call.target for r in done if r.call.verb is Verb.NAVIGATE_TO and r.status is Status.SUCCEEDED]
    return frozenset(here | set(went[-1:]))


def _fixed(fixtures: KitchenFixtures) -> dict[str, tuple[Float, int]]:
    """Bars and buttons: points to look for, float64[N, 3], and whose body they are."""
    found = {}
    for name, (standing, _) in fixtures.setting.named.items():
        grasp = fixtures.grip(name).world_T_grasp
        found[name] = (
            grasp.apply([[x, 0.0, z] for x in (-0.05, 0.0, 0.05) for z in (0.0, 0.03)]),
            fixtures.ids[standing.name],
        )
    for name in fixtures.switches:
        found[name] = (fixtures.press(name).point_m[None], fixtures.ids[fixtures.standing(name).name])
    return found


def _under(fixtures: KitchenFixtures, stain: Stain) -> set[int]:
    """The bodies that a stain may be on: a worktop goes over several."""
    surfaces = ((s, s.unit.surfaces[i]) for s, i in fixtures.setting.surfaces())
    return {fixtures.ids[s.name] for s, surface in surfaces if s.called(surface.name) == stain.surface}


def _large(world: World, thing: Thing) -> bool:
    """Whether it covers enough pixels of the head camera to be pointed at; what lies flat is seen from its side."""
    if not isinstance(world.arm, MobileArm):
        return False
    camera = world.arm.camera(world.spec.cameras[0].name)
    a, b, c = sorted(thing.made.bounds_m[1] - thing.made.bounds_m[0], reverse=True)
    away = float(np.linalg.norm(thing.centre_m - camera.world_T_camera.xyz))
    return bool(a * max(0.3 * b, c) * (camera.fx_px / away) ** 2 >= POINTED_PX)


def _marks(thing: Thing) -> Float:
    """Points of a thing to look for, float64[N, 3]: all over it, near its top, half way up and near its foot."""
    low, high = thing.made.bounds_m
    middle, half = (low + high) / 2, (high - low) / 2
    shares = (0.0, -0.4, 0.4, -0.8, 0.8)
    marks = [middle + half * [x, y, z] for z in (0.7, 0.0, -0.6) for x in shares for y in shares]
    return thing.pose.apply(np.array(marks))


def sees(world: World, marks: Float, *bodies: int) -> bool:
    """Whether the head camera has one of these points [N, 3] of PyBullet bodies in its picture, nothing before it."""
    if not isinstance(world.arm, MobileArm):
        return False
    camera = world.arm.camera(world.spec.cameras[0].name)
    lens, camera_T_world = camera.world_T_camera.xyz, camera.world_T_camera.inverse()
    for mark in marks:
        x, y, z = camera_T_world.apply(mark)
        if not 0.1 < z < SIGHT_M:
            continue
        col, row = camera.fx_px * x / z + camera.cx_px, camera.fy_px * y / z + camera.cy_px
        if not (0 <= col < camera.width and 0 <= row < camera.height):
            continue
        way = (mark - lens) / np.linalg.norm(mark - lens)
        ray = ((lens + HOUSING_M * way).tolist(), (mark + BEHIND_M * way).tolist())
        if p.rayTest(*ray, physicsClientId=world.client)[0][0] in bodies:
            return True
    return False
