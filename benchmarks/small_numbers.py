"""Small numbers: what int8, int4 and ternary weights cost and save, one table.

    pip install -e ".[train]" && python benchmarks/small_numbers.py

Size and speed: a decoder of nano's sizes (5 layers of width 576, feed-forward 1536), random weights, on one thread;
every kind takes its turn in each round, and the table gives the median and the fastest round, in CPU time, so that a
busy machine changes it little. Size is of its linear layers in a safetensors file. Loss and tokens right: of plans, on
sentences that were not trained on, by a decoder of width 256 with 3 layers, trained from random weights on the shorter
sentences of sim/texts.py; the ternary one trained as a ternary one, for as many steps.
"""

from __future__ import annotations

import argparse
import copy
import statistics
import tempfile
from dataclasses import dataclass
from pathlib import Path
from time import process_time

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from agent.stream import Stream
from agent.training.batch import Encoded, encode_sentence
from agent.vlm.config import DecoderConfig
from agent.vlm.decoder import Decoder
from agent.vlm.small.shrink import SmallNumbers, save_small, shrink
from agent.vlm.small.ternary import train_ternary
from sim.texts import bundle

TOKENIZER = Path(__file__).parent.parent / "agent" / "checkpoints" / "nano" / "tokenizer.json"
LAYERS = ("layers.*",)
KINDS: dict[str, SmallNumbers | None] = {
    "fp32": None,
    "int8": SmallNumbers(kind="int8"),
    "int8, activations too": SmallNumbers(kind="int8_activations"),
    "int4, groups of 32": SmallNumbers(kind="int4", group=32),
    "int4, groups of 32, zero points": SmallNumbers(kind="int4", group=32, zero_point=True),
    "int4, groups of 128": SmallNumbers(kind="int4", group=128),
    "ternary": SmallNumbers(kind="ternary"),
}
UNTRAINED = "ternary, not trained for it"
PREFILL = 64
PER_STEP = 16
LONGEST = 40
"""Tokens of a sentence and its plan; two thirds of what is drawn are no longer."""


@dataclass(frozen=True, kw_only=True)
class Rows:
    """Sentences as padded tokens. ids int64[B,T]; plan bool[B,T]: tokens of the plan, which the loss is over."""

    ids: Tensor
    plan: Tensor


def draw(stream: Stream, seed: int, sentences: int) -> list[Encoded]:
    rng = np.random.default_rng(seed)
    out: list[Encoded] = []
    while len(out) < sentences:
        drawn = [encode_sentence(stream, s) for s in bundle(rng).sentences]
        out += [e for e in drawn if len(e.prompt) + len(e.plan) <= LONGEST]
    return out[:sentences]


def rows(encoded: list[Encoded]) -> Rows:
    length = max(len(e.prompt) + len(e.plan) for e in encoded)
    ids = torch.zeros(len(encoded), length, dtype=torch.int64)
    plan = torch.zeros(len(encoded), length, dtype=torch.bool)
    for row, e in enumerate(encoded):
        end = len(e.prompt) + len(e.plan)
        ids[row, :end] = torch.tensor(e.prompt + e.plan)
        plan[row, len(e.prompt) : end] = True
    return Rows(ids=ids, plan=plan)


def plan_logits(model: Decoder, batch: Rows) -> tuple[Tensor, Tensor]:
    """Logits [N,V] where a token of a plan comes next, and those tokens [N]. Padding stands behind, and is not seen."""
    b, t = batch.ids.shape
    mask = torch.ones(t, t, dtype=torch.bool).tril()[None, None]
    hidden, _ = model(model.embed(batch.ids), torch.arange(t).expand(b, t), mask)
    at = batch.plan[:, 1:]
    return model.logits(hidden[:, :-1][at]), batch.ids[:, 1:][at]


def train(model: Decoder, sentences: list[Encoded], steps: int, lr: float) -> None:
    optimizer = torch.optim.AdamW(model.parameters(), lr=lr, betas=(0.9, 0.98), weight_decay=0.01)
    rng = np.random.default_rng(0)
    for step in range(steps):
        for group in optimizer.param_groups:
            group["lr"] = lr * min(1.0, (step + 1) / 30) * (1 - step / steps)
        picked = rng.choice(len(sentences), size=PER_STEP, replace=False)
        logits, labels = plan_logits(model, rows([sentences[i] for i in picked]))
        loss = F.cross_entropy(logits, labels)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()


