"""The planner that ships: a bundle run by ONNX Runtime, decoding constrained by the plan grammar."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from agent.onboard.bundle import Bundle, PlannerModel
from agent.onboard.constrain import Grammar
from agent.onboard.grounded import grounded
from agent.onboard.search import preferred, reconsidered, understood
from agent.onboard.sessions import CPU, Engine
from agent.onboard.writer import Writer, Written
from agent.plan import HELD_BEFORE, Plan, PrimitiveCall, PrimitiveResult, format_plan
from agent.preprocess import planner_inputs
from agent.stream import normalise
from agent.verbs import VERBS, Relation, Verb
from robots.interface import Observation, Status

TABLETOP_VERBS = (Verb.PICK, Verb.PLACE, Verb.PUSH, Verb.LOOK, Verb.SAY, Verb.ASK, Verb.REFUSE, Verb.DONE)
COPIED = 2.0
"""Added to the logits of words that the instruction has, so that a pair of words that training never had together is
copied and not mended (docs/decisions.md)."""
PERSISTENCE = 6.0
"""Nats by which another plan must be likelier than going on with the one that was begun."""
_WORD = re.compile(r"[a-z]+")
_NEVER = r"(?<!why )(?:do not|don't|dont|never|must not|mustn't|should not|shouldn't|not to) (?:you )?(?:ever )?"
_BEYOND = re.compile(
    r"\b(?:except|excepting|excluding|apart from|other than|but not|all but|(?:every|everything|all|any)\b[^,;.]* but"
    rf"|{_NEVER}(?:touch|move|put|place|use|disturb|knock|include|bring|drop|throw)"
    # "Don't lift it, just slide it" says what to do, and so may be followed.
    rf"|{_NEVER}(?:pick|grab|grasp|take|hold|lift|get|push|shove|nudge|slide|stack|pile|swap|carry|do)\b(?!.*[,;.].*\w)"
    r"|without (?:touching|moving|using|disturbing|knocking|shifting)|avoid|avoiding|do nothing"
    r"|(?:and|just|only) not (?:the|any|those|that|these|this)|(?:that|which) (?:is not|isn't|are not|aren't)"
    r"|(?<!don't )(?<!not )leave\b[^,;.]*\b(?:where (?:it is|they are)|alone|untouched|as (?:it is|they are)))\b"
    r"|, not (?:the|any|those|that|these|this|a|an)\b"
)
"""Exceptions and prohibitions. No training sentence has any; left to itself, the model does what it is told not to."""
_SINGULAR = (("ies", "y"), ("es", ""), ("s", ""))


def words_said(instruction: str) -> set[str]:
    """The words of an instruction, and what those that look like plurals may be the plurals of.

    >>> sorted(words_said("both the boxes"))
    ['both', 'box', 'boxe', 'boxes', 'the']
    """
    words = set(_WORD.findall(instruction))
    return words | {w.removesuffix(end) + y for w in words for end, y in _SINGULAR if w.endswith(end) and len(w) > 3}


def _with_full_hand(held: str, calls: tuple[PrimitiveCall, ...]) -> tuple[PrimitiveCall, ...]:
    """A plan that was written as for an empty hand, for one that holds something."""
    if VERBS[calls[0].verb].ends_plan:
        return calls
    if calls[0].verb is Verb.PICK and calls[0].target == held:
        return calls[1:]
    return (PrimitiveCall(verb=Verb.PLACE, relation=Relation.ASIDE), *calls)


class OnnxPlanner:
    """Sees once, reads the prompt once, then writes the remaining plan token by token, the likeliest that may stand.

    What was begun is gone on with unless another plan is much likelier, so that a word of which the model is unsure
    is not read one way at the first look and another way at the next. One planner serves one robot.
    """

    def __init__(self, bundle: PlannerModel) -> None:
        self.bundle = bundle
        self.name = bundle.manifest.name
        self._grammar = Grammar(bundle.stream)
        self._verbs = bundle.manifest.may_call
        self.forget()

    def forget(self) -> None:
        """Nothing was begun."""
        self._begun: tuple[str, tuple[PrimitiveCall, ...], tuple[PrimitiveCall, ...]] = ("", (), ())

    @classmethod
    def from_folder(cls, folder: Path, *, engine: Engine = CPU) -> OnnxPlanner:
        """Raises BundleError where the folder is no whole bundle, or the engine is not to be had."""
        return cls(Bundle(folder, engine=engine))

    def plan(self, instruction: str, observation: Observation, history: Sequence[PrimitiveResult]) -> Plan:
        """The remaining plan.

        Raises:
            InstructionTooLongError: see `agent.stream`.
            KeyError: the observation has no frame of the planner's camera.
        """
        carried = len(history) == 1 and history[0].detail == HELD_BEFORE
        calls: tuple[PrimitiveCall, ...]
        if (carried or not history) and _BEYOND.search(normalise(instruction)):
            text = "what to leave out, or not to do, is more than I can follow yet"
            calls = (PrimitiveCall(verb=Verb.REFUSE, text=text),)
        elif carried:
            calls = _with_full_hand(history[0].call.target, self._written(instruction, observation, (), holding=False))
        else:
            calls = self._written(instruction, observation, history, holding=observation.state.holding)
        self._begun = (instruction, tuple(r.call for r in history), calls)
        return Plan(instruction=instruction, calls=calls, text=format_plan(calls), planner=self.name)

    def _written(
        self, instruction: str, observation: Observation, history: Sequence[PrimitiveResult], *, holding: bool
    ) -> tuple[PrimitiveCall, ...]:
        manifest, stream = self.bundle.manifest, self.bundle.stream
        image, state = planner_inputs(observation, manifest.image_px)
        text = normalise(instruction)
        # None in a blank instruction.
        said = np.array([i for word in words_said(text) for i in stream.words(word)], dtype=np.int64)
        writer = Writer(
            self.bundle, self._grammar, image=image, state=state, prompt=stream.prompt(instruction, history),
            picture_px=observation.main.rgb.shape[:2], verbs=self._verbs,
            words={*manifest.words, *words_said(text)} if manifest.words else None, holding=holding,
            favoured=np.intersect1d(said, self._grammar.name_part), bonus=COPIED,
        )  # fmt: skip
        written = self._choose(writer, self._rest(instruction, history))
        if not history:
            written = understood(writer, written, frozenset(manifest.words), frozenset(manifest.foreign))
            written = preferred(writer, written)
        return grounded(written.calls, written.found, history)

    def _rest(self, instruction: str, history: Sequence[PrimitiveResult]) -> tuple[PrimitiveCall, ...]:
        """What is left of the plan before, if all that has happened since is that its first call succeeded."""
        before, past, calls = self._begun
        if (instruction, (*past, *calls[:1])) != (before, tuple(r.call for r in history)):
            return ()
        if not history or history[-1].status is not Status.SUCCEEDED:
            return ()
        rest = calls[1:]
        return rest if rest and rest[0].verb is not Verb.LOOK else ()

    @staticmethod
    def _choose(writer: Writer, rest: Sequence[PrimitiveCall]) -> Written:
        kept = writer.given(rest) if rest else None
        if kept is not None and kept.likeliest:
            return kept
        new = reconsidered(writer, writer.likeliest())
        if kept is not None and new.log_likelihood - kept.log_likelihood < PERSISTENCE:
            return kept
        return new
