"""Policies of LeRobot's format as a backend. What needs that package is skipped where it is not installed."""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("pyarrow")

from agent.episodes.tape import robot_layout, state_numbers
from agent.errors import UserError
from agent.policy import lerobot as backend
from agent.policy.backends import Choice
from agent.policy.drive import Ending
from agent.policy.lerobot import Lerobot, LerobotPolicy, done, follow
from agent.policy.stroke import Stroke
from agent.verbs import Verb
from robots.fake import FakeBox, FakeRobot
from robots.primitives import Body
from robots.spec import panda

BOX = FakeBox(name="red block", xy_m=(0.5, 0.0), rgb=(0.8, 0.1, 0.1))
STROKE = Stroke(verb=Verb.PICK, words="red block", origin_m=np.array([0.5, 0.0, 0.04]))
SIZES = {side: len(getattr(robot_layout(panda(), (), 1.0), side)) for side in ("state", "action")}


def robot() -> FakeRobot:
    return FakeRobot(boxes=(BOX,))


def folder_of(path: Path, **other: object) -> Path:
    """A folder whose config.json alone is real."""
    height, width = robot().observe().frames["front"].rgb.shape[:2]
    inputs = {
        "observation.state": {"type": "STATE", "shape": [SIZES["state"]]},
        "observation.images.front": {"type": "VISUAL", "shape": [3, height, width]},
    }
    outputs = {"action": {"type": "ACTION", "shape": [SIZES["action"]]}}
    config = {"type": "act", "input_features": inputs, "output_features": outputs, **other}
    path.mkdir(exist_ok=True)
    (path / "config.json").write_text(json.dumps(config))
    (path / "model.safetensors").write_bytes(b"")
    return path


@pytest.fixture
def installed(monkeypatch):
    monkeypatch.setattr(backend, "find_spec", lambda name: object())


def test_what_is_not_installed_is_one_line(tmp_path, monkeypatch):
    monkeypatch.setattr(backend, "find_spec", lambda name: None if name == "lerobot" else object())
    with pytest.raises(UserError, match=r"needs lerobot: pip install"):
        LerobotPolicy.open(folder_of(tmp_path / "policy"))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"input_features": {"observation.state": {"shape": [14]}}}, "another robot: its observation.state has 14"),
        ({"output_features": {"action": {"shape": [6]}}}, "another robot: its action has 6"),
        ({"output_features": {}}, "gives no action"),
        ({"input_features": {"observation.images.top": {"shape": [3, 224, 224]}}}, "wants observation.images.top"),
        ({"input_features": {"observation.images.front": {"shape": [3, 96, 96]}}}, "3x96x96"),
        ({"input_features": {"observation.environment_state": {"shape": [3]}}}, "environment_state"),
    ],
)
def test_a_policy_of_another_robot_is_one_line(tmp_path, installed, change, said):
    policy = LerobotPolicy.open(folder_of(tmp_path / "policy", **change))
    seen = robot().observe()
    with pytest.raises(UserError, match=said) as e:
        policy.check(panda(), dict(seen.frames))
    assert "\n" not in str(e.value)


@pytest.mark.parametrize(("name", "content"), [("config.json", "{"), ("config.json", "{}"), ("config.json", "[]")])
def test_a_folder_that_is_no_policy_is_one_line(tmp_path, installed, name, content):
    (folder_of(tmp_path / "policy") / name).write_text(content)
    with pytest.raises(UserError, match="no LeRobot policy"):
        LerobotPolicy.open(tmp_path / "policy")
    with pytest.raises(UserError, match="can't read"):
        LerobotPolicy.open(tmp_path / "nothing")
    (folder_of(tmp_path / "policy") / "model.safetensors").unlink()
    with pytest.raises(UserError, match="no model"):
        LerobotPolicy.open(tmp_path / "policy")


def test_options_name_the_folder():
    with pytest.raises(UserError, match=r"policy\.checkpoint=DIR"):
        Choice(pick="lerobot", checkpoint="").backends()
    with pytest.raises(UserError, match=r"policy\.fps"):
        Choice(pick="lerobot", checkpoint="x", fps=0.0)


class Told:
    """A policy that says what it was given, one action after another."""

    def __init__(self, actions):
        self.actions, self.words = list(actions), ""

    def action(self, spec, seen, words):
        self.words = words
        return self.actions.pop(0) if len(self.actions) > 1 else self.actions[0]


