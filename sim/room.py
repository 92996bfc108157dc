"""What a program needs of the table before it starts."""

from __future__ import annotations

from collections.abc import Iterable

from robots.relations import Relation
from sim.scenes import DIRECTIONS
from sim.tasks.base import Move, PickPlace


def rooms(program: Iterable[Move]) -> tuple[tuple[str, Relation], ...]:
    """For `sample_scene(room=...)`: beside which things, and on which side, a move is going to put something."""
    wanted = (
        (move.reference, move.relation)
        for move in program
        if isinstance(move, PickPlace) and move.relation in DIRECTIONS and move.reference is not None
    )
    return tuple(dict.fromkeys(wanted))
