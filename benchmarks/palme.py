"""PaLM-E's tables at our size: python -m benchmarks.palme out=outputs/palme [only=full,single] [n=200]

Writes the pictures, trains the cells of `palme_cells.CELLS` one after the other and asks each the same test questions:
q1 to q4, p1 and p2 with 3 to 5 objects and with 6 or 8, and of kitchens where it learnt of them. One JSON line a
finished cell in OUT/cells.jsonl; run again, it does what is missing. `table` prints what is there. See docs/results.md.

n=: test questions a kind; with 6 or 8 objects half as many. kitchens=: training seeds of kitchens' questions, 0 for
none. seed=: of the first test question, 2,000,000 unless another is given. steps=: in place of every cell's own.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import torch

from agent.stream import Stream
from agent.training.shards import Picture, Shard, list_shards
from agent.vlm.checkpoint import save_tensors
from agent.vlm.files import load_tensors
from agent.vlm.model import VLM
from benchmarks.palme_cells import CELLS, Cell, begin
from benchmarks.palme_data import KINDS, read_slots, write_kitchens, write_tabletop, write_tamp
from benchmarks.palme_fast import Heard, Listener, Look, Schedule, heard, learn, looked_at, objects_of
from benchmarks.palme_judge import kitchens_right, right, written
from benchmarks.palme_table import print_tables

OPTIONS = ("out", "only", "n", "seed", "steps", "kitchens", "table")
SHARE = {"q1": 0.08, "q2": 0.15, "q3": 0.2, "q4": 0.17, "p1": 0.18, "p2": 0.22, "tabletop": 0.1, "kitchen": 0.25}
"""Of a step's sentences; more for what takes longer to learn."""
LONGEST = 48
"""Tokens of a tabletop sentence with its plan, at the most."""


