"""Family `push`: slide one thing to a side of the table or onto a zone."""

from __future__ import annotations

from robots.relations import Side
from sim.tasks.base import Push
from sim.tasks.draft import Draft
from sim.tasks.meaning import Meaning, Slot
from sim.tasks.words import EDGE, TOWARDS

ROLES = 2
PHRASINGS: dict[str, tuple[str, ...]] = {
    "push_side": (
        "!<push> {a} {to}",
        "!<push> {a} {to}",
        "!<push> {a} {to}",
        "!<push> {a} over {to}",
        "!<push> {a} (along|across) the table {to}",
        "!<push> {a} a bit {to}",
        "!give {a} a (push|shove|nudge) {to}",
        "!(push|slide|shove|nudge) {a} with (your|the) (hand|gripper|fingers) {to}",
        "!use (your|the) (hand|gripper|arm) to (push|slide|shove|nudge) {a} {to}",
        "!without (lifting|grasping|picking) it[ up], (push|move|slide) {a} {to}",
        "!don't (pick up|lift|grab) {a}, just (push|slide) it {to}",
        "!make {a} (slide|move|go) {to}",
        "!let {a} slide {to}",
        "!have {a} (pushed|moved|slid) {to}",
        "!push on {a} until it is {at}",
        "!push {a} until it is {at}",
        "!keep pushing {a} {to}",
        "!move {a} {to} (by pushing|by pushing it|with a push)",
        "!push {to} {a}",
        "!make sure (that |){a} is <pushed> {to}",
        "{to}, please push {a}",
        "{a} <should> be <pushed> {to}",
        "{a} <should> (slide|move|go) {to}",
        "{a}, push it {to}",
        "{a}: push {to}",
        "{a} needs a (push|shove|nudge) {to}",
        "<want> {a} <pushed> {to}",
        "<want> {a} to (slide|move|go) {to}",
        "<want> you to <push> {a} {to}",
        "(is it possible|are you able) to (push|slide|shove) {a} {to}",
        "(how about|what about|would you mind) (pushing|sliding|shoving|nudging) {a} {to}",
        "time to (push|slide|shove) {a} {to}",
        "see {a}? (push|slide|shove|nudge) it {to}",
        "find {a} and (push|slide|shove|nudge) it {to}",
        "a (push|shove|nudge) {to} for {a}",
        "!(put|place|move|get|bring) {a} {at}",
        "!take {a} {to}",
        "!bring {a} {to}",
        "{a} <should> be {at}",
        "<want> {a} {at}",
        "{a} {to}",
        "{a} has to slide {to}",
        "one push for {a}, {to}",
        "!apply force to {a} until it is {at}",
        "{a} goes {to}, without lifting it",
        "!use a push to bring {a} {at}",
        "!with your fingers closed, move {a} {to}",
        "!touch {a} and push it {to}",
        "!let {a} travel {to} on the table",
        "off you go: {a} {to}",
        "could {a} be {at}",
        "{a} must not stay where it is, push it {to}",
        "is {a} {at}? it should be",
        "don't lift {a}, it only goes {to}",
    ),
    "push_zone": (
        "!<slide> {a} {onto} {b}",
        "!<slide> {a} {onto} {b}",
        "!<slide> {a} {onto} {b}",
        "!<slide> {a} over {onto} {b}",
        "!<slide> {a} (along|across) the table {onto} {b}",
        "!give {a} a (push|shove|nudge) {onto} {b}",
        "!(push|slide|shove|nudge) {a} with (your|the) (hand|gripper|fingers) {onto} {b}",
        "!use (your|the) (hand|gripper|arm) to (push|slide|shove|nudge) {a} {onto} {b}",
        "!without (lifting|grasping|picking) it[ up], (push|move|slide) {a} {onto} {b}",
        "!don't (pick up|lift|grab) {a}, just (push|slide) it {onto} {b}",
        "!make {a} slide {onto} {b}",
        "!let {a} slide {onto} {b}",
        "!have {a} (pushed|slid|shoved) {onto} {b}",
        "!push {a} until it (is|rests|lies) (on|in|inside) {b}",
        "!move {a} {onto} {b} (by pushing|by pushing it|with a push)",
        "!push {onto} {b} {a}",
        "{onto} {b}, please push {a}",
        "{a} <should> be (pushed|shoved|slid|nudged) {onto} {b}",
        "{a} <should> slide {onto} {b}",
        "{a}, push it {onto} {b}",
        "{a} needs a (push|shove|nudge) {onto} {b}",
        "<want> {a} (pushed|shoved|slid|nudged) {onto} {b}",
        "<want> {a} to slide {onto} {b}",
        "<want> you to <slide> {a} {onto} {b}",
        "(is it possible|are you able) to (push|slide|shove) {a} {onto} {b}",
        "(how about|what about|would you mind) (pushing|sliding|shoving|nudging) {a} {onto} {b}",
        "time to (push|slide|shove) {a} {onto} {b}",
        "see {a}? (push|slide|shove|nudge) it {onto} {b}",
        "find {a} and (push|slide|shove|nudge) it {onto} {b}",
        "{b} is where {a} should be (pushed|shoved|slid)",
        "{a} has to slide {onto} {b}",
        "one push for {a}, {onto} {b}",
        "!use a push to bring {a} {onto} {b}",
        "!with your fingers closed, slide {a} {onto} {b}",
        "!touch {a} and push it {onto} {b}",
        "!let {a} travel along the table {onto} {b}",
        "{b} is the goal of the push, {a} the thing to push",
        "{a} goes {onto} {b} without lifting it",
        "don't lift {a}, slide it {onto} {b}",
        "!hit {a} softly so that it ends up on {b}",
    ),
}
ONTO = ("to", "onto", "onto", "on", "into", "over to", "on top of", "in")
SIDES = tuple(Side)


def build(draft: Draft) -> Meaning:
    """A movable thing, and a side (6 of 10) or a zone."""
    a = draft.movable()
    if draft.rng.random() < 0.6:
        side = SIDES[int(draft.rng.integers(len(SIDES)))]
        draft.complete()
        slots: dict[str, Slot] = {"a": a, "to": TOWARDS[side], "at": EDGE[side]}
        return Meaning(table="push_side", slots=slots, program=(Push(subject=a.name, side=side),))
    b = draft.place(("zone",))
    draft.complete()
    slots = {"a": a, "b": b, "onto": ONTO}
    return Meaning(table="push_zone", slots=slots, program=(Push(subject=a.name, reference=b.name),))
