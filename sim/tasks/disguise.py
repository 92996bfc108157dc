"""Words that training never pairs with anything on the table, in the place of some that it does.

There are 12 colours and 6 kinds, so that a learner could keep a list of which go together, and miss the pair that it
has not seen. "Put the maroon mug in the green bowl" leaves it nothing but to copy what is said. The disguised thing is
not looked for: nobody has said whether it is there.
"""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np

from agent.plan import PrimitiveCall, format_call, format_plan, parse_call, parse_plan, renamed
from agent.training.shards import Sentence
from sim.lexicon import CONTAINER_KINDS
from sim.tasks.foreign import FOREIGN
from sim.tasks.phrasing import choose
from sim.tasks.words import COLOUR_WORDS, KIND_WORDS

LOOKS = (
    "maroon", "beige", "olive", "gold", "silver", "tan", "lavender", "indigo", "magenta", "mint", "coral", "ivory",
    "khaki", "bronze", "plum", "copper", "amber", "mustard", "ruby", "jade", "charcoal", "cream", "burgundy", "lilac",
    "striped", "spotted", "shiny", "metal", "plastic", "paper", "rubber", "fluffy", "broken", "heavy", "empty", "new",
)  # fmt: skip
"""In the place of a colour."""


def disguised(said: Sentence, rng: np.random.Generator) -> Sentence:
    """The sentence and its plan with some colours and kinds called otherwise throughout; the same one, where it can't
    be done without a doubt."""
    calls = parse_plan(said.plan)
    words = {w for c in calls for name in (c.target, c.destination) for w in name.split()}
    hidden = [w for w in sorted(words) if (w in COLOUR_WORDS or w in KIND_WORDS) and rng.random() < 0.5]
    text = said.instruction.lower()
    if not hidden or ("cylinder" in hidden and re.search(r"\bcans?\b", text)):  # "can you ..."
        return said
    new = {w: _instead(w, rng) for w in hidden}
    spoken = {form: new[w] for w in hidden for form in (COLOUR_WORDS.get(w) or KIND_WORDS[w])}
    forms = "|".join(sorted(map(re.escape, spoken), key=len, reverse=True))
    found = re.compile(rf"\b({forms})(e?s)?\b")
    instruction = found.sub(lambda m: spoken[m[1]] + ("s" if m[2] else ""), text)
    if any(re.search(rf"\b{re.escape(w)}\b", instruction) is None for w in new.values()):
        return said  # it was misspelt, or not said in so many words

    def called(name: str) -> str:
        return " ".join(new.get(w, w) for w in name.split())

    def disguise(call: PrimitiveCall) -> PrimitiveCall:
        changed = renamed(call, {n: called(n) for n in (call.target, call.destination)})
        return replace(
            changed,
            point=call.point if changed.target == call.target else None,
            destination_point=call.destination_point if changed.destination == call.destination else None,
        )

    return replace(
        said,
        instruction=instruction,
        history=tuple((format_call(disguise(parse_call(call))), status) for call, status in said.history),
        plan=format_plan([disguise(c) for c in calls]),
        marks=tuple((name, points) for name, points in said.marks if called(name) == name),
    )


def _instead(word: str, rng: np.random.Generator) -> str:
    if word in COLOUR_WORDS:
        return choose(rng, LOOKS)
    return choose(rng, FOREIGN["place" if word in CONTAINER_KINDS else "thing"])
