"""Whole kitchens from a seed: room, furniture, things, light, camera, and where the robot starts.

    scene = sample_kitchen(np.random.default_rng(7), seed=7, wishes=[Wish(kind="apple", place="counter")])
    KitchenScene.from_json(scene.to_json()) == scene

The world's origin is where the robot starts; x runs along the back wall, y towards it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np

from robots.geometry import Pose
from robots.places import RoomMap
from sim.camera import CameraSpec, LightSpec
from sim.kitchen.dirt import sample_stains
from sim.kitchen.filling import Wish, fill
from sim.kitchen.layout import Layout, footprint, sample_layout
from sim.kitchen.maps import room_map
from sim.kitchen.passage import Floor, Rect, gap_m
from sim.kitchen.process import Content, Stain
from sim.kitchen.setting import KitchenSetting, Standing
from sim.kitchen.shell import HEIGHT_M
from sim.kitchen.style import Style, sample_style
from sim.naming import SceneError
from sim.scenes import ObjectSpec, PlacedObject, scene_fields, tuples

START_CLEAR_M = 0.45
"""Radius of what is free around the robot at first."""


@dataclass(frozen=True, kw_only=True)
class KitchenScene:
    """Everything that a reset of the world needs. robot_start: x, y in m and the way it looks in rad, in the world."""

    seed: int
    objects: tuple[PlacedObject, ...]
    setting: KitchenSetting
    camera: CameraSpec
    lights: LightSpec
    robot_start: tuple[float, float, float] = (0.0, 0.0, float(np.pi / 2))

    def __post_init__(self) -> None:
        names = [o.spec.name for o in self.objects]
        if len(set(names)) != len(names):
            raise ValueError(f"names in a scene are unique, these are not: {', '.join(names)}")

    @property
    def specs(self) -> tuple[ObjectSpec, ...]:
        return tuple(o.spec for o in self.objects)

    @property
    def start(self) -> Pose:
        """world_T_base of the robot at first."""
        x, y, yaw = self.robot_start
        return Pose.from_xyz_yaw([x, y, 0.0], yaw)

    @property
    def room(self) -> Rect:
        """The floor between the walls, in the world."""
        (x, y), (width, depth) = self.setting.corner_xy_m, self.setting.size_m
        return (x, y, x + width, y + depth)

    def told(self) -> RoomMap:
        """The map that a robot is given."""
        return room_map(self.setting)

    def ajar(self) -> dict[str, float]:
        """How far drawers and doors stand open at first, m or rad."""
        travels = {h.part: h.travel for h in self.told().handles}
        return {name: share * travels[name] for name, share in self.setting.openings.items()}

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> KitchenScene:
        """What `to_json` wrote.

        Raises:
            ValueError: the text is not such a scene.
        """
        try:
            raw: dict[str, Any] = json.loads(text)
            s = raw.pop("setting")
            setting = KitchenSetting(
                furniture=tuple(Standing(**tuples(f)) for f in s.pop("furniture")),
                style=Style(**tuples(s.pop("style"))),
                stains=tuple(Stain(**tuples(f)) for f in s.pop("stains")),
                contents={k: Content(**c) for k, c in s.pop("contents").items()},
                **tuples(s),
            )
            return cls(setting=setting, **scene_fields(raw))
        except (KeyError, TypeError, AttributeError, IndexError, ValueError) as error:
            raise ValueError(f"not a kitchen: {error!r}") from error


@dataclass(frozen=True, kw_only=True)
class State:
    """How a kitchen is found: openings by name as shares, switches that are on, contents by the vessel's name, and how
    many stains there are to wipe."""

    openings: Mapping[str, float] = field(default_factory=dict)
    lit: tuple[str, ...] = ()
    contents: Mapping[str, Content] = field(default_factory=dict)
    stains: int = 0


def sample_kitchen(
    rng: np.random.Generator, *, seed: int = 0, wishes: Sequence[Wish] = (), clutter: int = 2,
    shape: str | None = None, paired: bool | None = None,
    state: State | None = None,
) -> KitchenScene:  # fmt: skip
    """A kitchen with these things and, by clutter 0 to 3, none, few, many or very many others. `seed` is only recorded.

    shape, paired: see sim.kitchen.layout.sample_layout. state: what is open, on, filled or dirty.

    Raises:
        SceneError: what is asked for can't be, or found no room in the bounded number of draws.
    """
    state = state or State()
    layout = sample_layout(rng, shape=shape, paired=paired)
    start = _start(rng, layout)
    furniture = tuple(
        replace(s, xyz_m=(s.xyz_m[0] - start[0], s.xyz_m[1] - start[1], s.xyz_m[2])) for s in layout.furniture
    )
    setting = KitchenSetting(
        corner_xy_m=(-start[0], -start[1]), size_m=layout.size_m, furniture=furniture, style=sample_style(rng),
        openings=dict(state.openings), lit=tuple(state.lit),
    )  # fmt: skip
    _check(setting, state)
    setting = replace(setting, stains=sample_stains(rng, setting, state.stains))
    objects = fill(rng, setting, wishes=wishes, clutter=clutter)
    names = {o.spec.name for o in objects}
    if not state.contents.keys() <= names:
        raise SceneError(
            f"contents of {', '.join(sorted(state.contents.keys() - names))}, which this kitchen does not have"
        )
    setting = replace(setting, contents=dict(state.contents))
    return KitchenScene(
        seed=seed,
        objects=objects,
        setting=setting,
        camera=_overview(layout, start),
        lights=_lights(rng, layout, start),
        robot_start=(0.0, 0.0, start[2]),
    )


def _check(setting: KitchenSetting, state: State) -> None:
    """Raises SceneError where the state names what this kitchen does not have."""
    switches = [s.called(b.switch) for s in setting.furniture for b in s.unit.buttons]
    for names, there in ((state.openings, list(setting.named)), (state.lit, switches)):
        for name in names:
            if name not in there:
                raise SceneError(f"no {name!r} in this kitchen; there are {', '.join(there)}")
    for name, share in state.openings.items():
        if not 0 <= share <= 1:
            raise SceneError(f"a share from 0 to 1 opens {name!r}, not {share}")


def _start(rng: np.random.Generator, layout: Layout) -> tuple[float, float, float]:
    """A free place that joins the others, in the room's frame, looking about at the back wall."""
    wide = Floor.of(layout.room, layout.obstacles, radius_m=START_CLEAR_M)
    narrow = Floor.of(layout.room, layout.obstacles)
    area = narrow.at(next(s for s in layout.furniture if s.unit.noun == "sink").front.xyz)
    middles = np.concatenate([wide.middles(a) for a in range(1, int(wide.area.max()) + 1)] or [np.empty((0, 2))])
    joined = [m for m in middles if narrow.at(m) == area]
    if not joined:
        raise SceneError("this room leaves no free place for a robot to start from")
    x, y = joined[int(rng.integers(len(joined)))]
    return float(x), float(y), float(np.pi / 2 + rng.uniform(-0.6, 0.6))


