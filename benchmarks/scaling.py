"""How loss, plans and time change with nano's size, and what a teacher adds: short trainings, all with the same data.

    python benchmarks/scaling.py data=FOLDER out=FOLDER [speak=120] [both=250] [held=120] [seeds=1] [sizes=A,B]
    python benchmarks/scaling.py out=FOLDER picture=docs/scaling.png    draws what is measured already

Every size of conf/vlm/nano*.yaml is begun from SmolLM2, learns to speak for `speak` steps and then, with pictures of
`data`, for `both`. Then the smallest is trained once more from where it had learnt to speak: with the same pictures in
the same order, and nano as its teacher. Measured on pictures of development seeds, the right words given so far: the
loss of words and points, and the share of plans whose every word is the likeliest, whose every point is right (within
1.5 cells, "nothing" where there is nothing), and both; and the CPU time of one core from picture to written plan, by
torch, over the same plans for every size. Each run and each measurement is kept in `out`, and not done again.

Needs the train extra, and bench for the picture.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import torch

from agent.artifacts import write_json
from agent.cli import main as palmetto
from agent.preprocess import image_input
from agent.stream import Stream
from agent.training.batch import encode_sentence, make_batch
from agent.training.losses import point_scores, said, word_logits
from agent.training.shards import Picture, Shard
from agent.vlm.checkpoint import Checkpoint, load_checkpoint
from agent.vlm.planning import TorchModel, manifest_of
from sim.pictures import make_shard, saying_pictures

SIZES = ("nano_small", "nano_middle", "nano", "nano_fine")
STUDENT, TEACHER = "nano_small", "nano"
FIRST_SEED = 1_700_000
TIMED = 24
"""Plans that are timed."""


def held_out(folder: Path, count: int) -> list[Picture]:
    """Pictures of development seeds, made once."""
    path = folder / f"held-{count}.safetensors"
    folder.mkdir(parents=True, exist_ok=True)
    make_shard(path, FIRST_SEED, count, "auto", saying_pictures)
    shard = Shard(path)
    return [shard[i] for i in range(len(shard))]


def trained(out: Path, words: Sequence[str]) -> Path:
    """What `palmetto train` makes of these options, where it has not done so already."""
    if not (out / "result.json").is_file() and palmetto(["train", *words, f"out={out}"]):
        raise SystemExit(f"{out}: the training failed")
    return out


@torch.no_grad()
def judged(loaded: Checkpoint, pictures: Sequence[Picture]) -> dict[str, float]:
    """Losses, and shares of plans in %, over all sentences about all pictures."""
    model, stream = loaded.model(), Stream(loaded.tokenizer)
    grid = model.config.vision.map_grid
    sums = dict.fromkeys(("words", "points"), 0.0)
    counts = dict.fromkeys(sums, 0)
    right: list[tuple[bool, bool]] = []
    for picture in pictures:
        batch = make_batch([picture], stream, model.config)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            tokens, features = model.vision(batch.image)
            hidden = model.read(tokens, batch.state, batch.ids, batch.segments, batch.positions)
            found = said(model, batch, features, hidden)
            likeliest = word_logits(model, batch, hidden).argmax(1) == batch.label
            scores = point_scores(model, batch, features, hidden)
        for name in sums:
            sums[name] += float(found[name].total)
            counts[name] += int(found[name].count)
        near = _near(scores, batch.point_cell, grid)
        of_word, of_point = (batch.segments[0, at] for at in (batch.label_at, batch.point_at))
        for k in range(1, int(batch.segments.max()) + 1):
            right.append((bool(likeliest[of_word == k].all()), bool(near[of_point == k].all())))
    share = {name: 100 * float(np.mean(what)) for name, what in _columns(right).items()}
    return {**{f"{name}_loss": sums[name] / counts[name] for name in sums}, **share, "plans": float(len(right))}


def _columns(right: Sequence[tuple[bool, bool]]) -> dict[str, list[bool]]:
    return {
        "words": [w for w, _ in right], "points": [p for _, p in right], "both": [w and p for w, p in right],
    }  # fmt: skip


def _near(scores: torch.Tensor, cells: torch.Tensor, grid: int) -> torch.Tensor:
    """bool[Q]: the likeliest answer of each pointer is right."""
    nothing, peak = scores.argmax(1) == grid * grid, scores[:, :-1].argmax(1)
    found = torch.stack([peak // grid, peak % grid], dim=1)[:, None]
    near = ((found - torch.nan_to_num(cells, nan=-99.0)).abs().amax(2) <= 1.5).any(1)
    return torch.where(torch.isnan(cells[:, 0, 0]), nothing, near & ~nothing)


def plan_ms(loaded: Checkpoint, pictures: Sequence[Picture]) -> float:
    """Median CPU time of one core to look, to read the instruction and to write the right plan token by token."""
    torch.set_num_threads(1)
    model = TorchModel(loaded, manifest_of(loaded, name="scaling"))
    times = []
    for picture in pictures[:TIMED]:
        encoded = encode_sentence(model.stream, picture.sentences[0])
        image = image_input(picture.rgb, loaded.config.vision.image_px)
        began = time.process_time()
        prefix, _ = model.see(image, picture.state)
        x = np.concatenate([prefix, model.embed(encoded.prompt)], axis=1)
        _, _, cache = model.extend(x, model.empty_cache())
        for token in encoded.plan:
            _, _, cache = model.extend(model.embed([token]), cache)
        times.append(1000 * (time.process_time() - began))
    return median(times)


def parameters(loaded: Checkpoint) -> float:
    """In millions, the table of words left out: SmolLM2's and the same for all."""
    whole = sum(t.numel() for name, t in loaded.weights.items() if "running" not in name and "batches" not in name)
    return (whole - loaded.weights["decoder.embed.weight"].numel()) / 1e6


