"""hand_over: hold out what is in the hand to a person, and let go when it is taken."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from robots.geometry import Pose
from robots.interface import Status
from robots.mobile.clearance import surroundings
from robots.mobile.glance import cloud, see
from robots.mobile.go import go
from robots.mobile.haul import line
from robots.mobile.load import Load, still_held
from robots.mobile.reach import configurations
from robots.mobile.shift import shift
from robots.mobile.sight import odom_T_base, odom_T_world
from robots.mobile.slide import bearing, held_beside
from robots.mobile.stance import fold
from robots.mobile.tool_poses import level_pose
from robots.planning.motion import pointing_down
from robots.primitives.base import Body, Outcome, Target

Float = NDArray[np.float64]

OUT_M = ((0.62, 0.0, 1.05), (0.55, 0.0, 1.0), (0.62, 0.0, 0.9), (0.5, 0.2, 1.0), (0.5, -0.2, 1.0))
"""Where things are held out, in the base's frame: before a standing person's belly."""
WAIT_S, TUG_N = 15.0, 5.0
"""How long a person may take, and how hard they pull when they have it."""
TURN_RAD = 0.15


def hand_over(body: Body, target: Target) -> Outcome:
    """Hold what is held out to `target`, a person: where its point is, or straight ahead without one."""
    load = body.grasp
    if not isinstance(load, Load) or not still_held(body, load):
        return Outcome(status=Status.NOT_HOLDING, detail="the hand holds nothing to hand over")
    if target.xyz_m is not None:
        local = odom_T_base(body.robot.state()).inverse().apply(odom_T_world(body.robot.state()).apply(target.xyz_m))
        aside = float(np.arctan2(local[1], local[0])) - bearing(body.robot.spec)
        aside = (aside + np.pi) % (2 * np.pi) - np.pi
        if abs(aside) > TURN_RAD:
            shift(body, np.array([0.0, 0.0, aside]))
    _, seen = see(body)
    weight_n = _felt_n(body)
    outcome = Outcome(status=Status.UNREACHABLE, detail="the arm can't hold it out")
    for goals in _held_out(body, load):
        outcome = go(body, surroundings(body, cloud(seen)), goals, width_m=0.0, pace=0.5)
        if outcome.status is Status.SUCCEEDED:
            break
    if outcome.status is not Status.SUCCEEDED:
        return outcome
    taken = _wait(body, load, weight_n)
    if not taken:
        fold(body)
        return Outcome(status=Status.TIMED_OUT, detail=f"nobody took the {load.words} within {WAIT_S:.0f} s")
    body.grip(body.robot.spec.gripper_max_width_m)
    body.grasp, body.held_q = None, None
    body.robot.wait(0.5)
    state = body.robot.state()
    here = odom_T_base(state) @ body.kinematics.tool(state.arm_q)
    line(body, here @ Pose.from_xyz_yaw([0.0, 0.0, -0.08]))
    fold(body)
    return Outcome(status=Status.SUCCEEDED, detail=f"the {load.words} was taken")


def _held_out(body: Body, load: Load) -> list[list[Float]]:
    """Configurations [J] that hold the load out upright, by place."""
    base = odom_T_base(body.robot.state())
    if body.robot.spec.slides:
        return held_beside(body, load, [np.array(out) for out in OUT_M])
    found = []
    for out in OUT_M:
        for turn in (0.0, 0.6, -0.6, np.pi):
            xyz = np.array(out)
            pose = level_pose(xyz, turn, load.pitch_rad) if load.level else pointing_down(xyz, turn)
            for way in (pose, pose @ Pose.from_xyz_yaw([0.0, 0.0, 0.0], np.pi)):
                goals = configurations(body, base @ way)[:2]
                # Held upside down it would spill: the same way up as it was taken.
                if goals and load.upright(base @ way):
                    found.append(goals)
    return found


def _felt_n(body: Body) -> float | None:
    """What a standing arm's wrist carries: the same however the hand is turned, unless somebody pulls."""
    force = body.robot.state().wrist_force_n
    return None if force is None else float(np.linalg.norm(force))


def _wait(body: Body, load: Load, weight_n: float | None) -> bool:
    """Whether somebody pulls at what is held, or has it, before WAIT_S are over. weight_n: what the wrist felt before:
    whoever took hold on the way here pulls already. Their letting go is no pull: whoever lifts must pull once more, and
    nothing is dropped."""
    robot = body.robot
    period = robot.spec.period_s
    robot.wait(0.5)
    rest: Float | None = None
    count = 0
    for _ in range(int(WAIT_S / period)):
        robot.wait(period)
        force = robot.state().wrist_force_n
        if not still_held(body, load):
            return True
        if force is None or weight_n is None:
            continue
        felt_n = float(np.linalg.norm(force))
        if felt_n < weight_n - TUG_N:
            weight_n, rest, count = felt_n, None, 0  # somebody pulled already when it was weighed, and has let go
        pulled = felt_n - weight_n > TUG_N or (rest is not None and float(np.linalg.norm(force - rest)) > TUG_N)
        if not pulled and rest is None:
            rest = force
        count = count + 1 if pulled else 0
        if count > 0.3 / period:
            return True
    return False
