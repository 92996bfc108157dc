"""Where furniture stands in a room: a run of counters along the back wall, or along two walls, and what else there is.

The room's frame: origin in its left front corner on the floor, x to the right along the back wall, y towards it. Who
stands in the middle and looks to the back wall has the left wall to the left.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from sim.kitchen.cabinets import DEEP_M, OVERHANG_M
from sim.kitchen.naming import called
from sim.kitchen.passage import Floor, Rect, gap_m
from sim.kitchen.setting import Standing
from sim.kitchen.units import unit
from sim.naming import SceneError

Wall = Literal["left", "back", "right", "front"]
YAW_RAD: dict[Wall, float] = {"left": 0.0, "back": -np.pi / 2, "right": np.pi, "front": np.pi / 2}
RUN_M = DEEP_M + OVERHANG_M
WIDTH_M, DEPTH_M = (3.6, 6.0), (3.2, 5.0)
PASSAGE_M = 0.95
"""Between furniture that does not stand side by side; the issue asks for 0.9."""
LAYOUTS = ("line", "corner")
TRIES = 60
SPARE_M = 0.08
"""From a run's first unit to the side wall, so that a robot fits in front of it."""
HINGE_M = 0.34
"""From a fridge to the side wall that its door opens towards: an arm and a hand around the bar need as much there."""


@dataclass(frozen=True, kw_only=True)
class Layout:
    """size_m: of the room. furniture: in the room's frame, named."""

    size_m: tuple[float, float]
    furniture: tuple[Standing, ...]

    @property
    def room(self) -> Rect:
        return (0.0, 0.0, *self.size_m)

    @property
    def obstacles(self) -> tuple[Rect, ...]:
        """What stands on the floor, or hangs so low that a robot would meet it."""
        return tuple(footprint(s) for s in self.furniture if s.xyz_m[2] == 0)


def footprint(standing: Standing) -> Rect:
    """Seen from above; furniture stands square to the walls."""
    x, y, _ = standing.unit.size_m
    corners = standing.pose.apply([[a, b, 0.0] for a in (0.0, x) for b in (-y / 2, y / 2)])[:, :2]
    (x0, y0), (x1, y1) = corners.min(0), corners.max(0)
    return float(x0), float(y0), float(x1), float(y1)


@dataclass(eq=False)
class _Room:
    """A room being furnished."""

    width: float
    depth: float
    stood: list[Standing]

    def against(self, wall: Wall, key: str, along: float, *, z: float = 0.0, off: float = 0.0) -> Standing:
        """A unit with its back `off` from a wall; along: of its middle, from the wall's end at the left or in front."""
        x, y = {
            "left": (off, along),
            "back": (along, self.depth - off),
            "right": (self.width - off, along),
            "front": (along, off),
        }[wall]
        standing = Standing(name="", key=key, xyz_m=(x, y, z), yaw_rad=float(YAW_RAD[wall]))
        self.stood.append(standing)
        return standing

    def clear(self, standing: Standing, gap: float) -> bool:
        """Whether it is inside the room, and that far from all that stands there already."""
        x0, y0, x1, y1 = rect = footprint(standing)
        inside = x0 >= -1e-6 and y0 >= -1e-6 and x1 <= self.width + 1e-6 and y1 <= self.depth + 1e-6
        return inside and all(gap_m(rect, footprint(s)) >= gap for s in self.stood if s is not standing)


def sample_layout(rng: np.random.Generator, *, shape: str | None = None, paired: bool | None = None) -> Layout:
    """A furnished room in which a robot can stand in front of everything and drive from each to each.

    shape: one of LAYOUTS. paired: with two cabinets of drawers or two cupboards under the counters, a left and a right
    one; else with one of each. None draws.

    Raises:
        SceneError: none of TRIES draws was such a room; or no such shape.
    """
    if shape is not None and shape not in LAYOUTS:
        raise SceneError(f"no layout {shape!r}; there are {', '.join(LAYOUTS)}")
    for _ in range(TRIES):
        two = bool(rng.random() < 0.5) if paired is None else paired
        layout = _draw(rng, shape or str(rng.choice(LAYOUTS)), two)
        if layout is not None and _passable(layout):
            return layout
    raise SceneError(f"none of {TRIES} drawn rooms let a robot reach all its furniture; try another seed")


