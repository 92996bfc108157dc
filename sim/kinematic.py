"""The table without physics: what each call does to where things are, in microseconds.

    for step in rollout(instance, scene, np.random.default_rng(3), failures=Failures(grasp=0.1, slip=0.1, moved=0.05)):
        step.state, step.history, step.calls      # one training picture, what was done, what remains

Offsets and spreads are those of the primitives (`robots/primitives`), so that pictures made from these states look
like pictures of episodes in the simulator.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from agent.plan import PrimitiveCall, PrimitiveResult
from agent.verbs import VERBS, Verb
from robots.interface import Status
from robots.relations import Relation, Side
from sim.lexicon import FOOTPRINT_M, HEIGHT_M, MOVABLE_KINDS
from sim.oracle import remaining_calls
from sim.scenes import Scene
from sim.symbolic import XYZ, Facts, SymbolicState
from sim.tasks.base import Instance, PickPlace

XY = tuple[float, float]

TABLE_X_M, TABLE_Y_M = (0.32, 0.64), (-0.28, 0.28)
"""Where things may come to lie."""
TOOL_HOME_M = (0.36, 0.0, 0.34)
CALL_S = 8.0
"""How long a call takes, about; for the times in the history."""
FLOOR_M = 0.004
"""Thickness of what a bowl, a box or a plate stands on."""
CLEAR_M = 0.025
"""Between things that are put side by side."""
_WAYS: dict[Relation, XY] = {
    Relation.LEFT_OF: (0.0, -1.0),
    Relation.RIGHT_OF: (0.0, 1.0),
    Relation.IN_FRONT_OF: (1.0, 0.0),
    Relation.BEHIND: (-1.0, 0.0),
}
_SIDE_M: dict[Side, tuple[int, float]] = {
    Side.LEFT: (1, -0.205), Side.RIGHT: (1, 0.205), Side.FRONT: (0, 0.588), Side.BACK: (0, 0.370),
}  # fmt: skip
"""Axis and where along it a pushed thing ends."""


@dataclass(frozen=True, kw_only=True)
class Failures:
    """How often, per call: a grasp fails; what is carried slips; somebody moves a thing after the call."""

    grasp: float = 0.0
    slip: float = 0.0
    moved: float = 0.0


NOTHING_FAILS = Failures()


@dataclass(frozen=True, kw_only=True)
class Step:
    """One moment of decision: the state, what was done so far, and the oracle's whole remaining plan (no points)."""

    state: SymbolicState
    history: tuple[PrimitiveResult, ...]
    calls: tuple[PrimitiveCall, ...]


