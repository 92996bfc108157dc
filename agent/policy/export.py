"""A trained policy -> a folder that runs without torch: the graph, its receipt, its card. Needs torch, onnx."""

from __future__ import annotations

import json
import shutil
import tempfile
import time
import warnings
from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.numpy import save_file

from agent.errors import UserError
from agent.onboard.exporting.graphs import without_traces
from agent.onboard.exporting.weights import LEAST_VALUES, shrink_vision
from agent.onboard.manifest import MANIFEST, seal, sha256_of
from agent.onboard.receipt import machine
from agent.policy.chunks import STEPS, WIDTH
from agent.policy.features import SIZE
from agent.policy.networks import Policy
from agent.policy.runtime import CARD, GOLDEN, GRAPH, INPUTS, RECEIPT, Inputs, PolicyManifest, PolicySession
from agent.policy.training import LOOKS, load_policy
from agent.policy.view import CELLS, CHANNELS
from agent.vlm.checkpoint import CheckpointError
from agent.vlm.files import load_tensors

LIMIT, OWN = 1e-5, 2.0
"""Largest difference of the graph from torch, as a share of the largest value; where a flow forks, torch's own rounding
is larger than that, and the graph may be so many times as far from torch as torch is from itself in float64."""
GOLDEN_LOOKS = 1
Array = NDArray[Any]
Look = tuple[Array, Array, Array]


@dataclass(frozen=True, kw_only=True)
class PolicyExport:
    """What a bundle is to be: see PolicyManifest."""

    name: str
    serves: Sequence[str]
    robots: Sequence[str] = ("panda",)


def export(options: Mapping[str, Any]) -> dict[str, Any]:
    """What `export` does with a folder that `train strokes.data=...` wrote."""
    name = options["name"] if options["name"] != "nano" else Path(options["checkpoint"]).name
    wanted = PolicyExport(name=name, serves=options["serves"], robots=options["robots"])
    try:
        receipt = export_policy(Path(options["checkpoint"]), Path(options["out"]), wanted)
    except CheckpointError as error:
        raise UserError(str(error)) from error
    print(f"policy {name}: {receipt['tensors']:.1g} from torch, {receipt['p50_ms']} ms a step", flush=True)
    return {"receipt": receipt}


def export_policy(checkpoint: Path, out: Path, wanted: PolicyExport) -> dict[str, Any]:
    """Writes `out`, checked on the looks that training kept; returns the receipt.

    Weights are rounded to half precision first, and torch is given the same: the file is half as large, and what is
    left between the two is arithmetic alone.

    Raises:
        UserError: the graph says something else than torch, or `out` is there already.
    """
    if (out / MANIFEST).exists():
        raise UserError(f"{out} holds a bundle already; give another out=")
    model, notes = load_policy(checkpoint)
    with torch.no_grad():
        for tensor in model.parameters():
            if tensor.numel() >= LEAST_VALUES:
                tensor.copy_(tensor.half().float())
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "policy"
        folder.mkdir()
        _write_graph(model, Path(scratch) / "whole.onnx")
        shrink_vision(Path(scratch) / "whole.onnx", folder / GRAPH, "fp16")
        without_traces(folder / GRAPH)
        looks = _looks(checkpoint)
        with torch.no_grad():
            said = [[t.numpy() for t in model(*(torch.from_numpy(x[None]) for x in look))] for look in looks]
            exact = deepcopy(model).double()
            own = [_apart(said[i][0], exact(*(torch.from_numpy(x[None]).double() for x in look))[0].numpy())
                   for i, look in enumerate(looks)]  # fmt: skip
        golden = {"views": (np.stack([x[0] for x in looks[:GOLDEN_LOOKS]]) * 255).round().astype(np.uint8),
                  "state": np.stack([x[1] for x in looks[:GOLDEN_LOOKS]]),
                  "noise": np.stack([x[2] for x in looks[:GOLDEN_LOOKS]]),
                  "chunk": np.concatenate([y[0] for y in said[:GOLDEN_LOOKS]]),
                  "ends": np.concatenate([y[1] for y in said[:GOLDEN_LOOKS]])}  # fmt: skip
        save_file(golden, str(folder / GOLDEN))
        manifest = PolicyManifest(
            name=wanted.name, kind=str(notes["policy"]["kind"]), serves=list(wanted.serves), robots=list(wanted.robots),
            inputs=INPUTS, training={k: notes[k] for k in ("step", "policy", "train", "strokes")},
            sha256={f.name: sha256_of(f) for f in sorted(folder.iterdir())},
        )  # fmt: skip
        _sealed(folder, manifest)
        receipt = _receipt(PolicySession(folder), model, looks, said, own)
        if receipt["over"]:
            raise UserError(f"the graph is off from torch by {receipt['tensors']:.1e} at {receipt['over']} looks")
        (folder / RECEIPT).write_text(json.dumps(receipt, indent=1))
        (folder / CARD).write_text(card(manifest, receipt, sum(p.numel() for p in model.parameters())))
        for name in (RECEIPT, CARD):
            manifest.sha256[name] = sha256_of(folder / name)
        _sealed(folder, manifest)
        out.parent.mkdir(parents=True, exist_ok=True)
        shutil.copytree(folder, out, dirs_exist_ok=True)
    return receipt


