"""What a teacher adds: the same student, trained on the same sentences in the same order, with a teacher and without.

    python benchmarks/distillation.py out=FOLDER [teacher=nano_middle] [long=400] [student=nano_small] [short=150]
                                      [lr=6e-4] [seeds=1] [held=100]

Sentences alone (stage "speak"), both models begun from SmolLM2: the teacher for `long` steps, the student for `short`,
once for each way to learn and each seed. Measured on sentences that were drawn from other generators, the right words
given so far: the loss of words, the share of words and of whole plans that are the likeliest throughout. Each run is
kept in `out`, and not done again. Needs the train extra.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional as F

from agent.stream import Stream
from agent.training.batch import make_batch
from agent.training.losses import heard, word_logits
from agent.vlm.checkpoint import load_checkpoint
from benchmarks.scaling import FIRST_SEED, trained
from sim.texts import bundle

WAYS: dict[str, Sequence[str]] = {
    "right answers": (),
    "the teacher alone": ("distill.words=1",),
    "half and half": ("distill.words=0.5",),
}


@torch.no_grad()
def judged(checkpoint: Path, held: int) -> tuple[float, float, float]:
    """Loss of words, and shares of words and of plans in %."""
    loaded = load_checkpoint(checkpoint)
    model, stream = loaded.model(), Stream(loaded.tokenizer)
    losses: list[float] = []
    right: list[bool] = []
    plans: list[bool] = []
    for i in range(held):
        batch = make_batch([bundle(np.random.default_rng([FIRST_SEED, i]))], stream, model.config)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            logits = word_logits(model, batch, heard(model, batch))
        losses += F.cross_entropy(logits, batch.label, reduction="none").tolist()
        likeliest = logits.argmax(1) == batch.label
        right += likeliest.tolist()
        of = batch.segments[0, batch.label_at]
        plans += [bool(likeliest[of == k].all()) for k in range(1, int(batch.segments.max()) + 1)]
    return float(np.mean(losses)), 100 * float(np.mean(right)), 100 * float(np.mean(plans))


def main(words: Sequence[str]) -> None:
    given = dict(w.split("=", 1) for w in words)
    if "out" not in given:
        raise SystemExit(f"{__doc__}")
    out, held = Path(given["out"]), int(given.get("held", "100"))
    large, small = given.get("teacher", "nano_middle"), given.get("student", "nano_small")
    long, short = (int(given.get(k, d)) for k, d in (("long", "400"), ("short", "150")))
    plain = ["stage=speak", "pictures=3", f"lr={given.get('lr', '6e-4')}", "tensorboard=false", "threads=1"]
    lesson = [*plain, f"steps={long}", f"decay={long // 3}"]
    teacher = trained(out / f"teacher-{large}-{long}", [f"vlm={large}", *lesson])
    print("| | steps | loss of words | words right, % | plans right, % |\n|---|---|---|---|---|")

    def row(name: str, steps: int, checkpoint: Path) -> None:
        loss, right, plans = judged(checkpoint, held)
        print(f"| {name} | {steps} | {loss:.3f} | {right:.1f} | {plans:.1f} |", flush=True)

    row(f"teacher, {large}", long, teacher)
    for seed in range(int(given.get("seeds", "1"))):
        for number, (name, options) in enumerate(WAYS.items()):
            told = [f"teacher={teacher}", *options] if options else []
            size = [f"vlm={small}", f"seed={seed}", f"steps={short}", f"decay={short // 3}"]
            row(
                f"{small}, {name}, seed {seed}",
                short,
                trained(out / f"student-{number}-{seed}", [*plain, *size, *told]),
            )


if __name__ == "__main__":
    main(sys.argv[1:])
