"""One stroke: what a policy is asked to do in one go, and the frame that it sees and moves in.

The frame F of a stroke stands at its target's point, z upwards, x level and away from the robot's base. In it the same
thing looks the same wherever it lies on the table, and the same motion takes it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from agent.verbs import Verb
from robots.geometry import Pose
from robots.primitives import Grasp
from robots.relations import Relation

Float = NDArray[np.float64]

RAISED_M = 0.06
"""A stroke is over when the hand has risen by so much above where it worked."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Stroke:
    """A grasp, a release or one push.

    words: what the call names. origin_m: float64[3] m in the world, a point on the target; of a push, the middle of
    what it stands with, from which the hand is always as high. goal_m: float64[3] m, where a push brings that.
    relation: of a release. held: what the hand holds before.
    """

    verb: Verb
    words: str
    origin_m: Float
    goal_m: Float | None = None
    relation: Relation | None = None
    held: Grasp | None = None

    def frame(self, world_T_base: Pose) -> Pose:
        """world_T_F."""
        away = self.origin_m[:2] - world_T_base.xyz[:2]
        return Pose.from_xyz_yaw(self.origin_m, float(np.arctan2(away[1], away[0])))
