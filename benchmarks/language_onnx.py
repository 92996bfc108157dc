"""The language model through onnxruntime, beside `transformers`: speed in one run, and whether it writes the same.

    pip install -e ".[train,export,dev]" torch==2.13.0
    palmetto train vlm=base stage=speak pictures=1 steps=200 decay=80 lr=1e-4 out=outputs/base_speak
    python benchmarks/language_onnx.py --planner outputs/base_speak

Speed: SmolLM2-135M, its real weights; reading 128 tokens to the logits of the next one, then greedy steps, at batch 1
and 8; contenders in turns, medians of wall-clock time; a ratio above 1 says that onnxruntime is faster.

Text: greedy, int8 against float32 through the same run time. SmolLM2 as it is goes on with 200 questions and
instructions by 32 tokens. The planner is SmolLM2 after training on our sentences (above); it writes the plans of 200
sentences that training never drew, to the end.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
from collections.abc import Sequence
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import torch

from agent.onboard.exporting.language import export_language
from agent.onboard.exporting.language_graph import Weights
from agent.onboard.language import OnnxLanguage
from agent.stream import Stream
from agent.training.batch import Encoded, encode_sentence
from agent.vlm import load_pretrained
from agent.vlm.checkpoint import load_checkpoint
from agent.vlm.convert.smollm2 import pretrained_folder
from agent.vlm.generation.language import LanguageModel
from sim.texts import bundle

READ, STEPS, PROMPTS, WRITTEN, PLAN, TOGETHER = 128, 16, 200, 32, 80, 20
EAGER = "transformers, eager"
KINDS: dict[str, tuple[Weights, int]] = {"fp32": ("fp32", 32), "int8 by 32": ("int8", 32), "int8 by 64": ("int8", 64)}
"""Weights, and how many share a scale."""
COUNTRIES = (
    "France", "Japan", "Italy", "Spain", "Egypt", "Brazil", "Canada", "Germany", "Greece", "Russia", "China", "India",
    "Mexico", "Kenya", "Peru", "Norway", "Sweden", "Poland", "Turkey", "Cuba",
)  # fmt: skip
THINGS = (
    "spoon", "cup", "plate", "broom", "towel", "sponge", "fridge", "oven", "lamp", "drawer", "bottle", "kettle",
    "knife", "bowl", "bin", "shelf", "table", "chair", "door", "window",
)  # fmt: skip


def instructions(rng: np.random.Generator, count: int) -> list[str]:
    out: list[str] = []
    while len(out) < count:
        out += [s.instruction for s in bundle(rng, sentences=4).sentences]
    return out[:count]


def chat_prompts(model: LanguageModel) -> list[list[int]]:
    """100 questions and 100 instructions, as SmolLM2-Instruct is spoken to."""
    assert model.words is not None
    rng = np.random.default_rng(5)
    asked = [f"What is the capital of {c}?" for c in COUNTRIES]
    asked += [f"What is {a} plus {b}?" for a, b in rng.integers(2, 50, (20, 2))]
    asked += [f"What is a {x} used for?" for x in THINGS] + [f"Where in a house would I find a {x}?" for x in THINGS]
    asked += [f"Name the colour and the material of a typical {x}." for x in THINGS]
    asked += [f"You are a robot arm at a table. List the steps: {x}" for x in instructions(rng, PROMPTS - len(asked))]
    return [model.words.ids(f"<|im_start|>user\n{x}<|im_end|>\n<|im_start|>assistant\n") for x in asked]


def plan_prompts(stream: Stream) -> tuple[list[list[int]], list[tuple[int, ...]]]:
    """Sentences that no training seed draws, and their plans."""
    rng = np.random.default_rng(9_000_000)
    encoded: list[Encoded] = []
    while len(encoded) < PROMPTS:
        encoded += [encode_sentence(stream, s) for s in bundle(rng, sentences=4).sentences]
    return [e.prompt for e in encoded[:PROMPTS]], [tuple(e.plan) for e in encoded[:PROMPTS]]


def written(model: OnnxLanguage, prompts: Sequence[list[int]], most: int) -> list[tuple[int, ...]]:
    """Greedy; prompts of like length go together, so that little is padding."""
    order = sorted(range(len(prompts)), key=lambda i: len(prompts[i]))
    out: dict[int, tuple[int, ...]] = {}
    for start in range(0, len(order), TOGETHER):
        some = order[start : start + TOGETHER]
        out.update(zip(some, model.generate([prompts[i] for i in some], max_new=most), strict=True))
    return [out[i] for i in range(len(prompts))]


def times(bundles: dict[str, OnnxLanguage], theirs: Any, rounds: int) -> dict[str, dict[str, list[float]]]:
    """Seconds of each round by row and contender."""
    found: dict[str, dict[str, list[float]]] = {}
    for batch in (1, 8):
        ids = np.random.default_rng(0).integers(0, 49_152, (batch, READ))
        for turn in range(rounds + 1):
            for name in (EAGER, *bundles):
                start = perf_counter()
                if name == EAGER:
                    out = theirs(torch.from_numpy(ids), use_cache=True, logits_to_keep=1)
                    last, cache = out.logits[:, -1], out.past_key_values
                    between = perf_counter()
                    for _ in range(STEPS):
                        out = theirs(last.argmax(-1, keepdim=True), past_key_values=cache, use_cache=True)
                        last, cache = out.logits[:, -1], out.past_key_values
                else:
                    reading = bundles[name].read(batch, READ + STEPS)
                    logits = reading.on(ids)
                    between = perf_counter()
                    for _ in range(STEPS):
                        logits = reading.on(logits.argmax(axis=1)[:, None])
                end = perf_counter()
                if turn:  # the first one warms
                    read = found.setdefault(f"prefill of {READ}, batch {batch}", {})
                    read.setdefault(name, []).append(between - start)
                    step = found.setdefault(f"decode a token, batch {batch}", {})
                    step.setdefault(name, []).append((end - between) / STEPS)
    return found


def speed(bundles: dict[str, OnnxLanguage], rounds: int) -> None:
    from transformers import AutoModelForCausalLM

    folder = pretrained_folder()
    theirs = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()
    print(f"| | {EAGER}, ms | " + " | ".join(f"{name}, ms (times faster)" for name in bundles) + " |")
    print("| --- " * (2 + len(bundles)) + "|")
    with torch.inference_mode():
        for row, of in times(bundles, theirs, rounds).items():
            base = 1e3 * statistics.median(of[EAGER])
            medians = [1e3 * statistics.median(of[name]) for name in bundles]
            print(f"| {row} | {base:.1f} | " + " | ".join(f"{m:.1f} ({base / m:.2f})" for m in medians) + " |")


def opened(model: LanguageModel, folder: Path, threads: int) -> dict[str, OnnxLanguage]:
    out = {}
    for name, (weights, block) in KINDS.items():
        export_language(model, folder / name, weights=weights, capacity=512, block=block)
        out[name] = OnnxLanguage(folder / name, threads=threads)
    return out


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--planner", type=Path, help="checkpoint of `palmetto train vlm=base stage=speak`")
    a = parser.parse_args()
    torch.set_num_threads(a.threads)
    os.environ["HF_HUB_DISABLE_PROGRESS_BARS"] = "1"
    with tempfile.TemporaryDirectory() as scratch:
        model = load_pretrained(pretrained_folder())
        bundles = opened(model, Path(scratch), a.threads)
        for name in bundles:
            print(f"{name}: {(Path(scratch) / name / 'model.onnx.data').stat().st_size / 1e6:.0f} MB", flush=True)
        if a.rounds:
            speed(bundles, a.rounds)
        prompts = chat_prompts(model)
        truth = written(bundles["fp32"], prompts, WRITTEN)
        small = list(bundles)[1:]
        print(f"\n| of {PROMPTS} texts equal to float32's | " + " | ".join(small) + " |\n| --- | --- | --- |")
        said = {name: written(bundles[name], prompts, WRITTEN) for name in small}
        for n in (1, 8, 16, WRITTEN):
            shares = [np.mean([t[:n] == s[:n] for t, s in zip(truth, texts, strict=True)]) for texts in said.values()]
            print(f"| SmolLM2, the first {n} tokens | " + " | ".join(f"{x:.1%}" for x in shares) + " |", flush=True)
        if a.planner:
            checkpoint = load_checkpoint(a.planner)
            stream = Stream(checkpoint.tokenizer)
            prompts, plans = plan_prompts(stream)
            stop = (plans[0][-1],)
            bundles = opened(LanguageModel(checkpoint.model().decoder, stop=stop), Path(scratch), a.threads)
            texts = {name: written(bundle, prompts, PLAN) for name, bundle in bundles.items()}
            equal = [np.mean([t == x for t, x in zip(texts["fp32"], texts[n], strict=True)]) for n in small]
            print("| planner, whole plans | " + " | ".join(f"{x:.1%}" for x in equal) + " |")
            right = [np.mean([(*t, *stop) == p for t, p in zip(texts[n], plans, strict=True)]) for n in texts]
            print(f"| right plans ({right[0]:.1%} in float32) | " + " | ".join(f"{x:.1%}" for x in right[1:]) + " |")


if __name__ == "__main__":
    main()
