"""Pictures for `benchmarks/palme.py`: PaLM-E's planning domain, kitchens, and the objects of a picture one by one.

A picture goes into the shards that `palmetto train` reads, with one sentence: a question answered by `say(...)`, or
"How to ...?" with the plan in the plan language, each thing pointed at. Beside each shard, under the same name, lie the
objects' vectors for models that read objects in place of pictures (`slots`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from agent.plan import PrimitiveCall, format_plan, renamed
from agent.training.mirror import mirrored
from agent.training.shards import Picture, Sentence, write_shard
from agent.verbs import Relation, Verb
from robots.mobile_panda import mobile_panda
from sim.errands import questions as kitchens
from sim.naming import SceneError
from sim.pictures import MAP_GRID, make_pictures, saying_pictures, take
from sim.questions import Example, draw
from sim.render import FIRST_OBJECT_ID, open_renderer
from sim.robot import SimRobot, open_sim_robot
from sim.tamp.base import clearing
from sim.tamp.scene import Layout
from sim.task import Split, call
from sim.world import World

KINDS = ("q1", "q2", "q3", "q4", "p1", "p2")
CROP_PX = 10
"""Side of the cut-out that a slot has of its object."""
SLOT_NUMBERS = 4 + 2 + 1 + 4 * CROP_PX**2
Floats = NDArray[np.float32]


def plan_calls(example: Example) -> list[PrimitiveCall]:
    """The calls of a p1 or p2: what is in the way is put aside, then what was asked for."""
    below, names = example.layout.below, example.layout.names
    by_colour = {name.split()[0]: name for name in names}
    asked = [by_colour[w] for w in re.findall(r"[a-z]+", example.question) if w in by_colour]
    if example.kind == "p1":
        return [*clearing(asked[0], below), call(Verb.PICK, asked[0]), call(Verb.DONE)]
    a, b = asked
    onto = [call(Verb.PICK, a), call(Verb.PLACE, b, relation=Relation.ON), call(Verb.DONE)]
    return [*clearing(b, below), *clearing(a, below), *onto]


def as_said(example: Example, picture: Picture) -> Sentence:
    """Question and answer as the agent hears and writes them; things are called by their colour."""
    if example.kind[0] == "q":
        plan = said(example.answer)
    else:
        at = {n: o.point for n, o in zip(example.layout.names, picture.objects, strict=True)}
        words = {n: f"{n.split()[0]} thing" for n in example.layout.names}
        calls = [replace(c, point=at.get(c.target)) for c in plan_calls(example)]
        plan = format_plan([renamed(c, words) for c in calls])
    return Sentence(family=example.kind, instruction=example.question, history=(), plan=plan)


def said(answer: str) -> str:
    """An answer as a plan."""
    return f"say({answer.lower().rstrip('.')})\ndone()"


def in_the_mirror(picture: Picture) -> Picture:
    """Left and right exchanged in the picture and in the words."""
    turned = mirrored(picture)
    return replace(turned, sentences=tuple(_swapped(s) for s in turned.sentences))


def _swapped(s: Sentence) -> Sentence:
    options = "left, right, or center"  # a list, in its own order
    heard = s.instruction.replace(options, "@")
    return replace(s, instruction=_swap(heard).replace("@", options), plan=_swap(s.plan))


def _swap(text: str) -> str:
    other = {"left": "right", "right": "left"}
    return re.sub("left|right", lambda m: other[m[0]], text)


def slots(rgb: NDArray[np.uint8], ids: NDArray[np.int32], count: int) -> Floats:
    """The objects that are seen, by their true masks: float32[K,SLOT_NUMBERS]. Each has its box (top, left, bottom,
    right) and middle in shares of the picture, how much of it there is, and its cut-out with its mask."""
    found = []
    height, width = ids.shape
    for i in range(count):
        mask = ids == FIRST_OBJECT_ID + i
        if not mask.any():
            continue
        rows, columns = np.nonzero(mask)
        top, bottom, left, right = rows.min(), rows.max() + 1, columns.min(), columns.max() + 1
        cut = mask[top:bottom, left:right].astype(np.float32)
        colours = (rgb[top:bottom, left:right].astype(np.float32) / 127.5 - 1.0) * cut[..., None]
        seen = cv2.resize(np.dstack([colours, cut]), (CROP_PX, CROP_PX), interpolation=cv2.INTER_AREA)
        box = np.array([top / height, left / width, bottom / height, right / width])
        middle = np.array([(rows.mean() + 0.5) / height, (columns.mean() + 0.5) / width])
        where = [4 * (box - 0.5), 4 * (middle - 0.5)]
        found.append(np.concatenate([*where, [10 * len(rows) ** 0.5 / height], seen.ravel()]))
    return np.array(found, np.float32).reshape(-1, SLOT_NUMBERS)


def slots_in_the_mirror(vectors: Floats) -> Floats:
    """Slots of the picture in a mirror."""
    turned: Floats = vectors.copy()
    turned[:, 1], turned[:, 3], turned[:, 5] = -vectors[:, 3], -vectors[:, 1], -vectors[:, 5]
    crops = vectors[:, 7:].reshape(-1, CROP_PX, CROP_PX, 4)[:, :, ::-1]
    turned[:, 7:] = crops.reshape(len(vectors), -1)
    return turned


def tamp(robot: SimRobot, kind: str, split: Split, seed: int) -> tuple[Picture, Floats, Layout]:
    """A question of `sim.questions`, seen: its picture, its objects and what stands on what."""
    example = draw(kind, split, seed)
    robot.reset(example.layout.scene)
    picture = take(robot, seed, ())
    ids = robot.picture().ids
    vectors = slots(picture.rgb, ids, len(example.layout.names))
    return replace(picture, sentences=(as_said(example, picture),)), vectors, example.layout


def write_tamp(folder: Path, split: Split, first_seed: int, n: int, *, mirror: bool) -> None:
    """n examples of each kind, one shard a kind, with their slots and (as *.json) what stands on what; with `mirror`
    each a second time in a mirror. What is there already stays."""
    folder.mkdir(parents=True, exist_ok=True)
    robot = open_sim_robot()
    try:
        for kind in KINDS:
            path = folder / f"{kind}.safetensors"
            if path.exists():
                continue
            drawn = [tamp(robot, kind, split, first_seed + i) for i in range(n)]
            pictures, vectors = [p for p, _, _ in drawn], [v for _, v, _ in drawn]
            if mirror:
                pictures += [in_the_mirror(p) for p in pictures]
                vectors += [slots_in_the_mirror(v) for v in vectors]
            below = [{"names": layout.names, "below": dict(layout.below)} for _, _, layout in drawn]
            path.with_suffix(".json").write_text(json.dumps(below))
            ends = np.cumsum([len(v) for v in vectors])
            np.savez_compressed(path.with_suffix(".npz"), slots=np.concatenate(vectors), ends=ends)
            write_shard(path, pictures)
    finally:
        robot.close()


def read_slots(path: Path) -> list[Floats]:
    """Of each picture of a shard, its objects' vectors."""
    with np.load(path.with_suffix(".npz")) as data:
        vectors: Floats = data["slots"]
        return np.split(vectors, data["ends"][:-1])


