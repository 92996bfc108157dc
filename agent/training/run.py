"""All that a run changes, as it is kept on the disk: saved together, and taken up again to the last bit.

model.safetensors (and adapter.safetensors) are what is shipped: with `ema`, the mean of the weights; live.safetensors
then has the weights themselves. optimizer.safetensors, heads.safetensors and training.json are for going on alone.
"""

from __future__ import annotations

import json
from contextlib import nullcontext
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer
from torch import Tensor

from agent.training.adapting import ADAPTER, whole_weights
from agent.training.config import TrainConfig
from agent.training.ema import Ema
from agent.training.perception import Names, PerceptionHeads
from agent.training.saving import saved_together
from agent.vlm.adapt.adapt import Adapted
from agent.vlm.checkpoint import CheckpointError, load_weights, save_checkpoint, save_tensors
from agent.vlm.files import load_tensors
from agent.vlm.model import VLM


@dataclass
class Progress:
    """How far a run is. step: the next one; seen: pictures (in stage "speak" labelled tokens) so far; means: running
    means of the figures; rounds: see `agent.training.rounds`."""

    step: int = 0
    seen: int = 0
    means: dict[str, float] = field(default_factory=dict)
    rounds: list[dict[str, Any]] = field(default_factory=list)


@dataclass(kw_only=True, eq=False)
class Run:
    """data: what the run learns from, as JSON; a run in `out` that learnt from something else is not gone on with."""

    out: Path
    model: VLM
    heads: PerceptionHeads
    optimizer: torch.optim.AdamW
    tokenizer: Tokenizer
    names: Names
    config: TrainConfig
    adapted: Adapted | None
    data: dict[str, Any]
    ema: Ema | None = None

    def begin(self) -> Progress:
        """From what `out` holds, or from the start.

        Raises:
            CheckpointError: `out` holds a run with other options, or its files do not fit together.
        """
        progress = Progress()
        notes_file = self.out / "training.json"
        if notes_file.is_file():
            notes = json.loads(notes_file.read_text())
            self._refuse_another(notes)
            self._load(notes["step"])
            progress = Progress(notes["step"], notes["seen"], notes["figures"], notes.get("rounds", []))
        if self.config.ema:
            self.ema = Ema(self.model, self.config.ema)
            if progress.step:
                with torch.no_grad():
                    for name, tensor in load_tensors(self.out / "live.safetensors").items():
                        self.ema.live[name].copy_(tensor)
        return progress

    def _refuse_another(self, notes: dict[str, Any]) -> None:
        changed = self.config.changed(notes["train"])
        before = notes.get("data", self.data)  # runs of earlier versions did not say
        changed += sorted(k for k in before.keys() | self.data.keys() if before.get(k) != self.data.get(k))
        if changed:
            raise CheckpointError(f"{self.out} holds a run with other {', '.join(changed)}; give another out=")

    def _load(self, step: int) -> None:
        if self.adapted is None:  # an adapter is loaded already
            load_weights(self.model, load_tensors(self.out / "model.safetensors"), "model.safetensors")
        load_weights(self.heads, load_tensors(self.out / "heads.safetensors"), "heads.safetensors")
        tensors = load_tensors(self.out / "optimizer.safetensors")
        if int(tensors.pop("at")) != step:
            raise CheckpointError(f"{self.out} was cut off between its files; start again from an earlier checkpoint")
        state: dict[int, dict[str, Tensor]] = {}
        for key, value in tensors.items():
            index, name = key.split(".")
            state.setdefault(int(index), {})[name] = value
        self.optimizer.load_state_dict({"state": state, "param_groups": self.optimizer.state_dict()["param_groups"]})

    def save(self, progress: Progress) -> None:
        """Everything, into `out`.

        Raises:
            PalmettoError: the disk is full; what was saved before is as it was.
        """
        state = self.optimizer.state_dict()["state"]
        tensors = {f"{i}.{k}": v for i, values in state.items() for k, v in values.items()}
        with saved_together(self.out) as folder:
            save_tensors(folder / "optimizer.safetensors", {**tensors, "at": torch.tensor(progress.step)})
            save_tensors(folder / "heads.safetensors", self.heads.state_dict())
            self.write_shipped(folder, progress, keep_live=True)

    def write_shipped(self, folder: Path, progress: Progress, *, keep_live: bool = False) -> None:
        """The checkpoint as others use it. keep_live: the weights behind a mean, too."""
        notes = {
            "step": progress.step, "seen": progress.seen, "train": asdict(self.config), "names": asdict(self.names),
            "figures": progress.means, "data": self.data, "rounds": progress.rounds,
        }  # fmt: skip
        with self.ema.shown() if self.ema is not None else nullcontext() as live:
            if live is not None and keep_live:
                save_tensors(folder / "live.safetensors", live)
            if self.adapted is not None:
                self.adapted.save(folder / ADAPTER)
            weights = whole_weights(self.model) if self.adapted is not None else None
            save_checkpoint(folder, self.model, self.tokenizer, notes, weights=weights)
