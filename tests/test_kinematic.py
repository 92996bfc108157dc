"""The table without physics: calls have their effects, failures are failures, and it is fast."""

from __future__ import annotations

import time

import numpy as np
import pytest

from agent.plan import parse_call
from robots.interface import Status
from sim.kinematic import NOTHING_FAILS, Failures, KinematicWorld, rollout
from sim.scenes import Scene, sample_scene, scene_from_names
from sim.symbolic import Facts
from sim.tasks.base import SPLITS, Split
from sim.tasks.suites import families, sample

NAMES = ("red block", "blue block", "pink cylinder", "green bowl", "white box", "yellow plate", "blue zone")


@pytest.fixture
def scene() -> Scene:
    return scene_from_names(NAMES, 3)


def after(scene: Scene, *calls: str, failures: Failures = NOTHING_FAILS, seed: int = 0) -> tuple[Facts, list[Status]]:
    world = KinematicWorld(scene, np.random.default_rng(seed), failures=failures)
    statuses = [world.apply(parse_call(c)).status for c in calls]
    return Facts(scene.specs, world.state()), statuses


@pytest.mark.parametrize(
    ("call", "effect"),
    [
        ("place(in green bowl)", "in(red block, green bowl)"),
        ("place(in white box)", "in(red block, white box)"),
        ("place(on yellow plate)", "on(red block, yellow plate)"),
        ("place(on blue zone)", "on(red block, blue zone)"),
        ("place(on blue block)", "on(red block, blue block)"),
        ("place(left of green bowl)", "left_of(red block, green bowl)"),
        ("place(right of blue block)", "right_of(red block, blue block)"),
        ("place(in front of pink cylinder)", "in_front_of(red block, pink cylinder)"),
        ("place(behind white box)", "behind(red block, white box)"),
    ],
)
def test_places_have_their_effect(scene: Scene, call: str, effect: str) -> None:
    for seed in range(20):
        facts, statuses = after(scene, "pick(red block)", call, seed=seed)
        assert statuses == [Status.SUCCEEDED] * 2
        assert facts.holds(effect)
        assert facts.state.held is None


@pytest.mark.parametrize("side", ["left", "right", "front", "back"])
def test_pushes_have_their_effect(scene: Scene, side: str) -> None:
    for seed in range(20):
        facts, _ = after(scene, f"push(blue block to {side})", "push(red block to blue zone)", seed=seed)
        assert facts.holds(f"at(blue block, {side}) and on(red block, blue zone)")


def test_a_swap_brings_each_to_where_the_other_was(scene: Scene) -> None:
    facts, _ = after(
        scene, "pick(red block)", "place(aside)", "pick(blue block)", "place(where red block was)", "pick(red block)",
        "place(where blue block was)",
    )  # fmt: skip
    assert facts.holds("at(red block, blue block) and at(blue block, red block)")


def test_what_can_not_be_done_says_why(scene: Scene) -> None:
    _, statuses = after(
        scene, "place(aside)", "pick(black block)", "pick(red block)", "pick(blue block)", "push(blue block to left)",
        "place(in black bowl)", "place(where blue block was)", "place(aside)",
    )  # fmt: skip
    assert statuses == [
        Status.NOT_HOLDING, Status.TARGET_NOT_FOUND, Status.SUCCEEDED, Status.HAND_FULL, Status.HAND_FULL,
        Status.TARGET_NOT_FOUND, Status.TARGET_NOT_FOUND, Status.SUCCEEDED,
    ]  # fmt: skip


def test_failures_leave_the_world_as_such_failures_do(scene: Scene) -> None:
    start = next(o.xy_m for o in scene.objects if o.spec.name == "red block")
    failed, statuses = after(scene, "pick(red block)", failures=Failures(grasp=1.0))
    assert statuses == [Status.GRASP_FAILED]
    assert failed.state.held is None
    assert 0 < np.linalg.norm(np.subtract(failed.state.xyz_m["red block"][:2], start)) < 0.03
    slipped, statuses = after(scene, "pick(red block)", "place(in green bowl)", failures=Failures(slip=1.0))
    assert statuses == [Status.SUCCEEDED, Status.NOT_HOLDING]
    assert slipped.state.held is None
    assert slipped.state.xyz_m["red block"][2] == 0.0
    assert not slipped.holds("in(red block, green bowl)")


def test_things_stay_where_the_table_is_and_apart(scene: Scene) -> None:
    for seed in range(30):
        facts, _ = after(scene, "pick(red block)", "place(aside)", "pick(blue block)", "place(aside)", seed=seed)
        x, y, _ = facts.state.xyz_m["red block"]
        assert 0.3 < x < 0.66
        assert -0.3 < y < 0.3
        for other in NAMES[1:]:
            dx, dy, _ = facts.offset("red block", other)
            assert np.hypot(dx, dy) > (facts.width("red block") + facts.width(other)) / 2


@pytest.mark.parametrize("split", SPLITS)
@pytest.mark.parametrize("family", families())
def test_the_program_of_every_family_reaches_its_goal(family: str, split: Split) -> None:
    rng = np.random.default_rng(11)
    for _ in range(25):
        instance = sample(family, rng, split)
        *_, last = rollout(instance, sample_scene(rng, objects=instance.objects), rng)
        assert not instance.goal or Facts(instance.objects, last.state).holds(instance.goal), instance


def test_the_same_generator_state_gives_the_same_episode(scene: Scene) -> None:
    def episode() -> list[object]:
        rng = np.random.default_rng(4)
        instance = sample("joined", rng)
        laid = sample_scene(rng, objects=instance.objects)
        return list(rollout(instance, laid, rng, failures=Failures(grasp=0.3, slip=0.3, moved=0.3)))

    assert episode() == episode()


def test_a_step_takes_less_than_a_millisecond() -> None:
    rng = np.random.default_rng(12)
    prepared = []
    for _ in range(40):
        instance = sample("sort_all", rng)
        prepared.append((instance, sample_scene(rng, objects=instance.objects)))
    started_s, steps = time.process_time(), 0
    for instance, laid in prepared:
        steps += len(list(rollout(instance, laid, rng)))
    assert (time.process_time() - started_s) / steps < 0.001  # measured: 0.0001
