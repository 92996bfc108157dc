"""Classes of words that the training templates share: verbs, and words of place."""

from __future__ import annotations

from robots.relations import Relation, Side
from sim import lexicon
from sim.tasks import heldout

CLASSES: dict[str, tuple[str, ...]] = {
    "put": (
        "put", "put", "put", "place", "place", "set", "lay", "drop", "move", "stick", "bring", "deposit", "transfer",
        "shift", "position", "get", "relocate", "carry", "send", "lower", "load", "throw", "toss",
        "chuck", "rest", "leave",
    ),
    "putting": ("putting", "placing", "setting", "moving", "dropping", "getting"),
    "placed": ("put", "placed", "set", "moved", "dropped", "laid", "deposited"),
    "take": ("take", "take", "grab", "pick up", "get", "grasp", "lift", "fetch", "pick", "hold", "collect", "catch"),
    "pick": (
        "pick up", "pick up", "pick up", "pick", "grab", "grasp", "lift", "lift up", "take", "take hold of", "hold",
        "get", "get hold of", "raise", "fetch", "seize", "grip", "hold up", "collect", "catch", "pull up", "hold on to",
    ),
    "picked": ("picked up", "lifted", "grabbed", "grasped", "raised", "taken", "held"),
    "stack": ("stack", "stack", "put", "place", "set", "pile", "balance", "lay", "rest", "stick", "move", "drop"),
    "push": ("push", "push", "push", "slide", "shove", "nudge", "shift", "drag", "move", "sweep", "scoot"),
    "slide": ("push", "push", "push", "slide", "slide", "shove", "nudge", "drag", "sweep", "scoot"),
    "build": ("build", "build", "make", "create", "form", "construct", "assemble", "set up"),
    "pushed": ("pushed", "shoved", "slid", "nudged", "moved"),
    "gather": (
        "put", "put", "place", "move", "collect", "gather", "drop", "get", "sort", "bring", "load", "throw", "toss",
    ),
    "swap": ("swap", "swap", "switch", "exchange", "interchange", "trade"),
    "want": ("I want", "I'd like", "I need", "we need", "I would like", "we want"),
    "should": ("should", "should", "must", "needs to", "has to", "ought to"),
    "then": (" and ", " then ", ", then ", " and then ", ", and then ", ". Then ", " and after that ", "; then "),
}  # fmt: skip
"""A word said twice is twice as likely."""

_INSIDE = ("in", "in", "into", "into", "inside", "inside of")
_ON = ("on", "on", "onto", "on top of")
INTO: dict[str, tuple[str, ...]] = {
    "bowl": _INSIDE, "box": _INSIDE, "plate": _ON, "zone": (*_ON, "in", "into", "inside"),
    "block": (*_ON, *_ON, "on top of", "over", "atop"),
    "cylinder": (*_ON, "on top of"), "thing": ("on", "in", "into", "onto"),
}  # fmt: skip
"""Words for bringing a thing there, by the kind of place."""
_WITHIN = ("in", "in", "inside", "inside of")
_UPON = ("on", "on", "on top of")
INSIDE: dict[str, tuple[str, ...]] = {
    "bowl": _WITHIN, "box": _WITHIN, "plate": _UPON, "zone": (*_UPON, "in", "inside"), "block": _UPON,
    "cylinder": _UPON, "thing": ("on", "in"),
}  # fmt: skip
"""Words for a thing being there."""

BESIDE: dict[Relation, tuple[str, ...]] = {
    Relation.LEFT_OF: (
        "to the left of", "to the left of", "left of", "on the left of", "on the left side of", "to the left side of",
        "just left of", "at the left of", "to the left-hand side of", "directly left of", "immediately to the left of",
        "on the left hand side of", "on the left-hand side of", "leftwards of",
    ),
    Relation.RIGHT_OF: (
        "to the right of", "to the right of", "right of", "on the right of", "on the right side of",
        "to the right side of", "just right of", "at the right of", "to the right-hand side of", "directly right of",
        "immediately to the right of", "on the right hand side of", "on the right-hand side of", "rightwards of",
    ),
    Relation.IN_FRONT_OF: (
        "in front of", "in front of", "in front of", "just in front of", "to the front of", "right in front of",
        "directly in front of", "at the front of", "on the near side of",
        "closer to me than", "nearer to me than",
    ),
    Relation.BEHIND: (
        "behind", "behind", "behind", "just behind", "right behind", "in back of", "directly behind", "at the back of",
        "to the back of", "on the far side of", "in the back of", "further away than",
        "farther from me than",
    ),
}  # fmt: skip
SIDE_OF_IT: dict[Relation, tuple[str, ...]] = {
    Relation.LEFT_OF: ("to its left", "on its left", "on the left", "to the left", "on its left side"),
    Relation.RIGHT_OF: ("to its right", "on its right", "on the right", "to the right", "on its right side"),
    Relation.IN_FRONT_OF: ("in front of it", "in front", "on its front side", "to its front"),
    Relation.BEHIND: ("behind it", "at its back", "right behind it", "on its back side"),
}
OPPOSITE = {
    Relation.LEFT_OF: Relation.RIGHT_OF,
    Relation.RIGHT_OF: Relation.LEFT_OF,
    Relation.IN_FRONT_OF: Relation.BEHIND,
    Relation.BEHIND: Relation.IN_FRONT_OF,
}

TOWARDS: dict[Side, tuple[str, ...]] = {
    Side.LEFT: (
        "to the left", "to the left", "left", "to the left side", "to the left side of the table", "towards the left",
        "over to the left", "leftwards", "to the left edge", "to the left of the table", "to the left-hand side",
    ),
    Side.RIGHT: (
        "to the right", "to the right", "right", "to the right side", "to the right side of the table",
        "towards the right", "over to the right", "rightwards", "to the right edge", "to the right of the table",
        "to the right-hand side",
    ),
    Side.FRONT: (
        "to the front", "to the front", "to the front of the table", "to the front side", "towards the front",
        "towards me", "closer to me", "toward me", "to the front edge", "to the near side", "to my side of the table",
    ),
    Side.BACK: (
        "to the back", "to the back", "to the back of the table", "to the back side", "towards the back",
        "away from me", "further away from me", "backwards",
        "to the back edge", "to the far side", "to the far side of the table",
    ),
}  # fmt: skip
EDGE: dict[Side, tuple[str, ...]] = {
    Side.LEFT: ("on the left", "on the left side", "at the left edge", "on the left side of the table"),
    Side.RIGHT: ("on the right", "on the right side", "at the right edge", "on the right side of the table"),
    Side.FRONT: ("at the front", "on the front side", "at the front of the table", "close to me", "near me"),
    Side.BACK: ("at the back", "on the far side", "at the back of the table", "far from me", "at the far edge"),
}


def _trained(words: dict[str, tuple[str, ...]], held_out: dict[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
    return {c: tuple(w for w in ws if w not in held_out.get(c, ())) for c, ws in words.items()}


KIND_WORDS = _trained(lexicon.KIND_WORDS, heldout.KIND_WORDS)
COLOUR_WORDS = _trained(lexicon.COLOUR_WORDS, heldout.COLOUR_WORDS)
"""The words of the lexicon that training may use, the canonical one first."""
