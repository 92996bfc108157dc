"""PaLM-E's questions about its planning domain, with pictures and true answers: q1 to q4, p1 and p2 in words.

    example = draw("q4", "trained", seed=7)    # question, answer and the scene that they are about
    write(Path("data/questions"), split="trained", first_seed=0, n=600)

Driess et al. 2023, section 6.2 and appendix B.1. The words of a question are drawn first, then the answer that is to be
right, each of a kind's answers as often as the others, and then scenes until one fits both: so no question tells its
answer. Seeds below 1,000,000 are for training, then for validation, from 2,000,000 on for tests.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zlib import crc32

import cv2
import numpy as np

from agent.plan import PrimitiveCall
from agent.verbs import Relation, Verb
from sim.lexicon import COLOURS, SIZES
from sim.naming import SceneError
from sim.tamp.base import clearing, plan_sentence
from sim.tamp.scene import Layout, count, sample_layout, sample_things
from sim.task import SPLITS, Split, call
from sim.tasks.phrasing import choose

DRAWS = 4_000
"""Scenes until one fits question and answer; the rarest needs a few hundred."""
SIDES = ("left", "center", "right")
CENTER_M, SIDE_M = 0.05, 0.09
"""Nearer to the middle than this is the center; further than that, a side. Between them nothing is asked about."""
APART_M = 0.04
"""Left of: at least so far that way, whatever the distance towards the viewer; what is nearer is not asked about."""
POSSIBLE, IMPOSSIBLE = "Yes, this is possible.", "No, this is not possible."


@dataclass(frozen=True, kw_only=True)
class Example:
    """One question. kind: q1 to q4, p1, p2. form: its words without those of colours. layout: what it is about."""

    kind: str
    split: Split
    seed: int
    question: str
    answer: str
    form: str
    layout: Layout


@dataclass(frozen=True, kw_only=True)
class Asked:
    """The words of a question, before there is a scene. truth: the answer about a scene, None where it does not fit."""

    form: str
    colours: tuple[str, ...]
    truth: Callable[[Layout], str | None]
    n: int | None = None

    @property
    def question(self) -> str:
        """With the colours in it."""
        return self.form.format(*self.colours)


def q1(rng: np.random.Generator, answer: str) -> Asked:
    """The colour of the one object, or of the only small or large one, or of the one at a side."""
    if rng.random() < 0.4:
        return Asked(form="What is the color of the object on the table?", colours=(answer,), n=1, truth=_only_colour)
    which = choose(rng, ("small", "large", "leftmost", "rightmost"))

    def truth(layout: Layout) -> str | None:
        if which in SIZES:
            fitting = [o.spec.colour for o in layout.scene.objects if o.spec.size == which]
            return fitting[0] if len(fitting) == 1 else None
        sign = -1 if which == "leftmost" else 1
        ranked = sorted(layout.scene.objects, key=lambda o: -sign * o.xy_m[1])
        apart = sign * (ranked[0].xy_m[1] - ranked[1].xy_m[1])
        return ranked[0].spec.colour if apart > APART_M else None

    return Asked(form=f"What is the color of the {which} object?", colours=(answer,), truth=truth)


def _only_colour(layout: Layout) -> str | None:
    return layout.scene.objects[0].spec.colour if len(layout.scene.objects) == 1 else None


def q2(rng: np.random.Generator, answer: str, there: Sequence[str] = tuple(COLOURS)) -> Asked:
    """Where an object is on the table. there: the colours that may be spoken of, here and below."""
    colour = _colours(rng, 1, there)

    def truth(layout: Layout) -> str | None:
        y = _xyz(layout, colour[0])[1]
        return "center" if abs(y) < CENTER_M else None if abs(y) < SIDE_M else "left" if y < 0 else "right"

    return Asked(form="Is the {} object left, right, or center of the table?", colours=colour, truth=truth)


RELATIONS = ("left of", "right of", "in front of", "behind", "on top of", "below")


def q3(rng: np.random.Generator, answer: str, there: Sequence[str] = tuple(COLOURS)) -> Asked:
    """Whether two objects are in a relation."""
    colours, relation = _colours(rng, 2, there), choose(rng, RELATIONS)

    def truth(layout: Layout) -> str | None:
        a, b = (_name(layout, c) for c in colours)
        if relation in ("on top of", "below"):
            upper, lower = (a, b) if relation == "on top of" else (b, a)
            return "Yes" if layout.under(upper, lower) else "No"
        if layout.under(a, b) or layout.under(b, a):
            return None  # above each other, neither is beside the other
        axis, sign = {"left of": (1, -1), "right of": (1, 1), "in front of": (0, 1), "behind": (0, -1)}[relation]
        along = sign * (_xyz(layout, colours[0])[axis] - _xyz(layout, colours[1])[axis])
        return None if abs(along) < APART_M else "Yes" if along > 0 else "No"

    return Asked(form=f"Is the {{}} object {relation} the {{}} object?", colours=colours, truth=truth)


def q4(rng: np.random.Generator, answer: str, there: Sequence[str] = tuple(COLOURS)) -> Asked:
    """Whether a plan of three steps is possible: what is grasped must be free then, and what is placed on, too."""
    colours = _colours(rng, 3, there)

    def truth(layout: Layout) -> str | None:
        a, b, c = (_name(layout, colour) for colour in colours)
        above = {name: layout.above(name) for name in layout.names}
        first = above[a] is None
        then = above[b] in (None, a)
        last = above[c] in (None, a)
        return POSSIBLE if first and then and last else IMPOSSIBLE

    form = (
        "Is it possible to first grasp the {} object, then place it on the {} object, and then grasp the {} object?"
    )  # fmt: skip
    return Asked(form=form, colours=colours, truth=truth)


def p1(rng: np.random.Generator, answer: str) -> Asked:
    """How to grasp an object; `answer` is how many others come off first."""
    colours = _colours(rng, 1, tuple(COLOURS))

    def truth(layout: Layout) -> str | None:
        name = _name(layout, colours[0])
        calls = [*clearing(name, layout.below), _grasp(name)]
        return plan_sentence(calls) if str(len(calls) // 2) == answer else None

    return Asked(form="How to grasp the {} object?", colours=colours, truth=truth)


def p2(rng: np.random.Generator, answer: str) -> Asked:
    """How to stack an object on another one; `answer` is how many others come off first."""
    colours = _colours(rng, 2, tuple(COLOURS))

    def truth(layout: Layout) -> str | None:
        a, b = (_name(layout, c) for c in colours)
        if layout.under(a, b) or layout.under(b, a):
            return None
        off = [*clearing(b, layout.below), *clearing(a, layout.below)]
        if str(len(off) // 2) != answer:
            return None
        return plan_sentence([*off, _grasp(a), call(Verb.PLACE, b, relation=Relation.ON)])

    return Asked(form="How to stack the {} object on top of the {} object?", colours=colours, truth=truth)


ASK: dict[str, tuple[Callable[[np.random.Generator, str], Asked], tuple[str, ...]]] = {
    "q1": (q1, tuple(COLOURS)), "q2": (q2, SIDES), "q3": (q3, ("Yes", "No")), "q4": (q4, (POSSIBLE, IMPOSSIBLE)),
    "p1": (p1, ("0", "1", "2")), "p2": (p2, ("0", "1", "2")),
}  # fmt: skip
"""By kind, who asks, and the answers, of plans their lengths, that come equally often."""
KINDS_OF_QUESTION = tuple(ASK)


def draw(kind: str, split: Split, seed: int) -> Example:
    """The question of a seed; seeds in a row go through all answers of the kind.

    Raises:
        SceneError: no scene fits in DRAWS draws.
    """
    asks, answers = ASK[kind]
    rng = np.random.default_rng([seed, crc32(f"question/{kind}".encode()), SPLITS.index(split)])
    # Which answer comes when hangs on the seed alone, shuffled in each round of them.
    turn, place = divmod(seed, len(answers))
    order = np.random.default_rng([turn, crc32(kind.encode())]).permutation(len(answers))
    wanted = answers[int(order[place])]
    asked = asks(rng, wanted)
    for _ in range(DRAWS):
        n = count(rng, split) if asked.n is None else asked.n
        try:
            layout = sample_layout(rng, sample_things(rng, max(n, len(asked.colours)), split, asked.colours), seed)
        except SceneError:
            continue
        truth = asked.truth(layout)
        if truth is not None and (kind[0] == "p" or truth == wanted):
            return Example(
                kind=kind, split=split, seed=seed, question=asked.question, answer=truth, form=asked.form, layout=layout
            )
    raise SceneError(f"no scene for {asked.question!r} with the answer {wanted!r} in {DRAWS} draws")


def _colours(rng: np.random.Generator, n: int, there: Sequence[str]) -> tuple[str, ...]:
    return tuple(str(c) for c in rng.permutation(list(there))[:n])


def _name(layout: Layout, colour: str) -> str:
    return next(o.spec.name for o in layout.scene.objects if o.spec.colour == colour)


def _xyz(layout: Layout, colour: str) -> tuple[float, float, float]:
    placed = next(o for o in layout.scene.objects if o.spec.colour == colour)
    return (*placed.xy_m, placed.z_m)


def _grasp(name: str) -> PrimitiveCall:
    return call(Verb.PICK, name)


def text_only(train: Sequence[Example], test: Sequence[Example]) -> dict[str, float]:
    """How often the best guess from the words alone is right, by kind: of the answers seen in `train`, the commonest to
    this very question, to this form of question, or to this kind, whichever guesser is best on `test`."""
    found: dict[str, float] = {}
    for kind in dict.fromkeys(e.kind for e in test):
        asked = [e for e in test if e.kind == kind]
        keys: tuple[Callable[[Example], str], ...] = (lambda e: e.question, lambda e: e.form, lambda e: e.kind)
        found[kind] = max(_guessed(key, [e for e in train if e.kind == kind], asked) for key in keys)
    return found


def _guessed(key: Callable[[Example], str], train: Sequence[Example], test: Sequence[Example]) -> float:
    common = Counter(e.answer for e in train).most_common(1)[0][0]
    seen: dict[str, Counter[str]] = {}
    for e in train:
        seen.setdefault(key(e), Counter())[e.answer] += 1
    best = {k: answers.most_common(1)[0][0] for k, answers in seen.items()}
    return sum(best.get(key(e), common) == e.answer for e in test) / len(test)


def write(folder: Path, *, split: Split, first_seed: int, n: int, kinds: Sequence[str] = KINDS_OF_QUESTION) -> int:
    """n questions of each kind as questions.jsonl and pictures/*.png, 224 x 224; returns how many lines there are.

    What is there already stays as it is: run again, it does what is missing.
    """
    from sim.robot import open_sim_robot

    pictures = folder / "pictures"
    pictures.mkdir(parents=True, exist_ok=True)
    path = folder / "questions.jsonl"
    done = {(x["kind"], x["split"], x["seed"]) for x in _lines(path)}
    robot = open_sim_robot()
    try:
        with open(path, "a") as f:
            for seed in range(first_seed, first_seed + n):
                for kind in kinds:
                    if (kind, split, seed) in done:
                        continue
                    example = draw(kind, split, seed)
                    robot.reset(example.layout.scene)
                    name = f"pictures/{split}_{kind}_{seed}.png"
                    cv2.imwrite(str(folder / name), robot.picture().rgb[..., ::-1])
                    f.write(json.dumps(_line(example, name)) + "\n")
                    done.add((kind, split, seed))
    finally:
        robot.close()
    return len(done)


def _line(example: Example, picture: str) -> dict[str, Any]:
    return {
        "kind": example.kind, "split": example.split, "seed": example.seed, "question": example.question,
        "answer": example.answer, "picture": picture, "objects": list(example.layout.names),
    }  # fmt: skip


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    if path.exists():
        for line in path.read_text().splitlines():
            yield json.loads(line)


if __name__ == "__main__":
    if len(sys.argv) != 5 or sys.argv[2] not in SPLITS:
        sys.exit(f"python -m sim.questions FOLDER {'|'.join(SPLITS)} FIRST_SEED N")
    chosen = next(s for s in SPLITS if s == sys.argv[2])
    print(write(Path(sys.argv[1]), split=chosen, first_seed=int(sys.argv[3]), n=int(sys.argv[4])), "questions")
