"""Draws docs/experts.png from what benchmarks/experts.py kept (needs the bench extra).

python docs/make_experts_picture.py outputs/experts
"""

from __future__ import annotations

import json
import sys
from io import BytesIO
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import TwoSlopeNorm
from matplotlib.figure import Figure
from PIL import Image

PICTURE = Path(__file__).parent / "experts.png"
KINDS = {
    "dense": ("dense", "#222222"),
    "switch-top-1": ("Switch, top 1 of 8", "#d95f02"),
    "mixtral-top-2": ("Mixtral, top 2 of 8", "#1b6ca8"),
    "top-2-not-balanced": ("top 2, not balanced", "#7b3294"),
}
"""By the beginning of the files' names: what a contender is called here, and its colour."""


def draw_losses(axes: Axes, curves: dict[str, np.ndarray]) -> None:
    """curves: by kind, float[seeds,points,2] of step and loss; seeds thin, their mean thick."""
    for kind, found in curves.items():
        label, colour = KINDS[kind]
        for one in found:
            axes.plot(one[:, 0], one[:, 1], color=colour, lw=0.7, alpha=0.5)
        mean = found.mean(axis=0)
        axes.plot(mean[:, 0], mean[:, 1], color=colour, lw=2.2, label=f"{label}: {mean[-1, 1]:.3f}")
    axes.set_yscale("log")
    low, high = axes.get_ylim()
    ticks = [t / 10 for t in range(1, 40) if low < t / 10 < high]
    axes.set_yticks(ticks, [f"{t:.1f}" for t in ticks])
    axes.set_yticks([], minor=True)
    axes.set(xlabel="step", ylabel="held-out loss, nats a plan token", title="Loss at equal active parameters")
    axes.grid(color="#e6e6e6", lw=0.6)
    axes.set_axisbelow(True)
    axes.legend(title="mean of the seeds, at the end", frameon=False, fontsize=9, title_fontsize=9, alignment="left")


def draw_loads(axes: Axes, shares: dict[str, np.ndarray]) -> None:
    """shares: by kind, float[layers,X], 1 = even, the experts of a layer from most to least used."""
    rows = np.concatenate(list(shares.values()))
    axes.imshow(rows, aspect="auto", cmap="RdBu_r", norm=TwoSlopeNorm(1.0, 0.0, max(3.0, rows.max())))
    for y, x in np.ndindex(rows.shape):
        dark = rows[y, x] < 0.35 or rows[y, x] > 2.6
        axes.text(x, y, f"{rows[y, x]:.2f}", ha="center", va="center", fontsize=8.5, color="white" if dark else "black")
    layers = [i + 1 for found in shares.values() for i in range(len(found))]
    axes.set_yticks(range(len(rows)), [f"layer {i}" for i in layers])
    top = 0
    for kind, found in shares.items():
        label, colour = KINDS[kind]
        middle = top + (len(found) - 1) / 2
        axes.text(-0.17, middle, label.replace(", ", ",\n"), transform=axes.get_yaxis_transform(), ha="right",
                  va="center", color=colour, fontsize=10, fontweight="bold")  # fmt: skip
        top += len(found)
        if top < len(rows):
            axes.axhline(top - 0.5, color="white", lw=5)
    axes.set_xticks(range(rows.shape[1]), [f"{x + 1}" for x in range(rows.shape[1])])
    axes.set(xlabel="experts of a layer, from most to least used", title="Load: share of the choices, 1 = even")
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)


def main() -> None:
    folder = Path(sys.argv[1])
    runs = {
        kind: [json.loads(path.read_text()) for path in sorted(folder.glob(f"{kind}-[0-9].json"))] for kind in KINDS
    }
    curves = {kind: np.array([run["curve"] for run in found])[:, :, :2] for kind, found in runs.items()}
    shares = {
        kind: np.mean([-np.sort(-np.array(run["shares"]), axis=1) for run in found], axis=0)
        for kind, found in runs.items()
        if found[0]["shares"]
    }
    figure = Figure(figsize=(12, 4.6), dpi=80, layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=(1, 1.25))
    draw_losses(left, curves)
    draw_loads(right, {kind: found * found.shape[1] for kind, found in shares.items()})
    drawn = BytesIO()
    figure.savefig(drawn)
    Image.open(drawn).convert("RGB").quantize(192).save(PICTURE, optimize=True)  # a quarter of the bytes


if __name__ == "__main__":
    main()
