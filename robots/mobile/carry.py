"""How the arm goes along while the robot drives: folded, and what it holds upright and off the robot itself."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from robots.interface import Status
from robots.mobile.clearance import free, surroundings
from robots.mobile.glance import cloud, see
from robots.mobile.go import go
from robots.mobile.load import Load, load_parts
from robots.mobile.reach import configurations
from robots.mobile.sight import odom_T_base
from robots.mobile.slide import upright_beside
from robots.mobile.tool_poses import HALF_TURN, level_pose
from robots.planning.motion import pointing_down
from robots.planning.scene import Scene
from robots.primitives.base import AGAIN, PAUSE_S, Body, Outcome

Float = NDArray[np.float64]

OFFSETS_M = ((0.0, 0.0, 0.0), (0.08, 0.0, 0.08), (0.12, 0.0, 0.2), (0.16, 0.0, 0.0), (0.2, 0.0, 0.15), (0.1, 0.15, 0.1))
"""Where a load is carried, from where the tool is at home, in the base's frame."""
FOLDED_RAD = 0.05
TURNS_RAD = (0.0, 0.8, -0.8, 1.57, -1.57)


def carrying(body: Body, scene: Scene) -> list[Float]:
    """float64[J] each: configurations to drive with, the best first; home with an empty hand."""
    spec, load = body.robot.spec, body.grasp
    if not isinstance(load, Load):
        return [np.array(spec.home_q_rad)]
    width = load.width_m
    if spec.slides:
        ways = upright_beside(spec, body.kinematics, load, body.robot.state().arm_q)
        return [q for q in ways if free(body, scene, q, width_m=width)][:3]
    found = []
    if not load.level and free(body, scene, spec.home_q_rad, width_m=width):
        found.append(np.array(spec.home_q_rad))
    base = odom_T_base(body.robot.state())
    home = body.kinematics.tool(spec.home_q_rad)
    for offset in OFFSETS_M:
        for turn in TURNS_RAD:
            if len(found) >= 3:
                return found
            at = home.xyz + np.array(offset) + ([0.1, 0.0, 0.0] if load.level else [0.0, 0.0, 0.0])
            local = level_pose(at, turn, load.pitch_rad) if load.level else pointing_down(at, turn)
            for pose in (one for one in (local, local @ HALF_TURN) if load.upright(base @ one)):
                fits = [q for q in configurations(body, base @ pose)[:2] if free(body, scene, q, width_m=width)]
                found += fits[:1]
    return found


def carry(body: Body, points: Float, *, pace: float = 0.7) -> Outcome:
    """The arm to where it is out of the way. points: [N,3] that it must keep clear of, odom."""
    scene = surroundings(body, points)
    goals = carrying(body, scene)
    outcome = Outcome(status=Status.UNREACHABLE, detail="there is no way to carry this")
    for goal, tip in ((goal, tip) for tip in (False, True) for goal in goals):
        if not tip and body.grasp is None:
            continue
        outcome = go(body, scene, [goal], pace=pace, tip=tip)
        if outcome.status is Status.SUCCEEDED:
            body.held_q = goal if body.grasp is not None else None
            return outcome
    return outcome


def fold(body: Body) -> Outcome:
    """The arm to where it is carried, if it is not there already."""
    state = body.robot.state()
    goal = body.robot.spec.home_q_rad if body.held_q is None or not load_parts(body) else body.held_q
    if float(np.abs(state.arm_q - goal).max()) < FOLDED_RAD:
        return Outcome(status=Status.SUCCEEDED, detail="")
    for _ in range(1 + AGAIN):
        _, seen = see(body)
        outcome = carry(body, cloud(seen))
        if outcome.status is not Status.LIMIT:
            break
        body.robot.wait(PAUSE_S)  # refused for a moment
    return outcome