def _sealed(folder: Path, manifest: PolicyManifest) -> None:
    (folder / MANIFEST).write_text(manifest.to_json())
    seal(folder)


@torch.no_grad()
def _write_graph(model: Policy, path: Path) -> None:
    given = (torch.zeros(1, 3 * CHANNELS, CELLS, CELLS), torch.zeros(1, SIZE), torch.zeros(1, STEPS, WIDTH))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            model, given, str(path), input_names=["views", "state", "noise"], output_names=["chunk", "ends"],
            dynamo=True, external_data=False, verbose=False,
        )  # fmt: skip


def _looks(checkpoint: Path) -> list[Look]:
    """views float32[15,N,N], state float32[S] and a noise float32[K,7] each."""
    kept = load_tensors(checkpoint / LOOKS)
    rng = np.random.default_rng(0)
    views = kept["views"].numpy().astype(np.float32) / np.float32(255.0)
    noise = rng.standard_normal((len(views), STEPS, WIDTH)).astype(np.float32)
    return list(zip(views, kept["state"].numpy(), noise, strict=True))


def _apart(chunk: Array, other: Array) -> float:
    """As a share of the largest value, or of 1."""
    return float(np.abs(chunk - other).max() / max(1.0, float(np.abs(other).max())))


def _receipt(
    session: PolicySession, model: Policy, looks: list[Look], said: list[list[Array]], own: list[float]
) -> dict[str, Any]:
    found = []
    times, eager = [], []
    for (views, state, noise), (chunk, ends) in zip(looks, said, strict=True):
        inputs = Inputs(views=(views * 255).round().astype(np.uint8).reshape(3, CHANNELS, CELLS, CELLS), state=state)
        began = time.perf_counter()
        step = session.step(inputs, noise=noise)
        times.append(time.perf_counter() - began)
        ended = max(abs(step.done - float(ends[0, 0])), abs(step.stuck - float(ends[0, 1])))
        found.append(max(_apart(step.chunk, chunk[0]), ended))
    with torch.no_grad():
        for look in looks[:50]:
            began = time.perf_counter()
            model(*(torch.from_numpy(x[None]) for x in look))
            eager.append(time.perf_counter() - began)
    p50, p95 = (round(1e3 * float(np.quantile(times, q)), 2) for q in (0.5, 0.95))
    return {
        "looks": len(looks), "tensors": max(found), "median": float(np.median(found)), "torch_from_float64": max(own),
        "over": sum(a > max(LIMIT, OWN * b) for a, b in zip(found, own, strict=True)), "p50_ms": p50, "p95_ms": p95,
        "torch_p50_ms": round(1e3 * float(np.median(eager)), 2), "machine": machine(),
    }  # fmt: skip


def card(manifest: PolicyManifest, receipt: dict[str, Any], numbers: int) -> str:
    """Markdown."""
    t = manifest.training
    return "\n".join([
        f"# {manifest.name}", "",
        f"A {manifest.kind} policy for strokes of {', '.join(manifest.robots)}: {', '.join(manifest.serves)}. "
        f"{numbers / 1e6:.2f} M parameters, weights kept in fp16 and computed with in fp32.",
        "", "## Training", "",
        f"{t['step']} steps of {t['train']['batch']} looks from {t['strokes']} strokes that the scripted primitives "
        "did in simulation, disturbed, and that they took over from the policy (docs/policies.md). Training seeds "
        "only.",
        "", "## Measured by export", "",
        f"- Difference from torch over {receipt['looks']} looks, as a share of the largest value: at most "
        f"{receipt['tensors']:.1g}, median {receipt['median']:.1g}; torch itself is off from float64 by up to "
        f"{receipt['torch_from_float64']:.1g}.",
        f"- A step takes {receipt['p50_ms']} ms (median), {receipt['p95_ms']} ms (95 %) on one core of "
        f"{receipt['machine']}; torch {receipt['torch_p50_ms']} ms.",
        "", "## What it is not", "",
        "It has only ever seen simulated pictures with depth, one arm and one camera. Success rates beside the "
        "scripted primitives': docs/benchmarks.md, \"Learned primitives\". The scripted primitive takes over where it "
        "is stuck.",
        "", "Licence: Apache-2.0.", "",
    ])  # fmt: skip
