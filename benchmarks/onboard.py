"""What a step of the planner and of a policy costs on board, and both at once: python benchmarks/onboard.py

    python benchmarks/onboard.py [rounds=5] [seconds=20] [seed=0]

Planner: nano's networks in torch (eager), in onnxruntime in float32 and in int8, doing what the shipped nano does for
four sentences about one picture: one look, the prompt read, the plan written token by token through the cache; just
those passes, with the lengths that the shipped planner was seen to use, are done by each. Torch's weights are drawn
anew (what a pass costs does not hang on them), and the graphs are exported from those. `whole`: the shipped planner
itself, grammar and search and all. Policy: the diffusion transformer as `conf/` has it, weights drawn anew, one chunk.

Time is CPU time of the thread that computes, one thread each, so that what else the machine does is not counted. Both
at once: a policy's loop and a planner's loop in threads (agent.onboard.loops), each as fast as it can, beside a control
loop of 60 Hz behind the safety kernel in the main thread; there Hz are of the clock on the wall.
"""

from __future__ import annotations

import logging
import os
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import torch
from tokenizers import Tokenizer

from agent import CHECKPOINTS
from agent.onboard.bundle import Array, Bundle, Cache, PlannerModel
from agent.onboard.exporting.bundles import Export, _assemble
from agent.onboard.exporting.graphs import write_graphs
from agent.onboard.exporting.weights import shrink_vision
from agent.onboard.loops import Loop
from agent.onboard.planner import OnnxPlanner
from agent.onboard.receipt import machine
from agent.onboard.sessions import open_session
from agent.policy.chunks import STEPS, WIDTH
from agent.policy.export import _write_graph
from agent.policy.features import SIZE
from agent.policy.networks import PolicyConfig, build
from agent.policy.view import CELLS, CHANNELS
from agent.vlm.checkpoint import load_checkpoint, save_checkpoint
from agent.vlm.config import DecoderConfig, VLMConfig
from agent.vlm.model import VLM
from agent.vlm.planning import TorchModel, manifest_of
from benchmarks.planner import OBJECTS, SENTENCES
from robots.fake import FakeRobot
from robots.interface import Command
from robots.safety import SafeRobot
from sim.robot import open_sim_robot
from sim.scenes import scene_from_names

SCENE = 2_000_003
Step = Callable[[], object]


class Watched:
    """A planner's model, and what it was asked: how many tokens, behind how many."""

    def __init__(self, model: PlannerModel) -> None:
        self._model = model
        self.manifest, self.stream, self.table = model.manifest, model.stream, model.table
        self.asked: list[tuple[int, int]] = []

    def see(self, image: Array, state: Array) -> tuple[Array, Array]:
        self.asked.append((0, 0))
        return self._model.see(image, state)

    def empty_cache(self) -> Cache:
        return self._model.empty_cache()

    def extend(self, x: Array, cache: Cache) -> tuple[Array, Array, Cache]:
        self.asked.append((x.shape[1], cache[0].shape[2]))
        return self._model.extend(x, cache)

    def embed(self, ids: Sequence[int]) -> Array:
        return self._model.embed(ids)


def passes(model: PlannerModel, asked: Sequence[tuple[int, int]], rng: np.random.Generator) -> Step:
    """The same passes through another model."""
    m = model.manifest
    image = rng.standard_normal((3, m.image_px, m.image_px)).astype(np.float32)
    state = rng.standard_normal(5).astype(np.float32)
    most = max(t for t, _ in asked)
    x = (0.1 * rng.standard_normal((1, most, m.width))).astype(np.float32)
    long = (0.1 * rng.standard_normal((2, m.layers, m.kv_heads, max(s for _, s in asked), m.head_width))).astype(
        np.float32
    )

    def step() -> None:
        for tokens, behind in asked:
            if tokens == 0:
                model.see(image, state)
            else:
                model.extend(x[:, :tokens], (long[0][:, :, :behind], long[1][:, :, :behind]))

    return step


def cost_ms(step: Step, rounds: int) -> tuple[float, float]:
    """CPU milliseconds of this thread: median and 95 % of so many, after one for warmth."""
    step()
    times = []
    for _ in range(rounds):
        start = time.thread_time()
        step()
        times.append(1e3 * (time.thread_time() - start))
    return float(np.median(times)), float(np.percentile(times, 95))


def planner_models(scratch: Path, seed: int) -> dict[str, PlannerModel]:
    """nano's architecture with new weights: in torch, and exported in float32 and int8."""
    tokenizer = Tokenizer.from_file(str(CHECKPOINTS / "nano" / "tokenizer.json"))
    torch.manual_seed(seed)
    model = VLM(VLMConfig(decoder=DecoderConfig(vocabulary=tokenizer.get_vocab_size()))).eval()
    save_checkpoint(scratch / "nano", model, tokenizer, {"step": 0})
    loaded = load_checkpoint(scratch / "nano")
    (scratch / "graphs").mkdir()
    write_graphs(loaded.model(), scratch / "graphs")
    found: dict[str, PlannerModel] = {"torch eager": TorchModel(loaded, manifest_of(loaded, name="nano"))}
    for weights in ("fp32", "int8"):
        found[f"onnxruntime {weights}"] = Bundle(_assemble(loaded, Export(name="nano"), weights, scratch))
    return found