def test_actions_are_followed_within_limits_and_a_still_hand_is_stuck():
    body = Body(robot=robot())
    here = body.robot.state().arm_q
    policy = Told([np.append(here + 3.0, 0.5), np.append(here + 0.2, 0.04)])
    assert follow(body, policy, STROKE, fps=5.0) is Ending.STUCK
    np.testing.assert_allclose(body.robot.state().arm_q, here + 0.2, atol=0.02)
    assert policy.words == "pick the red block"
    assert follow(body, Told([np.full(8, np.nan)]), STROKE, fps=5.0) is Ending.STUCK


def test_a_stroke_is_over_when_the_hand_has_risen_with_the_thing():
    state = robot().state()
    down = np.array([[0, 0, 0.3], [0, 0, 0.05], [0, 0, 0.2]])
    assert not done(Verb.PICK, state, down)  # nothing is held
    assert done(Verb.PLACE, state, down)
    assert done(Verb.PUSH, state, down)
    assert not done(Verb.PUSH, state, down[:2])


# With the package itself


@pytest.fixture(scope="module")
def act(tmp_path_factory):
    """A small ACT with random weights, made and saved by lerobot's own classes, with statistics of a dataset."""
    pytest.importorskip("lerobot")
    # tests/datasets.py would be taken for the package of that name, which lerobot imports.
    here = str(Path(__file__).parent)
    kept, sys.path[:] = list(sys.path), [p for p in sys.path if p != here]
    importlib.import_module("lerobot.policies.factory")
    sys.path[:] = kept
    torch = pytest.importorskip("torch")
    from lerobot.configs.types import FeatureType, PolicyFeature
    from lerobot.policies.act.configuration_act import ACTConfig
    from lerobot.policies.act.modeling_act import ACTPolicy
    from lerobot.policies.factory import make_pre_post_processors

    torch.manual_seed(0)
    height, width = robot().observe().frames["front"].rgb.shape[:2]
    config = ACTConfig(
        input_features={
            "observation.state": PolicyFeature(type=FeatureType.STATE, shape=(SIZES["state"],)),
            "observation.images.front": PolicyFeature(type=FeatureType.VISUAL, shape=(3, height, width)),
        },
        output_features={"action": PolicyFeature(type=FeatureType.ACTION, shape=(SIZES["action"],))},
        chunk_size=6, n_action_steps=3, dim_model=32, n_heads=2, dim_feedforward=64, n_encoder_layers=1,
        n_vae_encoder_layers=1, pretrained_backbone_weights=None, device="cpu",
    )  # fmt: skip
    rng = np.random.default_rng(0)
    stats = {}
    for key, shape in (("observation.state", SIZES["state"]), ("action", SIZES["action"])):
        mean, std = rng.normal(0, 1, shape), rng.uniform(0.5, 2, shape)
        stats[key] = {"mean": mean.astype(np.float32), "std": std.astype(np.float32)}
    flat = np.ones((3, 1, 1), dtype=np.float32)
    stats["observation.images.front"] = {"mean": 0.4 * flat, "std": 0.3 * flat}
    policy = ACTPolicy(config)
    before, after = make_pre_post_processors(config, dataset_stats=stats)
    folder = tmp_path_factory.mktemp("act")
    for part in (policy, before, after):
        part.save_pretrained(folder)
    return folder, policy.eval(), before, after


def test_its_actions_are_those_of_lerobot_itself(act):
    torch = pytest.importorskip("torch")
    folder, policy, before, after = act
    ours = LerobotPolicy.open(folder)
    body = robot()
    ours.check(panda(), dict(body.observe().frames))
    policy.reset()
    ours.reset()
    for step in range(5):  # over a chunk's end
        seen = body.observe()
        rgb = torch.from_numpy(seen.frames["front"].rgb.copy()).permute(2, 0, 1).float() / 255
        batch = {
            "observation.state": torch.from_numpy(state_numbers(panda(), seen.state))[None],
            "observation.images.front": rgb[None], "task": ["pick the red block"],
        }  # fmt: skip
        with torch.no_grad():
            theirs = after(policy.select_action(before(batch)))[0].numpy()
        np.testing.assert_allclose(ours.action(panda(), seen, "pick the red block"), theirs, atol=1e-5)
        assert theirs.shape == (SIZES["action"],), step
        body.wait(0.1)


def test_it_performs_a_call_and_the_script_takes_over(act):
    from agent.perform import perform
    from tests.test_policy import pick_of

    body = Body(robot=robot())
    call, seen = pick_of(body)
    outcome = perform(call, body, seen, backends={Verb.PICK: Lerobot(policy=LerobotPolicy.open(act[0]))})
    assert "scripted: the policy was" in outcome.detail
