"""What a kind of trouble is, and what the ones that move things share."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

import numpy as np

from agent.plan import PrimitiveCall
from robots.geometry import Pose
from robots.interface import Command, Observation
from sim.bodies import Body
from sim.setting import Top
from sim.world import World

GAP_M = 0.045
"""Between edges, round the place where a disturbed thing comes to lie."""
ARM_M = 0.14
"""Nothing is moved to or from nearer to the tool than this, seen from above."""
TRIES = 60
LEVEL_M = 0.003
"""What stands on the same height does so to within this."""


class Trouble(ABC):
    """One kind. It strikes `after_s` (drawn between the two) into a call that it fits; the hooks do nothing by default.

    A kind that lasts is `on` from its strike until it ends itself, or the disturber ends it with the episode.
    """

    after_s: ClassVar[tuple[float, float]] = (0.3, 2.5)
    lasts: ClassVar[bool] = False
    """Whether it may go on when the call has ended; else it is off with the call."""

    def __init__(self, world: World, rng: np.random.Generator) -> None:
        self.world, self.rng = world, rng
        self.on = False

    def fits(self, call: PrimitiveCall) -> bool:
        """Whether it can happen during this call."""
        return True

    def ready(self) -> bool:
        """Whether it can strike at this moment; it waits, within the call, until it can."""
        return True

    @abstractmethod
    def strike(self) -> str:
        """Do it; in words what was done, "" where nothing could be."""

    def passed(self, seconds: float) -> str:
        """The clock has gone on while it is on; words where something more was done."""
        return ""

    def seen(self, observation: Observation) -> Observation:
        """What the robot is shown while it is on."""
        return observation

    def sent(self, command: Command) -> Command | None:
        """What the robot is told while it is on; None: it refuses."""
        return command

    def end(self) -> None:
        """Put right what would outlast the episode."""
        self.on = False


def loose(world: World, rng: np.random.Generator) -> str | None:
    """A thing that can be taken away without touching another or the arm; where things are behind doors too, one that
    lies openly."""
    held, tool = world.held(), world.arm.tool().xyz[:2]
    found = [
        name for name, pose in world.poses().items()
        if name != held and world.body(name).graspable and not world.hidden(name)
        and np.linalg.norm(pose.xyz[:2] - tool) > ARM_M and (world.spec.base is None or _openly(world, pose))
    ]  # fmt: skip
    return found[int(rng.integers(len(found)))] if found else None


def free_pose(world: World, rng: np.random.Generator, name: str) -> Pose | None:
    """A free place, clear of the arm, on the table or counter nearest to the thing; None where none is found."""
    tops = sorted(world.fixtures.tops(), key=lambda top: _away_m(top, world.pose(name)))
    tool, half = world.arm.tool().xyz[:2], _half_m(world.body(name))
    others = [(pose.xyz[:2], _half_m(world.body(n))) for n, pose in world.poses().items() if n != name]
    for top in tops[:2]:
        for _ in range(TRIES):
            place = top.world_T_top.apply([*rng.uniform(np.negative(top.half_m), top.half_m), 0.001])
            clear = all(np.linalg.norm(place[:2] - other) > half + wide + GAP_M for other, wide in others)
            if not clear or np.linalg.norm(place[:2] - tool) <= ARM_M:
                continue
            pose = Pose.from_xyz_yaw(place, float(rng.uniform(-np.pi, np.pi)))
            if world.free(name, pose):
                return pose
    return None


def _openly(world: World, pose: Pose) -> bool:
    """Whether it stands on a table or counter."""
    local = [(top, np.abs(top.world_T_top.inverse().apply(pose.xyz))) for top in world.fixtures.tops()]
    return any(bool((at <= [*top.half_m, LEVEL_M]).all()) for top, at in local)


def _away_m(top: Top, pose: Pose) -> float:
    """From the rectangle, in metres."""
    beyond = np.abs(top.world_T_top.inverse().apply(pose.xyz)) - [*top.half_m, 0.0]
    return float(np.linalg.norm(np.maximum(beyond, 0.0)))


def _half_m(body: Body) -> float:
    """Of the circle round its footprint, about."""
    half = body.width_m / 2
    return half if body.model.circular else half * 1.3
