"""Where to stand so that the hand can go along a path held rigidly: the first track that is reached and free all along.

Candidates (robots.mobile.track_candidates) are tried in the order of a prior: which of them the arm reaches is found
for many at once (robots.mobile.track_fit), what keeps clear one by one (robots.mobile.track_clearance).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import islice, product

import numpy as np
from numpy.typing import NDArray

from robots.kinematics import kinematics
from robots.mobile.solids import Boxes, moved
from robots.mobile.track import Task, Track, hand_at
from robots.mobile.track_candidates import Candidate, Candidates, keeps_heading
from robots.mobile.track_clearance import PART_MARGIN_M, Clearance
from robots.mobile.track_fit import dense, fits
from robots.planning.obstacles import Box
from robots.planning.scene import Scene
from robots.spec import RobotSpec

Float = NDArray[np.float64]

Standable = Callable[[Float], bool]
"""Whether a base may stand at a place [3] (odom)."""

NEAR_M = 1.7
"""What is farther from the bar is left out."""
TOGETHER, MOST_TRIED = 96, 1920
"""So many candidates are solved for at once, and so many tried in all."""
STEADY = 0.03
"""The least singular value of the arm's Jacobian (m and rad) along a track: 0.1 to 0.2 where it moves easily."""


def find_track(spec: RobotSpec, task: Task, here: Float, free: Standable | None = None) -> Track | None:
    """The first free track in the order of the prior; None where no candidate is. here: float64[3], the base now.
    free: what else the base's first place must pass, such as what stands around that no map shows."""
    if abs(task.start) > abs(task.end):
        # What leads there leads back: one search for opening and shutting.
        found = _found(spec, replace(task, start=task.end, end=task.start), here, free, -1)
        return None if found is None else found.reversed()
    return _found(spec, task, here, free, 0)


def _found(spec: RobotSpec, task: Task, here: Float, free: Standable | None, first: int) -> Track | None:
    """As find_track; first: which end of the track the robot begins at, 0 or -1."""
    boxes = _scene(task)
    checks = np.linspace(task.start, task.end, task.checks)
    parts = [Boxes(moved(task.parts, task.motion(a))) for a in checks]
    shape = Clearance(spec, task.hand_margin_m, task.held)
    turns = [
        turn for turn in product(task.swings, task.leans, task.rolls)
        if all(shape.hand_clear(hand_at(task, a, *turn), boxes) for a in checks)
    ]  # fmt: skip
    if not turns:
        return None
    candidates = Candidates(spec, task, checks, here, turns)
    clear: dict[int, bool] = {}

    def stands(row: Candidate) -> bool:
        if row.place not in clear:
            places = candidates.places[row.place]
            clear[row.place] = shape.places_clear(places, boxes, parts) and (free is None or free(places[first]))
        return clear[row.place]

    order, tried = filter(stands, candidates.rows), 0
    while tried < MOST_TRIED and (rows := list(islice(order, TOGETHER))):
        tried += len(rows)
        for row, base, q in fits(spec, rows, candidates):
            if not all(
                shape.arm_clear(base[k], q[k], boxes, parts[k], hand_m=task.touch_m) for k in range(task.checks)
            ):
                continue
            if keeps_heading(spec) and not shape.places_clear(base, boxes, parts):
                continue
            found = dense(spec, task, base, q[0], row.turn)
            if found is None:
                continue
            ends = ((found.before, base[0], parts[0]), (found.after, base[-1], parts[-1]))
            if not all(shape.arm_clear(place, end, boxes, part, hand_m=PART_MARGIN_M) for end, place, part in ends):
                continue
            if steady(spec, found) and task.accepted(found):
                return found
    return None


def steady(spec: RobotSpec, track: Track, least: float = STEADY) -> bool:
    """Whether the arm keeps off its singular configurations: near them it can't answer to what is off a little."""
    if keeps_heading(spec):
        return True
    arm = kinematics(spec)
    return all(float(np.linalg.svd(arm.jacobian(q), compute_uv=False)[-1]) > least for q in track.q[::4])


def _scene(task: Task) -> Scene:
    """What does not move, around the bar."""
    middle = task.path(task.start).xyz
    low, high = np.array([*(middle[:2] - NEAR_M), -0.05]), np.array([*(middle[:2] + NEAR_M), 2.3])
    near = []
    for solid in task.others:
        away = solid.pose.inverse().apply(middle)
        if float(np.linalg.norm(np.maximum(np.abs(away) - solid.half_m, 0.0))) < NEAR_M:
            near.append(Box(pose=solid.pose, half_m=np.maximum(solid.half_m, 0.004), name=solid.name))
    return Scene(near, lower_m=low, upper_m=high, cell_m=0.05)
