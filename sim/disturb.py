"""Things that go wrong, on purpose: a grasp that slips, a thing that somebody moves. For recoveries to learn from."""

from __future__ import annotations

from enum import Enum

import numpy as np

from agent.executor import Event, Started
from agent.verbs import Verb
from robots.geometry import Pose
from sim.lexicon import FOOTPRINT_M, MOVABLE_KINDS
from sim.placing import X_M, Y_M
from sim.world import World

GAP_M = 0.045
"""Between edges, round the place where a disturbed thing comes to lie."""
ARM_M = 0.14
"""Nothing is moved to or from nearer to the tool than this, seen from above."""
TRIES = 60
SLIP_AFTER_S = (0.15, 0.9)
MOVE_AFTER_S = (0.3, 2.5)


class Kind(Enum):
    SLIP = "slip"
    MOVE = "move"


class Disturber:
    """Hears of each call (as a listener) and of each moment (`moved`, through a `WatchedRobot`); at most `most` times,
    with `probability` a call, it lets go what is held or puts a thing elsewhere. `done`: what it did, in words."""

    def __init__(self, world: World, rng: np.random.Generator, *, probability: float, most: int = 2) -> None:
        self._world = world
        self._rng = rng
        self._probability = probability
        self._most = most
        self._plan: tuple[Kind, float] | None = None
        self._held_s = self._call_s = 0.0
        self.done: list[str] = []

    def __call__(self, event: Event) -> None:
        if not isinstance(event, Started):
            return
        self._plan, self._held_s, self._call_s = None, 0.0, 0.0
        # Drawn even where nothing comes of it, so that a call's fate does not hang on those before.
        fate, slips, when = self._rng.random(3)
        if fate >= self._probability or len(self.done) >= self._most:
            return
        holds = event.call.verb in (Verb.PICK, Verb.PLACE)
        kind = Kind.SLIP if holds and slips < 0.5 else Kind.MOVE
        low, high = SLIP_AFTER_S if kind is Kind.SLIP else MOVE_AFTER_S
        self._plan = (kind, low + when * (high - low))

    def moved(self, seconds: float) -> None:
        """The clock went on by `seconds`."""
        if self._plan is None:
            return
        kind, after_s = self._plan
        held = self._world.held()
        self._call_s += seconds
        self._held_s = self._held_s + seconds if held is not None else 0.0
        if kind is Kind.SLIP and held is not None and self._held_s > after_s and self._lifted(held):
            self._plan = None
            self._put(held, f"{held} slipped")
        elif kind is Kind.MOVE and self._call_s > after_s:
            self._plan = None
            name = self._loose(held)
            if name is not None:
                self._put(name, f"{name} was moved")

    def _lifted(self, name: str) -> bool:
        return float(self._world.pose(name).xyz[2]) > 0.05

    def _loose(self, held: str | None) -> str | None:
        """A thing that can be taken away without touching another or the arm."""
        tool = self._world.arm.tool().xyz[:2]
        found = [
            name for name, pose in self._world.poses().items()
            if name != held and self._world.object_spec(name).kind in MOVABLE_KINDS
            and np.linalg.norm(pose.xyz[:2] - tool) > ARM_M
        ]  # fmt: skip
        return found[int(self._rng.integers(len(found)))] if found else None

    def _put(self, name: str, words: str) -> None:
        """Onto a free place of the table; nothing happens where none is found."""
        world = self._world
        tool = world.arm.tool().xyz[:2]
        half = _half_m(world, name)
        others = [(pose.xyz[:2], _half_m(world, n)) for n, pose in world.poses().items() if n != name]
        for _ in range(TRIES):
            xy = self._rng.uniform([X_M[0], Y_M[0]], [X_M[1], Y_M[1]])
            clear = all(np.linalg.norm(xy - other) > half + wide + GAP_M for other, wide in others)
            if clear and np.linalg.norm(xy - tool) > ARM_M:
                yaw = float(self._rng.uniform(-np.pi, np.pi))
                world.set_pose(name, Pose.from_xyz_yaw([*xy, 0.001], yaw))
                self.done.append(words)
                return


def _half_m(world: World, name: str) -> float:
    """Of the circle round its footprint, about."""
    spec = world.object_spec(name)
    half = FOOTPRINT_M[spec.kind, spec.size] / 2
    return half * 1.3 if spec.kind in ("block", "box", "zone") else half
