"""Whether a robot can do what an errand asks for, in the kitchen as it stands: looked at, nothing is moved."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from agent.plan import PrimitiveCall
from agent.verbs import Verb
from robots.geometry import Float
from robots.mobile.doors import OPEN_SHARE, can_move
from robots.mobile.navigate import goals
from robots.mobile.press import way_to
from robots.mobile.sight import odom_T_world
from robots.places import Handle, RoomMap
from robots.primitives import Body, Outcome, Target
from sim.errands.facts import Facts
from sim.errands.goals import Goal
from sim.errands.planning import remaining
from sim.errands.room import all_around, hand_fits, has_room, palm_fits
from sim.errands.senses import facts_of_world
from sim.errands.site import HIGH_M, LOW_M
from sim.errands.walk import Unsolved
from sim.kitchen.predicates import State, state_of
from sim.kitchen.rooms import KitchenScene
from sim.robot import SimRobot

OPENED = 0.82
"""So far robots open doors, at least, and drawers."""


def hindrance(robot: SimRobot, goal: Goal) -> str:
    """What the robot can't do of what the goal needs, in words; "" where nothing is in its way.

    Things of the goal, and what is taken for it, stand neither too low nor too high, the arm reaches each, and each
    stain and button, from some place to stand, once what it is in is open, with room for the hand above; there is room
    for it where it is to go; and what is opened and shut for it can be, in that order.
    """
    facts, scene = facts_of_world(robot.world, ()), robot.world.scene
    if not isinstance(scene, KitchenScene):
        return "there is no kitchen"
    room, state = scene.told(), state_of(robot.world)
    travels = {h.part: h.travel for h in room.handles}
    ajar = {name: share * travels[name] for name, share in state.openings.items() if share > 0.0}
    body = Body(robot=robot, map=room, ajar=ajar)
    for a in goal:
        name, place = a.arguments[0], a.arguments[-1]
        put = a.predicate in ("on", "in") and place in facts.site.places
        if put and not has_room(state, facts.site.things[name], place):
            return f"there is no room for the {name} at the {place}"
    try:
        planned = remaining(goal, facts)
    except Unsolved as e:
        return str(e)
    switched = [a.arguments[0] for a in goal if a.predicate.startswith("switched")]
    standing = odom_T_world(robot.state()).apply(all_around(state))
    for b in room.buttons:
        if b.switch in switched and way_to(body, b, standing) is None:
            return f"the arm reaches the switch of the {b.switch} from nowhere"
    for name in (a.arguments[0] for a in goal if a.predicate == "wiped"):
        if not in_reach(body, name, np.array(facts.site.stains_m[name])):
            return f"the arm reaches the {name} from nowhere"
    # What is wiped with and poured from is no part of the goal.
    named = {name for a in goal for name in a.arguments} | {c.target for c in planned if c.verb is Verb.PICK}
    for name in sorted({name for name in named if name in facts.where} - {facts.held}):
        if not _taken(body, room, state, facts, name, ajar):
            return f"the arm reaches the {name} from nowhere"
    part = _stuck(Body(robot=robot, map=room, ajar=ajar), {h.part: h for h in room.handles}, planned)
    return f"the {part} can be opened or shut from nowhere" if part else ""


def _taken(body: Body, room: RoomMap, state: State, facts: Facts, name: str, ajar: dict[str, float]) -> bool:
    """Whether a hand gets at the thing, once what it is in is open."""
    if not LOW_M <= float(state.things[name].pose.xyz[2]) <= HIGH_M:
        return False
    shelved = facts.site.places.get(facts.place_of(name))
    low = shelved is not None and shelved.kind == "shelf"
    if not facts.hidden(name) and not low and not hand_fits(room, ajar, state.things[name]):
        return False
    part = facts.guard_of(name) if facts.hidden(name) else ""
    handle = next((h for h in room.handles if h.part == part), None)
    thing = state.things[name]
    at = thing.pose.apply([0.0, 0.0, 0.02])
    body.ajar = dict(ajar)
    if handle is not None:
        body.ajar[part] = OPENED * handle.travel
        if not handle.turns:  # things come along with a drawer
            out = handle.motion(body.ajar[part]) @ handle.motion(ajar.get(part, 0.0)).inverse()
            thing, at = replace(thing, pose=out @ thing.pose), out.apply(at)
    drawer = shelved is not None and shelved.kind == "drawer"
    if drawer and not palm_fits(room, body.ajar, thing, body.robot.spec):
        return False
    return in_reach(body, name, at)


def _stuck(body: Body, handles: dict[str, Handle], planned: Sequence[PrimitiveCall]) -> str:
    """The first part that the arm could not open or shut from anywhere when its turn comes; "" for none."""
    for c in planned:
        if c.verb not in (Verb.OPEN, Verb.CLOSE) or c.target not in handles:
            continue
        handle = handles[c.target]
        if not can_move(body, c.target, shut=c.verb is Verb.CLOSE):
            return c.target
        body.ajar[c.target] = OPEN_SHARE[handle.turns] * handle.travel if c.verb is Verb.OPEN else 0.0
    return ""


def in_reach(body: Body, name: str, xyz_m: Float) -> bool:
    """Whether there is a place to stand from which the arm reaches something at a point [3] in the world."""
    found = goals(body, Target(words=name, xyz_m=xyz_m))
    return not isinstance(found, Outcome) and len(found[0]) > 0
