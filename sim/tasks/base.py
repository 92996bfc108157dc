"""What a task is: an instruction, the objects of its scene, the program that carries it out and the goal it means."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Literal

from robots.relations import Relation, Side
from sim.scenes import ObjectSpec

Split = Literal["trained", "combinations", "counts", "phrasings"]
SPLITS: tuple[Split, ...] = ("trained", "combinations", "counts", "phrasings")
Expected = Literal["act", "ask", "refuse"]


@dataclass(frozen=True, kw_only=True)
class Pick:
    """Take `subject` (an object's name) and keep holding it."""

    subject: str


@dataclass(frozen=True, kw_only=True)
class PickPlace:
    """Take `subject` and put it in `relation` to `reference` (a name, or None for aside).

    Moves that share a `group` above 0 may be done in any order; the oracle works from left to right.
    """

    subject: str
    relation: Relation
    reference: str | None = None
    group: int = 0


@dataclass(frozen=True, kw_only=True)
class Push:
    """Slide `subject` along the table, to a side of it or onto `reference` (a zone's name)."""

    subject: str
    side: Side | None = None
    reference: str | None = None


Move = Pick | PickPlace | Push


@dataclass(frozen=True, kw_only=True)
class Instance:
    """One drawn task.

    phrasing: the template's id. program and goal are empty where the right answer is to ask or to refuse; `reply` is
    then what to say. said: (name, canonical words of the phrase it is called by): "the can" is a "cylinder" to a plan,
    whatever its colour, and "all the red ones" are each "any red thing". intended, spoilt: where the instruction is to
    be declined, the program it would have been, and the words that fit nothing or too much.
    """

    family: str
    split: Split
    instruction: str
    phrasing: str
    objects: tuple[ObjectSpec, ...]
    program: tuple[Move, ...]
    goal: str
    expected: Expected
    reply: str = ""
    said: tuple[tuple[str, str], ...] = ()
    intended: tuple[Move, ...] = ()
    spoilt: str = ""

    def spec(self, name: str) -> ObjectSpec:
        """The object of that name."""
        return next(o for o in self.objects if o.name == name)


def effect(move: Move) -> str:
    """The predicate that a move alone makes true."""
    if isinstance(move, Pick):
        return f"holding({move.subject})"
    if isinstance(move, Push):
        if move.side is not None:
            return f"at({move.subject}, {move.side.value})"
        return f"on({move.subject}, {move.reference})"
    if move.relation is Relation.WHERE:
        return f"at({move.subject}, {move.reference})"
    if move.relation is Relation.ASIDE:
        return ""
    return f"{move.relation.value.replace(' ', '_')}({move.subject}, {move.reference})"


def goal_of(program: tuple[Move, ...]) -> str:
    """All effects that should hold at the end: for each subject, that of its last move."""
    last = {move.subject: i for i, move in enumerate(program)}
    return " and ".join(effect(m) for i, m in enumerate(program) if last[m.subject] == i and effect(m))


def instance_to_json(instance: Instance) -> str:
    """One line of JSON."""
    return json.dumps(
        {
            "family": instance.family, "split": instance.split, "instruction": instance.instruction,
            "phrasing": instance.phrasing,
            "objects": [{"name": o.name, "kind": o.kind, "colour": o.colour, "size": o.size} for o in instance.objects],
            "program": [_move_to_dict(m) for m in instance.program], "goal": instance.goal,
            "expected": instance.expected, "reply": instance.reply, "said": instance.said,
            "intended": [_move_to_dict(m) for m in instance.intended], "spoilt": instance.spoilt,
        }
    )  # fmt: skip


def instance_from_json(line: str) -> Instance:
    """What `instance_to_json` wrote."""
    fields = json.loads(line)
    fields["objects"] = tuple(ObjectSpec(**o) for o in fields["objects"])
    fields["program"] = tuple(_move_from_dict(m) for m in fields["program"])
    fields["intended"] = tuple(_move_from_dict(m) for m in fields["intended"])
    fields["said"] = tuple((name, words) for name, words in fields["said"])
    return Instance(**fields)


_MOVES: dict[str, type[Pick] | type[PickPlace] | type[Push]] = {"Pick": Pick, "PickPlace": PickPlace, "Push": Push}


def _move_to_dict(move: Move) -> dict[str, Any]:
    fields = {k: v.value if isinstance(v, Relation | Side) else v for k, v in vars(move).items()}
    return {"move": type(move).__name__, **fields}


def _move_from_dict(fields: dict[str, Any]) -> Move:
    kind = _MOVES[fields.pop("move")]
    if "relation" in fields:
        fields["relation"] = Relation(fields["relation"])
    if fields.get("side"):
        fields["side"] = Side(fields["side"])
    return kind(**fields)
