"""Family `tower`: three things on one another, in the order that is said."""

from __future__ import annotations

from robots.relations import Relation
from sim.tasks.base import PickPlace
from sim.tasks.composed import TOWERS
from sim.tasks.draft import Draft
from sim.tasks.meaning import Meaning, Slot, Together
from sim.tasks.words import INTO

ROLES = 3
PHRASINGS: dict[str, tuple[str, ...]] = {
    # a is the top, b the middle, c the bottom.
    "tower": (
        "!<stack> {b} {on} {c} and {a} {on} {b}",
        "!<stack> {b} {on} {c}<then><stack> {a} {on} {b}",
        "!<stack> {b} {on} {c}<then>{a} on top",
        "!<stack> {b} {on} {c}, {a} {on} {b}",
        "!<stack> {a} on {b} on {c}",
        "!<stack> {a} on top of {b} on top of {c}",
        "!<stack> {a} {on} {b} and {b} {on} {c}",
        "!<stack> {a} {on} {b}, which (is|goes|sits) on {c}",
        "!stack, from bottom to top, {cba}",
        "!stack, from top to bottom, {a}, {b} and {c}",
        "!stack {cba} from bottom to top",
        "!stack {abc} from top to bottom",
        "!stack {c}, {b}, {a}, bottom to top",
        "!stack {a}, {b}, {c}, top to bottom",
        "!stack {c} first, then {b}, then {a}",
        "!<build> a (tower|stack|pile) with {c} at the bottom, {b} in the middle and {a} (on top|at the top)",
        "!<build> a (tower|stack|pile) with {a} (on top|at the top), {b} in the middle and {c} at the bottom",
        "!<build> a (tower|stack|pile) of {cba}, (bottom to top|from the bottom up|starting at the bottom)",
        "!<build> a (tower|stack|pile) of {abc}, (top to bottom|from the top down|starting at the top)",
        "!<build> a (tower|stack|pile): {c}, then {b}, then {a}",
        "!<build> a (tower|stack|pile) from the bottom up: {c}, {b}, {a}",
        "!<build> a (tower|stack|pile), bottom to top: {c}, {b}, {a}",
        "!<build> a (tower|stack|pile), top to bottom: {a}, {b}, {c}",
        "!<build> a (tower|stack|pile) (where|in which) {a} is on {b} and {b} is on {c}",
        "!<build> a (tower|stack|pile) (where|in which) {b} is on {c} and {a} is on {b}",
        "!<build> a (tower|stack|pile) on {c} with {b} and then {a}",
        "!<build> a (tower|stack|pile) of three with {a} on {b} on {c}",
        "!<build> a (three-block|three block|3 block|three-level) tower with {c} at the base, {b} next and {a} on top",
        "!<build> a (three-block|three block|3 block|three-level) (tower|stack): {a} over {b} over {c}",
        "!start with {c}, put {b} on it and {a} on top of that",
        "!start with {c}, add {b}, then add {a}",
        "!begin with {c}, then {b} on it, then {a} on top",
        "!use {c} as (a|the) base, put {b} on it and {a} on top",
        "!use {c} as (a|the) base, then {b}, then {a}",
        "!put {b} between {c} at the bottom and {a} at the top",
        "!put {b} on {c} and top it with {a}",
        "!put {b} on {c} and finish with {a}",
        "!take {b}, put it on {c}, then take {a} and put it on {b}",
        "!pick up {b} and put it on {c}, then pick up {a} and put it on {b}",
        "!pile up {cba}[,] in that order",
        "!pile up {c}, {b}, {a} with {a} (on top|at the top)",
        "!stack up {c}, {b} and {a}[,] in that order, (from the bottom|starting at the bottom)",
        "!make {a} the top, {b} the middle and {c} the bottom of a (tower|stack)",
        "!make {c} the bottom, {b} the middle and {a} the top of a (tower|stack)",
        "!first put {b} on {c}, then {a} on {b}",
        "!arrange {c}, {b} and {a} in a (tower|stack) with {c} (lowest|at the bottom) and {a} (highest|at the top)",
        "(tower|stack): {a} on {b} on {c}",
        "(tower|stack) from the bottom: {c}, {b}, {a}",
        "(tower|stack) from the top: {a}, {b}, {c}",
        "{a} on {b} on {c}",
        "{a} on top of {b} on top of {c}",
        "{a} on {b}, {b} on {c}",
        "{b} on {c}, then {a} on {b}",
        "{c} at the bottom, then {b}, then {a} (on top|at the top)",
        "{c} at the bottom, {b} in the middle, {a} (on top|at the top)",
        "{a} at the top, {b} in the middle, {c} at the bottom",
        "{c} goes first, {b} on top of it, and {a} on top of {b}",
        "{b} goes on {c} and {a} goes on {b}",
        "{a} should be on {b} and {b} should be on {c}",
        "{b} <should> be on {c} with {a} on top",
        "<want> a (tower|stack|pile) with {c} at the bottom, {b} in the middle and {a} on top",
        "<want> a (tower|stack|pile) of {cba}, from bottom to top",
        "<want> a (tower|stack|pile) of {abc}, from top to bottom",
        "<want> {a} on {b} on {c}",
        "<want> {b} on {c} and {a} on {b}",
        "<want> {c} under {b} and {b} under {a}",
        "a (tower|stack|pile), please: {c} below, {b} on it, {a} on top",
        "(can|could) you build a (tower|stack) with {a} on {b} and {b} on {c}",
        "on {c} goes {b}, and on {b} goes {a}",
        "on {c} put {b}, and on that put {a}",
        "{a}, under it {b}, under that {c}",
        "{c} below {b} below {a}",
        "{a} above {b} above {c}",
        "bottom {c}, middle {b}, top {a}",
        "top {a}, middle {b}, bottom {c}",
        "level one: {c}, level two: {b}, level three: {a}",
        "lowest {c}, then {b}, highest {a}",
        "{c} at the very bottom, {a} at the very top and {b} in between",
        "the base is {c}, next comes {b}, last {a}",
        "{b} stands on {c}, {a} stands on {b}",
        "a stack of three: {a} over {b}, {b} over {c}",
        "three high: {c}, {b}, {a}",
        "{c} supports {b}, which supports {a}",
        "{b} should be on {c} and have {a} on it",
        "{a} rests on {b} and {b} rests on {c}",
        "from low to high: {c}, {b}, {a}",
        "from high to low: {a}, {b}, {c}",
        "in this order, lowest first: {cba}",
        "in this order, highest first: {abc}",
        "on {c} goes {b} and on {b} goes {a}",
        "!place {b} onto {c}; the last one, {a}, goes onto {b}",
        "the tower that I want has {a} on {b} and {b} on {c}",
        "{b} comes on {c}, {a} comes last",
        "{c} is the stand for {b}, {b} is the stand for {a}",
        "{a} is on {b} and {b} is on {c} when you are done",
        "could {b} stand on {c} and {a} on {b}",
        "{c} under {b}, {b} under {a}",
        "the lower one is {c}, the middle one {b}, the upper one {a}",
        "!begin with {c}; on it {b}; on that {a}",
        "{b} needs {c} under it and {a} on it",
        "!finish with {a} on {b}, but first put {b} on {c}",
        "!put {a} on {b} after you have put {b} on {c}",
        *TOWERS,
    ),
}


def build(draft: Draft) -> Meaning:
    """Two blocks, and a block or cylinder for the top."""
    a, b, c = draft.movable(), draft.movable(("block",)), draft.movable(("block",))
    draft.complete()
    program = (
        PickPlace(subject=b.name, relation=Relation.ON, reference=c.name),
        PickPlace(subject=a.name, relation=Relation.ON, reference=b.name),
    )
    slots: dict[str, Slot] = {"a": a, "b": b, "c": c, "on": INTO["block"]}
    slots |= {"abc": Together(roles=(a, b, c)), "cba": Together(roles=(c, b, a))}
    return Meaning(table="tower", slots=slots, program=program)
