"""The fast renderer: moderngl on a context of its own through EGL, so no display is needed; Mesa's llvmpipe will do.

One pass writes two targets: rgba8 (colour, and object id + 1 as alpha) and r32f (metric depth along the camera's z);
where ids don't fit into a byte, depth and id + 1 as rg32f. What a picture doesn't need is not in its program.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from sim.camera import Camera, LightSpec
from sim.detail import levels, sphere
from sim.render import Picture, RendererUnavailable, Shot, VisualPart, check_parts
from sim.render_batch import Batch, Batches, Layers, Programs
from sim.render_shaders import Look
from sim.shadows import ROOM_MAP_PX, TABLE_MAP_PX, ShadowView, room_view, table_view

_UPSIDE_DOWN = np.diag([1.0, -1.0, 1.0, 1.0])  # so that the rows come back top first
_NARROW_IDS = 253
_TAPS = 12  # of a soft shadow; told to the program, because a compiler unrolls a loop whose end it knows


@dataclass(frozen=True, kw_only=True, eq=False)
class _Target:
    """What a picture of one size is drawn into."""

    framebuffer: Any
    textures: tuple[Any, ...]


@dataclass(frozen=True, kw_only=True, eq=False)
class _Map:
    """A depth texture that is drawn from the lamp."""

    texture: Any
    framebuffer: Any


class GLRenderer:
    """One context; any number of cameras and sizes; one thread at a time."""

    name = "gl"

    def __init__(self) -> None:
        # llvmpipe starts a thread for each core unless told; episodes are run in one process a core instead.
        os.environ.setdefault("LP_NUM_THREADS", "0")
        try:
            import moderngl

            library: Any = moderngl  # whose types know nothing of `backend`
            self._context: Any = library.create_context(standalone=True, backend="egl", require=330)
        except Exception as error:  # libEGL missing, no driver, no moderngl: each says so with a type of its own
            raise RendererUnavailable(f"no OpenGL through EGL ({type(error).__name__}: {error})") from error
        context = self._context
        self.device: str = context.info["GL_RENDERER"]
        self._programs: dict[Look, Programs] = {}
        self._maps: dict[int, _Map] = {}
        self._blocks: list[Any] = []
        self._batches, self._layers = Batches(context), Layers(context)
        self._targets: dict[tuple[int, int, bool], _Target] = {}
        self._depths: dict[tuple[int, int], _Target] = {}
        context.enable(moderngl.DEPTH_TEST | moderngl.CULL_FACE)

    def render(self, parts: Sequence[VisualPart], camera: Camera, lights: LightSpec) -> Picture:
        return self.render_all([Shot(parts=parts, cameras=(camera,), lights=lights)])[0][0]

    def render_all(self, shots: Sequence[Shot]) -> list[tuple[Picture, ...]]:
        # The context is made current for each call: a process may hold several, and use them from any thread.
        with self._context:
            return [self._shoot(shot) for shot in shots]

    def depths(self, shot: Shot) -> tuple[NDArray[np.float32], ...]:
        with self._context:
            parts, matrices, look, programs = self._prepared(shot)
            coarse: tuple[int, ...] = (0,) * len(parts)
            if shot.tolerance_px > 0:
                spheres = _spheres(parts, matrices)
                coarse = levels([p.mesh_key for p in parts], *spheres, shot.cameras, shot.tolerance_px)
            batch = self._batch(look, programs, parts, coarse)
            self._write_parts(parts, matrices, look)
            return tuple(self._depth(batch, programs.depth, camera) for camera in shot.cameras)

    def close(self) -> None:
        if self._context is not None:
            self._context.release()
            self._context = None

    def _shoot(self, shot: Shot) -> tuple[Picture, ...]:
        """The parts and the lamp's map once, and then camera by camera."""
        parts, matrices, look, programs = self._prepared(shot)
        lights = shot.lights
        coarse: tuple[int, ...] = (0,) * len(parts)
        view = table_view(lights)
        if look.room or shot.tolerance_px > 0:
            centres_m, radii_m = _spheres(parts, matrices)
            if shot.tolerance_px > 0:
                keys = [part.mesh_key for part in parts]
                coarse = levels(keys, centres_m, radii_m, shot.cameras, shot.tolerance_px)
            if look.room:
                view = room_view(lights, shot.cameras, centres_m, radii_m)
        batch = self._batch(look, programs, parts, coarse)
        self._write_parts(parts, matrices, look)
        shadows = self._map(ROOM_MAP_PX if look.room else TABLE_MAP_PX)
        if lights.shadow > 0:
            self._cast(batch, programs, shadows, view)
        self._light(programs.colour, lights, view, look)
        shadows.texture.use(0)
        return tuple(self._picture(batch, programs.colour, camera, lights, look) for camera in shot.cameras)

    def _prepared(self, shot: Shot) -> tuple[Sequence[VisualPart], NDArray[np.floating], Look, Programs]:
        """The parts, where they are, float[N,4,4], and what draws them."""
        parts, lights = shot.parts, shot.lights
        check_parts(parts)
        look = Look(
            textured=any(part.texture for part in parts),
            room=lights.position_m is not None or (lights.shadow_reach_m > 0 and lights.shadow > 0),
            wide=max(part.object_id for part in parts) > _NARROW_IDS,
        )
        if look not in self._programs:
            self._programs[look] = Programs(self._context, look)
        return parts, np.array([part.world_T_part for part in parts]), look, self._programs[look]

    def _batch(self, look: Look, programs: Programs, parts: Sequence[VisualPart], coarse: tuple[int, ...]) -> Batch:
        keys = tuple((p.mesh_key, level, p.casts_shadow) for p, level in zip(parts, coarse, strict=True))
        return self._batches.of(look, programs, keys)

    def _write_parts(self, parts: Sequence[VisualPart], matrices: NDArray[np.floating], look: Look) -> None:
        """Places, colours, ids and layers into blocks on the device."""
        rows = np.zeros((len(parts), look.part_floats), dtype=np.float32)
        rows[:, :16] = matrices.transpose(0, 2, 1).reshape(-1, 16)
        rows[:, 16:19] = [part.rgb for part in parts]
        number = np.array([part.object_id + 1 for part in parts])
        rows[:, 19] = number if look.wide else number / 255
        if look.textured:
            rows[:, 20] = self._layers.of([part.texture for part in parts])
        for i, start in enumerate(range(0, len(parts), look.block_parts)):
            if i == len(self._blocks):
                self._blocks.append(self._context.buffer(reserve=16_384))
            self._blocks[i].write(rows[start : start + look.block_parts].tobytes())

    def _cast(self, batch: Batch, programs: Programs, shadows: _Map, view: ShadowView) -> None:
        """Draw the lamp's map."""
        shadows.framebuffer.use()
        shadows.framebuffer.clear()
        programs.shadow["light"].write(_column_major(view.matrix))
        self._context.front_face = "ccw"
        self._context.cull_face = "front"  # a surface can't then darken itself
        for chunk, block in zip(batch.chunks, self._blocks, strict=False):
            if chunk.shadow is not None:
                block.bind_to_uniform_block(0)
                chunk.shadow.render()
        self._context.cull_face = "back"

    def _light(self, program: Any, lights: LightSpec, view: ShadowView, look: Look) -> None:
        program["light"].write(_column_major(view.matrix))
        program["ambient"].value, program["diffuse"].value = lights.ambient, lights.diffuse
        program["shadow"].value = lights.shadow
        if look.room:
            at = (*lights.unit_direction, 0.0) if lights.position_m is None else (*lights.position_m, 1.0)
            program["lamp"].value = tuple(at)
            program["softness"].value, program["bias"].value = view.softness, view.bias
            program["taps"].value = _TAPS
        else:
            program["to_light"].value = tuple(lights.unit_direction)

    def _picture(self, batch: Batch, program: Any, camera: Camera, lights: LightSpec, look: Look) -> Picture:
        target = self._target(camera.width, camera.height, look.wide)
        target.framebuffer.use()
        target.framebuffer.clear(*lights.background_rgb, 0.0)
        self._context.front_face = "cw"
        program["view_depth"].value, matrix = _seen_from(camera)
        program["view_projection"].write(matrix)
        for chunk, block in zip(batch.chunks, self._blocks, strict=False):
            block.bind_to_uniform_block(0)
            chunk.colour.render()
        return _read(target, camera, look.wide)

    def _depth(self, batch: Batch, program: Any, camera: Camera) -> NDArray[np.float32]:
        """A picture's depth and nothing else."""
        size = (camera.width, camera.height)
        if size not in self._depths:
            context = self._context
            texture = context.texture(size, 1, dtype="f4")
            framebuffer = context.framebuffer([texture], context.depth_renderbuffer(size))
            self._depths[size] = _Target(framebuffer=framebuffer, textures=(texture,))
        framebuffer = self._depths[size].framebuffer
        framebuffer.use()
        framebuffer.clear()
        self._context.front_face = "cw"
        program["view_depth"].value, matrix = _seen_from(camera)
        program["view_projection"].write(matrix)
        for chunk, block in zip(batch.chunks, self._blocks, strict=False):
            block.bind_to_uniform_block(0)
            chunk.depth.render()
        depth_m = np.empty((camera.height, camera.width), dtype=np.float32)
        framebuffer.read_into(depth_m, components=1, dtype="f4")
        return depth_m

    def _map(self, size_px: int) -> _Map:
        if size_px not in self._maps:
            texture = self._context.depth_texture((size_px, size_px))
            texture.compare_func = "<="
            texture.repeat_x = texture.repeat_y = False
            framebuffer = self._context.framebuffer(depth_attachment=texture)
            self._maps[size_px] = _Map(texture=texture, framebuffer=framebuffer)
        return self._maps[size_px]

    def _target(self, width: int, height: int, wide: bool) -> _Target:
        key, size = (width, height, wide), (width, height)
        if key not in self._targets:
            context = self._context
            textures = (context.texture(size, 4), context.texture(size, 2 if wide else 1, dtype="f4"))
            framebuffer = context.framebuffer(list(textures), context.depth_renderbuffer(size))
            self._targets[key] = _Target(framebuffer=framebuffer, textures=textures)
        return self._targets[key]


