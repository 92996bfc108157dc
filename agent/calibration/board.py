"""A ChArUco board: its geometry, and a sheet of it to print at true scale.

Frame of a board: x along its rows, y down its columns, z into the sheet, the origin at the outer corner of the first
square, which is black. Corners are the inner ones, numbered row by row, as OpenCV numbers them.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from agent.artifacts import write_bytes
from agent.errors import UserError, one_of

Float = NDArray[np.float64]
Run = tuple[float, float, float, float]

DICTIONARIES = tuple(
    f"DICT_{bits}X{bits}_{count}" for bits in (4, 5, 6, 7) for count in (50, 100, 250, 1000)
)  # fmt: skip
DPI = 600
MARGIN_M = 0.010
"""White around the board on its sheet."""
INCH_M = 0.0254
POINT_M = INCH_M / 72
QUIET = 0.1
"""Least share of a square that is white on each side of its marker: less, and corners are not found any more."""


@dataclass(frozen=True, kw_only=True)
class Board:
    """columns, rows: squares. square_m, marker_m: their sides. dictionary: OpenCV's name of the markers' dictionary.

    Raises:
        UserError: there is no such board.
    """

    columns: int = 7
    rows: int = 5
    square_m: float = 0.038
    marker_m: float = 0.029
    dictionary: str = "DICT_4X4_50"

    def __post_init__(self) -> None:
        if self.dictionary not in DICTIONARIES:
            raise one_of("dictionary of markers", self.dictionary, DICTIONARIES)
        if not (3 <= self.columns <= 40 and 3 <= self.rows <= 40):
            raise UserError(f"a board of {self.columns} x {self.rows} squares does not fit: give 3 to 40 each way")
        if not 0 < self.marker_m <= (1 - 2 * QUIET) * self.square_m < 1:
            raise UserError(
                f"charuco.marker_m={self.marker_m} does not fit squares of {self.square_m} m: give at most "
                f"{(1 - 2 * QUIET) * self.square_m:.4f}"
            )
        if self.markers > int(self.dictionary.rpartition("_")[2]):
            raise UserError(f"{self.dictionary} has too few markers: {self} has {self.markers}")

    def __str__(self) -> str:
        return f"{self.columns} x {self.rows} squares of {1e3 * self.square_m:g} mm, {self.dictionary}"

    @property
    def markers(self) -> int:
        """How many white squares there are, each with a marker."""
        return self.columns * self.rows // 2

    @property
    def size_m(self) -> tuple[float, float]:
        """Along x and y."""
        return self.columns * self.square_m, self.rows * self.square_m

    @cached_property
    def corners_m(self) -> Float:
        """float64[C,3]: the inner corners by their numbers."""
        x, y = np.meshgrid(np.arange(1, self.columns), np.arange(1, self.rows))
        return self.square_m * np.column_stack([x.ravel(), y.ravel(), np.zeros(x.size)]).astype(np.float64)

    @property
    def outline_m(self) -> Float:
        """float64[4,3]: its outer corners."""
        width, height = self.size_m
        return np.array([[0, 0, 0], [width, 0, 0], [width, height, 0], [0, height, 0]], dtype=np.float64)

    @cached_property
    def markers_of(self) -> Any:
        """OpenCV's dictionary."""
        return cv2.aruco.getPredefinedDictionary(getattr(cv2.aruco, self.dictionary))

    @cached_property
    def detectable(self) -> Any:
        """OpenCV's board."""
        size = (self.columns, self.rows)
        return cv2.aruco.CharucoBoard(size, self.square_m, self.marker_m, self.markers_of)

    def black(self) -> list[Run]:
        """x, y, width, height of black rectangles that make up the board, metres."""
        runs: list[Run] = []
        side, count = self.square_m, 0
        bits = int(self.dictionary[5]) + 2
        module = self.marker_m / bits
        for row in range(self.rows):
            for column in range(self.columns):
                x, y = column * side, row * side
                if (row + column) % 2 == 0:
                    runs.append((x, y, side, side))
                    continue
                marker = cv2.aruco.generateImageMarker(self.markers_of, count, bits) == 0
                count += 1
                left, top = x + (side - self.marker_m) / 2, y + (side - self.marker_m) / 2
                for line, dark in enumerate(marker):
                    for start, end in _runs(dark):
                        runs.append((left + start * module, top + line * module, (end - start) * module, module))
        return runs