def measured(checkpoint: Path, pictures: Sequence[Picture]) -> dict[str, float]:
    """All of it, kept in the checkpoint's folder."""
    kept = checkpoint / f"scaling-{len(pictures)}.json"
    if not kept.is_file():
        loaded = load_checkpoint(checkpoint)
        figures = {**judged(loaded, pictures), "ms": plan_ms(loaded, pictures), "parameters": parameters(loaded)}
        figures["image_tokens"] = float(loaded.config.vision.grid**2)
        write_json(kept, figures)
    found: dict[str, float] = json.loads(kept.read_text())
    return found


def runs(given: Mapping[str, str], out: Path) -> dict[str, Path]:
    """Each run's checkpoint by its name, trained where it is not there."""
    threads = f"threads={given.get('threads', '1')}"
    plain = ["tensorboard=false", "save_every=50", threads]
    speak, both = (int(given.get(k, d)) for k, d in (("speak", 120), ("both", 250)))
    speaking = ["stage=speak", "pictures=3", "lr=3e-4", f"steps={speak}", f"decay={speak // 3}", *plain]
    seeing = [f"data={given['data']}", "lr=3e-4", "lr_new=1e-3", f"steps={both}", f"decay={both // 3}", *plain]
    made: dict[str, Path] = {}
    for seed in range(int(given.get("seeds", "1"))):
        own = f"seed={seed}"
        for size in given.get("sizes", ",".join(SIZES)).split(",") if seed == 0 else (STUDENT,):
            lm = trained(out / f"{size}-{seed}-speak", [f"vlm={size}", own, *speaking])
            made[f"{size} {seed}"] = trained(out / f"{size}-{seed}", [f"start={lm}", f"vlm={size}", own, *seeing])
        lm, teacher = out / f"{STUDENT}-{seed}-speak", out / f"{TEACHER}-0"
        taught = [f"start={lm}", f"vlm={STUDENT}", own, *seeing, f"teacher={teacher}"]
        made[f"{STUDENT}, taught {seed}"] = trained(out / f"{STUDENT}-{seed}-taught", taught)
    return made


def draw(rows: Mapping[str, Mapping[str, float]], path: Path) -> None:
    """Loss and plans over size and over time."""
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(1, 3, figsize=(11, 3.4), layout="constrained")
    shown: tuple[tuple[str, str, str, str], ...] = (
        ("parameters", "words_loss", "parameters without the word table, M", "held-out loss of words"),
        ("parameters", "points_loss", "parameters without the word table, M", "held-out loss of points"),
        ("ms", "both", "CPU time a plan, ms", "plans right in words and points, %"),
    )
    for ax, (across, up, label_x, label_y) in zip(axes, shown, strict=True):
        for name, row in rows.items():
            taught = "taught" in name
            ax.plot(row[across], row[up], "s" if taught else "o", color="tab:orange" if taught else "tab:blue")
            if name.endswith(" 0"):
                ax.annotate(name[:-2], (row[across], row[up]), textcoords="offset points", xytext=(5, 5), fontsize=7)
        ax.set_xlabel(label_x)
        ax.set_ylabel(label_y)
        ax.margins(0.25)
    figure.savefig(path, dpi=110)


def main(words: Sequence[str]) -> None:
    given: dict[str, Any] = dict(w.split("=", 1) for w in words)
    if "out" not in given:
        raise SystemExit(f"{__doc__}")
    out = Path(given["out"])
    if "data" in given:
        rows = {}
        pictures = held_out(out / "held", int(given.get("held", "120")))
        for name, checkpoint in runs(given, out).items():
            rows[name] = measured(checkpoint, pictures)
            print(name, json.dumps(rows[name]), flush=True)
        write_json(out / "scaling.json", rows)
    rows = json.loads((out / "scaling.json").read_text())
    columns = ("parameters", "image_tokens", "words_loss", "points_loss", "words", "points", "both", "ms")
    print("| size, seed | parameters, M | image tokens | loss of words | of points | plans right in words, % ", end="")
    print("| in points | in both | CPU ms a plan |\n|" + "---|" * (1 + len(columns)))
    digits = {"parameters": 1, "image_tokens": 0, "words_loss": 3, "points_loss": 3}
    for name, row in rows.items():
        print(f"| {name} | " + " | ".join(f"{row[c]:.{digits.get(c, 1)}f}" for c in columns) + " |")
    if "picture" in given:
        draw(rows, Path(given["picture"]))


if __name__ == "__main__":
    main(sys.argv[1:])
