"""The oracle over a living world: the teacher that collects episodes, and `planner=oracle`."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from agent.errors import UserError
from agent.plan import Plan, Point, PrimitiveResult
from robots.interface import Observation
from robots.relations import Relation, Side
from sim.lexicon import canonical
from sim.oracle import OraclePlanner, PointOf
from sim.points import pixel, points
from sim.robot import SimRobot
from sim.scenes import ObjectSpec
from sim.symbolic import XYZ, SymbolicState
from sim.tasks.base import Instance, Move, Pick, PickPlace, Push, goal_of
from sim.world import World

PREDICATES = {
    "in": Relation.IN, "on": Relation.ON, "left_of": Relation.LEFT_OF, "right_of": Relation.RIGHT_OF,
    "in_front_of": Relation.IN_FRONT_OF, "behind": Relation.BEHIND,
}  # fmt: skip
_ATOM = re.compile(r"(\w+)\(([^,()]+)(?:, *([^,()]+))?\)")


def teacher(robot: SimRobot, instance: Instance) -> OraclePlanner:
    """An oracle for `instance`, whose objects stand in the robot's world now, at the start."""
    world = robot.world
    start = _xyz(world)

    def state() -> SymbolicState:
        return symbolic_state(world, start)

    def point_of(seen: Observation) -> PointOf:
        found = points(world, robot.main_picture(), seen.main)
        return lambda name: point(found, name)

    def spot_of(xyz: XYZ) -> Point | None:
        camera = world.scene.camera
        return None if camera is None else pixel(camera, xyz)

    return OraclePlanner(instance=instance, state=state, point_of=point_of, spot_of=spot_of)


class ReadingOracle:
    """The teacher for whoever types: told the goal, or reading each instruction as far as it can, when it is given."""

    def __init__(self, robot: SimRobot, goal: str | None) -> None:
        self._robot = robot
        self._goal = goal
        self._teacher: OraclePlanner | None = None

    def plan(self, instruction: str, observation: Observation, history: Sequence[PrimitiveResult]) -> Plan:
        """Raises UserError for an instruction that it can't read."""
        if self._teacher is None or not history:
            self._teacher = teacher(self._robot, instance_of(instruction, self._goal, self._robot.world.scene.specs))
        return self._teacher.plan(instruction, observation, history)


def point(found: dict[str, Point | None], name: str) -> Point | None:
    """Where the teacher points; None for what is hidden or not there."""
    return found.get(name)


def symbolic_state(world: World, start: Mapping[str, XYZ]) -> SymbolicState:
    """The world as it is now. start: where things were when the instruction was given."""
    return SymbolicState(
        xyz_m=_xyz(world), held=world.held(), start_xyz_m=start,
        yaw_rad={name: world.pose(name).yaw_rad for name in world.names},
    )  # fmt: skip


def _xyz(world: World) -> dict[str, XYZ]:
    found: dict[str, XYZ] = {}
    for name, pose in world.poses().items():
        x, y, z = pose.xyz
        found[name] = (float(x), float(y), float(z))
    return found


def instance_of(instruction: str, goal: str | None, specs: Sequence[ObjectSpec]) -> Instance:
    """What the oracle is to do: bring the goal about, or, without one, what a plain sentence says.

    Raises:
        UserError: for a goal or a sentence that it can't read. It is no language model.
    """
    program = goal_program(goal, specs) if goal is not None else sentence_program(instruction, specs)
    return Instance(
        family="command", split="trained", instruction=instruction, phrasing="", objects=tuple(specs), program=program,
        goal=goal or goal_of(program), expected="act",
    )  # fmt: skip


