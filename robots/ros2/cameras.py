"""One camera's topics: colour and depth of the same moment, as a frame in the mount's own pixels."""

from __future__ import annotations

from collections import deque
from typing import Any

import numpy as np
from numpy.typing import NDArray

from robots.calibration import CalibrationError, CameraCalibration
from robots.geometry import Pose
from robots.interface import CameraFrame
from robots.parts import CameraMount
from robots.ros2 import convert
from robots.ros2 import messages as m
from robots.ros2.config import CameraTopics
from robots.ros2.node import Node, Subscription

Float = NDArray[np.float64]
TOGETHER_S = 0.02
"""Colour and depth that lie no further apart were taken together."""
KEPT = 6
ASPECT = 0.02
AHEAD_S = 0.5
"""A stamp that lies so far in the future is of another clock."""


class CameraReader:
    """The newest pictures of one camera; they are decoded when somebody looks at them.

    calibration: what was found of it; it takes the place of what its driver says of its lens, whose bends are taken out
    of pictures. native: pictures are given as the camera takes them, turned alone.
    """

    def __init__(
        self, node: Node, mount: CameraMount, topics: CameraTopics, calibration: CameraCalibration | None = None
    ) -> None:
        self.mount, self.topics, self.native = mount, topics, False
        self._straightener = None if calibration is None else Straightener(calibration)
        self._color: deque[tuple[float, Any]] = deque(maxlen=KEPT)
        self._depth: deque[tuple[float, Any]] = deque(maxlen=KEPT)
        self._intrinsics: Float | None = None
        self._size = (0, 0)
        self.refused = ""
        self._subscriptions: dict[str, Subscription[Any]] = {
            "color": node.subscription(topics.color, _kind(topics.color, "/compressed"), "sensor", depth=5),
            "depth": node.subscription(topics.depth, _kind(topics.depth, "/compressedDepth"), "sensor", depth=5),
            "info": node.subscription(topics.info, m.CameraInfo, "sensor", depth=5),
        }

    @property
    def count(self) -> int:
        """Messages so far."""
        return sum(s.count for s in self._subscriptions.values())

    def forget(self) -> None:
        """The pictures that came until now."""
        self._color.clear()
        self._depth.clear()

    def hear(self, now_s: float) -> None:
        """Takes what has come; `refused` says what of it was none."""
        for name, kept in (("color", self._color), ("depth", self._depth)):
            for one in self._subscriptions[name].take():
                at_s = convert.seconds(one.header.stamp)
                if at_s > now_s + AHEAD_S:
                    self.refused = f"{getattr(self.topics, name)}: a stamp {at_s - now_s:.1f} s ahead of the clock here"
                else:
                    kept.append((at_s, one))
        for info in self._subscriptions["info"].take():
            k = np.array(info.k, dtype=np.float64).reshape(3, 3)
            if np.isfinite(k).all() and (np.abs(k) < convert.MOST).all() and k[0, 0] > 0 and k[1, 1] > 0:
                self._intrinsics, self._size = k, (int(info.width), int(info.height))
            else:
                self.refused = f"{self.topics.info}: intrinsics of no camera, {k.ravel()[:5].tolist()}"

    def missing(self) -> list[str]:
        """Topics on which nothing has come yet."""
        have = {"color": bool(self._color), "depth": bool(self._depth), "info": self._intrinsics is not None}
        return [getattr(self.topics, name) for name, there in have.items() if not there]

    def newest_s(self) -> float:
        """When the newest whole picture, colour and depth, was taken; -inf before there is one."""
        pair = self._pair()
        return -np.inf if pair is None or self._intrinsics is None else pair[0]

    def frame(self, world_T_camera: Pose) -> CameraFrame:
        """The newest whole picture, as the mount has it: turned, in its size, depth where it can be measured.

        Raises:
            MessageError: what came is no such picture. It is dropped.
        """
        pair = self._pair()
        if pair is None or self._intrinsics is None:
            raise convert.MessageError(f"nothing has come on {', '.join(self.missing())}")
        mount, turns = self.mount, self.topics.quarter_turns
        try:
            rgb, depth = convert.rgb(pair[1]), convert.depth_m(pair[2])
            if rgb.shape[:2] != depth.shape or rgb.shape[:2] != self._size[::-1]:
                raise convert.MessageError(
                    f"{self.topics.color} is {rgb.shape[1]} x {rgb.shape[0]}, {self.topics.depth} {depth.shape[1]} x "
                    f"{depth.shape[0]}, {self.topics.info} says {self._size[0]} x {self._size[1]}: they must agree"
                )
            k = turned_intrinsics(self._intrinsics, *self._size, turns)
            rgb, depth = np.rot90(rgb, turns), np.rot90(depth, turns)
            if self.native:
                rgb, depth = np.ascontiguousarray(rgb), np.ascontiguousarray(depth)
            else:
                if self._straightener is not None:
                    rgb, depth, k = self._straightener.straight(rgb, depth)
                rgb, depth, k = _resized(rgb, depth, k, mount)
        except convert.MessageError:
            self._color.clear()
            raise
        measured = (depth >= mount.near_m) & (depth <= mount.far_m)
        return CameraFrame(
            rgb=rgb, depth_m=np.where(measured, depth, np.float32(0)), intrinsics=k, world_T_camera=world_T_camera
        )

    def _pair(self) -> tuple[float, Any, Any] | None:
        """The newest colour picture that has depth beside it."""
        for at, color in sorted(self._color, key=lambda one: -one[0]):
            depth = min(self._depth, key=lambda one: abs(one[0] - at), default=None)
            if depth is not None and abs(depth[0] - at) <= TOGETHER_S:
                return at, color, depth[1]
        return None


