"""The Gymnasium environments: both checkers, seeds, rewards that mean what they say, actions that do what they say."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

from agent.plan import PrimitiveCall
from agent.verbs import Relation, Side, Verb
from sim.env import TabletopEnv
from sim.env_spaces import INSTRUCTION_BYTES, action_from_call, call_from_action, instruction_array, instruction_text
from sim.points import points

IDS = [f"palmetto/{name}-v0" for name in ("Tabletop", "TabletopImage", "TabletopPrimitive", "TabletopImagePrimitive")]
TASK: dict[str, Any] = {
    "instruction": "put the red block in the green bowl",
    "objects": ["red block", "green bowl", "blue block"],
    "goal": "in(red block, green bowl)",
}


@pytest.fixture
def make() -> Iterator[Any]:
    """gym.make; what it makes is closed after the test."""
    made: list[gym.Env[Any, Any]] = []

    def build(name: str, **options: Any) -> gym.Env[Any, Any]:
        made.append(gym.make(name, **options))
        return made[-1]

    yield build
    for env in made:
        env.close()


@pytest.mark.parametrize("name", IDS)
def test_gymnasiums_checker_has_no_complaint(name: str, make: Any) -> None:
    env = make(name, render_mode="rgb_array")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_env(env.unwrapped)


@pytest.mark.parametrize("name", IDS)
def test_stable_baselines3s_checker_has_no_complaint(name: str, make: Any) -> None:
    from stable_baselines3.common.env_checker import check_env as check

    env = make(name, render_mode="rgb_array")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check(env.unwrapped, warn=True)


def rollout(env: gym.Env[Any, Any], seed: int, steps: int) -> list[dict[str, np.ndarray]]:
    env.action_space.seed(seed)
    observation, _ = env.reset(seed=seed)
    seen = [observation]
    for _ in range(steps):
        observation, *_ = env.step(env.action_space.sample())
        seen.append(observation)
    return seen


@pytest.mark.parametrize("name", IDS[:2])
def test_a_seed_gives_the_same_episode_bit_for_bit(name: str, make: Any) -> None:
    env, other = make(name), make(name)
    first = rollout(env, 7, 15)
    rollout(other, 8, 5)  # what was done before must not matter
    for a, b in zip(first, rollout(other, 7, 15), strict=True):
        assert a.keys() == b.keys()
        for key in a:
            np.testing.assert_array_equal(a[key], b[key], err_msg=key)


def test_other_seeds_give_other_scenes_and_a_reset_without_one_a_training_seed(make: Any) -> None:
    env = make(IDS[0])
    tasks = {env.reset(seed=seed)[1]["instruction"] for seed in range(5)}
    assert len(tasks) > 1
    env.reset(seed=1)
    drawn = [env.reset()[1]["seed"] for _ in range(5)]
    assert len(set(drawn)) == 5
    assert all(0 <= seed < 1_000_000 for seed in drawn)
    again, info = env.reset(seed=drawn[-1])
    assert info["seed"] == drawn[-1]
    np.testing.assert_array_equal(again["objects"], env.reset(seed=drawn[-1])[0]["objects"])


def test_the_instruction_is_in_the_observation(make: Any) -> None:
    observation, info = make(IDS[0], **TASK).reset(seed=3)
    assert info["instruction"] == TASK["instruction"]
    assert instruction_text(observation["instruction"]) == TASK["instruction"]


def test_an_instruction_that_does_not_fit_is_refused() -> None:
    assert instruction_text(instruction_array("é" * (INSTRUCTION_BYTES // 2))) == "é" * (INSTRUCTION_BYTES // 2)
    with pytest.raises(ValueError, match="at most 320 bytes"):
        instruction_array("a" * (INSTRUCTION_BYTES + 1))


def call(verb: Verb, target: str, relation: Relation | None = None) -> PrimitiveCall:
    return PrimitiveCall(verb=verb, target=target, relation=relation)


def test_primitives_by_name_reach_the_goal_and_the_reward_comes_then(make: Any) -> None:
    env = make("palmetto/TabletopPrimitive-v0", **TASK)
    bare: TabletopEnv = env.unwrapped
    env.reset(seed=11)
    _, reward, terminated, truncated, info = env.step(bare.action_of(call(Verb.PICK, "red block")))
    assert (info["status"], reward, terminated, truncated) == ("SUCCEEDED", 0.0, False, False)
    assert info["call"] == "pick(red block)"
    observation, reward, terminated, truncated, info = env.step(
        bare.action_of(call(Verb.PLACE, "green bowl", Relation.IN))
    )
    assert (info["status"], reward, terminated, truncated) == ("SUCCEEDED", 1.0, True, False)
    assert info["success"]
    red, green = observation["objects"].reshape(10, -1)[:2, 11:14]
    assert np.linalg.norm((red - green)[:2]) < 0.04  # inside a bowl of 0.11 m


def test_primitives_by_point_reach_the_goal(make: Any) -> None:
    env = make("palmetto/TabletopImagePrimitive-v0", **TASK)
    bare: TabletopEnv = env.unwrapped
    env.reset(seed=11)
    for verb, name, relation in ((Verb.PICK, "red block", None), (Verb.PLACE, "green bowl", Relation.IN)):
        robot = bare._robot
        at = points(robot.world, robot.picture(), bare.observation().frames["front"])
        action = bare.action_of(PrimitiveCall(verb=verb, target=name, point=at[name], relation=relation))
        _, reward, terminated, _, info = env.step(action)
        assert info["status"] == "SUCCEEDED", info["detail"]
        assert name in info["call"]
    assert (reward, terminated) == (1.0, True)


def test_what_can_not_be_done_is_told_and_earns_nothing(make: Any) -> None:
    env = make("palmetto/TabletopPrimitive-v0", **TASK)
    bare: TabletopEnv = env.unwrapped
    env.reset(seed=11)
    *_, info = env.step(bare.action_of(call(Verb.PLACE, "green bowl", Relation.IN)))
    assert info["status"] == "NOT_HOLDING"
    empty_slot = np.array([0, 0, 0, 9, 9])
    _, reward, terminated, _, info = env.step(empty_slot)
    assert (info["status"], reward, terminated) == ("TARGET_NOT_FOUND", 0.0, False)
    with pytest.raises(ValueError, match="no object 'pink box'; there is red block"):
        bare.action_of(call(Verb.PICK, "pink box"))


def test_joint_actions_move_the_joints_they_name(make: Any) -> None:
    env = make(IDS[0], **TASK)
    before, _ = env.reset(seed=5)
    for joint in range(7):
        action = np.zeros(8, dtype=np.float32)
        action[joint], action[7] = 0.5, 1.0
        env.reset(seed=5)
        for _ in range(4):
            after, *_ = env.step(action)
        moved = after["robot"][:7] - before["robot"][:7]
        assert int(np.argmax(np.abs(moved))) == joint
        # Half speed for 0.2 s, less what the acceleration limit takes at the start and the motors lag behind.
        assert 0.03 < moved[joint] < 0.5 * 2.61 * 0.2


def test_the_fingers_follow_the_last_number(make: Any) -> None:
    env = make(IDS[0], **TASK)
    env.reset(seed=5)
    widths = []
    for wish in (-1.0, 1.0):
        for _ in range(20):
            observation, *_ = env.step(np.array([0, 0, 0, 0, 0, 0, 0, wish], dtype=np.float32))
        widths.append(float(observation["robot"][7]))
    assert widths[0] < 0.005
    assert widths[1] > 0.075


def test_holding_still_changes_nothing_and_is_cut_off_in_the_end(make: Any) -> None:
    env = make(IDS[0], max_episode_steps=6, **TASK)
    before, _ = env.reset(seed=5)
    still = np.array([0, 0, 0, 0, 0, 0, 0, 1], dtype=np.float32)
    ends = []
    for _ in range(6):
        after, reward, terminated, truncated, _ = env.step(still)
        ends.append((reward, terminated, truncated))
    assert ends == [(0.0, False, False)] * 5 + [(0.0, False, True)]
    np.testing.assert_allclose(after["robot"][:7], before["robot"][:7], atol=2e-3)  # rad: the arm's sag under gravity


def test_environments_in_one_process_do_not_disturb_each_other(make: Any) -> None:
    one, two = make(IDS[1], image_px=96), make(IDS[1], image_px=64)
    seen, _ = one.reset(seed=1)
    two.reset(seed=2)
    two.step(two.action_space.sample())
    np.testing.assert_array_equal(one.reset(seed=1)[0]["image"], seen["image"])


def test_a_wrong_option_says_what_there_is() -> None:
    with pytest.raises(ValueError, match="obs='pixels': there is state and image"):
        TabletopEnv(obs="pixels")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="all three of instruction, objects and goal"):
        TabletopEnv(instruction="put the red block in the green bowl")


@pytest.mark.parametrize(
    "wish",
    [
        PrimitiveCall(verb=Verb.PICK, target="a", point=(3, 4)),
        PrimitiveCall(verb=Verb.PLACE, relation=Relation.BEHIND, target="a", point=(3, 4)),
        PrimitiveCall(verb=Verb.PLACE, relation=Relation.ASIDE),
        PrimitiveCall(verb=Verb.PUSH, target="a", point=(3, 4), side=Side.LEFT),
        PrimitiveCall(verb=Verb.PUSH, target="a", point=(3, 4), destination="b", destination_point=(5, 6)),
        PrimitiveCall(verb=Verb.LOOK),
    ],
)
def test_a_call_survives_its_action(wish: PrimitiveCall) -> None:
    assert call_from_action(action_from_call(wish), "a", "b", points=True) == wish


def test_calls_that_are_no_actions_are_refused() -> None:
    with pytest.raises(ValueError, match="pick, place, push, look, not say"):
        action_from_call(PrimitiveCall(verb=Verb.SAY, text="hello"))
    with pytest.raises(ValueError, match="pick needs a point on the cup"):
        action_from_call(PrimitiveCall(verb=Verb.PICK, target="cup"))
