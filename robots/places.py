"""What a robot is told of the rooms that it works in: walls and furniture, and what they are for.

As an occupancy map and a semantic map are given in practice. Poses are in the world, metres; furniture that opens is
described as it is when it is shut. Values alone: `RoomMap.from_json(m.to_json())` is the same map.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from robots.geometry import Pose, quat_from_axis_angle

Float = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, eq=False)
class Solid:
    """A box of a wall or of furniture. pose: of its middle. half_m: float64[3], half its edges. part: the name of the
    part that it moves with, "" where it never moves."""

    name: str
    pose: Pose
    half_m: Float
    part: str = ""


@dataclass(frozen=True, kw_only=True, eq=False)
class Surface:
    """A level rectangle that things stand on. name: as people say it. pose: of its middle, z up. half_m: along x and y.

    headroom_m: free height above it. inside: the part that must be open to get there, "" where it lies open.
    enclosed: walls stand around it, so things are in it rather than on it: a sink, a bin, a drawer. walls_m: how high
    they are, 0 where that is not known.
    """

    name: str
    pose: Pose
    half_m: tuple[float, float]
    headroom_m: float
    inside: str = ""
    enclosed: bool = False
    walls_m: float = 0.0

    @property
    def height_m(self) -> float:
        """Above the floor."""
        return float(self.pose.xyz[2])

    def holds(self, points: Float, *, margin_m: float = 0.0) -> NDArray[np.bool_]:
        """bool[N]: points [N,3] that lie over the rectangle, grown by the margin."""
        local = self.pose.inverse().apply(points)
        return np.asarray(
            (np.abs(local[:, 0]) <= self.half_m[0] + margin_m) & (np.abs(local[:, 1]) <= self.half_m[1] + margin_m)
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class Handle:
    """A bar that opens a part. pose: tool frame of a hand that holds it, z towards the furniture, y across the bar.

    axis, at_m: float64[3], direction and a point of the line that the part turns about (turns) or slides along.
    travel: how far it opens, m or rad.
    """

    part: str
    pose: Pose
    width_m: float
    length_m: float
    turns: bool
    axis: Float
    at_m: Float
    travel: float

    def motion(self, amount: float) -> Pose:
        """How the part has moved, world_T_world, when it is open by `amount` (m or rad)."""
        if not self.turns:
            return Pose(xyz=self.axis * amount, quat_xyzw=np.array([0.0, 0.0, 0.0, 1.0]))
        turn = Pose(xyz=np.zeros(3), quat_xyzw=quat_from_axis_angle(self.axis, amount))
        return Pose(xyz=self.at_m - turn.apply(self.at_m), quat_xyzw=turn.quat_xyzw)

    def moved(self, by: Pose) -> Handle:
        """The same handle in another frame: by_T_world."""
        return replace(self, pose=by @ self.pose, axis=by.rotation @ self.axis, at_m=by.apply(self.at_m))


@dataclass(frozen=True, kw_only=True, eq=False)
class Button:
    """Pressed along `along` (float64[3], unit) at point_m (float64[3]) it switches something."""

    switch: str
    point_m: Float
    along: Float


@dataclass(frozen=True, kw_only=True, eq=False)
class Standing:
    """A place on the floor where a robot may stand: a rectangle around `pose`, which looks where it should."""

    name: str
    pose: Pose
    half_m: tuple[float, float]


@dataclass(frozen=True, kw_only=True, eq=False)
class RoomMap:
    """The rooms. area_m: x from, y from, x to, y to of the floor. Names may occur more than once."""

    area_m: tuple[float, float, float, float]
    solids: tuple[Solid, ...] = ()
    surfaces: tuple[Surface, ...] = ()
    handles: tuple[Handle, ...] = ()
    buttons: tuple[Button, ...] = ()
    standings: tuple[Standing, ...] = ()

    def solids_now(self, ajar: Mapping[str, float]) -> tuple[Solid, ...]:
        """The solids with parts open by the amounts `ajar` (m or rad) by name; what is not named is shut."""
        motions = {h.part: h.motion(ajar[h.part]) for h in self.handles if ajar.get(h.part)}
        return tuple(replace(s, pose=motions[s.part] @ s.pose) if s.part in motions else s for s in self.solids)

    def surfaces_now(self, ajar: Mapping[str, float]) -> tuple[Surface, ...]:
        """The surfaces with parts open by the amounts `ajar`: what slides out has nothing above it."""
        out = {h.part: h.motion(ajar[h.part]) for h in self.handles if not h.turns and ajar.get(h.part)}
        return tuple(
            replace(s, pose=out[s.inside] @ s.pose, headroom_m=float(np.inf)) if s.inside in out else s
            for s in self.surfaces
        )

    def turning(self, part: str) -> bool:
        """Whether that part is a door rather than a drawer."""
        return any(h.part == part and h.turns for h in self.handles)

    def surface_at(
        self, point: Float, *, above_m: float = 0.5, below_m: float = 0.02, ajar: Mapping[str, float] | None = None
    ) -> Surface | None:
        """The highest surface that a point [3] lies over, no more than above_m higher and below_m lower."""
        best: Surface | None = None
        for surface in self.surfaces if ajar is None else self.surfaces_now(ajar):
            over = bool(surface.holds(point[None], margin_m=0.03)[0])
            rise = float(point[2]) - surface.height_m
            if over and -below_m <= rise <= above_m and (best is None or surface.height_m > best.height_m):
                best = surface
        return best

    def named(self, words: str, *, ajar: Mapping[str, float] | None = None) -> tuple[Surface | Standing, ...]:
        """The surfaces and standings of that name, surfaces first."""
        surfaces = tuple(s for s in (self.surfaces if ajar is None else self.surfaces_now(ajar)) if s.name == words)
        return (*surfaces, *(s for s in self.standings if s.name == words))

    def to_json(self) -> str:
        """As text for `from_json`."""
        return json.dumps({key: _plain(value) for key, value in vars(self).items()})

    @classmethod
    def from_json(cls, text: str) -> RoomMap:
        """What `to_json` wrote.

        Raises:
            ValueError: the text is no such map.
        """
        kinds = {"solids": Solid, "surfaces": Surface, "handles": Handle, "buttons": Button, "standings": Standing}
        try:
            raw: dict[str, Any] = json.loads(text)
            x0, y0, x1, y1 = (float(a) for a in raw.pop("area_m"))
            parts = {key: tuple(kind(**_full(one)) for one in raw.pop(key)) for key, kind in kinds.items()}
            return cls(area_m=(x0, y0, x1, y1), **parts, **raw)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise ValueError(f"not a room map: {error!r}") from error


_VECTORS = ("axis", "at_m", "point_m", "along")


def _plain(value: Any) -> Any:
    """A value of a map as JSON has it."""
    if isinstance(value, Pose):
        return [*value.xyz.tolist(), *value.quat_xyzw.tolist()]
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, tuple):
        return [_plain(v) for v in value]
    return {k: _plain(v) for k, v in vars(value).items()} if hasattr(value, "__dataclass_fields__") else value


def _full(fields: dict[str, Any]) -> dict[str, Any]:
    """The fields of one entry as its type takes them."""
    out: dict[str, Any] = {}
    for key, value in fields.items():
        if key == "pose":
            out[key] = Pose(xyz=np.array(value[:3]), quat_xyzw=np.array(value[3:]))
        elif key in _VECTORS or (key == "half_m" and len(value) == 3):
            out[key] = np.array(value, dtype=np.float64)
        elif key == "half_m":
            out[key] = (float(value[0]), float(value[1]))
        else:
            out[key] = value
    return out
