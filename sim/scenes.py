"""What stands on the table, and where: drawn from a generator, or from names as people say them.

scene = sample_scene(np.random.default_rng(7), n_objects=6, seed=7)
scene = scene_from_names(["red block", "the big green bowl"], seed=7)
Scene.from_json(scene.to_json()) == scene
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np

from robots.geometry import Pose
from robots.places import RoomMap
from robots.relations import Relation
from sim import catalogue
from sim.camera import CameraSpec, LightSpec
from sim.lexicon import COLOURS, KINDS, RGB, SIZES, canonical_name
from sim.looks import sample_camera, sample_lights, sample_table
from sim.naming import SceneError, read_names
from sim.placing import Room, place
from sim.setting import Setting, Table
from sim.tasks.heldout import COMBINATIONS, TRAINED_COUNTS

if TYPE_CHECKING:
    from robots.spec import RobotSpec
    from sim.lens import Lens
    from sim.mobile import MobileArm
    from sim.render import VisualPart

MAX_OBJECTS = 10
MAX_CONTAINERS = 4
DIRECTIONS = {
    Relation.LEFT_OF: (0.0, -1.0),
    Relation.RIGHT_OF: (0.0, 1.0),
    Relation.IN_FRONT_OF: (1.0, 0.0),
    Relation.BEHIND: (-1.0, 0.0),
}
"""In world x, y: the viewer stands opposite the robot."""


@dataclass(frozen=True, kw_only=True)
class ObjectSpec:
    """A thing. `name` is unique in its scene: "red block", "small red block", "red block 2"."""

    name: str
    kind: str
    colour: str
    size: str

    def __post_init__(self) -> None:
        try:
            catalogue.model(self.kind, self.size)
            catalogue.rgb(self.kind, self.colour)
        except ValueError as e:
            raise ValueError(f"{self.name!r}: {e}") from e

    @property
    def rgb(self) -> RGB:
        return catalogue.rgb(self.kind, self.colour)


@dataclass(frozen=True, kw_only=True)
class PlacedObject:
    """A thing and where it stands: xy_m and yaw_rad of its underside's middle, z_m above the table (or floor).

    stands: at rest on what is below it, so that it may sleep until it is touched; None: where z_m is 0.
    """

    spec: ObjectSpec
    xy_m: tuple[float, float]
    yaw_rad: float = 0.0
    z_m: float = 0.0
    stands: bool | None = None

    @property
    def at_rest(self) -> bool:
        return self.z_m == 0.0 if self.stands is None else self.stands


class AnyScene(Protocol):
    """What a world needs of a scene, whatever the suite. Names of objects are unique."""

    @property
    def seed(self) -> int: ...

    @property
    def objects(self) -> tuple[PlacedObject, ...]: ...

    @property
    def specs(self) -> tuple[ObjectSpec, ...]: ...

    @property
    def setting(self) -> Setting: ...

    @property
    def camera(self) -> CameraSpec | None:
        """The camera that belongs to the scene, not to the robot, where there is one."""
        ...

    @property
    def lights(self) -> LightSpec: ...


@runtime_checkable
class StartScene(Protocol):
    """A scene that says where a robot that drives stands at first."""

    @property
    def start(self) -> Pose:
        """world_T_base."""
        ...


@runtime_checkable
class MappedScene(Protocol):
    """A scene of rooms, of which the robot is given a map."""

    def told(self) -> RoomMap:
        """Walls and furniture, shut."""
        ...

    def ajar(self) -> Mapping[str, float]:
        """How far parts of it stand open at first, m or rad by name, as the robot is told too."""
        ...


@runtime_checkable
class LensScene(Protocol):
    """A scene in which the robot's cameras are not quite what its description says, and in which things hang on it."""

    def lenses(self, spec: RobotSpec) -> Mapping[str, Lens]:
        """By the names of cameras; those that are not here are as described."""
        ...

    def worn(self, arm: MobileArm) -> list[VisualPart]:
        """What is seen beside the setting and the objects, where the robot is now."""
        ...


@dataclass(frozen=True, kw_only=True)
class Scene:
    """Everything that a reset of the world needs. `seed`: the episode's, for the record."""

    seed: int
    objects: tuple[PlacedObject, ...]
    camera: CameraSpec = field(default_factory=CameraSpec)
    lights: LightSpec = field(default_factory=LightSpec)
    table_rgb: RGB = (0.62, 0.55, 0.47)

    def __post_init__(self) -> None:
        names = [o.spec.name for o in self.objects]
        if len(set(names)) != len(names):
            raise ValueError(f"names in a scene are unique, these are not: {', '.join(names)}")

    @property
    def specs(self) -> tuple[ObjectSpec, ...]:
        return tuple(o.spec for o in self.objects)

    @property
    def setting(self) -> Setting:
        return Table(rgb=self.table_rgb)

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Scene:
        """What `to_json` wrote.

        Raises:
            ValueError: the text is not such a scene.
        """
        try:
            return cls(**scene_fields(json.loads(text)))
        except (KeyError, TypeError, AttributeError, IndexError, ValueError) as error:
            raise ValueError(f"not a scene: {error!r}") from error


