"""A mixture of experts beside a dense decoder of equal active parameters: two tables.

    pip install -e ".[train]" && python benchmarks/experts.py --out outputs/experts

Decoders of width 192 with 3 layers learn to write plans from random weights: instructions with what was done so far,
drawn as training draws them (sim/texts.py), each seen once; the loss is over the tokens of the plans, as in training.
Every contender gets the same sentences in the same order, and as many steps. k experts together are as wide as the
dense feed-forward block, so that a token meets as many weights, and those of the router.

The losses' weights are those of the papers, a layer: 1e-2 for balance (Switch Transformer, section 2.2), 1e-3 for the
router's z loss (ST-MoE, section 3.3). No collapse means: on held-out sentences, after training, no expert of any layer
has less than a quarter of its even share of the choices, whatever the seed.

Each run's figures are kept in the folder --out, and a run that is there already is not done again;
docs/make_experts_picture.py draws them.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from time import process_time
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from agent.stream import Stream
from agent.training.batch import Encoded, encode_sentence
from agent.vlm.config import DecoderConfig, ExpertsConfig
from agent.vlm.decoder import Decoder
from agent.vlm.decoder.experts import Experts, Routing
from sim.texts import bundle

TOKENIZER = Path(__file__).parent.parent / "agent" / "checkpoints" / "nano" / "tokenizer.json"
COUNT = 8
Z_WEIGHT = 1e-3
LEAST = 0.25
"""Of its even share, what an expert must have for its layer not to count as collapsed."""
PER_STEP = 16
HELD_OUT = 480
EVERY = 100
ADAMW: dict[str, Any] = {"betas": (0.9, 0.98), "weight_decay": 0.01, "fused": True}


@dataclass(frozen=True, kw_only=True)
class Contender:
    """experts: None = dense. balance: weight of the balancing loss of each layer."""

    experts: ExpertsConfig | None = None
    balance: float = 0.0

    def config(self, vocabulary: int) -> DecoderConfig:
        k = 1 if self.experts is None else self.experts.per_token
        return DecoderConfig(
            layers=3, width=192, heads=3, kv_heads=1, head_width=64, ffn_width=768 // k, vocabulary=vocabulary,
            experts=self.experts,
        )  # fmt: skip


SWITCH = ExpertsConfig(count=COUNT, per_token=1, renormalise=False, capacity_factor=1.25)
MIXTRAL = ExpertsConfig(count=COUNT, per_token=2)
CONTENDERS = {
    "dense": Contender(),
    "Switch, top 1": Contender(experts=SWITCH, balance=1e-2),
    "Mixtral, top 2": Contender(experts=MIXTRAL, balance=1e-2),
    "top 2, not balanced": Contender(experts=MIXTRAL),
}


@dataclass(frozen=True, kw_only=True)
class Run:
    """What a contender did with one seed.

    settings: what the run depends on. curve: (step, held-out loss in nats a plan token, share of tokens right).
    shares: of each layer's experts, of the choices on held-out sentences after training; dropped: by layer, share of
    the choices that found no room over the last fifth of the training.
    """

    settings: dict[str, float]
    curve: list[tuple[int, float, float]]
    shares: list[list[float]]
    dropped: list[float]


@dataclass(frozen=True, kw_only=True)
class Packed:
    """Sentences in one row, none of which sees another: without padding, every token that is routed is one that counts.

    ids, positions int64[1,T]; mask bool[1,1,T,T]; at int64[N]: tokens that a token of a plan follows; label int64[N].
    """

    ids: Tensor
    positions: Tensor
    mask: Tensor
    at: Tensor
    label: Tensor


def pack(encoded: list[Encoded]) -> Packed:
    lengths = torch.tensor([len(e.prompt) + len(e.plan) for e in encoded])
    ids = torch.tensor([i for e in encoded for i in e.prompt + e.plan])
    segment = torch.repeat_interleave(torch.arange(len(encoded)), lengths)
    start = (lengths.cumsum(0) - lengths)[segment]
    positions = torch.arange(len(ids)) - start
    mask = (segment[:, None] == segment[None, :]).tril()
    plan = positions >= torch.tensor([len(e.prompt) for e in encoded])[segment]
    at = torch.where(plan)[0] - 1
    return Packed(ids=ids[None], positions=positions[None], mask=mask[None, None], at=at, label=ids[at + 1])


def words() -> tuple[Stream, int]:
    """nano's, and how many there are, up to the next multiple of 64."""
    stream = Stream.from_file(TOKENIZER)
    return stream, -(-stream.tokenizer.get_vocab_size() // 64) * 64


def draw(stream: Stream, seed: int, sentences: int) -> list[Packed]:
    """Batches of PER_STEP sentences of all families."""
    rng = np.random.default_rng(seed)
    encoded: list[Encoded] = []
    while len(encoded) < sentences:
        encoded += [encode_sentence(stream, s) for s in bundle(rng).sentences]
    return [pack(encoded[i : i + PER_STEP]) for i in range(0, sentences, PER_STEP)]


def plan_logits(model: Decoder, batch: Packed, routing: Routing) -> Tensor:
    """Logits [N,V] where a token of a plan comes next."""
    hidden, _ = model(model.words(batch.ids), batch.positions, batch.mask, routing=routing)
    return model.logits(hidden[0, batch.at])


def active_parameters(model: Decoder) -> int:
    """Those that one token meets."""
    idle = 0
    for part in model.modules():
        if isinstance(part, Experts):
            own = sum(p.numel() for m in (part.gate, part.up, part.down) for p in m.parameters())
            idle += own * (part.experts.count - part.experts.per_token) // part.experts.count
    return sum(p.numel() for p in model.parameters()) - idle


def step(model: Decoder, optimizer: torch.optim.Optimizer, batch: Packed, balance: float, lr: float) -> list[float]:
    """One step of training -> the share of the choices that found no room, by layer."""
    for group in optimizer.param_groups:
        group["lr"] = lr
    routing = Routing()
    loss = F.cross_entropy(plan_logits(model, batch, routing), batch.label)
    if routing.logits:
        loss = loss + len(routing.logits) * (balance * routing.balance_loss() + Z_WEIGHT * routing.z_loss())
    optimizer.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    return routing.dropped


@torch.no_grad()
def measure(model: Decoder, held_out: list[Packed]) -> tuple[float, float, list[list[float]]]:
    """Mean loss a plan token, share of tokens right, and each layer's shares."""
    model.eval()
    loss, right, labels, shares = 0.0, 0, 0, torch.zeros(0)
    for batch in held_out:
        routing = Routing()
        logits = plan_logits(model, batch, routing)
        loss += float(F.cross_entropy(logits, batch.label, reduction="sum"))
        right += int((logits.argmax(1) == batch.label).sum())
        labels += len(batch.label)
        if routing.logits:
            chosen = routing.load() * batch.ids.shape[1]
            shares = chosen if not len(shares) else shares + chosen
    model.train()
    by_layer = (shares / shares.sum(dim=1, keepdim=True)).tolist() if len(shares) else []
    return loss / labels, right / labels, by_layer


def trained(name: str, data: list[Packed], held_out: list[Packed], settings: dict[str, float]) -> Run:
    contender, steps = CONTENDERS[name], len(data)
    torch.manual_seed(int(settings["seed"]))
    model = Decoder(contender.config(int(settings["vocabulary"]))).train()
    optimizer = torch.optim.AdamW(model.parameters(), **ADAMW)
    curve: list[tuple[int, float, float]] = []
    dropped: list[list[float]] = []
    shares: list[list[float]] = []
    start = process_time()
    for i, batch in enumerate(data):
        lr = settings["lr"] * min(1.0, (i + 1) / 30) * (1 - i / steps)
        dropped.append(step(model, optimizer, batch, contender.balance, lr))
        if (i + 1) % EVERY == 0 or i + 1 == steps:
            loss, right, shares = measure(model, held_out)
            curve.append((i + 1, loss, right))
            least = COUNT * min([s for layer in shares for s in layer], default=math.nan)
            print(
                f"{name}, seed {settings['seed']:.0f}, step {i + 1}: loss {loss:.4f}, right {right:.1%}, least share "
                f"{least:.2f}, {process_time() - start:.0f} s of CPU",
                flush=True,
            )
    last = np.array(dropped[-(steps // 5) :])
    return Run(settings=settings, curve=curve, shares=shares, dropped=last.mean(axis=0).tolist())


def runs(out: Path, steps: int, seeds: int, lr: float) -> dict[str, list[Run]]:
    """All runs by name, a seed after the other; what the folder has is read from there."""
    stream, vocabulary = words()
    held_out = draw(stream, 1_000_000, HELD_OUT)
    out.mkdir(parents=True, exist_ok=True)
    done: dict[str, list[Run]] = {name: [] for name in CONTENDERS}
    for seed in range(seeds):
        data = draw(stream, seed, steps * PER_STEP)
        for name in CONTENDERS:
            settings = {"steps": steps, "per_step": PER_STEP, "seed": seed, "lr": lr, "vocabulary": vocabulary}
            path = out / f"{name.replace(',', '').replace(' ', '-').lower()}-{seed}.json"
            if path.exists() and (kept := Run(**json.loads(path.read_text()))).settings == settings:
                done[name].append(kept)
                continue
            run = trained(name, data, held_out, settings)
            path.write_text(json.dumps(asdict(run)))
            done[name].append(run)
    return done


def step_ms(rounds: int) -> dict[str, float]:
    """Median CPU milliseconds of a training step, contenders in turns on the same sentences."""
    stream, vocabulary = words()
    data = draw(stream, 7, (rounds + 2) * PER_STEP)
    models = {name: Decoder(c.config(vocabulary)).train() for name, c in CONTENDERS.items()}
    optimizers = {name: torch.optim.AdamW(model.parameters(), **ADAMW) for name, model in models.items()}
    times: dict[str, list[float]] = {name: [] for name in models}
    for batch in data:
        for name, model in models.items():
            start = process_time()
            step(model, optimizers[name], batch, CONTENDERS[name].balance, 1e-4)
            times[name].append(1e3 * (process_time() - start))
    return {name: statistics.median(t[2:]) for name, t in times.items()}  # the first two warm the caches


def entropy(shares: list[float]) -> float:
    """Of the shares, over that of an even load: 1 = even, 0 = one expert takes all."""
    return -sum(s * math.log(s) for s in shares if s) / math.log(len(shares))


def print_tables(done: Mapping[str, list[Run]], times: Mapping[str, float]) -> None:
    print("| | parameters a token (all), M | loss (by seed) | tokens right | training step, ms | against dense |")
    print("| --- | --- | --- | --- | --- | --- |")
    for name, found in done.items():
        with torch.device("meta"):
            model = Decoder(CONTENDERS[name].config(int(found[0].settings["vocabulary"])))
        active, every = (n / 1e6 for n in (active_parameters(model), sum(p.numel() for p in model.parameters())))
        last = [run.curve[-1] for run in found]
        loss, seeds = statistics.mean(p[1] for p in last), ", ".join(f"{p[1]:.4f}" for p in last)
        right = statistics.mean(p[2] for p in last)
        against = times[name] / times["dense"]
        print(
            f"| {name} | {active:.3f} ({every:.2f}) | {loss:.4f} ({seeds}) | {right:.1%} | {times[name]:.0f} "
            f"| {against:.2f} |"
        )
    print(f"\n| | layer | smallest share, x {COUNT} | largest | entropy | dropped in training | collapsed |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for name, found in done.items():
        for i in range(len(found[0].shares)):
            layers = [run.shares[i] for run in found]
            least, most = COUNT * min(min(s) for s in layers), COUNT * max(max(s) for s in layers)
            dropped = statistics.mean(run.dropped[i] for run in found)
            print(
                f"| {name} | {i + 1} | {least:.2f} | {most:.2f} | {min(entropy(s) for s in layers):.3f} "
                f"| {dropped:.1%} | {'yes' if least < LEAST else 'no'} |"
            )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=600)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--lr", type=float, default=2e-3)
    parser.add_argument("--rounds", type=int, default=20)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    done = runs(arguments.out, arguments.steps, arguments.seeds, arguments.lr)
    print_tables(done, step_ms(arguments.rounds))


if __name__ == "__main__":
    main()
