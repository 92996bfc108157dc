"""The shipped bundle in torch says what it says in onnxruntime."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("onnx")

from agent.onboard.bundle import Bundle  # noqa: E402
from agent.onboard.exporting.graphs import tensors_apart  # noqa: E402
from agent.vlm.checkpoint import CheckpointError, load_checkpoint  # noqa: E402
from agent.vlm.convert import bundle as convert  # noqa: E402
from agent.vlm.planning import TorchModel, manifest_of  # noqa: E402

NANO = Path("agent/checkpoints/nano")


def _apart() -> dict[str, float]:
    loaded = convert.checkpoint_from_bundle(NANO)
    rgb = np.random.default_rng(0).integers(0, 255, (224, 224, 3)).astype(np.uint8)
    return tensors_apart(TorchModel(loaded, manifest_of(loaded, name="nano")), Bundle(NANO), [rgb])


def test_the_weights_are_those_of_the_bundle(monkeypatch: pytest.MonkeyPatch) -> None:
    apart = _apart()
    # The eye's products are in float on both sides, the sums in another order; the decoder's inputs are rounded to int8
    # by onnxruntime alone.
    assert apart["prefix"] < 0.01, apart
    assert apart["map"] < 0.01, apart
    assert apart["hidden"] < 0.12, apart
    monkeypatch.setattr(convert, "IN_LAYER", ("q", "k", "v", "o", "up", "gate", "down"))
    assert _apart()["hidden"] > 0.3, "the order of a layer's products is told apart"


def test_it_is_a_checkpoint_to_start_from(tmp_path: Path) -> None:
    convert.main([str(NANO), str(tmp_path / "nano")])
    loaded = load_checkpoint(tmp_path / "nano")
    assert loaded.training["names"]["colours"]
    loaded.model()


def test_other_graphs_are_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(convert, "IN_BLOCK", ("qkv", "out", "fc1"))
    with pytest.raises(CheckpointError, match="no graphs that could be taken back"):
        convert.checkpoint_from_bundle(NANO)
