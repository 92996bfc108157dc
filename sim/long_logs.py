"""Long logs of many episodes, with facts between them that a question at the end can be about.

<instruction> put the red block in the green bowl <history> <pick> red block <ok> ... <plan> <done>
<say> remember the key is in the purple bowl <ok>
...
<instruction> where is the key <plan> <say> the key is in the purple bowl <end>
"""

from __future__ import annotations

from itertools import islice

import numpy as np

from agent.plan import PrimitiveCall
from agent.stream import OK, PAD, Stream
from agent.verbs import Verb
from sim.kinematic import TABLE_X_M, TABLE_Y_M, Failures, rollout
from sim.lexicon import COLOURS, CONTAINER_KINDS
from sim.pictures import OTHER_SHARE
from sim.scenes import PlacedObject, Scene
from sim.tasks.suites import sample

THINGS = (
    "key", "sponge", "cup", "spoon", "fork", "knife", "bottle", "ball", "book", "pen", "phone", "battery", "nut",
    "hammer", "coin", "card", "toy", "bear", "car", "apple", "banana", "egg", "bread", "candle", "comb", "hat", "towel",
    "soap", "string", "tape", "scissors", "letter", "map", "wallet", "watch", "radio", "remote", "drum", "feather",
    "stone",
)  # fmt: skip
"""What facts are about; no episode has any of them."""
PLACES = [f"{colour} {kind}" for colour in COLOURS for kind in CONTAINER_KINDS]
MOST_CALLS = 12
"""Of an episode; a longer one is cut."""
_FAILURES = Failures(grasp=0.1, slip=0.07)
Fact = tuple[str, str]
"""A thing, and the place that it is in."""


class Writer:
    """Logs as ids of a small vocabulary: what the training's episodes and the facts have; anything else is <pad>."""

    def __init__(self, stream: Stream, episodes: list[list[int]]) -> None:
        self.stream = stream
        said = [*(self.fact(f) for f in zip(THINGS, THINGS, strict=True)), *(stream.words(p) for p in PLACES)]
        asked = [[*self.question("key"), *self.answer(("key", "key"))]]
        known = {i for ids in (*episodes, *said, *asked) for i in ids} - {stream.special[PAD]}
        self.small = {i: n for n, i in enumerate([stream.special[PAD], *sorted(known)])}

    def fact(self, fact: Fact) -> list[int]:
        """The line that states it."""
        call = PrimitiveCall(verb=Verb.SAY, text=f"remember the {fact[0]} is in the {fact[1]}")
        return [*self.stream.calls([call])[0][:-1], self.stream.special[OK]]

    def question(self, thing: str) -> list[int]:
        """The prompt that asks for the thing's place."""
        return self.stream.prompt(f"where is the {thing}", ())

    def answer(self, fact: Fact) -> list[int]:
        """The plan that is right."""
        return self.stream.calls([PrimitiveCall(verb=Verb.SAY, text=f"the {fact[0]} is in the {fact[1]}")])[0]

    def ids(self, lines: list[list[int]]) -> list[int]:
        """Lines of the tokenizer's ids, joined, as the small vocabulary's."""
        return [self.small.get(i, 0) for line in lines for i in line]


def episode(stream: Stream, rng: np.random.Generator) -> list[int]:
    """A whole episode: the instruction, each call and how it went, and that it is done."""
    instance = sample(str(rng.choice([*OTHER_SHARE], p=[*OTHER_SHARE.values()])), rng)
    xy = rng.uniform((TABLE_X_M[0], TABLE_Y_M[0]), (TABLE_X_M[1], TABLE_Y_M[1]), size=(len(instance.objects), 2))
    placed = zip(instance.objects, xy, strict=True)
    table = tuple(PlacedObject(spec=o, xy_m=(float(x), float(y))) for o, (x, y) in placed)
    moments = rollout(instance, Scene(seed=0, objects=table), rng, failures=_FAILURES)
    *_, last = islice(moments, MOST_CALLS)
    return [*stream.prompt(instance.instruction, last.history), *stream.calls(last.calls[-1:])[0]]


def write(
    rng: np.random.Generator, writer: Writer, episodes: list[list[int]], length: int, facts: list[tuple[float, Fact]]
) -> list[list[int]]:
    """The lines of a log of at most `length` tokens, each fact at its share of it; facts come sorted."""
    lines: list[list[int]] = []
    done, left = 0, sum(len(writer.fact(f)) for _, f in facts)
    for share, fact in facts if facts[-1][0] == 1.0 else [*facts, (1.0, None)]:
        misses = 0
        while misses < 8:  # until no episode fits before the next fact
            drawn = episodes[rng.integers(len(episodes))]
            fits = done + len(drawn) <= min(share * length, length - left)
            misses += not fits
            if fits:
                lines.append(drawn)
                done += len(drawn)
        if fact is not None:
            lines.append(writer.fact(fact))
            done += len(lines[-1])
            left -= len(lines[-1])
    return lines


def draw_facts(rng: np.random.Generator, count: int) -> list[Fact]:
    """About different things; two may be in one place."""
    things, places = rng.permutation(THINGS)[:count], rng.choice(PLACES, size=count)
    return [(str(t), str(p)) for t, p in zip(things, places, strict=True)]
