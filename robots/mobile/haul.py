"""The hand along a path in small steps, the base going along, watched at every period: what pulls, pushes and rubs.

Whatever the base does, the arm keeps the hand on the path: at each period inverse kinematics starts from the planned
configuration and aims at the path as seen from where the wheels say that the base is.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from robots.geometry import Pose, wrapped
from robots.interface import Command, RobotState, Status
from robots.kinematics import Kinematics, kinematics
from robots.mobile.planar import base_at, flat
from robots.mobile.sight import odom_T_base
from robots.mobile.tool_poses import turned_rad
from robots.parts import Drive
from robots.primitives.base import Body, Outcome
from robots.spec import RobotSpec

Float = NDArray[np.float64]

GAIN_PER_S = 2.0
"""How fast a base that is off its place makes that good."""
SPEEDUP_M_S2, JERK_M_S3 = 0.25, 1.0
STEPS, DRAW = 3, 0.03
YIELD_M_N, YIELD_M, DEAD_N = 6e-6, 0.03, 5.0
"""How far the hand gives way in a period for each newton that it pushes aside, how far in all, and from what force on.
A hand on a bar is as stiff as 50 N/mm: three times as much and it would shake."""
SMOOTH = 0.04
"""Share of how far the base is off its plan that is taken over at each period: the arm answers to a base that drifts,
not to one that trembles, for with the hand on a bar that would shake it."""
STILL = 1e-3
"""A base that goes no further than this (m, rad) stands."""
MEAN_S = 0.2
STRAY_RAD, STRAY_M = 0.2, 0.05
LATE = 0.04
"""Joints (rad or m) this far behind what was asked for: the path waits for them."""
WAITS_S = 3.0
TURN_M_RAD = 0.15
"""What a turn of the hand counts for beside its way."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Felt:
    """What the hand feels at one moment. at: how far along the path, in samples. push_n: float64[3], the change of
    force at the wrist since the path began, in odom; zeros without a sensor. along_n: of it, what is along the path,
    whichever way, as a mean over MEAN_S. late_m: how far the tool is behind where it was told to be. tool: odom_T_tool
    as it is."""

    at: float
    push_n: Float
    along_n: float
    late_m: float
    width_m: float
    tool: Pose


