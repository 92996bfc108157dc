"""Pictures as H.264, written one by one and read at any place.

A key frame every GOP frames, and no frames that look ahead: a frame is had by decoding at most GOP of them. Colours are
converted by OpenCV where a file is as ours are (a scaler set up anew for each frame took 12 of 14 ms), else by FFmpeg.
"""

from __future__ import annotations

from collections import OrderedDict
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from numpy.typing import NDArray

from agent.artifacts import disk_errors
from agent.errors import UserError

if TYPE_CHECKING:
    import av

GOP = 4
CRF = 18
"""x264's constant rate factor; 18 is taken for visually lossless."""
OPEN = 8
"""Files that a reader keeps open."""
MAX_DECODED = 2_000
"""Frames from a key frame to the one that is wanted, at most: more than strangers' files have in between."""

Picture = NDArray[np.uint8]


class VideoWriter:
    """One file, frame after frame; memory does not grow with their number."""

    def __init__(self, path: Path, fps: float, height: int, width: int) -> None:
        import av

        if height % 2 or width % 2:
            raise UserError(f"pictures of {height} x {width} make no video: H.264 wants even sizes; scale or cut them")
        self._path = path
        self._size = (height, width)
        self._count = 0
        self._closed = False
        rate = Fraction(fps).limit_denominator(100_000)
        self._base = 1 / rate
        with disk_errors(path):
            self._container = av.open(str(path), "w", format="mp4")
        self._stream: av.VideoStream = self._container.add_stream("libx264", rate=rate)
        self._stream.width, self._stream.height = width, height
        self._stream.pix_fmt = "yuv420p"
        self._stream.time_base = self._stream.codec_context.time_base = self._base
        self._stream.codec_context.gop_size = GOP
        self._stream.codec_context.max_b_frames = 0
        self._stream.codec_context.thread_count = 1
        self._stream.options = {"preset": "ultrafast", "crf": str(CRF)}

    def add(self, rgb: Picture) -> None:
        """rgb: uint8[H,W,3].

        Raises:
            ValueError: it has another size or type.
        """
        import av

        if rgb.dtype != np.uint8 or rgb.shape != (*self._size, 3):
            raise ValueError(f"a picture of {rgb.dtype}{list(rgb.shape)}, not uint8{[*self._size, 3]}")
        planes = np.asarray(cv2.cvtColor(rgb, cv2.COLOR_RGB2YUV_I420), dtype=np.uint8)
        frame = av.VideoFrame.from_ndarray(planes, format="yuv420p")
        frame.pts = self._count
        frame.time_base = self._base
        self._count += 1
        with disk_errors(self._path):
            for packet in self._stream.encode(frame):
                self._container.mux(packet)

    def close(self) -> None:
        """Ends the file. May be called twice."""
        if self._closed:
            return
        self._closed = True
        with disk_errors(self._path):
            if self._count:
                for packet in self._stream.encode():
                    self._container.mux(packet)
            self._container.close()


class Videos:
    """Frames of any files at any time; the last few files stay open."""

    def __init__(self) -> None:
        self._open: OrderedDict[Path, tuple[Any, Any]] = OrderedDict()

    def at(self, path: Path, time_s: float, fps: float) -> Picture:
        """uint8[H,W,3] of the frame that is shown at `time_s` of the file.

        Raises:
            UserError: the file is missing or damaged, or has no such frame.
        """
        return self.between(path, time_s, 1, fps)[0]

    def between(self, path: Path, start_s: float, count: int, fps: float) -> list[Picture]:
        """`count` frames from `start_s` on, a frame period apart."""
        import av

        try:
            container, stream = self._opened(path)
            base = float(stream.time_base)
            first = start_s + (stream.start_time or 0) * base
            container.seek(max(0, int((first - 0.5 / fps) / base)), stream=stream, backward=True)
            found: list[Picture] = []
            for number, frame in enumerate(container.decode(stream)):
                if frame.pts is not None and frame.pts * base < first - 0.5 / fps:
                    if number > MAX_DECODED:
                        break
                    continue
                late = frame.pts * base - (first + len(found) / fps) if frame.pts is not None else 0.0
                if late > 0.5 / fps:
                    break
                found.append(rgb_of(frame))
                if len(found) == count:
                    return found
        except (av.FFmpegError, OSError, ValueError) as e:
            self.forget(path)
            missing = not path.exists()
            raise UserError(f"{path} is {'missing' if missing else f'damaged: {e}'}") from e
        self.forget(path)
        raise UserError(f"{path} ends early: no frame at {start_s + len(found) / fps:.3f} s")

    def forget(self, path: Path) -> None:
        if path in self._open:
            self._open.pop(path)[0].close()

    def close(self) -> None:
        while self._open:
            self._open.popitem()[1][0].close()

    def _opened(self, path: Path) -> tuple[Any, Any]:
        import av

        if path in self._open:
            self._open.move_to_end(path)
            return self._open[path]
        container = av.open(str(path))
        if not container.streams.video:
            container.close()
            raise ValueError("no video in it")
        stream = container.streams.video[0]
        stream.codec_context.thread_count = 1
        self._open[path] = container, stream
        if len(self._open) > OPEN:
            self._open.popitem(last=False)[1][0].close()
        return container, stream


def rgb_of(frame: av.VideoFrame) -> Picture:
    """uint8[H,W,3] of a decoded frame."""
    plain = frame.format.name == "yuv420p" and int(frame.colorspace) in (2, 5, 6) and int(frame.color_range) in (0, 1)
    if plain and frame.width % 2 == 0 and frame.height % 2 == 0:
        return np.asarray(cv2.cvtColor(frame.to_ndarray(), cv2.COLOR_YUV2RGB_I420), dtype=np.uint8)
    return np.asarray(frame.to_ndarray(format="rgb24"), dtype=np.uint8)


def count(path: Path) -> int:
    """How many frames a file holds, each of them decoded.

    Raises:
        UserError: it is missing or damaged.
    """
    import av

    try:
        with av.open(str(path)) as container:
            return sum(1 for _ in container.decode(video=0))
    except (av.FFmpegError, OSError, IndexError) as e:
        raise UserError(f"{path} is {'damaged: ' + str(e) if path.exists() else 'missing'}") from e
