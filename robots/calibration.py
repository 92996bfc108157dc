"""Where a robot's cameras were found to be, and what their lenses do: calibration.json, and a robot that knows it.

    spec = calibrated(stretch(), read_calibration(Path("calibration.json")))

`palmetto calibrate` writes the file; `robot.calibration=FILE` has robots behind ROS 2 read it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from robots.geometry import Pose
from robots.parts import freeze
from robots.spec import RobotSpec

Float = NDArray[np.float64]

FORMAT = 1
ASPECT = 0.02
FAR_M = 5.0


class CalibrationError(ValueError):
    """A file that is no calibration, or one of another robot. The message is one line."""


@dataclass(frozen=True, kw_only=True, eq=False)
class CameraCalibration:
    """One camera. link_T_camera: x right, y down, z forward, in the frame of `link`. intrinsics: float64[3,3], px of a
    picture of width x height that is turned as the robot's description has it, pixel centres at integer coordinates.
    distortion: float64[5], k1, k2, p1, p2, k3 (OpenCV's, and ROS' plumb_bob)."""

    name: str
    link: str
    width: int
    height: int
    intrinsics: Float
    distortion: Float
    link_T_camera: Pose

    def __post_init__(self) -> None:
        freeze(self, "intrinsics", (3, 3))
        freeze(self, "distortion", (5,))
        k = self.intrinsics
        whole = self.width >= 1 and self.height >= 1 and min(k[0, 0], k[1, 1]) > 0
        within = -self.width < k[0, 2] < 2 * self.width and -self.height < k[1, 2] < 2 * self.height
        if not whole or not within or np.abs(self.link_T_camera.xyz).max() > FAR_M:
            raise ValueError(f"not a camera: {self.width} x {self.height} px, {k.tolist()}")

    def intrinsics_at(self, width: int, height: int) -> Float:
        """float64[3,3] of its picture with other pixels.

        Raises:
            CalibrationError: of another shape.
        """
        x, y = width / self.width, height / self.height
        if abs(x / y - 1) > ASPECT:
            raise CalibrationError(
                f"the {self.name} camera was calibrated at {self.width} x {self.height}, not in the shape of "
                f"{width} x {height}"
            )
        k = self.intrinsics
        return np.array(
            [[k[0, 0] * x, 0.0, (k[0, 2] + 0.5) * x - 0.5], [0.0, k[1, 1] * y, (k[1, 2] + 0.5) * y - 0.5],
             [0.0, 0.0, 1.0]]
        )  # fmt: skip

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        mount = self.link_T_camera
        return {
            "link": self.link, "width": self.width, "height": self.height, "intrinsics": self.intrinsics.tolist(),
            "distortion": self.distortion.tolist(),
            "link_T_camera": {"xyz": mount.xyz.tolist(), "quat_xyzw": mount.quat_xyzw.tolist()},
        }  # fmt: skip


def read_calibration(path: Path) -> tuple[str, dict[str, CameraCalibration]]:
    """The robot's name, and its cameras by name.

    Raises:
        CalibrationError: there is no such file, or it is none.
    """
    try:
        content = json.loads(path.read_text())
    except OSError as e:
        raise CalibrationError(f"can't read the calibration {path}: {e.strerror}") from e
    except ValueError as e:
        raise CalibrationError(f"{path} is no calibration: it is not JSON") from e
    try:
        if content["format"] != FORMAT:
            raise CalibrationError(f"{path} has format {content['format']!r}, not {FORMAT}")
        cameras = {str(name): _camera(str(name), camera) for name, camera in content["cameras"].items()}
        return str(content["robot"]), cameras
    except CalibrationError:
        raise
    except (KeyError, TypeError, AttributeError, ValueError, OverflowError) as e:
        raise CalibrationError(f"{path} is no calibration: {type(e).__name__}: {' '.join(str(e).split())[:120]}") from e


def _camera(name: str, content: Mapping[str, Any]) -> CameraCalibration:
    return CameraCalibration(
        name=name, link=str(content["link"]), width=int(content["width"]), height=int(content["height"]),
        intrinsics=np.array(content["intrinsics"], dtype=np.float64),
        distortion=np.array(content["distortion"], dtype=np.float64), link_T_camera=pose_of(content["link_T_camera"]),
    )  # fmt: skip


def pose_of(content: Mapping[str, ArrayLike]) -> Pose:
    """Of {"xyz": [3], "quat_xyzw": [4]}, or ValueError, KeyError, TypeError."""
    return Pose(
        xyz=np.array(content["xyz"], dtype=np.float64), quat_xyzw=np.array(content["quat_xyzw"], dtype=np.float64)
    )


def calibrated(spec: RobotSpec, robot: str, cameras: Mapping[str, CameraCalibration]) -> RobotSpec:
    """The robot with its cameras where they were found; those that were not looked at stay as described.

    Raises:
        CalibrationError: it is of another robot, or has a camera that this one has not, or that hangs on another link.
    """
    if robot != spec.name:
        raise CalibrationError(f"this is a calibration of {robot}, and the robot is {spec.name}")
    mounts = []
    known = {mount.name: mount for mount in spec.cameras}
    for name, camera in cameras.items():
        if name not in known or known[name].link != camera.link:
            have = ", ".join(f"{m.name} on {m.link}" for m in spec.cameras)
            raise CalibrationError(
                f"the calibration has {name} on {camera.link}; {spec.name} has {have or 'no camera'}"
            )
    for mount in spec.cameras:
        found = cameras.get(mount.name)
        if found is not None:
            mount = replace(
                mount, link_T_camera=found.link_T_camera, intrinsics=found.intrinsics_at(mount.width, mount.height)
            )
        mounts.append(mount)
    return replace(spec, cameras=tuple(mounts))
