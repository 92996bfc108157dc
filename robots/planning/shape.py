"""The shape of a robot as balls fixed to the frames of its links, and what it may not touch of itself.

Shape letters: N configurations, J coordinates, L frames, S balls, P pairs of balls.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from robots.geometry import Pose

Float = NDArray[np.float64]


class Frames(Protocol):
    """float64[N,L,4,4], world_T_frame of every part that can carry a shape, for configurations q [N,J]."""

    def __call__(self, q: Float) -> Float: ...


class Chain(Protocol):
    """What this package asks of a robot's kinematics, `robots.kinematics.Kinematics` for one."""

    def frames(self, q: ArrayLike) -> Float:
        """float64[N,L,4,4]: base_T_link of the moving links in their order and, last, base_T_tool."""
        ...


@dataclass(frozen=True, kw_only=True)
class Part:
    """A ball of the robot. frame: index into the robot's frames, -1 the last; centre_m in that frame.

    anchored: it belongs to what the robot stands on or is bolted to, so it is kept from the robot's other balls alone.
    """

    frame: int
    centre_m: tuple[float, float, float]
    radius_m: float
    anchored: bool = False


def capsule(frame: int, start_m: Sequence[float], end_m: Sequence[float], radius_m: float) -> tuple[Part, ...]:
    """Balls along a segment, at most a radius apart."""
    start, end = np.asarray(start_m, dtype=np.float64), np.asarray(end_m, dtype=np.float64)
    count = 1 + int(np.ceil(float(np.linalg.norm(end - start)) / radius_m))
    return tuple(
        Part(frame=frame, centre_m=(float(c[0]), float(c[1]), float(c[2])), radius_m=radius_m)
        for c in start + np.linspace(0.0, 1.0, count)[:, None] * (end - start)
    )


def filled_box(frame: int, pose: Pose, half_m: ArrayLike, ball_m: float, *, anchored: bool = False) -> tuple[Part, ...]:
    """Balls of about `ball_m` that cover a box whole: held objects, bases.

    One ball around each cell of a grid, so they stand out over the faces by less than ball_m.
    """
    half = np.asarray(half_m, dtype=np.float64)
    edge = 2 * ball_m / np.sqrt(3)
    counts = np.maximum(1, np.ceil(2 * half / edge)).astype(int)
    radius = float(np.linalg.norm(half / counts))
    ticks = [h * ((2 * np.arange(n) + 1) / n - 1) for h, n in zip(half, counts, strict=True)]
    # Cells that are inside on all sides need no ball: whatever comes there has gone through the outer ones.
    grid = np.stack(np.meshgrid(*ticks, indexing="ij"), axis=-1).reshape(-1, 3)
    ends = np.array([t[-1] for t in ticks])
    outer = grid[(np.abs(np.abs(grid) - ends) < 1e-9).any(axis=1)]
    return tuple(
        Part(frame=frame, centre_m=(float(c[0]), float(c[1]), float(c[2])), radius_m=radius, anchored=anchored)
        for c in pose.apply(outer)
    )


