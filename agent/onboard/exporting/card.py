"""A model card for a bundle: what it is, what it learned from, what was measured, and what was not."""

from __future__ import annotations

from typing import Any

from agent.onboard.receipt import NEAR_PX, Receipt
from agent.vlm.checkpoint import Checkpoint


def card(name: str, loaded: Checkpoint, receipt: Receipt) -> str:
    """Markdown, from the training's notes and the receipt alone; a person adds what these do not know."""
    v, d = loaded.config.vision, loaded.config.decoder
    numbers = sum(w.numel() for w in loaded.weights.values())
    notes: dict[str, Any] = loaded.training
    mine, whole = receipt.agreement[receipt.weights], receipt.agreement["fp32"]
    time = receipt.latency
    lines = [
        f"# {name}", "",
        f"{numbers / 1e6:.1f} M parameters: an eye for {v.image_px} px with {v.grid**2} image tokens and a map of "
        f"{v.map_grid} x {v.map_grid} cells, a decoder of {d.layers} layers, {d.vocabulary} tokens. "
        f"Weights in {receipt.weights}.",
        "", "## Training", "",
        f"{notes.get('step', 'An unknown number of')} steps, {notes.get('seen', 'an unknown number of')} pictures. The "
        "manifest has the configuration.",
        "", "## Measured by export", "",
        f"- Largest difference of the float32 graphs from torch: {max(receipt.tensors.values()):.1g} of a tensor's "
        "largest value.",
        f"- Of {mine['looks']} plans {whole['plans_equal']} are torch's in float32, {mine['plans_equal']} in "
        f"{receipt.weights}; {mine['calls_near']} of {mine['calls']} calls within {NEAR_PX} px.",
        f"- A plan takes {time['p50_ms']} ms (median), {time['p95_ms']} ms (95 %) with {time['threads']} thread on "
        f"{time['machine']}; {time['peak_memory_mb']} MB at most.",
    ]  # fmt: skip
    if loop := receipt.closed_loop:
        rates = ", ".join(f"{k} {n}" for k, n in loop["successes"].items())
        lines.append(f"- Closed loop, {loop['episodes']} episodes at equal seeds, successes: {rates}.")
    else:
        lines.append("- Success in closed loop was not measured: `palmetto evaluate planner=FOLDER` does.")
    return "\n".join([*lines, "", "Licence: Apache-2.0. Check all of it with `palmetto verify bundle=FOLDER`.", ""])
