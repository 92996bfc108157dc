"""Bundles: they say what their checkpoint says, carry the proof of it, and no byte of them can change unseen."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("onnxscript")

from agent.onboard.bundle import Bundle, BundleError, read_table  # noqa: E402
from agent.onboard.exporting import bundles  # noqa: E402
from agent.onboard.exporting.bundles import FAILED, Export, export_bundle  # noqa: E402
from agent.onboard.exporting.graphs import write_graphs  # noqa: E402
from agent.onboard.exporting.weights import KINDS, write_table  # noqa: E402
from agent.onboard.golden import Look, read_golden  # noqa: E402
from agent.onboard.manifest import FILES, MANIFEST, SEAL, fits, grammar_hash, seal, sha256_of  # noqa: E402
from agent.onboard.planner import OnnxPlanner  # noqa: E402
from agent.onboard.receipt import Limits, agreement, read_receipt  # noqa: E402
from agent.onboard.sessions import Engine, open_session  # noqa: E402
from agent.onboard.verify import lines, verify  # noqa: E402
from agent.plan import PrimitiveResult, format_call, parse_call, parse_plan  # noqa: E402
from agent.verbs import Verb  # noqa: E402
from agent.vlm.checkpoint import save_checkpoint  # noqa: E402
from agent.vlm.planning import checkpoint_planner  # noqa: E402
from robots.geometry import Pose  # noqa: E402
from robots.interface import CameraFrame, Observation, RobotState, Status  # noqa: E402
from tests.tiny import tiny_tokenizer  # noqa: E402
from tests.tiny_model import tiny_model, tiny_picture  # noqa: E402

SENTENCES = ("put the red block in the green bowl", "the red bowl", "stack and push", "pick the blue bowl")
ANY_CALLS = Limits(calls=0.0)
"""An untrained model's beliefs are so level that int8 may tip them."""


def look(number: int) -> Look:
    """A tiny picture, one of the sentences, and in every other one a call that failed."""
    frame = CameraFrame(
        rgb=tiny_picture(number).rgb, depth_m=np.ones((64, 64), np.float32), intrinsics=np.eye(3),
        world_T_camera=Pose.identity(),
    )  # fmt: skip
    state = RobotState(
        world_T_base=Pose.from_xyz_yaw([1.0, 2.0, 0.0], 0.5), arm_q=np.zeros(7), gripper_width_m=0.031,
        world_T_tool=Pose.from_xyz_yaw([1.4, 2.2, 0.3], 0.5), holding=False,
    )  # fmt: skip
    failed = PrimitiveResult(
        call=parse_call("pick(red block)"), status=Status.GRASP_FAILED, detail="it slipped", start_s=0.0, end_s=1.0
    )
    return Look(
        instruction=SENTENCES[number % len(SENTENCES)],
        observation=Observation(time_s=0.0, frames={"front": frame}, state=state),
        history=(failed,) if number % 2 else (),
    )


LOOKS = [look(i) for i in range(6)]


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("checkpoint")
    save_checkpoint(folder, tiny_model(), tiny_tokenizer(), {"step": 3})
    return folder


@pytest.fixture(scope="module", autouse=True)
def graphs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """torch's exporter takes seconds: its graphs of the one checkpoint are made once."""
    folder = tmp_path_factory.mktemp("graphs")
    write_graphs(tiny_model(), folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bundles, "write_graphs", lambda model, to: shutil.copytree(folder, to, dirs_exist_ok=True))
        yield


