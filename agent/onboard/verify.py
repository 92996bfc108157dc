"""Is a bundle what its receipt says, and does it say here what it said where it was made? Needs no torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from agent.onboard.bundle import Bundle, BundleError
from agent.onboard.golden import FILE, TENSORS, read_golden
from agent.onboard.receipt import NEAR_PX, golden_of, latency, read_receipt, shapes
from agent.onboard.sessions import CPU, Engine

GOLDEN_EQUAL = 0.95
"""Of the golden plans so many are written again on another machine: the sums of other processors differ in the last
places, and now and then a plan stands on such an edge."""
TENSORS_APART = 0.05
"""And the tensors differ by no more of their largest value; on the machine that made them they are equal."""


def verify(folder: Path, *, engine: Engine = CPU) -> dict[str, Any]:
    """Checks a bundle against its receipt, on this machine.

    Hashes, grammar and normalisation when it is opened; names and shapes of the graphs; the limits; the plans and
    tensors for its golden observations; and how long a plan takes here.

    Raises:
        BundleError: what does not hold, in one line.
    """
    bundle = Bundle(folder, engine=engine)
    receipt, golden = read_receipt(folder), read_golden(folder / FILE)
    if receipt.weights != bundle.manifest.weights:
        raise BundleError(f"{folder}: the receipt is of {receipt.weights} weights, these are {bundle.manifest.weights}")
    if shapes(bundle) != receipt.graphs:
        raise BundleError(f"{folder}: its graphs have other inputs and outputs than the receipt says")
    broken = receipt.broken()
    if broken:
        raise BundleError(f"{folder}: its own receipt breaks its limits: {broken[0]}")
    said = golden_of(bundle, golden.looks)
    apart = {k: _share_apart(said.tensors[k], golden.tensors[k]) for k in TENSORS}
    if not max(apart.values()) <= TENSORS_APART:
        raise BundleError(f"{folder}: on this machine its tensors are others than where it was made: {apart}")
    equal = sum(a == b for a, b in zip(said.plans, golden.plans, strict=True))
    if equal < GOLDEN_EQUAL * len(golden.plans):
        raise BundleError(f"{folder}: {equal} of {len(golden.plans)} golden plans are written again on this machine")
    return {
        "bundle": bundle.manifest.name, "weights": receipt.weights, "golden_plans": [equal, len(golden.plans)],
        "tensors_apart": apart, "latency_here": latency(bundle, golden.looks, engine), "receipt": asdict(receipt),
    }  # fmt: skip


def _share_apart(a: np.ndarray, b: np.ndarray) -> float:
    if a.shape != b.shape:
        return float("inf")
    return float(np.abs(a - b).max() / max(1.0, float(np.abs(b).max())))


def lines(figures: Mapping[str, Any]) -> list[str]:
    """What `verify` prints."""
    equal, n = figures["golden_plans"]
    receipt = figures["receipt"]
    mine, whole = receipt["agreement"][receipt["weights"]], receipt["agreement"]["fp32"]
    loop = receipt["closed_loop"]
    rates = ", ".join(f"{name} {k}" for name, k in loop["successes"].items()) if loop else ""
    said = [
        f"bundle   {figures['bundle']}, {figures['weights']}: every hash, the grammar and the inputs fit",
        f"golden   {equal} of {n} plans written again; tensors apart by {max(figures['tensors_apart'].values()):.1g}",
        f"torch    float32 graphs apart by {max(receipt['tensors'].values()):.1g}; of {mine['looks']} plans "
        f"{whole['plans_equal']} equal in float32, {mine['plans_equal']} in {receipt['weights']}; "
        f"{mine['calls_near']} of {mine['calls']} calls within {NEAR_PX} px",
        f"loop     successes of {loop['episodes']} at equal seeds: {rates}" if loop else "loop     was not measured",
    ]
    for place, time in (("here", figures["latency_here"]), ("there", receipt["latency"])):
        spent = f"p50 {time['p50_ms']} ms, p95 {time['p95_ms']} ms, {time['peak_memory_mb']} MB"
        said.append(f"{place:8} {spent}; {time['machine']}")
    return said