class KinematicWorld:
    """Where things are, and what calls make of it. Names in calls are the scene's."""

    def __init__(self, scene: Scene, rng: np.random.Generator, *, failures: Failures = NOTHING_FAILS) -> None:
        self._rng = rng
        self.failures = failures
        self._specs = {o.spec.name: o.spec for o in scene.objects}
        self._xyz: dict[str, XYZ] = {o.spec.name: (o.xy_m[0], o.xy_m[1], o.z_m) for o in scene.objects}
        self._yaw = {o.spec.name: o.yaw_rad for o in scene.objects}
        self._start = dict(self._xyz)
        self._origins: dict[str, XYZ] = {}
        self._held: str | None = None
        self.history: list[PrimitiveResult] = []

    def state(self) -> SymbolicState:
        """What is where now."""
        return SymbolicState(
            xyz_m=dict(self._xyz), held=self._held, yaw_rad=dict(self._yaw), start_xyz_m=dict(self._start)
        )

    def apply(self, call: PrimitiveCall) -> PrimitiveResult:
        """Does the call, or fails at it, and remembers it."""
        status = {Verb.PICK: self._pick, Verb.PLACE: self._place, Verb.PUSH: self._push}.get(call.verb, _nothing)(call)
        start_s = self.history[-1].end_s if self.history else 0.0
        took_s = CALL_S if VERBS[call.verb].failures else 0.0
        result = PrimitiveResult(call=call, status=status, detail="", start_s=start_s, end_s=start_s + took_s)
        self.history.append(result)
        return result

    def disturb(self, name: str) -> None:
        """Somebody puts a thing elsewhere on the table."""
        self._set_down(name, self._free_spot(name))

    # The primitives

    def _pick(self, call: PrimitiveCall) -> Status:
        name = call.target
        if self._held is not None:
            return Status.HAND_FULL
        if name not in self._specs:
            return Status.TARGET_NOT_FOUND
        if self._rng.random() < self.failures.grasp:
            x, y, z = self._xyz[name]
            reach = 0.015 if z < 0.002 else 0.004  # what stands on something is not knocked off it
            to = (x + self._rng.uniform(-reach, reach), y + self._rng.uniform(-reach, reach))
            if z > 0.002 or self._is_free(name, to, 0.0, over_zones=True):
                self._slide(name, to)
            return Status.GRASP_FAILED
        below = self._xyz[name]
        self._origins.setdefault(name, below)
        self._held = name
        self._yaw[name] = 0.0
        self._xyz[name] = (TOOL_HOME_M[0], TOOL_HOME_M[1], TOOL_HOME_M[2] + 0.016 - self._height(name))
        for other, (x, y, z) in self._xyz.items():
            if other != name and z > below[2] + 0.02 and np.hypot(x - below[0], y - below[1]) < 0.02:
                self._xyz[other] = (x, y, z - self._height(name))
        return Status.SUCCEEDED

    def _place(self, call: PrimitiveCall) -> Status:
        name = self._held
        if name is None:
            return Status.NOT_HOLDING
        if call.target and call.target not in (self._specs if call.relation is not Relation.WHERE else self._origins):
            return Status.TARGET_NOT_FOUND
        if self._rng.random() < self.failures.slip:
            self._held = None
            self._set_down(name, self._free_spot(name))
            return Status.NOT_HOLDING
        self._held = None
        x, y, z = self._spot(name, call)
        self._xyz[name] = (x, y, z)
        self._yaw[name] = float(self._rng.normal(0.0, 0.06))
        return Status.SUCCEEDED

    def _push(self, call: PrimitiveCall) -> Status:
        name = call.target
        if self._held is not None:
            return Status.HAND_FULL
        if name not in self._specs or (call.side is None and call.destination not in self._specs):
            return Status.TARGET_NOT_FOUND
        x, y, _ = self._xyz[name]
        if call.side is None:
            zone = self._xyz[call.destination]
            reach = self._width(call.destination) / 3
            for _ in range(30):
                to = (zone[0] + self._rng.uniform(-reach, reach), zone[1] + self._rng.uniform(-reach, reach))
                if self._is_free(name, to, 0.002, over_zones=True):
                    break
            self._slide(name, to)
            return Status.SUCCEEDED
        axis, value = _SIDE_M[call.side]
        for attempt in range(80):
            along, across = value + np.clip(self._noise(0.006), -0.012, 0.012), self._noise(0.004 + 0.004 * attempt)
            to = (along, y + across) if axis == 0 else (x + across, along)
            if self._is_free(name, to, 0.002, over_zones=True) and _on_table(to):
                break
        self._slide(name, to)
        return Status.SUCCEEDED

    # Where things go

    def _spot(self, name: str, call: PrimitiveCall) -> XYZ:
        if call.relation is Relation.ASIDE or call.relation is None:
            return (*self._free_spot(name, away_from=self._origins.values()), 0.0)
        if call.relation is Relation.WHERE:
            x, y, _ = self._origins[call.target]
            return (*self._nearest_free(name, (x, y), 0.012), 0.0)
        if call.relation in _WAYS:
            return (*self._beside(name, call.target, _WAYS[call.relation]), 0.0)
        x, y, z = self._xyz[call.target]
        if self._specs[call.target].kind in ("block", "cylinder"):
            return x + self._noise(0.003), y + self._noise(0.003), z + self._height(call.target)
        return self._within(name, call.target)

    def _within(self, name: str, place: str) -> XYZ:
        """A free part of a container, plate or zone; where none is free, what is in there makes room."""
        x, y, _ = self._xyz[place]
        floor = 0.0 if self._specs[place].kind == "zone" else FLOOR_M
        room = self._width(place) / 2 - self._width(name) * 0.6 - 0.006
        inside = [
            n for n, p in self._xyz.items()
            if self._specs[n].kind in MOVABLE_KINDS and n not in (name, self._held) and self._is_over(p[:2], place)
        ]  # fmt: skip
        turn = self._rng.uniform(-np.pi, np.pi)
        if not inside:
            # As the hand does: the middle of a bowl, but one side of what is flat, to leave room for a second thing.
            off = 0.0 if self._specs[place].kind == "bowl" else max(room, 0.0)
            return (
                float(x + off * np.cos(turn) + self._noise(0.005)), float(y + off * np.sin(turn) + self._noise(0.005)),
                floor,
            )  # fmt: skip
        for angle in turn + np.linspace(0.0, 2 * np.pi, 16, endpoint=False):
            spot = (float(x + room * np.cos(angle)), float(y + room * np.sin(angle)))
            if all(self._gap(name, spot, n) > 0.002 for n in inside):
                return (*spot, floor)
        lying = [n for n in inside if self._xyz[n][2] < HEIGHT_M["block", "small"] / 2]
        angles = turn + np.linspace(0.0, 2 * np.pi, len(lying) + 1, endpoint=False)
        ring = [(float(x + room * np.cos(a)), float(y + room * np.sin(a))) for a in angles]
        for other, spot in zip(lying, ring[1:], strict=True):
            self._xyz[other] = (*spot, self._xyz[other][2])
        return (*ring[0], floor)

    def _beside(self, name: str, reference: str, way: XY) -> XY:
        x, y, _ = self._xyz[reference]
        least = max(0.09, (self._width(name) + self._width(reference)) / 2 + CLEAR_M)
        for attempt in range(60):
            far = min(least + self._rng.uniform(0.0, 0.005 + 0.004 * attempt), 0.24)
            off = np.clip(self._noise(0.004 + 0.002 * attempt), -0.045, 0.045)
            spot = (float(x + way[0] * far + way[1] * off), float(y + way[1] * far + way[0] * off))
            if self._is_free(name, spot, 0.006) and _on_table(spot):
                return spot
        return spot

    def _free_spot(self, name: str, away_from: Iterable[XYZ] = ()) -> XY:
        """Bare table, and not where something may have to go back to."""
        kept = list(away_from)
        for attempt in range(200):
            spot = (float(self._rng.uniform(*TABLE_X_M)), float(self._rng.uniform(*TABLE_Y_M)))
            room = 0.03 * (1 - attempt / 200)
            clear = all(np.hypot(p[0] - spot[0], p[1] - spot[1]) > 0.05 + room for p in kept)
            if clear and self._is_free(name, spot, room):
                break
        return spot

    def _nearest_free(self, name: str, spot: XY, spread_m: float) -> XY:
        for attempt in range(60):
            spread = spread_m * (1 + attempt) / 10
            there = (float(spot[0] + self._noise(spread)), float(spot[1] + self._noise(spread)))
            if self._is_free(name, there, 0.002):
                break
        return there

    def _slide(self, name: str, to: XY) -> None:
        """Along what it stands on, with a little turn."""
        self._xyz[name] = (float(to[0]), float(to[1]), self._xyz[name][2])
        self._yaw[name] += self._noise(0.15)

    def _set_down(self, name: str, spot: XY) -> None:
        self._xyz[name] = (*spot, 0.0)
        self._yaw[name] = float(self._rng.uniform(-np.pi, np.pi))

    def _is_over(self, spot: XY, name: str) -> bool:
        x, y, _ = self._xyz[name]
        return max(abs(spot[0] - x), abs(spot[1] - y)) < self._width(name) / 2

    def _is_free(self, name: str, spot: XY, gap_m: float, *, over_zones: bool = False) -> bool:
        others = (n for n in self._xyz if n not in (name, self._held))
        return all(
            self._gap(name, spot, n) > gap_m for n in others if not (over_zones and self._specs[n].kind == "zone")
        )

    def _gap(self, name: str, spot: XY, other: str) -> float:
        """Between `name`, were it at `spot`, and another thing, somewhere between flush and corner to corner."""
        x, y, _ = self._xyz[other]
        return float(np.hypot(x - spot[0], y - spot[1])) - (self._width(name) + self._width(other)) * 0.54

    def _noise(self, spread_m: float) -> float:
        return float(self._rng.normal(0.0, spread_m))

    def _width(self, name: str) -> float:
        spec = self._specs[name]
        return FOOTPRINT_M[spec.kind, spec.size]

    def _height(self, name: str) -> float:
        spec = self._specs[name]
        return HEIGHT_M[spec.kind, spec.size]


