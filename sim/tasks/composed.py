"""Phrasings made of parts: who is where in a pile, and what comes after what.

Hand-written sentences teach sentences; parts in every order teach what "lowest" and "after that" mean.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import permutations

_TOP = "(on top|on top|at the top|at the very top|topmost|highest|up top|above|as the (top|tip|roof)|last)"
_MIDDLE = "(in the (middle|middle|center)|in between|between (them|the two|the others)|halfway up|second|next)"
_BOTTOM = (
    "(at the bottom|at the bottom|at the base|as the base|as the bottom|as the foundation|lowest|undermost|underneath"
    "|below|first|down on the table)"
)
_IS = "(is|goes|comes|sits|belongs|<should> be)"
_OVER = (
    "(on|on top of|over|above|atop|resting on|sitting on|standing on|lying on|balanced on|supported by|held up by"
    "|propped up by|placed on|stacked on)"
)
_UNDER = "(under|below|beneath|underneath|supporting|holding up|propping up|bearing)"
_HOLDS = "(holds|holds up|supports|props up|bears|is under|is below|is beneath|is underneath|lies under|stays under)"
_UPON = "(is on|is on top of|is above|is over|sits on|stands on|lies on|sits atop|has below it|has under it)"
_TALL = "(a tower|a stack|a pile|a totem|a skyscraper|something tall|a construction)"
_UP = (
    "(starting (from|at) the bottom|working upwards|working up|going up|going upwards|counting from the bottom"
    "|bottom first|lowest first|base first|in ascending order|bottom up|bottom to top|lowest to highest|upwards)"
)
_DOWN = (
    "(starting (from|at) the top|working downwards|working down|going down|going downwards|counting from the top"
    "|top first|highest first|in descending order|top down|top to bottom|highest to lowest|downwards)"
)
_NUMBERS = (("1", "2", "3"), ("one", "two", "three"), ("a", "b", "c"), ("i", "ii", "iii"))
_LABELS = (
    "step", "task", "job", "part", "point", "action", "order", "command", "number", "no.", "phase", "stage", "round",
    "move", "to-do", "request",
)  # fmt: skip
_AFTERWARDS = (
    "(then|then|next|next up|after that|after this|afterwards|thereafter|later|following that|once done|when finished"
    "|with that done|when that is done|after you finish|now|and then|and next|and after that|second|secondly|as second)"
)


def _orders(where: Mapping[str, str]) -> Iterator[list[str]]:
    yield from map(list, permutations(f"{{{thing}}} {place}" for thing, place in where.items()))


def layered(where: Mapping[str, str]) -> tuple[str, ...]:
    """Things with their places in a pile, in every order. where: slot to the words for its place."""
    said = []
    for parts in _orders(where):
        listed = ", ".join(parts[:-1]) + "(,| and|, and) " + parts[-1]
        being = ", ".join(p.replace("} ", f"}} {_IS} ", 1) for p in parts[:-1])
        said += [
            f"!(put|place|set|keep|have|get|leave|arrange) {listed}",
            f"!<build> {_TALL}[:|,| with] {listed}",
            f"[<want> |goal: |a pile: ]{listed}",
            f"{being}(,| and) " + parts[-1].replace("} ", f"}} {_IS} ", 1),
        ]
    return tuple(said)


TOWERS = (
    *layered({"c": _BOTTOM, "b": _MIDDLE, "a": _TOP}),
    *2
    * (
        f"{{a}} {_OVER} {{b}}, (which|and that|and this|itself|in turn) (is |sits |rests |){_OVER} {{c}}",
        f"{{a}} {_OVER} {{b}} {_OVER} {{c}}",
        f"!<build> {_TALL} (with|of|from|having) {{a}} {_OVER} {{b}} (and|,|, and) {{b}} {_OVER} {{c}}",
        f"!<build> {_TALL} (with|of|from|having) {{b}} {_OVER} {{c}} (and|,|, and) {{a}} {_OVER} {{b}}",
        f"!<build> {_TALL} (with|of|from|having) {{c}} {_UNDER} {{b}} and {{b}} {_UNDER} {{a}}",
        f"{{c}} {_UNDER} {{b}}, (which|and that|and this) is {_UNDER} {{a}}",
        f"{{b}} {_UNDER} {{a}} and {{c}} {_UNDER} {{b}}",
        f"{{c}} {_HOLDS} {{b}}(,| and|, while) {{b}} {_HOLDS} {{a}}",
        f"{{b}} {_HOLDS} {{a}}(,| and|, while) {{c}} {_HOLDS} {{b}}",
        f"{{a}} {_UPON} {{b}}(,| and|, while) {{b}} {_UPON} {{c}}",
        f"{{b}} {_UPON} {{c}}(,| and|, while) {{a}} {_UPON} {{b}}",
        "!(let|have|make) {c} (hold|hold up|support|bear) {b} and {b} (hold|hold up|support|bear) {a}",
        f"!(stack|pile|arrange|line up|put) {{cba}}[,] {_UP}",
        f"!(stack|pile|arrange|line up|put) {{abc}}[,] {_DOWN}",
        f"!{_UP}, (stack|pile|put|set) {{c}}, {{b}}, {{a}}",
        f"!{_DOWN}, (stack|pile|put|set) {{a}}, {{b}}, {{c}}",
        f"!<build> {_TALL}, {_UP}: {{cba}}",
        f"!<build> {_TALL}, {_DOWN}: {{abc}}",
        f"{{c}}, {{b}}, {{a}}: {_UP}",
        f"{{a}}, {{b}}, {{c}}: {_DOWN}",
        f"(my|the|this) (tower|stack|pile), {_UP}, is {{c}}, {{b}}, {{a}}",
        f"(my|the|this) (tower|stack|pile), {_DOWN}, is {{a}}, {{b}}, {{c}}",
        "!first {c}(,|;|, then) (on|onto|over|above) (it|that|this) {b}(,|;| and|, finally) (on|over|above) that {a}",
        "!(rest|balance|sit|stand|lay|set) {a} on {b} (once|after|when|as soon as) {b} (is|sits|stands|lies) on {c}",
        "!(rest|balance|sit|stand|lay|set) {b} on {c}(,| and|;) (its|the) (top|roof|tip) is {a}",
        "!(let|have|get|make) {b} (sit|stand|rest|lie) on {c} and {a} on {b}",
        "(tier|storey|layer|row|place) (one|1) {c}, (tier|storey|layer|row|place) (two|2) {b}, (tier|storey|layer|row"
        "|place) (three|3) {a}",
        "three (tiers|storeys|layers): {c}, {b}, {a}",
    ),
)
PAIRS = (
    *layered({"b": _BOTTOM, "a": _TOP}),
    f"{{a}} {_OVER} {{b}}",
    f"<want> {{a}} {_OVER} {{b}}",
    f"{{b}} {_UNDER} {{a}}",
    f"<want> {{b}} {_UNDER} {{a}}",
    f"{{b}} {_HOLDS} {{a}}",
    f"{{a}} {_UPON} {{b}}",
    "!(let|have|make) {b} (hold|hold up|support|bear) {a}",
    f"!<build> {_TALL} (with|of|from|having) {{a}} {_OVER} {{b}}",
    f"!<build> {_TALL} (with|of|from|having) {{b}} {_UNDER} {{a}}",
    f"!<build> {_TALL}, {_UP}: {{b}}, {{a}}",
    f"!<build> {_TALL}, {_DOWN}: {{a}}, {{b}}",
    f"!(stack|pile|put) {{b}} and {{a}}[,] {_UP}",
    f"!(stack|pile|put) {{a}} and {{b}}[,] {_DOWN}",
)


def listed(slots: Sequence[str]) -> tuple[str, ...]:
    """Clauses in order, as people number them or say what comes next."""
    marked = [
        "[,|;|.] ".join(f"{label} {n}(:|.|,| -) {{{s}}}" for s, n in zip(slots, numbers, strict=False))
        for label, numbers in zip(_LABELS, _NUMBERS * len(_LABELS), strict=False)
    ]
    bare = ["[,|;|.] ".join(f"{n}(:|.) {{{s}}}" for s, n in zip(slots, numbers, strict=False)) for numbers in _NUMBERS]
    then = f"(,|;|.) {_AFTERWARDS}[,|:] "
    first = "(first|firstly|for a start|to start with|initially|at first|as first|start|begin)"
    chained = [f"!{{{slots[0]}}}" + "".join(f"{then}{{{s}}}" for s in slots[1:])] * 3
    opened = [f"{first}(,|:) {{{slots[0]}}}" + "".join(f"{then}{{{s}}}" for s in slots[1:])] * 3
    return (*marked, *bare, *chained, *opened)


REVERSED = (
    "!{y}, but before (that|this|it|doing so) {x}",
    "!{y}, but (first|only after this): {x}",
    "!{y} (once|as soon as|only when|when) this is done: {x}",
    "!{y} after this: {x}",
    "!before anything else {x}, then {y}",
    "(last|as the last thing|at the end): {y}; (first|as the first thing|at the start): {x}",
)
