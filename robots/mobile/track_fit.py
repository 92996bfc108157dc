"""Whether the arm reaches all along a track, for many candidates at once, and its configurations.

Shape letters: N candidates or samples, J joints.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from robots.geometry import Pose
from robots.kinematics import Kinematics, kinematics, whole_body
from robots.mobile.planar import base_at, flat
from robots.mobile.track import HandTurn, Task, Track, hand_at
from robots.mobile.track_candidates import Candidate, Candidates, keeps_heading
from robots.spec import RobotSpec

Float = NDArray[np.float64]

SLACK_M = 0.03
"""Things may turn out to be so much farther away than they were thought to be."""
SPARE_RAD = 0.06
"""A joint nearer to its limit than this is out of reach."""
MOST_TURN_RAD = 0.9
"""Of a joint from one check to the next."""


def fits(
    spec: RobotSpec, rows: Sequence[Candidate], candidates: Candidates
) -> Iterator[tuple[Candidate, Float, Float]]:
    """Of some candidates those that reach all along, each with its places [CHECKS,3] and configurations [CHECKS,J]."""
    body, base_dof = _body(spec)
    goals = [
        [base_at(place).inverse() @ tool for place, tool in zip(candidates.places[r.place], candidates.tools[r.turn],
        strict=True)]
        for r in rows
    ]  # fmt: skip
    xyz = np.array([[g.xyz for g in one] for one in goals])
    rotation = np.array([[g.rotation for g in one] for one in goals])
    ok = np.ones(len(rows), dtype=np.bool_)
    if base_dof == 0:
        ok &= ((xyz > spec.tool_lower_m) & (xyz < spec.tool_upper_m)).all(axis=(1, 2))
    checks = xyz.shape[1]
    q = np.zeros((len(rows), checks, len(body.home_q_rad)))
    q[:, 0], first = _first(body, xyz[:, 0], rotation[:, 0], ok)
    ok &= first & _spare(body, q[:, 0], base_dof)
    for k in range(1, checks):
        left = np.nonzero(ok)[0]
        q[left, k], reached = body.solve_many(xyz[left, k], rotation[left, k], q[left, k - 1], iterations=25)
        near = np.abs(q[left, k] - q[left, k - 1])[:, base_dof:].max(axis=1) < MOST_TURN_RAD
        ok[left] &= reached & near & _spare(body, q[left, k], base_dof)
    for k in (0, checks - 1):
        left = np.nonzero(ok)[0]
        farther = xyz[left, k].copy()
        farther[:, :2] *= 1.0 + SLACK_M / np.maximum(np.linalg.norm(farther[:, :2], axis=1), 0.1)[:, None]
        _, reached = body.solve_many(farther, rotation[left, k], q[left, k], iterations=25)
        ok[left] &= reached
    for i in np.nonzero(ok)[0].tolist():
        base, arm_q = _split(candidates.places[rows[i].place], q[i], base_dof)
        yield rows[i], base, arm_q


def dense(spec: RobotSpec, task: Task, places: Float, first: Float, turn: HandTurn) -> Track | None:
    """The track at SAMPLES amounts, with its approach and retreat."""
    arm = kinematics(spec)
    amounts = np.linspace(task.start, task.end, task.samples)
    coarse, finer = np.linspace(0, 1, len(places)), np.linspace(0, 1, task.samples)
    unwrapped = np.column_stack([places[:, :2], np.unwrap(places[:, 2])])
    fine = np.column_stack([np.interp(finer, coarse, column) for column in unwrapped.T])
    tools = [hand_at(task, a, *turn) for a in amounts]
    q, out = first, []
    for tool, place in zip(tools, fine, strict=True):
        found = arm.solve(base_at(place).inverse() @ tool, q)
        if not found.converged:
            return None
        q = found.q
        out.append(q)
    back = Pose.from_xyz_yaw([0.0, 0.0, -task.back_m])
    ends = []
    for index in (0, -1):
        found = arm.solve(base_at(fine[index]).inverse() @ tools[index] @ back, out[index])
        if not found.converged:
            return None
        ends.append(found.q)
    return Track(amounts=amounts, tools=tuple(tools), places=fine, q=np.array(out), before=ends[0], after=ends[1])


def _first(
    body: Kinematics, xyz: Float, rotations: Float, wanted: NDArray[np.bool_]
) -> tuple[Float, NDArray[np.bool_]]:
    """Configurations [N,J] for goals from several starts, and which were reached; only where `wanted`."""
    q, ok = np.tile(body.home_q_rad, (len(xyz), 1)), np.zeros(len(xyz), dtype=np.bool_)
    for start in body.starts:
        left = np.nonzero(wanted & ~ok)[0]
        if len(left) == 0:
            break
        seeds = np.tile(start, (len(left), 1))
        if body.base_dof:
            seeds[:, 0] = xyz[left, 0] - body.tool(start).xyz[0]
        q[left], ok[left] = body.solve_many(xyz[left], rotations[left], seeds)
    return q, ok


def _body(spec: RobotSpec) -> tuple[Kinematics, int]:
    """A holonomic base's places are chosen; another slides along its heading as the arm needs it, unless that is the
    arm's first joint already."""
    if keeps_heading(spec):
        return whole_body(spec, ("x",)), 1
    return kinematics(spec), 0


def _split(places: Float, q: Float, base_dof: int) -> tuple[Float, Float]:
    if base_dof == 0:
        return places, q
    moved = [flat(base_at(place) @ Pose.from_xyz_yaw([one[0], 0.0, 0.0])) for place, one in zip(places, q, strict=True)]
    return np.array(moved), q[:, base_dof:]


def _spare(body: Kinematics, q: Float, base_dof: int) -> NDArray[np.bool_]:
    """bool[N]: configurations [N,J] with all joints off their limits; those that slide or hardly move may be at
    them. So may a wrist that turns apart from the arm."""
    if body.spec.slides:
        return np.ones(len(q), dtype=np.bool_)
    gap = np.minimum(q - body.q_lower_rad, body.q_upper_rad - q)[:, base_dof:]
    turning = body.spec.q_upper_rad - body.spec.q_lower_rad > 1.2
    return np.asarray((gap[:, turning] > SPARE_RAD).all(axis=1))
