"""Family `relation`: one thing left of, right of, in front of or behind another, as the camera sees them."""

from __future__ import annotations

from robots.relations import Relation
from sim.lexicon import KINDS
from sim.tasks.base import PickPlace
from sim.tasks.draft import Draft, Role
from sim.tasks.meaning import Meaning, Slot
from sim.tasks.words import BESIDE, OPPOSITE, SIDE_OF_IT

ROLES = 2
PHRASINGS: dict[str, tuple[str, ...]] = {
    "relation": (
        "!<put> {a} {rel} {b}",
        "!<put> {a} {rel} {b}",
        "!<put> {a} {rel} {b}",
        "!<put> {a} {rel} {b}",
        "!<put> {a} (next to|beside|by) {b}, {its}",
        "!<put> {rel} {b} {a}",
        "!<put> {a} so that it is {rel} {b}",
        "!<put> {a} so that it (ends up|stands|sits) {rel} {b}",
        "!<put> {a} such that it is {rel} {b}",
        "!<put> {a} so that {b} is {opp} it",
        "!<put> {a} on the table {rel} {b}",
        "!<put> {a} (somewhere|to a spot|at a spot) {rel} {b}",
        "!<take> {a} and <put> it {rel} {b}",
        "!<take> {a} and then <put> it {rel} {b}",
        "!<take> {a}[,] then <put> it {rel} {b}",
        "!<take> {a}, <put> it {rel} {b}",
        "!<take> {a} and release it {rel} {b}",
        "!<take> {a} and leave it {rel} {b}",
        "!pick {a} up and (put|place|set|lay) it {rel} {b}",
        "!pick and place {a} {rel} {b}",
        "!pick {a} and place {rel} {b}",
        "!have {a} (stand|sit|lie) {rel} {b}",
        "!let {a} (stand|sit|lie) {rel} {b}",
        "!make {a} (stand|sit|lie|be) {rel} {b}",
        "!make sure (that |){a} (is|stands|sits|ends up) {rel} {b}",
        "!see to it that {a} (is|stands|ends up) {rel} {b}",
        "!arrange {a} {rel} {b}",
        "!line {a} up {rel} {b}",
        "!locate {a} and put it {rel} {b}",
        "!find {a} and (put|place|set) it {rel} {b}",
        "!carry {a} to a place {rel} {b}",
        "!bring {a} over {rel} {b}",
        "!leave {a} {rel} {b}",
        "!station {a} {rel} {b}",
        "{rel} {b} goes {a}",
        "{rel} {b} <should> be {a}",
        "{rel} {b}, (please |)<put> {a}",
        "{rel} {b} <want> {a}",
        "{b} <should> have {a} {its}",
        "{b} should end up with {a} {its}",
        "{b} needs {a} {its}",
        "{a} goes {rel} {b}",
        "{a} belongs {rel} {b}",
        "{a} <should> (be|go|stand|end up|sit) {rel} {b}",
        "{a} should be <placed> {rel} {b}",
        "{a} <should> be <placed> {rel} {b}",
        "{a} {rel} {b}",
        "{a}, put it {rel} {b}",
        "<want> {a} {rel} {b}",
        "<want> {a} to (be|go|stand|end up) {rel} {b}",
        "<want> {a} <placed> {rel} {b}",
        "<want> to have {a} {rel} {b}",
        "<want> {b} to have {a} {its}",
        "(is it possible|are you able) to (put|place|move|set) {a} {rel} {b}",
        "(how about|what about|would you mind) <putting> {a} {rel} {b}",
        "time to (put|place|move|set) {a} {rel} {b}",
        "see {a}? (put|place|set|move) it {rel} {b}",
        "with the gripper, (put|place|move|set) {a} {rel} {b}",
        "the place for {a} is {rel} {b}",
        "by the end {a} should be {rel} {b}",
        "goal: {a} {rel} {b}",
        "!put {a} down {rel} {b}",
        "!set {a} down {rel} {b}",
        "(could|can) {a} go {rel} {b}",
        "(do you see|you see) {a}? (put|move|place) it {rel} {b}",
        "!<put> {a} (next to|beside|near|close to) {b} so that it is {rel} it",
        "the place of {a} is {rel} {b}",
        "{a} wants to be {rel} {b}",
        "what I need {rel} {b} is {a}",
        "is there space {rel} {b}? {a} goes there",
        "!bring {a} and {b} together, {a} {rel} {b}",
        "look at {b}: {a} should be {its}",
        "with {a} {rel} {b} we are done",
        "{a} is {rel} {b} when you are done",
        "{a} next to {b}, {its}",
        "don't leave {a} there, it goes {rel} {b}",
        "{a}: {rel} {b}",
        "could {a} be {rel} {b}",
        "is {a} {rel} {b}? it should be",
        "!make space for {a} {rel} {b} and put it there",
        "when you find {a}, <put> it {rel} {b}",
        "from where it is to {b} with {a}, {its}",
        "I'm looking for {a} and want to find it {rel} {b}",
        "{a} is out of place, it should be {rel} {b}",
    ),
}
RELATIONS = tuple(BESIDE)


def beside(b: Role, relation: Relation) -> dict[str, Slot]:
    """Slots for a place next to `b`: `rel` left of it, `its` to its left, `opp` right of."""
    return {"b": b, "rel": BESIDE[relation], "its": SIDE_OF_IT[relation], "opp": BESIDE[OPPOSITE[relation]]}


def build(draft: Draft) -> Meaning:
    """A movable thing and anything to put it next to."""
    a, b = draft.movable(), draft.place(KINDS)
    relation = RELATIONS[int(draft.rng.integers(len(RELATIONS)))]
    draft.complete()
    move = PickPlace(subject=a.name, relation=relation, reference=b.name)
    return Meaning(table="relation", slots={"a": a, **beside(b, relation)}, program=(move,))
