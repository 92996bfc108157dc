"""Messages to values and back: stamps, poses, twists, pictures."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from robots.geometry import Pose
from robots.ros2 import messages as m

Float = NDArray[np.float64]
COMPRESSED_DEPTH_HEADER = 12
"""Bytes before the PNG in what compressed_depth_image_transport sends: the format and two parameters of its
quantisation."""
MOST, MOST_PIXELS = 1e5, 2**24
CHANNELS = {"rgb8": (0, 1, 2), "bgr8": (2, 1, 0), "rgba8": (0, 1, 2), "bgra8": (2, 1, 0), "mono8": (0, 0, 0)}
_WIDTH = {"rgb8": 3, "bgr8": 3, "rgba8": 4, "bgra8": 4, "mono8": 1}
_DEPTH = {"16UC1": ("u2", 1e-3), "mono16": ("u2", 1e-3), "32FC1": ("f4", 1.0)}


class MessageError(ValueError):
    """A message that says what can't be: a picture of other bytes than its size has, an encoding that nobody reads."""


def seconds(stamp: m.Time | m.Duration) -> float:
    return float(stamp.sec) + 1e-9 * float(stamp.nanosec)


def stamp(time_s: float) -> m.Time:
    """Of a clock in seconds, to the nanosecond as far as a float has it."""
    whole = int(np.floor(time_s))
    return m.Time(sec=whole, nanosec=min(round((time_s - whole) * 1e9), 999_999_999))


def span(time_s: float) -> m.Duration:
    whole = int(np.floor(time_s))
    return m.Duration(sec=whole, nanosec=min(round((time_s - whole) * 1e9), 999_999_999))


def pose(position: m.Point | m.Vector3, turn: m.Quaternion) -> Pose:
    """Raises MessageError where it is none."""
    xyz = sane([position.x, position.y, position.z], "a place")
    quat = sane([turn.x, turn.y, turn.z, turn.w], "a direction")
    length = float(np.linalg.norm(quat))
    if not 0.5 < length < 2.0:
        raise MessageError(f"no direction: {quat.tolist()}")
    return Pose(xyz=xyz, quat_xyzw=quat / length)


def sane(values: ArrayLike, what: str) -> Float:
    """Numbers that can be metres, radians or newtons of a robot. Raises MessageError for others."""
    found = np.array(values, dtype=np.float64)
    if not (np.abs(found) < MOST).all():  # neither is what is no number
        raise MessageError(f"{what} of {found.ravel()[:7].tolist()}")
    return found


def point(xyz: Float) -> m.Point:
    return m.Point(x=float(xyz[0]), y=float(xyz[1]), z=float(xyz[2]))


def vector(xyz: Float) -> m.Vector3:
    return m.Vector3(x=float(xyz[0]), y=float(xyz[1]), z=float(xyz[2]))


def quaternion(quat_xyzw: Float) -> m.Quaternion:
    x, y, z, w = (float(v) for v in quat_xyzw)
    return m.Quaternion(x=x, y=y, z=z, w=w)


def twist(values: Float) -> m.Twist:
    """Of float64[3]: m/s forward, m/s left, rad/s to the left."""
    forward, left, turn = (float(v) for v in values)
    return m.Twist(linear=m.Vector3(x=forward, y=left), angular=m.Vector3(z=turn))


def twist_values(message: m.Twist) -> Float:
    """float64[3]: m/s forward, m/s left, rad/s to the left."""
    return np.array([message.linear.x, message.linear.y, message.angular.z])


def rgb(message: m.Image | m.CompressedImage) -> NDArray[np.uint8]:
    """uint8[H,W,3]. Raises MessageError for a broken picture."""
    if isinstance(message, m.CompressedImage):
        import cv2

        found = _decoded(message.data, cv2.IMREAD_COLOR)
        if found is None:
            raise MessageError(f"{len(message.data)} bytes that are no picture of format {message.format[:40]!r}")
        return np.ascontiguousarray(found[..., ::-1])
    if message.encoding not in CHANNELS:
        raise MessageError(f"colour in {message.encoding[:40]!r}; read are {', '.join(CHANNELS)}")
    plane = _rows(message, "u1", _WIDTH[message.encoding])
    return np.ascontiguousarray(plane[..., CHANNELS[message.encoding]])


