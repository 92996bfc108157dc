"""Training: it learns, resumes to the last bit, refuses what is not its own; checkpoints and bundles hold together."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("onnxscript")

from agent.onboard.bundle import Bundle, BundleError  # noqa: E402
from agent.onboard.export import export_bundle  # noqa: E402
from agent.onboard.planner import OnnxPlanner  # noqa: E402
from agent.plan import format_call, parse_call, parse_plan  # noqa: E402
from agent.training.average import average  # noqa: E402
from agent.training.data import open_sources  # noqa: E402
from agent.training.loop import TrainConfig, learning_rate, train  # noqa: E402
from agent.training.mirror import mirrored  # noqa: E402
from agent.training.shards import Shard, ShardError, write_shard  # noqa: E402
from agent.vlm.checkpoint import CheckpointError, load_checkpoint, save_checkpoint  # noqa: E402
from robots.geometry import Pose  # noqa: E402
from robots.interface import CameraFrame, Observation, RobotState  # noqa: E402
from tests.tiny import tiny_tokenizer  # noqa: E402
from tests.tiny_model import NAMES, tiny_model, tiny_picture, tiny_shards  # noqa: E402

SHORT = TrainConfig(stage="both", steps=6, pictures=3, warmup=2, decay=2, threads=1, save_every=3, bf16=False)


def _run(folder: Path, shards: Path, config: TrainConfig) -> dict[str, float]:
    sources = open_sources([shards], 16)
    return train(tiny_model(), tiny_tokenizer(), NAMES, sources, folder, config, lambda line: None)


def test_it_learns(tmp_path: Path) -> None:
    shards = tiny_shards(tmp_path / "data")
    config = replace(SHORT, steps=150, pictures=6, lr=3e-3, lr_new=3e-3, save_every=1000)
    first = _run(tmp_path / "a", shards, replace(config, steps=1))
    last = _run(tmp_path / "b", shards, config)
    assert last["words"] < 0.5 * first["words"]
    assert last["points"] < first["points"]


def test_a_resumed_run_is_the_unbroken_one(tmp_path: Path) -> None:
    shards = tiny_shards(tmp_path / "data")
    _run(tmp_path / "whole", shards, SHORT)
    # Cut off after step 3: the same schedule, stopped by a limit of steps that the flat part has not left.
    flat = replace(SHORT, decay=0)
    _run(tmp_path / "cut", shards, replace(flat, steps=3))
    _run(tmp_path / "cut", shards, replace(flat, steps=6))
    _run(tmp_path / "one", shards, replace(flat, steps=6))
    a, b = (load_checkpoint(tmp_path / n).weights for n in ("cut", "one"))
    assert all(torch.equal(a[k], b[k]) for k in b)
    assert load_checkpoint(tmp_path / "cut").training["step"] == 6


def test_another_configuration_does_not_resume(tmp_path: Path) -> None:
    shards = tiny_shards(tmp_path / "data")
    _run(tmp_path / "run", shards, SHORT)
    with pytest.raises(CheckpointError, match="lr"):
        _run(tmp_path / "run", shards, replace(SHORT, lr=0.5))


def test_learning_rate_warms_up_stays_and_falls() -> None:
    config = TrainConfig(steps=100, warmup=10, decay=20)
    rates = [learning_rate(config, s) for s in range(100)]
    assert rates[0] == pytest.approx(0.1)
    assert set(rates[10:80]) == {1.0}
    assert rates[90] == pytest.approx(0.5)
    assert all(a >= b for a, b in pairwise(rates[80:]))


def test_shards_give_back_what_was_written(tmp_path: Path) -> None:
    path = tmp_path / "s.safetensors"
    pictures = [tiny_picture(i) for i in range(5)]
    write_shard(path, pictures)
    shard = Shard(path)
    assert len(shard) == 5
    for ours, theirs in zip(pictures, (shard[i] for i in range(5)), strict=True):
        assert (ours.sentences, ours.objects, ours.seed) == (theirs.sentences, theirs.objects, theirs.seed)
        assert np.array_equal(ours.grid, theirs.grid)
        assert np.abs(ours.rgb.astype(int) - theirs.rgb).mean() < 4  # JPEG


def test_a_torn_shard_is_named(tmp_path: Path) -> None:
    folder = tiny_shards(tmp_path)
    path = next(folder.glob("*.safetensors"))
    path.write_bytes(path.read_bytes()[:-500])
    with pytest.raises(ShardError, match=path.name):
        Shard(path)


def test_test_seeds_are_refused(tmp_path: Path) -> None:
    write_shard(tmp_path / "s.safetensors", [replace(tiny_picture(0), seed=2_000_000)])
    with pytest.raises(ShardError, match="2000000"):
        open_sources([tmp_path], 16)


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("checkpoint")
    save_checkpoint(folder, tiny_model(), tiny_tokenizer(), {"step": 0})
    return folder


def test_a_checkpoint_that_lacks_a_tensor_says_which(checkpoint: Path, tmp_path: Path) -> None:
    loaded = load_checkpoint(checkpoint)
    weights = {k: v for k, v in loaded.weights.items() if k != "pointer.bias"}
    with pytest.raises(CheckpointError, match=r"pointer\.bias"):
        replace(loaded, weights=weights).model()


@pytest.mark.parametrize("name", ["config.json", "tokenizer.json", "model.safetensors"])
def test_a_damaged_checkpoint_is_one_clear_error(checkpoint: Path, tmp_path: Path, name: str) -> None:
    for file in checkpoint.iterdir():
        data = file.read_bytes()
        (tmp_path / file.name).write_bytes(data[: len(data) // 2] if file.name == name else data)
    with pytest.raises(CheckpointError):
        load_checkpoint(tmp_path)


def _observation() -> Observation:
    frame = CameraFrame(
        rgb=tiny_picture(0).rgb, depth_m=np.ones((64, 64), np.float32), intrinsics=np.eye(3),
        world_T_camera=Pose.identity(),
    )  # fmt: skip
    state = RobotState(
        world_T_base=Pose.identity(),
        arm_q=np.zeros(7),
        gripper_width_m=0.08,
        world_T_tool=Pose.identity(),
        holding=False,
    )
    return Observation(time_s=0.0, frames={"front": frame}, state=state)


def test_a_bundle_says_what_its_checkpoint_says(checkpoint: Path, tmp_path: Path) -> None:
    figures = export_bundle(checkpoint, tmp_path / "fp32", name="tiny", weights="fp32")
    assert max(figures["largest_difference"].values()) < 1e-4
    planner = OnnxPlanner.from_folder(tmp_path / "fp32")
    plan = planner.plan("put the red block in the green bowl", _observation(), ())
    assert plan.planner == "tiny"
    assert [parse_call(format_call(c)) for c in plan.calls] == list(plan.calls)
    export_bundle(checkpoint, tmp_path / "int8", name="tiny", weights="int8")
    assert Bundle(tmp_path / "int8").manifest.layers == 2


@pytest.mark.parametrize("name", ["vision.onnx", "decoder.onnx", "embeddings.safetensors", "tokenizer.json"])
def test_a_damaged_bundle_is_refused(checkpoint: Path, tmp_path: Path, name: str) -> None:
    export_bundle(checkpoint, tmp_path, name="tiny", weights="fp32")
    data = bytearray((tmp_path / name).read_bytes())
    data[len(data) // 2] ^= 1
    (tmp_path / name).write_bytes(bytes(data))
    with pytest.raises(BundleError, match=name):
        Bundle(tmp_path)
    (tmp_path / name).unlink()
    with pytest.raises(BundleError, match=name):
        Bundle(tmp_path)


def test_no_plan_leaves_the_grammar(checkpoint: Path, tmp_path: Path) -> None:
    """Untrained weights choose at random: what they write must parse all the same."""
    export_bundle(checkpoint, tmp_path, name="tiny", weights="fp32")
    planner = OnnxPlanner.from_folder(tmp_path)
    for words in ("put", "the red bowl", "stack and push"):
        plan = planner.plan(words, _observation(), ())
        text = plan.text if plan.text.endswith(("done()", ")")) and _ends(plan.text) else plan.text + "\ndone()"
        assert parse_plan(text.lstrip("\n"))


def _ends(text: str) -> bool:
    return text.splitlines()[-1].split("(")[0] in ("done", "ask", "refuse")


def test_a_mirrored_picture_points_at_the_same_things() -> None:
    picture = tiny_picture(3)
    turned = mirrored(picture)
    calls = [c for s in turned.sentences for c in parse_plan(s.plan)]
    names = {o.colour: picture.rgb[o.point] for o in picture.objects if o.point is not None}
    points = [(c.target.split()[0], c.point) for c in calls if c.point is not None]
    points += [(o.colour, o.point) for o in turned.objects if o.point is not None]
    assert len(points) > 4
    for colour, point in points:
        assert (turned.rgb[point] == names[colour]).all()
    assert not (turned.grid == picture.grid).all()
    back = mirrored(turned)
    assert back.sentences == picture.sentences
    assert (back.rgb == picture.rgb).all()
    assert (back.state == picture.state).all()


def test_the_mean_of_two_checkpoints(checkpoint: Path, tmp_path: Path) -> None:
    loaded = load_checkpoint(checkpoint)
    moved = loaded.model()
    with torch.no_grad():
        for parameter in moved.parameters():
            parameter.add_(1.0)
    save_checkpoint(tmp_path / "moved", moved, loaded.tokenizer, {"step": 9})
    average(checkpoint, tmp_path / "moved", tmp_path / "mean", share=0.25)
    mean = load_checkpoint(tmp_path / "mean")
    key = "decoder.embed.weight"
    assert torch.allclose(mean.weights[key], loaded.weights[key] + 0.25, atol=1e-6)
    assert mean.training["mean_of"]["steps"] == [loaded.training.get("step"), 9]
    (tmp_path / "moved" / "config.json").write_text('{"state_width": 6}')
    with pytest.raises(CheckpointError):
        average(checkpoint, tmp_path / "moved", tmp_path / "other")
