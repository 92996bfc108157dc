"""The planner that ships: a bundle run by ONNX Runtime, decoding constrained by the plan grammar."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from agent.onboard.bundle import Bundle
from agent.onboard.constrain import Grammar, PlanDecoder
from agent.onboard.grounded import Found, find, grounded, pointed
from agent.plan import Plan, PrimitiveResult, format_plan
from agent.preprocess import CAMERA, planner_inputs
from agent.stream import POINT, normalise
from agent.verbs import Verb
from robots.interface import Observation

TABLETOP_VERBS = (Verb.PICK, Verb.PLACE, Verb.PUSH, Verb.LOOK, Verb.SAY, Verb.ASK, Verb.REFUSE, Verb.DONE)
COPIED = 1.5
"""Added to the logits of words that the instruction has, so that a pair of words that training never had together is
copied and not mended (docs/decisions.md)."""
MAX_TOKENS = 160
"""Of a plan. The longest of 9,000 drawn ones had 59."""

_WORD = re.compile(r"[a-z]+")
_SINGULAR = (("ies", "y"), ("es", ""), ("s", ""))


def words_said(instruction: str) -> set[str]:
    """The words of an instruction, and what those that look like plurals may be the plurals of.

    >>> sorted(words_said("both the boxes"))
    ['both', 'box', 'boxe', 'boxes', 'the']
    """
    words = set(_WORD.findall(instruction))
    return words | {w.removesuffix(end) + y for w in words for end, y in _SINGULAR if w.endswith(end) and len(w) > 3}


class OnnxPlanner:
    """Sees once, reads the prompt once, then writes the remaining plan token by token, the likeliest that may stand."""

    def __init__(self, bundle: Bundle, *, verbs: Sequence[Verb] = TABLETOP_VERBS) -> None:
        self.bundle = bundle
        self.name = bundle.manifest.name
        self._grammar = Grammar(bundle.stream)
        self._verbs = tuple(verbs)
        self._point_id = bundle.stream.special[POINT]

    @classmethod
    def from_folder(cls, folder: Path, *, threads: int = 1) -> OnnxPlanner:
        """Raises BundleError where the folder is no whole bundle."""
        return cls(Bundle(folder, threads=threads))

    def plan(
        self,
        instruction: str,
        observation: Observation,
        history: Sequence[PrimitiveResult],
        *,
        first_call_only: bool = False,
    ) -> Plan:
        """The remaining plan. first_call_only: stop after the next call, as a robot in a hurry would.

        Raises:
            InstructionTooLongError: see `agent.stream`.
            KeyError: the observation has no frame of the planner's camera.
        """
        bundle = self.bundle
        image, state = planner_inputs(observation, bundle.manifest.image_px)
        height, width = observation.frames[CAMERA].rgb.shape[:2]
        prompt = bundle.stream.prompt(instruction, history)
        prefix, features = bundle.see(image, state)
        x = np.concatenate([prefix, bundle.embed(prompt)], axis=1)
        hidden, _, cache = bundle.extend(x, bundle.empty_cache())
        text = normalise(instruction)
        words = {*bundle.manifest.words, *words_said(text)} if bundle.manifest.words else None
        decoder = PlanDecoder(self._grammar, self._verbs, words=words, holding=observation.state.holding)
        copied = np.zeros(len(bundle.table), np.float32)
        said = np.array(bundle.stream.words(text), dtype=np.int64)  # none in a blank instruction
        copied[np.intersect1d(said, self._grammar.name_part)] = COPIED
        found: list[Found] = []
        for _ in range(MAX_TOKENS):
            token = self._choose(hidden[-1], decoder, copied)
            hidden, query, cache = bundle.extend(bundle.embed([token]), cache)
            point = None
            if token == self._point_id:
                seen = find(query[-1], features, bundle.manifest.map_grid, height, width)
                found.append(seen)
                point = seen.point
            decoder.advance(token, point)
            if decoder.finished or (first_call_only and decoder.calls):
                break
        names = [words for call in decoder.calls for words in pointed(call)]
        calls = grounded(decoder.calls, list(zip(names, found, strict=False)), history)
        return Plan(instruction=instruction, calls=calls, text=format_plan(calls), planner=self.name)

    def _choose(self, hidden: np.ndarray, decoder: PlanDecoder, copied: np.ndarray) -> int:
        allowed = decoder.allowed()
        if len(allowed) == 1:
            return int(allowed[0])
        return int(allowed[np.argmax(self.bundle.table[allowed] @ hidden + copied[allowed])])