def depth_m(message: m.Image | m.CompressedImage) -> NDArray[np.float32]:
    """float32[H,W] m, 0 = no return. Raises MessageError for a broken picture."""
    if isinstance(message, m.CompressedImage):
        import cv2

        found = _decoded(message.data[COMPRESSED_DEPTH_HEADER:], cv2.IMREAD_UNCHANGED)
        if found is None or found.dtype != np.uint16 or found.ndim != 2:
            raise MessageError(f"depth in {message.format[:40]!r}; read is 16UC1; compressedDepth png")
        return np.asarray(found * np.float32(1e-3), dtype=np.float32)
    if message.encoding not in _DEPTH:
        raise MessageError(f"depth in {message.encoding[:40]!r}; read are {', '.join(_DEPTH)}")
    kind, unit_m = _DEPTH[message.encoding]
    values = _rows(message, kind, 1)[..., 0].astype(np.float32) * np.float32(unit_m)
    return np.asarray(np.where(np.isfinite(values) & (values > 0), values, 0.0), dtype=np.float32)


def image(picture: NDArray[np.uint8] | NDArray[np.float32], time_s: float, frame: str) -> m.Image:
    """Colour uint8[H,W,3] as rgb8, depth float32[H,W] m as 32FC1."""
    height, width = picture.shape[:2]
    encoding, size = ("rgb8", 3) if picture.ndim == 3 else ("32FC1", 4)
    return m.Image(
        header=m.Header(stamp=stamp(time_s), frame_id=frame), height=height, width=width, encoding=encoding,
        is_bigendian=0, step=size * width, data=np.ascontiguousarray(picture).tobytes(),
    )  # fmt: skip


def camera_info(intrinsics: Float, width: int, height: int, time_s: float, frame: str) -> m.CameraInfo:
    """Of a pinhole camera without distortion; intrinsics float64[3,3] px."""
    k = np.asarray(intrinsics, dtype=np.float64)
    projection = np.hstack([k, np.zeros((3, 1))])
    return m.CameraInfo(
        header=m.Header(stamp=stamp(time_s), frame_id=frame), height=height, width=width, distortion_model="plumb_bob",
        d=[0.0] * 5, k=k.ravel().tolist(), r=np.eye(3).ravel().tolist(), p=projection.ravel().tolist(),
    )  # fmt: skip


def _decoded(data: Any, how: int) -> Any:
    """A JPEG or PNG, or None. One that says to be huge is not even begun: a kilobyte can unpack to gigabytes."""
    import cv2

    body = bytes(data)
    if not 0 < _pixels(body) <= MOST_PIXELS:
        return None
    try:
        return cv2.imdecode(np.frombuffer(body, dtype=np.uint8), how)
    except cv2.error:
        return None


def _pixels(body: bytes) -> int:
    """How many a PNG's or a JPEG's own header says; 0 for what is neither."""
    if body[:8] == b"\x89PNG\r\n\x1a\n":
        return int.from_bytes(body[16:20], "big") * int.from_bytes(body[20:24], "big")
    at = 2 if body[:2] == b"\xff\xd8" else len(body)
    while at + 9 < len(body) and body[at] == 0xFF:
        kind = body[at + 1]
        if 0xC0 <= kind <= 0xCF and kind not in (0xC4, 0xC8, 0xCC):  # a frame header (ITU T.81, table B.1)
            return int.from_bytes(body[at + 5 : at + 7], "big") * int.from_bytes(body[at + 7 : at + 9], "big")
        at += 2 + int.from_bytes(body[at + 2 : at + 4], "big")
    return 0


def _rows(message: m.Image, kind: str, channels: int) -> NDArray[np.generic]:
    """[H,W,C] of an Image, rows without what fills them up."""
    dtype = np.dtype((">" if message.is_bigendian else "<") + kind)
    used = message.width * channels * dtype.itemsize
    whole = min(message.width, message.height) > 0 and message.step >= used
    if not whole or len(message.data) != message.step * message.height:
        raise MessageError(
            f"a picture of {message.width} x {message.height} {message.encoding[:40]} has other than "
            f"{len(message.data)} bytes"
        )
    rows = np.frombuffer(message.data, dtype=np.uint8).reshape(message.height, message.step)[:, :used]
    return np.ascontiguousarray(rows).view(dtype).reshape(message.height, message.width, channels)
