"""Where the arm's tool is, and all ways to bend the arm for a pose of the tool, while the base stands. Frames: odom."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from robots.geometry import Pose
from robots.interface import RobotState
from robots.kinematics import kinematics
from robots.mobile.sight import odom_T_base
from robots.primitives.base import Body

Float = NDArray[np.float64]

SEEDS = 6
"""Configurations that inverse kinematics also starts from, beside the spec's own."""


def tool(body: Body, state: RobotState | None = None) -> Pose:
    """odom_T_tool."""
    state = state or body.robot.state()
    return odom_T_base(state) @ kinematics(body.robot.spec).tool(state.arm_q)


def configurations(body: Body, goal: Pose, *, near: Float | None = None) -> list[Float]:
    """float64[J] each: arm configurations that bring the tool to `goal` (odom), the nearest to the present one first.

    near: the present one, by default the robot's.
    """
    spec, state = body.robot.spec, body.robot.state()
    target = odom_T_base(state).inverse() @ goal
    if (target.xyz < spec.tool_lower_m).any() or (target.xyz > spec.tool_upper_m).any():
        return []
    here = state.arm_q if near is None else near
    found: list[Float] = []
    first = body.kinematics.reach(target, here)
    if first.converged:
        found.append(first.q)
    rng = np.random.default_rng(0)
    for _ in range(SEEDS):
        seed = spec.home_q_rad + 0.35 * (spec.q_upper_rad - spec.q_lower_rad) * rng.uniform(-1, 1, spec.dof)
        result = body.kinematics.solve(target, np.clip(seed, spec.q_lower_rad, spec.q_upper_rad), iterations=40)
        if result.converged and all(float(np.abs(result.q - q).max()) > 0.1 for q in found):
            found.append(result.q)
    return sorted(found, key=lambda q: float(np.abs(q - here).max()))


def scattered(
    body: Body, goals: Sequence[Pose], *, each: int, base: Pose | None = None
) -> tuple[Float, NDArray[np.int64]]:
    """Configurations float64[K,J] that bring the tool to any of `goals` (odom), from `each` starts a goal all over the
    arm's range, and which goal, int64[K]. base: odom_T_base where the robot would stand, by default where it does."""
    spec, arm = body.robot.spec, body.kinematics
    base_T_odom = (odom_T_base(body.robot.state()) if base is None else base).inverse()
    local = [base_T_odom @ goal for goal in goals]
    inside = [
        i for i, g in enumerate(local) if (g.xyz >= spec.tool_lower_m).all() and (g.xyz <= spec.tool_upper_m).all()
    ]
    which = np.repeat(np.array(inside, dtype=np.int64), each)
    if len(which) == 0:
        return np.empty((0, spec.dof)), which
    rng = np.random.default_rng(0)
    seeds = np.concatenate([arm.scattered(local[i], each, rng) for i in inside])
    xyz, rotation = np.array([local[i].xyz for i in which]), np.array([local[i].rotation for i in which])
    q, done = arm.solve_many(xyz, rotation, seeds)
    return q[done], which[done]
