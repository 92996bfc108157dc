"""Templates to sentences: a small language for phrasings, the frames around them, and how people type.

In a template `{a}` is a slot, `<put>` one of a class of words, `(x|y)` alternatives and `[x]` something said or left
out. A leading `!` marks an imperative, which may stand behind "could you", "I need you to" and the like.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import cache

import numpy as np

from sim.lexicon import COLOUR_WORDS

Rng = np.random.Generator
Render = Callable[[str], str]
Node = str | tuple[str, str] | tuple["Node", ...] | list["Node"]
"""Text; ("slot" | "class", name); a sequence (tuple of nodes); a choice (list of nodes)."""

_TOKEN = re.compile(r"\{\w+\}|<\w+>|[()\[\]|]|[^{<()\[\]|]+")

_NO_SLIP = {word for words in COLOUR_WORDS.values() for phrase in words for word in phrase.split()}
"""A slip in "black" makes "back"; one in "light blue" leaves another colour."""

BEFORE_IMPERATIVE = (
    "please ", "please ", "please, ", "could you ", "can you ", "would you ", "will you ", "could you please ",
    "can you please ", "would you please ", "I need you to ", "I want you to ", "I'd like you to ",
    "I would like you to ", "robot, ", "hey robot, ", "robot: ", "robot, please ", "now ", "now, ", "ok, ", "okay ",
    "ok robot, ", "go ahead and ", "your task is to ", "your job is to ", "next, ", "you should ", "you need to ",
    "try to ", "just ", "hey, ", "hi, could you ", "alright, ", "so, ", "task: ", "help me ", "let's ",
    "you have to ",
    "I want to see you ", "it would be great if you could ", "would you be so kind as to ", "do me a favor and ",
    "I need the robot to ", "make sure to ", "first thing: ", "quickly ", "carefully ", "gently ", "then ",
    "pls ", "can u ", "could u ", "hello! ", "hello robot, ", "hi robot, ", "excuse me, ", "i need u to ",
    "good morning, ",
    "would you kindly ", "if possible, ", "ready? ", "for the next task, ", "start now: ", "here is your job: ",
    "you can ",
    "we want you to ", "it is time to ", "feel free to ", "don't forget to ", "remember to ", "be sure to ",
    "i'd love you to ",
)  # fmt: skip
BEFORE_STATEMENT = (
    "robot, ", "ok, ", "hey, ", "now, ", "so, ", "task: ", "goal: ", "please, ", "hey robot, ", "alright, ",
)  # fmt: skip
AFTER = (
    " please", ", please", " now", " for me", " thanks", ", thanks", ", thank you", " right now", " if you can",
    " for me please", " carefully", ", ok?", " then", " will you", " when you're ready", ", robot", " asap", " again",
    " pls", " plz", " thx", " ok", " as fast as you can", " because it is in the way",
    " so that I can take a picture",
    " before we start", " without dropping it", " if that is ok", " when you have time", " this time",
    ", I'm in a hurry",
    " because I need the space", " while I wait", " and be careful", " as soon as possible", ", good luck",
    " so I can see it",
    ", that would be great", ", would that work?",
)  # fmt: skip
HELD_OUT_BEFORE = (
    "kindly ", "would you mind helping: ", "mate, ", "listen up: ", "quick one: ", "be a dear and ", "yo, ",
)  # fmt: skip
HELD_OUT_AFTER = (", cheers", ", would you", " at once", ", much appreciated", " whenever convenient")


@cache
def compile_template(template: str) -> Node:
    """The template as nodes.

    Raises:
        ValueError: for brackets that do not match.
    """
    tokens = _TOKEN.findall(template)
    if "".join(tokens) != template:
        raise ValueError(f"not a template: {template!r}")
    node, rest = _alternatives(tokens, 0)
    if rest != len(tokens):
        raise ValueError(f"brackets do not match: {template!r}")
    return node


def _alternatives(tokens: Sequence[str], at: int) -> tuple[Node, int]:
    options: list[Node] = []
    here: list[Node] = []
    while at < len(tokens) and tokens[at] not in ")]":
        token = tokens[at]
        at += 1
        if token == "|":
            options.append(tuple(here))
            here = []
        elif token in "([":
            inner, at = _alternatives(tokens, at)
            if at >= len(tokens) or tokens[at] != {"(": ")", "[": "]"}[token]:
                raise ValueError("brackets do not match: " + "".join(tokens))
            at += 1
            here.append(inner if token == "(" else ["", inner])
        elif token[0] == "{":
            here.append(("slot", token[1:-1]))
        elif token[0] == "<":
            here.append(("class", token[1:-1]))
        else:
            here.append(token)
    options.append(tuple(here))
    return (options[0] if len(options) == 1 else options), at


def expand(
    template: str, rng: Rng, slots: Mapping[str, Callable[[], str]], classes: Mapping[str, Sequence[str]]
) -> str:
    """One sentence of the template; each slot is rendered anew at each place where it stands."""

    def walk(node: Node) -> str:
        if isinstance(node, str):
            return node
        if isinstance(node, list):
            return walk(node[int(rng.integers(len(node)))])
        if len(node) == 2 and node[0] in ("slot", "class") and isinstance(node[1], str):
            return slots[node[1]]() if node[0] == "slot" else choose(rng, classes[node[1]])
        return "".join(walk(n) for n in node)

    said = " ".join(walk(compile_template(template.removeprefix("!"))).split())
    return said.replace(" ,", ",").replace(" over over ", " over ")


def choose(rng: Rng, options: Sequence[str]) -> str:
    """One of the options, all equally likely; say one twice to make it likelier."""
    return options[int(rng.integers(len(options)))]


def frame(sentence: str, rng: Rng, *, imperative: bool, held_out: bool) -> str:
    """The sentence with what people say around it: politeness, address, hurry."""
    before, after = rng.random(), rng.random()
    if before < 0.35:
        new = held_out and rng.random() < 0.3
        fitting = HELD_OUT_BEFORE if new else BEFORE_IMPERATIVE
        prefix = choose(rng, fitting if imperative else BEFORE_STATEMENT)
        sentence = prefix + sentence
    if after < 0.15 and sentence[-1] != "?":
        new = held_out and rng.random() < 0.3
        sentence += choose(rng, HELD_OUT_AFTER if new else AFTER)
    return sentence


def as_typed(sentence: str, rng: Rng) -> str:
    """Case, closing mark and, seldom, a slip of the finger, as in a chat window."""
    style = rng.random()
    if style < 0.45:
        sentence = sentence[0].upper() + sentence[1:]
    elif style < 0.85:
        sentence = sentence.lower()
    elif style < 0.88:
        sentence = sentence.upper()
    if rng.random() < 0.03:
        sentence = _slip(sentence, rng)
    asks = re.match(r"(?i)(hi, |please |ok robot, )?(could|can|would|will) you", sentence) is not None
    mark = choose(rng, ("?", "?", "", ".") if asks else ("", "", ".", ".", "!"))
    return sentence if sentence[-1] in "?!." else sentence + mark


def _slip(sentence: str, rng: Rng) -> str:
    words = sentence.split(" ")
    long = [i for i, w in enumerate(words) if len(w) >= 5 and w.isalpha() and w.lower() not in _NO_SLIP]
    if not long:
        return sentence
    i = long[rng.integers(len(long))]
    w, j = words[i], int(rng.integers(1, len(words[i]) - 2))
    slips = (w[:j] + w[j + 1] + w[j] + w[j + 2 :], w[:j] + w[j + 1 :], w[:j] + w[j] + w[j:])
    words[i] = slips[rng.integers(3)]
    return " ".join(words)
