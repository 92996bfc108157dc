"""Pictures that are drawn when somebody looks at them: a robot that drives looks often and sees little of each look.

What was to be seen at a moment is kept, so a picture is of that moment, however late it is drawn.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from robots.geometry import Pose
from robots.interface import CameraFrame
from sim.camera import Camera
from sim.render import Picture, Renderer, Shot


class Moment:
    """The parts of a world at one moment and cameras by name; they share a map of shadows where it follows cameras."""

    def __init__(self, renderer: Renderer, shot: Shot, names: tuple[str, ...]) -> None:
        self._renderer, self._shot, self._names = renderer, shot, names

    @cached_property
    def pictures(self) -> Mapping[str, Picture]:
        """Of all cameras at once."""
        return dict(zip(self._names, self._renderer.render_all([self._shot])[0], strict=True))

    def draw(self) -> None:
        """Now, because its renderer goes."""
        _ = self.pictures

    def depth_m(self, name: str) -> NDArray[np.float32]:
        """float32[H,W] of one camera, as its picture has it, for a tenth of the time."""
        if "pictures" in vars(self):
            return self.pictures[name].depth_m
        camera: Camera = self._shot.cameras[self._names.index(name)]
        shot = Shot(parts=self._shot.parts, cameras=(camera,), lights=self._shot.lights)
        return self._renderer.depths(shot)[0]


class LateFrame(CameraFrame):
    """A frame of a moment. measured_m: distances that the camera measures; None: all."""

    def __init__(
        self,
        moment: Moment,
        name: str,
        *,
        intrinsics: NDArray[np.float64],
        world_T_camera: Pose,
        measured_m: tuple[float, float] | None = None,
    ) -> None:
        vars(self).update(
            _moment=moment, _name=name, _measured_m=measured_m, intrinsics=intrinsics, world_T_camera=world_T_camera
        )

    @cached_property
    def rgb(self) -> NDArray[np.uint8]:
        moment: Moment = vars(self)["_moment"]
        return moment.pictures[vars(self)["_name"]].rgb

    @cached_property
    def depth_m(self) -> NDArray[np.float32]:
        moment: Moment = vars(self)["_moment"]
        depth_m = moment.depth_m(vars(self)["_name"])
        if (measured_m := vars(self)["_measured_m"]) is None:
            return depth_m
        near_m, far_m = measured_m
        return np.where((depth_m >= near_m) & (depth_m <= far_m), depth_m, np.float32(0))
