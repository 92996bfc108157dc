"""The corners of a ChArUco board in a picture, and whether they are worth anything."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from agent.calibration.board import DICTIONARIES, Board

Float = NDArray[np.float64]

FEWEST = 8
"""Corners below which a picture counts as one without the board."""
SOFT_PX = 1.0
RING = 0.5
"""Edges are looked at over so much of the white ring around a marker, to either side."""
OFF_PX = 3.0
"""Corners this far from the plane's own grid, on average, are of another board (lenses bend less, over a board)."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Corners:
    """What was found in one picture. ids: int64[N], numbers of corners. px: float64[N,2], x and y, pixel centres at
    integer coordinates. blur_px: how wide edges are, in the direction in which they are wider."""

    ids: NDArray[np.int64]
    px: Float
    blur_px: float

    def __len__(self) -> int:
        return len(self.ids)


class Detector:
    """Finds one board. Corners are refined to a fraction of a pixel."""

    def __init__(self, board: Board) -> None:
        self.board = board
        # OpenCV's types say that it always finds something; it gives None where it does not.
        self._detector: Any = cv2.aruco.CharucoDetector(board.detectable)

    def find(self, picture: NDArray[np.uint8]) -> Corners | None:
        """picture: uint8[H,W,3]. None: fewer corners than are of use."""
        grey = np.asarray(cv2.cvtColor(np.ascontiguousarray(picture), cv2.COLOR_RGB2GRAY), dtype=np.uint8)
        px, ids, _, _ = self._detector.detectBoard(grey)
        if ids is None or len(ids) < FEWEST:
            # Markers with edges too sharp are sometimes missed.
            px, ids, _, _ = self._detector.detectBoard(cv2.GaussianBlur(grey, (0, 0), SOFT_PX))
        if ids is None or px is None or len(ids) < FEWEST:
            return None
        found = np.asarray(ids, dtype=np.int64).ravel()
        where = np.asarray(px, dtype=np.float64).reshape(-1, 2)
        inside = found < len(self.board.corners_m)
        found, where = found[inside], where[inside]
        return Corners(ids=found, px=where, blur_px=self._blur_px(grey, found, where))

    def off_px(self, corners: Corners) -> float:
        """How far corners lie from where a flat board's would, root mean square: of lenses pixels, of another board
        squares."""
        flat = self.board.corners_m[corners.ids, :2]
        homography: Any = cv2.findHomography(flat, corners.px)[0]
        if homography is None:
            return float("inf")
        there = cv2.perspectiveTransform(flat[:, None], homography)[:, 0]
        return float(np.sqrt(((there - corners.px) ** 2).sum(axis=1).mean()))

    def why_not(self, picture: NDArray[np.uint8]) -> str:
        """What a picture shows in place of the board, in words; "" for nothing of the kind."""
        grey = cv2.cvtColor(np.ascontiguousarray(picture), cv2.COLOR_RGB2GRAY)
        soft = cv2.GaussianBlur(grey, (0, 0), SOFT_PX)
        best, count, highest = "", 0, 0
        for name in (self.board.dictionary, *DICTIONARIES[::-1]):
            known = cv2.aruco.getPredefinedDictionary(getattr(cv2.aruco, name))
            ids: Any = cv2.aruco.ArucoDetector(known).detectMarkers(soft)[1]
            # One alone may be taken for a marker of any dictionary.
            found = 0 if ids is None else len(ids)
            if found >= 3 and found >= count:
                best, count, highest = name, found, int(np.max(ids))
                if name == self.board.dictionary:
                    break
        if not best:
            return ""
        if best != self.board.dictionary:
            return f"markers of {best} are seen, and {self.board.dictionary} was given"
        if highest >= self.board.markers:
            return f"markers up to number {highest} are seen, and a board of {self.board} has {self.board.markers}"
        return f"{count} of {self.board.markers} markers are seen, and too few corners between them"

    def _blur_px(self, grey: NDArray[np.uint8], ids: NDArray[np.int64], px: Float) -> float:
        """Of edges between neighbouring corners: contrast over the steepest slope. 1 to 2 px is sharp."""
        across = self.board.columns - 1
        place = {int(i): px[k] for k, i in enumerate(ids)}
        quiet = RING * (1 - self.board.marker_m / self.board.square_m) / 2
        image = grey.astype(np.float32)
        widths: list[float] = []
        for step in (1, across):
            slopes, levels = [], []
            for i, here in place.items():
                if i + step not in place or (step == 1 and (i + 1) % across == 0):
                    continue
                along = place[i + step] - here
                length = float(np.linalg.norm(along))
                if length < 4:
                    continue
                normal = np.array([-along[1], along[0]]) / length
                reach = max(quiet * length, 1.5)
                offsets = np.arange(-reach, reach + 0.25, 0.5)
                middle = here + along / 2
                line = _sampled(image, middle + offsets[:, None] * normal)
                slopes.append(float(np.abs(line[2:] - line[:-2]).max(initial=0.0)))
                far = _sampled(image, middle + np.array([[-0.3 * length], [0.3 * length]]) * normal)
                levels.append(max(float(np.ptp(line)), float(np.abs(far[1] - far[0]))))
            if slopes:
                widths.append(float(np.percentile(levels, 90)) / max(float(np.median(slopes)), 1e-6))
        return max(widths, default=0.0)


def _sampled(image: NDArray[np.float32], px: Float) -> Float:
    at = px.astype(np.float32)
    return np.asarray(cv2.remap(image, at[:, :1], at[:, 1:], cv2.INTER_LINEAR)[:, 0], dtype=np.float64)
