"""A policy is trained, goes on after it was cut off, and is exported to what runs without torch and says the same."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("onnxscript")

from torch import Tensor  # noqa: E402

from agent.errors import UserError  # noqa: E402
from agent.onboard.manifest import BundleError, seal  # noqa: E402
from agent.policy.chunks import STEPS, WIDTH  # noqa: E402
from agent.policy.demos import Demo, read_demos, write_demos  # noqa: E402
from agent.policy.export import LIMIT, PolicyExport, export_policy  # noqa: E402
from agent.policy.features import SIZE  # noqa: E402
from agent.policy.networks import SPREAD, FlowPolicy, PolicyConfig, build  # noqa: E402
from agent.policy.runtime import GRAPH, Inputs, PolicySession  # noqa: E402
from agent.policy.training import PolicyTrain, draw, load_policy, run  # noqa: E402
from agent.policy.verify import verify  # noqa: E402
from agent.policy.view import CELLS  # noqa: E402
from agent.verbs import Verb  # noqa: E402
from agent.vlm.checkpoint import CheckpointError  # noqa: E402

SMALL = PolicyConfig(width=16, heads=2, see_layers=1, act_layers=1, flow_steps=2)
TRAIN = PolicyTrain(steps=4, batch=6, warmup=1, decay=1, save_every=2, log_every=1)


@pytest.fixture(scope="module")
def strokes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("strokes")
    rng = np.random.default_rng(0)
    write_demos(folder / "a.npz", [
        Demo(
            verb=verb, kind="none", start=rng.integers(0, 255, (5, CELLS, CELLS), np.uint8),
            views=rng.integers(0, 255, (n, 5, CELLS, CELLS), np.uint8),
            features=rng.normal(size=(n, SIZE)).astype(np.float32),
            chunks=rng.normal(size=(n, STEPS, WIDTH)).astype(np.float32), done=np.arange(n) > 2,
            stuck=np.zeros(n, np.bool_),
        )
        for n, verb in ((5, Verb.PICK), (9, Verb.PLACE))
    ])  # fmt: skip
    return folder


def trained(strokes: Path, out: Path, config: PolicyTrain = TRAIN, net: PolicyConfig = SMALL) -> Path:
    torch.manual_seed(0)
    run(build(net), read_demos([strokes]), out, config, net)
    return out


@pytest.fixture(scope="module")
def checkpoint(strokes: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return trained(strokes, tmp_path_factory.mktemp("runs") / "whole")


def test_a_run_that_was_cut_off_ends_with_the_same_weights(strokes: Path, checkpoint: Path, tmp_path: Path) -> None:
    out = trained(strokes, tmp_path / "cut", replace(TRAIN, steps=2, decay=-1))
    assert json.loads((out / "training.json").read_text())["step"] == 2
    whole = trained(strokes, tmp_path / "whole", replace(TRAIN, decay=-1))
    trained(strokes, out, replace(TRAIN, decay=-1))
    one, other = load_policy(whole)[0].state_dict(), load_policy(out)[0].state_dict()
    assert all(torch.equal(one[name], other[name]) for name in one)
    with pytest.raises(CheckpointError, match="other lr"):
        trained(strokes, out, replace(TRAIN, lr=0.5))


def test_every_verb_is_drawn_as_often_and_nothing_is_lost_in_the_mirror(strokes: Path) -> None:
    demos = read_demos([strokes])
    config = PolicyTrain(batch=400, mirrored=1.0, repainted=0.0, wordless=0.0)
    batch = draw(demos, np.array([0.5, 0.5]), np.random.default_rng(0), config)
    rows = [int(np.argmin(np.abs(np.abs(demos.features) - np.abs(s)).sum(axis=1))) for s in batch.state.numpy()]
    assert 140 < sum(row < 5 for row in rows) < 260  # half of 400, four standard deviations
    for row, views in zip(rows[:20], batch.views[:20], strict=True):
        assert np.array_equal((views[10:].numpy() * 255).round()[..., ::-1], demos.views[row])


def test_a_flow_ends_where_its_velocities_lead() -> None:
    """With velocities that lead from any noise to one point, Euler's method ends there exactly."""
    goal = torch.randn(1, STEPS, WIDTH)

    class Straight(FlowPolicy):
        def velocity(self, x: Tensor, t: Tensor, seen: Tensor) -> Tensor:
            return (goal - x) / (1 - t[:, None, None])

    model = Straight(SMALL)
    views, state = torch.rand(1, 15, CELLS, CELLS), torch.randn(1, SIZE)
    chunk, ends = model(views, state, torch.randn(1, STEPS, WIDTH))
    seen = model.seeing(views, state)
    assert torch.allclose(chunk, model.guessed(seen) + SPREAD * goal, atol=1e-5)
    assert ends.shape == (1, 2)


@pytest.mark.parametrize("kind", ["flow", "regression"])
def test_an_exported_policy_says_what_torch_says(kind: str, strokes: Path, checkpoint: Path, tmp_path: Path) -> None:
    if kind == "regression":
        checkpoint = trained(strokes, tmp_path / "run", net=replace(SMALL, kind="regression"))
    out = tmp_path / "bundle"
    receipt = export_policy(checkpoint, out, PolicyExport(name="p", serves=["pick"]))
    assert receipt["tensors"] <= LIMIT
    figures = verify(out)
    assert (figures["kind"], figures["chunks_apart"] <= LIMIT) == (kind, True)
    session = PolicySession.load(out)
    rng = np.random.default_rng(1)
    inputs = Inputs(
        views=rng.integers(0, 255, (3, 5, CELLS, CELLS), np.uint8), state=rng.normal(size=SIZE).astype(np.float32)
    )
    chunks = [session.step(inputs, noise=session.noise(rng)).chunk for _ in range(2)]
    assert np.array_equal(*chunks) is (kind == "regression")
    assert session.manifest.does(Verb.PICK)
    assert not session.manifest.does(Verb.PUSH)
    if kind == "flow":
        with pytest.raises(UserError, match="holds a bundle already"):
            export_policy(checkpoint, out, PolicyExport(name="p", serves=["pick"]))
        _refused(out)


def _refused(bundle: Path) -> None:
    """A byte that was changed, a file that is gone, other inputs: one line each."""
    graph = (bundle / GRAPH).read_bytes()
    for damage, said in ((graph[:500] + bytes([graph[500] ^ 1]) + graph[501:], "damaged"), (None, "lacks")):
        (bundle / GRAPH).unlink()
        if damage is not None:
            (bundle / GRAPH).write_bytes(damage)
        with pytest.raises(BundleError, match=said) as caught:
            PolicySession.load(bundle)
        assert "\n" not in str(caught.value)
        (bundle / GRAPH).write_bytes(graph)
    manifest = json.loads((bundle / "manifest.json").read_text())
    manifest["inputs"]["cell_m"] = 0.01
    (bundle / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(BundleError, match=r"manifest\.json is damaged"):
        PolicySession.load(bundle)
    seal(bundle)
    with pytest.raises(BundleError, match="inputs that were prepared otherwise"):
        PolicySession.load(bundle)
    shutil.rmtree(bundle)
    with pytest.raises(BundleError, match="no policy"):
        PolicySession.load(bundle)