@lru_cache(maxsize=64)
def _seen_from(camera: Camera) -> tuple[tuple[float, ...], bytes]:
    """The row of the world's coordinates that gives depth, and the matrix to clip space, as its program reads it."""
    view = camera.view
    return tuple(-view[2]), _column_major(_UPSIDE_DOWN @ camera.projection @ view)


def _spheres(
    parts: Sequence[VisualPart], matrices: NDArray[np.floating]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Middles float64[N,3] in the world and radii float64[N] of spheres around the parts."""
    own = [sphere(part.mesh_key) for part in parts]
    middle = np.array([[*s.centre_m, 1.0] for s in own])
    return np.einsum("nij,nj->ni", matrices[:, :3].astype(np.float64), middle), np.array([s.radius_m for s in own])


def _read(target: _Target, camera: Camera, wide: bool) -> Picture:
    """Bring the picture back."""
    rgba = np.empty((camera.height, camera.width, 4), dtype=np.uint8)
    target.framebuffer.read_into(rgba, components=4)
    number = cv2.extractChannel(rgba, 3)
    rgb = np.asarray(cv2.cvtColor(rgba, cv2.COLOR_RGBA2RGB), dtype=np.uint8)
    depth_m = np.empty((camera.height, camera.width, 2) if wide else number.shape, dtype=np.float32)
    target.framebuffer.read_into(depth_m, components=2 if wide else 1, attachment=1, dtype="f4")
    drawn = number != 0
    if wide:  # the colour's alpha says only whether something is there
        number, depth_m = depth_m[..., 1] * drawn, np.ascontiguousarray(depth_m[..., 0])
    depth_m *= drawn  # where nothing is, it was cleared to the background's red
    return Picture(rgb=rgb, depth_m=depth_m, ids=number.astype(np.int32) - 1)


def _column_major(matrix: NDArray[np.float64]) -> bytes:
    columns: NDArray[np.float32] = matrix.T.astype(np.float32)
    return columns.tobytes()