def make_data(data: Path, cells: Sequence[Cell], *, n: int, seed: int, kitchens: int) -> None:
    """All pictures that the cells learn from and are asked about; what is there already stays."""
    for tamp in sorted({c.tamp for c in cells}):
        write_tamp(data / f"tamp_{tamp}", "trained", 0, tamp, mirror=True)
    write_tamp(asked(data, "3 to 5", seed), "trained", seed, n, mirror=False)
    write_tamp(asked(data, "6, 8", seed), "counts", seed, n // 2, mirror=False)
    if any(c.mixture for c in cells):
        write_tabletop(data / "tabletop")
        if kitchens:
            write_kitchens(data / "kitchen", "trained", 0, kitchens)
            write_kitchens(data / f"kitchens_asked_{seed}", "trained", seed, n // 4)


def asked(data: Path, objects: str, seed: int) -> Path:
    """Where the test questions about so many objects lie."""
    return data / f"asked_{'few' if objects == '3 to 5' else 'many'}_{seed}"


def looks(cell: Cell, model: VLM, path: Path, pictures: Sequence[Picture]) -> list[Look]:
    """What a cell's model is given of each picture of a shard. The eye is the same everywhere: it looks once."""
    if cell.objects:
        return objects_of(read_slots(path))
    kept = path.with_suffix(".looks")
    if not kept.exists():
        rows, at = (torch.stack(part) for part in zip(*looked_at(model, pictures), strict=True))
        save_tensors(kept, {"rows": rows.half(), "at": at})
    tensors = load_tensors(kept)
    return list(zip(tensors["rows"].float(), tensors["at"], strict=True))


def learnt(cell: Cell, model: VLM, stream: Stream, data: Path) -> list[tuple[list[Heard], float]]:
    """All sentences that a cell learns from, by part, each with its share."""
    parts = []
    for kind in KINDS:
        path = data / f"tamp_{cell.tamp}" / f"{kind}.safetensors"
        pictures = pictures_of([path])
        parts.append((heard(stream, pictures, looks(cell, model, path, pictures)), SHARE[kind]))
    for name in ("tabletop", "kitchen") if cell.mixture else ():
        if (data / name).is_dir() and (paths := list_shards(data / name)):
            pictures = pictures_of(paths)
            said = heard(stream, pictures, [x for p in paths for x in looks(cell, model, p, pictures_of([p]))])
            parts.append(([h for h in said if len(h.prompt) + len(h.plan) <= LONGEST], SHARE[name]))
    return parts


def pictures_of(paths: Sequence[Path]) -> list[Picture]:
    """All pictures of some shards."""
    return [shard[i] for shard in map(Shard, paths) for i in range(len(shard))]


def run_cell(out: Path, name: str, cell: Cell, *, seed: int) -> dict[str, Any]:
    """Train and judge one cell."""
    began, data = time.monotonic(), out / "data"
    model, tokenizer = begin(cell.start)
    stream, listener = Stream(tokenizer), Listener(model, objects=cell.objects)
    parts = learnt(cell, model, stream, data)
    (out / "logs").mkdir(exist_ok=True)
    how = Schedule(steps=cell.steps, lr=0.0 if cell.frozen else Schedule.lr)
    looked, cpu = time.monotonic(), time.process_time()
    loss = learn(listener, parts, how, out / "logs" / f"{name}.txt")
    took, cpu = time.monotonic() - looked, time.process_time() - cpu
    save_tensors(out / "logs" / f"{name}.safetensors", listener.state_dict())
    answers: dict[str, dict[str, str]] = {}
    for objects in ("3 to 5", "6, 8"):
        answers[objects] = {}
        for kind in KINDS:
            path = asked(data, objects, seed) / f"{kind}.safetensors"
            pictures = pictures_of([path])
            said = written(listener, stream, pictures, looks(cell, model, path, pictures))
            answers[objects][kind] = "".join("01"[a] for a in right(stream, pictures, said, path.with_suffix(".json")))
    line: dict[str, Any] = {
        "cell": name, "start": cell.start, "tamp": cell.tamp, "mixture": cell.mixture, "frozen": cell.frozen,
        "objects": cell.objects, "steps": cell.steps, "seed": seed, "loss": round(loss, 4), "train_s": round(took),
        "train_cpu_s": round(cpu), "look_s": round(looked - began), "all_s": round(time.monotonic() - began),
        "answers": answers,
    }  # fmt: skip
    kitchens = data / f"kitchens_asked_{seed}"
    if cell.mixture and kitchens.is_dir():
        pictures = pictures_of(list_shards(kitchens))
        line["kitchens"] = kitchens_right(
            stream, pictures, written(listener, stream, pictures, looked_at(model, pictures))
        )
    return line


def main(arguments: Sequence[str]) -> None:
    given = dict(a.partition("=")[::2] for a in arguments)
    if "out" not in given or given.keys() - set(OPTIONS):
        raise SystemExit(f"options are {', '.join(f'{o}=' for o in OPTIONS)}, and out= is needed")
    names = given["only"].split(",") if "only" in given else list(CELLS)
    if unknown := set(names) - set(CELLS):
        raise SystemExit(f"no cell {', '.join(sorted(unknown))}; there are {', '.join(CELLS)}")
    out, n, seed = Path(given["out"]), int(given.get("n", "200")), int(given.get("seed", "2000000"))
    path = out / "cells.jsonl"
    done = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
    if "table" not in given:
        torch.set_num_threads(1)
        cells = {c: replace(CELLS[c], steps=int(given.get("steps", CELLS[c].steps))) for c in names}
        make_data(out / "data", list(cells.values()), n=n, seed=seed, kitchens=int(given.get("kitchens", "0")))
        finished = {(line["cell"], line["steps"], line["seed"]) for line in done}
        for name, cell in cells.items():
            if (name, cell.steps, seed) not in finished:
                done.append(run_cell(out, name, cell, seed=seed))
                with open(path, "a") as f:
                    f.write(json.dumps(done[-1]) + "\n")
                print_tables(done[-1:])
    print_tables(done)


if __name__ == "__main__":
    main(sys.argv[1:])
