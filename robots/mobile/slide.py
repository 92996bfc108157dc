"""What arms do otherwise that have the base's way ahead as their first joint (robots.sliding)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from robots.geometry import Pose
from robots.kinematics import Kinematics, kinematics
from robots.mobile.load import Load
from robots.primitives.base import Body
from robots.spec import RobotSpec

Float = NDArray[np.float64]

FLOOR_M = 0.05
"""Points no higher than this are the floor that the base goes over."""
YAWS = 16
LIFTS_M = (0.0, -0.1, -0.25, -0.4)
"""Where a load is carried, from the height that the lift has now."""
DRAWN_IN_M = (0.02, 0.10, 0.20)
"""How far the telescope is out while the robot drives."""


def bearing(spec: RobotSpec) -> float:
    """Where the arm points in the base's frame, rad: 0 is ahead."""
    if not spec.slides:
        return 0.0
    ahead = kinematics(spec).tool(spec.posture).xyz - kinematics(spec).tool(spec.posture).apply(np.array([0, 0, -0.2]))
    return float(np.arctan2(ahead[1], ahead[0]))


def above_floor(points: Float) -> Float:
    """Points [N,3] that are not the floor."""
    return np.asarray(points[points[:, 2] > FLOOR_M]) if len(points) else points


def upright_beside(spec: RobotSpec, arm: Kinematics, load: Load, now_q: Float) -> list[Float]:
    """float64[J] each: the arm drawn in, the base where it is, what is held as upright as it stood; best first."""
    upright = load.tool_T_thing.inverse().rotation
    found: list[tuple[float, Float]] = []
    for k in range(YAWS):
        c, s = np.cos(2 * np.pi * k / YAWS), np.sin(2 * np.pi * k / YAWS)
        wrist = arm.turned(np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]]) @ upright, now_q)
        if wrist is None:
            continue
        for lower in LIFTS_M:
            for out in DRAWN_IN_M:
                lift = float(np.clip(now_q[1] + lower, spec.q_lower_rad[1], spec.q_upper_rad[1]))
                q = np.array([0.0, lift, out, *wrist])
                # Small, not across the way ahead, and without many turns.
                tool = arm.tool(q).xyz
                cost = float(np.linalg.norm(tool[:2])) + 0.5 * out - 0.3 * lower
                cost += 0.1 * float(np.abs(wrist - now_q[3:]).max())
                found.append((cost, q))
    return [q for _, q in sorted(found, key=lambda one: one[0])]


def held_beside(body: Body, load: Load, places: list[Float]) -> list[list[Float]]:
    """Configurations [J] that hold a load upright at `places` [3] of the tool, ahead of where the arm points; by place.

    Places are tried at their height first, then lower: a hand that hangs from its lift gets only so high.
    """
    spec, state = body.robot.spec, body.robot.state()
    upright = load.tool_T_thing.inverse().rotation
    out: list[list[Float]] = []
    turn = bearing(spec)
    for place in places:
        for lower in (0.0, 0.1, 0.2, 0.3):
            c, s = np.cos(turn), np.sin(turn)
            xyz = np.array([c * place[0] - s * place[1], s * place[0] + c * place[1], place[2] - lower])
            ways = []
            for k in range(YAWS):
                yaw = 2 * np.pi * k / YAWS
                matrix = np.eye(4)
                matrix[:3, :3] = Pose.from_xyz_yaw([0.0, 0.0, 0.0], yaw).rotation @ upright
                matrix[:3, 3] = xyz
                found = body.kinematics.solve(Pose.from_matrix(matrix), state.arm_q)
                if found.converged:
                    ways.append(found.q)
            if ways:
                # The base goes as little as may be.
                out.append(sorted(ways, key=lambda q: abs(float(q[0])))[:3])
                break
    return out
