"""Trouble with things: they slip, are moved, swapped, or taken away for a while."""

from __future__ import annotations

from agent.plan import PrimitiveCall
from agent.verbs import Verb
from sim.disturb.base import LEVEL_M, Trouble, free_pose, loose

LIFTED_M = 0.05
AWAY_S = (1.5, 3.5)


class Slip(Trouble):
    """What is held falls out of the hand and comes to lie somewhere else."""

    after_s = (0.15, 0.9)

    def fits(self, call: PrimitiveCall) -> bool:
        return call.verb in (Verb.PICK, Verb.PLACE)

    def ready(self) -> bool:
        held = self.world.held()
        return held is not None and float(self.world.pose(held).xyz[2]) > LIFTED_M

    def strike(self) -> str:
        held = self.world.held()
        pose = None if held is None else free_pose(self.world, self.rng, held)
        if held is None or pose is None:
            return ""
        self.world.set_pose(held, pose)
        return f"{held} slipped"


class Move(Trouble):
    """Somebody moves a thing."""

    def strike(self) -> str:
        name = loose(self.world, self.rng)
        pose = None if name is None else free_pose(self.world, self.rng, name)
        if name is None or pose is None:
            return ""
        self.world.set_pose(name, pose)
        return f"{name} was moved"


class Swap(Trouble):
    """Somebody swaps two things that stand on the same height."""

    def strike(self) -> str:
        world = self.world
        one = loose(world, self.rng)
        if one is None:
            return ""
        first = world.pose(one)
        low = first.xyz[2]
        others = {loose(world, self.rng) for _ in range(8)} - {one, None}
        level = sorted(n for n in others if n is not None and abs(world.pose(n).xyz[2] - low) < LEVEL_M)
        if world.spec.base is None:  # on the table itself
            level = level if low <= LEVEL_M else []
        else:
            level = [n for n in level if world.free(one, world.pose(n), but=n) and world.free(n, first, but=one)]
        if not level:
            return ""
        other = level[0]
        second = world.pose(other)
        world.set_pose(one, second)
        world.set_pose(other, first)
        return f"{one} and {other} were swapped"


class Take(Trouble):
    """Somebody takes a thing away, and puts it somewhere else a little later."""

    lasts = True
    _name = ""
    _left_s = 0.0

    def strike(self) -> str:
        name = loose(self.world, self.rng)
        if name is None or free_pose(self.world, self.rng, name) is None:
            return ""
        self.world.hide(name, for_a_while=True)
        self._name, self._left_s, self.on = name, float(self.rng.uniform(*AWAY_S)), True
        return f"{name} was taken away"

    def passed(self, seconds: float) -> str:
        self._left_s -= seconds
        pose = free_pose(self.world, self.rng, self._name) if self._left_s <= 0 else None
        if pose is None:
            return ""
        self.world.set_pose(self._name, pose)
        self.on = False
        return f"{self._name} was brought back"