Guard = Callable[[Felt], str | None]
"""Words to stop for, or None."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Hauled:
    """How far along its path the hand came, in samples; stopped: what the guard said, "" at the end of the path."""

    outcome: Outcome
    at: float
    stopped: str


def haul(
    body: Body, tools: Sequence[Pose], q: Float, places: Float | None, *, speed_m_s: float, width_m: float | None,
    guard: Guard | None = None, yields: bool = False, rest: Float | None = None,
) -> Hauled:  # fmt: skip
    """The tool through `tools` [N] (odom, a few mm apart), the arm near q [N,J], the base along places [N,3], or where
    it stands. yields: what the wrist feels across the path makes the hand give way, as far as YIELD_M: what is held
    need not be exactly where it is thought to be, nor the base. rest: float64[3], what the wrist feels in the air,
    where the hand touches something already; by default what it feels now."""
    robot, spec = body.robot, body.robot.spec
    arm, period = kinematics(spec), spec.period_s
    state = robot.state()
    rest = state.wrist_force_n if rest is None else rest
    steps = [_way(a, b) for a, b in pairwise(tools)]
    length = np.concatenate([[0.0], np.cumsum(steps)])
    total, gone, speed, waited = float(length[-1]), 0.0, 0.0, 0.0
    here = flat(odom_T_base(state))
    if places is not None:
        # From where the base stands: what it is off would otherwise be made good with the hand on the bar.
        places = places + np.array([*(here - places[0])[:2], float(wrapped(here[2] - places[0][2]))])
        places = None if float(np.abs(places - places[0]).max()) < STILL else places
    here_at_first, lag, given = here, np.zeros(3), np.zeros(3)
    sent_q, wish, pace_up = np.array(state.arm_q), np.array(state.arm_q), 0.0
    # Bent otherwise than planned, the arm comes to the planned way of being bent in the first half.
    bend, half = wish - q[0], max(0.5 * (len(tools) - 1), 1.0)

    def ended(status: Status, detail: str, stopped: str = "") -> Hauled:
        robot.stop()
        at = float(np.interp(gone, length, np.arange(len(tools))))
        return Hauled(outcome=Outcome(status=status, detail=detail), at=at, stopped=stopped)

    most = int((total / speed_m_s * 3 + 2 * WAITS_S + 2.0) / period)
    settle, lately = 0, max(1, round(MEAN_S / period))
    past: list[float] = []
    for _ in range(most):
        state = robot.state()
        late = float(np.abs(state.arm_q - sent_q).max()) > LATE
        waited = waited + period if late else 0.0
        if waited > WAITS_S or float(np.abs(state.arm_q - sent_q).max()) > STRAY_RAD:
            return ended(Status.PATH_BLOCKED, "the arm is held by something", "held")
        at = float(np.interp(gone, length, np.arange(len(tools))))
        felt = _felt(state, at, arm.tool(state.arm_q), rest)
        i = min(int(at), len(tools) - 2)
        ahead_m = tools[i + 1].xyz - tools[i].xyz
        past.append(float(felt.push_n @ ahead_m) / max(float(np.linalg.norm(ahead_m)), 1e-9))
        late_m = float(np.linalg.norm(arm.tool(sent_q).xyz - arm.tool(state.arm_q).xyz))
        felt = replace(felt, along_n=abs(float(np.mean(past[-lately:]))), late_m=late_m)
        if yields:
            aside = given - YIELD_M_N * _across(felt.push_n, ahead_m)
            given = aside * min(1.0, YIELD_M / max(float(np.linalg.norm(aside)), 1e-9))
        word = None if guard is None else guard(felt)
        if word is not None:
            return ended(Status.SUCCEEDED, word, word)
        if gone >= total:
            settle += 1
            if settle > int(0.25 / period):
                return ended(Status.SUCCEEDED, "")
        brake = float(np.sqrt(2 * SPEEDUP_M_S2 * max(total - gone, 0.0)))
        pace_up = 0.0 if late else min(pace_up + JERK_M_S3 * period, SPEEDUP_M_S2)
        speed = 0.0 if late else min(speed + pace_up * period, speed_m_s, brake + 1e-3)
        gone = min(gone + speed * period, total)
        after = float(np.interp(gone, length, np.arange(len(tools))))
        here = flat(odom_T_base(state))
        twist = None
        if places is not None:
            goal, was = _place(places, after), _place(places, at)
            ahead = (goal - was) / period
            ahead[2] = float(wrapped(goal[2] - was[2])) / period
            twist = towards(spec, here, goal, ahead)
        planned = here_at_first if places is None else _place(places, after)
        lag += SMOOTH * (np.array([*(here - planned)[:2], float(wrapped(here[2] - planned[2]))]) - lag)
        soon = base_at(planned + lag)
        tool = _tool(tools, after)
        tool = Pose(xyz=tool.xyz + given, quat_xyzw=tool.quat_xyzw)
        wish, left_m = onto(arm, soon.inverse() @ tool, wish, _row(q, after) + bend * max(0.0, 1 - after / half))
        if left_m > STRAY_M:
            return ended(Status.UNREACHABLE, "the arm does not reach along the way")
        sent = robot.send(Command(arm_q=wish, gripper_width_m=width_m, base_twist=twist))
        sent_q = sent_q if sent.arm_q is None else sent.arm_q
        robot.wait(period)
    return ended(Status.TIMED_OUT, "the hand came along too slowly", "slow")


def line(
    body: Body, goal: Pose, *, speed_m_s: float = 0.15, width_m: float | None = None, guard: Guard | None = None
) -> Hauled:
    """The tool straight to `goal` (odom), turning evenly, the base standing."""
    state = body.robot.state()
    base = odom_T_base(state)
    arm = kinematics(body.robot.spec)
    start = base @ arm.tool(state.arm_q)
    count = 2 + int(_way(start, goal) / 0.01)
    tools = [between(start, goal, t) for t in np.linspace(0.0, 1.0, count)]
    q = [np.array(state.arm_q)]
    for tool in tools[1:]:
        found = arm.solve(base.inverse() @ tool, q[-1])
        if not found.converged:
            outcome = Outcome(status=Status.UNREACHABLE, detail="the arm can't go straight there")
            return Hauled(outcome=outcome, at=0.0, stopped="")
        q.append(found.q)
    return haul(body, tools, np.array(q), None, speed_m_s=speed_m_s, width_m=width_m, guard=guard)


def onto(arm: Kinematics, goal: Pose, q: Float, bent: Float) -> tuple[Float, float]:
    """float64[J] near q that brings the tool to base_T_tool = `goal`, drawn to `bent` [J] where the goal does not
    care; and how many metres are left. Damped least squares, a few steps: what a stream of near goals needs."""
    if arm.spec.slides:
        found = arm.solve(goal, q)
        return found.q, found.position_error_m
    left = np.inf
    for _ in range(STEPS):
        tool = arm.tool(q)
        off = goal.quat_xyzw if float(goal.quat_xyzw @ tool.quat_xyzw) >= 0 else -goal.quat_xyzw
        turn = Pose(xyz=np.zeros(3), quat_xyzw=off) @ Pose(xyz=np.zeros(3), quat_xyzw=tool.quat_xyzw).inverse()
        error = np.concatenate([goal.xyz - tool.xyz, 2.0 * turn.quat_xyzw[:3] * np.sign(turn.quat_xyzw[3] or 1.0)])
        left = float(np.linalg.norm(error[:3]))
        jacobian, pull = arm.jacobian(q), DRAW * (bent - q)
        square = jacobian.T @ jacobian + 1e-5 * np.eye(len(q))
        change = np.linalg.solve(square, jacobian.T @ (error - jacobian @ pull)) + pull
        q = np.clip(
            q + change * min(1.0, 0.1 / max(float(np.abs(change).max()), 1e-9)), arm.q_lower_rad, arm.q_upper_rad
        )
    return np.asarray(q), left


def between(a: Pose, b: Pose, share: float) -> Pose:
    """On the way from one pose to another: evenly, the quaternion along the chord, which is exact enough for short
    ways."""
    quat_b = b.quat_xyzw if float(a.quat_xyzw @ b.quat_xyzw) >= 0 else -b.quat_xyzw
    quat = (1 - share) * a.quat_xyzw + share * quat_b
    return Pose(xyz=(1 - share) * a.xyz + share * b.xyz, quat_xyzw=quat / np.linalg.norm(quat))


def towards(spec: RobotSpec, here: Float, goal: Float, ahead: Float) -> Float:
    """float64[3]: the twist that goes with `ahead` (m/s, m/s, rad/s in odom) and takes away how far `here` [3] is off
    `goal` [3]. A base that can't go sideways leaves that be."""
    off = np.array([goal[0] - here[0], goal[1] - here[1], float(wrapped(goal[2] - here[2]))])
    speed = ahead + GAIN_PER_S * off
    c, s = np.cos(here[2]), np.sin(here[2])
    twist = np.array([c * speed[0] + s * speed[1], c * speed[1] - s * speed[0], speed[2]])
    assert spec.base is not None
    if spec.base.drive is Drive.DIFFERENTIAL:
        twist[1] = 0.0
    return np.asarray(np.clip(twist, -spec.base.velocity, spec.base.velocity))


