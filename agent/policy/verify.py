"""Does a policy's folder say here what it said where it was made? Needs no torch."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file

from agent.onboard.manifest import BundleError
from agent.onboard.sessions import CPU, Engine
from agent.policy.runtime import GOLDEN, GRAPH, RECEIPT, Inputs, PolicySession
from agent.policy.view import CELLS, CHANNELS

APART = 1e-3
"""Processors differ in the last places of sums."""
TIMED = 50


def is_policy(folder: Path) -> bool:
    """Whether a bundle is one of a policy, not of a planner."""
    return (folder / GRAPH).is_file()


def verify(folder: Path, *, engine: Engine = CPU) -> dict[str, Any]:
    """Hashes when it is opened; its golden looks; how long a step takes here.

    Raises:
        BundleError: what does not hold, in one line.
    """
    session = PolicySession(folder, engine=engine)
    try:
        receipt, golden = json.loads((folder / RECEIPT).read_text()), load_file(str(folder / GOLDEN))
        apart, times = 0.0, []
        for k in range(TIMED):
            i = k % len(golden["state"])
            views = golden["views"][i].reshape(3, CHANNELS, CELLS, CELLS)
            began = time.perf_counter()
            step = session.step(Inputs(views=views, state=golden["state"][i]), noise=golden["noise"][i])
            times.append(1e3 * (time.perf_counter() - began))
            off = np.abs(step.chunk - golden["chunk"][i]).max(), abs(step.done - float(golden["ends"][i, 0]))
            apart = max(apart, *map(float, off))
    except (OSError, ValueError, KeyError, SafetensorError) as error:
        raise BundleError(f"{folder}: its receipt or its golden looks do not read ({error})") from error
    if not apart <= APART:
        raise BundleError(f"{folder}: on this machine its chunks are off by {apart:.1e} from where it was made")
    p50, p95 = (round(float(np.quantile(times, q)), 2) for q in (0.5, 0.95))
    return {"policy": session.manifest.name, "kind": session.manifest.kind, "serves": list(session.manifest.serves),
            "chunks_apart": apart, "p50_ms": p50, "p95_ms": p95, "receipt": receipt}  # fmt: skip


def lines(figures: dict[str, Any]) -> list[str]:
    """For the screen."""
    return [
        f"policy   {figures['policy']}, {figures['kind']}: {', '.join(figures['serves'])}",
        f"golden   {figures['chunks_apart']:.1g} apart from where it was made; at export "
        f"{figures['receipt']['tensors']:.1g} from torch",
        f"latency  {figures['p50_ms']} ms (median), {figures['p95_ms']} ms (95 %)",
    ]  # fmt: skip
