"""Family `match`: each block into the bowl of its own colour, and the like."""

from __future__ import annotations

from sim.lexicon import COLOURS, Reference
from sim.tasks.base import PickPlace
from sim.tasks.draft import Draft, Impossible
from sim.tasks.meaning import KindWord, Meaning, Slot, resting
from sim.tasks.words import INSIDE, INTO

ROLES = 0  # no single phrase of it can be spoilt
PHRASINGS: dict[str, tuple[str, ...]] = {
    # k: the things' kind, ks its plural; p: the places' kind, ps its plural.
    "match": (
        "!<gather> each {k} {in} the {p} of (its|its own|the same|the matching) colour",
        "!<gather> each {k} {in} the {p} of (its|its own|the same|the matching) color",
        "!<gather> every {k} {in} the {p} of (its|its own|the same|the matching) color",
        "!<gather> every {k} {in} the {p} (with|that has) the same (colour|color)",
        "!<gather> each {k} {in} the {p} (with|that has) the same (colour|color)",
        "!<gather> all the {ks} {in} the {ps} of (their|their own|the same|the matching) (colour|color)",
        "!<gather> all {ks} {in} {ps} of the same (colour|color)",
        "!<gather> the {ks} {in} the {ps} (of the same colour|with the same color|that match them in colour)",
        "!<gather> the {ks} {in} the matching {ps}",
        "!<gather> each {k} {in} (its matching|the matching|the corresponding|the right|the correct) {p}",
        "!<gather> every {k} {in} (its matching|the matching|the corresponding) {p}",
        "!<gather> the {ks} {in} their (matching|corresponding) {ps}",
        "!<gather> each {k} {in} the (same-coloured|same-colored|same colored|like-coloured|same color) {p}",
        "!<gather> the {ks} {in} the (same-coloured|same-colored|same colored) {ps}",
        "!<gather> each {k} {in} the {p} that (matches|matches it|fits it) (in colour|in color)",
        "!<gather> each of the {ks} {in} the {p} of the same (colour|color)",
        "!match each {k} (to|with) the {p} of (its|the same) (colour|color)",
        "!match (the|all the|all) {ks} (to|with) the {ps} (by colour|by color)",
        "!match {ks} (to|with|and) {ps} (by colour|by color)",
        "!match the {ks} and the {ps} (by colour|by color)",
        "!match the (colours|colors) of the {ks} and the {ps}",
        "!match up the {ks} and {ps} (by colour|by color)",
        "!sort the {ks} {in} the {ps} (by colour|by color|according to colour|according to color)",
        "!sort (all|all the) {ks} by (colour|color) {in} the {ps}",
        "!sort the {ks} by (colour|color), each {in} its {p}",
        "!sort each {k} {in} the {p} of its (colour|color)",
        "!distribute the {ks} (over|among|to) the {ps} by (colour|color)",
        "!group the {ks} by (colour|color) {in} the {ps}",
        "!pair each {k} with the {p} of (its|the same) (colour|color)",
        "!pair (the|up the) {ks} and {ps} by (colour|color)",
        "!take each {k} and (put|place|drop) it {in} the {p} of (its|the same) (colour|color)",
        "!take every {k} to the {p} of (its|the same) (colour|color)",
        "!bring each {k} to the {p} of (its|the same|its own) (colour|color)",
        "!bring the {ks} to their {ps}, matching (colours|colors)",
        "!for each {k}, (find|use) the {p} of the same (colour|color) and (put|place|drop) it there",
        "!make sure each {k} (ends up|is|lands) {at} the {p} of (its|the same) (colour|color)",
        "!make the {ks} and the {ps} match (in colour|in color)",
        "!fill each {p} with the {k} of (its|the same) (colour|color)",
        "!fill the {ps} with the {ks} of the same (colour|color)",
        "each {k} goes {in} the {p} of (its|its own|the same) (colour|color)",
        "each {k} belongs {at} the {p} of (its|its own|the same) (colour|color)",
        "each {k} <should> (be|go|end up) {at} the {p} of (its|its own|the same) (colour|color)",
        "each {p} <should> (hold|have|get|contain) the {k} of (its|the same) (colour|color)",
        "each {p} should end up with the {k} of its (colour|color)",
        "every {k} <should> (be|go|end up) {at} the {p} (with|of) the same (colour|color)",
        "the {ks} <should> (be|go) {at} the {ps} of the same (colour|color)",
        "the {ks} go {in} the {ps}, (colours|colors) matching",
        "the (colours|colors) of {ks} and {ps} <should> match",
        "{ks} {in} {ps} of the same (colour|color)",
        "<want> each {k} {at} the {p} of (its|the same) (colour|color)",
        "<want> every {k} to (be|go) {at} the {p} (with|of) the same (colour|color)",
        "<want> the {ks} sorted {in} the {ps} by (colour|color)",
        "<want> the {ks} <placed> {in} {ps} of the same (colour|color)",
        "(how about|what about|would you mind) <putting> each {k} {in} the {p} of its (colour|color)",
        "time to sort the {ks} {in} the {ps} by (colour|color)",
        "(colour|color) matching: each {k} {in} its {p}",
        "goal: each {k} {at} the {p} of its (colour|color)",
        "!bring {ks} and {ps} of equal (colour|color) together",
        "wherever a {k} and a {p} have the same (colour|color), the {k} goes {in} the {p}",
        "the (colour|color) of the {k} says which {p} it goes {in}",
        "!look at the (colour|color) of each {k} and <gather> it {in} that {p}",
        "no {k} should stay on the table, each has a {p} of its (colour|color)",
        "each {p} gets the {k} of its (colour|color)",
        "one {k} for each {p}, same (colour|color)",
        "{ks} to {ps}, same (colour|color)",
        "!find the {p} for each {k} by (colour|color)",
        "every {p} wants the {k} of its (colour|color)",
        "the {ks} all have a {p} of the same (colour|color): <gather> them there",
        "a {p} is meant for the {k} of the same (colour|color)",
        "which {k} goes {in} which {p}? that of the same (colour|color)",
        "a {k} goes {in} a {p} only if their (colours|colors) are the same",
        "one by one, the {ks} go {in} the {ps} of their (colour|color)",
        "could each {k} be {at} the {p} of its (colour|color)",
        "!don't mix (colours|colors): each {k} {in} its own {p}",
        "a {k} of some (colour|color) belongs {at} the {p} of that (colour|color)",
        "!make pairs: a {k} {at} the {p} of the same (colour|color)",
    ),
}


def build(draft: Draft) -> Meaning:
    """Two or three colours, each with one thing and one place, and no other such thing."""
    rng = draft.rng
    kind = "block" if rng.random() < 0.75 else "cylinder"
    place = draft.one(("bowl", "bowl", "bowl", "bowl", "plate", "box", "zone"))
    colours = [c for c in draft.shuffled(list(COLOURS)) if draft.allowed(c, kind) and draft.allowed(c, place)]
    wanted = colours[: int(rng.integers(2, 4))]
    if len(wanted) < 2:
        raise Impossible
    roles = [
        (draft.movable((kind,), colour=c, style="full"), draft.place((place,), colour=c, style="full")) for c in wanted
    ]
    draft.guard(Reference(None, None, kind))
    draft.complete()
    moves = (PickPlace(subject=a.name, relation=resting(place), reference=b.name, group=1) for a, b in roles)
    slots: dict[str, Slot] = {
        "in": INTO[place], "at": INSIDE[place], "k": KindWord(kind=kind), "ks": KindWord(kind=kind, plural=True),
        "p": KindWord(kind=place), "ps": KindWord(kind=place, plural=True),
    }  # fmt: skip
    return Meaning(table="match", slots=slots, program=tuple(moves), each=f"any {kind}")
