"""Tasks: every instance means one thing, and says so in many ways."""

from __future__ import annotations

import re
from collections import Counter

import numpy as np
import pytest

from agent.plan import PrimitiveCall, format_call, parse_call
from agent.verbs import Verb
from sim.lexicon import CONTAINER_KINDS, MOVABLE_KINDS, canonical
from sim.tasks.base import (
    SPLITS,
    Instance,
    Pick,
    PickPlace,
    Push,
    Split,
    goal_of,
    instance_from_json,
    instance_to_json,
)
from sim.tasks.draft import MAX_PLACES
from sim.tasks.phrasing import compile_template, expand
from sim.tasks.suites import DECLINED, SUITES, families, sample, tables, templates

DECLINING = dict(DECLINED)
ACTING = [f for f in families() if f not in DECLINING]


def draw(family: str, n: int, split: Split = "trained") -> list[Instance]:
    rng = np.random.default_rng(sum(map(ord, family + split)))
    return [sample(family, rng, split) for _ in range(n)]


def fitting(instance: Instance, words: str) -> list[str]:
    """The names of all things in the scene that canonical words fit."""
    reference = canonical(words.replace(" 2", ""))
    return [o.name for o in instance.objects if reference.fits(o.size, o.colour, o.kind)]


def test_the_suite_has_the_families() -> None:
    assert set(SUITES["tabletop"]) == {
        "pick", "put", "stack", "tower", "relation", "push", "sort_all", "match", "swap", "joined",
        "absent", "ambiguous",
    }  # fmt: skip


@pytest.mark.parametrize("split", SPLITS)
@pytest.mark.parametrize("family", families())
def test_the_same_generator_state_gives_the_same_instance(family: str, split: Split) -> None:
    assert draw(family, 5, split) == draw(family, 5, split)


@pytest.mark.parametrize("family", families())
def test_json_there_and_back(family: str) -> None:
    for instance in draw(family, 20):
        assert instance_from_json(instance_to_json(instance)) == instance


@pytest.mark.parametrize("split", SPLITS)
@pytest.mark.parametrize("family", families())
def test_scenes_have_the_right_size_and_can_be_laid_out(family: str, split: Split) -> None:
    for instance in draw(family, 60, split):
        names = [o.name for o in instance.objects]
        assert len(set(names)) == len(names)
        assert len(names) in ((9, 10) if split == "counts" else range(2, 9))
        assert sum(o.kind in CONTAINER_KINDS for o in instance.objects) <= MAX_PLACES


@pytest.mark.parametrize("split", SPLITS)
@pytest.mark.parametrize("family", ACTING)
def test_programs_speak_of_one_thing_each(family: str, split: Split) -> None:
    for instance in draw(family, 60, split):
        assert (instance.expected, instance.reply) == ("act", "")
        assert instance.goal == goal_of(instance.program) != ""
        for move in instance.program:
            assert instance.spec(move.subject).kind in MOVABLE_KINDS
            assert fitting(instance, move.subject) == [move.subject]
            reference = None if isinstance(move, Pick) else move.reference
            if reference is not None:
                assert fitting(instance, reference) == [reference] != [move.subject]
            if isinstance(move, PickPlace) and move.relation.value == "in" and reference is not None:
                assert instance.spec(reference).kind in ("bowl", "box")
            if isinstance(move, Push) and reference is not None:
                assert instance.spec(reference).kind == "zone"


def test_what_absent_instructions_name_is_not_there() -> None:
    for split in SPLITS:
        for instance in draw("absent", 150, split):
            said = re.fullmatch(r"no (.+) here", instance.reply)
            assert said is not None
            assert instance.expected == "refuse"
            assert not instance.program
            noun = said.group(1).split()[-1]
            if noun == "thing" or canonical(noun).kind is not None:
                assert fitting(instance, said.group(1)) == []
            else:  # a banana
                assert not any(noun in o.name.split() for o in instance.objects)


def test_what_ambiguous_instructions_name_is_there_more_than_once() -> None:
    for split in SPLITS:
        for instance in draw("ambiguous", 150, split):
            said = re.fullmatch(r"which ([a-z ]+)(?:: ([a-z, ]+))?", instance.reply)
            assert said is not None
            assert instance.expected == "ask"
            assert not instance.program
            found = fitting(instance, said.group(1))
            assert len(found) >= 2
            if said.group(2):
                assert len(re.split(", | or ", said.group(2))) == len(found)


@pytest.mark.parametrize("family", DECLINING)
def test_replies_fit_the_plan_language(family: str) -> None:
    verb = Verb.REFUSE if family == "absent" else Verb.ASK
    for instance in draw(family, 100):
        call = PrimitiveCall(verb=verb, text=instance.reply)
        assert parse_call(format_call(call)) == call


@pytest.mark.parametrize("family", ACTING)
def test_many_phrasings_and_hardly_ever_the_same_sentence(family: str) -> None:
    mine = [t for t in tables() if t.split("_")[0].rstrip("23") == family or t == family]
    if family == "sort_all":
        mine = ["sort_all"]
    assert sum(len(set(templates(t, held_out=False))) for t in mine) >= 40
    assert sum(len(set(templates(t, held_out=True))) for t in mine) >= 10
    said = Counter(i.instruction for i in draw(family, 400))
    assert len(said) > 385


def test_every_template_compiles_and_uses_known_classes() -> None:
    for table in tables():
        for held_out in (False, True):
            for template in templates(table, held_out=held_out):
                assert compile_template(template.removeprefix("!"))


@pytest.mark.parametrize("template", ["put (a|b", "put [a", "put a)", "{unclosed"])
def test_broken_templates_are_refused(template: str) -> None:
    with pytest.raises(ValueError, match=r"brackets|template"):
        compile_template(template)


def test_templates_expand_to_all_that_they_say() -> None:
    rng = np.random.default_rng(0)
    found = {expand("<v> {a}[ now](| !|, x)", rng, {"a": lambda: "it"}, {"v": ("put", "set")}) for _ in range(200)}
    assert found == {f"{v} it{n}{e}" for v in ("put", "set") for n in ("", " now") for e in ("", " !", ", x")}


def test_no_sentence_keeps_template_marks() -> None:
    for split in SPLITS:
        for family in families():
            for instance in draw(family, 100, split):
                assert not re.search(r"[{}<()\[\]|]", instance.instruction), instance.instruction
                assert instance.instruction == " ".join(instance.instruction.split())
                assert 2 <= len(instance.instruction.split()) <= 80
