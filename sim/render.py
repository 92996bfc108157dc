"""Pictures of a list of parts: what both renderers take and give, and which of them this machine can run.

opened = open_renderer()
opened.renderer.render(parts, camera, lights)                            one picture
opened.renderer.render_all([Shot(parts=..., cameras=..., lights=...)])   of several cameras, and of several worlds
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from robots.interface import CameraFrame
from sim.camera import Camera, CameraSpec, LightSpec
from sim.catalogue import mesh

BACKGROUND_ID, TABLE_ID, ROBOT_ID, FIRST_OBJECT_ID = -1, 0, 1, 2
MAX_OBJECT_ID = 65_533
MAX_PARTS = 4_000


class RendererUnavailable(RuntimeError):
    """This machine can't run the renderer; the message says why."""


@dataclass(frozen=True, kw_only=True, eq=False)
class VisualPart:
    """One mesh in the world. mesh_key: of sim.shapes.mesh. world_T_part: float[4,4], rigid. rgb: 0 to 1.

    object_id: TABLE_ID, ROBOT_ID, or from FIRST_OBJECT_ID on in scene order; at most MAX_OBJECT_ID.
    texture: of sim.textures.texture, times rgb; "": none. The mesh has texture coordinates, then.
    casts_shadow: False for walls and ceilings, which lamps outside shine through, and for what is as thin as a cloth,
    which would darken itself.
    """

    mesh_key: str
    world_T_part: NDArray[np.floating]
    rgb: tuple[float, float, float]
    object_id: int
    texture: str = ""
    casts_shadow: bool = True


@dataclass(frozen=True, kw_only=True, eq=False)
class Shot:
    """One world at one moment, seen by any number of cameras of any sizes.

    tolerance_px: how far coarser meshes of distant parts may be off in a picture (see sim.detail); 0: none are used, as
    TinyRenderer never does.
    """

    parts: Sequence[VisualPart]
    cameras: Sequence[Camera]
    lights: LightSpec
    tolerance_px: float = 0.0


@dataclass(frozen=True, kw_only=True, eq=False)
class Picture:
    """rgb: uint8[H,W,3]. depth_m: float32[H,W] along the camera's z axis, 0 where there is nothing.
    ids: int32[H,W], object ids, -1 where there is nothing."""

    rgb: NDArray[np.uint8]
    depth_m: NDArray[np.float32]
    ids: NDArray[np.int32]

    def frame(self, camera: Camera) -> CameraFrame:
        """As a robot sees it, ground truth left out."""
        return CameraFrame(
            rgb=self.rgb, depth_m=self.depth_m, intrinsics=camera.intrinsics, world_T_camera=camera.world_T_camera
        )


class Renderer(Protocol):
    """Draws; holds no scene. The same arguments give the same bytes. device: what draws, in words."""

    name: str
    device: str

    def render(self, parts: Sequence[VisualPart], camera: Camera, lights: LightSpec) -> Picture: ...

    def render_all(self, shots: Sequence[Shot]) -> list[tuple[Picture, ...]]:
        """For each shot a picture of each of its cameras, the same as one at a time, but for one exception: a map of
        shadows that follows the cameras is shared by the cameras of a shot, and its pixels fall otherwise."""
        ...

    def depths(self, shot: Shot) -> tuple[NDArray[np.float32], ...]:
        """depth_m of a picture of each of its cameras, bit for bit, for less than the pictures cost."""
        ...

    def close(self) -> None:
        """Give back everything that was opened. May be called twice."""
        ...


@dataclass(frozen=True, kw_only=True, eq=False)
class Opened:
    """A renderer, and why it is this one, in words."""

    renderer: Renderer
    reason: str


def check_parts(parts: Sequence[VisualPart]) -> None:
    """Raises ValueError where there are too few or too many, an id is out of range, or a texture has nowhere to lie."""
    if not 0 < len(parts) <= MAX_PARTS:
        raise ValueError(f"a picture has 1 to {MAX_PARTS} parts, not {len(parts)}")
    low, high = min(p.object_id for p in parts), max(p.object_id for p in parts)
    if low < 0 or high > MAX_OBJECT_ID:
        raise ValueError(f"ids of parts go from 0 to {MAX_OBJECT_ID}, not from {low} to {high}")
    for part in parts:
        if part.texture and mesh(part.mesh_key).uv is None:
            raise ValueError(f"parts of mesh {part.mesh_key!r} can't have a texture: it has no texture coordinates")


def open_renderer(name: Literal["auto", "gl", "tiny"] = "auto") -> Opened:
    """`gl` draws through EGL and raises RendererUnavailable without it; `tiny` always works; `auto` falls back."""
    from sim.render_gl import GLRenderer
    from sim.render_tiny import TinyRenderer

    if name == "tiny":
        return Opened(renderer=TinyRenderer(), reason="tiny: asked for")
    if name not in ("auto", "gl"):
        raise ValueError(f"no renderer {name!r}; there are auto, gl, tiny")
    try:
        gl = GLRenderer()
    except RendererUnavailable as error:
        if name == "gl":
            raise
        return Opened(renderer=TinyRenderer(), reason=f"tiny: {error}")
    return Opened(renderer=gl, reason=f"gl: {gl.device}")


def draws_textures(renderer: Renderer) -> bool:
    """Whether tiles on a floor, in soft shadow, come out as more than one colour."""
    tiles = VisualPart(mesh_key="floor/1,1", world_T_part=np.eye(4), rgb=(1.0, 1.0, 1.0), object_id=0, texture="tiles")
    camera = CameraSpec(position_m=(0.4, 0.0, 1.0), target_m=(0.0, 0.0, 0.0), fov_y_rad=0.3, width=32, height=32)
    picture = renderer.render([tiles], camera, LightSpec(shadow_reach_m=2.0, softness_m=0.02))
    return bool((picture.ids == 0).all() and np.ptp(picture.rgb.astype(int)[..., 0]) > 30)
