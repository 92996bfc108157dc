"""What the OpenGL renderer keeps on the device between pictures: meshes by list of parts, and textures by name."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim.detail import level_of
from sim.render_shaders import (
    DEPTH_FRAGMENT,
    DEPTH_VERTEX,
    FRAGMENT,
    SHADOW_FRAGMENT,
    SHADOW_VERTEX,
    VERTEX,
    Look,
)
from sim.shapes import shadow_key
from sim.textures import SIZE_PX, texture

_MAX_BATCHES, _MAX_VERTICES = 64, 2_000_000  # of 32 bytes each
_FIRST_LAYERS, _MAX_LAYERS = 16, 128  # 0.35 MB each, with what is scaled down from it

PartKey = tuple[str, int, bool]
"""Mesh key, level of detail, whether it casts a shadow."""


class Programs:
    """The programs of a look: a picture, the lamp's map, and depth alone."""

    def __init__(self, context: Any, look: Look) -> None:
        self.colour: Any = context.program(vertex_shader=look.source(VERTEX), fragment_shader=look.source(FRAGMENT))
        self.shadow: Any = context.program(
            vertex_shader=look.source(SHADOW_VERTEX), fragment_shader=look.source(SHADOW_FRAGMENT)
        )
        self.depth: Any = context.program(
            vertex_shader=look.source(DEPTH_VERTEX), fragment_shader=look.source(DEPTH_FRAGMENT)
        )
        for program in (self.colour, self.shadow, self.depth):
            program["Parts"].binding = 0
        if look.textured:
            self.colour["textures"].value = 1


@dataclass(frozen=True, kw_only=True, eq=False)
class Chunk:
    """As many parts as one uniform block holds, in buffers on the device: they are then two calls to draw."""

    buffers: tuple[Any, ...]
    colour: Any
    shadow: Any
    depth: Any

    def release(self) -> None:
        for thing in (self.colour, self.shadow, self.depth, *self.buffers):
            if thing is not None:
                thing.release()


@dataclass(frozen=True, kw_only=True, eq=False)
class Batch:
    """The meshes of one list of parts."""

    chunks: tuple[Chunk, ...]
    vertices: int


class Batches:
    """The batches used last."""

    def __init__(self, context: Any) -> None:
        self._context = context
        self._kept: dict[tuple[Look, tuple[PartKey, ...]], Batch] = {}

    def of(self, look: Look, programs: Programs, keys: tuple[PartKey, ...]) -> Batch:
        """The batch of these parts, made where it is not there."""
        kept = self._kept
        if (found := kept.pop((look, keys), None)) is None:
            found = self._make(look, programs, keys)
        kept[look, keys] = found
        while len(kept) > 1 and (len(kept) > _MAX_BATCHES or sum(b.vertices for b in kept.values()) > _MAX_VERTICES):
            for chunk in kept.pop(next(iter(kept))).chunks:
                chunk.release()
        return found

    def _make(self, look: Look, programs: Programs, keys: tuple[PartKey, ...]) -> Batch:
        chunks, vertices = [], 0
        for start in range(0, len(keys), look.block_parts):
            numbered = list(enumerate(keys[start : start + look.block_parts]))
            seen = [(i, key, level) for i, (key, level, _) in numbered]
            cast = [(i, c, level) for i, (k, level, casts) in numbered if casts and (c := shadow_key(k)) is not None]
            colour, buffers, size = self._vertices(programs.colour, seen)
            shadow, more, extra = self._vertices(programs.shadow, cast) if cast else (None, (), 0)
            depth = self._array(programs.depth, buffers)
            chunks.append(Chunk(colour=colour, shadow=shadow, depth=depth, buffers=(*buffers, *more)))
            vertices += size + extra
        return Batch(chunks=tuple(chunks), vertices=vertices)

    def _vertices(self, program: Any, meshes: Iterable[tuple[int, str, int]]) -> tuple[Any, tuple[Any, ...], int]:
        """A vertex array of meshes, each with the number of its part, the buffers it reads, and how many vertices."""
        context = self._context
        corners, owners, faces, count = [], [], [], 0
        for part, key, level in meshes:
            corner, face = _arrays(key, level)
            corners.append(corner)
            owners.append(np.full(len(corner), part, dtype="i4"))
            faces.append(face + count)
            count += len(corner)
        buffers = tuple(context.buffer(np.concatenate(a).tobytes()) for a in (corners, owners, faces))
        return self._array(program, buffers), buffers, count

    def _array(self, program: Any, buffers: tuple[Any, ...]) -> Any:
        """A vertex array of what the program reads of the buffers."""
        names = ("position", "normal", "uv")
        used = [name for name in names if name in program]
        layout = " ".join(
            size if name in used else pad
            for name, size, pad in zip(names, ("3f", "3f", "2f"), ("12x", "12x", "8x"), strict=True)
        )
        content = [(buffers[0], layout, *used), (buffers[1], "1i", "part")]
        return self._context.vertex_array(program, content, buffers[2])


@lru_cache(maxsize=1024)
def _arrays(key: str, level: int) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
    """float32[V,8] (position, normal, texture coordinates) and int32[F,3] of a mesh."""
    mesh = level_of(key, level).mesh
    uv = np.zeros((len(mesh.vertices), 2), dtype=np.float32) if mesh.uv is None else mesh.uv
    normals = mesh.normals.astype(np.float64)
    normals /= np.linalg.norm(
        normals, axis=1, keepdims=True
    )  # once more, as the tabletop's pictures have always had it
    return np.hstack([mesh.vertices, normals.astype(np.float32), uv]), mesh.faces


class Layers:
    """Textures in one array on the device, with mipmaps; layer 0 is white, for parts without a texture."""

    def __init__(self, context: Any) -> None:
        self._context = context
        self._array: Any = None
        self._room = _FIRST_LAYERS
        self._layers: dict[str, int] = {"": 0}

    def of(self, names: Sequence[str]) -> list[int]:
        """The layer of each name, and the array put where the program looks for it.

        Raises:
            ValueError: more textures in one picture than there may be layers.
        """
        wanted = dict.fromkeys(["", *names])
        missing = [name for name in wanted if name not in self._layers]
        if missing or self._array is None:
            if len(self._layers) + len(missing) > _MAX_LAYERS:  # begin anew with what this picture needs
                self._layers, missing = {"": 0}, [name for name in wanted if name]
            if len(missing) >= _MAX_LAYERS:
                raise ValueError(f"a picture has up to {_MAX_LAYERS - 1} textures, not {len(missing)}")
            self._layers.update({name: len(self._layers) + i for i, name in enumerate(missing)})
            self._upload()
        self._array.use(1)
        return [self._layers[name] for name in names]

    def _upload(self) -> None:
        while self._room < len(self._layers):
            self._room *= 2
        pixels = np.full((self._room, SIZE_PX, SIZE_PX, 3), 255, dtype=np.uint8)
        for name, layer in self._layers.items():
            if name:
                pixels[layer] = texture(name)
        if self._array is not None:
            self._array.release()
        self._array = self._context.texture_array((SIZE_PX, SIZE_PX, self._room), 3, pixels.tobytes())
        self._array.build_mipmaps()  # and with them, blending between two of them