def scene_fields(raw: dict[str, Any]) -> dict[str, Any]:
    """The fields of a scene from what JSON made of them: objects, camera and lights, and lists as tuples."""
    objects = (dict(o) for o in raw.pop("objects"))
    return {
        "objects": tuple(PlacedObject(spec=ObjectSpec(**o.pop("spec")), **tuples(o)) for o in objects),
        "camera": CameraSpec(**tuples(raw.pop("camera"))),
        "lights": LightSpec(**tuples(raw.pop("lights"))),
        **tuples(raw),
    }


def tuples(fields: dict[str, Any]) -> dict[str, Any]:
    """Fields that were read from JSON, with tuples for lists all the way down."""
    return {k: _tuple(v) for k, v in fields.items()}


def _tuple(value: Any) -> Any:
    return tuple(_tuple(v) for v in value) if isinstance(value, list) else value


def sample_scene(
    rng: np.random.Generator,
    *,
    objects: Sequence[ObjectSpec] | None = None,
    n_objects: int | None = None,
    seed: int = 0,
    held_out: bool = False,
    room: Sequence[tuple[str, Relation]] = (),
) -> Scene:
    """A scene with these objects, or with `n_objects` (default: 2 to 8) drawn ones, apart enough for the fingers.

    room: (name, direction) of things beside which the table stays free that way, as `rooms` reads them off a program.
    held_out: drawn objects may be combinations of colour and kind that training never sees. `seed` is only recorded.

    Raises:
        SceneError: no room for them all.
    """
    if objects is None:
        n = int(rng.choice(TRAINED_COUNTS)) if n_objects is None else n_objects
        objects = sample_specs(rng, n, held_out=held_out)
    names = [o.name for o in objects]
    rooms = [Room(beside=names.index(name), direction=DIRECTIONS[relation]) for name, relation in room]
    spots = place(rng, [(o.kind, o.size) for o in objects], rooms)
    placed = tuple(
        PlacedObject(spec=spec, xy_m=spot.xy_m, yaw_rad=spot.yaw_rad) for spec, spot in zip(objects, spots, strict=True)
    )
    return Scene(
        seed=seed,
        objects=placed,
        camera=sample_camera(rng),
        lights=sample_lights(rng),
        table_rgb=sample_table(rng, [o.rgb for o in objects]),
    )


def sample_specs(rng: np.random.Generator, n: int, *, held_out: bool = False) -> tuple[ObjectSpec, ...]:
    """n things, no two of one colour and kind, at least one to pick up, at most MAX_CONTAINERS containers."""
    if not 1 <= n <= MAX_OBJECTS:
        raise SceneError(f"a scene has 1 to {MAX_OBJECTS} objects, not {n}")
    things: list[tuple[str, str, str]] = []
    containers = 0
    while len(things) < n:
        kind = str(rng.choice(KINDS, p=(0.38, 0.16, 0.16, 0.1, 0.1, 0.1)))
        colour, size = str(rng.choice(list(COLOURS))), str(rng.choice(SIZES))
        container = kind not in ("block", "cylinder")
        if (colour, kind) in {(c, k) for k, c, _ in things} or (not held_out and (colour, kind) in COMBINATIONS):
            continue
        if container and (not things or containers == MAX_CONTAINERS):
            continue
        containers += container
        things.append((kind, colour, size))
    order = rng.permutation(n)
    return named([things[i] for i in order])


def named(things: Iterable[tuple[str, str, str]]) -> tuple[ObjectSpec, ...]:
    """(kind, colour, size) with the shortest names that tell them apart."""
    things = list(things)
    specs: list[ObjectSpec] = []
    for kind, colour, size in things:
        alike = [s for k, c, s in things if (k, c) == (kind, colour)]
        name = canonical_name(colour=colour, kind=kind, size=size if len(set(alike)) > 1 else None)
        same = sum(s.kind == kind and s.colour == colour and (s.size == size or len(set(alike)) == 1) for s in specs)
        specs.append(ObjectSpec(name=f"{name} {same + 1}" if same else name, kind=kind, colour=colour, size=size))
    return tuple(specs)


def scene_from_names(names: Sequence[str], seed: int) -> Scene:
    """A scene of things as people call them; what the words leave open, and where they lie, comes from the seed.

    Raises:
        SceneError: a name that means nothing here, too many of them, or no room.
    """
    if not 1 <= len(names) <= MAX_OBJECTS:
        raise SceneError(f"a scene has 1 to {MAX_OBJECTS} objects, not {len(names)}")
    rng = np.random.default_rng(seed)
    return sample_scene(rng, objects=named(read_names(rng, names)), seed=seed)
