"""A state of the table without physics, and what holds in it.

Whatever knows where things are can make a `SymbolicState`: the simulated world, or `sim.kinematic`. The tests here are
those of the oracle: they say whether a move needs doing again. They agree with `sim.predicates`, which judges success
in the physics and knows about tilt and contact, on everything that stands upright.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from sim.lexicon import FOOTPRINT_M, HEIGHT_M
from sim.scenes import ObjectSpec

XYZ = tuple[float, float, float]

SIDE_M: dict[str, tuple[int, float, float]] = {
    "left": (1, -1.0, 0.17),
    "right": (1, 1.0, 0.17),
    "front": (0, 1.0, 0.55),
    "back": (0, -1.0, -0.40),
}
"""side: axis of the world, sign, and how far along sign * axis a thing on that side of the table is, metres."""

_ATOM = re.compile(r"(\w+)\(([^,()]+)(?:, ([^,()]+))?\)")


@dataclass(frozen=True, kw_only=True)
class SymbolicState:
    """xyz_m: by name, the middle of the thing's underside in the world, metres. held: what the hand holds.

    yaw_rad: by name, where it is known. start_xyz_m: where things were when the instruction was given, for
    `at(x, y)`: x stands where y was.
    """

    xyz_m: Mapping[str, XYZ]
    held: str | None
    yaw_rad: Mapping[str, float] = field(default_factory=dict)
    start_xyz_m: Mapping[str, XYZ] = field(default_factory=dict)


class Facts:
    """What holds in a state of these objects."""

    def __init__(self, objects: Sequence[ObjectSpec], state: SymbolicState) -> None:
        self.specs = {o.name: o for o in objects}
        self.state = state

    def holds(self, formula: str) -> bool:
        """Whether a conjunction such as "in(red block, green bowl) and on(blue block, red block)" is true.

        Raises:
            ValueError: for a predicate that there is not.
        """
        return all(self._atom(part.strip()) for part in formula.split(" and "))

    def _atom(self, text: str) -> bool:
        match = _ATOM.fullmatch(text)
        if match is None or not hasattr(self, f"_{match.group(1)}"):
            raise ValueError(f"not a predicate: {text!r}")
        arguments = [g for g in match.groups()[1:] if g is not None]
        if match.group(1) != "holding" and arguments[0] == self.state.held:
            return False
        return bool(getattr(self, f"_{match.group(1)}")(*arguments))

    def offset(self, a: str, b: str) -> tuple[float, float, float]:
        """From b to a, metres."""
        (ax, ay, az), (bx, by, bz) = self.state.xyz_m[a], self.state.xyz_m[b]
        return ax - bx, ay - by, az - bz

    def width(self, name: str) -> float:
        spec = self.specs[name]
        return FOOTPRINT_M[spec.kind, spec.size]

    def height(self, name: str) -> float:
        spec = self.specs[name]
        return HEIGHT_M[spec.kind, spec.size]

    def on_top_of(self, name: str) -> str | None:
        """The block or cylinder that rests on this block or cylinder."""
        if self.specs[name].kind not in ("block", "cylinder"):
            return None
        others = (n for n, s in self.specs.items() if s.kind in ("block", "cylinder") and n != name)
        return next((n for n in others if n != self.state.held and self._on(n, name)), None)

    def _holding(self, a: str) -> bool:
        return self.state.held == a

    def _in(self, a: str, b: str) -> bool:
        dx, dy, dz = self.offset(a, b)
        inside = max(abs(dx), abs(dy)) if self.specs[b].kind == "box" else float(np.hypot(dx, dy))
        return inside < self.width(b) / 2 and -0.01 < dz < self.height(b)

    def _on(self, a: str, b: str) -> bool:
        dx, dy, dz = self.offset(a, b)
        kind, half = self.specs[b].kind, self.width(b) / 2
        if kind in ("block", "cylinder"):
            return float(np.hypot(dx, dy)) < half + 0.006 and abs(dz - self.height(b)) < 0.012
        if kind == "zone":
            return max(abs(dx), abs(dy)) < half * 1.1 and dz < 0.03
        return float(np.hypot(dx, dy)) < half and -0.01 < dz < self.height(b) + 0.02

    def _left_of(self, a: str, b: str) -> bool:
        dx, dy, _ = self.offset(a, b)
        return dy <= -0.02 and abs(dx) <= 0.05 and float(np.hypot(dx, dy)) <= 0.25

    def _right_of(self, a: str, b: str) -> bool:
        return self._left_of(b, a)

    def _in_front_of(self, a: str, b: str) -> bool:
        dx, dy, _ = self.offset(a, b)
        return dx >= 0.02 and abs(dy) <= 0.05 and float(np.hypot(dx, dy)) <= 0.25

    def _behind(self, a: str, b: str) -> bool:
        return self._in_front_of(b, a)

    def _at(self, a: str, where: str) -> bool:
        if where in SIDE_M:
            axis, sign, least = SIDE_M[where]
            return sign * self.state.xyz_m[a][axis] >= least
        (ax, ay, _), (bx, by, _) = self.state.xyz_m[a], self.state.start_xyz_m[where]
        return float(np.hypot(ax - bx, ay - by)) <= 0.045
