"""The oracle: plans from states and histories, by hand and by their properties."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pytest

from agent.plan import PrimitiveCall, PrimitiveResult, format_plan, parse_call, parse_plan
from robots.interface import Status
from robots.relations import Relation, Side
from sim.kinematic import Failures, rollout
from sim.oracle import OraclePlanner, remaining_calls
from sim.scenes import ObjectSpec, sample_scene
from sim.symbolic import XYZ, Facts, SymbolicState
from sim.tasks.base import Instance, Move, Pick, PickPlace, Push, goal_of
from sim.tasks.suites import families, sample

NAMES = ("red block", "blue block", "green block", "pink cylinder", "green bowl", "white box", "blue zone")
SPOTS: dict[str, XYZ] = {
    name: (0.36 + 0.08 * (i % 3), -0.2 + 0.15 * (i // 3) + 0.02 * i, 0.0) for i, name in enumerate(NAMES)
}


def instance(*program: Move) -> Instance:
    specs = (n.split() for n in NAMES)
    objects = tuple(ObjectSpec(name=f"{c} {k}", colour=c, kind=k, size="small") for c, k in specs)
    return Instance(
        family="test", split="trained", instruction="", phrasing="", objects=objects, program=program,
        goal=goal_of(program), expected="act",
    )  # fmt: skip


def state(held: str | None = None, **moved: str | XYZ) -> SymbolicState:
    """The usual spots; `red_block="green bowl"` puts it there, on top of it or in it."""
    xyz = dict(SPOTS)
    for name, where in moved.items():
        if isinstance(where, str):
            x, y, z = xyz[where]
            where = (x, y, z + (0.032 if "block" in where else 0.004))
        xyz[name.replace("_", " ")] = where
    return SymbolicState(xyz_m=xyz, held=held, start_xyz_m=SPOTS)


def results(*lines: str) -> list[PrimitiveResult]:
    """`pick(red block)`, or `pick(red block) grasp failed`."""
    found = []
    for line in lines:
        text, _, status = line.partition(")")
        call = parse_call(text + ")")
        status_of = Status(status.strip()) if status else Status.SUCCEEDED
        found.append(PrimitiveResult(call=call, status=status_of, detail="", start_s=0.0, end_s=1.0))
    return found


def plan(task: Instance, now: SymbolicState, *history: str) -> list[str]:
    return format_plan(remaining_calls(task, now, results(*history))).splitlines()


IN_BOWL = PickPlace(subject="red block", relation=Relation.IN, reference="green bowl")
LEFT_OF = PickPlace(subject="red block", relation=Relation.LEFT_OF, reference="blue block")
SWAP = (
    PickPlace(subject="red block", relation=Relation.ASIDE),
    PickPlace(subject="blue block", relation=Relation.WHERE, reference="red block"),
    PickPlace(subject="red block", relation=Relation.WHERE, reference="blue block"),
)
TOWER = (
    PickPlace(subject="blue block", relation=Relation.ON, reference="green block"),
    PickPlace(subject="red block", relation=Relation.ON, reference="blue block"),
)


def test_a_move_is_a_pick_and_a_place() -> None:
    assert plan(instance(IN_BOWL), state()) == ["pick(red block)", "place(in green bowl)", "done()"]


def test_with_the_thing_in_hand_the_place_remains() -> None:
    assert plan(instance(IN_BOWL), state("red block"), "pick(red block)") == ["place(in green bowl)", "done()"]


def test_what_is_in_the_bowl_is_done_however_it_got_there() -> None:
    assert plan(instance(IN_BOWL), state(red_block="green bowl")) == ["done()"]


def test_a_wrong_thing_is_put_aside_first() -> None:
    assert plan(instance(IN_BOWL), state("blue block"), "pick(red block)") == [
        "place(aside)", "pick(red block)", "place(in green bowl)", "done()",
    ]  # fmt: skip


def test_a_failed_grasp_and_a_slip_are_tried_again() -> None:
    whole = plan(instance(IN_BOWL), state())
    assert plan(instance(IN_BOWL), state(), "pick(red block) grasp failed") == whole
    slipped = ("pick(red block)", "place(in green bowl) not holding")
    assert plan(instance(IN_BOWL), state(red_block=(0.5, 0.2, 0.0)), *slipped) == whole


def test_a_relation_is_done_when_asked_for_and_done_again_when_undone() -> None:
    beside = (SPOTS["blue block"][0], SPOTS["blue block"][1] - 0.1, 0.0)
    did = ("pick(red block)", "place(left of blue block)")
    assert len(plan(instance(LEFT_OF), state(red_block=beside))) == 3
    assert plan(instance(LEFT_OF), state(red_block=beside), *did) == ["done()"]
    assert len(plan(instance(LEFT_OF), state(red_block=(0.6, 0.2, 0.0)), *did)) == 3


def test_picking_ends_with_the_thing_in_hand() -> None:
    task = instance(Pick(subject="red block"))
    assert plan(task, state()) == ["pick(red block)", "done()"]
    assert plan(task, state("red block"), "pick(red block)") == ["done()"]
    assert plan(task, state("blue block"), "pick(red block)") == ["place(aside)", "pick(red block)", "done()"]


def test_swapping() -> None:
    task = instance(*SWAP)
    whole = [
        "pick(red block)", "place(aside)", "pick(blue block)", "place(where red block was)", "pick(red block)",
        "place(where blue block was)", "done()",
    ]  # fmt: skip
    assert plan(task, state()) == whole
    aside = state(red_block=(0.5, 0.25, 0.0))
    assert plan(task, aside, "pick(red block)", "place(aside)") == whole[2:]
    did = ("pick(red block)", "place(aside)", "pick(blue block)", "place(where red block was)")
    assert plan(task, state(red_block=(0.5, 0.25, 0.0), blue_block=SPOTS["red block"]), *did) == whole[4:]
    assert plan(task, aside, "pick(red block)", "place(aside) not holding") == whole


def test_a_tower_that_fell_is_built_again_from_where_it_broke() -> None:
    task = instance(*TOWER)
    did = ("pick(blue block)", "place(on green block)", "pick(red block)", "place(on blue block)")
    x, y, z = SPOTS["green block"]
    standing = state(blue_block="green block", red_block=(x, y, z + 0.064))
    assert plan(task, standing, *did) == ["done()"]
    assert plan(task, state(blue_block="green block"), *did) == ["pick(red block)", "place(on blue block)", "done()"]
    assert len(plan(task, state(), *did)) == 5


def test_what_stands_on_the_thing_or_on_its_place_is_taken_off_first() -> None:
    assert plan(instance(IN_BOWL), state(pink_cylinder="red block"))[:2] == ["pick(pink cylinder)", "place(aside)"]
    assert plan(instance(TOWER[0]), state(pink_cylinder="green block"))[:3] == [
        "pick(pink cylinder)", "place(aside)", "pick(blue block)",
    ]  # fmt: skip


def test_a_group_is_done_from_left_to_right_and_skips_what_is_there() -> None:
    moves = [PickPlace(subject=n, relation=Relation.IN, reference="white box", group=1) for n in NAMES[:4]]
    task = instance(*moves)
    y_m = {"red block": 0.1, "blue block": -0.1, "green block": 0.0}
    at_y: dict[str, str | XYZ] = {n.replace(" ", "_"): (0.4, y, 0.0) for n, y in y_m.items()}
    now = state(None, pink_cylinder="white box", **at_y)
    assert plan(task, now)[::2] == ["pick(blue block)", "pick(green block)", "pick(red block)", "done()"]
    held = state("red block", pink_cylinder="white box")
    assert plan(task, held)[:2] == ["place(in white box)", "pick(blue block)"]


def test_one_thing_moved_twice_stays_where_it_came_last() -> None:
    task = instance(IN_BOWL, PickPlace(subject="red block", relation=Relation.ON, reference="blue zone"))
    assert len(plan(task, state())) == 5
    in_bowl = ("pick(red block)", "place(in green bowl)")
    assert len(plan(task, state(red_block="green bowl"), *in_bowl)) == 3
    assert plan(task, state(red_block="blue zone"), *in_bowl, "pick(red block)", "place(on blue zone)") == ["done()"]


def test_pushes() -> None:
    task = instance(Push(subject="red block", side=Side.LEFT), Push(subject="blue block", reference="blue zone"))
    assert plan(task, state()) == ["push(red block to left)", "push(blue block to blue zone)", "done()"]
    at_left = state(red_block=(0.4, -0.21, 0.0))
    assert plan(task, at_left, "push(red block to left)") == ["push(blue block to blue zone)", "done()"]
    assert plan(task, state("red block"))[0] == "place(aside)"


def test_points_are_those_of_the_things_named() -> None:
    points = {name: (i, i) for i, name in enumerate(NAMES)}
    calls = remaining_calls(instance(IN_BOWL, *SWAP), state(), point_of=points.get)
    for call in calls:
        needs_none = call.relation in (Relation.ASIDE, Relation.WHERE) or not call.target
        assert call.point == (None if needs_none else points[call.target])
    push = remaining_calls(instance(Push(subject="red block", reference="blue zone")), state(), point_of=points.get)[0]
    assert (push.point, push.destination_point) == (points["red block"], points["blue zone"])


def test_declining() -> None:
    rng = np.random.default_rng(0)
    for family, verb in (("absent", "refuse"), ("ambiguous", "ask")):
        task = sample(family, rng)
        empty = SymbolicState(xyz_m={}, held=None)
        assert format_plan(remaining_calls(task, empty)) == f"{verb}({task.reply})"


def test_the_planner_writes_what_it_calls() -> None:
    task = instance(IN_BOWL)
    planner = OraclePlanner(instance=task, state=state, point_of=lambda _: lambda name: (10, 20))
    written = planner.plan("put it in", None, ())  # type: ignore[arg-type]  # the oracle never looks at it
    assert parse_plan(written.text) == written.calls
    assert written.text == "pick(red block @ 10 20)\nplace(in green bowl @ 10 20)\ndone()"


@pytest.mark.parametrize("family", families())
def test_if_all_goes_well_each_plan_is_the_tail_of_the_one_before(family: str) -> None:
    rng = np.random.default_rng(8)
    for _ in range(40):
        task = sample(family, rng)
        steps = list(rollout(task, sample_scene(rng, objects=task.objects), rng))
        plans: list[Sequence[PrimitiveCall]] = [s.calls for s in steps]
        for before, after in pairwise(plans):
            assert list(before[1:]) == list(after), task.instruction
        assert len(plans[-1]) == 1


@pytest.mark.parametrize("family", families())
def test_whatever_goes_wrong_the_goal_is_reached(family: str) -> None:
    rng = np.random.default_rng(9)
    reached = 0
    for _ in range(40):
        task = sample(family, rng)
        failures = Failures(grasp=0.2, slip=0.15, moved=0.1)
        steps = list(rollout(task, sample_scene(rng, objects=task.objects), rng, failures=failures))
        reached += not task.goal or Facts(task.objects, steps[-1].state).holds(task.goal)
    # A grasp that fails may push a thing before the hand knows where it stood: some swaps end beside the mark.
    assert reached >= (34 if family == "swap" else 40)
