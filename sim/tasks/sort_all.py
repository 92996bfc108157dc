"""Family `sort_all`: everything of a colour or a kind (or both) to one place."""

from __future__ import annotations

from sim.lexicon import COLOURS, MOVABLE_KINDS, SIZES, Reference
from sim.tasks.base import PickPlace
from sim.tasks.draft import Draft, Impossible
from sim.tasks.meaning import Meaning, into, resting

ROLES = 2
MOST = 4
"""Things to move at the most: more do not lie side by side in a box."""
PHRASINGS: dict[str, tuple[str, ...]] = {
    "sort_all": (
        "!<gather> {A} {in} {b}",
        "!<gather> {A} {in} {b}",
        "!<gather> {A} {in} {b}",
        "!<gather> {A} {in} {b}",
        "!<gather> {A} together {in} {b}",
        "!<gather> {in} {b} {A}",
        "!take {A} and (put|place|drop|move) them {in} {b}",
        "!take {A} to {b}",
        "!take {A} over to {b}",
        "!pick up {A} and (put|place|drop) them {in} {b}",
        "!pick {A} up and (put|place|drop) them {in} {b}",
        "!collect {A} and (put|place|drop) them {in} {b}",
        "!find {A} and (put|place|drop|move) them {in} {b}",
        "!grab {A} and (put|place|drop) them {in} {b}",
        "!gather {A} up and put them {in} {b}",
        "!clear {A} away {in} {b}",
        "!clean up {A} by putting them {in} {b}",
        "!clean up: {A} {in} {b}",
        "!tidy {A} away {in} {b}",
        "!tidy up: {A} {in} {b}",
        "!sort {A} {in} {b}",
        "!bring {A} to {b}",
        "!move {A} to {b}",
        "!carry {A} to {b}",
        "!transfer {A} to {b}",
        "!fill {b} with {A}",
        "!use {b} to (hold|store|collect) {A}",
        "!add {A} to {b}",
        "!store {A} {at} {b}",
        "!make sure {A} (end up|are|go|land) {at} {b}",
        "!see to it that {A} (end up|are) {at} {b}",
        "!have {A} (placed|put|moved) {in} {b}",
        "!one by one, (put|place|move|drop) {A} {in} {b}",
        "{in} {b} go {A}",
        "{at} {b} <want> {A}",
        "{in} {b}, (please |)(put|place|move) {A}",
        "{b} should end up with {A}",
        "{b} <should> (hold|have|contain|get) {A}",
        "{b} is (for|the place for|where you put) {A}",
        "{A} (go|belong) {at} {b}",
        "{A} <should> (be|go|end up) {at} {b}",
        "{A} <should> be <placed> {in} {b}",
        "{A} {in} {b}",
        "{A} to {b}",
        "{A}, put them {in} {b}",
        "<want> {A} {at} {b}",
        "<want> {A} to (be|go|end up) {at} {b}",
        "<want> {A} <placed> {in} {b}",
        "<want> {b} to (hold|contain|have) {A}",
        "(is it possible|are you able) to (put|place|move|get) {A} {in} {b}",
        "(how about|what about|would you mind) <putting> {A} {in} {b}",
        "time to (put|move|collect|gather) {A} {in} {b}",
        "nothing but {b} should hold {A}",
        "by the end {A} should be {at} {b}",
        "goal: {A} {at} {b}",
        "{A}? {in} {b} with them",
        "{A} are to be found {at} {b} in the end",
        "!find {A} and bring them to {b}",
        "see {A}? they go {in} {b}",
        "{b} is for {A}",
        "{b} is where {A} belong",
        "don't leave {A} lying around, {b} is their place",
        "!make {b} hold {A}",
        "one after the other, {A} go {in} {b}",
        "!let {b} have {A}",
        "I don't want {A} on the table, <gather> them {in} {b}",
        "tidy up: {A} {in} {b}",
        "!take care of {A}: {in} {b}",
        "{b} gets {A}",
        "could {A} be {at} {b}",
        "off you go: {A} {in} {b}",
        "the right place for {A} is {at} {b}",
        "{A} are out of place, they should be {at} {b}",
        "!look for {A}; {b} is where they go",
    ),
}


def build(draft: Draft) -> Meaning:
    """One to four movable things that a phrase sums up, and a place for them."""
    reference, specs = _all_of(draft)
    subjects = draft.every(reference, specs)
    b = draft.place_for(len(specs))
    draft.complete()
    names = [t.name for t in subjects.things] or [subjects.name]  # what is missed is meant all the same
    moves = (PickPlace(subject=name, relation=resting(b.kind), reference=b.name, group=1) for name in names)
    return Meaning(table="sort_all", slots={"A": subjects, **into(b)}, program=tuple(moves))


def _all_of(draft: Draft) -> tuple[Reference, list[tuple[str, str, str]]]:
    """What is said, and the (kind, colour, size) of what it sums up."""
    way = draft.rng.random()
    colour = draft.one(list(COLOURS))
    kind = "block" if draft.rng.random() < 0.7 else "cylinder"
    if way < 0.45:
        reference = Reference(None, colour, None)
        pool = [(k, colour, s) for k in MOVABLE_KINDS for s in SIZES]
    elif way < 0.8:
        reference = Reference(None, None, kind)
        pool = [(kind, c, draft.one(SIZES)) for c in COLOURS]
    else:
        reference = Reference(None, colour, kind)
        pool = [(kind, colour, s) for s in SIZES]
    pool = [p for p in draft.shuffled(pool) if draft.allowed(p[1], p[0])]
    both = reference.colour is not None and reference.kind is not None
    number = draft.one((1, 2) if both else (2, 2, 2, 3, 3, MOST))
    if number > 2:  # small ones first: they have to lie side by side
        pool.sort(key=lambda p: p[2] != "small")
    if len(pool) < min(2, number):
        raise Impossible
    return reference, pool[:number]