@pytest.fixture(scope="module")
def bundle(checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bundle")
    wanted = Export(name="tiny", weights="int8", robots=("panda",), golden=3, limits=ANY_CALLS)
    export_bundle(checkpoint, folder, wanted, looks=LOOKS, say=lambda line: None)
    return folder


def copied(bundle: Path, target: Path) -> Path:
    return Path(shutil.copytree(bundle, target))


def sealed(folder: Path, **changes: Any) -> Path:
    """The manifest with changes that its author signed."""
    content = json.loads((folder / MANIFEST).read_text())
    (folder / MANIFEST).write_text(json.dumps({**content, **changes}))
    seal(folder)
    return folder


def test_the_receipt_holds_the_float_graphs_to_torch(bundle: Path) -> None:
    receipt = read_receipt(bundle)
    assert set(receipt.tensors) == {"prefix", "map", "hidden", "query", "cached"}
    assert max(receipt.tensors.values()) <= 1e-5
    assert receipt.agreement["fp32"]["plans_equal"] == receipt.agreement["fp32"]["looks"] == len(LOOKS)
    assert receipt.graphs["vision.onnx"]["inputs"] == {"image": [1, 3, 64, 64], "state": [1, 5]}
    assert receipt.latency["p50_ms"] > 0
    assert receipt.closed_loop == {}


def test_an_exported_checkpoint_plans_as_before(checkpoint: Path, tmp_path: Path) -> None:
    export_bundle(checkpoint, tmp_path, Export(name="tiny", weights="fp32"), looks=LOOKS, say=lambda line: None)
    before, after = checkpoint_planner(checkpoint), OnnxPlanner.from_folder(tmp_path)
    for one in LOOKS:
        plans = [p.plan(one.instruction, one.observation, one.history).calls for p in (before, after)]
        assert plans[0] == plans[1]
        assert [parse_call(format_call(c)) for c in plans[1]] == list(plans[1])


def test_no_plan_leaves_the_grammar(bundle: Path) -> None:
    """Untrained weights choose at random: what they write must parse all the same."""
    planner = OnnxPlanner.from_folder(bundle)
    for one in LOOKS:
        plan = planner.plan(one.instruction, one.observation, ())
        ends = plan.text.splitlines()[-1].split("(")[0] in ("done", "ask", "refuse")
        assert parse_plan(plan.text if ends else f"{plan.text}\ndone()".lstrip("\n"))


def test_verify_needs_nothing_but_the_bundle(bundle: Path) -> None:
    figures = verify(bundle)
    assert figures["golden_plans"] == [3, 3]
    assert max(figures["tensors_apart"].values()) == 0.0
    assert figures["latency_here"]["machine"] == figures["receipt"]["latency"]["machine"]
    assert any("3 of 3 plans" in line for line in lines(figures))


def test_golden_looks_come_back_as_they_were(bundle: Path) -> None:
    golden = read_golden(bundle / "golden.safetensors")
    for kept, given in zip(golden.looks, LOOKS, strict=False):
        assert (kept.observation.main.rgb == given.observation.main.rgb).all()
        assert kept.instruction == given.instruction
        assert [r.status for r in kept.history] == [r.status for r in given.history]
        state = given.observation.state
        tool = state.world_T_base.inverse().apply(state.world_T_tool.xyz)
        np.testing.assert_allclose(kept.observation.state.world_T_tool.xyz, tool, atol=1e-12)


@pytest.mark.parametrize("name", [*FILES, MANIFEST, SEAL, "receipt.json", "golden.safetensors", "MODEL_CARD.md"])
def test_no_byte_changes_unseen(bundle: Path, tmp_path: Path, name: str) -> None:
    folder = copied(bundle, tmp_path / "b")
    whole = (folder / name).read_bytes()
    rng = np.random.default_rng(len(whole))
    for at in (0, len(whole) - 1, *rng.integers(len(whole), size=4)):
        data = bytearray(whole)
        data[at] ^= 1 << int(rng.integers(8))
        (folder / name).write_bytes(bytes(data))
        with pytest.raises(BundleError) as caught:
            Bundle(folder)
        assert "\n" not in str(caught.value)
    (folder / name).unlink()
    with pytest.raises(BundleError, match=name.replace(SEAL, MANIFEST)):
        Bundle(folder)


def test_other_inputs_or_another_language_are_refused(bundle: Path, tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="prepared otherwise"):
        Bundle(sealed(copied(bundle, tmp_path / "a"), pixel_mean=0.4))
    with pytest.raises(BundleError, match="another plan language"):
        Bundle(sealed(copied(bundle, tmp_path / "b"), grammar="0" * 64))
    with pytest.raises(BundleError, match="holds what no export writes"):
        Bundle(sealed(copied(bundle, tmp_path / "c"), verbs=["fly"]))
    with pytest.raises(BundleError, match="other sizes"):
        Bundle(sealed(copied(bundle, tmp_path / "d"), width=50))
    with pytest.raises(BundleError, match="format 9"):
        Bundle(sealed(copied(bundle, tmp_path / "e"), format=9))


def test_the_grammar_hash_follows_the_verbs() -> None:
    few, more = grammar_hash([Verb.PICK, Verb.DONE]), grammar_hash([Verb.DONE, Verb.PICK, Verb.PUSH])
    assert few == grammar_hash([Verb.DONE, Verb.PICK])
    assert few != more


def test_another_robot_is_refused(bundle: Path) -> None:
    manifest = Bundle(bundle).manifest
    fits(manifest, "panda")
    with pytest.raises(BundleError, match="trained on panda, this robot is stretch"):
        fits(manifest, "stretch")
    fits(replace(manifest, robots=()), "stretch")


def test_a_receipt_of_another_bundle_is_refused(bundle: Path, tmp_path: Path) -> None:
    folder = copied(bundle, tmp_path / "b")
    content = json.loads((folder / "receipt.json").read_text())
    content["graphs"]["decoder.onnx"]["inputs"]["x"] = [1, "t", 7]
    (folder / "receipt.json").write_text(json.dumps(content))
    hashes = json.loads((folder / MANIFEST).read_text())["sha256"]
    sealed(folder, sha256={**hashes, "receipt.json": sha256_of(folder / "receipt.json")})
    with pytest.raises(BundleError, match="other inputs and outputs"):
        verify(folder)


def test_broken_limits_leave_the_old_bundle(bundle: Path, checkpoint: Path, tmp_path: Path) -> None:
    folder = copied(bundle, tmp_path / "b")
    before = {f.name: f.read_bytes() for f in folder.iterdir()}
    worse = {"episodes": 9, "successes": {"torch": 9, "int8": 0}, "against_torch": {"int8": _paired(9, 0)}}

    def loop(planners: Mapping[str, Any]) -> Mapping[str, Any]:
        assert list(planners) == ["torch", "fp32", "int8"]
        asked = [p(None).plan(LOOKS[0].instruction, LOOKS[0].observation, ()).calls for p in planners.values()]
        assert asked[0] == asked[1]
        return worse

    with pytest.raises(BundleError, match="fewer episodes succeed"):
        export_bundle(
            checkpoint, folder, Export(name="tiny", limits=ANY_CALLS), looks=LOOKS[:2], closed_loop=loop,
            say=lambda line: None,
        )  # fmt: skip
    assert json.loads((folder / FAILED).read_text())["closed_loop"] == worse
    (folder / FAILED).unlink()
    assert {f.name: f.read_bytes() for f in folder.iterdir()} == before


def _paired(first: int, second: int) -> dict[str, Any]:
    return {"n": 9, "first": first, "second": second, "mcnemar_p": 0.004}


def test_the_smallest_weights_that_keep_the_limit_are_taken(checkpoint: Path, tmp_path: Path) -> None:
    wanted = Export(name="tiny", weights="auto", limits=ANY_CALLS)
    receipt = export_bundle(checkpoint, tmp_path / "any", wanted, looks=LOOKS[:2], say=lambda line: None)
    assert receipt.weights == "int4"
    table = np.random.default_rng(0).standard_normal((90, 48)).astype(np.float32)
    sizes = []
    for weights, apart in zip(KINDS[2::-1], (0.02, 2e-3, 0.0), strict=True):
        write_table(table, tmp_path / "table", weights)
        assert np.abs(read_table(tmp_path / "table") - table).max() <= apart
        sizes.append((tmp_path / "table").stat().st_size)
    assert sizes == sorted(sizes)
    decoders = {w: tmp_path / w for w in KINDS}
    for weights in KINDS:
        one = replace(wanted, weights=weights)
        export_bundle(checkpoint, decoders[weights], one, looks=LOOKS[:1], say=lambda line: None)
    whole = (decoders["fp32"] / "decoder.onnx").stat().st_size
    assert all((decoders[w] / "decoder.onnx").stat().st_size < whole for w in KINDS if w != "fp32")


def test_agreement_counts_calls_and_points() -> None:
    torch_plans = [parse_plan("pick(red block @ 10 20)\ndone()"), parse_plan("pick(red bowl @ 5 5)\ndone()")]
    near = [parse_plan("pick(red block @ 12 20)\ndone()"), parse_plan("pick(green bowl @ 5 5)\ndone()")]
    figures = agreement(near, torch_plans)
    assert figures["plans_equal"] == 0
    assert (figures["calls"], figures["calls_equal"], figures["calls_near"]) == (4, 2, 3)
    assert (figures["points"], figures["points_equal"], figures["worst_px"]) == (1, 0, 2)
    assert agreement([near[0][:1]], [torch_plans[0]])["calls_near"] == 1


def test_a_device_that_is_not_there_is_never_the_cpu_in_silence(bundle: Path) -> None:
    import onnxruntime as ort

    if "CUDAExecutionProvider" not in ort.get_available_providers():
        with pytest.raises(BundleError, match="this onnxruntime has no cuda"):
            open_session(bundle / "vision.onnx", Engine(device="cuda"))
    with pytest.raises(BundleError, match="there are cpu, cuda, tensorrt"):
        Engine(device="tpu")
    trt = Engine(device="tensorrt", cache=Path("engines")).providers()
    assert [p[0] if isinstance(p, tuple) else p for p in trt][-1] == "CPUExecutionProvider"
    assert trt[0][1]["trt_engine_cache_path"] == "engines"
