"""Family `put`: one thing into a bowl or box, or onto a plate or zone."""

from __future__ import annotations

from sim.tasks.base import PickPlace
from sim.tasks.draft import Draft
from sim.tasks.meaning import Meaning, into, resting

ROLES = 2
PHRASINGS: dict[str, tuple[str, ...]] = {
    "put": (
        "!<put> {a} {in} {b}",
        "!<put> {a} {in} {b}",
        "!<put> {a} {in} {b}",
        "!<take> {a} and <put> it {in} {b}",
        "!<take> {a}[,] then <put> it {in} {b}",
        "!<take> {a} and then <put> it {in} {b}",
        "!<take> {a}, <put> it {in} {b}",
        "!<take> {a} and let it go {in} {b}",
        "!<take> {a} and release it {in} {b}",
        "!move {a} from (the table|where it is|its place) {in} {b}",
        "!<put> {a} over there {in} {b}",
        "!<put> {in} {b} {a}",
        "!make sure (that |){a} (ends up|is|goes|lands) {at} {b}",
        "!see to it that {a} (ends up|is|lands) {at} {b}",
        "!make {a} go {in} {b}",
        "!let {a} (fall|drop|go) {in} {b}",
        "!have {a} <placed> {in} {b}",
        "!get {a} and put it {in} {b}",
        "!use {b} to hold {a}",
        "!fill {b} with {a}",
        "!add {a} to {b}",
        "!carry {a} (over to|to) {b} and (put|drop|place|leave|set) it {at} {b}",
        "!bring {a} (over to|to) {b}",
        "!take {a} to {b}",
        "!move {a} to {b}",
        "!send {a} to {b}",
        "!deliver {a} to {b}",
        "!transport {a} to {b}",
        "!store {a} {at} {b}",
        "!leave {a} {at} {b}",
        "!throw {a} {in} {b}",
        "!toss {a} {in} {b}",
        "!pick {a} and place {in} {b}",
        "!pick up {a} and place {in} {b}",
        "!pick {a} up and (put|place|drop|set) it {in} {b}",
        "!pick and place: {a} {in} {b}",
        "{in} {b} goes {a}",
        "{at} {b} <should> be {a}",
        "{in} {b}, (please |)<put> {a}",
        "{in} {b} <want> {a}",
        "{b} should end up (holding|with|containing) {a}",
        "{b} <should> (hold|have|contain|receive|get) {a}",
        "{b} is where {a} (belongs|goes|should be|should go)",
        "{b} is (the place|meant|waiting) for {a}",
        "{b} needs {a} {at} it",
        "{a} goes {in} {b}",
        "{a} belongs {at} {b}",
        "{a} <should> (be|go|end up) {at} {b}",
        "{a} should be <placed> {in} {b}",
        "{a} <should> be <placed> {in} {b}",
        "{a} {in} {b}",
        "{a} to {b}",
        "{a}, put it {in} {b}",
        "<want> {a} {at} {b}",
        "<want> {a} to (be|go|end up) {at} {b}",
        "<want> {a} <placed> {in} {b}",
        "<want> to have {a} {at} {b}",
        "<want> {b} to (hold|contain|have) {a}",
        "(is it possible|are you able) to (put|place|move|drop) {a} {in} {b}",
        "(how about|what about|would you mind) <putting> {a} {in} {b}",
        "time to (put|place|drop|move) {a} {in} {b}",
        "there is {a}; (put|place|drop) it {in} {b}",
        "see {a}? (put|drop|place|set) it {in} {b}",
        "find {a} and (put|drop|place|set) it {in} {b}",
        "(with|using) (the|your) gripper, (put|place|drop|move) {a} {in} {b}",
        "the place for {a} is {at} {b}",
        "I'd be happy if {a} were {at} {b}",
        "by the end {a} should be {at} {b}",
        "goal: {a} {at} {b}",
        "{a} -> {b}",
        "(do you see|you see|can you see) {a}? (put|drop|place|move) it {in} {b}",
        "there's {a} on the table, (put|drop|place|move) it {in} {b}",
        "(could|can) {a} go {in} {b}",
        "what {b} needs is {a}",
        "!insert {a} into {b}",
        "!load {b} with {a}",
        "!return {a} to {b}",
        "!lift {a} and (lower|drop|put) it {in} {b}",
        "!drop {a} off {at} {b}",
        "!put {a} away {in} {b}",
        "!place {a} down {in} {b}",
        "!set {a} down {in} {b}",
        "!put {a} down {in} {b}",
    ),
}


def build(draft: Draft) -> Meaning:
    """A movable thing and a place for it."""
    a, b = draft.movable(), draft.place()
    draft.complete()
    move = PickPlace(subject=a.name, relation=resting(b.kind), reference=b.name)
    return Meaning(table="put", slots={"a": a, **into(b)}, program=(move,))
