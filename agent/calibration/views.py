"""Which configurations to look from: those that tell most, by the information that their corners would give.

Shape letters: N configurations, J joints of arm and head, C corners of the board.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from agent.calibration.board import Board
from agent.calibration.model import Model, View, projected
from agent.calibration.rig import Rig
from agent.calibration.solve import Errors, information
from robots.kinematics import base_T_links
from robots.planning.shape import RobotShape

Float = NDArray[np.float64]

SAMPLES, CANDIDATES = 30_000, 500
REACHES = (0.12, 0.25, 0.45, 0.7)
"""rad or, a fifth of it, m: how far around the first configuration others are drawn."""
SLIDE = 0.2
EDGE = 0.03
"""Share of the picture at its edges where no corner is to be: mounts are only nearly known."""
PARTLY = 0.7
"""So much of the board must be in sight."""
MARKER_PX = 17.0
"""Markers of six modules are found down to this size."""
STEEP_DEG = 50.0
NEAREST_M = 0.12
"""Hand and camera keep so far from a board that stands."""
AT_BOARD_M, AT_LENS_M = 0.03, 0.02
EXPECTED = Errors(px=0.15, link_rad=5e-4, link_m=5e-4)
PRIOR = np.concatenate([[0.1 * 600] * 2, [30.0] * 2, [0.3] * 5, [0.1] * 3, [0.03] * 3, [0.2] * 3, [0.1] * 3])
"""What is known of each parameter beforehand, as a standard deviation."""


def candidates(
    rig: Rig,
    model: Model,
    board: Board,
    start: Float,
    size: tuple[int, int],
    shape: RobotShape,
    rng: np.random.Generator,
) -> tuple[Float, list[View]]:
    """float64[N,J] and what each would see: configurations around `start` [J] from which the board is well in sight.

    model: as it is believed. size: width and height of pictures. shape: of the robot, which may hide the board.
    """
    moving = rig.moving
    sliding = np.zeros(len(start), dtype=np.bool_)
    span = rig.upper - rig.lower
    sliding[: rig.spec.dof] = span[: rig.spec.dof] < 1.2  # a lift or a telescope
    reach = np.repeat(REACHES, SAMPLES // len(REACHES))[:, None] * np.where(sliding, SLIDE, 1.0)
    q = start + reach * rng.uniform(-1, 1, (len(reach), len(start))) * moving
    q = q[((q >= rig.lower + 0.01 * span) & (q <= rig.upper - 0.01 * span))[:, moving].all(axis=1)]
    camera_T_link = model.link_T_camera.inverse().matrix
    board_T = camera_T_link @ rig.link_T_anchor(q) @ model.anchor_T_board.matrix
    good = _well_seen(model, board, board_T, size) & _clear(rig, model, board, q)
    chosen = rng.permutation(np.flatnonzero(good))[: 2 * CANDIDATES]
    open_ = ~_hidden(rig, model, board, q[chosen], shape)
    chosen, open_ = chosen[open_.mean(axis=1) >= PARTLY][:CANDIDATES], open_[open_.mean(axis=1) >= PARTLY][:CANDIDATES]
    views = [_view(rig, model, board, q[i], size, seen) for i, seen in zip(chosen, open_, strict=True)]
    return q[chosen], views


def _hidden(rig: Rig, model: Model, board: Board, q: Float, shape: RobotShape) -> NDArray[np.bool_]:
    """bool[N,C]: corners that one of the robot's balls stands before. Balls around the lens, and those that reach the
    board, hide nothing: the one is within what carries it, the other is the hand that holds it."""
    hidden = np.zeros((len(q), len(board.corners_m)), dtype=np.bool_)
    link = base_T_links(rig.spec, rig.mount.link, q)
    cameras = (link @ model.link_T_camera.matrix)[:, :3, 3]
    corners = np.column_stack([board.corners_m, np.ones(len(board.corners_m))])
    boards = link @ rig.link_T_anchor(q) @ model.anchor_T_board.matrix
    centres = shape.centres(q[:, : rig.spec.dof])
    for i in range(len(q)):
        points = (boards[i] @ corners.T).T[:, :3]
        along = points - cameras[i]
        far = np.linalg.norm(along, axis=1)
        along = along / far[:, None]
        away = centres[i] - cameras[i]
        ahead = along @ away.T
        aside = np.sqrt(np.maximum((away**2).sum(axis=1) - ahead**2, 0.0))
        before = (ahead > 0) & (ahead < (far - AT_BOARD_M)[:, None])
        outside = np.linalg.norm(away, axis=1) > shape.radii_m + AT_LENS_M
        hidden[i] = (before & outside & (aside < shape.radii_m)).any(axis=1)
    return hidden


def _well_seen(model: Model, board: Board, camera_T_board: Float, size: tuple[int, int]) -> NDArray[np.bool_]:
    """bool[N]: enough of the board is in the picture, large enough and not too aslant. float64[N,4,4]."""
    fx, fy, cx, cy = model.lens[:4]
    points = np.einsum("nij,cj->nci", camera_T_board, np.column_stack([board.corners_m, np.ones(len(board.corners_m))]))
    depth = points[..., 2]
    ahead = depth.min(axis=1) > 0.05
    px = points[..., :2] / np.maximum(depth, 1e-3)[..., None] * [fx, fy] + [cx, cy]
    margin = EDGE * np.array(size)
    inside = ((px > margin) & (px < np.array(size) - margin)).all(axis=2)
    middle = camera_T_board[:, :3, :3] @ board.outline_m.mean(axis=0) + camera_T_board[:, :3, 3]
    sight = middle / np.linalg.norm(middle, axis=1)[:, None]
    upright = np.einsum("ni,ni->n", camera_T_board[:, :3, 2], sight) > np.cos(np.deg2rad(STEEP_DEG))
    large = board.marker_m * min(fx, fy) / depth.max(axis=1) * np.cos(np.deg2rad(STEEP_DEG / 2)) > MARKER_PX
    return np.asarray(ahead & (inside.mean(axis=1) >= PARTLY) & upright & large)


def _clear(rig: Rig, model: Model, board: Board, q: Float) -> NDArray[np.bool_]:
    """bool[N]: the hand keeps away from a board that stands."""
    if rig.held:
        return np.ones(len(q), dtype=np.bool_)
    middle = model.anchor_T_board.apply(board.outline_m.mean(axis=0))
    away = np.linalg.norm(rig.tools(q) - middle, axis=1)
    return np.asarray(away > NEAREST_M + max(board.size_m) / 2)


def _view(rig: Rig, model: Model, board: Board, q: Float, size: tuple[int, int], open_: NDArray[np.bool_]) -> View:
    anchor = rig.pose(q)
    told = model.link_T_camera.inverse() @ anchor @ model.anchor_T_board
    px = projected(model.lens, told.apply(board.corners_m))[0]
    seen = ((px > 0) & (px < np.array(size) - 1)).all(axis=1) & open_
    return View(name="", link_T_anchor=anchor, board_m=board.corners_m[seen], px=px[seen])


def best(model: Model, views: list[View], count: int, *, sought: NDArray[np.bool_]) -> list[int]:
    """Indices of so many views, the most telling first: each adds most to the determinant of the information (D-optimal
    design; Fedorov 1972)."""
    free = np.flatnonzero(sought)
    each = np.array([information(model, v, free, EXPECTED) for v in views])
    total = np.diag(1.0 / np.square(PRIOR[free]))
    left = list(range(len(views)))
    chosen: list[int] = []
    while left and len(chosen) < count:
        gains = np.linalg.slogdet(total + each[left])[1]
        pick = left.pop(int(np.argmax(gains)))
        chosen.append(pick)
        total = total + each[pick]
    return chosen


def in_order(q: Float, start: Float, free: Callable[[Float, Float], bool]) -> list[int]:
    """Indices of configurations [N,J] in an order in which one leads to the next: always the nearest to which the way
    is free. Those that none leads to are left out."""
    order: list[int] = []
    here, left = start, list(range(len(q)))
    while left:
        for i in sorted(left, key=lambda i: float(np.abs(q[i] - here).max())):
            if free(here, q[i]):
                break
        else:
            break
        order.append(i)
        left.remove(i)
        here = q[i]
    return order
