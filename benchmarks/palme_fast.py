"""Training over pictures that are looked at once: `benchmarks/palme.py`'s loop for one core.

The eye stays as it is, so its tokens are kept; of a picture's 64 tokens those go to the decoder that are least like the
picture's usual one, which is table (`busiest`). Projector and decoder learn. Objects' vectors take the tokens' place
where a cell reads objects (`palme_data.slots`).

Shapes: B sentences, N pictures, K tokens or objects before the words, T tokens, W their width, D decoder width.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from agent.preprocess import image_input
from agent.stream import Stream
from agent.training.batch import encode_sentence
from agent.training.shards import Picture
from agent.vlm.decoder import Decoder
from agent.vlm.encoders.objects import VectorObjects
from agent.vlm.model import VLM
from benchmarks.palme_data import SLOT_NUMBERS, Floats

TOKENS = 16
"""Of a picture's, which the decoder sees."""
BEFORE = 65
"""Words stand at the positions that they have behind all of nano's tokens."""
Look = tuple[Tensor, Tensor]
"""What a picture gives: rows float[K,W], and their positions int64[K]."""


def busiest(tokens: Tensor, count: int) -> Tensor:
    """tokens [N,G*G,W] -> int64[N,count], in order: those furthest from the median token of their picture."""
    far = (tokens - tokens.median(dim=1, keepdim=True).values).norm(dim=2)
    at: Tensor = far.topk(count, dim=1).indices.sort(dim=1).values
    return at


@torch.inference_mode()
def looked_at(model: VLM, pictures: Sequence[Picture], count: int = TOKENS) -> list[Look]:
    """What the eye makes of pictures."""
    px, found = model.config.vision.image_px, []
    model.eval()
    for start in range(0, len(pictures), 32):
        rows = pictures[start : start + 32]
        image = torch.from_numpy(np.stack([image_input(p.rgb, px) for p in rows]))
        with torch.autocast("cpu", dtype=torch.bfloat16):
            tokens, _ = model.vision(image)
        tokens = tokens.float()
        at = busiest(tokens, count)
        chosen = tokens.gather(1, at[..., None].expand(-1, -1, tokens.shape[2]))
        found += [(t.clone(), p.clone()) for t, p in zip(chosen, at, strict=True)]
    return found


def objects_of(vectors: Sequence[Floats]) -> list[Look]:
    """Slots as looks, all filled up to the most with rows of zeros that nobody attends to (position -1)."""
    found = []
    most = max(len(v) for v in vectors)
    for v in vectors:
        rows, at = torch.zeros(most, SLOT_NUMBERS), torch.full((most,), -1)
        rows[: len(v)], at[: len(v)] = torch.from_numpy(v), torch.arange(len(v))
        found.append((rows, at))
    return found


class Listener(nn.Module):
    """Projector and decoder of a VLM, or objects' encoder and decoder."""

    def __init__(self, model: VLM, *, objects: bool) -> None:
        super().__init__()
        self.decoder: Decoder = model.decoder
        self.project, self.norm = model.project, model.prefix_norm
        self.objects = (
            VectorObjects(SLOT_NUMBERS, model.config.decoder.width, hidden=256, scale=0.134) if objects else None
        )

    def prefix(self, looks: Sequence[Look]) -> tuple[Tensor, Tensor]:
        """[B,K,D] and positions int64[B,K], -1 = nothing there."""
        rows = nn.utils.rnn.pad_sequence([r for r, _ in looks], batch_first=True)
        at = nn.utils.rnn.pad_sequence([p for _, p in looks], batch_first=True, padding_value=-1)
        if self.objects is not None:
            with torch.autocast("cpu", enabled=False):
                return self.objects(rows)[:, :, 0], at
        return self.norm(self.project(rows)), at

    def read(self, looks: Sequence[Look], ids: Tensor) -> Tensor:
        """Hidden states [B,T,D] of words ids int64[B,T]; padding behind them harms nobody."""
        prefix, at = self.prefix(looks)
        k, t = prefix.shape[1], ids.shape[1]
        x = torch.cat([prefix, self.decoder.words(ids).to(prefix.dtype)], dim=1)
        hidden: Tensor = self.decoder(x, positions(at, t), seen(at, t))[0]
        return hidden[:, k:]


def positions(at: Tensor, words: int) -> Tensor:
    """int64[B,K+T]."""
    behind = BEFORE + torch.arange(words)
    return torch.cat([at.clamp(min=0), behind.expand(len(at), words)], dim=1)


