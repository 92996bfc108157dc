"""Where a checkpoint errs: in the words of its plans, or in where it points. Validation seeds, the first look.

    python benchmarks/teacher_forced.py checkpoint=outputs/nano [count=24] [split=trained]

For each split and family, with the right words given so far: the share of instructions whose plan is the likeliest at
every word, of those whose every point is right (within 1.5 cells, "nothing" where there is nothing), and of both.
Needs torch.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from agent.stream import Stream
from agent.training.batch import Batch, make_batch
from agent.training.shards import Picture
from agent.vlm.checkpoint import load_checkpoint
from agent.vlm.model import VLM
from sim.naming import SceneError
from sim.pictures import take
from sim.robot import SimRobot, open_sim_robot
from sim.room import rooms
from sim.said import sentence
from sim.scenes import sample_scene
from sim.symbolic import SymbolicState
from sim.tasks.base import SPLITS, Split
from sim.tasks.suites import families, sample

SEED = 1_500_000


def first_look(robot: SimRobot, family: str, split: Split, seed: int) -> Picture:
    """The picture before anything was done, with what the instruction's plan is."""
    rng = np.random.default_rng([seed, SPLITS.index(split)])
    while True:
        instance = sample(family, rng, split)
        try:
            robot.reset(sample_scene(rng, objects=instance.objects, seed=seed, room=rooms(instance.program)))
        except SceneError:
            continue
        break
    poses = robot.world.poses()
    where = {name: (float(p.xyz[0]), float(p.xyz[1]), float(p.xyz[2])) for name, p in poses.items()}
    picture = take(robot, seed, ())
    at = {name: o.point for name, o in zip(robot.world.names, picture.objects, strict=True)}
    state = SymbolicState(xyz_m=where, held=None, start_xyz_m=where)
    return replace(picture, sentences=(sentence(instance, state, (), at.get),))


def judge(model: VLM, batch: Batch) -> tuple[bool, bool]:
    """Whether all words, and whether all points, of the batch's one plan are right."""
    tokens, features = model.vision(batch.image)
    hidden = model.read(tokens, batch.state, batch.ids, batch.segments, batch.positions).flatten(0, 1)
    words = model.decoder.logits(hidden[batch.label_at]).argmax(1) == batch.label
    belief = model.point(model.query(hidden[batch.point_at]), features[0]).float().softmax(1)
    grid = model.config.vision.map_grid
    points = [_right(b, cells, grid) for b, cells in zip(belief, batch.point_cell, strict=True)]
    return bool(words.all()), all(points)


def _right(belief: Tensor, cells: Tensor, grid: int) -> bool:
    right = cells[~torch.isnan(cells[:, 0])]
    nothing = bool(belief[-1] > 0.5)
    if not len(right):
        return nothing
    peak = int(belief[:-1].argmax())
    near = (torch.tensor([peak // grid, peak % grid]) - right).abs().amax(1) <= 1.5
    return bool(near.any()) and not nothing


def main(arguments: list[str]) -> None:
    given = dict(a.split("=", 1) for a in arguments)
    if "checkpoint" not in given:
        raise SystemExit("checkpoint=FOLDER, as `palmetto train` wrote it")
    loaded = load_checkpoint(Path(given["checkpoint"]))
    model, stream, count = loaded.model().eval(), Stream(loaded.tokenizer), int(given.get("count", "24"))
    robot = open_sim_robot()
    print("| split | family | words % | points % | both % | of |\n| --- | --- | --- | --- | --- | --- |")
    for split in SPLITS if "split" not in given else [s for s in SPLITS if s == given["split"]]:
        judged: dict[str, list[tuple[bool, bool]]] = defaultdict(list)
        for family in families():
            for i in range(count):
                picture = first_look(robot, family, split, SEED + i)
                with torch.no_grad(), torch.autocast("cpu", dtype=torch.bfloat16):
                    judged[family].append(judge(model, make_batch([picture], stream, model.config)))
        for family, found in [*judged.items(), ("all", [pair for pairs in judged.values() for pair in pairs])]:
            rates = [
                100 * float(np.mean(x))
                for x in ([w for w, _ in found], [p for _, p in found], [w and p for w, p in found])
            ]
            print(f"| {split} | {family} | " + " | ".join(f"{r:.1f}" for r in rates) + f" | {len(found)} |", flush=True)
    robot.close()


if __name__ == "__main__":
    main(sys.argv[1:])
