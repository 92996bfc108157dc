"""PaLM-E's tables at our size: python benchmarks/palme.py out=outputs/palme [only=full,single] [n=200]

Writes the pictures, trains the cells of `palme_cells.CELLS` one after the other and asks each the same test questions:
q1 to q4, p1 and p2 with 3 to 5 objects, with 6 or 8 where it is said, and of kitchens where it learnt of them. One JSON
line a finished cell in OUT/cells.jsonl; run again, it does what is missing. See docs/results.md.

n=: test questions a kind. examples=: of training, a kind of kitchen question. seed=: of the first test question;
2,000,000 unless another is given. steps=: in place of every cell's own.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import torch

from agent.stream import Stream
from agent.training.batch import encode_sentence
from agent.training.shards import Picture, Shard, list_shards
from agent.vlm.checkpoint import load_checkpoint
from benchmarks.palme_cells import CELLS, Cell, shorter, train_cell
from benchmarks.palme_data import KINDS, write_kitchens, write_tamp
from benchmarks.palme_judge import PictureReader, Wanted, carried_out, steps, written
from sim.stats import rate_of

OPTIONS = ("out", "only", "n", "seed", "steps", "kitchens")
TABLETOP = 1500


def make_data(out: Path, cells: Sequence[Cell], *, n: int, seed: int, kitchens: int) -> None:
    """All pictures that the cells learn from and are asked about; what is there already stays."""
    data = out / "data"
    for tamp in sorted({c.tamp for c in cells}):
        write_tamp(data / f"tamp_{tamp}", "trained", 0, tamp, mirror=True)
    write_tamp(data / f"asked_{seed}_{n}", "trained", seed, n, mirror=False)
    write_tamp(data / f"counts_{seed}_{n}", "counts", seed, n, mirror=False)
    if any(c.mixture for c in cells):
        write_kitchens(data / "kitchen", "trained", 0, kitchens)
        write_kitchens(data / f"kitchens_asked_{seed}", "trained", seed, n // 4)


def judged(folder: Path, asked: Path, kinds: Sequence[str] = KINDS) -> dict[str, list[bool]]:
    """By kind, whether each answer of a checkpoint to the questions in `asked` is right."""
    loaded = load_checkpoint(folder)
    stream, model = Stream(loaded.tokenizer), loaded.model()
    found: dict[str, list[bool]] = {}
    for kind in kinds:
        pictures = _pictures([asked / f"{kind}.safetensors"])
        said = written(PictureReader(model, pictures), stream, pictures)
        found[kind] = right(stream, pictures, said, asked / f"{kind}.json")
    return found


def right(stream: Stream, pictures: Sequence[Picture], said: Sequence[list[int]], layouts: Path) -> list[bool]:
    """Word for word for questions; plans by what they lead to."""
    exact = [ids == encode_sentence(stream, p.sentences[0]).plan for ids, p in zip(said, pictures, strict=True)]
    if pictures[0].sentences[0].family[0] == "q":
        return exact
    wanted = [_wanted(p, w) for p, w in zip(pictures, json.loads(layouts.read_text()), strict=True)]
    return [carried_out(steps(stream, ids), w) for ids, w in zip(said, wanted, strict=True)]


def _wanted(picture: Picture, layout: dict[str, Any]) -> Wanted:
    colour = {name: name.split()[0] for name in layout["names"]}
    asked = [w for w in picture.sentences[0].instruction.rstrip("?").split() if w in colour.values()]
    below = {colour[a]: colour[b] for a, b in layout["below"].items()}
    onto = asked[1] if len(asked) > 1 else ""
    return Wanted(subject=asked[0], onto=onto, things=tuple(colour.values()), below=below)


def judged_kitchens(folder: Path, asked: Path) -> dict[str, dict[str, Any]]:
    """F1 of affordance (yes) and of failure detection (it failed), with the counts that it comes from."""
    loaded = load_checkpoint(folder)
    stream, model = Stream(loaded.tokenizer), loaded.model()
    pictures = _pictures(list_shards(asked))
    said = written(PictureReader(model, pictures), stream, pictures)
    found: dict[str, dict[str, Any]] = {}
    for kind, positive in (("affordance", "yes"), ("failure", "no")):
        pairs = []
        for p, ids in zip(pictures, said, strict=True):
            heard = p.sentences[0]
            if heard.family.startswith(kind):
                told = dict(steps(stream, ids)[:1]).popitem()[1] if ids else ""
                pairs.append((f"say({positive})" in heard.plan, told == positive, heard.family))
        hit, false, missed = (sum((t, s) == c for t, s, _ in pairs) for c in ((True, True), (False, True), (True, False)))
        topics = {f.split("/")[1]: rate_of(t == s for t, s, g in pairs if g == f).figures() for *_, f in pairs}
        f1 = 2 * hit / max(2 * hit + false + missed, 1)
        found[kind] = {
            "f1": round(f1, 4), "hit": hit, "false": false, "missed": missed,
            "right": rate_of(t == s for t, s, _ in pairs).figures(), "topics": topics,
        }  # fmt: skip
    return found


def _pictures(paths: Sequence[Path]) -> list[Picture]:
    return [shard[i] for shard in map(Shard, paths) for i in range(len(shard))]


def run_cell(out: Path, name: str, cell: Cell, *, n: int, seed: int) -> dict[str, Any]:
    """Train and judge one cell."""
    began = time.monotonic()
    data = out / "data"
    folder = train_cell(out, name, cell, data)
    took = time.monotonic() - began
    answers = {"3 to 5": judged(folder, data / f"asked_{seed}_{n}"), "6, 8": judged(folder, data / f"counts_{seed}_{n}")}
    line: dict[str, Any] = {
        "cell": name, "start": cell.start, "tamp": cell.tamp, "mixture": cell.mixture, "decoder": cell.decoder,
        "objects": cell.objects, "steps": cell.steps, "seed": seed, "train_s": round(took),
        "judge_s": round(time.monotonic() - began - took),
        "answers": {s: {k: "".join("01"[a] for a in v) for k, v in by.items()} for s, by in answers.items()},
    }  # fmt: skip
    kitchens = data / f"kitchens_asked_{seed}"
    if cell.mixture and kitchens.is_dir():
        line["kitchens"] = judged_kitchens(folder, kitchens)
    return line


def show(line: dict[str, Any]) -> None:
    """One line of the table."""
    for split, by in line["answers"].items():
        rates = {k: rate_of(c == "1" for c in v) for k, v in by.items()}
        print(f"{line['cell']:16} {split:7} " + " ".join(f"{k} {r.rate or 0:.3f}" for k, r in rates.items()), flush=True)
    for kind, found in line.get("kitchens", {}).items():
        print(f"{line['cell']:16} {kind} F1 {found['f1']:.3f}", flush=True)


def main(arguments: Sequence[str]) -> None:
    given = dict(a.partition("=")[::2] for a in arguments)
    if "out" not in given or given.keys() - set(OPTIONS):
        raise SystemExit(f"options are {', '.join(f'{o}=' for o in OPTIONS)}, and out= is needed")
    names = given["only"].split(",") if "only" in given else list(CELLS)
    if unknown := set(names) - set(CELLS):
        raise SystemExit(f"no cell {', '.join(sorted(unknown))}; there are {', '.join(CELLS)}")
    out, n, seed = Path(given["out"]), int(given.get("n", "200")), int(given.get("seed", "2000000"))
    longer = int(given["steps"]) if "steps" in given else None
    cells = {name: shorter(CELLS[name], longer) for name in names}
    torch.set_num_threads(1)
    make_data(out, list(cells.values()), n=n, seed=seed, kitchens=int(given.get("kitchens", "300")))
    path = out / "cells.jsonl"
    done = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
    finished = {(line["cell"], line["steps"], line["seed"]) for line in done}
    for name, cell in cells.items():
        if (name, cell.steps, seed) not in finished:
            line = run_cell(out, name, cell, n=n, seed=seed)
            with open(path, "a") as f:
                f.write(json.dumps(line) + "\n")
            show(line)


if __name__ == "__main__":
    main(sys.argv[1:])