@torch.no_grad()
def measure_loss(model: Decoder, held_out: list[Rows]) -> tuple[float, float]:
    """Mean loss a plan token, in nats, and the share of tokens right."""
    found = [plan_logits(model.eval(), batch) for batch in held_out]
    logits, labels = torch.cat([x for x, _ in found]), torch.cat([y for _, y in found])
    return float(F.cross_entropy(logits, labels)), float((logits.argmax(1) == labels).float().mean())


def losses(steps: int, lr: float) -> dict[str, tuple[float, float]]:
    stream = Stream.from_file(TOKENIZER)
    vocabulary = -(-stream.tokenizer.get_vocab_size() // 64) * 64
    config = DecoderConfig(
        layers=3, width=256, heads=4, kv_heads=2, head_width=64, ffn_width=768, vocabulary=vocabulary
    )  # fmt: skip
    seen, unseen = draw(stream, 0, 3000), draw(stream, 1_000_000, 480)
    held_out = [rows(unseen[i : i + 48]) for i in range(0, len(unseen), 48)]
    torch.manual_seed(0)
    begin = Decoder(config)
    plain, three = copy.deepcopy(begin), copy.deepcopy(begin)
    train_ternary(three, LAYERS)
    out = {}
    for name, model in (("fp32", plain), ("ternary", three)):
        start = process_time()
        train(model, seen, steps, lr)
        print(f"trained {name}: {steps} steps in {process_time() - start:.0f} s of CPU", flush=True)
    for name, numbers in KINDS.items():
        model = copy.deepcopy(three if name == "ternary" else plain)
        if numbers is not None:
            shrink(model, numbers, LAYERS)
        out[name] = measure_loss(model, held_out)
    untrained = copy.deepcopy(plain)
    shrink(untrained, SmallNumbers(kind="ternary"), LAYERS)
    out[UNTRAINED] = measure_loss(untrained, held_out)
    return out


def made(numbers: SmallNumbers | None) -> Decoder:
    torch.manual_seed(0)
    model = Decoder(DecoderConfig(vocabulary=64)).eval()
    if numbers is not None:
        shrink(model, numbers, LAYERS)
    return model


def megabytes(model: Decoder) -> float:
    with tempfile.TemporaryDirectory() as folder:
        save_small(Path(folder) / "layers.safetensors", model.layers)
        return (Path(folder) / "layers.safetensors").stat().st_size / 1e6


@torch.no_grad()
def times_ms(models: dict[str, Decoder], rounds: int) -> dict[str, tuple[list[float], list[float]]]:
    """Milliseconds of each round by name: a prefill of 64 tokens, and a step of one token after them."""
    out: dict[str, tuple[list[float], list[float]]] = {name: ([], []) for name in models}
    width = DecoderConfig().width
    x = torch.randn(1, PREFILL + 1, width, generator=torch.Generator().manual_seed(0))
    mask = torch.ones(PREFILL + 1, PREFILL + 1, dtype=torch.bool).tril()[None, None]
    at = torch.arange(PREFILL + 1)[None]
    for turn in range(rounds + 2):
        for name, model in models.items():
            start = process_time()
            _, cache = model(x[:, :-1], at[:, :-1], mask[..., :-1, :-1])
            between = process_time()
            for _ in range(5):
                model(x[:, -1:], at[:, -1:], mask[..., -1:, :], cache)
            end = process_time()
            if turn >= 2:  # the first two warm the caches
                out[name][0].append(1e3 * (between - start))
                out[name][1].append(1e3 * (end - between) / 5)
    return out


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=400)
    parser.add_argument("--lr", type=float, default=2e-3)
    parser.add_argument("--rounds", type=int, default=30)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    models = {name: made(numbers) for name, numbers in KINDS.items()}
    times = times_ms(models, arguments.rounds)
    found = losses(arguments.steps, arguments.lr)
    print(f"| weights | MB | prefill of {PREFILL}, ms (fastest) | decode step, ms (fastest) | loss | tokens right |")
    print("| --- | --- | --- | --- | --- | --- |")
    for name, (loss, right) in found.items():
        if name in times:
            prefill, step = (f"{statistics.median(t):.2f} ({min(t):.2f})" for t in times[name])
            print(f"| {name} | {megabytes(models[name]):.2f} | {prefill} | {step} | {loss:.4f} | {right:.1%} |")
        else:
            print(f"| {name} | as above | | | {loss:.4f} | {right:.1%} |")


if __name__ == "__main__":
    main()
