"""Behaviour cloning of strokes: what `train strokes.data=...` does. Resumable; all chance comes from (seed, step)."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from agent.artifacts import disk_errors
from agent.errors import UserError
from agent.policy.chunks import MIRROR
from agent.policy.demos import Demos, read_demos
from agent.policy.features import VERBS, WORD_BINS, mirror_order, mirror_signs
from agent.policy.networks import Policy, PolicyConfig, build
from agent.training.ema import Ema
from agent.training.journal import Journal
from agent.training.saving import finish, saved_together
from agent.vlm.checkpoint import CheckpointError, load_weights, save_tensors
from agent.vlm.files import load_tensors

LOOKS_BEFORE = 4
"""The look before was 0.4 s ago, looks being 0.1 s apart."""
ENDS_WEIGHT = 0.2
LOOKS, KEPT = "looks.safetensors", 64
"""Looks that a run keeps beside its weights, for export to hold the graph against torch on."""
INERTIA = 0.98


@dataclass(frozen=True, kw_only=True)
class PolicyTrain:
    """Numbers of a run. batch: looks a step. mirrored, repainted: shares of them whose sides, or whose colours, are
    swapped. wordless: the share that is not told the words."""

    steps: int = 2500
    batch: int = 96
    lr: float = 1e-3
    warmup: int = 100
    decay: int = 1200
    ema: float = 0.995
    weight_decay: float = 0.01
    mirrored: float = 0.5
    repainted: float = 0.5
    wordless: float = 0.3
    seed: int = 0
    threads: int = 1
    save_every: int = 250
    log_every: int = 50


@dataclass(frozen=True, kw_only=True, eq=False)
class Batch:
    """views float32[B,15,N,N] in [0,1]; state [B,S]; chunk [B,K,A]; ends [B,2]; weight [B]: 0 where nobody taught."""

    views: Tensor
    state: Tensor
    chunk: Tensor
    ends: Tensor
    weight: Tensor


def train(options: Mapping[str, Any]) -> dict[str, Any]:
    """Train into options["out"]; run again with the same to go on. Returns the last figures.

    Raises:
        UserError: no demonstrations, or `out` holds another run.
    """
    out, strokes = Path(options["out"]), options["strokes"]
    folders = [Path(f) for f in str(strokes["data"]).split(",")]
    config = _numbers(options)
    try:
        net = PolicyConfig(kind=strokes["kind"])
        torch.manual_seed(config.seed)
        model = build(net)
    except ValueError as error:
        raise UserError(str(error)) from error
    if strokes.get("start") and not (out / "training.json").is_file():
        _taken_from(Path(strokes["start"]), model)
    demos = read_demos(folders)
    print(f"train  {net.kind} policy, {len(demos)} strokes, {len(demos.done)} looks, into {out}", flush=True)
    with disk_errors(out):
        try:
            return run(model, demos, out, config, net)
        except (CheckpointError, FloatingPointError, OSError) as error:
            raise UserError(str(error)) from error


def _taken_from(start: Path, model: Policy) -> None:
    """What a checkpoint has of the model's tensors: a flow may start from a regression's eye and guess."""
    try:
        other = load_policy(start)[0].state_dict()
    except CheckpointError as error:
        raise UserError(f"strokes.start={start}: {error}") from error
    own = model.state_dict()
    model.load_state_dict({**own, **{name: tensor for name, tensor in other.items() if name in own}})


def _numbers(options: Mapping[str, Any]) -> PolicyTrain:
    strokes = options["strokes"]
    own = ("batch", "lr", "ema", "mirrored", "repainted", "wordless")
    given = {k: strokes[k] for k in own if strokes.get(k) is not None}
    for name in ("steps", "decay", "warmup", "seed", "threads", "save_every", "log_every"):
        if options.get(name) is not None:
            given[name] = options[name]
    config = PolicyTrain(**given)
    for name in ("steps", "batch", "threads", "save_every", "log_every"):
        if getattr(config, name) < 1:
            raise UserError(f"{name}={getattr(config, name)} does not fit: give 1 or more")
    return config


def run(model: Policy, demos: Demos, out: Path, config: PolicyTrain, net: PolicyConfig) -> dict[str, Any]:
    """The loop."""
    torch.set_num_threads(config.threads)
    finish(out)
    optimizer = torch.optim.AdamW(model.parameters(), lr=config.lr, weight_decay=config.weight_decay, betas=(0.9, 0.99))
    begun, means = _resumed(model, optimizer, out, config, net)
    ema = Ema(model, config.ema)
    if begun:
        with torch.no_grad():
            for name, tensor in load_tensors(out / "live.safetensors").items():
                ema.live[name].copy_(tensor)
    share = _shares(demos)
    kept = looks_of(demos, KEPT)
    model.train()
    with Journal(out, print, start=begun, steps=config.steps, tensorboard=False) as journal:
        for step in range(begun, config.steps):
            seed = np.random.SeedSequence([config.seed, step])
            torch.manual_seed(int(seed.generate_state(1)[0]))
            batch = draw(demos, share, np.random.default_rng(seed), config)
            rate = _rate(config, step)
            for group in optimizer.param_groups:
                group["lr"] = config.lr * rate
            seen = model.seeing(batch.views, batch.state)
            act = model.loss(seen, batch.chunk, batch.weight)
            ends = nn.functional.binary_cross_entropy_with_logits(model.ends(seen[:, -1]), batch.ends)
            loss = act + ENDS_WEIGHT * ends
            optimizer.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            if not math.isfinite(loss.item()):
                raise FloatingPointError(f"step {step}: the loss is {loss.item()}; lower strokes.lr ({config.lr})")
            optimizer.step()
            ema.update(step)
            for name, value in (("act", act.item()), ("ends", ends.item())):
                means[name] = INERTIA * means.get(name, value) + (1 - INERTIA) * value
            if (step + 1) % config.log_every == 0:
                journal.note(step + 1, loss=loss.item(), lr=rate, means=means)
            if (step + 1) % config.save_every == 0 or step + 1 == config.steps:
                _save(model, optimizer, ema, out, step + 1, means, config, net, len(demos), kept)
    return {"steps": config.steps, "strokes": len(demos), **{k: round(v, 4) for k, v in means.items()}}


def draw(demos: Demos, share: NDArray[np.float64], rng: np.random.Generator, config: PolicyTrain) -> Batch:
    """Looks of strokes that are drawn by their `share` [E], augmented."""
    b = config.batch
    stroke = np.searchsorted(np.cumsum(share), rng.random(b) * share.sum()).clip(0, len(demos) - 1)
    at = (rng.random(b) * demos.length[stroke]).astype(np.int64)
    row, before = demos.first[stroke] + at, demos.first[stroke] + np.maximum(at - LOOKS_BEFORE, 0)
    views = np.stack([demos.start[stroke], demos.views[before], demos.views[row]], axis=1)
    state, chunk = demos.features[row].copy(), demos.chunks[row].copy()
    state[rng.random(b) < config.wordless, -WORD_BINS:] = 0.0
    for i in np.nonzero(rng.random(b) < config.repainted)[0]:
        views[i, :, :3] = views[i][:, rng.permutation(3)]
    flip = rng.random(b) < config.mirrored
    views[flip] = views[flip][..., ::-1]
    state[flip] = state[flip][:, mirror_order()] * mirror_signs()
    chunk[flip] *= MIRROR
    ends = np.stack([demos.done[row], demos.stuck[row]], axis=1).astype(np.float32)
    n = views.shape[-1]
    return Batch(
        views=torch.from_numpy(views.reshape(b, -1, n, n)).float() / 255.0, state=torch.from_numpy(state),
        chunk=torch.from_numpy(chunk), ends=torch.from_numpy(ends),
        weight=torch.from_numpy(demos.taught[stroke].astype(np.float32)),
    )  # fmt: skip


def looks_of(demos: Demos, count: int) -> dict[str, Tensor]:
    """Some looks: views uint8[L,15,N,N], state float32[L,S]."""
    row = np.random.default_rng(0).integers(len(demos.done), size=count)
    stroke = np.searchsorted(demos.first, row, side="right") - 1
    before = np.maximum(row - LOOKS_BEFORE, demos.first[stroke])
    views = np.concatenate([demos.start[stroke], demos.views[before], demos.views[row]], axis=1)
    return {"views": torch.from_numpy(views), "state": torch.from_numpy(demos.features[row])}


def _shares(demos: Demos) -> NDArray[np.float64]:
    """float64[E]: every verb as often as another, every look of a verb as often as another."""
    share = demos.length.astype(np.float64)
    for verb in range(len(VERBS)):
        mine = demos.verb == verb
        if mine.any():
            share[mine] /= share[mine].sum()
    return share


def _rate(config: PolicyTrain, step: int) -> float:
    """Warm-up, flat, half a cosine to zero."""
    left = min(1.0, (config.steps - step) / max(config.decay, 1))
    return min(0.5 - 0.5 * math.cos(math.pi * left), (step + 1) / max(config.warmup, 1))


def _resumed(
    model: Policy, optimizer: torch.optim.AdamW, out: Path, config: PolicyTrain, net: PolicyConfig
) -> tuple[int, dict[str, float]]:
    """The next step and the running means of what `out` holds."""
    notes_file = out / "training.json"
    if not notes_file.is_file():
        return 0, {}
    notes = json.loads(notes_file.read_text())
    free = ("steps", "decay", "threads", "save_every", "log_every")
    before, now = notes.get("train", {}), asdict(config)
    changed = sorted(k for k in now if before.get(k) != now[k] and k not in free)
    if notes.get("policy") != net.to_dict() or changed:
        raise CheckpointError(f"{out} holds a run with other {', '.join(changed) or 'networks'}; give another out=")
    load_weights(model, load_tensors(out / "model.safetensors"), "model.safetensors")
    state: dict[int, dict[str, Tensor]] = {}
    for key, value in load_tensors(out / "optimizer.safetensors").items():
        index, name = key.split(".")
        state.setdefault(int(index), {})[name] = value
    optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})
    return int(notes["step"]), dict(notes["figures"])


def _save(
    model: Policy, optimizer: torch.optim.AdamW, ema: Ema, out: Path, step: int, means: dict[str, float],
    config: PolicyTrain, net: PolicyConfig, strokes: int, kept: dict[str, Tensor],
) -> None:  # fmt: skip
    state = optimizer.state_dict()["state"]
    notes = {
        "step": step, "policy": net.to_dict(), "train": asdict(config), "figures": means, "strokes": strokes,
    }  # fmt: skip
    with saved_together(out) as folder:
        save_tensors(folder / LOOKS, kept)
        save_tensors(folder / "optimizer.safetensors", {f"{i}.{k}": v for i, s in state.items() for k, v in s.items()})
        with ema.shown() as live:
            save_tensors(folder / "live.safetensors", live)
            save_tensors(folder / "model.safetensors", model.state_dict())
        (folder / "training.json").write_text(json.dumps(notes, indent=1))


def load_policy(folder: Path) -> tuple[Policy, dict[str, Any]]:
    """The trained network of a folder, ready to act, and the notes of its training.

    Raises:
        CheckpointError: there is none, or it is damaged.
    """
    try:
        notes = json.loads((folder / "training.json").read_text())
        model = build(PolicyConfig(**notes["policy"]))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CheckpointError(f"{folder} is no trained policy: {error}") from error
    load_weights(model, load_tensors(folder / "model.safetensors"), "model.safetensors")
    return model.eval(), notes
