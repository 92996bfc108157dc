"""Whether a robot is clear of the scene and of itself: at configurations, and all along the way between them.

Along a way the check is continuous: a ball with clearances a and b at two configurations that moves by less than a + b
between them can't have touched anything on the way, since clearance changes no faster than the ball moves. Where that
does not hold, the interval is halved.
Shape letters: N configurations, J coordinates, C clearances (balls over the scene, then pairs of balls).
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from robots.planning.scene import REACH_M, Scene
from robots.planning.shape import RobotShape

Float = NDArray[np.float64]

HALVINGS = 6
_CLEAR_M = 0.06
"""Clearances above this need not be known exactly: neighbouring samples of a way are about as far apart."""
_ARC = 1.01
"""A ball's way between two configurations is an arc, longer than the straight line by at most this for 0.4 rad."""
SELF_MARGIN_M = 0.005


class FreeSpace:
    """The configurations of a shape that keep `margin_m` from a scene and SELF_MARGIN_M from each other's balls.

    resolution: float64[J], how far two neighbouring samples of a way may be apart in each coordinate (rad or m); small
    enough that no ball moves by more than about 10 cm.
    """

    def __init__(self, shape: RobotShape, scene: Scene, *, resolution: Float, margin_m: float = 0.01) -> None:
        largest = float(shape.radii_m.max())
        if largest + margin_m > REACH_M:
            raise ValueError(f"a ball of {largest:.2f} m is larger than {REACH_M} m: cover the part with smaller ones")
        self.shape, self.scene, self.resolution = shape, scene, np.asarray(resolution, dtype=np.float64)
        self._met = np.array([k for k, part in enumerate(shape.parts) if not part.anchored], dtype=np.int64)
        """The balls that can meet the scene."""
        self._radii = radii = shape.radii_m[self._met]
        self._i, self._j = shape.pairs[:, 0], shape.pairs[:, 1]
        self._sum = shape.radii_m[self._i] + shape.radii_m[self._j]
        self._enough = radii + max(_CLEAR_M, 2 * margin_m)
        self.need = np.concatenate([np.full(len(radii), margin_m), np.full(len(self._i), SELF_MARGIN_M)])

    def clearance(self, q: Float) -> tuple[Float, Float]:
        """float64[N,C] m, a lower bound above 6 cm, and the centres float64[N,S,3] m, for q [N,J]."""
        centres = self.shape.centres(q)
        met = centres[:, self._met].reshape(-1, 3)
        away = self.scene.distance(met, np.tile(self._enough, len(q))).reshape(len(q), -1)
        away -= self._radii
        if len(self._i) == 0:
            return away, centres
        between = centres[:, self._i] - centres[:, self._j]
        apart = np.sqrt(np.einsum("npd,npd->np", between, between)) - self._sum
        return np.concatenate([away, apart], axis=1), centres

    def relaxed(self, *configurations: Float) -> FreeSpace:
        """The same space, where what stands nearer than the margin at one of these [J] may stand as near elsewhere.

        For starts and goals beside things: a hand that has just let go of a cup is within the margin, not in collision.
        """
        lowest = np.minimum.reduce([self.clearance(c[None])[0][0] for c in configurations])
        out = type(self).__new__(type(self))
        out.__dict__.update(self.__dict__)
        out.need = np.minimum(self.need, np.maximum(lowest - 1e-4, 0.0))
        return out

    def free(self, q: Float) -> NDArray[np.bool_]:
        """bool[N] for q [N,J]."""
        return np.asarray((self.clearance(q)[0] >= self.need).all(axis=1))

    def worst(self, q: Float) -> tuple[float, str]:
        """The least clearance at q [J] in metres beyond what is needed, and a few words on where."""
        clearance, centres = self.clearance(q[None])
        known = len(self._met) + len(self._i)
        k = int((clearance[0] - self.need)[:known].argmin())
        least = float(clearance[0, k])
        parts = self.shape.parts
        if k < len(self._met):
            ball = self._met[k]
            thing = self.scene.nearest(centres[0, ball])
            return least, f"frame {parts[ball].frame} and {thing}, {1e3 * least:.0f} mm apart"
        i, j = self.shape.pairs[k - len(self._met)]
        return least, f"frames {parts[i].frame} and {parts[j].frame} of the robot, {1e3 * least:.0f} mm apart"

    def sampled(self, way: Float) -> Float:
        """float64[N,J]: a polyline [K,J] with samples no further apart than the resolution, its corners among them."""
        pieces = [way[:1]]
        for a, b in pairwise(way):
            count = max(1, int(np.ceil(float((np.abs(b - a) / self.resolution).max()))))
            pieces.append(a + (np.arange(1, count + 1) / count)[:, None] * (b - a))
        return np.concatenate(pieces)

    def reach(self, samples: Float) -> int:
        """Index of the last of `samples` [N,J] up to which the way along them is free; -1 if the first is not."""
        clearance, centres = self.clearance(samples)
        bad = np.nonzero((clearance < self.need).any(axis=1))[0]
        limit = int(bad[0]) if len(bad) else len(samples)
        if limit < 2:
            return limit - 1
        index = np.arange(limit - 1)
        a = (samples[: limit - 1], clearance[: limit - 1], centres[: limit - 1])
        b = (samples[1:limit], clearance[1:limit], centres[1:limit])
        for _ in range(HALVINGS):
            doubt = self._doubtful(a, b) & (index < limit - 1)
            if not doubt.any():
                break
            a, b, index = (a[0][doubt], a[1][doubt], a[2][doubt]), (b[0][doubt], b[1][doubt], b[2][doubt]), index[doubt]
            q = 0.5 * (a[0] + b[0])
            clearance, centres = self.clearance(q)
            bad = np.nonzero((clearance < self.need).any(axis=1))[0]
            if len(bad):
                limit = min(limit, int(index[bad].min()) + 1)
            middle = (q, clearance, centres)
            a, b = _joined(a, middle), _joined(middle, b)
            index = np.concatenate([index, index])
        return limit - 1

    def whole(self, way: Float) -> bool:
        """Whether a polyline [K,J] is free from end to end."""
        samples = self.sampled(way)
        if len(samples) > 12 and not self.free(samples[2::4]).all():
            return False  # most ways that are not free are found out by a quarter of their samples
        return self.reach(samples) == len(samples) - 1

    def _doubtful(self, a: tuple[Float, Float, Float], b: tuple[Float, Float, Float]) -> NDArray[np.bool_]:
        move = b[2] - a[2]
        met = move[:, self._met]
        far = np.sqrt(np.einsum("nsd,nsd->ns", met, met))
        if len(self._i):
            turn = move[:, self._i] - move[:, self._j]
            far = np.concatenate([far, np.sqrt(np.einsum("npd,npd->np", turn, turn))], axis=1)
        return np.asarray((_ARC * far > a[1] + b[1]).any(axis=1))


def _joined(a: tuple[Float, Float, Float], b: tuple[Float, Float, Float]) -> tuple[Float, Float, Float]:
    return np.concatenate([a[0], b[0]]), np.concatenate([a[1], b[1]]), np.concatenate([a[2], b[2]])
