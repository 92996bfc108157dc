"""Every option composes, and what it names can be built; everything else is one line."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
from hydra.utils import get_method, instantiate
from omegaconf import DictConfig, OmegaConf

from agent import config, usage
from agent.errors import UserError


def composed(command: str, *overrides: str) -> DictConfig:
    return config.options(config.split_raw(command, overrides))


def commands() -> list[str]:
    return sorted(p.name[:-5] for p in resources.files("conf").iterdir() if p.name.endswith(".yaml"))


def grouped() -> Iterator[tuple[str, str, str]]:
    for command in commands():
        base = composed(command)
        for group in config.groups():
            if group in base:
                for choice in config.choices(group):
                    yield command, group, choice


def targets(node: Any) -> Iterator[str]:
    if isinstance(node, DictConfig):
        if "_target_" in node:
            yield node["_target_"]
        for key in node:
            yield from targets(node._get_node(key)) if OmegaConf.is_missing(node, key) else targets(node[key])


def test_the_commands_are_those_of_the_configuration() -> None:
    assert sorted(usage.COMMANDS) == commands()


@pytest.mark.parametrize("command", commands())
def test_a_commands_options_are_the_arguments_of_its_function(command: str) -> None:
    options = composed(command)
    given = {str(k) for k in options} - {"_target_", "out", "seed"}
    parameters = inspect.signature(get_method(options["_target_"])).parameters
    if any(p.kind is p.VAR_KEYWORD for p in parameters.values()):
        return
    assert given | {"record"} == set(parameters)
    assert {"out", "seed"} <= set(options)


@pytest.mark.parametrize(("command", "group", "choice"), list(grouped()))
def test_every_choice_composes_and_its_targets_are_there(command: str, group: str, choice: str) -> None:
    name = ["planner.name=somewhere"] if choice == "folder" else []
    options = composed(command, f"{group}={choice}", *name)
    for target in targets(options):
        assert callable(get_method(target)), target
    built = instantiate({k: v for k, v in options.items() if not str(k).startswith("_")}, _convert_="all")
    assert set(built) == {k for k in options if not str(k).startswith("_")}


def test_a_scene_choice_comes_as_plain_lists() -> None:
    options = composed("run", "scene.objects=[red block,green bowl]")
    scene = instantiate(options["scene"], _convert_="all")
    assert scene.objects == ["red block", "green bowl"]
    drawn = scene.draw(5, "")
    assert [s.name for s in drawn.specs] == ["red block", "green bowl"]
    assert drawn == scene.draw(5, "") != scene.draw(6, "")


def test_the_sentences_things_are_in_its_scene_and_no_other_fits_them() -> None:
    scene = instantiate(composed("run")["scene"], _convert_="all")
    for seed in range(2_000_000, 2_000_020):
        specs = scene.draw(seed, "put the red block in the green bowl").specs
        assert len(specs) == 5
        assert [s.name for s in specs if (s.colour, s.kind) == ("red", "block")] == ["red block"]
        assert [s.name for s in specs if (s.colour, s.kind) == ("green", "bowl")] == ["green bowl"]


def test_planner_takes_the_folder_of_a_checkpoint(tmp_path: Path) -> None:
    options = composed("run", f"planner={tmp_path}")
    assert options["planner"]["name"] == str(tmp_path)


def test_sentences_goals_and_paths_are_taken_as_typed() -> None:
    goal, sentence = "in(red block, green bowl) and not on(a, b)", "put a, b = {c} ${d} in 'e'"
    options = composed("run", f"goal={goal}", f"instruction={sentence}", "out=/tmp/a,b [1]")
    assert (options["goal"], options["instruction"], options["out"]) == (goal, sentence, "/tmp/a,b [1]")


@pytest.mark.parametrize(
    ("command", "words", "said"),
    [
        ("run", ["nope=3"], "no option of run 'nope'; there is: scene, robot, planner, policy, instruction"),
        ("run", ["bounds.nope=3"], "no option of run 'bounds.nope'; there is: max_calls"),
        ("run", ["robot=nope"], "no robot 'nope'; there is: mobile_panda, mobile_panda_ros2, panda, stretch"),
        ("run", ["scene=nope"], "no scene 'nope'; there is: auto"),
        ("run", ["planner=nope"], "no planner 'nope'; there is: nano, oracle, or the folder"),
        ("run", ["seed=abc"], "seed='abc' does not fit: it takes a whole number"),
        ("run", ["seed=1.5"], "seed=1.5 does not fit"),
        ("run", ["gui=3"], "gui=3 does not fit: it takes true or false"),
        ("run", ["seed=[1"], "can't read"),
        ("run", ["red"], "what is 'red'?"),
        ("doctor", ["goal=x"], "no option of doctor 'goal'"),
        ("run", ["bounds=3"], "does not fit"),
    ],
)
def test_what_is_wrong_is_one_line_that_says_what_is_possible(command: str, words: list[str], said: str) -> None:
    with pytest.raises(UserError) as caught:
        composed(command, *words)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("word", ["+foo=3", "~seed=1", "world._target_=os.system", "hydra.run.dir=x", "_target_=x"])
def test_options_are_not_added_removed_or_rewired(word: str) -> None:
    with pytest.raises(UserError, match="can be changed, not added"):
        config.split_raw("run", [word])


def test_a_sweep_is_every_combination() -> None:
    words = ["instruction=a, b", "seed=1,2", "planner=nano,oracle", "gui=false"]
    jobs = list(config.sweep(config.split_raw("run", words)))
    assert [j.overrides for j in jobs] == [
        (f"seed={seed}", f"planner={planner}", "gui=false") for seed in (1, 2) for planner in ("nano", "oracle")
    ]
    assert {j.raw["instruction"] for j in jobs} == {"a, b"}


@pytest.mark.parametrize("command", commands())
def test_the_help_page_names_every_option(command: str) -> None:
    page = usage.command(command)
    for option in config.named(composed(command)):
        assert f"{option}=" in page or f"{option}." in page, option
    assert "_target_" not in page


def test_the_overview_names_every_command() -> None:
    assert all(f"\n  {name} " in usage.overview() for name in usage.COMMANDS)
