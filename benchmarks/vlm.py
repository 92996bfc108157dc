"""The language model beside `transformers`: the same weights, in turns, in one run; and a planner whose log grows.

    pip install -e ".[train,dev]" torch==2.13.0 && python benchmarks/vlm.py

SmolLM2-135M, its real weights where the user cache has them, else random ones of its shape. Prefill: 128 tokens to the
logits of the next one and a cache to go on from. Decode: one further token a sequence, greedy, over 16 of them.
Training: one AdamW step of all weights on 2 x 128 tokens, float32. Each contender takes its turn in each round; the
table gives medians of wall-clock time, and each row's ratio is that of medians, transformers' over ours: above 1 ours
is faster. transformers runs in eager mode, with both of its attention implementations. Peak memory is measured in a
process of each one's own: the most that was resident less what was before the model was made.

The planner's log: a decoder of SmolLM2's shape whose layers see 512 tokens and 4 sinks reads the instruction and a log
that grows by a call of 12 tokens a step, and writes 8 tokens; a `Session` computes only what is new.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from agent.vlm import load_pretrained
from agent.vlm.convert.configs import decoder_config
from agent.vlm.convert.smollm2 import gguf_is_cached, pretrained_folder
from agent.vlm.convert.weights import load_decoder
from agent.vlm.decoder import Decoder
from agent.vlm.decoder.presets import smollm2_135m
from agent.vlm.files.folder import Tensors, read_json
from agent.vlm.generation.generate import generate
from agent.vlm.generation.language import NO_LABEL, LanguageModel
from agent.vlm.generation.session import Session

PROMPT, STEPS = 128, 16
TRAIN_ROWS, TRAIN_TOKENS = 2, 128
WINDOW, SINKS = 512, 4
INSTRUCTION, CALL, WRITTEN = 40, 12, 8
"""Tokens of an instruction, of what a step adds to the log, and of what is written at each step."""
OURS, PACKED, THEIRS, SDPA = "ours", "ours, packed", "transformers, eager attention", "transformers, sdpa"
Work = Callable[[], None]


def folder_of_weights(scratch: Path) -> tuple[Path, str]:
    """SmolLM2's folder and what its weights are."""
    if gguf_is_cached():
        return pretrained_folder(), "real weights"
    from transformers import LlamaConfig, LlamaForCausalLM

    c = smollm2_135m()
    config = LlamaConfig(
        hidden_size=c.width, intermediate_size=c.ffn_width, num_hidden_layers=c.layers, num_attention_heads=c.heads,
        num_key_value_heads=c.kv_heads, head_dim=c.head_width, vocab_size=c.vocabulary, rms_norm_eps=c.norm_eps,
        max_position_embeddings=c.context, tie_word_embeddings=True, rope_parameters={"rope_theta": c.rope_theta},
    )  # fmt: skip
    torch.manual_seed(0)
    LlamaForCausalLM(config).save_pretrained(scratch)
    return scratch, "random weights"


def theirs(folder: Path, attention: str) -> Any:
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, attn_implementation=attention)
    return model.eval()


def ids_of(batch: int, tokens: int, vocabulary: int) -> Tensor:
    return torch.randint(0, vocabulary, (batch, tokens), generator=torch.Generator().manual_seed(0))


def our_prefill(model: LanguageModel, ids: Tensor) -> tuple[Tensor, Any]:
    cache = model.new_cache(batch=len(ids), capacity=PROMPT + STEPS)
    return model.decoder.logits(model.read(ids, cache)), cache


def our_decode(model: LanguageModel, last: Tensor, cache: Any) -> None:
    for _ in range(STEPS):
        hidden = model.decoder.extend(model.decoder.words(last.argmax(-1, keepdim=True)), cache)
        last = model.decoder.logits(hidden[:, -1])