class RobotShape:
    """Balls on the frames of a robot. radii_m: float64[S]; pairs: int64[P,2] balls that may not meet."""

    def __init__(self, frames: Frames, parts: Iterable[Part], *, pairs: NDArray[np.int64] | None = None) -> None:
        self.frames, self.parts = frames, tuple(parts)
        if not self.parts:
            raise ValueError("a RobotShape takes at least one Part")
        self.radii_m = np.array([p.radius_m for p in self.parts])
        self.pairs = np.empty((0, 2), dtype=np.int64) if pairs is None else pairs
        self._frame = np.array([p.frame for p in self.parts])
        self._centres = np.array([p.centre_m for p in self.parts])

    def centres(self, q: Float) -> Float:
        """float64[N,S,3] m in the world, for q [N,J]."""
        chosen = self.frames(q)[:, self._frame, :3]
        turned = np.einsum("nsij,sj->nsi", chosen[..., :3], self._centres)
        turned += chosen[..., 3]
        return np.asarray(turned)

    def holding(self, parts: Iterable[Part]) -> RobotShape:
        """The same robot with something in its hand: `parts` on the tool's frame.

        They are kept apart from every ball that a ball of the same frame is already kept apart from.
        """
        added = tuple(parts)
        frames = self._frame % (1 + self._frame.max()) if (self._frame >= 0).all() else self._frame
        a, b = self.pairs.T
        others: dict[int, list[int]] = {}  # by frame
        for frame in {part.frame for part in added}:
            kin = np.nonzero(frames == frame)[0]
            others[frame] = np.union1d(b[np.isin(a, kin)], a[np.isin(b, kin)]).tolist()
        new = [(other, k) for k, part in enumerate(added, start=len(self.parts)) for other in others[part.frame]]
        pairs = np.concatenate([self.pairs, np.array(new, dtype=np.int64).reshape(-1, 2)])
        return RobotShape(self.frames, (*self.parts, *added), pairs=pairs)

    def keeping_apart(self, usual_q: ArrayLike, samples: Float) -> RobotShape:
        """The same robot with its self-collision pairs, found by sampling as MoveIt's setup does.

        Left out: balls of one frame and of neighbouring ones, those that overlap in `usual_q` [J], and those that never
        come within 2 cm in `samples` [N,J].
        """
        usual = self._gaps(np.asarray(usual_q, dtype=np.float64)[None])[0]
        gaps = self._gaps(samples).min(axis=0)
        frame = np.where(self._frame < 0, self._frame.max() + 1, self._frame)
        apart = np.abs(frame[:, None] - frame[None, :]) >= 2
        i, j = np.nonzero(np.triu(apart & (usual > 0.0) & (gaps < 0.02), k=1))
        return RobotShape(self.frames, self.parts, pairs=np.stack([i, j], axis=1).astype(np.int64))

    def still(self, q: ArrayLike) -> tuple[Part, ...]:
        """The robot held at q [J], as balls fixed to what the world is to `frames`: an arm that a base carries."""
        centres = self.centres(np.asarray(q, dtype=np.float64)[None])[0]
        return tuple(
            Part(frame=0, centre_m=(float(c[0]), float(c[1]), float(c[2])), radius_m=p.radius_m)
            for c, p in zip(centres, self.parts, strict=True)
            if not p.anchored
        )

    def _gaps(self, q: Float) -> Float:
        """float64[N,S,S] m between all balls."""
        centres = self.centres(q)
        between = np.linalg.norm(centres[:, :, None] - centres[:, None, :], axis=3)
        return np.asarray(between - self.radii_m[:, None] - self.radii_m[None, :])


def mounted(chain: Chain, world_T_base: Pose) -> Frames:
    """Frames of an arm that stands still: the base first (0), the moving links (1..), the tool last (-1)."""
    base = world_T_base.matrix

    def frames(q: Float) -> Float:
        inner = chain.frames(q)
        out = np.empty((len(q), inner.shape[1] + 1, 4, 4))
        out[:, 0] = base
        np.matmul(base, inner, out=out[:, 1:])
        return out

    return frames


def planar(q: Float) -> Float:
    """Frames of a base alone, float64[N,1,4,4] for q [N,3]: x m, y m, yaw rad in the world."""
    out = np.zeros((len(q), 1, 4, 4))
    c, s = np.cos(q[:, 2]), np.sin(q[:, 2])
    out[:, 0, 0, 0], out[:, 0, 0, 1], out[:, 0, 1, 0], out[:, 0, 1, 1] = c, -s, s, c
    out[:, 0, 0, 3], out[:, 0, 1, 3] = q[:, 0], q[:, 1]
    out[:, 0, 2, 2] = out[:, 0, 3, 3] = 1.0
    return out


def carried(chain: Chain, base_T_arm: Pose) -> Frames:
    """Frames of a planar base with an arm, q [N,3+J]: the base (0), the arm's (1), its links, the tool (-1)."""
    still = mounted(chain, base_T_arm)

    def frames(q: Float) -> Float:
        base = planar(q[:, :3])
        return np.concatenate([base, base @ still(q[:, 3:])], axis=1)

    return frames


def reaches(shape: RobotShape, lower: Float, upper: Float) -> Float:
    """float64[J]: how far the fastest ball moves for each rad or m of a coordinate, over configurations in between.

    From 16 configurations and differences of 1e-4; at least 0.05, so that turns of a wrist are not free.
    """
    count = len(lower)
    q = lower + np.random.default_rng(0).random((16, count)) * (upper - lower)
    moved = (q[:, None] + 1e-4 * np.eye(count)).reshape(-1, count)
    change = shape.centres(moved).reshape(16, count, -1, 3) - shape.centres(q)[:, None]
    return np.asarray(np.maximum(np.linalg.norm(change, axis=3).max(axis=(0, 2)) / 1e-4, 0.05))