def _nothing(_: PrimitiveCall) -> Status:
    return Status.SUCCEEDED


def _on_table(spot: XY) -> bool:
    return TABLE_X_M[0] <= spot[0] <= TABLE_X_M[1] and TABLE_Y_M[0] <= spot[1] <= TABLE_Y_M[1]


def rollout(
    instance: Instance,
    scene: Scene,
    rng: np.random.Generator,
    *,
    failures: Failures = NOTHING_FAILS,
    most_calls: int = 40,
) -> Iterator[Step]:
    """The oracle's episode: every moment of decision, the last being that of done(), ask or refuse.

    After `most_calls` calls nothing fails any more, so that every episode ends.
    """
    world = KinematicWorld(scene, rng, failures=failures)
    for taken in range(3 * most_calls):
        state = world.state()
        calls = tuple(remaining_calls(instance, state, world.history))
        yield Step(state=state, history=tuple(world.history), calls=calls)
        if VERBS[calls[0].verb].ends_plan:
            return
        if taken == most_calls:
            world.failures = NOTHING_FAILS
        world.apply(calls[0])
        if rng.random() < world.failures.moved and (name := _may_be_moved(instance, world.state(), rng)):
            world.disturb(name)
    raise RuntimeError(f"no end after {3 * most_calls} calls: {instance.instruction!r}")


def _may_be_moved(instance: Instance, state: SymbolicState, rng: np.random.Generator) -> str | None:
    """Something with nothing on it, to be moved without the instruction losing its meaning (as in a swap)."""
    if any(isinstance(m, PickPlace) and m.relation is Relation.WHERE for m in instance.program):
        return None
    facts = Facts(instance.objects, state)
    loose = (o.name for o in instance.objects if o.kind in MOVABLE_KINDS and o.name != state.held)
    free = [name for name in loose if facts.on_top_of(name) is None]
    return free[int(rng.integers(len(free)))] if free else None
