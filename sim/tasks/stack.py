"""Family `stack`: one thing on top of a block."""

from __future__ import annotations

from robots.relations import Relation
from sim.tasks.base import PickPlace
from sim.tasks.draft import Draft
from sim.tasks.meaning import Meaning, into

ROLES = 2
PHRASINGS: dict[str, tuple[str, ...]] = {
    "stack": (
        "!<stack> {a} {in} {b}",
        "!<stack> {a} {in} {b}",
        "!<stack> {a} {in} {b}",
        "!stack {a} and {b} with {a} on top",
        "!<take> {a} and <stack> it {in} {b}",
        "!<take> {a}[,] then <stack> it {in} {b}",
        "!<take> {a} and then <stack> it {in} {b}",
        "!<take> {a}, <stack> it {in} {b}",
        "!build a (stack|tower|pile) with {a} on (top of |){b}",
        "!make a (stack|tower|pile) (of|from) {a} on (top of |){b}",
        "!make a (stack|tower|pile) of two: {b} below, {a} on top",
        "!make a (stack|tower|pile) with {b} at the bottom and {a} on top",
        "!put {a} on {b} so (that |)they (are stacked|form a stack|make a tower)",
        "!make sure (that |){a} (ends up|is|sits|rests|stands) on (top of |){b}",
        "!see to it that {a} (sits|rests|stands) on (top of |){b}",
        "!let {a} (sit|rest|stand) on (top of |){b}",
        "!have {a} (sit|rest|stand) on (top of |){b}",
        "!use {b} as (a|the) base for {a}",
        "!use {b} as (a|the) (support|stand) and put {a} on it",
        "!top {b} with {a}",
        "!cover {b} with {a}",
        "!cap {b} with {a}",
        "!add {a} on top of {b}",
        "!add {a} to the top of {b}",
        "!place {a} above {b}, touching it",
        "!lift {a} onto {b}",
        "!raise {a} and (lower|set|put) it onto {b}",
        "!pick {a} up and (put|stack|place|set) it on {b}",
        "!pick {a} and place on {b}",
        "!move {a} from the table onto {b}",
        "!leave {a} standing on {b}",
        "!leave {a} on top of {b}",
        "!mount {a} on {b}",
        "!bring {a} to the top of {b}",
        "on (top of |){b} goes {a}",
        "on (top of |){b} <should> be {a}",
        "on (top of |){b}, (please |)<stack> {a}",
        "on (top of |){b} <want> {a}",
        "{b} should end up under {a}",
        "{b} <should> (carry|support|hold up|be under|be below|be underneath) {a}",
        "{b} is the base, {a} goes on top",
        "{b} at the bottom, {a} on top",
        "{b} (first|below), {a} on top of it",
        "{b} under {a}",
        "{b} needs {a} on top of it",
        "{a} goes {in} {b}",
        "{a} belongs on (top of |){b}",
        "{a} <should> (be|go|end up|sit|stand|rest) on (top of |){b}",
        "{a} should be (stacked|placed|put|set) on (top of |){b}",
        "{a} on top, {b} (below|at the bottom|under it|underneath)",
        "{a} {in} {b}",
        "{a}, stack it {in} {b}",
        "<want> {a} on (top of |){b}",
        "<want> {a} to (be|go|sit|stand|end up) on (top of |){b}",
        "<want> {a} (stacked|placed|put) {in} {b}",
        "<want> {b} to (carry|support|be under) {a}",
        "(is it possible|are you able) to (put|stack|place|balance) {a} {in} {b}",
        "(how about|what about|would you mind) (stacking|placing|putting|balancing) {a} {in} {b}",
        "time to (stack|put|place) {a} {in} {b}",
        "see {a}? (stack|put|place) it {in} {b}",
        "find {a} and (stack|put|place) it {in} {b}",
        "by the end {a} should (be|sit|stand) on (top of |){b}",
        "goal: {a} on (top of |){b}",
        "!stack {a} up on {b}",
        "!put {a} up on {b}",
        "!lower {a} onto {b}",
        "!set {a} down on {b}",
        "(could|can) {a} go on (top of |){b}",
        "(stack|tower|pile): {a} on {b}",
        "(do you see|you see) {a}? (put|stack|place) it on {b}",
    ),
}


def build(draft: Draft) -> Meaning:
    """A thing for the top, and the block below it."""
    a, b = draft.movable(), draft.movable(("block",))
    draft.complete()
    move = PickPlace(subject=a.name, relation=Relation.ON, reference=b.name)
    return Meaning(table="stack", slots={"a": a, **into(b)}, program=(move,))
