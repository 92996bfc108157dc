"""People in kitchens: one takes what is held out, others take, move and swap things; the oracle looks for them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from agent.plan import PrimitiveResult
from agent.verbs import Verb
from robots.geometry import Pose
from robots.interface import Status
from robots.kinematics import kinematics
from robots.mobile.load import forget_lost
from robots.mobile.navigate import elsewhere
from robots.mobile.tool_poses import level_pose
from robots.mobile_panda import mobile_panda
from robots.places import RoomMap, Solid
from sim.disturb.base import free_pose, loose
from sim.errands.facts import AWAY, PERSON
from sim.errands.goals import atom
from sim.errands.planning import WAITS, remaining
from sim.errands.room import hand_fits, has_room, palm_fits
from sim.errands.senses import facts_of_world, taken
from sim.errands.walk import Unsolved
from sim.kitchen.filling import Wish
from sim.kitchen.predicates import Thing, state_of
from sim.kitchen.rooms import KitchenScene, sample_kitchen
from sim.person import Person
from sim.task import call
from sim.world import World

SCENE: KitchenScene = sample_kitchen(
    np.random.default_rng(3), seed=3, clutter=1, paired=False,
    wishes=[Wish(kind="can", place="counter"), Wish(kind="apple", place="table")],
)  # fmt: skip


@pytest.fixture(scope="module")
def opened() -> Iterator[World]:
    world = World(spec=mobile_panda())
    yield world
    world.close()


@pytest.fixture
def world(opened: World) -> World:
    opened.reset(SCENE)
    return opened


def hold_out(world: World, name: str) -> None:
    """The arm holds a thing out before the robot, from the side, as hand_over does."""
    arm, rng, home = kinematics(world.spec), np.random.default_rng(0), world.spec.home_q_rad
    tries = (arm.solve(level_pose(np.array([0.55, 0.0, 1.0]), 0.0), home + rng.normal(0.0, 0.4, 7)) for _ in range(40))
    reached = next(r.q for r in tries if r.converged)
    body = world.body(name)
    world.set_arm(reached, body.width_m)
    world.set_pose(name, Pose.from_xyz_yaw(world.arm.tool().xyz - [0.0, 0.0, body.height_m / 2]))
    world.arm.grip(0.0)
    for _ in range(20):  # until the fingers have it
        world.step(2)
        if world.held() == name:
            break
    assert world.held() == name


def test_a_person_pulls_and_has_it_once_the_fingers_open(world: World) -> None:
    hold_out(world, "can")
    wants = [False]
    person = Person(world, lambda: wants[0])
    wait(world, person, 1.5)
    assert world.held() == "can", "nobody pulls who wants nothing"
    wants[0] = True
    wait(world, person, 1.2)
    assert person.taken == [], "the fingers are stronger"
    world.arm.grip(world.spec.gripper_max_width_m)
    wait(world, person, 1.0)
    assert person.taken == ["can"]
    assert taken(world) == {"can"}
    assert facts_of_world(world, ()).where["can"] == PERSON


def test_nothing_is_taken_from_an_arm_that_is_on_its_way(world: World) -> None:
    hold_out(world, "can")
    person = Person(world, lambda: True)
    for k in range(90):
        world.arm.drive(world.arm.q_goal + 1e-5 * (-1) ** k)
        wait(world, person, 1 / 60)
    world.arm.grip(world.spec.gripper_max_width_m)
    wait(world, person, 0.4)
    assert person.taken == [], "nobody had hold of it"


def wait(world: World, person: Person, seconds: float) -> None:
    for _ in range(int(seconds * 60)):
        world.step(4)
        person.moved(4 / 240)


def test_what_was_taken_for_a_moment_is_waited_for_and_not_for_ever(world: World) -> None:
    world.hide("can", for_a_while=True)
    facts = facts_of_world(world, ())
    assert facts.where["can"] == AWAY
    assert taken(world) == frozenset()
    goal = (atom("handed", "can"),)
    assert remaining(goal, facts)[0].verb is Verb.LOOK
    looked = PrimitiveResult(call=call(Verb.LOOK), status=Status.SUCCEEDED, detail="", start_s=0.0, end_s=0.5)
    with pytest.raises(Unsolved, match="taken the can"):
        remaining(goal, facts, [looked] * WAITS)
    again = world.save()
    world.set_pose("can", Pose.from_xyz_yaw([0.0, 0.0, 0.0]))
    world.restore(again)
    assert world.away("can")


def test_what_somebody_moves_ends_on_a_worktop_and_inside_nothing(world: World) -> None:
    rng, moved = np.random.default_rng(0), set()
    for _ in range(25):
        name = loose(world, rng)
        assert name is not None
        pose = free_pose(world, rng, name)
        assert pose is not None
        assert world.free(name, pose)
        world.set_pose(name, pose)
        moved.add(name)
    world.settle()
    state = state_of(world)
    assert all(state.things[name].lowest_m > 0.6 for name in moved), "nothing was thrown off"


def test_what_the_arm_hides_is_looked_for_from_beside_and_then_given_up(world: World) -> None:
    facts = replace(facts_of_world(world, ()), near=frozenset(), seen=frozenset())
    done: list[PrimitiveResult] = []
    for _ in range(20):
        try:
            first = remaining((atom("holding", "can"),), facts, done)[0]
        except Unsolved as e:
            assert "seen from nowhere" in str(e)
            break
        assert first.verb in (Verb.NAVIGATE_TO, Verb.LOOK)
        assert first.target != "can", "it is not pointed at before it is seen"
        done.append(PrimitiveResult(call=first, status=Status.SUCCEEDED, detail="", start_s=0.0, end_s=1.0))
    assert 4 <= len(done) < 20
    assert done[0].call == done[1].call, "there once more, which is beside"
    places = np.array([[0.0, 0.0, 0.0], [0.0, 0.0, 0.5], [0.3, 0.0, 0.0]])
    np.testing.assert_array_equal(elsewhere(places, (places[0],)), places[1:])


def test_a_full_table_and_a_lamp_over_a_thing_are_not_asked_for(world: World) -> None:
    state, spec = state_of(world), world.object_spec("can")
    assert has_room(state, spec, "table")
    (spot,) = state.at("table")
    few = [n for n in world.names if n != "can"][:1]
    can = state.things[few[0]]
    half = spot.surface.half_m
    crowd = {
        f"{x} {y}": replace(can, name=f"{x} {y}", kind="dinner plate", size="regular",
                            pose=spot.world_T_surface @ Pose.from_xyz_yaw([x, y, 0.0]))
        for x in np.arange(-half[0], half[0], 0.12) for y in np.arange(-half[1], half[1], 0.12)
    }  # fmt: skip
    assert not has_room(replace(state, things=crowd), spec, "table")
    thing = state.things["can"]
    lamp = next(s for s in SCENE.setting.furniture if s.unit.noun == "lamp")
    under = replace(thing, pose=lamp.pose @ Pose.from_xyz_yaw([0.0, 0.0, 0.0]))
    assert not hand_fits(SCENE.told(), {}, under)
    assert hand_fits(SCENE.told(), {}, state.things["apple"])


def test_a_fork_along_the_wall_of_a_deep_drawer_is_not_asked_for(world: World) -> None:
    """A hand that closes across it is 21 cm wide; across the wall's direction there is room, or over a low wall."""
    fork = replace(state_of(world).things["can"], kind="fork", size="regular", pose=Pose.identity())
    along, height = (0.0, np.pi / 2), 0.2
    if np.ptp(fork.made.bounds_m, axis=0)[0] < 0.1:
        along = along[::-1]

    def room(high_m: float) -> RoomMap:
        half = np.array([0.3, 0.005, high_m / 2])
        wall = Solid(name="drawer", pose=Pose.from_xyz_yaw([0.0, 0.05, high_m / 2]), half_m=half)
        return RoomMap(area_m=(-1, -1, 1, 1), solids=(wall,))

    def lies(yaw: float) -> Thing:
        return replace(fork, pose=Pose.from_xyz_yaw([0.0, -0.03, 0.0], yaw))

    assert not palm_fits(room(height), {}, lies(along[0]), world.spec)
    assert palm_fits(room(height), {}, lies(along[1]), world.spec)
    assert palm_fits(room(0.03), {}, lies(along[0]), world.spec)


@pytest.mark.parametrize("width_m", [None, 0.004])
def test_a_hand_that_feels_nothing_has_lost_what_it_remembers(width_m: float | None) -> None:
    class Hand:
        grasp, held_q = object(), np.zeros(7)

        def steady_grip(self) -> float | None:
            return width_m

    hand: Any = Hand()
    forget_lost(hand)
    assert (hand.grasp is None) == (hand.held_q is None) == (width_m is None)
