"""How far a thing seems to have moved since it was seen: what the wheels got wrong while the base went along.

The robot's own cameras are the better judges of that: the points that were the thing's are laid over what is seen now,
shifted to and fro, until most of them lie on something (matching by correlation over a small window).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from robots.geometry import Pose
from robots.mobile.glance import cloud, see
from robots.mobile.grasps import GraspPlan
from robots.mobile.things import ABOVE_M, Thing
from robots.primitives.base import Body

Float = NDArray[np.float64]

MOST_M, STEP_M, CELL_M = 0.036, 0.003, 0.005
FEW, MOST = 40, 1500
HALF = 0.4
"""Of the thing's points so many must be seen again."""
NEARLY = 0.97


def drift(thing: Thing, points: Float) -> Float | None:
    """float64[2]: how far the thing is from where it was, level, by points [N,3] seen now; None: too little is seen."""
    mine = thing.points[thing.points[:, 2] > thing.support_m + 2 * ABOVE_M]
    if len(mine) > MOST:
        mine = mine[:: len(mine) // MOST + 1]
    low = mine.min(axis=0) - MOST_M - 2 * CELL_M if len(mine) else np.zeros(3)
    high = mine.max(axis=0) + MOST_M + 2 * CELL_M if len(mine) else np.zeros(3)
    near = points[(points > low).all(axis=1) & (points < high).all(axis=1) & (points[:, 2] > thing.support_m + ABOVE_M)]
    if len(mine) < FEW or len(near) < FEW:
        return None
    taken = np.zeros(tuple(np.ceil((high - low) / CELL_M).astype(np.int64) + 1), dtype=np.bool_)
    taken[tuple(np.floor((near - low) / CELL_M).astype(np.int64).T)] = True
    steps = np.arange(-MOST_M, MOST_M + STEP_M / 2, STEP_M)
    shifts = np.array([(x, y, 0.0) for x in steps for y in steps])
    cells = np.floor((mine[None] + shifts[:, None] - low) / CELL_M).astype(np.int64)
    met = taken[cells[..., 0], cells[..., 1], cells[..., 2]].mean(axis=1)
    if float(met.max()) < HALF:
        return None
    best = met > NEARLY * float(met.max())
    return np.asarray(np.average(shifts[best, :2], axis=0, weights=met[best]))


def corrected(body: Body, plan: GraspPlan, thing: Thing) -> Pose | None:
    """odom_T_tool of a grasp for where the thing is seen to be now; None where it is seen too badly to tell."""
    _, seen = see(body)
    off = drift(thing, cloud(seen))
    return None if off is None else Pose(xyz=plan.tool.xyz + [*off, 0.0], quat_xyzw=plan.tool.quat_xyzw)