class Straightener:
    """Takes the bends of a calibrated lens out of pictures and the depth that is laid over them."""

    def __init__(self, calibration: CameraCalibration) -> None:
        self._calibration = calibration
        self._maps: dict[tuple[int, int], tuple[Any, Any]] = {}

    def straight(
        self, rgb: NDArray[np.uint8], depth_m: NDArray[np.float32]
    ) -> tuple[NDArray[np.uint8], NDArray[np.float32], Float]:
        """Of the same size, with the intrinsics float64[3,3] that hold for them. What the lens did not see is black,
        and has no depth.

        Raises:
            MessageError: pictures of another shape than the camera was calibrated at.
        """
        height, width = depth_m.shape
        found = self._calibration
        try:
            k = found.intrinsics_at(width, height)
        except CalibrationError as e:
            raise convert.MessageError(str(e)) from e
        if not found.distortion.any():
            return rgb, depth_m, k
        import cv2

        if (width, height) not in self._maps:
            self._maps[width, height] = cv2.initUndistortRectifyMap(
                k, found.distortion, np.eye(3), k, (width, height), cv2.CV_32FC1
            )
        maps = self._maps[width, height]
        colour = cv2.remap(np.ascontiguousarray(rgb), *maps, cv2.INTER_LINEAR)
        depth = cv2.remap(np.ascontiguousarray(depth_m), *maps, cv2.INTER_NEAREST)
        return np.asarray(colour, dtype=np.uint8), np.asarray(depth, dtype=np.float32), k


def turned_intrinsics(k: Float, width: int, height: int, turns: int) -> Float:
    """float64[3,3] px of a picture of width x height after so many quarter turns counter-clockwise (np.rot90)."""
    k = np.array(k)
    for _ in range(turns % 4):
        k = np.array([[k[1, 1], 0.0, k[1, 2]], [0.0, k[0, 0], width - 1 - k[0, 2]], [0.0, 0.0, 1.0]])
        width, height = height, width
    return k


def _resized(
    rgb: NDArray[np.uint8], depth: NDArray[np.float32], k: Float, mount: CameraMount
) -> tuple[NDArray[np.uint8], NDArray[np.float32], Float]:
    height, width = depth.shape
    if (width, height) == (mount.width, mount.height):
        return np.ascontiguousarray(rgb), np.ascontiguousarray(depth), k
    x, y = mount.width / width, mount.height / height
    if abs(x / y - 1) > ASPECT:
        raise convert.MessageError(
            f"the {mount.name} camera's pictures are {width} x {height}; set its driver to the shape of "
            f"{mount.width} x {mount.height}"
        )
    import cv2

    size = (mount.width, mount.height)
    scaled = np.array([[k[0, 0] * x, 0.0, (k[0, 2] + 0.5) * x - 0.5], [0.0, k[1, 1] * y, (k[1, 2] + 0.5) * y - 0.5],
                       [0.0, 0.0, 1.0]])  # fmt: skip
    small = cv2.resize(np.ascontiguousarray(rgb), size, interpolation=cv2.INTER_AREA if x < 1 else cv2.INTER_LINEAR)
    # Depth between a near and a far thing is neither's.
    near = cv2.resize(np.ascontiguousarray(depth), size, interpolation=cv2.INTER_NEAREST)
    return np.asarray(small, dtype=np.uint8), np.asarray(near, dtype=np.float32), scaled


def _kind(topic: str, ending: str) -> Any:
    return m.CompressedImage if topic.endswith(ending) else m.Image