def _passable(layout: Layout) -> bool:
    floor = Floor.of(layout.room, layout.obstacles)
    areas = {floor.at(s.front.xyz) for s in layout.furniture if s.xyz_m[2] == 0 and s.unit.noun != "corner"}
    return len(areas) == 1 and 0 not in areas


def _draw(rng: np.random.Generator, shape: str, paired: bool) -> Layout | None:
    def within(low: float, high: float) -> float:
        return float(rng.integers(round(low * 20), round(high * 20) + 1)) / 20

    width = within(4.2 if shape == "corner" else WIDTH_M[0], WIDTH_M[1])
    depth = within(3.8 if shape == "corner" else DEPTH_M[0], DEPTH_M[1])
    room = _Room(width=width, depth=depth, stood=[])
    hinge = str(rng.choice(["left", "right"]))
    if shape == "corner":
        side = [f"cupboard_{hinge}-600", "fridge_right-620"]
        y = depth - RUN_M
        for key in ("corner-400", *side):
            size = unit(key).size_m[1]
            room.against("left", key, y - size / 2)
            y -= size
        keys = ["sink-800", "stove-600", "drawers-600"]
        start, keys = 0.0, ["corner-920", *_mixed(rng, keys)]
    else:
        keys = _mixed(rng, ["sink-800", "stove-600", "drawers-600", f"cupboard_{hinge}-600"])
        fridge_left = bool(rng.integers(2))
        keys = ["fridge_left-620", *keys] if fridge_left else [*keys, "fridge_right-620"]
        start = HINGE_M if fridge_left else SPARE_M
    used = start + sum(unit(k).size_m[1] for k in keys)
    spare = width - used - (HINGE_M if keys[-1].startswith("fridge") else SPARE_M)
    if paired:  # at neither end: there are the fridge and the corner
        keys.insert(int(rng.integers(1, len(keys))), str(rng.choice(["drawers-500", "cupboard_left-500"])))
        spare -= 0.5
    if spare < 0:
        return None
    if spare > 0.5 and rng.random() < 0.7:  # more worktop at the end that has no fridge
        plain = f"cabinet-{100 * int(min(spare - 0.1, 0.9) * 10)}"
        keys.insert(0 if keys[-1].startswith("fridge") else len(keys), plain)
    x, hung = start, 0
    for before, key, after in zip(["", *keys], keys, [*keys[1:], ""], strict=False):
        size = unit(key).size_m[1]
        room.against("back", key, x + size / 2)
        if key.startswith(("drawers", "cupboard")) and hung < 3 and rng.random() < 0.75:
            side_ = "left" if rng.random() < 0.5 else "right"
            # No hand gets to a handle between a fridge's side and the door.
            side_ = "left" if before.startswith("fridge") else "right" if after.startswith("fridge") else side_
            room.against("back", f"wall_{side_}-{round(size * 1000)}", x + size / 2, z=0.0)
            hung += 1
        x += size
    if not (_shelves(rng, room) and _middle(rng, room) and _bin(rng, room)):
        return None
    _small(rng, room)
    return Layout(size_m=(width, depth), furniture=called(room.stood))


def _mixed(rng: np.random.Generator, keys: list[str]) -> list[str]:
    """In another order."""
    return [keys[i] for i in rng.permutation(len(keys))]