def write_tabletop(folder: Path, count: int = 750, first_seed: int = 300_000) -> None:
    """Pictures of the tabletop with eight sentences each, as nano was trained on. What is there already stays."""
    make_pictures(folder, count, first_seed, 1, saying_pictures, print)


def side_by_side(pictures: Sequence[NDArray[np.uint8]]) -> NDArray[np.uint8]:
    """One picture as it is; before and after next to each other."""
    return np.ascontiguousarray(np.hstack(list(pictures)))


def kitchen(robot: SimRobot, topic: str, split: Split, seed: int) -> Picture:
    """A question about a kitchen, of affordance or failure, with the picture (or pictures) that it is about.

    Raises:
        SceneError: see `sim.errands.questions.shown`.
    """
    asked = kitchens.ask(topic, split, seed)
    rgb = side_by_side(kitchens.shown(robot, asked).pictures)
    heard = Sentence(family=f"{asked.kind}/{topic}", instruction=asked.question, history=(), plan=said(asked.answer))
    unknown = np.full((MAP_GRID, MAP_GRID), 255, np.uint8)
    state = np.zeros(5, np.float32)
    return Picture(seed=seed, rgb=rgb, grid=unknown, state=state, objects=(), sentences=(heard,))


def write_kitchens(folder: Path, split: Split, first_seed: int, n: int, per_shard: int = 50) -> None:
    """n questions of each topic. What is there already stays."""
    folder.mkdir(parents=True, exist_ok=True)
    robot = SimRobot(World(spec=mobile_panda()), open_renderer("auto").renderer)
    try:
        for start in range(first_seed, first_seed + n, per_shard):
            path = folder / f"kitchen-{split}-{start:07d}.safetensors"
            if not path.exists():
                seeds = range(start, min(start + per_shard, first_seed + n))
                write_shard(path, list(_drawn(lambda t, s: kitchen(robot, t, split, s), seeds)))
    finally:
        robot.close()


def _drawn(show: Callable[[str, int], Picture], seeds: Sequence[int]) -> Iterator[Picture]:
    for seed in seeds:
        for topic in kitchens.TOPICS:
            try:
                yield show(topic, seed)
            except SceneError as error:
                print(f"left out: {error}")