def policy_steps(scratch: Path, seed: int) -> dict[str, Step]:
    """One chunk of the diffusion transformer, in torch and exported."""
    rng = np.random.default_rng(seed)
    torch.manual_seed(seed)
    model = build(PolicyConfig()).eval()
    given = {
        "views": rng.random((1, 3 * CHANNELS, CELLS, CELLS)).astype(np.float32),
        "state": rng.standard_normal((1, SIZE)).astype(np.float32),
        "noise": rng.standard_normal((1, STEPS, WIDTH)).astype(np.float32),
    }
    tensors = [torch.from_numpy(v) for v in given.values()]

    def eager() -> object:
        with torch.inference_mode():
            return model(*tensors)

    steps: dict[str, Step] = {"torch eager": eager}
    logging.disable(logging.INFO)  # the exporter's
    _write_graph(model, scratch / "policy.onnx")
    for weights in ("fp32", "int8"):
        shrink_vision(scratch / "policy.onnx", scratch / f"policy_{weights}.onnx", weights)
        session = open_session(scratch / f"policy_{weights}.onnx")
        steps[f"onnxruntime {weights}"] = lambda session=session: session.run(None, given)  # type: ignore[misc]
    return steps


def table(title: str, costs: dict[str, tuple[float, float]]) -> None:
    slowest = costs["torch eager"][0]
    print(f"\n| {title} | CPU ms, median | 95 % | times eager |\n| --- | --- | --- | --- |")
    for name, (median, high) in costs.items():
        print(f"| {name} | {median:.1f} | {high:.1f} | {slowest / median:.2f} |", flush=True)


def at_once(planner: Step, policy: Step, seconds: float) -> None:
    """Both loops beside a control loop, on as many cores as there are."""
    spent: dict[str, list[float]] = {"planner": [], "policy": []}

    def counted(name: str, step: Step) -> Callable[[int], None]:
        def run(number: int) -> None:
            start = time.thread_time()
            step()
            spent[name].append(time.thread_time() - start)

        return run

    robot = SafeRobot(FakeRobot(), clock=time.monotonic)
    loops = [Loop(counted("planner", planner), name="planner"), Loop(counted("policy", policy), name="policy")]
    period, home, late = robot.spec.period_s, robot.spec.home_q_rad, []
    begin = due = time.monotonic()
    for k in range(int(seconds / period)):
        for loop in loops:
            loop.show(k)
        robot.send(Command(arm_q=home + 0.1 * np.sin(0.02 * k)))
        robot.wait(period)
        due += period
        time.sleep(max(0.0, due - time.monotonic()))
        late.append(1e3 * (time.monotonic() - due))
        due = max(due, time.monotonic() - period)
    wall = time.monotonic() - begin
    for loop in loops:
        loop.close()
    load = f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores"
    print(f"\n| at once, {wall:.0f} s, {load} | Hz of the wall's clock | CPU ms a step | Hz a core would give |")
    print("| --- | --- | --- | --- |")
    for name, loop in zip(spent, loops, strict=True):
        ms = 1e3 * float(np.median(spent[name]))
        print(f"| {name} | {loop.count / wall:.1f} | {ms:.1f} | {1e3 / ms:.1f} |")
    print(f"| control | {len(late) / wall:.1f} | late: median {np.median(late):.1f} ms, 99 % "
          f"{np.percentile(late, 99):.1f} ms | |", flush=True)  # fmt: skip


def main() -> None:
    given = dict(word.split("=", 1) for word in sys.argv[1:])
    rounds, seed = int(given.get("rounds", "5")), int(given.get("seed", "0"))
    torch.set_num_threads(1)
    rng = np.random.default_rng(seed)
    robot = open_sim_robot()
    robot.reset(scene_from_names(OBJECTS, SCENE))
    seen = robot.observe()
    robot.close()
    shipped = Watched(Bundle(CHECKPOINTS / "nano"))
    planner = OnnxPlanner(shipped)

    def whole() -> None:
        shipped.asked.clear()
        for sentence in SENTENCES:
            planner.forget()
            planner.plan(sentence, seen, ())

    print(f"{machine()}; torch {torch.__version__}", flush=True)
    cost = cost_ms(whole, rounds)
    asked = list(shipped.asked)
    n = len(SENTENCES)
    looks, words = sum(t == 0 for t, _ in asked) / n, sum(t for t, _ in asked) / n
    print(f"a plan: {looks:.0f} look, {len(asked) / n - looks:.1f} passes of the decoder over {words:.0f} tokens")
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        models = planner_models(scratch, seed)
        costs = {k: cost_ms(passes(model, asked, rng), rounds) for k, model in models.items()}
        own = cost_ms(passes(shipped, asked, rng), rounds)
        costs["the shipped nano, int8"] = own
        table(f"planner's networks, {n} plans", costs)
        per_plan = cost[0] / n
        beside = (cost[0] - own[0]) / n
        print(f"\nthe shipped planner, whole: {per_plan:.0f} ms a plan, of which {beside:.0f} beside its networks")
        steps = policy_steps(scratch, seed)
        table("policy, one chunk", {k: cost_ms(step, 10 * rounds) for k, step in steps.items()})
        alone = OnnxPlanner(Bundle(CHECKPOINTS / "nano"))
        turn = [0]

        def plan() -> Any:
            alone.forget()
            turn[0] += 1
            return alone.plan(SENTENCES[turn[0] % n], seen, ())

        at_once(plan, steps["onnxruntime fp32"], float(given.get("seconds", "20")))


if __name__ == "__main__":
    main()
