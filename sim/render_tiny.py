"""The renderer that always works: pybullet's TinyRenderer, in a client of its own that holds nothing but pictures.

The parts become massless bodies without collision shapes, made once for a list of meshes and moved from then on. It
takes the nearest pixel of a texture, so distant ones flicker where the other renderer's are blurred.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import pybullet
from numpy.typing import NDArray

from robots.geometry import Pose
from sim.camera import Camera, LightSpec
from sim.catalogue import mesh
from sim.render import BACKGROUND_ID, Picture, Shot, VisualPart, check_parts
from sim.textures import texture


class TinyRenderer:
    """One pybullet client; draws no shadows."""

    name = "tiny"
    device = "TinyRenderer"

    def __init__(self) -> None:
        self._client: int = pybullet.connect(pybullet.DIRECT)
        self._shapes: dict[tuple[str, bool], int] = {}
        self._textures: dict[str, int] = {}
        self._keys: tuple[tuple[str, str], ...] = ()
        self._bodies: list[int] = []
        self._rgb: list[tuple[float, float, float]] = []

    def render(self, parts: Sequence[VisualPart], camera: Camera, lights: LightSpec) -> Picture:
        check_parts(parts)
        self._place(parts)
        return self._picture(parts, camera, lights)

    def render_all(self, shots: Sequence[Shot]) -> list[tuple[Picture, ...]]:
        return [tuple(self.render(shot.parts, camera, shot.lights) for camera in shot.cameras) for shot in shots]

    def _picture(self, parts: Sequence[VisualPart], camera: Camera, lights: LightSpec) -> Picture:
        width, height, rgba, depth, segments = pybullet.getCameraImage(
            camera.width,
            camera.height,
            viewMatrix=camera.view.T.ravel().tolist(),
            projectionMatrix=_projection(camera).T.ravel().tolist(),
            lightDirection=lights.unit_direction.tolist(),
            lightColor=[1.0, 1.0, 1.0],
            lightDistance=10.0,
            shadow=0,
            lightAmbientCoeff=lights.ambient,
            lightDiffuseCoeff=lights.diffuse,
            lightSpecularCoeff=0.0,
            renderer=pybullet.ER_TINY_RENDERER,
            physicsClientId=self._client,
        )[:5]
        segments = np.asarray(segments).reshape(height, width)
        id_of_body = np.full(max(self._bodies) + 2, BACKGROUND_ID, dtype=np.int32)
        id_of_body[self._bodies] = [part.object_id for part in parts]
        ids = id_of_body[segments]
        rgb = np.ascontiguousarray(np.asarray(rgba, dtype=np.uint8).reshape(height, width, 4)[..., :3])
        rgb[ids < 0] = np.round(np.multiply(lights.background_rgb, 255)).astype(np.uint8)
        near, far = camera.near_m, camera.far_m
        depth_m = far * near / (far - (far - near) * np.asarray(depth, dtype=np.float32).reshape(height, width))
        depth_m[ids < 0] = 0
        return Picture(rgb=rgb, depth_m=depth_m.astype(np.float32), ids=ids)

    def depths(self, shot: Shot) -> tuple[NDArray[np.float32], ...]:
        return tuple(picture.depth_m for picture in self.render_all([shot])[0])

    def close(self) -> None:
        if self._client >= 0:
            pybullet.disconnect(physicsClientId=self._client)
            self._client = -1

    def _place(self, parts: Sequence[VisualPart]) -> None:
        keys = tuple((part.mesh_key, part.texture) for part in parts)
        if keys != self._keys:
            for body in self._bodies:
                pybullet.removeBody(body, physicsClientId=self._client)
            self._bodies = [self._body(*key) for key in keys]
            self._keys = keys
            self._rgb = [(-1.0, -1.0, -1.0)] * len(keys)
        for i, part in enumerate(parts):
            pose = Pose.from_matrix(part.world_T_part)
            pybullet.resetBasePositionAndOrientation(
                self._bodies[i], pose.xyz.tolist(), pose.quat_xyzw.tolist(), physicsClientId=self._client
            )
            if self._rgb[i] != part.rgb:
                pybullet.changeVisualShape(
                    self._bodies[i], -1, rgbaColor=[*part.rgb, 1.0], physicsClientId=self._client
                )
                self._rgb[i] = part.rgb

    def _body(self, key: str, texture_name: str) -> int:
        shape = (key, bool(texture_name))
        if shape not in self._shapes:
            m = mesh(key)
            uv = {} if m.uv is None or not texture_name else {"uvs": m.uv.tolist()}
            self._shapes[shape] = pybullet.createVisualShape(
                pybullet.GEOM_MESH,
                vertices=m.vertices.tolist(),
                normals=m.normals.tolist(),
                indices=m.faces.ravel().tolist(),
                rgbaColor=[1.0, 1.0, 1.0, 1.0],
                physicsClientId=self._client,
                **uv,
            )
        body: int = pybullet.createMultiBody(baseVisualShapeIndex=self._shapes[shape], physicsClientId=self._client)
        if texture_name:
            number = self._texture(texture_name)
            pybullet.changeVisualShape(body, -1, textureUniqueId=number, physicsClientId=self._client)
        return body

    def _texture(self, name: str) -> int:
        """Its number in pybullet, which reads pictures from files alone, and from their last row up."""
        if name not in self._textures:
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder) / "texture.png"
                path.write_bytes(
                    cv2.imencode(".png", cv2.cvtColor(texture(name)[::-1], cv2.COLOR_RGB2BGR))[1].tobytes()
                )
                self._textures[name] = pybullet.loadTexture(str(path), physicsClientId=self._client)
        return self._textures[name]


def _projection(camera: Camera) -> NDArray[np.float64]:
    """TinyRenderer samples a pixel at its lower left corner where OpenGL samples its middle: shift by half a pixel."""
    shift = np.eye(4)
    shift[:2, 3] = -1 / camera.width, -1 / camera.height
    return shift @ camera.projection
