"""Predicates: what is true of hand-made states and of the physics; goals as text."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from robots.geometry import Pose, quat_from_axis_angle
from sim.goals import GoalError, bind, find_object, format_goal, parse_goal
from sim.predicates import State, Thing, at, beside, check_goal, evaluate, explain, inside, left_of, near, on, state_of
from sim.scenes import named, scene_from_names
from sim.shapes import dimensions
from sim.world import World

NAMES = ["red block", "green bowl", "blue block", "white plate", "yellow zone", "black box"]


@pytest.fixture(scope="module")
def shared() -> Iterator[World]:
    world = World()
    yield world
    world.close()


@pytest.fixture
def world(shared: World) -> World:
    shared.reset(scene_from_names(NAMES, 3))
    return shared


def thing(name: str, kind: str, xyz: tuple[float, float, float], *, size: str = "small", held: bool = False,
          still: bool = True, pose: Pose | None = None) -> Thing:  # fmt: skip
    d = dimensions(kind, size)
    return Thing(name=name, kind=kind, width_m=d.width_m, height_m=d.height_m, pose=pose or Pose.from_xyz_yaw(xyz),
                 still=still, held=held)  # fmt: skip


def state(*things: Thing) -> State:
    origins = {t.name: t.pose.xyz[:2] for t in things}
    return State(things={t.name: t for t in things}, gripper_width_m=0.08, origins=origins)


def test_directions_are_those_of_the_picture() -> None:
    b = thing("b", "block", (0.5, 0.0, 0.0))
    spots = {"left_of": (0.5, -0.1), "right_of": (0.5, 0.1), "in_front_of": (0.6, 0.0), "behind": (0.4, 0.0)}
    ways = {"left_of": (0.0, -1.0), "right_of": (0.0, 1.0), "in_front_of": (1.0, 0.0), "behind": (-1.0, 0.0)}
    for name, (x, y) in spots.items():
        here = state(thing("a", "block", (x, y, 0.0)), b)
        assert [n for n, way in ways.items() if beside(here, "a", "b", way)] == [name]


@pytest.mark.parametrize(
    ("dx", "dy", "true"),
    [
        (0, -0.021, True),
        (0, -0.019, False),
        (0, -0.249, True),
        (0, -0.251, False),
        (0.049, -0.1, True),
        (0.051, -0.1, False),
    ],
)
def test_left_of_has_the_documented_edges(dx: float, dy: float, true: bool) -> None:
    here = state(thing("a", "block", (0.5 + dx, dy, 0.0)), thing("b", "bowl", (0.5, 0.0, 0.0)))
    assert left_of(here, "a", "b") is true


@pytest.mark.parametrize(
    ("xy", "where"),
    [
        ((0.5, -0.18), "left"),
        ((0.5, 0.18), "right"),
        ((0.56, 0.0), "front"),
        ((0.39, 0.0), "back"),
        ((0.48, 0.0), None),
    ],
)
def test_sides_of_the_table(xy: tuple[float, float], where: str | None) -> None:
    here = state(thing("a", "block", (*xy, 0.0)))
    sides = [s for s in ("left", "right", "front", "back") if at(here, "a", s)]
    assert sides == ([where] if where else [])
    assert at(here, "a", "table")


def test_what_is_held_or_moves_is_nowhere_yet() -> None:
    b = thing("b", "plate", (0.5, 0.0, 0.0))
    lying = thing("a", "block", (0.5, 0.0, 0.005))
    assert on(state(lying, b), "a", "b")
    for change in ({"held": True}, {"still": False}):
        assert not on(state(thing("a", "block", (0.5, 0.0, 0.005), **change), b), "a", "b")


def test_in_and_its_edges() -> None:
    bowl = thing("b", "bowl", (0.5, 0.0, 0.0))  # outer radius 55 mm, wall 5 mm, rim at 45 mm
    assert inside(state(thing("a", "block", (0.52, 0.0, 0.006)), bowl), "a", "b")
    assert inside(state(thing("a", "block", (0.5, 0.0, 0.038)), bowl), "a", "b")  # on another thing in it
    assert not inside(state(thing("a", "block", (0.5, 0.0, 0.043)), bowl), "a", "b")  # across the rim
    assert not inside(state(thing("a", "block", (0.552, 0.0, 0.0)), bowl), "a", "b")  # beside it
    fallen = thing(
        "b", "bowl", (0, 0, 0), pose=Pose(xyz=np.array([0.5, 0, 0.05]), quat_xyzw=quat_from_axis_angle([1, 0, 0], 1.5))
    )
    assert not inside(state(thing("a", "block", (0.5, 0.0, 0.01)), fallen), "a", "b")


def test_what_stands_on_a_thing_in_the_bowl_is_in_it_too() -> None:
    bowl = thing("b", "bowl", (0.5, 0.0, 0.0), size="large")
    low = thing("c", "block", (0.5, 0.0, 0.005), size="large")
    high = thing("a", "block", (0.505, 0.0, 0.047), size="large")
    assert inside(state(high, low, bowl), "a", "b")
    assert not inside(state(high, bowl), "a", "b")
    assert not inside(state(high, thing("c", "block", (0.5, 0.0, 0.005), size="large", held=True), bowl), "a", "b")


def test_in_a_turned_box_means_its_own_walls() -> None:
    yaw = np.pi / 4
    box = thing("b", "box", (0, 0, 0), pose=Pose.from_xyz_yaw([0.5, 0, 0], yaw))  # inner half 50 mm, corner at 70 mm
    assert inside(state(thing("a", "block", (0.56, 0.0, 0.005)), box), "a", "b")
    straight = thing("b", "box", (0.5, 0.0, 0.0))
    assert not inside(state(thing("a", "block", (0.56, 0.0, 0.005)), straight), "a", "b")


def test_a_cylinder_on_its_side_rests_on_its_round() -> None:
    pose = Pose(xyz=np.array([0.5 - 0.025, 0.0, 0.016]), quat_xyzw=quat_from_axis_angle([0, 1, 0], np.pi / 2))
    lying = thing("a", "cylinder", (0, 0, 0), pose=pose)
    assert lying.lowest_m == pytest.approx(0.0, abs=1e-9)
    assert at(state(lying), "a", "table")


def test_at_where_another_was() -> None:
    here = state(thing("a", "block", (0.5, 0.0, 0.0)), thing("b", "block", (0.4, 0.1, 0.0)))
    assert not at(here, "a", "b")
    moved = State(
        things=here.things, gripper_width_m=0.08, origins={"a": np.array([0.4, 0.1]), "b": np.array([0.51, 0.0])}
    )
    assert at(moved, "a", "b")


def test_near() -> None:
    assert near(state(thing("a", "block", (0.5, 0.1, 0)), thing("b", "block", (0.5, 0.0, 0))), "a", "b")
    assert not near(state(thing("a", "block", (0.5, 0.2, 0)), thing("b", "block", (0.5, 0.0, 0))), "a", "b")


@pytest.mark.parametrize("target", ["green bowl", "blue block", "white plate", "yellow zone", "black box"])
def test_what_physics_lets_fall_on_things_is_on_or_in_them(world: World, target: str) -> None:
    lower = state_of(world).things[target]
    goal = f"{'in' if lower.kind in ('bowl', 'box') else 'on'}(red block, {target})"
    assert not evaluate(world, goal)
    world.set_pose("red block", Pose.from_xyz_yaw([*lower.centre[:2], lower.top_m + 0.01], lower.pose.yaw_rad))
    assert not evaluate(world, goal), "it hangs in the air"
    world.step(2)
    assert not evaluate(world, goal), "it falls"
    world.settle()
    assert evaluate(world, goal)
    assert evaluate(world, f"at(red block, table) and {goal}") is (lower.kind == "zone")
    beside_it = [*lower.centre[:2] + np.array([lower.width_m / 2 + 0.03, 0.0]), 0.0]
    world.set_pose("red block", Pose.from_xyz_yaw(beside_it))
    world.settle()
    assert not evaluate(world, goal)


def test_holding_and_the_hand(world: World) -> None:
    assert evaluate(world, "open(gripper) and not closed(the hand) and not holding(red block)")
    world.hold("red block")
    assert evaluate(world, "holding(the red cube) and not open(hand) and not at(red block, table)")
    world.step(60)
    assert evaluate(world, "holding(red block) and not holding(blue block)")


def test_explain_says_which_part_fails(world: World) -> None:
    assert explain(world, "in(red cube, green bowl) and not on(blue one, red block)") == {
        "in(red block, green bowl)": False,
        "not on(blue block, red block)": True,
    }


def test_parse_after_format() -> None:
    text = "in(red block, green bowl) and not left_of(small blue block, white plate) and at(red block, left)"
    goal = parse_goal(text)
    assert format_goal(goal) == text
    assert parse_goal(format_goal(goal)) == goal
    assert parse_goal(" not  not in( red  block ,green bowl ) ")[0].wanted


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "expected a predicate"),
        ("red block in bowl", "expected a predicate"),
        ("into(red block, green bowl)", "expected one of on, in, left_of"),
        ("in(red block)", "two things"),
        ("holding(red block, green bowl)", "one thing"),
        ("in(red block, )", "two things"),
        ("in(red block, green bowl) or on(red block, blue block)", "`and` or the end"),
        ("in(red block, green bowl) and", "expected a predicate"),
        ("in(red block, green bowl", "expected a predicate"),
        ("\x00\xff🟥", "expected a predicate"),
    ],
)
def test_text_that_is_no_goal(text: str, said: str) -> None:
    with pytest.raises(GoalError, match=said):
        parse_goal(text)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("in(pink block, green bowl)", "not in this scene; there is red block, green bowl"),
        ("in(block, green bowl)", "could be red block or blue block"),
        ("in(magenta block, green bowl)", "'magenta' names nothing here"),
        ("in(red block, blue block)", "nothing can be in a block"),
        ("open(green bowl)", "nothing here opens"),
        ("on(, red block)", "two things"),
    ],
)
def test_goals_that_do_not_fit_the_scene(world: World, text: str, said: str) -> None:
    with pytest.raises(GoalError, match=said):
        check_goal(world, text)


def test_people_s_words_bind_to_names() -> None:
    specs = named([("block", "red", "small"), ("block", "red", "large"), ("bowl", "green", "small")])
    assert find_object("the tiny scarlet cube", specs).name == "small red block"
    assert find_object("basin", specs).name == "green bowl"
    bound = bind(parse_goal("in(big red brick, bowl)"), specs)
    assert format_goal(bound) == "in(large red block, green bowl)"
    with pytest.raises(GoalError, match="could be small red block or large red block"):
        find_object("red block", specs)
