"""A ChArUco board to be drawn: every black square and module a face of its own, so its edges are exact."""

from __future__ import annotations

import numpy as np

from agent.calibration.board import Board
from sim.meshes import Mesh
from sim.models import Collection, Model

NAME = "charuco"


def board_key(board: Board) -> str:
    """Of its mesh."""
    words = (board.columns, board.rows, board.square_m, board.marker_m, board.dictionary)
    return "/".join((NAME, *map(str, words)))


def _mesh(key: str) -> Mesh:
    _, columns, rows, square_m, marker_m, dictionary = key.split("/")
    board = Board(
        columns=int(columns), rows=int(rows), square_m=float(square_m), marker_m=float(marker_m), dictionary=dictionary
    )
    corners = np.array(
        [[(x, y, 0), (x, y + h, 0), (x + w, y + h, 0), (x + w, y, 0)] for x, y, w, h in board.black()]
    ).reshape(-1, 3)
    first = 4 * np.arange(len(corners) // 4)[:, None, None]
    faces = (first + np.array([[0, 1, 2], [0, 2, 3]])).reshape(-1, 3)
    return Mesh.build(corners, np.tile([0.0, 0.0, -1.0], (len(corners), 1)), faces)


def _no_model(kind: str, size: str) -> Model:
    raise ValueError(f"a board is only looked at: there is no {kind} of size {size!r}")


COLLECTION = Collection(name=NAME, sizes={}, model=_no_model, mesh=_mesh, own_colour={})
