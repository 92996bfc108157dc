"""The arm around what is in the way to one of several configurations, while the base stands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from robots.interface import Status
from robots.mobile.clearance import shape
from robots.mobile.load import Load
from robots.mobile.stream import follow
from robots.mobile.upright import arm_limits, leaning_way, upright_way
from robots.planning.free_space import FreeSpace
from robots.planning.motion import Pace
from robots.planning.planner import plan_arm
from robots.planning.scene import Scene
from robots.planning.shape import RobotShape
from robots.primitives.base import Body, Outcome

Float = NDArray[np.float64]

TIPPED_RAD = 1.0
"""Half full vessels spill at 70 degrees."""
TRIES = 1500
CLEARED_M, DEEPER_M = 0.002, 0.001
OUT_RAD, OUT_TRIES = (0.05, 0.1, 0.2, 0.3, 0.45, 0.6), 96
"""Out of something that balls overlap with: clear by the first, no deeper by more than the second on the way; so many
configurations are tried so far around."""
LOADED = 0.45
"""Share of its pace with which an arm goes that does not keep upright what it holds."""


def go(
    body: Body,
    scene: Scene,
    goals: Sequence[Float],
    *,
    width_m: float | None = None,
    pace: float = 1.0,
    tip: bool = True,
) -> Outcome:
    """The arm around everything in the scene to one of the configurations `goals` [J]. What it holds stays upright on
    the way, if there is one for that. tip: it may be turned over where there is none."""
    state = body.robot.state()
    fingers = state.gripper_width_m if width_m is None else width_m
    one, start = shape(body, width_m=fingers), state.arm_q
    away = backed_out(body, one, scene, start, goals)
    if away is not None:
        outcome = follow(body, body.planner.to_q(start, away, pace=Pace(velocity=0.3 * pace)).q, width_m=width_m)
        if outcome.status is not Status.SUCCEEDED:
            return outcome
        start = body.robot.state().arm_q
    upright = upright_way(body, one, scene, start, goals, pace)
    if upright is not None:
        return follow(body, upright, width_m=width_m)
    leaning = leaning_way(body, one, scene, start, goals, pace)
    if leaning is not None:
        return follow(body, leaning, width_m=width_m)
    if not tip and isinstance(body.grasp, Load):
        return Outcome(status=Status.PATH_BLOCKED, detail="there is no way along which it stays upright")
    # What turns over on the way pulls at the fingers as hard as the arm is quick.
    pace *= LOADED if isinstance(body.grasp, Load) else 1.0
    motion = plan_arm(
        body.robot.spec, one, scene, start, np.array(goals), rng=np.random.default_rng(0), tries=TRIES,
        limits=arm_limits(body.robot.spec, pace),
    )  # fmt: skip
    if motion.status is not Status.SUCCEEDED:
        return Outcome(status=motion.status, detail=motion.detail)
    load = body.grasp
    if isinstance(load, Load) and any(load.lean_rad(body.kinematics.tool(q)) > TIPPED_RAD for q in motion.q[::5]):
        body.grasp = replace(load, tipped=True)
    return follow(body, motion.q, width_m=width_m)


def backed_out(body: Body, one: RobotShape, scene: Scene, q: Float, goals: Sequence[Float]) -> Float | None:
    """float64[J]: where a robot that touches something, by the balls that stand for it, is clear again, on its way to a
    goal or home; None where it need not or nothing near by is clear."""
    spec = body.robot.spec
    space = FreeSpace(one, scene, resolution=np.full(spec.dof, 0.1), margin_m=0.0)
    if space.worst(q)[0] >= 0.0:
        return None
    for share in (0.05, 0.1, 0.15, 0.2, 0.3, 0.4):
        for goal in (*goals, spec.home_q_rad):
            there = q + share * (goal - q)
            if space.worst(there)[0] >= CLEARED_M:
                return np.asarray(there)
    # No way to anywhere leads out: to any side, by as little as will do, and no deeper into anything on the way.
    least = np.minimum(space.clearance(q[None])[0][0], space.need) - DEEPER_M
    rng = np.random.default_rng(0)
    for spread in OUT_RAD:
        near = np.clip(q + spread * rng.normal(size=(OUT_TRIES, spec.dof)), spec.q_lower_rad, spec.q_upper_rad)
        spare = (space.clearance(near)[0] - space.need).min(axis=1)
        out = near[spare >= CLEARED_M]
        for there in out[np.argsort(np.abs(out - q).max(axis=1))]:
            if bool((space.clearance(space.sampled(np.stack([q, there])))[0] >= least).all()):
                return np.asarray(there)
    return None
