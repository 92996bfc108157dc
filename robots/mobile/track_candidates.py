"""What may be tried for a track: places of the base, standing or going along, and turns of the hand, by a prior.

The base stands still, or goes along by a share of the way that the part goes (backing up, or around the hinge), or,
where it can only drive ahead, slides along its own heading as the arm needs it. Shape letters: N samples of the path.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

from robots.kinematics import kinematics
from robots.mobile.planar import base_at, flat
from robots.mobile.slide import bearing
from robots.mobile.track import HandTurn, Task, hand_at
from robots.parts import Drive
from robots.spec import RobotSpec

Float = NDArray[np.float64]

REACHES_M = (0.70, 0.62, 0.78, 0.54, 0.86, 0.46)
SIDES_M = (0.0, 0.15, -0.15, 0.3, -0.3, 0.45, -0.45, 0.6, -0.6)
TURNS_RAD = (0.0, 0.35, -0.35, 0.7, -0.7, 1.1, -1.1)
"""How far the base stands before the bar, beside it, and turned from it."""


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """One of them: which of the places, and how the hand is turned."""

    cost: float
    place: int
    turn: HandTurn


class Candidates:
    """What may be tried. places: float64[N,3] each, of the base; tools: the hand at each amount, by how it is turned;
    rows: which go together, the best first."""

    def __init__(self, spec: RobotSpec, task: Task, amounts: Float, here: Float, turns: Sequence[HandTurn]) -> None:
        first = task.path(task.start)
        into = first.rotation @ [0.0, 0.0, 1.0]
        if abs(into[2]) > 0.8 and task.toward is not None:
            into = np.array([*(task.toward[:2] - here[:2]), 0.0])
        into = into if task.ahead is None else task.ahead
        heading = float(np.arctan2(into[1], into[0]))
        # A differential base stands so that its arm, which points aside, points at the furniture.
        tool = kinematics(spec).tool(spec.posture)
        arm = float(np.arctan2(tool.xyz[1], tool.xyz[0])) if keeps_heading(spec) else bearing(spec)
        self.tools = {turn: [hand_at(task, a, *turn) for a in amounts] for turn in turns}
        self.places: list[Float] = []
        rows: list[Candidate] = []
        c, s = np.cos(heading), np.sin(heading)
        for reach, side, turn in product(REACHES_M, SIDES_M, TURNS_RAD):
            x, y = first.xyz[:2] - np.array([c * reach - s * side, s * reach + c * side])
            start = np.array([x, y, heading - arm + turn])
            prior = (
                0.6 * abs(reach - 0.7) + 0.5 * abs(side) + 0.25 * abs(turn) + 0.1 * float(np.hypot(*(start - here)[:2]))
            )
            for share in (0.0,) if keeps_heading(spec) or spec.slides else task.shares:
                self.places.append(_along(task, amounts, start, share))
                for swing, lean, roll in turns:
                    cost = prior + 0.25 * share + 0.4 * abs(swing) + 0.3 * abs(lean) + 0.01 * (roll > 0)
                    rows.append(Candidate(cost=cost, place=len(self.places) - 1, turn=(swing, lean, roll)))
        self.rows = sorted(rows, key=lambda row: row.cost)


def _along(task: Task, amounts: Float, start: Float, share: float) -> Float:
    """float64[N,3]: a base that goes along by a share of the part's own motion."""
    if share == 0.0:
        return np.tile(start, (len(amounts), 1))
    begin = task.motion(task.start).inverse()
    whole = [task.motion(task.start + share * (a - task.start)) @ begin @ base_at(start) for a in amounts]
    return np.array([flat(pose) for pose in whole])


def keeps_heading(spec: RobotSpec) -> bool:
    """Whether its base only goes along its own heading."""
    return not spec.slides and spec.base is not None and spec.base.drive is Drive.DIFFERENTIAL
