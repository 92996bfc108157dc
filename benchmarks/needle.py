"""A fact stated early in a long episode log, asked for at its end: how often a small model trained for it answers.

    pip install -e ".[train]" && python benchmarks/needle.py --out outputs/needle

The log is made of episodes as the planner reads and writes them: an instruction of the task suites, the calls that it
took and how each went (`agent.stream`). Between episodes stand facts, "say(remember the sponge is in the purple bowl)";
after the log comes a question, "where is the sponge", whose right plan is "say(the sponge is in the purple bowl)".
12 colours times 4 kinds: who guesses is right in 1 of 48.

Two decoders with as many parameters (0.35 million) learn from the same logs: "5:1", five layers that see 16 tokens back
to one that sees everything (Gemma 3), and "sliding", 16 tokens in all six, whose reach is 6 x 15 tokens; both with 4
sinks. Loss: the answers' words, and where the last layer looks for a place (attention is told its source: Liu et al.
2016, "Neural machine translation with supervised attention"); without the latter, trials of 240 to 480 steps hardly
left guessing among the facts. Short logs come first (STAGES; for "sliding" before and after them a fact and at once the
question, so that it can do what it can reach); later ones have gaps between their positions, so that distances up to
the longest log are met (PoSE, Zhu et al. 2023). The whole layer's rotary base is 1e10: ten of its 16 frequencies turn
less than once in 16k tokens.

Unseen logs are read in chunks into a `KVCache`. In each stand facts at three depths, and DISTRACTORS others: early (in
the first tenth), in the middle, and late (its last line). "Fact removed": a fourth that was drawn like them, and whose
line was taken out. Right is an answer of which every token is the likeliest: greedy decoding gives it. What was trained
is kept in --out, and gone on with. Takes about ten minutes of CPU time.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path
from time import process_time

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F
from torch.nn.utils.rnn import pad_sequence

from agent.stream import Stream
from agent.vlm.checkpoint import save_tensors
from agent.vlm.config import DecoderConfig
from agent.vlm.decoder import Decoder
from agent.vlm.decoder.cache import KVCache
from agent.vlm.decoder.layer import Layer
from agent.vlm.decoder.rope import rope_tables, rotate
from agent.vlm.files import load_tensors
from agent.vlm.generation.language import NO_LABEL
from sim.long_logs import Writer, draw_facts, episode, write
from sim.stats import rate_of

TOKENIZER = Path(__file__).parent.parent / "agent" / "checkpoints" / "nano" / "tokenizer.json"
EPISODES = 4000
WINDOW, SINKS = 16, 4
CHUNK = 256
RATE = 3e-3
REMOVED = "fact removed"
LONGEST = 16_384
CONFIGS = {"5:1": (WINDOW,) * 5 + (0,), "sliding": (WINDOW,) * 6}
DISTRACTORS = 5
DEPTHS = {"early": (0.0, 0.1), "middle": (0.45, 0.55), "late": (1.0, 1.0)}
"""Where in the log a fact stands, as shares of it; late: behind its last episode."""


@dataclass(frozen=True, kw_only=True)
class Stage:
    """Of the curriculum. length: tokens of a log; facts: in each, all asked for; rows: logs a step.

    gaps: tokens that a log's positions leave out, at most. late: the last fact is the log's last line.
    """

    steps: int
    length: int
    facts: int
    rows: int
    gaps: int = 0
    late: bool = False


STAGES = (
    Stage(steps=600, length=64, facts=6, rows=8),
    Stage(steps=150, length=192, facts=8, rows=6, gaps=2 * LONGEST),
    Stage(steps=40, length=1024, facts=16, rows=2, gaps=2 * LONGEST),
)
NEAR = Stage(steps=300, length=12, facts=1, rows=24), Stage(steps=200, length=64, facts=1, rows=16, late=True)
"""A fact and at once the question: what sliding windows reach. The others' logs alone don't teach it."""
CURRICULA = {"5:1": STAGES, "sliding": (NEAR[0], *STAGES, NEAR[1])}


@dataclass(frozen=True, kw_only=True)
class Rows:
    """int64[B,T] each; label: what follows, NO_LABEL outside answers; source: where the log says that word, else -1."""

    ids: Tensor
    label: Tensor
    position: Tensor
    source: Tensor


def batch(rng: np.random.Generator, writer: Writer, episodes: list[list[int]], stage: Stage) -> Rows:
    """Logs, and behind each the questions about all its facts, with answers."""
    rows = []
    for _ in range(stage.rows):
        facts = draw_facts(rng, stage.facts)
        shares = sorted(rng.random(len(facts)))
        at = list(zip([*shares[:-1], 1.0] if stage.late else shares, facts, strict=True))
        lines = write(rng, writer, episodes, stage.length, at)
        ends = np.cumsum([len(x) for x in lines])
        told = {f: int(ends[lines.index(writer.fact(f))]) for f in facts}  # the token behind the fact
        label, source, starts = [NO_LABEL] * int(ends[-1]), [-1] * int(ends[-1]), [0, *ends[:-1].tolist()]
        for i in rng.permutation(len(facts)):
            question, answer = writer.question(facts[i][0]), writer.answer(facts[i])
            starts.append(len(label))
            # Each label stands at the token before; a place is the last two words of its line.
            label += [NO_LABEL] * (len(question) - 1) + writer.ids([answer]) + [NO_LABEL]
            source += [-1] * (len(question) + len(answer) - 4) + [told[facts[i]] - 3, told[facts[i]] - 2, -1, -1]
            lines += [question, answer]
        # Gaps between lines: distances of the longest log in a short one.
        jump = np.zeros(len(label), np.int64)
        widths = rng.dirichlet(np.ones(4)) * rng.uniform(0, stage.gaps)
        jump[rng.choice(starts[1:], size=4)] = widths.astype(np.int64)
        rows.append((writer.ids(lines), label, np.arange(len(label)) + jump.cumsum(), source))
    return Rows(**{
        name: pad_sequence([torch.tensor(row[i]) for row in rows], batch_first=True, padding_value=padding)
        for i, (name, padding) in enumerate((("ids", 0), ("label", NO_LABEL), ("position", 10**6), ("source", -1)))
    })  # fmt: skip


def config(writer: Writer, windows: tuple[int, ...]) -> DecoderConfig:
    return DecoderConfig(
        layers=6, width=64, heads=4, kv_heads=2, head_width=32, ffn_width=128, vocabulary=len(writer.small),
        rope_theta=1e10, rope_local_theta=100.0, windows=windows, sinks=SINKS,
    )  # fmt: skip


def losses(model: Decoder, rows: Rows) -> tuple[Tensor, Tensor, Tensor]:
    """Of the answers' words; of where the last layer looks for a place; and the share of words right."""
    last = model.layers[-1]
    assert isinstance(last, Layer)
    read: list[Tensor] = []
    hook = last.attn_norm.register_forward_hook(lambda _, __, out: read.append(out))
    mask = rows.position[:, None, :, None] >= rows.position[:, None, None, :]
    hidden, _ = model(model.words(rows.ids), rows.position, mask)
    hook.remove()
    asked = rows.label != NO_LABEL
    logits = model.logits(hidden[asked])
    right = (logits.argmax(1) == rows.label[asked]).float().mean()
    c = model.config
    rope = rope_tables(c, rows.position)[c.window(c.layers - 1)]
    heads = (part(read[0]).view(*rows.ids.shape, -1, c.head_width).transpose(1, 2) for part in (last.q, last.k))
    q, k = (rotate(x, *rope) for x in heads)
    # A place whose line the layer sees: with a window, hardly any.
    told = rows.position.gather(1, rows.source.clamp_min(0))
    window = c.window(c.layers - 1) or int(rows.position.max())
    row, t = torch.nonzero((rows.source >= 0) & (rows.position - told < window), as_tuple=True)
    # [N,H,E] against [N,K,S,E]: of each query's heads, the scores of all that stands before.
    grouped = q[row, :, t].view(len(row), c.kv_heads, c.heads // c.kv_heads, c.head_width)
    scores = last.scale * torch.einsum("nkge,nkse->nkgs", grouped, k[row])
    scores = scores.masked_fill(~mask[row, 0, t][:, None, None], float("-inf")).flatten(1, 2)
    look = F.cross_entropy(scores.flatten(0, 1), rows.source[row, t].repeat_interleave(c.heads), reduction="sum")
    return F.cross_entropy(logits, rows.label[asked]), look / max(len(row) * c.heads, 1), right


def train(kind: str, writer: Writer, episodes: list[list[int]], out: Path) -> Decoder:
    """All stages; after each the weights are kept."""
    torch.manual_seed(0)
    model = Decoder(config(writer, CONFIGS[kind]))
    for number, stage in enumerate(CURRICULA[kind]):
        kept, start = out / f"{kind.replace(':', '-')}-{number}.safetensors", process_time()
        rng, right = np.random.default_rng(number), []
        if kept.exists():
            model.load_state_dict(load_tensors(kept))
            continue
        # Anew in each stage, so that a run that was cut off goes on as one that was not.
        optimizer = torch.optim.AdamW(model.parameters(), lr=RATE, betas=(0.9, 0.98), weight_decay=0.01)
        for step in range(stage.steps):
            for group in optimizer.param_groups:
                group["lr"] = RATE * min(1.0, (step + 1) / 30) * (1 if number == 0 else 0.3)
            answers, look, share = losses(model, batch(rng, writer, episodes, stage))
            optimizer.zero_grad(set_to_none=True)
            (answers + look).backward()  # type: ignore[no-untyped-call]
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            right.append(float(share))
            if step % 50 == 49 or step + 1 == stage.steps:
                done = f"{kind}, logs of {stage.length}: step {step + 1}, {process_time() - start:.0f} s of CPU"
                print(f"{done}, words right {np.mean(right[-20:]):.3f}", file=sys.stderr, flush=True)
        save_tensors(kept, model.state_dict())
    return model.eval()


@torch.inference_mode()
def answers_right(model: Decoder, writer: Writer, episodes: list[list[int]], length: int, seed: int) -> dict[str, bool]:
    """Of one unseen log: by depth, and for a fact whose line was taken out again."""
    rng = np.random.default_rng((seed, length))
    facts = draw_facts(rng, len(DEPTHS) + 1 + DISTRACTORS)
    asked, others = dict(zip([*DEPTHS, REMOVED], facts, strict=False)), facts[len(DEPTHS) + 1 :]
    shares = [(float(rng.uniform(*DEPTHS[depth])), asked[depth]) for depth in DEPTHS]
    shares += zip(rng.random(len(others)), others, strict=True)
    ids = writer.ids(write(rng, writer, episodes, length, sorted(shares)))
    cache = KVCache(model.config, capacity=length + 64)
    for at in range(0, len(ids), CHUNK):
        model.extend(model.words(torch.tensor([ids[at : at + CHUNK]])), cache)
    right = {}
    for depth, fact in asked.items():
        question, answer = writer.ids([writer.question(fact[0])]), writer.ids([writer.answer(fact)])
        hidden = model.extend(model.words(torch.tensor([question + answer[:-1]])), cache)
        right[depth] = model.logits(hidden[0, len(question) - 1 :]).argmax(1).tolist() == answer
        assert cache.truncate(len(ids)) == len(ids)
    return right


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("outputs/needle"))
    parser.add_argument("--kinds", nargs="+", choices=CONFIGS, default=tuple(CONFIGS))
    parser.add_argument("--lengths", type=int, nargs="+", default=(1024, 4096, LONGEST))
    parser.add_argument("--logs", type=int, default=100, help="unseen logs of each length")
    a = parser.parse_args()
    torch.set_num_threads(1)
    a.out.mkdir(parents=True, exist_ok=True)
    stream = Stream.from_file(TOKENIZER)
    seen, unseen = ([episode(stream, rng) for _ in range(EPISODES)] for rng in map(np.random.default_rng, (0, 10**6)))
    writer = Writer(stream, seen)
    models = {kind: train(kind, writer, seen, a.out) for kind in a.kinds}
    print(f"| layers | log, tokens | {' | '.join([*DEPTHS, REMOVED])} |")
    print("| --- " * (2 + len(DEPTHS) + 1) + "|")
    for kind, model in models.items():
        for length in a.lengths:
            found = [answers_right(model, writer, unseen, length, seed) for seed in range(a.logs)]
            cells = " | ".join(str(rate_of(f[depth] for f in found)) for depth in [*DEPTHS, REMOVED])
            print(f"| {kind} | {length} | {cells} |", flush=True)


if __name__ == "__main__":
    main()
