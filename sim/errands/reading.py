"""Plain sentences read as errands, for whoever types one to the oracle: it is no language model.

read("put the apple in the fridge and close it", facts) -> (in(apple, fridge), closed(fridge))
"""

from __future__ import annotations

import re

from agent.errors import UserError
from sim.errands.facts import Facts
from sim.errands.goals import Goal, atom
from sim.errands.heard import heard
from sim.errands.meanings import Unclear, Unread, goal_of, gone_to, one, poured, put, wiped
from sim.kitchen.things import KINDS

EXAMPLES = (
    "put the apple in the fridge", "bring the mug to the table", "open the top drawer", "turn on the lamp",
    "take the fork out of the drawer", "clear the table", "wipe the table", "I'm thirsty",
)  # fmt: skip
_POLITE = re.compile(
    r"^(?:(?:hey|hi|hello|ok|okay|now|robot|please|could you|can you|would you|will you|i want you to|i need you to|"
    r"go and)[, ]+)+|[.!?]+$|[, ]*(?:please|for me|now|thanks)[.!?]*$"
)
_CLAUSE = re.compile(
    r",? (?:and )?then |; ?|,? and (?=(?:put|place|bring|open|close|shut|turn|switch|take|give|hand|go)\b)"
)
_VERBS: tuple[tuple[str, str], ...] = (
    (r"(?:open|open up|pull open) (?P<part>.+)", "open"),
    (r"(?:close|shut) (?P<part>.+)", "closed"),
    (r"(?:turn|switch|put) on (?P<switch>.+)|(?:turn|switch) (?P<switch2>.+) on", "switched_on"),
    (r"(?:turn|switch|put) off (?P<switch>.+)|(?:turn|switch) (?P<switch2>.+) off", "switched_off"),
    (
        r"(?:wipe|clean)(?: up| off)? (?:the (?:stain|spill|mess) (?:on|off) )?(?P<place>.+?)(?: with .+| clean)?",
        "wiped",
    ),
    (r"pour (?P<x>.+) (?:into|in) (?P<y>.+)", "contains"),
    (r"(?:hand|give|pass)(?: over| me)? (?P<x>.+?)(?: to me)?", "handed"),
    (r"throw (?:away )?(?P<x>.+?)(?: away| out| in the bin| into the bin)?", "bin"),
    (r"(?:take|get|move|bring|fetch) (?P<x>.+) (?:out of|from) .+ (?:to|and put it (?:on|in)) (?P<y>.+)", "put"),
    (r"(?:take|get|fetch) (?P<x>.+) out of .+", "out"),
    (r"(?:put|place|bring|move|set|store|carry|take) (?P<x>.+) (?:into|in|onto|on|to|inside|away in) (?P<y>.+)", "put"),
    (r"(?:go|drive|move|navigate|come) (?:over )?to (?P<unit>.+)", "robot_at"),
    (r"(?:pick up|pick|grab|grasp|hold|lift|take) (?P<x>.+)", "holding"),
)


def read(sentence: str, facts: Facts) -> Goal:
    """What a sentence asks for, here: as a family says it, or plain clauses one after another.

    Raises:
        UserError: it can't be read, or names what is not here or what is here twice.
    """
    goal, reason = _as_said(sentence, facts)
    if goal:
        return goal
    try:
        return _plain(sentence, facts)
    except UserError as e:
        raise (reason or e) from None


def _as_said(sentence: str, facts: Facts) -> tuple[Goal, UserError | None]:
    """The first meaning that fits what is here of all that the families would give it; where none does, why not: that
    several things fit before that none does."""
    reasons: list[UserError] = []
    for way in heard(sentence):
        try:
            return goal_of(way, facts), None
        except UserError as e:
            reasons += [] if way.loose else [e]
    return (), min(reasons, key=lambda e: not isinstance(e, Unclear), default=None)


def _plain(sentence: str, facts: Facts) -> Goal:
    """Clause by clause."""
    goal: Goal = ()
    for words in _CLAUSE.split(" ".join(sentence.lower().split())):
        clause = words
        while clause != (shorter := _POLITE.sub("", clause).strip()):
            clause = shorter
        goal += _clause(clause, facts, goal)
    return goal


def _clause(clause: str, facts: Facts, before: Goal) -> Goal:
    """before: of the clauses before it, for "... and close it"."""
    reason: UserError | None = None
    if before and re.search(r"\bit\b", clause):
        last = before[-1].arguments[-1 if re.match(r"(?:open|close|shut)\b", clause) else 0]
        clause = re.sub(r"\bit\b", f"the {last}", clause)
    goal, reason = _as_said(clause, facts)
    if goal:
        return goal
    for pattern, verb in _VERBS:
        found = re.fullmatch(pattern, clause)
        if found is not None:
            return _goal(verb, {k.rstrip("2"): v for k, v in found.groupdict().items() if v is not None}, facts)
    raise reason or Unread(f"the oracle can't read {clause!r}; it reads sentences such as {', '.join(EXAMPLES)}")


def _goal(verb: str, names: dict[str, str], facts: Facts) -> Goal:
    site = facts.site
    match verb:
        case "open" | "closed":
            return (atom(verb, one(names["part"], site.parts, "that opens")),)
        case "switched_on" | "switched_off":
            return (atom(verb, one(names["switch"], site.switches, "with a switch")),)
        case "wiped":
            return wiped(names["place"], facts)
        case "robot_at":
            return gone_to(names["unit"], facts)
        case "contains":
            return poured(names["x"], names["y"], facts)
    x = one(names["x"], site.things, "here")
    if verb in ("holding", "handed"):
        return (atom(verb, x),)
    return put(x, {"bin": "bin", "out": "counter"}.get(verb) or names["y"], facts)


def kinds_in(sentence: str) -> tuple[str, ...]:
    """The kinds of things that a sentence names, in its order: what a scene for it must have."""
    words = re.findall(r"[a-z'-]+", sentence.lower())
    found: list[str] = []
    i = 0
    while i < len(words):
        for n in range(min(4, len(words) - i), 0, -1):
            phrase = " ".join(words[i : i + n])
            match = next((k.name for k in KINDS.values() if phrase in (k.said, k.name, *k.words)), None)
            if match is not None:
                found.append(match)
                i += n - 1
                break
        i += 1
    return tuple(dict.fromkeys(found))
