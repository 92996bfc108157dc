"""Family `pick`: take one thing and keep holding it."""

from __future__ import annotations

from sim.tasks.base import Pick
from sim.tasks.draft import Draft
from sim.tasks.meaning import Meaning

ROLES = 1
PHRASINGS: dict[str, tuple[str, ...]] = {
    "pick": (
        "!<pick> {a}",
        "!<pick> {a}",
        "!<pick> {a} with (the|your) gripper",
        "!pick {a} up",
        "!lift {a} up",
        "!lift {a} (off|from) the table",
        "!take {a} (off|from) the table",
        "!raise {a} (off the table|into the air|up high)",
        "!hold {a} in (your|the) (hand|gripper)",
        "!grab (on to|onto|hold of) {a}",
        "!pick up {a} and hold (it|on to it)",
        "!pick up {a} and (keep it|keep holding it|lift it|raise it|hold it up)",
        "!take {a} in (your|the) (hand|gripper)",
        "!get {a} for me",
        "!get {a} into (your|the) (hand|gripper)",
        "!go and (get|grab|fetch|pick up) {a}",
        "!go get {a}",
        "!reach for {a} and (grab|take|lift) it",
        "!reach out and (grab|take|pick up) {a}",
        "!close (your|the) (gripper|hand|fingers) (on|around) {a}",
        "!use (your|the) (gripper|arm|hand) to (pick up|lift|grab) {a}",
        "!show me {a}",
        "!hand me {a}",
        "!give me {a}",
        "!pass me {a}",
        "!bring {a} up",
        "!fetch me {a}",
        "!find {a} and pick it up",
        "!find and (lift|grab|pick up) {a}",
        "!move to {a} and (pick it up|grab it|grasp it)",
        "!do a pick up of {a}",
        "{a} please",
        "{a}, pick it up",
        "{a}: (grab|lift|take) it",
        "<want> {a} (in your hand|in your gripper|in the gripper|lifted|picked up|held up)",
        "<want> you to hold {a}",
        "<want> {a}",
        "{a} <should> be <picked>",
        "{a} should be in (your|the) (hand|gripper)",
        "{a} has to come off the table",
        "let me see you (lift|pick up|grab) {a}",
        "(could|can|would) you (grab|pick up|lift|get) {a}",
        "(could|can) I have {a}",
        "is it possible for you to (lift|pick up|grab) {a}",
        "I wonder if you can (lift|pick up|grab) {a}",
        "the thing to (pick up|grab|lift) is {a}",
        "what I want you to (pick up|hold|lift) is {a}",
        "next (pick|object|item): {a}",
        "(pick|lift|grab|grasp): {a}",
        "time to (pick up|lift|grab) {a}",
        "see {a}? (pick it up|lift it|grab it)",
        "{a} in the air",
        "up with {a}",
        "{a} should hang from your gripper",
        "the hand needs {a}",
        "let me have {a}",
        "could {a} be lifted",
        "off the table with {a}",
        "don't leave {a} lying there, take it",
        "!take care of {a}, hold it",
        "I'd like to have {a}",
        "is {a} in the gripper? it should be",
        "the next thing to hold is {a}",
        "off you go: get {a}",
        "{a} is what I need",
        "{a} must not stay on the table",
    ),
}


def build(draft: Draft) -> Meaning:
    """One thing to hold."""
    a = draft.movable()
    draft.complete()
    return Meaning(table="pick", slots={"a": a}, program=(Pick(subject=a.name),))
