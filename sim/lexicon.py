"""What things are called: the closed vocabulary of kinds, colours, sizes, and people's other words for them.

Canonical names are "red block" or, where size tells two apart, "small red block". Everything that names an
object (scenes, tasks, plans, goals) uses them; `canonical` brings free words back to them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

RGB = tuple[float, float, float]

KINDS = ("block", "cylinder", "bowl", "plate", "box", "zone")
MOVABLE_KINDS = ("block", "cylinder")
"""What the hand can grasp."""
CONTAINER_KINDS = ("bowl", "plate", "box", "zone")
"""What things are put in or on; never moved."""
SIZES = ("small", "large")

# Apart in hue (at least 25 degrees), or in lightness where hue is shared (orange/brown, pink/red) or absent
# (white/gray/black): lights vary by about 25 %, so neighbours in lightness differ by a factor of two or more.
COLOURS: dict[str, RGB] = {
    "red": (0.84, 0.08, 0.08),
    "orange": (1.00, 0.46, 0.02),
    "yellow": (0.98, 0.87, 0.08),
    "green": (0.08, 0.58, 0.16),
    "cyan": (0.10, 0.80, 0.84),
    "blue": (0.08, 0.20, 0.82),
    "purple": (0.46, 0.12, 0.66),
    "pink": (1.00, 0.52, 0.74),
    "brown": (0.38, 0.20, 0.08),
    "white": (0.96, 0.96, 0.96),
    "black": (0.09, 0.09, 0.10),
    "gray": (0.46, 0.46, 0.47),
}

FOOTPRINT_M: dict[tuple[str, str], float] = {
    ("block", "small"): 0.032, ("block", "large"): 0.042,
    ("cylinder", "small"): 0.032, ("cylinder", "large"): 0.042,
    ("bowl", "small"): 0.110, ("bowl", "large"): 0.135,
    ("plate", "small"): 0.120, ("plate", "large"): 0.145,
    ("box", "small"): 0.110, ("box", "large"): 0.130,
    ("zone", "small"): 0.110, ("zone", "large"): 0.130,
}  # fmt: skip
"""Edge or outer diameter by kind and size, metres."""

HEIGHT_M: dict[tuple[str, str], float] = {
    ("block", "small"): 0.032, ("block", "large"): 0.042,
    ("cylinder", "small"): 0.050, ("cylinder", "large"): 0.050,
    ("bowl", "small"): 0.045, ("bowl", "large"): 0.045,
    ("plate", "small"): 0.012, ("plate", "large"): 0.012,
    ("box", "small"): 0.050, ("box", "large"): 0.050,
    ("zone", "small"): 0.001, ("zone", "large"): 0.001,
}  # fmt: skip
"""Height above the table by kind and size, metres."""

KIND_WORDS: dict[str, tuple[str, ...]] = {
    "block": (
        "block",
        "cube",
        "brick",
        "building block",
        "toy block",
        "wooden block",
        "box-shaped block",
        "cuboid",
        "plastic block",
        "solid block",
        "square block",
    ),
    "cylinder": ("cylinder", "can", "tube", "tin", "barrel", "drum", "canister", "pipe", "soda can"),
    "bowl": ("bowl", "basin", "soup bowl", "salad bowl", "vessel"),
    "plate": ("plate", "saucer", "dish", "platter", "tray", "dinner plate", "disc"),
    "box": ("box", "crate", "container", "bin", "carton", "hamper", "basket", "chest", "package"),
    "zone": (
        "zone",
        "square",
        "area",
        "patch",
        "pad",
        "region",
        "mat",
        "tile",
        "rug",
        "sheet",
        "carpet",
        "rectangle",
    ),
}
"""Every word that means a kind, the canonical one first."""

COLOUR_WORDS: dict[str, tuple[str, ...]] = {
    "red": ("red", "scarlet", "crimson", "ruby", "cherry"),
    "orange": ("orange", "tangerine", "amber", "apricot"),
    "yellow": ("yellow", "lemon", "canary", "golden"),
    "green": ("green", "emerald", "jade", "grass green"),
    "cyan": ("cyan", "turquoise", "teal", "aqua", "light blue", "sky blue"),
    "blue": ("blue", "navy", "dark blue", "royal blue", "cobalt", "sapphire"),
    "purple": ("purple", "violet", "plum", "lilac", "lavender", "mauve"),
    "pink": ("pink", "rose", "salmon", "coral"),
    "brown": ("brown", "chocolate", "coffee", "chestnut", "mahogany"),
    "white": ("white", "ivory", "cream"),
    "black": ("black", "ebony", "jet black"),
    "gray": ("gray", "grey", "silver", "ash"),
}
"""Every word that means a colour, the canonical one first."""

SIZE_WORDS: dict[str, tuple[str, ...]] = {
    "small": ("small", "little", "tiny", "smaller"),
    "large": ("large", "big", "bigger", "larger"),
}
"""Every word that means a size, the canonical one first."""


class Reference(NamedTuple):
    """What a phrase says of a thing; None where it says nothing."""

    size: str | None
    colour: str | None
    kind: str | None

    def fits(self, size: str, colour: str, kind: str) -> bool:
        """Whether a thing with these properties could be meant."""
        return (self.size or size, self.colour or colour, self.kind or kind) == (size, colour, kind)

    @property
    def words(self) -> str:
        """Canonical words: "small red block", "red thing" where no kind is said."""
        return " ".join(w for w in (self.size, self.colour, self.kind or "thing") if w)


def _index(table: dict[str, tuple[str, ...]]) -> tuple[re.Pattern[str], dict[str, str]]:
    meaning = {word: canon for canon, words in table.items() for word in words}
    longest_first = sorted(meaning, key=len, reverse=True)
    words = "|".join(map(re.escape, longest_first))
    return re.compile(rf"(?<![a-z-])({words})(?:e?s)?(?![a-z-])"), meaning


_KINDS, _COLOURS, _SIZES = _index(KIND_WORDS), _index(COLOUR_WORDS), _index(SIZE_WORDS)


def _meaning(words: str, index: tuple[re.Pattern[str], dict[str, str]], *, last: bool = False) -> str | None:
    found = [index[1][m.group(1)] for m in index[0].finditer(words)]
    return (found[-1] if last else found[0]) if found else None


def canonical(words: str) -> Reference:
    """The size, colour and kind that free words name.

    >>> canonical("the little violet crate")
    Reference(size='small', colour='purple', kind='box')
    """
    text = " ".join(words.lower().replace("-colored", "").replace("-coloured", "").split())
    return Reference(_meaning(text, _SIZES), _meaning(text, _COLOURS), _meaning(text, _KINDS, last=True))


def canonical_name(*, colour: str, kind: str, size: str | None = None) -> str:
    """The name of a thing: "red block", or "small red block" where its size is said."""
    return Reference(size, colour, kind).words


def a_or_b(words: Iterable[str]) -> str:
    """One: "red"; two: "red or blue"; more: "red, blue or green"."""
    items = list(words)
    return items[0] if len(items) == 1 else ", ".join(items[:-1]) + " or " + items[-1]
