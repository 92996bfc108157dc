"""Training: it learns, resumes to the last bit, refuses what is not its own; checkpoints hold together."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from agent.plan import parse_plan  # noqa: E402
from agent.training.average import average  # noqa: E402
from agent.training.data import open_sources  # noqa: E402
from agent.training.loop import TrainConfig, learning_rate, train  # noqa: E402
from agent.training.mirror import mirrored  # noqa: E402
from agent.training.shards import Shard, ShardError, write_shard  # noqa: E402
from agent.vlm.checkpoint import CheckpointError, load_checkpoint, save_checkpoint  # noqa: E402
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
