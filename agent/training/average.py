"""The mean of two checkpoints of one run, which holds on to what the earlier one knew and the later one lost.

    python -m agent.training.average first=outputs/nano second=outputs/further out=outputs/mean

Wortsman et al. 2022, "Robust fine-tuning of zero-shot models", section 3: between a model and what it became by further
training, the middle is often better than both away from the training data.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from agent.errors import Exit
from agent.vlm.checkpoint import Checkpoint, CheckpointError, load_checkpoint, save_checkpoint


def average(first: Path, second: Path, out: Path, *, share: float = 0.5) -> None:
    """Writes (1 - share) first + share second, with the notes of the second, to `out`.

    Raises:
        CheckpointError: one does not load, or they are not of one kind.
    """
    a, b = load_checkpoint(first), load_checkpoint(second)
    if a.config != b.config or a.tokenizer.to_str() != b.tokenizer.to_str():
        raise CheckpointError(f"{first} and {second} are of two kinds; only checkpoints of one run have a mean")
    if a.weights.keys() != b.weights.keys():
        raise CheckpointError(f"{first} and {second} have not the same tensors")
    weights = {k: ((1 - share) * a.weights[k].float() + share * v.float()).to(v.dtype) for k, v in b.weights.items()}
    kept = {k: v for k, v in b.training.items() if k != "figures"}  # those were measured on the second alone
    notes = {**kept, "mean_of": {"steps": [a.training.get("step"), b.training.get("step")], "share": share}}
    mean = Checkpoint(config=b.config, tokenizer=b.tokenizer, weights=weights, training=notes)
    save_checkpoint(out, mean.model(), mean.tokenizer, mean.training)


def main(arguments: list[str]) -> None:
    """key=value: first, second, out (folders), share (of the second)."""
    given = dict(a.partition("=")[::2] for a in arguments)
    try:
        if not {"first", "second", "out"} <= given.keys() <= {"first", "second", "out", "share"}:
            raise ValueError("python -m agent.training.average first=FOLDER second=FOLDER out=FOLDER [share=0.5]")
        share = float(given.get("share", "0.5"))
        average(Path(given["first"]), Path(given["second"]), Path(given["out"]), share=share)
    except ValueError as error:  # a CheckpointError is one, too
        print(error, file=sys.stderr)
        raise SystemExit(int(Exit.USAGE)) from error
    print(json.dumps({"out": given["out"]}))


if __name__ == "__main__":
    main(sys.argv[1:])
