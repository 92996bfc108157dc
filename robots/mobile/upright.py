"""Ways of the arm along which what it holds stays upright: straight ones of the tool, and planned ones."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from robots.geometry import Pose
from robots.interface import Status
from robots.mobile.load import Load
from robots.mobile.sight import odom_T_base
from robots.mobile.stream import straight_way
from robots.planning.free_space import FreeSpace
from robots.planning.limits import MotionLimits
from robots.planning.motion import Pace
from robots.planning.planner import plan_arm
from robots.planning.scene import Scene
from robots.planning.shape import RobotShape
from robots.primitives.base import Body
from robots.spec import RobotSpec

Float = NDArray[np.float64]

LEAN_RAD, UPRIGHT_M_S, RISES_M = 0.45, 0.5, (0.0, 0.1, 0.25)
"""How far what is held may lean, how fast it is moved, and how far up it may go on its way."""
UPRIGHT_TRIES, HELD_PACE = 800, 0.7
"""Of the planner with what is held kept upright, and its share of the pace."""


def bent_upright(body: Body, goal: Pose) -> Iterator[Float]:
    """float64[J]: how the arm is bent after straight ways of the tool to `goal` (odom): what it then holds is as
    upright as at both ends all the way."""
    for way in _straight_ways(body, body.robot.state().arm_q, goal, 1.0):
        yield way[-1]


def upright_way(
    body: Body, one: RobotShape, scene: Scene, start: Float, goals: Sequence[Float], pace: float
) -> Float | None:
    """float64[M,J]: a stream to a goal, the tool straight or over a place higher up, along which what is held leans no
    more than LEAN_RAD: a full can spills at 40 degrees. None where it leans already, or nothing is held, or none is
    free."""
    load = body.grasp
    if not isinstance(load, Load):
        return None
    arm, base = body.kinematics, odom_T_base(body.robot.state())
    space = FreeSpace(one, scene, resolution=np.full(body.robot.spec.dof, 0.1), margin_m=0.0)

    def upright(q: Float) -> bool:
        return load.lean_rad(arm.tool(q)) < LEAN_RAD

    for goal in goals:
        if not (upright(start) and upright(goal)):
            continue
        for way in _straight_ways(body, start, base @ arm.tool(goal), pace):
            last = body.planner.to_q(way[-1], goal, pace=Pace(velocity=0.3 * pace)).q
            stream = np.concatenate([way, last])
            few = np.concatenate([stream[:: max(1, len(stream) // 60)], stream[-1:]])
            if all(upright(q) for q in few) and space.free(few).all():
                return stream
    return None


def leaning_way(
    body: Body, one: RobotShape, scene: Scene, start: Float, goals: Sequence[Float], pace: float
) -> Float | None:
    """float64[M,J]: a stream around what is in the way along which what is held leans no more than LEAN_RAD; None where
    it leans already, nothing is held or none is found."""
    load, arm = body.grasp, body.kinematics
    if not isinstance(load, Load):
        return None
    fit = [goal for goal in goals if load.lean_rad(arm.tool(goal)) < LEAN_RAD]
    if not fit or load.lean_rad(arm.tool(start)) > LEAN_RAD:
        return None
    motion = plan_arm(
        body.robot.spec, one, scene, start, np.array(fit), rng=np.random.default_rng(0), tries=UPRIGHT_TRIES,
        limits=arm_limits(body.robot.spec, pace * HELD_PACE), upright=(load.tool_T_thing.rotation[:, 2], LEAN_RAD),
    )  # fmt: skip
    return motion.q if motion.status is Status.SUCCEEDED else None


def _straight_ways(body: Body, start: Float, goal: Pose, pace: float) -> Iterator[Float]:
    """float64[M,J]: streams of the tool straight to `goal` (odom), turning evenly; and over a place higher up."""
    here = odom_T_base(body.robot.state()) @ body.kinematics.tool(start)
    for rise in RISES_M:
        high = max(here.xyz[2], goal.xyz[2]) + rise
        over = [Pose(xyz=np.array([*e.xyz[:2], high]), quat_xyzw=e.quat_xyzw) for e in (here, goal)] if rise else []
        way = [np.asarray(start)[None]]
        for there in (*over, goal):
            part = straight_way(body, way[-1][-1], there, speed_m_s=UPRIGHT_M_S * pace, acceleration=0.3)
            if part is None:
                break
            way.append(part[1:])
        else:
            yield np.concatenate(way)


def arm_limits(spec: RobotSpec, pace: float) -> MotionLimits:
    """What ways around things are timed with, at a share `pace` of the arm's usual pace."""
    return MotionLimits.of(spec, velocity=0.9 * pace, acceleration=0.6 * pace, jerk=0.6 * pace)
