"""Family `swap`: two things exchange their places."""

from __future__ import annotations

from robots.relations import Relation
from sim.tasks.base import PickPlace
from sim.tasks.draft import Draft
from sim.tasks.meaning import Meaning, Together

ROLES = 2
PHRASINGS: dict[str, tuple[str, ...]] = {
    "swap": (
        "!<swap> {ab}",
        "!<swap> {ab}",
        "!<swap> {a} with {b}",
        "!<swap> {a} with {b}",
        "!<swap> the (places|positions|locations|spots) of {ab}",
        "!<swap> {ab} around",
        "!<swap> {a} for {b}",
        "!<swap> where {ab} are",
        "!<swap> (places|positions) between {ab}",
        "!<swap> the (place|position|location) of {a} with (that|the one) of {b}",
        "!have {ab} (swap|switch|trade|exchange) (places|positions|spots)",
        "!make {ab} (swap|switch|trade|exchange) (places|positions|spots)",
        "!let {ab} (swap|switch|trade|exchange) (places|positions)",
        "!let {a} trade places with {b}",
        "!have {a} switch with {b}",
        "!put {a} where {b} is and {b} where {a} is",
        "!put {a} where {b} is and vice versa",
        "!put {a} where {b} is now and {b} where {a} is now",
        "!put {a} in {b}'s place and {b} in {a}'s place",
        "!put {a} in the place of {b} and the other way around",
        "!move {a} to where {b} is and {b} to where {a} is",
        "!move {a} to {b}'s (spot|place|position) and vice versa",
        "!place {a} at the (position|location) of {b} and {b} at the (position|location) of {a}",
        "!do a swap of {ab}",
        "!do a swap between {ab}",
        "!make a switch: {ab}",
        "!change the places of {ab}",
        "!change {ab} around",
        "!reverse the (places|positions) of {ab}",
        "!rearrange {ab} so that (they have swapped places|each is where the other was)",
        "{ab} <should> (swap|switch|trade|exchange) (places|positions)",
        "{a} <should> (swap|switch|trade) (places|positions) with {b}",
        "{ab} should be (swapped|switched|exchanged|interchanged)",
        "{ab}: (swap|switch|exchange) them",
        "{ab}, (swap|switch|exchange) their places",
        "{a} goes where {b} is, and {b} goes where {a} is",
        "{a} should be where {b} is and the other way round",
        "{a} to {b}'s place and {b} to {a}'s place",
        "<want> {ab} (swapped|switched|exchanged|interchanged)",
        "<want> {ab} to (swap|switch|trade|exchange) (places|positions)",
        "<want> {a} where {b} is and {b} where {a} is",
        "<want> {a} to trade (places|positions) with {b}",
        "(is it possible|are you able) to (swap|switch|exchange) {ab}",
        "(how about|what about|would you mind) (swapping|switching|exchanging) {ab}",
        "time to (swap|switch|exchange) {ab}",
        "find {ab} and (swap|switch|exchange) them",
        "see {ab}? (swap|switch|exchange) them",
        "by the end {a} should be where {b} is now, and vice versa",
        "a swap: {a} for {b}",
        "{a} goes where {b} is, {b} goes where {a} is",
        "!let {a} have the place of {b} and {b} the place of {a}",
        "!put {a} there where {b} stands and {b} there where {a} stands",
        "the positions of {a} and {b} are wrong: exchange them",
        "!move {a} to where {b} was and {b} to where {a} was",
        "mutual exchange: {a} and {b}",
        "a trade: {a} against {b}",
        "{b} should stand where {a} stands now and {a} where {b} stands now",
        "could {a} and {b} be exchanged",
        "{a} here and {b} there should be {b} here and {a} there",
        "!make a swap of {ab}",
        "first {a} stood there, now {b} should, and the other way round",
        "!get {a} and {b} to trade",
        "!(let|make|have) {ab} (change|trade|swap|exchange|switch) (places|positions|spots|seats|locations)",
        "the (positions|places|spots|locations) of {ab} (are to|should|must|need to) be (swapped|traded|exchanged)",
        "{a} (goes|moves|belongs) where {b} (is|stands|sits|lies) and {b} (goes|moves|belongs) where {a} (is|stands)",
        "{a} and {b} (stand|are|lie|sit) (in the wrong places|the wrong way round): (swap|exchange|switch) them",
        "!(replace|substitute) {a} (by|with) {b} and {b} (by|with) {a}",
        "!give {a} the (place|spot|position) of {b} and {b} the (place|spot|position) of {a}",
        "where {a} is, {b} <should> be, and where {b} is, {a}",
        "!(bring|carry|take) {a} to {b}'s (place|spot) and {b} to {a}'s (place|spot)",
    ),
}


def exchange(a: str, b: str) -> tuple[PickPlace, ...]:
    """Out of the way with a, b to a's old place, a to b's."""
    return (
        PickPlace(subject=a, relation=Relation.ASIDE),
        PickPlace(subject=b, relation=Relation.WHERE, reference=a),
        PickPlace(subject=a, relation=Relation.WHERE, reference=b),
    )


def build(draft: Draft) -> Meaning:
    """Two movable things."""
    a, b = draft.movable(), draft.movable()
    draft.complete()
    return Meaning(table="swap", slots={"a": a, "b": b, "ab": Together(roles=(a, b))}, program=exchange(a.name, b.name))
