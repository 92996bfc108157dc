"""Family `joined`: two or three of pick, put, stack, relation and push in one sentence."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from robots.relations import Relation
from sim.lexicon import KINDS
from sim.tasks import pick, push, put, relation, stack
from sim.tasks.base import Move, Pick, PickPlace, Push
from sim.tasks.composed import REVERSED, listed
from sim.tasks.draft import Draft, Role
from sim.tasks.meaning import Clause, Meaning, Slot, Together, into, resting
from sim.tasks.push import ONTO, SIDES
from sim.tasks.relation import RELATIONS, beside
from sim.tasks.words import EDGE, TOWARDS

_BREAK = re.compile(r"[.,;:?]|\bthen\b")
ROLES = 4


def _imperatives(phrasings: Sequence[str]) -> tuple[str, ...]:
    """Those that can be a part of a longer sentence."""
    whole = (said for said in phrasings if not _BREAK.search(said))
    return tuple(said.removeprefix("!") for said in whole if said.startswith("!"))


PHRASINGS: dict[str, tuple[str, ...]] = {
    # x, y, z: clauses, in the order in which they are to be done.
    "joined2": (
        "!{x} and {y}",
        "!{x} and {y}",
        "!{x} then {y}",
        "!{x}, then {y}",
        "!{x} and then {y}",
        "!{x}, and then {y}",
        "!{x}, and {y}",
        "!{x}, {y}",
        "!{x}; {y}",
        "!{x}. {y}",
        "!{x}. Then {y}",
        "!{x}. After that, {y}",
        "!{x}. Next, {y}",
        "!{x}. When (that is done|you are done|done), {y}",
        "!{x} and after that {y}",
        "!{x} and afterwards {y}",
        "!{x}, after that {y}",
        "!{x}, afterwards {y}",
        "!{x}, after which {y}",
        "!{x}, next {y}",
        "!{x}, followed by this: {y}",
        "!{x} and finally {y}",
        "!{x} and also {y}",
        "!{x}, also {y}",
        "!{x} and when (that is done|you're done) {y}",
        "!{x} & {y}",
        "!{x} -> {y}",
        "!{x} + {y}",
        "!{x}, (now|please) {y}",
        "!{x} before you {y}",
        "!first {x}, then {y}",
        "!first {x} and then {y}",
        "!first, {x}. Second, {y}",
        "!first {x}, second {y}",
        "!first {x}, after that {y}",
        "!do two things: {x} and {y}",
        "!do this: {x}, then {y}",
        "before you {y}, {x}",
        "once you {x}, {y}",
        "after you {x}, {y}",
        "as soon as you {x}, {y}",
        "step 1: {x}, step 2: {y}",
        "step one: {x}. Step two: {y}",
        "1. {x} 2. {y}",
        "two (tasks|jobs|things): {x} and {y}",
        "two (tasks|jobs|things): {x}, {y}",
        "I have two (tasks|jobs) for you: {x}, then {y}",
        "I want you to {x} and {y}",
        "I need you to {x} and then {y}",
        "you <should> {x} and {y}",
        "you <should> first {x} and then {y}",
        "!{x}. Once that's done, {y}",
        "!{x}, following which {y}",
        "!{x}, later {y}",
        "!{x} ... {y}",
        "!start with this: {x}. Go on with this: {y}",
        "!do {x} as job one and {y} as job two",
        "task a: {x}; task b: {y}",
        "part one: {x}, part two: {y}",
        "#1: {x} #2: {y}",
        "to begin, {x}; to continue, {y}",
        "my list: {x}, {y}",
        "here is what I want: {x} and {y}",
        "my first wish: {x}; my second: {y}",
        "the plan is: {x}, and after it {y}",
        "(can|could|would) you {x} and {y}",
        "(can|could|would) you {x} and then {y}",
        *listed("xy"),
        *REVERSED,
    ),
    "joined3": (
        "!{x}, {y} and {z}",
        "!{x}, {y}, and {z}",
        "!{x}, {y}, {z}",
        "!{x}, then {y}, then {z}",
        "!{x} then {y} then {z}",
        "!{x}, then {y} and {z}",
        "!{x}, {y} and then {z}",
        "!{x} and {y}, then {z}",
        "!{x} and then {y} and then {z}",
        "!{x} and {y} and {z}",
        "!{x}. Then {y}. Then {z}",
        "!{x}. {y}. {z}",
        "!{x}; {y}; {z}",
        "!{x}, next {y}, and finally {z}",
        "!{x}, after that {y}, and finally {z}",
        "!{x}, then {y}, and last {z}",
        "!{x} -> {y} -> {z}",
        "!first {x}, then {y}, then {z}",
        "!first {x}, then {y}, finally {z}",
        "!first {x}, second {y}, third {z}",
        "!do three things: {x}, {y} and {z}",
        "step 1: {x}, step 2: {y}, step 3: {z}",
        "1. {x} 2. {y} 3. {z}",
        "three (tasks|jobs|things): {x}, {y}, {z}",
        "!{x}. Once that's done, {y}. Then {z}",
        "task a: {x}; task b: {y}; task c: {z}",
        "part one: {x}, part two: {y}, part three: {z}",
        "my list: {x}, {y}, {z}",
        "to begin, {x}; to continue, {y}; to end, {z}",
        "the plan is: {x}, {y}, and after it {z}",
        "I want you to {x}, {y} and {z}",
        "(can|could|would) you {x}, {y} and then {z}",
        *listed("xyz"),
    ),
    # Two or three things with one verb, for one place or each for its own.
    "joined_same": (
        "!<put> {a} {in} {b} and {c} {in2} {d}",
        "!<put> {a} {in} {b}, {c} {in2} {d}",
        "!<put> {a} {in} {b} and then {c} {in2} {d}",
        "!<put> {a} {in} {b}, then {c} {in2} {d}",
        "!<put> {a} {in} {b} but {c} {in2} {d}",
        "!first <put> {a} {in} {b}, then {c} {in2} {d}",
        "{a} goes {in} {b} and {c} goes {in2} {d}",
        "{a} {in} {b}, {c} {in2} {d}",
        "{a} {in} {b} and {c} {in2} {d}",
        "{a} <should> be {at} {b} and {c} {at2} {d}",
        "<want> {a} {at} {b} and {c} {at2} {d}",
        "{at} {b} <want> {a}, and {at2} {d} <want> {c}",
        "{in} {b} goes {a}, {in2} {d} goes {c}",
        "{a} (is|goes|lands|belongs|lives|sits|stays) {at} {b}, {c} {at2} {d}",
        "{a} (is for|is meant for|finds its place {at}|ends up {at}) {b}, {c} (is for|ends up {at2}) {d}",
        "!(carry|bring|take|move) {a} to {b} and {c} to {d}",
        "!(carry|bring|take|move) {a} {in} {b}, {c} {in2} {d}",
        "!<put> {a} {in} {b}; {c}, {in2} {d}",
        "!<put> {c} {in2} {d} after {a} {in} {b}",
        "!let {a} (be|rest|sit|stand) {at} {b} and {c} {at2} {d}",
        "{at} {b} there <should> be {a}, {at2} {d} {c}",
    ),
    "joined_too": (
        "!<put> {ac} {in} {b}",
        "!<put> {ac} {in} {b}",
        "!<put> both {a} and {c} {in} {b}",
        "!<put> {a} together with {c} {in} {b}",
        "!<put> {a} as well as {c} {in} {b}",
        "!<put> {a} {in} {b} and {c} (too|as well|also)",
        "!<put> {a} {in} {b}, and {c} (too|as well)",
        "!<put> {a}, then {c} {in} {b}",
        "!take {a} and {c} and put them {in} {b}",
        "!<put> {in} {b} {a} and {c}",
        "{ac} (go|belong) {in} {b}",
        "{ac} <should> (be|end up) {at} {b}",
        "{b} <should> (hold|have|contain) {ac}",
        "<want> {ac} {at} {b}",
        "{ac} {in} {b}",
        "!(keep|store|collect|combine|assemble|gather) {ac} {at} {b}",
        "!(let|have|make) {ac} (be|sit|end up|go|lie|meet|rest) {at} {b}",
        "!fill {b} with {ac}",
        "{b} (gets|receives|takes|holds|has|is for|is the place for|is where you put) {ac}",
        "{a} and {c} are (for|to go {in}|to be {at}) {b}",
        "{a} (goes|belongs|comes) {in} {b}, (and so does|just like|as does|along with) {c}",
        "!<put> {a} {in} {b}, (and {c} with it|along with {c}|and do the same with {c}|and the same for {c})",
        "one place for {ac}: {b}",
    ),
    "joined_too3": (
        "!<put> {acd} {in} {b}",
        "!<put> {acd} {in} {b}",
        "!<put> {a}, {c}, and {d} {in} {b}",
        "!<put> {a} and {c} and {d} {in} {b}",
        "!take {acd} and put them {in} {b}",
        "{a}, {c} and {d} <should> (be|go|end up) {at} {b}",
        "{a}, {c} and {d} (go|belong) {in} {b}",
        "<want> {acd} {at} {b}",
        "!(keep|store|collect|combine|assemble|gather) {acd} {at} {b}",
        "!(let|have|make) {acd} (be|sit|end up|go|lie|meet|rest) {at} {b}",
        "!fill {b} with {acd}",
        "{b} (gets|receives|takes|holds|has|is for|is where you put) {acd}",
        "{acd} {in} {b}",
    ),
    "clause_pick": (
        "<pick> {a}", "pick up {a}", "lift {a}", "grab {a}", "take {a} (off|from) the table", "hold {a}",
        "pick {a} up and hold it", "take hold of {a}", "take {a} in your hand", "raise {a}",
        *_imperatives(pick.PHRASINGS["pick"]),
    ),
    "clause_put": (
        "<put> {a} {in} {b}", "<put> {a} {in} {b}", "<put> {a} {in} {b}", "<put> {a} {in} {b}",
        "<take> {a} and <put> it {in} {b}", "move {a} to {b}", "bring {a} to {b}", "take {a} to {b}", "add {a} to {b}",
        "pick {a} and place {in} {b}", "make {a} go {in} {b}", "drop {a} {in} {b}", "carry {a} to {b}",
        *_imperatives(put.PHRASINGS["put"]),
    ),
    "clause_stack": (
        "<stack> {a} {in} {b}", "<stack> {a} {in} {b}", "<stack> {a} {in} {b}", "<take> {a} and <stack> it {in} {b}",
        "lift {a} onto {b}", "top {b} with {a}", "add {a} on top of {b}", "stack {a} on {b}", "cover {b} with {a}",
        *_imperatives(stack.PHRASINGS["stack"]),
    ),
    "clause_relation": (
        "<put> {a} {rel} {b}", "<put> {a} {rel} {b}", "<put> {a} {rel} {b}", "<put> {a} {rel} {b}",
        "<take> {a} and <put> it {rel} {b}", "make {a} stand {rel} {b}", "pick {a} and place {rel} {b}",
        "leave {a} {rel} {b}",
        *_imperatives(relation.PHRASINGS["relation"]),
    ),
    "clause_push_side": (
        "<push> {a} {to}", "<push> {a} {to}", "<push> {a} {to}", "give {a} a push {to}", "make {a} slide {to}",
        "push {a} over {to}", "slide {a} across the table {to}",
        *_imperatives(push.PHRASINGS["push_side"]),
    ),
    "clause_push_zone": (
        "<slide> {a} {onto} {b}", "<slide> {a} {onto} {b}", "<slide> {a} {onto} {b}", "give {a} a push {onto} {b}",
        "make {a} slide {onto} {b}", "push {a} over {onto} {b}", "slide {a} across the table {onto} {b}",
        *_imperatives(push.PHRASINGS["push_zone"]),
    ),
}  # fmt: skip


def build(draft: Draft) -> Meaning:
    """Clauses on their own (6 of 10), or things that share a verb."""
    way = draft.rng.random()
    if way < 0.6:
        return _clauses(draft, 3 if draft.rng.random() < 0.4 else 2)
    return _same_verb(draft) if way < 0.8 else _same_place(draft, 3 if draft.rng.random() < 0.3 else 2)


def _clauses(draft: Draft, number: int) -> Meaning:
    said = [_clause(draft, last=i == number - 1) for i in range(number)]
    draft.complete()
    slots: dict[str, Slot] = {letter: clause for letter, (clause, _) in zip("xyz", said, strict=False)}
    return Meaning(table=f"joined{number}", slots=slots, program=tuple(move() for _, move in said))


def _clause(draft: Draft, *, last: bool) -> tuple[Clause, Callable[[], Move]]:
    """One deed of new things, so that none undoes another; its move once the draft is complete."""
    way = draft.one(("put", "put", "put", "stack", "stack", "relation", "relation", "push_side", "push_zone", "pick"))
    if way == "pick" and not last:
        way = "put"
    a = draft.movable()
    if way == "pick":
        return Clause(table="clause_pick", slots={"a": a}), lambda: Pick(subject=a.name)
    if way == "push_side":
        side = draft.one(SIDES)
        return Clause(table="clause_push_side", slots={"a": a, "to": TOWARDS[side], "at": EDGE[side]}), lambda: Push(
            subject=a.name, side=side
        )
    if way == "push_zone":
        b = draft.place(("zone",))
        slots: dict[str, Slot] = {"a": a, "b": b, "onto": ONTO}
        return Clause(table="clause_push_zone", slots=slots), lambda: Push(subject=a.name, reference=b.name)
    b, relation, slots = _spot(draft, way)

    def move() -> Move:
        return PickPlace(subject=a.name, relation=relation or resting(b.kind), reference=b.name)

    return Clause(table=f"clause_{way}", slots={"a": a, **slots}), move


def _spot(draft: Draft, way: str) -> tuple[Role, Relation | None, dict[str, Slot]]:
    """A reference, the relation to it (None: what fits its kind), and their slots."""
    if way == "put":
        b = draft.place()
        return b, None, into(b)
    if way == "stack":
        b = draft.movable(("block",))
        return b, Relation.ON, into(b)
    b, relation = draft.place(KINDS), draft.one(RELATIONS)
    return b, relation, beside(b, relation)


def _same_verb(draft: Draft) -> Meaning:
    """Two things, each for a place of its own, with one verb."""
    ways = ("put", "put", "stack", "relation")
    a, (b, first, there) = draft.movable(), _spot(draft, draft.one(ways))
    c, (d, second, elsewhere) = draft.movable(), _spot(draft, draft.one(ways))
    draft.complete()
    slots: dict[str, Slot] = {"a": a, "b": b, "c": c, "d": d}
    for mark, spot in (("", there), ("2", elsewhere)):
        slots["in" + mark] = spot["in"] if "in" in spot else spot["rel"]
        slots["at" + mark] = spot["at"] if "at" in spot else spot["rel"]
    program = (
        PickPlace(subject=a.name, relation=first or resting(b.kind), reference=b.name),
        PickPlace(subject=c.name, relation=second or resting(d.kind), reference=d.name),
    )
    return Meaning(table="joined_same", slots=slots, program=program)


def _same_place(draft: Draft, number: int) -> Meaning:
    """Two or three things for one place."""
    things = [draft.movable() for _ in range(number)]
    b = draft.place_for(number)
    draft.complete()
    slots: dict[str, Slot] = {**dict(zip("acd", things, strict=False)), **into(b)}
    slots["ac" if number == 2 else "acd"] = Together(roles=tuple(things))
    moves = (PickPlace(subject=t.name, relation=resting(b.kind), reference=b.name) for t in things)
    return Meaning(table="joined_too3" if number > 2 else "joined_too", slots=slots, program=tuple(moves))