def goal_program(goal: str, specs: Sequence[ObjectSpec]) -> tuple[Move, ...]:
    """The moves that make each part of a conjunction true, in its order."""
    moves: list[Move] = []
    for part in goal.split(" and "):
        match = _ATOM.fullmatch(part.strip())
        if match is None:
            raise _beyond(part)
        word, subject, reference = match.groups()
        subject = _named(subject, specs)
        if word == "holding":
            moves.append(Pick(subject=subject))
        elif word == "at" and reference in {s.value for s in Side}:
            moves.append(Push(subject=subject, side=Side(reference)))
        elif word in PREDICATES and reference is not None:
            moves.append(PickPlace(subject=subject, relation=PREDICATES[word], reference=_named(reference, specs)))
        else:
            raise _beyond(part)
    return tuple(moves)


_VERB = "put|place|stack|push|pick|move|drop|slide"
_CLAUSE = re.compile(rf",? and then |,? then |; ?| and (?={_VERB})|, (?={_VERB})")
_WHERE = re.compile(
    r"\b(?P<relation>left of|right of|in front of|behind|inside|into|in|onto|on top of|on|to the left of|"
    r"to the right of|to the|to)\b(?: the)? (?P<reference>.+)$"
)
_RELATION = {
    "left of": Relation.LEFT_OF, "to the left of": Relation.LEFT_OF, "right of": Relation.RIGHT_OF,
    "to the right of": Relation.RIGHT_OF, "in front of": Relation.IN_FRONT_OF, "behind": Relation.BEHIND,
}  # fmt: skip


def sentence_program(sentence: str, specs: Sequence[ObjectSpec]) -> tuple[Move, ...]:
    """Moves of a plain sentence: put X in Y, stack X on Y, push X to the left, pick up X; joined by "and", "then"."""
    return tuple(_clause(c, specs) for c in _CLAUSE.split(sentence.lower().strip(" .!")) if c.strip())


def plain_program(sentence: str, specs: Sequence[ObjectSpec]) -> tuple[Move, ...]:
    """`sentence_program`, or nothing where the sentence is not so plain: for those who can do without."""
    try:
        return sentence_program(sentence, specs)
    except UserError:
        return ()


def _clause(clause: str, specs: Sequence[ObjectSpec]) -> Move:
    where = _WHERE.search(clause)
    push = re.match(r"(?:push|slide|shove|nudge)\b", clause) is not None
    if where is None:
        if re.match(r"(?:pick|grab|take|lift|get|hold|grasp)\b", clause):
            return Pick(subject=_named(clause, specs))
        raise _unread(clause)
    subject, words = _named(clause[: where.start()], specs), where["reference"]
    side = next((s for s in Side if words.startswith(s.value)), None)
    if push and side is not None and " of " not in words:
        return Push(subject=subject, side=side)
    reference = _named(words, specs)
    if push:
        return Push(subject=subject, reference=reference)
    relation = _RELATION.get(where["relation"])
    if relation is None:
        kind = next(s.kind for s in specs if s.name == reference)
        relation = Relation.IN if kind in ("bowl", "box") else Relation.ON
    return PickPlace(subject=subject, relation=relation, reference=reference)


def _named(words: str, specs: Sequence[ObjectSpec]) -> str:
    """The one object that the words fit."""
    words = words.strip()
    exact = [s.name for s in specs if s.name == words]
    said = canonical(words)
    if said.kind is None and said.colour is None:
        raise _unread(words)
    fitting = exact or [s.name for s in specs if said.fits(s.size, s.colour, s.kind)]
    if len(fitting) != 1:
        found = ", ".join(fitting) if fitting else "nothing"
        raise UserError(f"the oracle needs one thing that is {words!r}; here that is {found}; try goal=...")
    return fitting[0]


def _unread(words: str) -> UserError:
    return UserError(
        f"the oracle can't read {words[:60]!r}: it takes plain sentences (put X in Y, stack X on Y, push X to the "
        f'left, pick up X) or goal="in(red block, green bowl)"; planner=nano reads more'
    )


def _beyond(part: str) -> UserError:
    known = ", ".join(PREDICATES)
    return UserError(f"the oracle can't bring about {part.strip()!r}; it takes {known}, holding, at")
