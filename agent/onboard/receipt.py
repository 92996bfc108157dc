"""The receipt of a bundle: what export measured of it, against which limits. Anyone can check it: `palmetto verify`.

Closed loop and agreement are by `agent.onboard.exporting.receipts`; what is here is read where there is no torch.
"""

from __future__ import annotations

import json
import platform
import resource
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import onnxruntime as ort

from agent.onboard.bundle import Bundle, BundleError, PlannerModel
from agent.onboard.golden import TENSORS, Golden, Look
from agent.onboard.planner import OnnxPlanner
from agent.onboard.sessions import CPU, Engine
from agent.plan import PrimitiveCall, format_plan, without_points
from agent.preprocess import planner_inputs

FILE = "receipt.json"
NEAR_PX = 2
"""Points of two plans that are no further apart, in rows and in columns, mean the same place of 224 x 224."""


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What export holds a bundle to.

    tensors: largest difference of the float32 graphs from torch, as a share of each tensor's largest value.
    float_plans: of the float32 bundle's plans those that are torch's, words and points. calls: of the shipped weights'
    calls those that are torch's, in words and within NEAR_PX. significance: below it, McNemar's test says that closed
    loops differ.
    """

    tensors: float = 1e-5
    float_plans: float = 1.0
    calls: float = 0.99
    significance: float = 0.05


@dataclass(frozen=True, kw_only=True)
class Receipt:
    """graphs: by file, shapes of inputs and outputs by name. tensors: see Limits. agreement: by weights, see
    `agreement`. closed_loop: by weights, successes at equal seeds and McNemar's test against torch; {} where it was not
    measured. latency: see `latency`."""

    weights: str
    graphs: dict[str, Any]
    tensors: dict[str, float]
    agreement: dict[str, Any]
    closed_loop: dict[str, Any]
    latency: dict[str, Any]
    limits: dict[str, float]
    versions: dict[str, str]

    def to_json(self) -> str:
        return json.dumps(asdict(self), indent=1)

    def broken(self) -> list[str]:
        """The limits that were not kept, in words."""
        limits = Limits(**self.limits)
        said = [f"{k} {v:.2g}" for k, v in self.tensors.items() if not v <= limits.tensors]
        found = [f"float32 graphs differ from torch by {', '.join(said)}, more than {limits.tensors:g}"] if said else []
        exact = self.agreement["fp32"]["plans_equal"] / self.agreement["fp32"]["looks"]
        if exact < limits.float_plans:
            found.append(f"{exact:.2%} of the float32 plans are torch's, fewer than {limits.float_plans:.2%}")
        mine = self.agreement[self.weights]
        if mine["calls_near"] < limits.calls * mine["calls"]:
            share = mine["calls_near"] / mine["calls"]
            found.append(
                f"{share:.2%} of the calls with {self.weights} weights are torch's, fewer than {limits.calls:.2%}"
            )
        for name, loop in self.closed_loop.get("against_torch", {}).items():
            if loop["mcnemar_p"] < limits.significance and loop["first"] > loop["second"]:
                found.append(f"with {name} weights fewer episodes succeed than with torch (p {loop['mcnemar_p']:.3g})")
        return found


def read_receipt(folder: Path) -> Receipt:
    """Raises BundleError where there is none, or it is none."""
    try:
        receipt = Receipt(**json.loads((folder / FILE).read_text()))
        receipt.broken()  # reads all that the limits are about
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise BundleError(f"{folder}/{FILE} does not read ({error}); export the checkpoint again") from error
    return receipt


def plans_of(model: PlannerModel, looks: Iterable[Look]) -> list[tuple[PrimitiveCall, ...]]:
    """The plan for each look, by itself: nothing is gone on with from one to the next."""
    planner, plans = OnnxPlanner(model), []
    for look in looks:
        planner.forget()
        plans.append(planner.plan(look.instruction, look.observation, look.history).calls)
    return plans


def agreement(ours: Sequence[Sequence[PrimitiveCall]], theirs: Sequence[Sequence[PrimitiveCall]]) -> dict[str, Any]:
    """looks; plans that are equal, words and points; calls of theirs; those that are equal, and in words with points
    within NEAR_PX; points of calls with equal words, those that are equal, and the largest difference, px."""
    figures = dict.fromkeys(("plans_equal", "calls", "calls_equal", "calls_near", "points", "points_equal"), 0)
    worst = 0
    for mine, other in zip(ours, theirs, strict=True):
        figures["plans_equal"] += tuple(mine) == tuple(other)
        figures["calls"] += len(other)
        for a, b in zip(mine, other, strict=False):
            if without_points(a) != without_points(b):
                continue
            apart = [_apart(p, q) for p, q in zip(_points(a), _points(b), strict=True)]
            figures["points"] += len(apart)
            figures["points_equal"] += sum(d == 0 for d in apart)
            figures["calls_equal"] += a == b
            figures["calls_near"] += max(apart, default=0) <= NEAR_PX
            worst = max([worst, *apart])
    return {"looks": len(ours), **figures, "worst_px": worst}


def _points(call: PrimitiveCall) -> list[tuple[int, int]]:
    return [p for p in (call.point, call.destination_point, call.spot) if p is not None]


def _apart(a: tuple[int, int], b: tuple[int, int]) -> int:
    return max(abs(a[0] - b[0]), abs(a[1] - b[1]))


def latency(bundle: Bundle, looks: Sequence[Look], engine: Engine = CPU) -> dict[str, Any]:
    """Milliseconds from picture to whole plan over the looks (the first one warms up), memory, and on what."""
    planner, spent = OnnxPlanner(bundle), []
    for look in (looks[0], *looks):
        planner.forget()
        start = perf_counter()
        planner.plan(look.instruction, look.observation, look.history)
        spent.append(1000.0 * (perf_counter() - start))
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024.0
    return {
        "looks": len(looks), "p50_ms": round(float(np.percentile(spent[1:], 50)), 1),
        "p95_ms": round(float(np.percentile(spent[1:], 95)), 1), "peak_memory_mb": round(peak_mb),
        "device": engine.device, "threads": engine.threads, "machine": machine(), "onnxruntime": ort.__version__,
    }  # fmt: skip


def machine() -> str:
    """The processor's name, and its system."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        name = next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        name = platform.processor() or platform.machine()
    return f"{name}, {platform.system()}"


