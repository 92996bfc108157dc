"""All kinds of things that a world can hold, by name: the tabletop's, and those of the other suites.

A collection is a module with a `COLLECTION` (see sim.models.Collection); it is listed here and nowhere else.
"""

from __future__ import annotations

from functools import lru_cache

from sim import shapes, visitor
from sim.board import shapes as board_shapes
from sim.calibration import board as calibration_board
from sim.kitchen import things
from sim.lexicon import COLOURS, RGB
from sim.meshes import Mesh
from sim.models import Collection, Model

COLLECTIONS: tuple[Collection, ...] = (
    shapes.COLLECTION, board_shapes.COLLECTION, things.COLLECTION, visitor.COLLECTION,
    calibration_board.COLLECTION,
)  # fmt: skip


def collection_of(kind: str) -> Collection:
    """Where a kind belongs.

    Raises:
        ValueError: no collection has it.
    """
    for collection in COLLECTIONS:
        if kind in collection.sizes:
            return collection
    raise ValueError(f"no kind of thing {kind!r}; there are {', '.join(k for c in COLLECTIONS for k in c.sizes)}")


@lru_cache(maxsize=512)
def model(kind: str, size: str) -> Model:
    """What a thing of that kind and size is; the same object every time.

    Raises:
        ValueError: there is no such thing.
    """
    sizes = collection_of(kind).sizes[kind]
    if size not in sizes:
        raise ValueError(f"no {kind} of size {size!r}; there are {', '.join(sizes)}")
    return collection_of(kind).model(kind, size)


def rgb(kind: str, colour: str) -> RGB:
    """The paint of a thing.

    Raises:
        ValueError: no such colour, or none given for a kind that has none of its own.
    """
    own = collection_of(kind).own_colour
    if colour == "" and kind in own:
        return own[kind]
    if colour not in COLOURS:
        raise ValueError(f"{colour!r} is no colour of a {kind}; there are {', '.join(COLOURS)}")
    return COLOURS[colour]


def mesh(key: str) -> Mesh:
    """The mesh of a key: "bowl/small", "table", "panda/hand_white", or "collection/..."."""
    first = key.partition("/")[0]
    for collection in COLLECTIONS:
        if collection.name == first:
            return collection.mesh(key)
    return shapes.mesh(key)
