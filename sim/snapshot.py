"""What a world was like, to put a newly built one into the same state: where every body is and how it moves, and more.

PyBullet's own saveState keeps poses and speeds but not all that its solver remembers of contacts, so that what goes on
from there differs from the first time: by up to 5 cm after a tumble of 0.8 s. What is built anew and then put into a
recorded state has no such memory, and goes on bit for bit each time.
"""

from __future__ import annotations

from dataclasses import dataclass

import pybullet as p

from robots.geometry import Pose
from sim.arm import ArmMemory
from sim.scenes import AnyScene
from sim.visits import VisitorKind

Numbers = tuple[float, ...]


@dataclass(frozen=True, kw_only=True)
class BodyState:
    """One body. xyz_m, quat_xyzw: of its base's inertial frame; velocity_m_s, spin_rad_s: of the base; joints: position
    and speed of each, in PyBullet's order, rad or m. awake: whether the solver may not let it sleep."""

    xyz_m: Numbers
    quat_xyzw: Numbers
    velocity_m_s: Numbers
    spin_rad_s: Numbers
    joints: tuple[tuple[float, float], ...]

    @property
    def moves(self) -> bool:
        return any(self.velocity_m_s) or any(self.spin_rad_s)


@dataclass(frozen=True, kw_only=True)
class SavedState:
    """What `World.save` remembers: the scene and everything in it. Values alone, so it may be pickled, and restored in
    another world. asleep: names of the things that the solver lets rest until they are touched."""

    scene: AnyScene
    bodies: tuple[BodyState, ...]
    asleep: frozenset[str]
    steps: int
    held: str | None
    arm: ArmMemory
    fixtures: object
    hidden: frozenset[str]
    away: frozenset[str]
    visitor: tuple[VisitorKind, Pose] | None


def take(client: int) -> tuple[BodyState, ...]:
    """The state of every body, in the order of their ids."""
    return tuple(_take(client, p.getBodyUniqueId(i, physicsClientId=client)) for i in range(_count(client)))


def put(client: int, states: tuple[BodyState, ...]) -> None:
    """Puts the bodies of a client that was built in the same way into these states. Motors keep their goals.

    Raises:
        ValueError: the client has other bodies.
    """
    if _count(client) != len(states):
        raise ValueError(f"this state has {len(states)} bodies, the world {_count(client)}")
    for i, state in enumerate(states):
        body = p.getBodyUniqueId(i, physicsClientId=client)
        p.resetBasePositionAndOrientation(body, state.xyz_m, state.quat_xyzw, physicsClientId=client)
        p.resetBaseVelocity(body, state.velocity_m_s, state.spin_rad_s, physicsClientId=client)
        for joint, (position, speed) in enumerate(state.joints):
            p.resetJointState(body, joint, position, speed, physicsClientId=client)


def _count(client: int) -> int:
    return int(p.getNumBodies(physicsClientId=client))


def _take(client: int, body: int) -> BodyState:
    xyz, quat = p.getBasePositionAndOrientation(body, physicsClientId=client)
    velocity, spin = p.getBaseVelocity(body, physicsClientId=client)
    joints = range(p.getNumJoints(body, physicsClientId=client))
    states = p.getJointStates(body, list(joints), physicsClientId=client) if joints else ()
    return BodyState(
        xyz_m=tuple(xyz), quat_xyzw=tuple(quat), velocity_m_s=tuple(velocity), spin_rad_s=tuple(spin),
        joints=tuple((s[0], s[1]) for s in states),
    )  # fmt: skip