def _shelves(rng: np.random.Generator, room: _Room) -> bool:
    """Against the right wall, or the left where no counters are."""
    key = f"shelves-{rng.choice([800, 900])}"
    half = unit(key).size_m[1] / 2
    free_left = not any(s.yaw_rad == YAW_RAD["left"] for s in room.stood)
    for _ in range(20):
        wall: Wall = "left" if free_left and rng.random() < 0.4 else "right"
        s = room.against(wall, key, float(rng.uniform(half, room.depth - RUN_M - 0.9 - half)))
        if room.clear(s, 0.9):
            return True
        room.stood.remove(s)
    return False


def _middle(rng: np.random.Generator, room: _Room) -> bool:
    """A table or an island with a way around it, or a table with its back to the front wall."""
    for attempt in range(60):
        width, depth = float(rng.choice([1.0, 1.2, 1.4])), float(rng.choice([0.7, 0.8]))
        kind = str(rng.choice(["table", "island"])) if attempt < 40 else "table"
        key = f"{kind}-{round(width * 1000)}-{round(depth * 1000)}"
        if attempt < 40:
            x = float(rng.uniform(PASSAGE_M, max(PASSAGE_M, room.width - PASSAGE_M)))
            y = float(rng.uniform(PASSAGE_M, max(PASSAGE_M, room.depth - PASSAGE_M - RUN_M)))
            s = Standing(
                name="", key=key, xyz_m=(x, y, 0.0), yaw_rad=float(YAW_RAD["back"]) if rng.random() < 0.7 else 0.0
            )
            room.stood.append(s)
            x0, y0, x1, y1 = footprint(s)
            walls = min(x0, y0, room.width - x1, room.depth - y1)
            fits = walls >= PASSAGE_M
        else:
            s = room.against("front", key, float(rng.uniform(width / 2, room.width - width / 2)))
            x0, _, x1, _ = footprint(s)
            # Flush with a side wall or with room for a robot beside it.
            fits = min(x0, room.width - x1) >= PASSAGE_M
        if fits and room.clear(s, PASSAGE_M):
            return True
        room.stood.remove(s)
    return False


def _bin(rng: np.random.Generator, room: _Room) -> bool:
    """Against a side wall."""
    for _ in range(40):
        wall: Wall = "right" if rng.random() < 0.7 else "left"
        s = room.against(wall, "bin-320", float(rng.uniform(0.4, room.depth - RUN_M - 0.4)), off=0.03)
        if room.clear(s, 0.04):
            others = [o for o in room.stood if o is not s and o.unit.noun in ("table", "island")]
            if all(gap_m(footprint(s), footprint(o)) >= PASSAGE_M for o in others):
                return True
        room.stood.remove(s)
    return False


def _small(rng: np.random.Generator, room: _Room) -> None:
    """A microwave on a counter; a lamp on the table, the island or a counter."""
    counters = [s for s in room.stood if s.unit.noun in ("drawers", "cupboard", "cabinet") and s.unit.size_m[1] >= 0.5]
    tables = [s for s in room.stood if s.unit.noun in ("table", "island")]
    hosts = [counters[i] for i in rng.permutation(len(counters))]
    if rng.random() < 0.7 and len(hosts) > 1:
        host = hosts.pop()
        at = host.pose.apply([0.06, 0.0, 0.9])
        room.stood.append(Standing(name="", key="microwave-460", xyz_m=_triple(at), yaw_rad=host.yaw_rad))
    host = tables[0] if rng.random() < 0.6 else hosts[0]
    depth, width, high = host.unit.size_m
    back = 0.1 if host.unit.noun not in ("table", "island") else depth - 0.24
    side = float(rng.choice([-1.0, 1.0])) * (width / 2 - 0.14)
    room.stood.append(
        Standing(name="", key="lamp-140", xyz_m=_triple(host.pose.apply([back, side, high])), yaw_rad=host.yaw_rad)
    )


def _triple(values: object) -> tuple[float, float, float]:
    x, y, z = (float(v) for v in np.asarray(values))
    return x, y, z
