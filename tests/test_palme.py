"""benchmarks/palme.py: true plans lead to what was asked for, mirrors tell the truth, and what is frozen stays so."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from agent.plan import parse_plan  # noqa: E402
from agent.stream import Stream  # noqa: E402
from agent.training.batch import encode_sentence  # noqa: E402
from agent.verbs import Verb  # noqa: E402
from benchmarks.palme_data import in_the_mirror, slots, slots_in_the_mirror, tamp  # noqa: E402
from benchmarks.palme_fast import Listener, Schedule, heard, learn, looked_at, objects_of, seen  # noqa: E402
from benchmarks.palme_judge import Wanted, carried_out, kitchens_right, steps, wanted_of, written  # noqa: E402
from sim.questions import draw  # noqa: E402
from sim.robot import SimRobot, open_sim_robot  # noqa: E402
from tests.tiny import tiny_tokenizer  # noqa: E402
from tests.tiny_model import tiny_model, tiny_picture  # noqa: E402

NANO = Path("agent/checkpoints/nano")
TOWER = Wanted(subject="red", onto="", things=("red", "blue", "green"), below={"blue": "red"})


@pytest.fixture(scope="module")
def robot() -> SimRobot:
    return open_sim_robot()


@pytest.mark.parametrize("kind", ["p1", "p2"])
@pytest.mark.parametrize("split", ["trained", "counts"])
def test_true_plans_lead_to_what_was_asked_for_and_shorter_ones_do_not(robot: SimRobot, kind: str, split: str) -> None:
    stream = Stream.from_file(NANO / "tokenizer.json")
    for seed in range(5):
        picture, _, layout = tamp(robot, kind, split, 900_000 + seed)  # type: ignore[arg-type]
        wanted = wanted_of(picture, {"names": list(layout.names), "below": dict(layout.below)})
        plan = steps(stream, encode_sentence(stream, picture.sentences[0]).plan)
        assert carried_out(plan, wanted), picture.sentences[0]
        assert not carried_out(plan[1:], wanted)
        assert not carried_out(plan[:-1], wanted), "a plan says when it is done"
        if len(plan) > (2 if kind == "p1" else 3):
            assert not carried_out(plan[2:], wanted), "what is in the way must go first"


def test_a_plan_is_carried_out_step_by_step() -> None:
    clear = [(Verb.PICK, "blue thing"), (Verb.PLACE, "aside"), (Verb.PICK, "red thing"), (Verb.DONE, "")]
    assert carried_out(clear, TOWER)
    other = [(Verb.PICK, "blue thing"), (Verb.PLACE, "on green thing"), (Verb.PICK, "red thing"), (Verb.DONE, "")]
    assert carried_out(other, TOWER), "what is in the way may go anywhere"
    for wrong in (
        [(Verb.PICK, "red thing"), (Verb.DONE, "")],  # something stands on it
        [(Verb.PICK, "blue thing"), (Verb.PICK, "red thing"), (Verb.DONE, "")],  # the hand is full
        [(Verb.PICK, "black thing"), (Verb.DONE, "")],  # there is none
        [(Verb.PICK, "blue thing"), (Verb.PLACE, "on red thing"), (Verb.DONE, "")],  # nothing in the hand
        [(Verb.PICK, "blue thing"), (Verb.PLACE, "on blue thing"), (Verb.DONE, "")],  # on itself
        [(None, "red"), *clear],
        [],
    ):
        assert not carried_out(wrong, TOWER), wrong


def test_what_is_said_in_the_mirror_is_true_there(robot: SimRobot) -> None:
    for kind, seed in (("q2", 1), ("q3", 1), ("q1", 1)):
        picture, vectors, layout = tamp(robot, kind, "trained", seed)
        turned = in_the_mirror(picture)
        objects = tuple(replace(o, xy_m=(o.xy_m[0], -o.xy_m[1])) for o in layout.scene.objects)
        asked = draw(kind, "trained", seed)
        said = turned.sentences[0]
        if kind == "q2":
            y = next(o.xy_m[1] for o in objects if o.spec.colour in asked.question.split())
            side = "center" if abs(y) < 0.07 else "left" if y < 0 else "right"
            assert said.plan == f"say({side})\ndone()"
            assert said.instruction == asked.question, "the list of what may be answered is no answer"
        ids = robot.picture().ids
        there = slots(turned.rgb, ids[:, ::-1], len(layout.names))
        np.testing.assert_allclose(slots_in_the_mirror(vectors), there, atol=1e-5)
        assert in_the_mirror(turned).sentences == picture.sentences
        parse_plan(said.plan)


def test_the_prefix_sees_itself_whole_and_nobody_sees_what_is_not_there() -> None:
    mask = seen(torch.tensor([[0, 1, -1]]), 2)[0, 0]
    assert mask.tolist() == [
        [True, True, False, False, False],
        [True, True, False, False, False],
        [True, True, True, False, False],  # a row that is none sees itself, for the softmax
        [True, True, False, True, False],
        [True, True, False, True, True],
    ]


@pytest.mark.parametrize("objects", [False, True])
def test_a_frozen_decoder_stays_and_the_rest_learns(objects: bool) -> None:
    model, stream = tiny_model(), Stream(tiny_tokenizer())
    pictures = [tiny_picture(seed) for seed in range(6)]
    before = {k: v.clone() for k, v in model.decoder.state_dict().items()}
    looks = looked_at(model, pictures, 4)
    if objects:
        vectors = [np.random.default_rng(i).normal(size=(2 + i % 2, 407)).astype(np.float32) for i in range(6)]
        looks = objects_of(vectors)
    torch.manual_seed(0)
    listener = Listener(model, objects=objects)
    sentences = heard(stream, pictures, looks)
    frozen = learn(listener, [(sentences, 1.0)], Schedule(steps=4, sentences=4, lr=0.0))
    assert all(torch.equal(v, before[k]) for k, v in model.decoder.state_dict().items())
    again = learn(listener, [(sentences, 1.0)], Schedule(steps=25, sentences=4, lr=1e-2))
    assert again < 0.5 * frozen, "and with all of it, it learns what it is told"
    told = written(listener, stream, pictures[:3], looks[:3])
    assert all(ids and len(ids) <= 64 for ids in told)


def test_failures_that_are_found_count_for_failure_detection() -> None:
    stream = Stream(tiny_tokenizer())
    told = {yes: encode_sentence(stream, _kitchen("failure", yes).sentences[0]).plan for yes in ("yes", "no")}
    pictures = [_kitchen("failure", answer) for answer in ("no", "no", "yes", "yes")]
    found = kitchens_right(stream, pictures, [told["no"], told["yes"], told["no"], told["yes"]])["failure"]
    assert (found["hit"], found["missed"], found["false"]) == (1, 1, 1)
    assert found["f1"] == 0.5


def _kitchen(kind: str, answer: str):
    picture = tiny_picture(0)
    heard = replace(picture.sentences[0], family=f"{kind}/opened", history=(), marks=(), plan=f"say({answer})\ndone()")
    return replace(picture, sentences=(heard,))
