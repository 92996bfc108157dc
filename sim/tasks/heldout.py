"""What is kept out of all training, for tests: combinations, object counts, phrasings and words. The one place.

`tests/test_heldout.py` proves that training samples contain none of it.
"""

from __future__ import annotations

from sim.tasks.heldout_phrasings import PHRASINGS

__all__ = ["COLOUR_WORDS", "COMBINATIONS", "COUNTS", "FOREIGN", "KIND_WORDS", "PHRASINGS", "TRAINED_COUNTS"]

COMBINATIONS: frozenset[tuple[str, str]] = frozenset(
    {
        ("orange", "block"), ("white", "block"), ("purple", "cylinder"), ("blue", "cylinder"), ("yellow", "bowl"),
        ("gray", "bowl"), ("cyan", "plate"), ("pink", "box"), ("brown", "zone"),
    }
)  # fmt: skip
"""(colour, kind) that no training scene contains and no training sentence names."""

TRAINED_COUNTS = tuple(range(2, 9))
COUNTS = (9, 10)
"""Objects in a scene: in training, and in the split `counts`."""

KIND_WORDS: dict[str, tuple[str, ...]] = {
    "block": ("building block", "toy block"),
    "cylinder": ("barrel", "drum"),
    "bowl": ("basin",),
    "plate": ("platter",),
    "box": ("carton", "hamper"),
    "zone": ("tile", "rug"),
}
COLOUR_WORDS: dict[str, tuple[str, ...]] = {
    "red": ("scarlet", "crimson"),
    "orange": ("tangerine",),
    "green": ("emerald",),
    "cyan": ("aqua",),
    "blue": ("navy",),
    "purple": ("violet",),
    "brown": ("chocolate",),
}
"""Synonyms that only the split `phrasings` uses, in about one reference of six."""

FOREIGN: dict[str, tuple[str, ...]] = {
    "thing": ("mango", "umbrella", "guitar", "pliers", "crayon", "walnut", "magnet", "whistle", "bulb"),
    "place": ("crib", "aquarium", "toolbox", "wardrobe", "hammock", "saucepan", "trunk", "mailbox"),
}
"""What no scene has, and only the split `phrasings` speaks of (see `sim.tasks.foreign`)."""
