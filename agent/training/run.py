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
from torch import Tensor, nn

from agent.training.adapting import ADAPTER, whole_weights
from agent.training.config import TrainConfig
from agent.training.ema import Ema
from agent.training.optimizer import make_optimizer
from agent.training.parallel.parts import Leaves, shared_out, whole, whole_state
from agent.training.parallel.world import World
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
    tokenizer: Tokenizer
    names: Names
    config: TrainConfig
    adapted: Adapted | None
    data: dict[str, Any]
    world: World = field(default_factory=World)
    ema: Ema | None = None

    def begin(self) -> Progress:
        """From what `out` holds, or from the start: the weights; `optimise` is what comes next.

        Raises:
            CheckpointError: `out` holds a run with other options, or its files do not fit together.
        """
        progress = Progress()
        notes_file = self.out / "training.json"
        if notes_file.is_file():
            notes = json.loads(notes_file.read_text())
            self._refuse_another(notes)
            if self.adapted is None:  # an adapter is loaded already
                load_weights(self.model, load_tensors(self.out / "model.safetensors"), "model.safetensors")
            load_weights(self.heads, load_tensors(self.out / "heads.safetensors"), "heads.safetensors")
            progress = Progress(notes["step"], notes["seen"], notes["figures"], notes.get("rounds", []))
        self.world.agree([progress.step, progress.seen], f"out={self.out}")
        return progress

    def optimise(self, progress: Progress) -> None:
        """What moves the weights, which are where they will stay: spread over processes, if they are."""
        self.leaves = Leaves([*self.model.parameters(), *self.heads.parameters()])
        self.optimizer = make_optimizer(self.model, self.heads, self.config, self.leaves)
        self.ema = Ema(self.model, self.config.ema) if self.config.ema else None
        if progress.step:
            self._load(progress.step)

    def _refuse_another(self, notes: dict[str, Any]) -> None:
        changed = self.config.changed(notes["train"])
        before = notes.get("data", self.data)  # runs of earlier versions did not say
        changed += sorted(k for k in before.keys() | self.data.keys() if before.get(k) != self.data.get(k))
        if changed:
            raise CheckpointError(f"{self.out} holds a run with other {', '.join(changed)}; give another out=")

    def _load(self, step: int) -> None:
        tensors = load_tensors(self.out / "optimizer.safetensors")
        if int(tensors.pop("at")) != step:
            raise CheckpointError(f"{self.out} was cut off between its files; start again from an earlier checkpoint")
        weights = self._weights()
        state: dict[int, dict[str, Tensor]] = {}
        for key, value in tensors.items():
            index, name = key.split(".")
            state.setdefault(int(index), {})[name] = shared_out(value, weights[int(index)])
        self.optimizer.load_state_dict({"state": state, "param_groups": self.optimizer.state_dict()["param_groups"]})
        if self.ema is not None:
            with torch.no_grad():
                for name, tensor in load_tensors(self.out / "live.safetensors").items():
                    self.ema.live[name].copy_(shared_out(tensor, self.ema.layout[name]))

    def _weights(self) -> list[nn.Parameter]:
        """Those that the optimizer moves, in its order."""
        layouts = self.leaves.layouts()
        return [layouts[p] for group in self.optimizer.param_groups for p in group["params"]]

    def save(self, progress: Progress) -> None:
        """Everything, into `out`, by the first process; all must call.

        Raises:
            PalmettoError: the disk is full; what was saved before is as it was.
        """
        weights, state = self._weights(), self.optimizer.state_dict()["state"]
        tensors = {f"{i}.{k}": whole(v, weights[i]) for i, values in state.items() for k, v in values.items()}
        heads = whole_state(self.heads)
        with saved_together(self.out) if self.world.first else nullcontext() as folder:
            if folder is not None:
                save_tensors(folder / "optimizer.safetensors", {**tensors, "at": torch.tensor(progress.step)})
                save_tensors(folder / "heads.safetensors", heads)
            self.write_shipped(folder, progress, keep_live=True)
        self.world.wait()

    def write_shipped(self, folder: Path | None, progress: Progress, *, keep_live: bool = False) -> None:
        """The checkpoint as others use it, by the process that gives a folder; all must call. keep_live: the weights
        behind a mean, too."""
        notes = {
            "step": progress.step, "seen": progress.seen, "train": asdict(self.config), "names": asdict(self.names),
            "figures": progress.means, "data": self.data, "rounds": progress.rounds,
        }  # fmt: skip
        with self.ema.shown() if self.ema is not None else nullcontext() as behind:
            live = {}
            if self.ema is not None and behind is not None and keep_live:
                live = {name: whole(tensor, self.ema.layout[name]) for name, tensor in behind.items()}
            state = whole_state(self.model)
            if folder is None:
                return
            if live:
                save_tensors(folder / "live.safetensors", live)
            if self.adapted is not None:
                self.adapted.save(folder / ADAPTER, state)
                state = whole_weights(self.model, state)
            save_checkpoint(folder, self.model, self.tokenizer, notes, weights=state)