def _runs(dark: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """From where to where it is true."""
    steps = np.flatnonzero(np.diff(np.concatenate([[0], dark.astype(np.int8), [0]])))
    return [(int(a), int(b)) for a, b in steps.reshape(-1, 2)]


def write_sheet(path: Path, board: Board) -> None:
    """A sheet to print without scaling: PDF (lines, not pixels) or PNG (600 dots an inch), by the name's ending.

    Raises:
        UserError: another ending.
    """
    ending = path.suffix.lower()
    if ending not in (".pdf", ".png"):
        raise UserError(f"a board is written as PDF or PNG: give board={path.with_suffix('.pdf')}, not {path}")
    write_bytes(path, _pdf(board) if ending == ".pdf" else _png(board))


def words(board: Board) -> str:
    """What is printed under it."""
    return (
        f"{board.columns} x {board.rows} squares of {1e3 * board.square_m:g} mm, markers {1e3 * board.marker_m:g} mm, "
        f"{board.dictionary}. Print at 100 %, and measure a row before use."
    )


def _pdf(board: Board) -> bytes:
    """One page of the board's own size, black rectangles in points."""
    width, height = (s + 2 * MARGIN_M for s in board.size_m)
    page = (width / POINT_M, height / POINT_M)
    draw = [
        f"{(x + MARGIN_M) / POINT_M:.4f} {(height - MARGIN_M - y - h) / POINT_M:.4f} {w / POINT_M:.4f} "
        f"{h / POINT_M:.4f} re"
        for x, y, w, h in board.black()
    ]
    text = f"BT /F1 6 Tf {MARGIN_M / POINT_M:.2f} {0.4 * MARGIN_M / POINT_M:.2f} Td ({words(board)}) Tj ET"
    content = ("0 g\n" + "\n".join(draw) + "\nf\n" + text).encode("ascii")
    objects: Sequence[bytes] = (
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 {page[0]:.4f} {page[1]:.4f}] /Contents 4 0 R "
        "/Resources << /Font << /F1 << /Type /Font /Subtype /Type1 /BaseFont /Helvetica >> >> >> >>".encode(),
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(content), content),
    )
    out, places = bytearray(b"%PDF-1.4\n"), []
    for number, body in enumerate(objects, 1):
        places.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    out += b"".join(b"%010d 00000 n \n" % place for place in places)
    out += b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, table)
    return bytes(out)


def drawn(board: Board, dots_m: float, margin_m: float = MARGIN_M) -> NDArray[np.uint8]:
    """uint8[H,W]: the board with a white margin, dots_m dots a metre."""
    width, height = (round((s + 2 * margin_m) * dots_m) for s in board.size_m)
    picture: NDArray[np.uint8] = np.full((height, width), 255, dtype=np.uint8)
    for x, y, w, h in board.black():
        left, top, right, bottom = (
            round(v * dots_m) for v in (x + margin_m, y + margin_m, x + w + margin_m, y + h + margin_m)
        )
        picture[top:bottom, left:right] = 0
    return picture


def _png(board: Board) -> bytes:
    dots_m = DPI / INCH_M
    picture = drawn(board, dots_m)
    at = (round(MARGIN_M * dots_m), round(picture.shape[0] - 0.35 * MARGIN_M * dots_m))
    cv2.putText(picture, words(board), at, cv2.FONT_HERSHEY_SIMPLEX, 1.6, (0,), 3, cv2.LINE_AA)
    ok, data = cv2.imencode(".png", picture)
    if not ok:
        raise ValueError(f"no PNG can be made of {picture.shape}")
    # OpenCV says nothing of the scale: the chunk pHYs does, after the header of 33 bytes (PNG, 11.3.4.3).
    scale = b"pHYs" + struct.pack(">IIB", round(dots_m), round(dots_m), 1)
    chunk = struct.pack(">I", 9) + scale + struct.pack(">I", zlib.crc32(scale))
    content = data.tobytes()
    return content[:33] + chunk + content[33:]