def their_prefill(model: Any, ids: Tensor) -> tuple[Tensor, Any]:
    out = model(ids, use_cache=True, logits_to_keep=1)
    return out.logits[:, -1], out.past_key_values


def their_decode(model: Any, last: Tensor, cache: Any) -> None:
    for _ in range(STEPS):
        out = model(last.argmax(-1, keepdim=True), past_key_values=cache, use_cache=True)
        last, cache = out.logits[:, -1], out.past_key_values


@torch.inference_mode()
def inference(folder: Path, rounds: int) -> dict[str, dict[str, list[float]]]:
    """Seconds of each round by row and contender."""
    ours, packed = load_pretrained(folder), load_pretrained(folder)
    packed.decoder.pack()
    foreign = {THEIRS: theirs(folder, "eager"), SDPA: theirs(folder, "sdpa")}
    found: dict[str, dict[str, list[float]]] = {}
    for batch in (1, 8):
        ids = ids_of(batch, PROMPT, ours.config.vocabulary)
        truth, _ = our_prefill(ours, ids)
        for turn in range(rounds + 1):
            for name in (OURS, PACKED, THEIRS, SDPA):
                start = perf_counter()
                if name in foreign:
                    last, cache = their_prefill(foreign[name], ids)
                else:
                    last, cache = our_prefill(ours if name == OURS else packed, ids)
                between = perf_counter()
                if name in foreign:
                    their_decode(foreign[name], last, cache)
                else:
                    our_decode(ours if name == OURS else packed, last, cache)
                end = perf_counter()
                assert (last - truth).abs().max() < 1e-2, f"{name} does not say what the others say"
                if turn:  # the first one warms
                    prefill = found.setdefault(f"prefill of {PROMPT}, batch {batch}", {})
                    prefill.setdefault(name, []).append(between - start)
                    decode = found.setdefault(f"decode a token, batch {batch}", {})
                    decode.setdefault(name, []).append((end - between) / STEPS)
    return found


def bare(folder: Path) -> LanguageModel:
    """Without its tokenizer, as transformers' model comes."""
    return LanguageModel(load_decoder(decoder_config(read_json(folder / "config.json")), Tensors(folder)))


def stepper(name: str, folder: Path) -> Work:
    """One training step of all weights."""
    model: Any = bare(folder) if name == OURS else theirs(folder, "eager" if name == THEIRS else "sdpa")
    model.train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-5, fused=True)
    ids = ids_of(TRAIN_ROWS, TRAIN_TOKENS, smollm2_135m().vocabulary)
    following = F.pad(ids[:, 1:], (0, 1), value=NO_LABEL)

    def step() -> None:
        loss: Any = model.loss(ids, following) if name == OURS else model(ids, labels=ids).loss
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()

    return step


def training(folder: Path, rounds: int) -> dict[str, list[float]]:
    """Seconds of each round by contender."""
    steppers = {name: stepper(name, folder) for name in (OURS, THEIRS, SDPA)}
    found: dict[str, list[float]] = {name: [] for name in steppers}
    for turn in range(rounds + 1):
        for name, step in steppers.items():
            start = perf_counter()
            step()
            if turn:
                found[name].append(perf_counter() - start)
    return found


def peak_gib(name: str, folder: Path, threads: int) -> float:
    """Of three training steps, in a process of their own."""
    command = [sys.executable, __file__, "--peak", name, "--folder", str(folder), "--threads", str(threads)]
    return float(json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout))


def measure_peak(name: str, folder: Path) -> float:
    import transformers  # noqa: F401  # what is imported counts for nobody

    before = status_kib("VmRSS")
    step = stepper(name, folder)
    for _ in range(3):
        step()
    return (status_kib("VmHWM") - before) / 2**20


def status_kib(field: str) -> int:
    """Of this process alone; getrusage would count what its parent had."""
    return next(int(s.split()[1]) for s in Path("/proc/self/status").read_text().splitlines() if s.startswith(field))