def seen(at: Tensor, words: int) -> Tensor:
    """bool[B,1,K+T,K+T]: the prefix sees itself whole, words their past; rows that are none are seen by themselves."""
    k = at.shape[1]
    index = torch.arange(k + words)
    mask = (index[None] <= index[:, None]) | (index[None] < k)
    there = torch.cat([at >= 0, torch.ones(len(at), words, dtype=torch.bool)], dim=1)
    mask = (mask[None] & there[:, None, :]) | torch.eye(k + words, dtype=torch.bool)
    return mask[:, None]


@dataclass(frozen=True, kw_only=True, eq=False)
class Heard:
    """A sentence about a look: prompt and plan as token ids."""

    look: Look
    prompt: list[int]
    plan: list[int]


def heard(stream: Stream, pictures: Sequence[Picture], looks: Sequence[Look]) -> list[Heard]:
    """Every sentence of every picture."""
    found = []
    for p, look in zip(pictures, looks, strict=True):
        for s in p.sentences:
            e = encode_sentence(stream, s)
            found.append(Heard(look=look, prompt=e.prompt, plan=e.plan))
    return found


def loss_of(model: Listener, batch: Sequence[Heard]) -> Tensor:
    """Sum of the cross entropies of all that is said."""
    length = max(len(h.prompt) + len(h.plan) for h in batch)
    ids = torch.zeros(len(batch), length, dtype=torch.int64)
    labels = torch.full_like(ids, -100)
    for i, h in enumerate(batch):
        n = len(h.prompt)
        ids[i, : n + len(h.plan)] = torch.tensor(h.prompt + h.plan)
        labels[i, n - 1 : n - 1 + len(h.plan)] = torch.tensor(h.plan)
    hidden = model.read([h.look for h in batch], ids).flatten(0, 1)
    at = torch.nonzero(labels.flatten() >= 0)[:, 0]
    logits = model.decoder.logits(hidden[at]).float()
    return F.cross_entropy(logits, labels.flatten()[at], reduction="sum")


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """steps of `sentences`, in groups of nearly one length. lr: of the decoder, 0 = it stays as it is; lr_new: of what
    stands before it. The rate falls to zero over the last half."""

    steps: int
    sentences: int = 32
    groups: int = 2
    lr: float = 4e-4
    lr_new: float = 1e-3
    seed: int = 0


def learn(
    model: Listener, parts: Sequence[tuple[Sequence[Heard], float]], how: Schedule, log: Path | None = None
) -> float:
    """Train; parts: sentences with their share of a step. Returns the last running mean of the loss a token."""
    own = [p for name, p in model.named_parameters() if not name.startswith("decoder.")]
    decoder = list(model.decoder.parameters()) if how.lr else []
    for p in model.decoder.parameters():
        p.requires_grad_(bool(how.lr))
    groups = [{"params": own, "base": how.lr_new}, *([{"params": decoder, "base": how.lr}] if decoder else [])]
    optimizer = torch.optim.AdamW(groups, lr=how.lr_new, betas=(0.9, 0.98), weight_decay=0.01, fused=True)
    shares = np.array([share for _, share in parts])
    mean = 0.0
    model.train()
    for step in range(how.steps):
        rng = np.random.default_rng([how.seed, step])
        of = rng.choice(len(parts), how.sentences, p=shares / shares.sum())
        batch = [parts[i][0][int(rng.integers(len(parts[i][0])))] for i in of]
        batch.sort(key=lambda h: len(h.prompt) + len(h.plan))
        factor = min((step + 1) / 10, 2 * (how.steps - step) / how.steps, 1.0)
        for group in optimizer.param_groups:
            group["lr"] = group["base"] * factor
        optimizer.zero_grad(set_to_none=True)
        said, total = sum(len(h.plan) for h in batch), 0.0
        for some in np.array_split(np.arange(len(batch)), how.groups):
            with torch.autocast("cpu", dtype=torch.bfloat16):
                loss = loss_of(model, [batch[i] for i in some]) / said
            loss.backward()  # type: ignore[no-untyped-call]
            total += float(loss.detach())
        nn.utils.clip_grad_norm_([p for g in optimizer.param_groups for p in g["params"]], 1.0)
        optimizer.step()
        mean = total if step == 0 else 0.95 * mean + 0.05 * total
        if log is not None and (step + 1) % 20 == 0:
            with open(log, "a") as f:
                f.write(f"{step + 1} {mean:.4f} {total:.4f}\n")
    model.eval()
    return mean