def golden_of(model: PlannerModel, looks: Sequence[Look]) -> Golden:
    """What the model says to these looks."""
    plans = tuple(format_plan(calls) for calls in plans_of(model, looks))
    return Golden(looks=tuple(looks), plans=plans, tensors=first_tensors(model, looks[0]))


def first_tensors(model: PlannerModel, look: Look) -> dict[str, np.ndarray]:
    """What the graphs make of a look's picture and prompt: prefix [P,D], the map's mean [M*M], the last state [D]."""
    image, state = planner_inputs(look.observation, model.manifest.image_px)
    prefix, features = model.see(image, state)
    prompt = model.embed(model.stream.prompt(look.instruction, look.history))
    hidden, _, _ = model.extend(np.concatenate([prefix, prompt], axis=1), model.empty_cache())
    return dict(zip(TENSORS, (prefix[0], features.mean(axis=0), hidden[-1]), strict=True))


def shapes(bundle: Bundle) -> dict[str, Any]:
    """By graph, its inputs and outputs: an axis that may have any length goes by its name."""
    return {
        name: {
            "inputs": {v.name: list(v.shape) for v in session.get_inputs()},
            "outputs": {v.name: list(v.shape) for v in session.get_outputs()},
        }
        for name, session in (("vision.onnx", bundle.vision), ("decoder.onnx", bundle.decoder))
    }
