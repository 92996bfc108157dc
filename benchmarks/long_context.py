"""Memory and time against the length of the context, for full, sliding and 5:1 layers: one table and one picture.

    pip install -e ".[train,bench]" && python benchmarks/long_context.py --picture docs/long_context.png

A decoder of SmolLM2's width (576, 9 heads over 3 key-value heads) with 6 layers and random weights, in float32 on one
thread, in three configurations: all layers see everything; all see 512 tokens and 4 sinks; five of six do (Gemma 3's
5:1). It reads the whole context in chunks of 256 tokens into a `KVCache`, as a `Session` does, then one token more.
Every cell is a process of its own; --out keeps what was measured, so that a run that was cut off goes on. Cache: bytes
of keys and values. Peak: the most that was resident while reading, less what was before the cache was made. Times are
CPU time; the next token's is a median.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from time import process_time

import torch

from agent.vlm.config import DecoderConfig
from agent.vlm.decoder import Decoder
from agent.vlm.decoder.cache import KVCache

LAYERS, WINDOW, SINKS = 6, 512, 4
FULL, SLIDING, FIVE_TO_ONE = "full", "sliding", "5:1"
KINDS = {
    FULL: DecoderConfig(layers=LAYERS),
    SLIDING: DecoderConfig(layers=LAYERS, windows=(WINDOW,), sinks=SINKS),
    FIVE_TO_ONE: DecoderConfig(layers=LAYERS, windows=(WINDOW,) * 5 + (0,), sinks=SINKS),
}
LENGTHS = tuple(1024 * 2**i for i in range(6))
COLOURS = {FULL: "#c44e52", SLIDING: "#4c72b0", FIVE_TO_ONE: "#dd8452"}


@dataclass(frozen=True, kw_only=True)
class Cell:
    """Of one configuration at one length. MiB; seconds of reading; milliseconds of the next token."""

    cache: float
    peak: float
    read: float
    following: float


Line = tuple[str, Callable[[Cell], float]]
"""Of the picture: what it shows, and of a cell."""


@torch.inference_mode()
def measure(kind: str, length: int, chunk: int, decode: int) -> Cell:
    torch.manual_seed(0)
    torch.set_num_threads(1)
    c = KINDS[kind]
    model = Decoder(c).eval()
    ids = torch.randint(0, c.vocabulary, (1, length))
    model.extend(model.words(ids[:, :256]), KVCache(c, capacity=256))  # what is made once counts for nobody
    Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew (proc(5))
    before = status_kib("VmRSS")
    cache = KVCache(c, capacity=length + decode, slack=min(chunk, length))
    start = process_time()
    for at in range(0, length, chunk):
        model.extend(model.words(ids[:, at : at + chunk]), cache)
    read, peak = process_time() - start, status_kib("VmHWM") - before
    following = []
    for i in range(decode):
        start = process_time()
        model.logits(model.extend(model.words(ids[:, i : i + 1]), cache))
        following.append(process_time() - start)
    return Cell(cache=cache.nbytes / 2**20, peak=peak / 2**10, read=read, following=1e3 * statistics.median(following))


def status_kib(field: str) -> int:
    return next(int(s.split()[1]) for s in Path("/proc/self/status").read_text().splitlines() if s.startswith(field))


def alone(kind: str, length: int, chunk: int, decode: int) -> Cell:
    """In a process of its own."""
    command = [sys.executable, __file__, "--cell", kind, "--lengths", length, "--chunk", chunk, "--decode", decode]
    done = subprocess.run([str(x) for x in command], check=True, capture_output=True, text=True)
    return Cell(**json.loads(done.stdout))


def draw(cells: dict[str, dict[int, Cell]], path: Path) -> None:
    """Two panels, both axes logarithmic: memory, and time."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt
    from matplotlib.lines import Line2D

    plt.rcParams.update({"font.size": 9, "axes.spines.top": False, "axes.spines.right": False})
    figure, panels = plt.subplots(1, 2, figsize=(8.2, 3.7), dpi=100, layout="constrained")
    shown: tuple[tuple[str, Line, Line], ...] = (
        ("Memory, MiB", ("most in use while reading", lambda c: c.peak), ("keys and values", lambda c: c.cache)),
        ("CPU seconds, one thread", ("reading it all", lambda c: c.read), ("next token", lambda c: c.following / 1e3)),
    )
    for axes, (title, dotted, solid) in zip(panels, shown, strict=True):
        for kind, row in cells.items():
            for (_, value), style in ((dotted, "s:"), (solid, "o-")):
                values = [value(c) for c in row.values()]
                axes.plot(list(row), values, style, color=COLOURS[kind], linewidth=1.6, markersize=4)
        axes.set(xscale="log", yscale="log", xlabel="tokens of context")
        axes.set_title(title, loc="left", fontweight="bold", fontsize=10)
        axes.set_xticks(list(LENGTHS), [f"{n // 1024}k" for n in LENGTHS])
        axes.yaxis.set_major_formatter(lambda y, _: f"{y:g}")
        axes.minorticks_off()
        axes.grid(alpha=0.25)
        styles = [Line2D([], [], color="#555555", linestyle=line, marker=m, markersize=4) for line, m in (":s", "-o")]
        axes.legend(styles, [dotted[0], solid[0]], frameon=False, loc="upper left", fontsize=8.5)
    kinds = [Line2D([], [], color=COLOURS[kind], linewidth=3) for kind in cells]
    figure.legend(kinds, [f"{kind} layers" for kind in cells], loc="outside lower center", ncols=3, frameon=False)
    figure.savefig(path, pil_kwargs={"optimize": True})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lengths", type=int, nargs="+", default=LENGTHS)
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=tuple(KINDS))
    parser.add_argument("--chunk", type=int, default=256, help="tokens read at once")
    parser.add_argument("--decode", type=int, default=32, help="tokens after the context")
    parser.add_argument("--picture", type=Path)
    parser.add_argument("--out", type=Path, help="a JSON file of the cells measured so far")
    parser.add_argument("--cell", choices=KINDS, help="print the figures of this one alone")
    a = parser.parse_args()
    if a.cell:
        print(json.dumps(asdict(measure(a.cell, a.lengths[0], a.chunk, a.decode))))
        return
    kept = json.loads(a.out.read_text()) if a.out and a.out.exists() else {}
    cells: dict[str, dict[int, Cell]] = {kind: {} for kind in a.kinds}
    print("| context | layers | cache, MiB | peak, MiB | reading, s | next token, ms |")
    print("| --- | --- | --- | --- | --- | --- |")
    for length in a.lengths:
        for kind in a.kinds:
            key = f"{kind} {length} {a.chunk}"
            if key not in kept:
                kept[key] = asdict(alone(kind, length, a.chunk, a.decode))
            c = cells[kind][length] = Cell(**kept[key])
            if a.out:
                a.out.write_text(json.dumps(kept, indent=1))
            print(
                f"| {length} | {kind} | {c.cache:.1f} | {c.peak:.0f} | {c.read:.2f} | {c.following:.1f} |", flush=True
            )
    if a.picture:
        draw(cells, a.picture)


if __name__ == "__main__":
    main()
