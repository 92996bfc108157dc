"""Scenes: what is drawn stands apart, names mean what people say, and a scene survives its JSON."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from robots.relations import Relation, Side
from sim.lexicon import FOOTPRINT_M
from sim.looks import sample_camera
from sim.naming import SceneError
from sim.placing import FINGER_GAP_M, PLAIN_GAP_M, _footprint, gap_m
from sim.room import rooms
from sim.scenes import DIRECTIONS, MAX_OBJECTS, ObjectSpec, Scene, named, sample_scene, sample_specs, scene_from_names
from sim.tasks.base import PickPlace, Push
from sim.tasks.heldout import COMBINATIONS


@pytest.mark.parametrize("n", [2, 5, 8, 10])
def test_drawn_things_stand_apart_and_on_the_workspace(n: int) -> None:
    for seed in range(15):
        scene = sample_scene(np.random.default_rng(seed), n_objects=n, seed=seed)
        assert len(scene.objects) == n
        prints = [_footprint(o.spec.kind, o.spec.size, np.array(o.xy_m), o.yaw_rad) for o in scene.objects]
        for a, b in itertools.combinations(prints, 2):
            assert gap_m(a, b) >= (FINGER_GAP_M if a.graspable or b.graspable else PLAIN_GAP_M) - 1e-9
        for placed in scene.objects:
            assert 0.32 <= placed.xy_m[0] <= 0.64
            assert abs(placed.xy_m[1]) <= 0.28


def test_gap_of_crossing_rectangles_is_not_positive() -> None:
    """A plus sign: no corner of either lies in the other."""
    centre = np.array([0.5, 0.0])
    a, b = (_footprint("box", "large", centre, yaw) for yaw in (0.0, np.pi / 4))
    assert gap_m(a, b) <= 0
    apart = _footprint("box", "large", centre + np.array([0.13 + 0.02, 0.0]), 0.0)
    assert gap_m(a, apart) == pytest.approx(0.02, abs=1e-9)
    bowl = _footprint("bowl", "small", centre + np.array([0.0, 0.065 + 0.055 + 0.03]), 0.0)
    assert gap_m(a, bowl) == pytest.approx(0.03, abs=1e-9)


def test_the_same_seed_draws_the_same_scene_and_another_another() -> None:
    first, again, other = (sample_scene(np.random.default_rng(s), n_objects=6, seed=s) for s in (3, 3, 4))
    assert first == again
    assert first != other


def test_training_scenes_have_no_held_out_combination() -> None:
    for seed in range(200):
        for spec in sample_specs(np.random.default_rng(seed), 8):
            assert (spec.colour, spec.kind) not in COMBINATIONS
    drawn = [s for seed in range(60) for s in sample_specs(np.random.default_rng(seed), 8, held_out=True)]
    assert {(s.colour, s.kind) for s in drawn} & COMBINATIONS


def test_every_scene_has_something_to_pick_up() -> None:
    for seed in range(100):
        assert {"block", "cylinder"} & {s.kind for s in sample_specs(np.random.default_rng(seed), 2)}


def test_json_round_trip_is_exact() -> None:
    scene = sample_scene(np.random.default_rng(11), n_objects=7, seed=11)
    assert Scene.from_json(scene.to_json()) == scene


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"seed": 1, "objects": [{"spec": {}}]}'])
def test_text_that_is_no_scene_is_a_value_error(text: str) -> None:
    with pytest.raises(ValueError, match="not a scene"):
        Scene.from_json(text)


def test_names_as_people_say_them() -> None:
    scene = scene_from_names(["the Red cube", "little violet crate", "saucer", "green bowl", "big gray tube"], 5)
    red, crate, plate, _, tube = scene.specs
    assert (red.kind, red.colour, red.name) == ("block", "red", "red block")
    assert (crate.kind, crate.colour, crate.size) == ("box", "purple", "small")
    assert plate.kind == "plate"
    assert (tube.kind, tube.colour, tube.size) == ("cylinder", "gray", "large")
    assert scene == scene_from_names(
        ["the Red cube", "little violet crate", "saucer", "green bowl", "big gray tube"], 5
    )


def test_names_tell_things_apart() -> None:
    specs = named(
        [("block", "red", "small"), ("block", "red", "large"), ("bowl", "blue", "small"), ("bowl", "blue", "small")]
    )
    assert [s.name for s in specs] == ["small red block", "large red block", "blue bowl", "blue bowl 2"]


def test_two_things_of_one_kind_without_colours_differ() -> None:
    specs = scene_from_names(["block", "block", "block"], 1).specs
    assert len({s.colour for s in specs}) == 3


@pytest.mark.parametrize(
    "name", ["magenta block", "red elephant", "red", "", "rouge bloc", "🟥", "block " * 40 + "fish"]
)
def test_words_that_mean_nothing_are_refused_with_what_there_is(name: str) -> None:
    with pytest.raises(SceneError, match="there are block, cylinder"):
        scene_from_names([name], 1)


@pytest.mark.parametrize("count", [0, MAX_OBJECTS + 1])
def test_too_few_or_many_names(count: int) -> None:
    with pytest.raises(SceneError, match="1 to 10"):
        scene_from_names(["red block"] * count, 1)


def test_no_room_is_said_not_looped_over() -> None:
    boxes = tuple(ObjectSpec(name=f"box {i}", kind="box", colour="red", size="large") for i in range(20))
    with pytest.raises(SceneError, match="no room"):
        sample_scene(np.random.default_rng(0), objects=boxes)


def test_every_camera_sees_the_whole_workspace_from_the_viewers_side() -> None:
    corners = np.array([[x, y, z] for x in (0.32, 0.64) for y in (-0.28, 0.28) for z in (0.0, 0.05)])
    for seed in range(100):
        camera = sample_camera(np.random.default_rng(seed))
        seen = camera.world_T_camera.inverse().apply(corners) @ camera.intrinsics.T
        columns, rows = seen[:, 0] / seen[:, 2], seen[:, 1] / seen[:, 2]
        assert columns.min() > 0
        assert columns.max() < camera.width - 1
        assert rows.min() > 0
        assert rows.max() < camera.height - 1
        left, right = corners[:, 1] < 0, corners[:, 1] > 0
        assert columns[left].max() < columns[right].min()
        back, front = corners[:, 0] < 0.4, corners[:, 0] > 0.4
        assert rows[back].max() < rows[front].min()


@pytest.mark.parametrize("relation", list(DIRECTIONS))
def test_room_beside_a_thing_is_on_the_table_and_free(relation: Relation) -> None:
    for seed in range(12):
        rng = np.random.default_rng(seed)
        specs = sample_specs(rng, 7)
        scene = sample_scene(rng, objects=specs, seed=seed, room=[(specs[0].name, relation)])
        reference = scene.objects[0]
        away = np.clip(FOOTPRINT_M[reference.spec.kind, reference.spec.size] / 2 + 0.05, 0.085, 0.15)
        middle = np.array(reference.xy_m) + away * np.array(DIRECTIONS[relation])
        assert 0.31 <= middle[0] <= 0.65
        assert abs(middle[1]) <= 0.30
        block = _footprint("block", "large", middle, 0.0)
        for other in scene.objects[1:]:
            there = _footprint(other.spec.kind, other.spec.size, np.array(other.xy_m), other.yaw_rad)
            assert gap_m(block, there) > 0.02


def test_rooms_of_a_program() -> None:
    program = (
        PickPlace(subject="a", relation=Relation.LEFT_OF, reference="b"),
        PickPlace(subject="c", relation=Relation.IN, reference="d"),
        Push(subject="e", side=Side.LEFT),
        PickPlace(subject="f", relation=Relation.LEFT_OF, reference="b"),
    )
    assert rooms(program) == (("b", Relation.LEFT_OF),)
