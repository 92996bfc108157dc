"""Pictures of a list of parts: what both renderers take and give, and which of them this machine can run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from robots.interface import CameraFrame
from sim.camera import CameraSpec, LightSpec

BACKGROUND_ID, TABLE_ID, ROBOT_ID, FIRST_OBJECT_ID = -1, 0, 1, 2


class RendererUnavailable(RuntimeError):
    """This machine can't run the renderer; the message says why."""


@dataclass(frozen=True, kw_only=True, eq=False)
class VisualPart:
    """One mesh in the world. mesh_key: of sim.shapes.mesh. world_T_part: float[4,4], rigid. rgb: 0 to 1.

    object_id: TABLE_ID, ROBOT_ID, or from FIRST_OBJECT_ID on in scene order; at most 253.
    """

    mesh_key: str
    world_T_part: NDArray[np.floating]
    rgb: tuple[float, float, float]
    object_id: int


@dataclass(frozen=True, kw_only=True, eq=False)
class Picture:
    """rgb: uint8[H,W,3]. depth_m: float32[H,W] along the camera's z axis, 0 where there is nothing.
    ids: int32[H,W], object ids, -1 where there is nothing."""

    rgb: NDArray[np.uint8]
    depth_m: NDArray[np.float32]
    ids: NDArray[np.int32]

    def frame(self, camera: CameraSpec) -> CameraFrame:
        """As a robot sees it, ground truth left out."""
        return CameraFrame(
            rgb=self.rgb, depth_m=self.depth_m, intrinsics=camera.intrinsics, world_T_camera=camera.world_T_camera
        )


class Renderer(Protocol):
    """Draws; holds no scene. The same arguments give the same bytes."""

    name: str

    def render(self, parts: Sequence[VisualPart], camera: CameraSpec, lights: LightSpec) -> Picture: ...

    def close(self) -> None:
        """Give back everything that was opened. May be called twice."""
        ...


@dataclass(frozen=True, kw_only=True, eq=False)
class Opened:
    """A renderer, and why it is this one, in words."""

    renderer: Renderer
    reason: str


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
