"""What a program needs of the table before it starts."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from robots.primitives import Body, Target, can_push
from robots.primitives.surface import Cloud
from robots.relations import Relation
from sim.points import points
from sim.robot import CAMERA, SimRobot
from sim.scenes import DIRECTIONS
from sim.tasks.base import Move, PickPlace, Push


def rooms(program: Iterable[Move]) -> tuple[tuple[str, Relation], ...]:
    """For `sample_scene(room=...)`: beside which things, and on which side, a move is going to put something."""
    wanted = (
        (move.reference, move.relation)
        for move in program
        if isinstance(move, PickPlace) and move.relation in DIRECTIONS and move.reference is not None
    )
    return tuple(dict.fromkeys(wanted))


def pushes_have_a_way(robot: SimRobot, program: Iterable[Move]) -> bool:
    """Whether everything that is to be pushed could be, as the scene stands: one in fifty is walled in."""
    pushes = [move for move in program if isinstance(move, Push)]
    if not pushes:
        return True
    body = Body(robot=robot)
    frame = robot.observe().frames[CAMERA]
    seen, cloud = points(robot.world, robot.picture(), frame), Cloud.from_frame(frame)

    def target(name: str | None) -> Target | None:
        at = None if name is None else seen.get(name)
        return None if name is None or at is None else Target(words=name, xyz_m=np.asarray(cloud.points[at]))

    for move in pushes:
        thing, there = target(move.subject), target(move.reference)
        if thing is None or (move.reference is not None and there is None):
            return False
        if not can_push(body, thing, side=move.side, destination=there):
            return False
    return True