def _overview(layout: Layout, start: tuple[float, float, float]) -> CameraSpec:
    """From high in a front corner, or between them, wherever least is in its way, over the whole room."""
    width, depth = layout.size_m
    tall = [footprint(s) for s in layout.furniture if s.unit.noun in ("shelf", "fridge")]
    eyes = [(width - 0.1, 0.1), (0.1, 0.1), (width / 2, 0.1)]
    x, y = max(eyes, key=lambda eye: min(2.5, *(gap_m((*eye, *eye), rect) for rect in tall)))
    eye, side = np.array([x, y, 2.32]), np.sign(x - width / 2)
    aim = np.array([width / 2 - side * width * 0.1, depth * 0.58, 0.3])
    shift = np.array([start[0], start[1], 0.0])
    (ex, ey, ez), (ax, ay, az) = eye - shift, aim - shift
    return CameraSpec(
        position_m=(float(ex), float(ey), float(ez)),
        target_m=(float(ax), float(ay), float(az)),
        fov_y_rad=float(np.deg2rad(66)),
        far_m=12.0,
    )


def _lights(rng: np.random.Generator, layout: Layout, start: tuple[float, float, float]) -> LightSpec:
    """A lamp under the ceiling, about in the middle of the room."""
    (width, depth), ambient = layout.size_m, float(rng.uniform(0.58, 0.70))
    x, y = rng.uniform(0.35, 0.65) * width - start[0], rng.uniform(0.3, 0.5) * depth - start[1]
    return LightSpec(
        direction=(0.2, -0.25, 1.0),
        ambient=ambient,
        diffuse=float(rng.uniform(1.0, 1.08) - ambient),
        shadow=float(rng.uniform(0.4, 0.6)),
        shadow_reach_m=8.0,
        softness_m=0.04,
        position_m=(float(x), float(y), HEIGHT_M - 0.05),
    )