def _across(push_n: Float, ahead: Float) -> Float:
    """What of a force is across the path, less what is no more than trembling."""
    along = ahead / max(float(np.linalg.norm(ahead)), 1e-9)
    aside = push_n - float(push_n @ along) * along
    size = float(np.linalg.norm(aside))
    return np.asarray(aside * max(0.0, size - DEAD_N) / max(size, 1e-9))


def _felt(state: RobotState, at: float, base_T_tool: Pose, rest: Float | None) -> Felt:
    tool = odom_T_base(state) @ base_T_tool
    push = np.zeros(3)
    if rest is not None and state.wrist_force_n is not None:
        push = tool.rotation @ (state.wrist_force_n - rest)
    return Felt(at=at, push_n=push, along_n=0.0, late_m=0.0, width_m=state.gripper_width_m, tool=tool)


def _way(a: Pose, b: Pose) -> float:
    return max(float(np.linalg.norm(b.xyz - a.xyz)), TURN_M_RAD * turned_rad(a, b), 1e-6)


def _tool(tools: Sequence[Pose], at: float) -> Pose:
    i = min(int(at), len(tools) - 2)
    return between(tools[i], tools[i + 1], at - i)


def _row(rows: Float, at: float) -> Float:
    i = min(int(at), len(rows) - 2)
    return np.asarray((1 - (at - i)) * rows[i] + (at - i) * rows[i + 1])


def _place(places: Float, at: float) -> Float:
    i = min(int(at), len(places) - 2)
    share = at - i
    out = (1 - share) * places[i] + share * places[i + 1]
    out[2] = places[i][2] + share * float(wrapped(places[i + 1][2] - places[i][2]))
    return np.asarray(out)
