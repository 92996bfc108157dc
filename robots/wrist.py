"""Inverse kinematics in closed form of arms with three joints that slide and, behind them, a wrist of three that turn.

The wrist alone decides how the tool is turned: with its axes at rest orthogonal, as they are in a wrist of yaw, pitch
and roll, its angles are Euler angles. What then is missing to the place is linear in the joints that slide.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from robots.chain import Chain

Float = NDArray[np.float64]

UPRIGHT = 2e-3
"""Hands nearer than this (rad) to the first axis: first and last joint turn about one line, and share as they like."""
KEPT_RAD = 0.1
TURNS = 3


class SlidingWrist:
    """For a chain of 3 joints that slide (telescopes count as one) and 3 that turn about orthogonal axes.

    Raises:
        ValueError: the chain is none of those.
    """

    @classmethod
    def of(cls, chain: Chain, lower: Float, upper: Float) -> SlidingWrist | None:
        """For this chain; None where it is none of those, and its poses have to be searched for."""
        try:
            return cls(chain, lower, upper)
        except ValueError:
            return None

    def __init__(self, chain: Chain, lower: Float, upper: Float) -> None:
        self._chain, self._lower, self._upper = chain, lower, upper
        rest = chain.frames(np.zeros(len(lower)))
        turning = np.nonzero(chain.turns)[0]
        if len(lower) != 2 * TURNS or len(turning) != TURNS or not (turning == np.arange(len(chain.turns))[-3:]).all():
            raise ValueError(f"not three joints that slide and a wrist of three: {chain.driven}")
        axes = np.array([rest[i, :3, :3] @ chain.axes[i] for i in turning])
        if float(np.abs(axes @ axes.T - np.eye(3)).max()) > 1e-4:
            raise ValueError("the axes of the wrist are not orthogonal at rest")
        self._a, self._b, self._c = axes
        self._hand = float(np.sign(np.cross(self._b, self._c) @ self._a))
        self._rest = rest[-1, :3, :3]
        self._slide = np.linalg.inv(chain.jacobian(rest)[:3, :TURNS])

    def solve(self, xyz: Float, rotation: Float, seed: Float) -> Float | None:
        """float64[6]: the configuration within limits for xyz [3] m and rotation [3,3], or None; where the wrist has a
        choice, as near to `seed` [6] as it can be."""
        turned = self.turned(rotation, seed)
        if turned is None:
            return None
        q = np.concatenate([np.zeros(TURNS), turned])
        q[:TURNS] = self._slide @ (xyz - self._chain.frames(q)[-1, :3, 3])
        # What is beyond a stop by no more than the tolerance of a solution is at it.
        clipped = np.clip(q, self._lower, self._upper)
        return clipped if float(np.abs(clipped - q).max()) < 1e-4 else None

    def turned(self, rotation: Float, seed: Float) -> Float | None:
        """float64[3]: the wrist alone, for a rotation [3,3] of the tool."""
        lower, upper = self._lower[TURNS:], self._upper[TURNS:]
        turn = rotation @ self._rest.T
        ahead = turn @ self._c
        high = float(np.clip(self._hand * (ahead @ self._a), -1.0, 1.0))
        pitch = float(np.arcsin(high))
        if np.sqrt(max(0.0, 1.0 - high * high)) < UPRIGHT:
            # A hand that is upright already keeps how the two share; another shares as at rest.
            yaw = float(seed[TURNS]) if abs(abs(seed[TURNS + 1]) - np.pi / 2) < KEPT_RAD else 0.0
        else:
            level = ahead - (ahead @ self._a) * self._a
            yaw = float(np.arctan2(np.cross(self._c, level) @ self._a, self._c @ level))
        if abs(pitch - lower[1]) < UPRIGHT:
            pitch = max(pitch, float(lower[1]))
        left = _turn(self._b, -pitch) @ _turn(self._a, -yaw) @ turn
        side = left @ self._b
        roll = float(np.arctan2(np.cross(self._b, side) @ self._c, self._b @ side))
        best: Float | None = None
        for one in (yaw, yaw + 2 * np.pi, yaw - 2 * np.pi):
            for other in (roll, roll + 2 * np.pi, roll - 2 * np.pi):
                q = np.array([one, pitch, other])
                off = float(np.abs(q - seed[TURNS:]).sum())
                inside = (q >= lower).all() and (q <= upper).all()
                if inside and (best is None or off < float(np.abs(best - seed[TURNS:]).sum())):
                    best = q
        return best


def _turn(axis: Float, angle: float) -> Float:
    """Rodrigues' formula."""
    x, y, z = axis
    k = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    return np.asarray(np.eye(3) + np.sin(angle) * k + (1.0 - np.cos(angle)) * (k @ k))