@torch.inference_mode()
def growing_log(steps: int, layers: int) -> list[float]:
    """Seconds of each planning step as the log grows."""
    c = replace(smollm2_135m(), layers=layers, windows=(WINDOW,), sinks=SINKS, context=0)
    torch.manual_seed(0)
    model = LanguageModel(Decoder(c).eval())
    model.decoder.pack()
    rng = np.random.default_rng(0)
    ids = rng.integers(c.vocabulary, size=INSTRUCTION).tolist()
    session = Session(model, capacity=INSTRUCTION + steps * CALL + 1 + WRITTEN)
    out = []
    for _ in range(steps):
        start = perf_counter()
        generate(model, [[*ids, 0]], max_new=WRITTEN, session=session)
        out.append(perf_counter() - start)
        ids += rng.integers(c.vocabulary, size=CALL).tolist()
    return out


def ms(seconds: list[float]) -> float:
    return 1e3 * statistics.median(seconds)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--log-steps", type=int, default=1000, help="planning steps of the growing log")
    parser.add_argument("--log-layers", type=int, default=30)
    parser.add_argument("--peak", choices=(OURS, THEIRS, SDPA), help="print the memory of this one's training alone")
    parser.add_argument("--folder", type=Path, help="the weights, for --peak")
    a = parser.parse_args()
    torch.set_num_threads(a.threads)
    os.environ["HF_HUB_DISABLE_PROGRESS_BARS"] = "1"
    if a.peak:
        print(json.dumps(measure_peak(a.peak, a.folder)))
        return
    with tempfile.TemporaryDirectory() as scratch:
        folder, weights = folder_of_weights(Path(scratch))
        print(f"SmolLM2-135M, {weights}, float32, {a.threads} threads, {a.rounds} rounds\n")
        print(f"| | {OURS}, ms | {PACKED}, ms | {THEIRS}, ms | {SDPA}, ms | best of ours: times faster than them |")
        print("| --- | --- | --- | --- | --- | --- |")
        for row, times in inference(folder, a.rounds).items():
            best = min(ms(times[OURS]), ms(times[PACKED]))
            cells = " | ".join(f"{ms(times[name]):.1f}" for name in (OURS, PACKED, THEIRS, SDPA))
            print(f"| {row} | {cells} | {ms(times[THEIRS]) / best:.2f}, {ms(times[SDPA]) / best:.2f} |", flush=True)
        times = training(folder, max(1, a.rounds // 3))
        cells = f"{ms(times[OURS]):.0f} | | {ms(times[THEIRS]):.0f} | {ms(times[SDPA]):.0f}"
        ratios = f"{ms(times[THEIRS]) / ms(times[OURS]):.2f}, {ms(times[SDPA]) / ms(times[OURS]):.2f}"
        print(f"| training step, {TRAIN_ROWS} x {TRAIN_TOKENS} | {cells} | {ratios} |", flush=True)
        peaks = {name: peak_gib(name, folder, a.threads) for name in (OURS, THEIRS, SDPA)}
        cells = f"{peaks[OURS]:.2f} | | {peaks[THEIRS]:.2f} | {peaks[SDPA]:.2f}"
        ratios = f"{peaks[THEIRS] / peaks[OURS]:.2f}, {peaks[SDPA] / peaks[OURS]:.2f}"
        print(f"| its peak memory, GiB | {cells} | {ratios} |\n", flush=True)
    steps = growing_log(a.log_steps, a.log_layers)
    tenth, last, slowest = ms(steps[5:15]), ms(steps[-10:]), 1e3 * max(steps[5:])
    print(f"The next planning step as a log grows to {a.log_steps} steps, {a.log_layers} layers: around the tenth step")
    print(f"{tenth:.1f} ms, the last ten {last:.1f} ms, last over tenth {last / tenth:.2f}; slowest {slowest:.1f} ms")


if __name__ == "__main__":
    main()
